//! Feature maps as the fast kernels lay them out: channels in blocks of sixteen, a border of one position.
//!
//! Element (c, y, x) of a C×H×W map lies in block c/16, at row y+1, column x+1, lane c%16. Sixteen channels of a
//! position fill one cache line, so every kernel works on whole vectors and never shuffles. Rows and columns are
//! rounded up to whole Winograd tiles of either size. What lies beyond the border reaches no result but by rounding: a
//! tile's transform adds and subtracts it again, so it must be no larger than the map, and [`fill_border`] makes it zero.

use crate::kernels::simd::LANES;
use crate::tensor::Padding;
use crate::tensor::Shape;
use rayon::prelude::*;

/// One aligned vector: the unit of allocation, so that no load crosses a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Vector(pub [f32; LANES]);

/// All zero.
pub const ZERO: Vector = Vector([0.0; LANES]);

/// Blocks that hold `channels`.
pub const fn blocks(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// A side rounded up to whole tiles of four and of six positions.
const fn whole_tiles(side: usize) -> usize {
    let (four, six) = (side.next_multiple_of(4), side.next_multiple_of(6));
    if four > six { four } else { six }
}

/// Where things lie in a map of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// The map without padding of any kind.
    pub shape: Shape,
    /// Blocks of channels.
    pub blocks: usize,
    /// Vectors from one row to the next.
    pub row: usize,
    /// Vectors from one block to the next.
    pub plane: usize,
}

impl Layout {
    /// The layout of a C×H×W map.
    pub const fn new(shape: Shape) -> Self {
        let row = whole_tiles(shape.width) + 2;
        let plane = row * (whole_tiles(shape.height) + 2);
        Self { shape, blocks: blocks(shape.channels), row, plane }
    }

    /// Vectors in the whole map, with room behind it for a register tile that runs past the last row.
    #[allow(clippy::len_without_is_empty)] // no map is empty
    pub const fn len(&self) -> usize {
        self.blocks * self.plane + super::tile::MOST
    }

    /// The vector of a block at padded coordinates: (0, 0) is the border's corner.
    pub const fn at(&self, block: usize, row: usize, column: usize) -> usize {
        block * self.plane + row * self.row + column
    }

    /// The vector of a block at the map's own coordinates.
    pub const fn inside(&self, block: usize, y: usize, x: usize) -> usize {
        self.at(block, y + 1, x + 1)
    }
}

/// A buffer that holds a map; reused for maps of other shapes.
#[derive(Default)]
pub struct Buffer(Vec<Vector>);

impl Buffer {
    /// Grows to hold `layout`. What it held is given up first, so that old and new never stand side by side.
    pub fn reserve(&mut self, layout: &Layout) {
        self.room(layout.len());
    }

    fn room(&mut self, length: usize) {
        if self.0.len() < length {
            self.0 = Vec::new();
            self.0 = vec![ZERO; length];
        }
    }

    /// All vectors that were ever asked for.
    pub fn vectors(&self) -> &[Vector] {
        &self.0
    }

    /// The first `length` vectors, grown as needed; what they hold at first is arbitrary.
    pub fn vectors_mut(&mut self, length: usize) -> &mut [Vector] {
        self.split(length, 0).0
    }

    /// Two parts of the given lengths, grown as needed; what they hold at first is arbitrary.
    pub fn split(&mut self, first: usize, second: usize) -> (&mut [Vector], &mut [Vector]) {
        self.room(first + second);
        self.0[..first + second].split_at_mut(first)
    }

    /// The vectors of a map of this layout.
    pub fn map(&self, layout: &Layout) -> &[Vector] {
        &self.0[..layout.len()]
    }

    /// The same, to write.
    pub fn map_mut(&mut self, layout: &Layout) -> &mut [Vector] {
        &mut self.0[..layout.len()]
    }
}

/// Writes the border of a map: zeros, or the mirrored inside; and zeros beyond it.
pub fn fill_border(map: &mut [Vector], layout: &Layout, padding: Padding) {
    let Shape { height, width, .. } = layout.shape;
    map.par_chunks_exact_mut(layout.plane).for_each(|plane| {
        let row = layout.row;
        for y in 1..=height {
            let line = &mut plane[y * row..][..width + 2];
            (line[0], line[width + 1]) = match padding {
                Padding::Zeros => (ZERO, ZERO),
                Padding::Reflect => (line[2], line[width - 1]),
            };
        }
        for (border, from) in [(0, 2), (height + 1, height.saturating_sub(1))] {
            match padding {
                Padding::Zeros => plane[border * row..][..width + 2].fill(ZERO),
                Padding::Reflect => plane.copy_within(from * row..from * row + width + 2, border * row),
            }
        }
        plane[..(height + 2) * row].chunks_exact_mut(row).for_each(|line| line[width + 2..].fill(ZERO));
        plane[(height + 2) * row..].fill(ZERO);
    });
}

/// Reads a plain C×H×W map out of the blocked one.
pub fn unpack(map: &[Vector], layout: &Layout) -> Vec<f32> {
    let Shape { channels, height, width } = layout.shape;
    let mut plain = Vec::with_capacity(layout.shape.len());
    for c in 0..channels {
        for y in 0..height {
            let line = &map[layout.inside(c / LANES, y, 0)..][..width];
            plain.extend(line.iter().map(|v| v.0[c % LANES]));
        }
    }
    plain
}

/// Writes a plain C×H×W map into the inside of a blocked one; lanes beyond C become 0.
pub fn pack(plain: &[f32], map: &mut [Vector], layout: &Layout) {
    let Shape { channels, height, width } = layout.shape;
    assert_eq!(plain.len(), layout.shape.len());
    for block in 0..layout.blocks {
        for y in 0..height {
            for x in 0..width {
                map[layout.inside(block, y, x)] = Vector(std::array::from_fn(|lane| {
                    let c = block * LANES + lane;
                    if c < channels { plain[(c * height + y) * width + x] } else { 0.0 }
                }));
            }
        }
    }
}
