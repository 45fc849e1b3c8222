//! What makes a network usable: layers without gaps, channels that chain, finite values.

use super::container::{Message, shape_text};
use crate::error::{Error, Result};
use crate::network::Network;

/// More than any VGG has, by far; a hostile file cannot ask for more.
const MAX_CONVOLUTIONS: usize = 128;
const MAX_CHANNELS: usize = 8192;
/// 256 MiB of float32; VGG-19's convolutions have 20 million values.
const MAX_VALUES: usize = 1 << 26;

/// One convolution's place and shape, with the name under which messages speak of its weight.
#[derive(Debug)]
pub(super) struct Outline {
    pub block: usize,
    pub index: usize,
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
}

/// Checks the places and the channels of all convolutions, before any value is read.
pub(super) fn outline(layers: &[Outline]) -> Message<()> {
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
            let before =
                if block == 1 && index == 1 { "the picture has" } else { "the layer before it gives" };
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

/// Names the first value that is not finite, with its position.
pub(super) fn finite(name: &str, shape: &[usize], values: &[f32]) -> Message<()> {
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

/// Checks a network that was put together by hand: the same rules as for files.
///
/// # Errors
///
/// [`Error::Network`] with the first rule that is broken: gaps in blocks or indices, channels that do
/// not chain, arrays of the wrong length, values that are not finite, recommended layers that it lacks.
pub fn check(network: &Network) -> Result<()> {
    whole(network).map_err(|message| Error::network(&network.source, message))
}

fn whole(network: &Network) -> Message<()> {
    let outlines = network.convolutions.iter().map(|c| Outline {
        block: c.block,
        index: c.index,
        name: format!("conv{}_{}.weight", c.block, c.index),
        inputs: c.inputs,
        outputs: c.outputs,
    });
    outline(&outlines.collect::<Vec<_>>())?;
    finite("input.weight", &[3, 3], &network.input_weight)?;
    finite("input.bias", &[3], &network.input_bias)?;
    for c in &network.convolutions {
        let shapes = [
            ("weight", &c.weight[..], vec![c.outputs, c.inputs, 3, 3]),
            ("bias", &c.bias[..], vec![c.outputs]),
        ];
        for (part, values, shape) in shapes {
            let name = format!("conv{}_{}.{part}", c.block, c.index);
            if values.len() != shape.iter().product::<usize>() {
                return Err(format!(
                    "{name} has {} values; its shape is {}",
                    values.len(),
                    shape_text(&shape)
                ));
            }
            finite(&name, &shape, values)?;
        }
    }
    super::metadata::check_layers(network)
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
        assert!(outline(&layers(&[(1, 1, 3, 8), (1, 2, 8, 8), (2, 1, 8, 4)])).is_ok());
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
            (&[(1, 1, 3, 8192), (1, 2, 8192, 8192)], "hold"),
        ] {
            let message = outline(&layers(places)).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
        let many: Vec<_> = (1..=129).map(|i| (1, i, 3, 3)).collect();
        assert!(outline(&layers(&many)).unwrap_err().contains("129 convolutions"));
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut values = vec![0.0; 2 * 3 * 9];
        assert!(finite("a", &[2, 3, 3, 3], &values).is_ok());
        values[27 + 9 + 3 + 2] = f32::NAN;
        let message = finite("conv1_1.weight", &[2, 3, 3, 3], &values).unwrap_err();
        assert!(message.contains("conv1_1.weight holds NaN at [1, 1, 1, 2]"), "{message}");
    }
}
