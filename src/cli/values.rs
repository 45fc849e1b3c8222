//! Values of the command's own options that are more than a number: sizes, lists of numbers, starts.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `512` or `512x384`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SizeValue {
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

/// `0.7,0.3`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NumbersValue(pub Vec<f64>);

impl FromStr for NumbersValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |item: &str| item.trim().parse().map_err(|_| format!("`{item}` is not a number"));
        text.split(',').map(number).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// `content`, `noise` or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InitValue {
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
    fn sizes_are_read_and_refused() {
        assert_eq!("512".parse(), Ok(SizeValue::Longer(512)));
        assert_eq!("512x384".parse(), Ok(SizeValue::Exact(512, 384)));
        for bad in ["", "x", "5x", "512x384x3", "-1", "1.5", "99999999999999999999999"] {
            assert!(bad.parse::<SizeValue>().is_err(), "{bad}");
        }
    }
}
