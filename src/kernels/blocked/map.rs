//! Feature maps as the fast kernels lay them out: channels in blocks of sixteen, a border of one position.
//!
//! Element (c, y, x) of a C×H×W map lies in block c/16, at row y+1, column x+1, lane c%16. Sixteen channels of a
//! position fill one cache line, so every kernel works on whole vectors and never shuffles. Rows and columns are
//! rounded up to whole Winograd tiles of either size. What lies beyond the border reaches no result but by rounding: a
//! tile's transform adds and subtracts it again, so it must be no larger than the map, and [`MapMut::fill_border`] makes it
//! zero.

use rayon::prelude::*;

use super::part::{Grid, Part};
use super::tile;
use crate::kernels::simd::{LANES, Vector, ZERO};
use crate::tensor::{Padding, Shape};

/// Blocks that hold `channels`.
pub const fn blocks(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// A side rounded up to whole tiles of four and of six positions.
const fn whole_tiles(side: usize) -> Option<usize> {
    match (side.checked_next_multiple_of(4), side.checked_next_multiple_of(6)) {
        (Some(four), Some(six)) => Some(if four > six { four } else { six }),
        _ => None,
    }
}

/// Where things lie in a map of one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    /// Vectors from one row to the next.
    row: usize,
    /// Vectors from one block to the next.
    plane: usize,
    /// Vectors in all, with room behind the last row for a register tile that runs past it.
    length: usize,
}

impl Layout {
    /// The layout of a C×H×W map.
    ///
    /// # Panics
    /// If there is none: see [`Layout::checked`].
    pub fn new(shape: Shape) -> Self {
        Self::checked(shape).unwrap_or_else(|| panic!("no map can have the shape {shape:?}"))
    }

    /// The layout of a C×H×W map; `None` if the map is empty or larger than the address space.
    pub fn checked(shape: Shape) -> Option<Self> {
        let row = whole_tiles(shape.width)?.checked_add(2)?;
        let plane = whole_tiles(shape.height)?.checked_add(2)?.checked_mul(row)?;
        let length = blocks(shape.channels).checked_mul(plane)?.checked_add(tile::MOST)?;
        let bytes = length.checked_mul(size_of::<Vector>())?;
        let empty = shape.channels == 0 || shape.height == 0 || shape.width == 0;
        (!empty && bytes <= isize::MAX as usize).then_some(Self { shape, row, plane, length })
    }

    /// The map without padding of any kind.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Blocks of channels.
    pub const fn blocks(&self) -> usize {
        blocks(self.shape.channels)
    }

    /// Vectors from one row to the next.
    pub const fn row(&self) -> usize {
        self.row
    }

    /// Vectors from one block to the next.
    pub const fn plane(&self) -> usize {
        self.plane
    }

    /// Vectors in the whole map, with room behind it for a register tile that runs past the last row.
    #[allow(clippy::len_without_is_empty)] // no map is empty
    pub const fn len(&self) -> usize {
        self.length
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

    /// The map of this layout that it holds.
    ///
    /// # Panics
    /// If it was never made large enough.
    pub fn map(&self, layout: &Layout) -> Map<'_> {
        Map::new(&self.0, *layout)
    }

    /// The same, to write.
    ///
    /// # Panics
    /// As [`Buffer::map`].
    pub fn map_mut(&mut self, layout: &Layout) -> MapMut<'_> {
        MapMut::new(&mut self.0, *layout)
    }
}

/// A map to read: its vectors are as many as its layout says.
#[derive(Clone, Copy)]
pub struct Map<'a> {
    vectors: &'a [Vector],
    layout: Layout,
}

impl<'a> Map<'a> {
    /// The first vectors of a slice as a map.
    ///
    /// # Panics
    /// If the slice is too short.
    pub fn new(vectors: &'a [Vector], layout: Layout) -> Self {
        assert!(vectors.len() >= layout.len(), "too short for a map of {:?}", layout.shape);
        Self { vectors: &vectors[..layout.len()], layout }
    }

    /// Where things lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The map's shape.
    pub fn shape(&self) -> Shape {
        self.layout.shape
    }

    /// All vectors, as the layout says.
    pub fn vectors(&self) -> &'a [Vector] {
        self.vectors
    }

    /// What follows from the vector of a block at padded coordinates on.
    #[inline(always)]
    pub fn from(&self, block: usize, row: usize, column: usize) -> &'a [Vector] {
        &self.vectors[self.layout.at(block, row, column)..]
    }

    /// Row `y` of a block, from column 0 to the last, without border.
    #[inline(always)]
    pub fn line(&self, block: usize, y: usize) -> &'a [Vector] {
        &self.from(block, y + 1, 1)[..self.layout.shape.width]
    }

    /// Reads it as a plain C×H×W map.
    pub fn unpack(&self) -> Vec<f32> {
        let Shape { channels, height, .. } = self.shape();
        let mut plain = Vec::with_capacity(self.shape().len());
        for c in 0..channels {
            for y in 0..height {
                plain.extend(self.line(c / LANES, y).iter().map(|v| v.0[c % LANES]));
            }
        }
        plain
    }
}

/// A map to write.
pub struct MapMut<'a> {
    vectors: &'a mut [Vector],
    layout: Layout,
}

impl<'a> MapMut<'a> {
    /// The first vectors of a slice as a map.
    ///
    /// # Panics
    /// If the slice is too short.
    pub fn new(vectors: &'a mut [Vector], layout: Layout) -> Self {
        assert!(vectors.len() >= layout.len(), "too short for a map of {:?}", layout.shape);
        Self { vectors: &mut vectors[..layout.len()], layout }
    }

    /// Where things lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The map's shape.
    pub fn shape(&self) -> Shape {
        self.layout.shape
    }

    /// All vectors, as the layout says.
    pub fn vectors_mut(&mut self) -> &mut [Vector] {
        self.vectors
    }

    /// The same map, to read.
    pub fn as_map(&self) -> Map<'_> {
        Map::new(self.vectors, self.layout)
    }

    /// The same map for a shorter time.
    pub fn borrow(&mut self) -> MapMut<'_> {
        MapMut::new(self.vectors, self.layout)
    }

    /// The inside of all blocks, cut into tiles that tasks may write side by side.
    pub(super) fn into_part(self, grid: Grid) -> Part<'a, Vector> {
        let Layout { shape, row, plane, .. } = self.layout;
        let first = self.layout.inside(0, 0, 0);
        Part::new(&mut self.vectors[first..], blocks(shape.channels), (plane, row), grid)
    }

    /// Makes every vector zero, those of the border and beyond too.
    pub fn clear(&mut self) {
        self.vectors.par_chunks_mut(1 << 12).for_each(|part| part.fill(ZERO));
    }

    /// Writes the border: zeros, the mirrored inside or the other side's; and zeros beyond it.
    ///
    /// # Panics
    /// If there is nothing to mirror: a side of less than two positions.
    pub fn fill_border(&mut self, padding: Padding) {
        let Layout { shape: Shape { height, width, .. }, row, plane, .. } = self.layout;
        assert!(padding != Padding::Reflect || height.min(width) >= 2, "nothing to mirror");
        self.vectors.par_chunks_exact_mut(plane).for_each(|plane| {
            for y in 1..=height {
                let line = &mut plane[y * row..][..width + 2];
                (line[0], line[width + 1]) = match padding {
                    Padding::Zeros => (ZERO, ZERO),
                    Padding::Reflect => (line[2], line[width - 1]),
                    Padding::Wrap => (line[width], line[1]),
                };
            }
            let sources = match padding {
                Padding::Wrap => [height, 1],
                _ => [2, height.saturating_sub(1)],
            };
            for (border, from) in [0, height + 1].into_iter().zip(sources) {
                match padding {
                    Padding::Zeros => plane[border * row..][..width + 2].fill(ZERO),
                    _ => plane.copy_within(from * row..from * row + width + 2, border * row),
                }
            }
            plane[..(height + 2) * row].chunks_exact_mut(row).for_each(|line| line[width + 2..].fill(ZERO));
            plane[(height + 2) * row..].fill(ZERO);
        });
    }

    /// Writes a plain C×H×W map into the inside; lanes beyond C become 0.
    ///
    /// # Panics
    /// If the plain map has another size.
    pub fn pack(&mut self, plain: &[f32]) {
        let Shape { channels, height, width } = self.layout.shape;
        assert_eq!(plain.len(), self.layout.shape.len(), "a map of another size");
        for block in 0..self.layout.blocks() {
            for y in 0..height {
                let line = self.layout.inside(block, y, 0);
                for (x, vector) in self.vectors[line..line + width].iter_mut().enumerate() {
                    *vector = Vector(std::array::from_fn(|lane| {
                        let c = block * LANES + lane;
                        if c < channels { plain[(c * height + y) * width + x] } else { 0.0 }
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_without_a_map_are_refused() {
        for shape in [
            Shape::new(0, 4, 4),
            Shape::new(3, 0, 4),
            Shape::new(3, 4, 0),
            Shape::new(3, usize::MAX, 4),
            Shape::new(3, 4, usize::MAX),
            Shape::new(usize::MAX, 1 << 30, 1 << 30),
            Shape::new(16, 1 << 31, 1 << 30),
        ] {
            assert_eq!(Layout::checked(shape), None, "{shape:?}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let layout = Layout::new(Shape::new(19, 5, 7));
        let plain: Vec<f32> = (0..layout.shape().len()).map(|k| k as f32).collect();
        let mut buffer = Buffer::default();
        buffer.reserve(&layout);
        buffer.map_mut(&layout).pack(&plain);
        assert_eq!(buffer.map(&layout).unpack(), plain);
    }
}
