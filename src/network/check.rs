//! What makes a network usable: layers without gaps, channels that chain, arrays of the right length, finite values.
//!
//! [`shapes`] needs no value, so that a file's reader asks it before it reads any.

use super::layer::Layer;
use super::layer::WeightedLayer;
use crate::text::{self, Message};

/// More than any VGG has, by far; a hostile file cannot ask for more.
const MAX_CONVOLUTIONS: usize = 128;
const MAX_CHANNELS: usize = 8192;
/// 256 MiB of float32; VGG-19's convolutions have 20 million values.
const MAX_VALUES: usize = 1 << 26;

/// One convolution's place and shape, with the name under which messages speak of its weight.
#[derive(Debug)]
pub(crate) struct Outline {
    pub block: usize,
    pub index: usize,
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
}

/// Checks the places and the channels of all convolutions.
pub(crate) fn shapes(layers: &[Outline]) -> Message<()> {
    if layers.is_empty() {
        return Err("it has no convolutions".into());
    }
    if layers.len() > MAX_CONVOLUTIONS {
        return Err(format!("it has {} convolutions; at most {MAX_CONVOLUTIONS} are read", layers.len()));
    }
    let (mut block, mut index, mut channels, mut values) = (0, 0, 3, 0usize);
    for layer in layers {
        let place = (layer.block, layer.index);
        let first = block == 0;
        if place != (block + 1, 1) && (first || place != (block, index + 1)) {
            let expected = if first {
                "conv1_1".into()
            } else {
                format!("conv{block}_{} or conv{}_1", index + 1, block + 1)
            };
            return Err(format!(
                "conv{}_{} stands where {expected} belongs; blocks and indices count from 1 without gaps",
                place.0, place.1
            ));
        }
        (block, index) = place;
        let name = &layer.name;
        if layer.inputs != channels {
            let before = if first { "the picture has" } else { "the layer before it gives" };
            return Err(format!("{name} takes {} channels, but {before} {channels}", layer.inputs));
        }
        if !(1..=MAX_CHANNELS).contains(&layer.outputs) {
            return Err(format!("{name} gives {} channels; 1 to {MAX_CHANNELS} are read", layer.outputs));
        }
        channels = layer.outputs;
        values += layer.inputs * layer.outputs * 9;
        if values > MAX_VALUES {
            return Err(format!(
                "its convolutions up to {name} hold {values} values; at most {MAX_VALUES} are read"
            ));
        }
    }
    Ok(())
}

/// Checks that an array has the values of its shape, and that each is finite: the first that is not is named with its
/// position.
pub(crate) fn values(name: &str, shape: &[usize], values: &[f32]) -> Message<()> {
    let expected: usize = shape.iter().product();
    if values.len() != expected {
        let (got, shape) = (values.len(), text::shape(shape));
        return Err(format!("{name} has {got} values; its shape is {shape}, which takes {expected}"));
    }
    let Some(place) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let mut rest = place;
    let mut position: Vec<String> = Vec::with_capacity(shape.len());
    for &extent in shape.iter().rev() {
        position.push((rest % extent).to_string());
        rest /= extent;
    }
    position.reverse();
    let (value, position) = (values[place], position.join(", "));
    Err(format!("{name} holds {value} at [{position}]; every value must be a finite 32-bit number"))
}

/// Checks layers that a network recommends (`kind` is `content_layers` or `style_layers`), ordered by depth, against
/// those that it has.
pub(crate) fn recommended(kind: &str, layers: &[WeightedLayer], present: &[Layer]) -> Message<()> {
    for &(layer, weight) in layers {
        if !present.contains(&layer) {
            let present: Vec<String> = present.iter().map(Layer::to_string).collect();
            let present = present.join(", ");
            return Err(format!("{kind} names {layer}, which it does not have; it has {present}"));
        }
        if !(weight.is_finite() && weight > 0.0) {
            return Err(format!("{kind} gives {layer} the weight {weight}; it must be above 0"));
        }
    }
    match layers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("{kind} names {} twice; give it one weight", pair[0].0)),
        None => Ok(()),
    }
}

/// Checks a text that terminals print.
pub(crate) fn printable(key: &str, text: &str) -> Message<()> {
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(format!("its {key} holds control characters; take them out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(places: &[(usize, usize, usize, usize)]) -> Vec<Outline> {
        let outline = |&(block, index, inputs, outputs)| Outline {
            block,
            index,
            name: format!("conv{block}_{index}.weight"),
            inputs,
            outputs,
        };
        places.iter().map(outline).collect()
    }

    #[test]
    fn gaps_and_broken_chains_are_named() {
        assert!(shapes(&layers(&[(1, 1, 3, 8), (1, 2, 8, 8), (2, 1, 8, 4)])).is_ok());
        for (places, expected) in [
            (&[][..], "no convolutions"),
            (&[(1, 2, 3, 8)], "conv1_2 stands where conv1_1 belongs"),
            (&[(2, 1, 3, 8)], "conv2_1 stands where conv1_1 belongs"),
            (&[(0, 1, 3, 8)], "conv0_1 stands where conv1_1"),
            (&[(1, 1, 3, 8), (1, 0, 8, 8)], "conv1_0 stands where conv1_2"),
            (&[(1, 1, 3, 8), (2, 1, 8, 8), (2, 3, 8, 8)], "conv2_3 stands where conv2_2 or conv3_1 belongs"),
            (&[(1, 1, 3, 8), (3, 1, 8, 8)], "conv3_1 stands where conv1_2 or conv2_1"),
            (&[(1, 1, 1, 8)], "conv1_1.weight takes 1 channels, but the picture has 3"),
            (
                &[(1, 1, 3, 8), (1, 2, 9, 8)],
                "conv1_2.weight takes 9 channels, but the layer before it gives 8",
            ),
            (&[(1, 1, 3, 0)], "gives 0 channels"),
            (&[(1, 1, 3, 8193)], "gives 8193 channels"),
            (&[(1, 1, 3, 8192), (1, 2, 8192, 8192)], "hold"),
        ] {
            let message = shapes(&layers(places)).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
        let many = |n| (1..=n).map(|i| (1, i, 3, 3)).collect::<Vec<_>>();
        assert!(shapes(&layers(&many(128))).is_ok());
        assert!(shapes(&layers(&many(129))).unwrap_err().contains("129 convolutions"));
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut array = vec![0.0; 2 * 3 * 9];
        assert!(values("a", &[2, 3, 3, 3], &array).is_ok());
        array[27 + 9 + 3 + 2] = f32::NAN;
        let message = values("conv1_1.weight", &[2, 3, 3, 3], &array).unwrap_err();
        assert!(message.contains("conv1_1.weight holds NaN at [1, 1, 1, 2]"), "{message}");
        let message = values("conv1_1.weight", &[2, 3, 3, 3], &array[..27]).unwrap_err();
        assert!(message.contains("has 27 values; its shape is 2×3×3×3, which takes 54"), "{message}");
    }
}
