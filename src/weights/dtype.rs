//! The number formats of network files, and their way to f32.

use crate::text::clip;
use half::{bf16, f16};
use std::fmt;

/// How one value of an array is stored; little-endian.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Dtype {
    F16,
    BF16,
    F32,
    F64,
    U8,
    /// A format that no array of a network has, as the file names it; its bytes are never read.
    Other(String),
}

impl Dtype {
    /// Bytes of one value; `None` for a format that is not read.
    pub fn size(&self) -> Option<usize> {
        match self {
            Self::U8 => Some(1),
            Self::F16 | Self::BF16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Other(_) => None,
        }
    }

    /// The values as f32, rounded to nearest; `None` for a format that is not of floating point.
    ///
    /// A float64 beyond the range of float32 becomes infinite, which the check for finite values finds.
    pub fn floats(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            Self::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => each(bytes, f32::from_le_bytes),
            Self::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::U8 | Self::Other(_) => return None,
        })
    }
}

/// Every whole group of `N` bytes through `convert`.
fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| convert(chunk)).collect()
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::U8 => "uint8",
            Self::Other(name) => return write!(f, "`{}`", clip(name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_format_reads_the_same_number() {
        let stored = [
            (Dtype::F16, f16::from_f32(-1.5).to_le_bytes().to_vec()),
            (Dtype::BF16, bf16::from_f32(-1.5).to_le_bytes().to_vec()),
            (Dtype::F32, (-1.5f32).to_le_bytes().to_vec()),
            (Dtype::F64, (-1.5f64).to_le_bytes().to_vec()),
        ];
        for (dtype, bytes) in stored {
            assert_eq!(dtype.size(), Some(bytes.len()));
            assert_eq!(dtype.floats(&bytes).unwrap(), [-1.5], "{dtype}");
        }
        assert!(Dtype::U8.floats(&[0]).is_none());
    }
}
