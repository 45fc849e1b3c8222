//! What the names in a PyTorch pickle stand for: tensors as shapes over storages.
//!
//! Covers what `torch.save` wrote for state dicts from 0.1 (`_rebuild_tensor`, pickled `Parameter`s) to today
//! (`_rebuild_tensor_v2`), alone or inside a checkpoint. A tensor must be contiguous and fill its storage.

use super::values::{Callable, Node, Pickle, Tensor, TypedStorage, Value, damaged};
use crate::text::{self, Message, clip};
use crate::weights::dtype::Dtype;
use std::collections::HashSet;

/// What to do about a file that holds more, or something else.
const REMEDY: &str = "save only the arrays with torch.save(model.state_dict(), FILE)";

/// Looks up a name; every one that is not needed for arrays is foreign.
pub(super) fn callable(module: &str, name: &str) -> Callable {
    match (module, name) {
        ("collections", "OrderedDict") => Callable::OrderedDict,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Callable::Tensor,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")
        | ("torch.nn.parameter", "Parameter") => Callable::Parameter,
        ("torch" | "torch.storage", storage) if storage.ends_with("Storage") => {
            Callable::Storage(match storage {
                "HalfStorage" => Dtype::F16,
                "BFloat16Storage" => Dtype::BF16,
                "FloatStorage" => Dtype::F32,
                "DoubleStorage" => Dtype::F64,
                "ByteStorage" => Dtype::U8,
                other => Dtype::Other(clip(other)),
            })
        }
        // Clipped before they are joined: a hostile pickle may ask for a long name many times.
        _ => Callable::Foreign(clip(&format!("{}.{}", clip(module), clip(name)))),
    }
}

/// Builds what a callable makes of its arguments; a foreign one makes an object without content.
pub(super) fn call(pickle: &mut Pickle, callable: Value, arguments: Value) -> Message<Value> {
    let unusable = || damaged("a tensor is not described as torch.save does it");
    if let (Value::Node(index), Some(Node::Callable(Callable::Foreign(_)) | Node::Object(_))) =
        (callable, pickle.node(callable))
    {
        return Ok(pickle.push(Node::Object(index)));
    }
    let arguments = pickle.items(arguments).ok_or_else(unusable)?;
    match (pickle.node(callable), arguments) {
        (Some(Node::Callable(Callable::OrderedDict)), []) => Ok(pickle.push(Node::Dict(Vec::new()))),
        // Python 2 gives the items as a list of pairs.
        (Some(Node::Callable(Callable::OrderedDict)), &[items]) => {
            // The list is used up, so that a hostile pickle cannot multiply it.
            let list = pickle.take_list(items).ok_or_else(unusable)?;
            let pairs = list.iter().map(|&pair| match pickle.items(pair) {
                Some(&[key, value]) => Ok((key, value)),
                _ => Err(unusable()),
            });
            let pairs = pairs.collect::<Message<_>>()?;
            Ok(pickle.push(Node::Dict(pairs)))
        }
        (Some(Node::Callable(Callable::Parameter)), &[data, ..]) => Ok(data),
        (Some(Node::Callable(Callable::Tensor)), &[storage, Value::Int(offset), size, stride, ..]) => {
            let Some(Node::Storage(storage)) = pickle.node(storage) else { return Err(unusable()) };
            let shape = naturals(pickle, size).ok_or_else(unusable)?;
            let strides = naturals(pickle, stride).ok_or_else(unusable)?;
            let tensor = tensor(storage.clone(), offset, shape, &strides).ok_or_else(unusable)?;
            Ok(pickle.push(Node::Tensor(tensor)))
        }
        _ => Err(unusable()),
    }
}

/// Builds the storage of a persistent id: `("storage", torch.FloatStorage, key, location, length, …)`.
pub(super) fn persistent(pickle: &mut Pickle, identity: Value) -> Message<Value> {
    let unusable = || damaged("a storage is not described as torch.save does it");
    // Whole models of old keep the source of their classes beside them, for warnings: ("module", class, file, source).
    if let Some(&[kind, class, ..]) = pickle.items(identity)
        && pickle.text(kind) == Some("module")
    {
        return Ok(class);
    }
    let Some(&[kind, class, key, _location, Value::Int(length), ref view @ ..]) = pickle.items(identity)
    else {
        return Err(unusable());
    };
    let (Some("storage"), Some(key)) = (pickle.text(kind), pickle.text(key)) else { return Err(unusable()) };
    let Some(Node::Callable(Callable::Storage(dtype))) = pickle.node(class) else { return Err(unusable()) };
    // Before 0.4 a storage could be a part of another one.
    if !matches!(view, [] | [Value::None]) {
        return Err(damaged("a storage is a view of another"));
    }
    // Every tensor keeps a copy of its storage's key.
    if key.len() > 64 {
        return Err(unusable());
    }
    let length = u64::try_from(length).map_err(|_| unusable())?;
    let storage = TypedStorage { key: key.into(), dtype: dtype.clone(), length };
    Ok(pickle.push(Node::Storage(storage)))
}

fn tensor(storage: TypedStorage, offset: i64, shape: Vec<usize>, strides: &[usize]) -> Option<Tensor> {
    if shape.len() != strides.len() {
        return None;
    }
    let mut expected = 1usize;
    let mut contiguous = true;
    for (&extent, &stride) in shape.iter().zip(strides).rev() {
        contiguous &= extent == 1 || stride == expected;
        expected = expected.checked_mul(extent)?;
    }
    let whole = contiguous && offset == 0 && storage.length == expected as u64;
    Some(Tensor { storage, shape, whole })
}

/// The non-negative numbers of a tuple of at most eight, more dimensions than any array here has.
fn naturals(pickle: &Pickle, value: Value) -> Option<Vec<usize>> {
    let natural = |&item: &Value| match item {
        Value::Int(number) => usize::try_from(number).ok(),
        _ => None,
    };
    pickle.items(value).filter(|items| items.len() <= 8)?.iter().map(natural).collect()
}

/// The entries of a dictionary.
type Entries<'p> = &'p [(Value, Value)];

/// The tensors of the state dict that a pickle is or, as a checkpoint, holds, with their names, in its order.
///
/// A checkpoint keeps its state dict under some key, or a key inside that: `state_dict`, `model`, `model_state_dict`, …,
/// beside an epoch, an optimiser and settings. The one dictionary that holds a tensor named `….weight` is taken.
///
/// # Errors
/// No such dictionary, several, or entries of it that are not tensors.
pub fn state_dict(pickle: &Pickle) -> Message<Vec<(&str, &Tensor)>> {
    let root = pickle.root().ok_or_else(|| damaged("it is empty"))?;
    let Some(Node::Dict(whole)) = pickle.node(root) else {
        let kind = pickle.kind(root);
        return Err(format!("it is {kind}, not a state dict, and no code of it is run; {REMEDY}"));
    };
    let found = inside(pickle, whole);
    let entries: Entries = match &found[..] {
        _ if holds_weights(pickle, whole) => whole,
        [] => whole,
        [(_, entries)] => entries,
        several => {
            let paths: Vec<_> = several.iter().take(4).map(|(path, _)| path.as_str()).collect();
            let one = several[0].0.as_str();
            return Err(format!(
                "it holds several state dicts, {}; save the one you mean: torch.save(torch.load(FILE){one}, OUT)",
                paths.join(" and ")
            ));
        }
    };
    let entry = |&(key, value): &(Value, Value)| {
        let name =
            pickle.text(key).ok_or_else(|| format!("its pickle has a key that is not a name; {REMEDY}"))?;
        match pickle.node(value) {
            Some(Node::Tensor(tensor)) => Ok((name, tensor)),
            _ => {
                let (name, kind) = (clip(name), pickle.kind(value));
                Err(format!("its entry {name} is {kind}, not a tensor; {REMEDY}"))
            }
        }
    };
    entries.iter().map(entry).collect()
}

/// The state dicts inside a checkpoint, one or two keys deep, as Python would index them.
fn inside<'p>(pickle: &'p Pickle, checkpoint: Entries<'p>) -> Vec<(String, Entries<'p>)> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    let mut level = vec![(String::new(), checkpoint)];
    for _depth in 0..2 {
        let mut below = Vec::new();
        for (path, entries) in level {
            for &(key, value) in entries {
                let (Some(name), Value::Node(index)) = (pickle.text(key), value) else { continue };
                let Some(Node::Dict(entries)) = pickle.node(value) else { continue };
                // Each once, however often a hostile pickle refers to it.
                if seen.insert(index) {
                    let path = format!("{path}['{}']", clip(name));
                    let list = if holds_weights(pickle, entries) { &mut found } else { &mut below };
                    list.push((path, entries.as_slice()));
                }
            }
        }
        level = below;
    }
    found
}

/// Whether a dictionary holds a tensor by the name of a layer's weight.
fn holds_weights(pickle: &Pickle, entries: Entries) -> bool {
    entries.iter().any(|&(key, value)| {
        pickle.text(key).is_some_and(|name| name.ends_with(".weight"))
            && matches!(pickle.node(value), Some(Node::Tensor(_)))
    })
}

impl Tensor {
    /// Refuses a tensor whose values do not simply fill its storage.
    pub fn require_whole(&self, name: &str) -> Message<()> {
        if self.whole {
            return Ok(());
        }
        let (name, shape, length) = (clip(name), text::shape(&self.shape), self.storage.length);
        Err(format!(
            "{name} of shape {shape} is a view of a storage of {length} values; \
             save a copy of it: tensor.clone(memory_format=torch.contiguous_format)"
        ))
    }
}
