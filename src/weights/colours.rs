//! The colour maps of networks whose files do not say theirs.
//!
//! A state dict holds no preprocessing. Two conventions are in use, under the same names: torchvision's
//! `(rgb − mean) / std`, and the original Caffe models' `255·bgr − mean`. The original VGG-16 and VGG-19
//! are recognised by the values of their first layer, whatever the container; otherwise the names decide
//! where only one convention uses them, and else the caller must.

use super::container::{Format, Message};
use crate::network::Convolution;
use std::fmt;

/// What a network without a colour map of its own was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// RGB in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).
    Torchvision,
    /// BGR in [0, 255], minus (103.939, 116.779, 123.68): Simonyan and Zisserman's own networks.
    Caffe,
}

impl Normalization {
    /// The colour map from RGB in [0, 1]: 3×3 row-major, and the part that is added.
    pub fn colour_map(self) -> ([f32; 9], [f32; 3]) {
        let zero = 0.0;
        match self {
            Self::Torchvision => {
                let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229f64, 0.224, 0.225]);
                let [r, g, b] = deviation.map(|s| (1.0 / s) as f32);
                let bias = std::array::from_fn(|c| (-mean[c] / deviation[c]) as f32);
                ([r, zero, zero, zero, g, zero, zero, zero, b], bias)
            }
            Self::Caffe => {
                let all = 255.0;
                ([zero, zero, all, zero, all, zero, all, zero, zero], [-103.939, -116.779, -123.68])
            }
        }
    }
}

impl fmt::Display for Normalization {
    /// The name as `weights convert --input` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torchvision => "torchvision",
            Self::Caffe => "caffe",
        })
    }
}

impl std::str::FromStr for Normalization {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "torchvision" => Ok(Self::Torchvision),
            "caffe" => Ok(Self::Caffe),
            _ => Err(format!("`{text}` is not a normalisation; write torchvision or caffe")),
        }
    }
}

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

/// Decides the colour map of a network without one. `stated` is what the caller says.
pub(super) fn decide(
    first: &Convolution,
    torch_names: bool,
    format: Format,
    stated: Option<Normalization>,
) -> Message<Normalization> {
    const REMEDY: &str =
        "convert the file first: impasto weights convert FILE OUT.npz --input torchvision|caffe";
    let original = ORIGINALS.iter().find(|original| like(&first.bias, &original.bias));
    let unchanged = original.is_some_and(|original| like(&first.weight, &original.blue));
    match (stated, unchanged) {
        (Some(Normalization::Torchvision), true) => {
            Err("its first layer is that of the original Caffe network, which was trained on other colours \
                 than torchvision's; say caffe or leave it out"
                .into())
        }
        (Some(stated), _) => Ok(stated),
        (None, true) => Ok(Normalization::Caffe),
        (None, false) if original.is_some() => Err(format!(
            "its first layer is that of the original Caffe network, changed for other colours; {REMEDY}, \
                 or add input.weight and input.bias"
        )),
        (None, false) if torch_names => Ok(Normalization::Torchvision),
        // Gatys's own `vgg_conv.pth` brought these names to PyTorch, with the original colours.
        (None, false) if format == Format::PyTorch => Ok(Normalization::Caffe),
        (None, false) => {
            Err(format!("input.weight is missing, which takes RGB to the network's input; {REMEDY}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bias: &[f32], weight: &[f32]) -> Convolution {
        Convolution { block: 1, index: 1, inputs: 3, outputs: 64, weight: weight.into(), bias: bias.to_vec() }
    }

    #[test]
    fn colour_maps_are_the_published_ones() {
        let (w, b) = Normalization::Torchvision.colour_map();
        let white: Vec<f32> = (0..3).map(|c| w[3 * c..3 * c + 3].iter().sum::<f32>() + b[c]).collect();
        for (got, expected) in
            white.iter().zip([(1.0 - 0.485) / 0.229, (1.0 - 0.456) / 0.224, (1.0 - 0.406) / 0.225])
        {
            assert!((got - expected).abs() < 1e-5);
        }
        let (w, b) = Normalization::Caffe.colour_map();
        // Pure red arrives in the last channel.
        let red: Vec<f32> = (0..3).map(|c| w[3 * c] + b[c]).collect();
        assert_eq!(red, [-103.939, -116.779, 255.0 - 123.68]);
    }

    #[test]
    fn the_originals_are_recognised_under_any_name() {
        let vgg19 = first(&ORIGINALS[1].bias, &ORIGINALS[1].blue);
        for format in [Format::Npz, Format::Safetensors, Format::PyTorch] {
            for torch in [false, true] {
                assert_eq!(decide(&vgg19, torch, format, None), Ok(Normalization::Caffe));
            }
        }
        assert!(decide(&vgg19, true, Format::PyTorch, Some(Normalization::Torchvision)).is_err());
        // The same biases over weights for RGB: nothing is assumed.
        let changed = first(&ORIGINALS[0].bias, &[0.1; 9]);
        assert!(decide(&changed, true, Format::PyTorch, None).unwrap_err().contains("--input"));
        assert_eq!(
            decide(&changed, true, Format::PyTorch, Some(Normalization::Torchvision)),
            Ok(Normalization::Torchvision)
        );
    }

    #[test]
    fn names_decide_only_where_one_convention_uses_them() {
        let other = first(&[0.0; 64], &[0.1; 64]);
        assert_eq!(decide(&other, true, Format::Npz, None), Ok(Normalization::Torchvision));
        assert_eq!(decide(&other, false, Format::PyTorch, None), Ok(Normalization::Caffe));
        assert!(decide(&other, false, Format::Npz, None).unwrap_err().contains("input.weight is missing"));
        assert_eq!(
            decide(&other, false, Format::Npz, Some(Normalization::Torchvision)),
            Ok(Normalization::Torchvision)
        );
    }

    #[test]
    fn names_round_trip() {
        for normalization in [Normalization::Torchvision, Normalization::Caffe] {
            assert_eq!(normalization.to_string().parse(), Ok(normalization));
        }
        assert!("keras".parse::<Normalization>().is_err());
    }
}
