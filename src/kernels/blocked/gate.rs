//! Where a gradient may pass on its way back through a ReLU, and through the pooling behind it.

use std::ops::Range;

use super::map::{Map, blocks};
use super::part::{Grid, Part};
use crate::kernels::simd::{LANES, Simd, Vector};
use crate::tensor::Shape;

/// Words that the gates of a map take: one a position and block, `[block][y][x]`, one bit a lane.
pub const fn words(shape: Shape) -> usize {
    blocks(shape.channels) * shape.positions()
}

/// Reads the words of a map's gates as a plain C×H×W map.
///
/// # Panics
/// If there are more or fewer than [`words`].
pub fn unpack(words: &[u16], shape: Shape) -> Vec<bool> {
    assert_eq!(words.len(), self::words(shape), "gates of another map");
    let positions = shape.positions();
    let bit = |at: usize| {
        let (channel, place) = (at / positions, at % positions);
        words[channel / LANES * positions + place] >> (channel % LANES) & 1 == 1
    };
    (0..shape.len()).map(bit).collect()
}

/// The words of a map's gates, to write; tasks may write tiles side by side.
///
/// # Panics
/// If there are more or fewer than [`words`].
pub(super) fn into_part(words: &mut [u16], shape: Shape, grid: Grid) -> Part<'_, u16> {
    assert_eq!(words.len(), self::words(shape), "gates of another map");
    assert!(grid.covers(shape), "a grid of another map");
    Part::new(words, blocks(shape.channels), (shape.positions(), shape.width), grid)
}

/// Where a gradient may pass.
#[derive(Clone, Copy)]
pub struct Gate<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Open,
    Bits(&'a [u16], Shape),
    Positive(Map<'a>),
}

impl<'a> Gate<'a> {
    /// Everywhere: there is no ReLU.
    pub const OPEN: Self = Self(Kind::Open);

    /// Where the bit of the lane is set; one word a position of a map of `shape`, `[block][y][x]`.
    ///
    /// # Panics
    /// If there are more or fewer than [`words`].
    pub fn bits(bits: &'a [u16], shape: Shape) -> Self {
        assert_eq!(bits.len(), words(shape), "gates of another map");
        Self(Kind::Bits(bits, shape))
    }

    /// Where a rectified map is positive.
    pub fn positive(map: Map<'a>) -> Self {
        Self(Kind::Positive(map))
    }

    /// Whether it belongs to maps of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        match self.0 {
            Kind::Open => true,
            Kind::Bits(_, own) => own == shape,
            Kind::Positive(map) => map.shape() == shape,
        }
    }

    /// The part in some columns of a row of a block.
    ///
    /// # Panics
    /// If it has no such row or columns.
    #[inline(always)]
    pub(super) fn line(&self, block: usize, y: usize, columns: Range<usize>) -> GateLine<'a> {
        match self.0 {
            Kind::Open => GateLine::Open,
            Kind::Bits(bits, shape) => {
                let row = &bits[(block * shape.height + y) * shape.width..][..shape.width];
                GateLine::Bits(&row[columns])
            }
            Kind::Positive(map) => GateLine::Positive(&map.line(block, y)[columns]),
        }
    }
}

/// A part of a row of a [`Gate`].
#[derive(Clone, Copy)]
pub(super) enum GateLine<'a> {
    Open,
    Bits(&'a [u16]),
    Positive(&'a [Vector]),
}

impl GateLine<'_> {
    /// `value` where the gate is open, 0 elsewhere.
    #[inline(always)]
    pub fn pass<S: Simd>(&self, simd: S, x: usize, value: S::V) -> S::V {
        match self {
            Self::Open => value,
            Self::Bits(bits) => simd.keep(value, bits[x]),
            Self::Positive(map) => simd.keep(value, simd.greater(simd.load(&map[x].0), simd.splat(0.0))),
        }
    }
}
