//! What the names in a PyTorch pickle stand for: tensors as shapes over storages.
//!
//! Covers what `torch.save` wrote for state dicts from 0.1 (`_rebuild_tensor`, pickled `Parameter`s) to
//! today (`_rebuild_tensor_v2`). A tensor must be contiguous and fill its storage.

use super::dtype::Dtype;
use super::pickle::{Node, Pickle, Value, damaged};
use crate::text::{self, Message, clip};

/// The callables that a state dict may name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Callable {
    OrderedDict,
    /// `torch._utils._rebuild_tensor` and `_v2`: storage, offset, size, stride, …
    Tensor,
    /// `torch._utils._rebuild_parameter` and `torch.nn.parameter.Parameter`: data, …
    Parameter,
    /// `torch.FloatStorage` and its kin, which only persistent ids name.
    Storage(Dtype),
}

/// A block of values that the file keeps beside the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    /// The name under which the file keeps it.
    pub key: String,
    pub dtype: Dtype,
    /// Number of values.
    pub length: u64,
}

/// An array over a storage, or why it is not one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub storage: Storage,
    pub shape: Vec<usize>,
    /// Row-major without gaps from the storage's first value to its last.
    pub whole: bool,
}

/// Looks up a name, and refuses every one that could do more than build data.
pub(super) fn callable(module: &str, name: &str) -> Message<Callable> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Callable::OrderedDict,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Callable::Tensor,
        ("torch._utils", "_rebuild_parameter") | ("torch.nn.parameter", "Parameter") => Callable::Parameter,
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
        _ => {
            let name = clip(&format!("{module}.{name}"));
            return Err(format!(
                "its pickle asks for {name}, which a state dict has no use for and which is not run; \
                 save only the arrays with torch.save(model.state_dict(), FILE)"
            ));
        }
    })
}

/// Builds what a callable makes of its arguments.
pub(super) fn call(pickle: &mut Pickle, callable: Value, arguments: Value) -> Message<Value> {
    let unusable = || damaged("a tensor is not described as torch.save does it");
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
    let storage = Storage { key: key.into(), dtype: dtype.clone(), length };
    Ok(pickle.push(Node::Storage(storage)))
}

fn tensor(storage: Storage, offset: i64, shape: Vec<usize>, strides: &[usize]) -> Option<Tensor> {
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

/// The tensors of a state dict with their names, in its order.
pub(super) fn state_dict(pickle: &Pickle) -> Message<Vec<(&str, &Tensor)>> {
    let remedy = "save only the arrays with torch.save(model.state_dict(), FILE)";
    let Some(Node::Dict(pairs)) = pickle.root() else {
        return Err(format!("its pickle is not a dictionary of tensors; {remedy}"));
    };
    let entry = |&(key, value): &(Value, Value)| {
        let name =
            pickle.text(key).ok_or_else(|| format!("its pickle has a key that is not a name; {remedy}"))?;
        match pickle.node(value) {
            Some(Node::Tensor(tensor)) => Ok((name, tensor)),
            _ => Err(format!("its entry {} is not a tensor; {remedy}", clip(name))),
        }
    };
    pairs.iter().map(entry).collect()
}

impl Storage {
    /// Bytes of one value, also of the integers that a state dict may hold beside its weights.
    pub fn value_size(&self) -> Option<u64> {
        self.dtype.size().map(|size| size as u64).or(match &self.dtype {
            Dtype::Other(name) => match name.as_str() {
                "LongStorage" => Some(8),
                "IntStorage" => Some(4),
                "ShortStorage" => Some(2),
                "CharStorage" | "BoolStorage" => Some(1),
                _ => None,
            },
            _ => None,
        })
    }
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
