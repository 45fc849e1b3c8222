//! Names of layers as the papers write them: `conv4_2` before the ReLU, `relu4_2` after it.

use std::fmt;
use std::str::FromStr;

use crate::names::by_text;

/// One place in a VGG-shaped network where features can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layer {
    /// The block, from 1; a pooling stands between blocks.
    pub block: usize,
    /// The convolution inside the block, from 1.
    pub index: usize,
    /// Before or after the ReLU. `Conv` sorts before `Relu`, so layers order by depth.
    pub stage: Stage,
}

/// Which side of the ReLU a [`Layer`] is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// The convolution's output with its bias, `conv4_2`.
    Conv,
    /// The rectified output, `relu4_2`.
    Relu,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Conv => "conv",
            Stage::Relu => "relu",
        };
        write!(f, "{stage}{}_{}", self.block, self.index)
    }
}

impl FromStr for Layer {
    type Err = String;

    /// Parses `relu3_1` or `conv3_1`.
    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("`{text}` is not a layer name; write it like relu3_1 or conv4_2");
        let (stage, rest) = if let Some(rest) = text.strip_prefix("relu") {
            (Stage::Relu, rest)
        } else if let Some(rest) = text.strip_prefix("conv") {
            (Stage::Conv, rest)
        } else {
            return Err(complain());
        };
        let (block, index) = rest.split_once('_').ok_or_else(complain)?;
        let number = |digits: &str| -> Option<usize> {
            let plain = !digits.is_empty() && digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().filter(|&n| n > 0)
        };
        match (number(block), number(index)) {
            (Some(block), Some(index)) => Ok(Self { block, index, stage }),
            _ => Err(complain()),
        }
    }
}

by_text!(Layer);

/// A layer with its relative weight among its kind.
pub type WeightedLayer = (Layer, f64);

/// Layers with relative weights; written `relu1_1,relu2_1:0.5`, where a weight that is left out is 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerList(pub Vec<WeightedLayer>);

impl From<Vec<WeightedLayer>> for LayerList {
    fn from(layers: Vec<WeightedLayer>) -> Self {
        Self(layers)
    }
}

impl fmt::Display for LayerList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (layer, weight)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match weight {
                1.0 => write!(f, "{comma}{layer}")?,
                weight => write!(f, "{comma}{layer}:{weight}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for LayerList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let layer = |item: &str| -> Result<WeightedLayer, String> {
            let (name, weight) = item.trim().split_once(':').unwrap_or((item.trim(), "1"));
            let layer: Layer = name.parse()?;
            let weight = weight.parse().map_err(|_| format!("`{weight}` is not a number, in `{item}`"))?;
            Ok((layer, weight))
        };
        text.split(',').map(layer).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

by_text!(LayerList);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["relu1_1", "conv5_4", "relu12_3"] {
            assert_eq!(name.parse::<Layer>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_refused_with_an_example() {
        for name in ["", "relu", "relu3", "relu_1", "relu0_1", "relu3_0", "pool1_1", "relu3_1x", "relu+3_1"] {
            let message = name.parse::<Layer>().unwrap_err();
            assert!(message.contains("relu3_1"), "{message}");
        }
    }

    #[test]
    fn layers_order_by_depth() {
        let order = ["conv1_1", "relu1_1", "conv1_2", "relu2_1"].map(|n| n.parse::<Layer>().unwrap());
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn lists_are_read_written_and_refused() {
        let layers: LayerList = "relu1_1, conv2_1:0.5".parse().unwrap();
        assert_eq!(layers.to_string(), "relu1_1,conv2_1:0.5");
        for bad in ["", "relu1_1,", "relu1_1:", "relu1_1:x", "1_1"] {
            assert!(bad.parse::<LayerList>().is_err(), "{bad}");
        }
    }
}
