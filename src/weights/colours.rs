//! The colour maps of networks whose files do not say theirs.
//!
//! A state dict holds no preprocessing. Two conventions are in use, under the same names: torchvision's
//! `(rgb − mean) / std`, and the original Caffe models' `255·bgr − mean`. The original VGG-16 and VGG-19
//! are recognised by the values of their first layer, whatever the container; otherwise the names decide
//! where only one convention uses them, and else the caller must.

use super::container::Format;
use crate::network::InputColours;
use crate::text::Message;

/// The start of an original network's first layer: eight biases, and the first filter's plane of blue.
struct Original {
    bias: [f32; 8],
    blue: [f32; 9],
}

/// VGG-16 (D) and VGG-19 (E) as published for Caffe.
const ORIGINALS: [Original; 2] = [
    Original {
        bias: [0.734298, 0.093404, 0.067757, 0.886297, 0.259945, 0.664267, -0.015829, 0.324907],
        blue: [0.429471, 0.373467, -0.061360, 0.274770, 0.038681, -0.367223, -0.057468, -0.262250, -0.350097],
    },
    Original {
        bias: [0.730178, 0.064936, 0.034288, 0.826039, 0.257803, 0.548677, -0.012439, 0.347899],
        blue: [0.341195, 0.339992, -0.044844, 0.232159, 0.089782, -0.303314, -0.072609, -0.246675, -0.336833],
    },
];

/// Equal up to float16 and bfloat16 storage.
fn like(values: &[f32], original: &[f32]) -> bool {
    values.len() >= original.len() && values.iter().zip(original).all(|(a, b)| (a - b).abs() < 4e-3)
}

/// Decides the colour map of a network without one, by the `weight` and `bias` of its first layer. `stated` is what the
/// caller says.
pub(super) fn decide(
    (weight, bias): (&[f32], &[f32]),
    torch_names: bool,
    format: Format,
    stated: Option<InputColours>,
) -> Message<InputColours> {
    const REMEDY: &str =
        "convert the file first: impasto weights convert FILE OUT.npz --input torchvision|caffe";
    let original = ORIGINALS.iter().find(|original| like(bias, &original.bias));
    let unchanged = original.is_some_and(|original| like(weight, &original.blue));
    match (stated, unchanged) {
        (Some(InputColours::Torchvision), true) => {
            Err("its first layer is that of the original Caffe network, which was trained on other colours \
                 than torchvision's; say caffe or leave it out"
                .into())
        }
        (Some(stated), _) => Ok(stated),
        (None, true) => Ok(InputColours::Caffe),
        (None, false) if original.is_some() => Err(format!(
            "its first layer is that of the original Caffe network, changed for other colours; {REMEDY}, \
                 or add input.weight and input.bias"
        )),
        (None, false) if torch_names => Ok(InputColours::Torchvision),
        // Gatys's own `vgg_conv.pth` brought these names to PyTorch, with the original colours.
        (None, false) if format == Format::PyTorch => Ok(InputColours::Caffe),
        (None, false) => {
            Err(format!("input.weight is missing, which takes RGB to the network's input; {REMEDY}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_are_recognised_under_any_name() {
        let vgg19 = (&ORIGINALS[1].blue[..], &ORIGINALS[1].bias[..]);
        for format in [Format::Npz, Format::Safetensors, Format::PyTorch] {
            for torch in [false, true] {
                assert_eq!(decide(vgg19, torch, format, None), Ok(InputColours::Caffe));
            }
        }
        assert!(decide(vgg19, true, Format::PyTorch, Some(InputColours::Torchvision)).is_err());
        // The same biases over weights for RGB: nothing is assumed.
        let changed = (&[0.1f32; 9][..], &ORIGINALS[0].bias[..]);
        assert!(decide(changed, true, Format::PyTorch, None).unwrap_err().contains("--input"));
        assert_eq!(
            decide(changed, true, Format::PyTorch, Some(InputColours::Torchvision)),
            Ok(InputColours::Torchvision)
        );
    }

    #[test]
    fn names_decide_only_where_one_convention_uses_them() {
        let other = (&[0.1f32; 64][..], &[0.0f32; 64][..]);
        assert_eq!(decide(other, true, Format::Npz, None), Ok(InputColours::Torchvision));
        assert_eq!(decide(other, false, Format::PyTorch, None), Ok(InputColours::Caffe));
        assert!(decide(other, false, Format::Npz, None).unwrap_err().contains("input.weight is missing"));
        assert_eq!(
            decide(other, false, Format::Npz, Some(InputColours::Torchvision)),
            Ok(InputColours::Torchvision)
        );
    }
}
