//! Values of options that are more than a number: sizes, layer lists, starts.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use impasto::internals::network::{Layer, WeightedLayer};

/// `512` or `512x384`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeValue {
    /// The longer side.
    Longer(usize),
    /// Width and height.
    Exact(usize, usize),
}

impl FromStr for SizeValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("`{text}` is not a size; write the longer side like 512, or 512x384");
        let number = |digits: &str| digits.parse::<usize>().map_err(|_| complain());
        match text.split_once(['x', 'X', '×']) {
            None => Ok(Self::Longer(number(text)?)),
            Some((width, height)) => Ok(Self::Exact(number(width)?, number(height)?)),
        }
    }
}

/// `relu1_1,relu2_1:0.5`: layers with relative weights, 1 where none is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LayersValue(pub Vec<WeightedLayer>);

impl FromStr for LayersValue {
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

/// `0.7,0.3`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumbersValue(pub Vec<f64>);

impl FromStr for NumbersValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |item: &str| item.trim().parse().map_err(|_| format!("`{item}` is not a number"));
        text.split(',').map(number).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// `content`, `noise` or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InitValue {
    /// The content picture.
    Content,
    /// Noise.
    Noise,
    /// A picture file.
    File(PathBuf),
}

impl FromStr for InitValue {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "content" => Self::Content,
            "noise" => Self::Noise,
            file => Self::File(file.into()),
        })
    }
}

impl fmt::Display for InitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => f.write_str("content"),
            Self::Noise => f.write_str("noise"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_lists_are_read_and_refused() {
        assert_eq!("512".parse(), Ok(SizeValue::Longer(512)));
        assert_eq!("512x384".parse(), Ok(SizeValue::Exact(512, 384)));
        for bad in ["", "x", "5x", "512x384x3", "-1", "1.5", "99999999999999999999999"] {
            assert!(bad.parse::<SizeValue>().is_err(), "{bad}");
        }
        let layers: LayersValue = "relu1_1, conv2_1:0.5".parse().unwrap();
        let names: Vec<_> = layers.0.iter().map(|(l, w)| (l.to_string(), *w)).collect();
        assert_eq!(names, [("relu1_1".to_owned(), 1.0), ("conv2_1".to_owned(), 0.5)]);
        for bad in ["", "relu1_1,", "relu1_1:", "relu1_1:x", "1_1"] {
            assert!(bad.parse::<LayersValue>().is_err(), "{bad}");
        }
    }
}
