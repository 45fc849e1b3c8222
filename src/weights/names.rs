//! Which array is which layer: the names of this project's files, and those of torchvision as people have them.
//!
//! `conv{block}_{index}.weight` says it directly. torchvision numbers the modules of `features` instead:
//! a convolution and its ReLU are two, a pooling one more, so the gap between two convolutions tells
//! where a block ends. That reads VGG-16, VGG-19, any cut of them and any other depth; timm's files on the
//! Hugging Face Hub have the same names. What stands round them is understood:
//!
//! * wrappers, anywhere in a name: `module` (`DataParallel`, round the whole model or round `features`), `_orig_mod`
//!   (`torch.compile`), and those of FSDP and of checkpointed activations;
//! * what stands before `features.` in every name, where a VGG is a part of another module (`model.features.0.weight`);
//! * a missing `features.` (from `model.features.state_dict()`).
//!
//! Classifiers (`classifier.*`, timm's `pre_logits.*` and `head.*`) are ignored, since no picture is classified here.

use super::container::Array;
use crate::text::{Message, clip};
use std::collections::BTreeMap;

/// The places of one convolution's arrays in the container.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub block: usize,
    pub index: usize,
    pub weight: usize,
    pub bias: usize,
}

/// Where everything is in a container.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of depth; that blocks and indices have no gaps is left to the outline's check.
    pub convolutions: Vec<Planned>,
    pub input_weight: Option<usize>,
    pub input_bias: Option<usize>,
    pub metadata: Option<usize>,
    /// Whether the names are torchvision's.
    pub torch: bool,
}

/// One name, understood. The key orders layers by depth: (block, index) or (0, module).
enum Role {
    Input { weight: bool },
    Metadata,
    Layer { torch: bool, key: (usize, usize), weight: bool },
    Ignored,
}

/// Names of modules that only hold another one.
const WRAPPERS: [&str; 4] = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Modules that come behind the features, and the counter of `AveragedModel`.
const IGNORED: [&str; 4] = ["classifier", "pre_logits", "head", "n_averaged"];

/// A name without its wrappers.
fn unwrapped(name: &str) -> String {
    let parts: Vec<&str> = name.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
    parts.join(".")
}

/// What stands before `features.` in the first name that has it, with its dot.
fn prefix(names: &[String]) -> &str {
    let before = |name: &String| {
        name.find("features.").filter(|&place| place == 0 || name.as_bytes()[place - 1] == b'.')
    };
    names.iter().find_map(|name| before(name).map(|place| &name[..place])).unwrap_or("")
}

/// Finds every array's place; refuses names that mean nothing here, so that nothing is silently ignored.
pub(super) fn plan(arrays: &[Array]) -> Message<Plan> {
    let (mut own, mut torch) = (BTreeMap::new(), BTreeMap::new());
    let (mut input_weight, mut input_bias, mut metadata) = (None, None, None);
    let names: Vec<String> = arrays.iter().map(|array| unwrapped(&array.name)).collect();
    let prefix = prefix(&names);
    for (position, array) in arrays.iter().enumerate() {
        let name = names[position].strip_prefix(prefix).unwrap_or(&names[position]);
        let taken = match role(name, &array.name)? {
            Role::Ignored => None,
            Role::Metadata => metadata.replace(position),
            Role::Input { weight: true } => input_weight.replace(position),
            Role::Input { weight: false } => input_bias.replace(position),
            Role::Layer { torch: from_torch, key, weight } => {
                let layers = if from_torch { &mut torch } else { &mut own };
                layers.entry(key).or_insert([None; 2])[usize::from(!weight)].replace(position)
            }
        };
        if let Some(other) = taken {
            let (one, other) = (clip(&arrays[other].name), clip(&array.name));
            return Err(format!("{one} and {other} are the same array; keep one of them"));
        }
    }
    let from_torch = !torch.is_empty();
    let convolutions = match (own.is_empty(), from_torch) {
        (false, true) => {
            return Err("it mixes the names conv1_1.weight and features.0.weight; keep one kind".into());
        }
        (true, false) => return Err(nothing_found(arrays)),
        (false, false) => paired(own, |(block, index)| format!("conv{block}_{index}"))?,
        (true, true) => blocks(paired(torch, |(_, module)| format!("features.{module}"))?)?,
    };
    Ok(Plan { convolutions, input_weight, input_bias, metadata, torch: from_torch })
}

fn nothing_found(arrays: &[Array]) -> String {
    let found: Vec<_> = arrays.iter().take(4).map(|array| clip(&array.name)).collect();
    let found = if found.is_empty() { "nothing".into() } else { found.join(", ") };
    format!("it holds no convolution (conv1_1.weight or features.0.weight, and so on), only {found}")
}

/// What an array is by its name without wrappers and prefix; `full` is its name in the file.
fn role(name: &str, full: &str) -> Message<Role> {
    let stranger = || {
        let name = clip(full);
        format!(
            "the array {name} has no place in a VGG-shaped network, whose arrays are input.weight, \
             conv1_1.weight, … or features.0.weight, …; take it out"
        )
    };
    match name {
        "input.weight" => return Ok(Role::Input { weight: true }),
        "input.bias" => return Ok(Role::Input { weight: false }),
        "metadata" => return Ok(Role::Metadata),
        _ => {}
    }
    if IGNORED.contains(&name.split('.').next().unwrap_or_default()) {
        return Ok(Role::Ignored);
    }
    let (layer, part) = name.rsplit_once('.').ok_or_else(stranger)?;
    if ["running_mean", "running_var", "num_batches_tracked"].contains(&part) {
        return Err(
            "it is a VGG with batch normalisation (vgg16_bn, vgg19_bn), which is not supported; use vgg16 or vgg19"
                .into(),
        );
    }
    let weight = match part {
        "weight" => true,
        "bias" => false,
        _ => return Err(stranger()),
    };
    if let Some(place) = layer.strip_prefix("conv") {
        let (block, index) = place.split_once('_').ok_or_else(stranger)?;
        let (block, index) = number(block).zip(number(index)).ok_or_else(stranger)?;
        return Ok(Role::Layer { torch: false, key: (block, index), weight });
    }
    let module = layer.strip_prefix("features.").unwrap_or(layer);
    let module = number(module).ok_or_else(stranger)?;
    Ok(Role::Layer { torch: true, key: (0, module), weight })
}

/// Digits without a leading zero, at most 999.
fn number(text: &str) -> Option<usize> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (digits && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

/// Requires weight and bias of each layer.
fn paired(
    layers: BTreeMap<(usize, usize), [Option<usize>; 2]>,
    name: impl Fn((usize, usize)) -> String,
) -> Message<Vec<Planned>> {
    let pair = |(key, parts): ((usize, usize), [Option<usize>; 2])| match parts {
        [Some(weight), Some(bias)] => Ok(Planned { block: key.0, index: key.1, weight, bias }),
        [Some(_), None] => Err(format!("{0}.bias is missing beside {0}.weight", name(key))),
        _ => Err(format!("{0}.weight is missing beside {0}.bias", name(key))),
    };
    layers.into_iter().map(pair).collect()
}

/// Turns torchvision's module numbers into blocks and indices.
fn blocks(mut convolutions: Vec<Planned>) -> Message<Vec<Planned>> {
    let (mut block, mut index, mut before) = (1, 0, None);
    for convolution in &mut convolutions {
        let module = convolution.index;
        match before.map(|before: usize| module - before) {
            None if module == 0 => index = 1,
            None => return Err(format!("the first convolution is features.{module}; features.0 is missing")),
            Some(2) => index += 1,
            Some(3) => (block, index) = (block + 1, 1),
            Some(_) => {
                return Err(format!(
                    "features.{module} follows features.{}: between two convolutions of a VGG stand a ReLU and at \
                     most one pooling, so a layer is missing or this is another architecture",
                    before.unwrap_or_default()
                ));
            }
        }
        (convolution.block, convolution.index) = (block, index);
        before = Some(module);
    }
    Ok(convolutions)
}

#[cfg(test)]
mod tests {
    use super::super::dtype::Dtype;
    use super::*;

    fn places(names: &[String]) -> Message<Vec<(usize, usize)>> {
        let array = |name: &String| Array { name: name.clone(), shape: vec![], dtype: Dtype::F32 };
        let plan = plan(&names.iter().map(array).collect::<Vec<_>>())?;
        Ok(plan.convolutions.iter().map(|c| (c.block, c.index)).collect())
    }

    fn layers(prefix: &str, numbers: &[usize]) -> Vec<String> {
        numbers.iter().flat_map(|n| ["weight", "bias"].map(|part| format!("{prefix}{n}.{part}"))).collect()
    }

    #[test]
    fn torchvision_numbers_are_the_papers_names() {
        let vgg16 = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
        let vgg19 = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34];
        for (modules, counts) in [(&vgg16[..], [2, 2, 3, 3, 3]), (&vgg19[..], [2, 2, 4, 4, 4])] {
            let expected: Vec<_> =
                counts.iter().enumerate().flat_map(|(b, &n)| (1..=n).map(move |i| (b + 1, i))).collect();
            for prefix in [
                "features.",
                "",
                "module.features.",
                "features.module.",
                "module.features.module.",
                "_orig_mod.features.",
                "_orig_mod.module.features.",
                "module._orig_mod.features.",
                "features._orig_mod.",
                "_fsdp_wrapped_module.features._checkpoint_wrapped_module.",
                "model.features.",
                "net.encoder.module.features.",
                "module.",
                "_orig_mod.",
            ] {
                assert_eq!(places(&layers(prefix, modules)).unwrap(), expected, "{prefix}");
            }
            assert_eq!(places(&layers("features.", &modules[..5])).unwrap(), expected[..5]);
        }
    }

    #[test]
    fn the_classifier_is_ignored() {
        for before in ["", "module.", "_orig_mod.", "model."] {
            let mut names = layers(&format!("{before}features."), &[0, 2]);
            for classifier in ["classifier.", "pre_logits.fc", "head.fc."] {
                names.extend(layers(&format!("{before}{classifier}"), &[0, 3, 6]));
            }
            names.push("n_averaged".into());
            assert_eq!(places(&names).unwrap(), [(1, 1), (1, 2)], "{before}");
        }
    }

    #[test]
    fn names_without_a_place_are_refused() {
        let with = |extra: &str| [layers("conv1_", &[1]), vec![extra.to_string()]].concat();
        for (names, expected) in [
            (vec![], "only nothing"),
            (vec!["input.weight".into()], "only input.weight"),
            (with("spam"), "spam has no place"),
            (with("conv1_01.weight"), "conv1_01.weight has no place"),
            (with("conv1_1.gamma"), "conv1_1.gamma has no place"),
            (with("conv1.weight"), "conv1.weight has no place"),
            (with("conv1_9999999999999999999999.weight"), "has no place"),
            (with("conv1_2.weight"), "conv1_2.bias is missing"),
            (with("conv1_2.bias"), "conv1_2.weight is missing"),
            (with("module.conv1_1.bias"), "the same array"),
            ([layers("features.", &[0]), layers("features.module.", &[0])].concat(), "the same array"),
            (
                [layers("a.features.", &[0]), layers("b.features.", &[0])].concat(),
                "b.features.0.weight has no place",
            ),
            ([layers("features.", &[0]), layers("fc.", &[0])].concat(), "fc.0.weight has no place"),
            ([layers("conv1_", &[1]), layers("features.", &[0])].concat(), "mixes"),
            (layers("features.", &[0, 1]), "features.1 follows features.0"),
            (layers("features.", &[0, 5]), "features.5 follows features.0"),
            (layers("features.", &[2, 5]), "features.0 is missing"),
            (vec!["features.1.running_mean".into()], "batch normalisation"),
            (vec!["model.features.1.num_batches_tracked".into()], "batch normalisation"),
        ] {
            let message = places(&names).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
