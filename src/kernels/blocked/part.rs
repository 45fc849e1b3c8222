//! A map that several tasks write at once, each tiles of its own: the one place where memory is shared for writing.
//!
//! A [`Part`] is a run of tiles (rectangles of positions, counted row by row) in a range of blocks. Parts are cut in two,
//! never copied, so no two parts ever have a tile of a block in common, and each may go to another thread.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

use crate::tensor::Shape;

/// How a map's positions are cut into tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    /// The positions that are cut up.
    height: usize,
    width: usize,
    /// Of a tile, in positions; those at the end may be cut.
    side: (usize, usize),
    /// Tiles.
    rows: usize,
    columns: usize,
}

impl Grid {
    /// Tiles of `side` (rows, columns) positions over a map.
    pub fn new(shape: Shape, side: (usize, usize)) -> Self {
        let Shape { height, width, .. } = shape;
        assert!(side.0 > 0 && side.1 > 0, "tiles have positions");
        Self { height, width, side, rows: height.div_ceil(side.0), columns: width.div_ceil(side.1) }
    }

    /// As many tiles on a map whose sides were halved by pooling: some of the last may have no positions.
    pub fn halved(self) -> Self {
        assert!(self.side.0.is_multiple_of(2) && self.side.1.is_multiple_of(2), "windows straddle tiles");
        let side = (self.side.0 / 2, self.side.1 / 2);
        Self { height: self.height / 2, width: self.width / 2, side, ..self }
    }

    /// Tiles in a row.
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Tiles in all.
    pub fn tiles(self) -> usize {
        self.rows * self.columns
    }

    /// Whether it cuts up maps of this height and width.
    pub fn covers(self, shape: Shape) -> bool {
        (self.height, self.width) == (shape.height, shape.width)
    }

    /// The row and the column of a tile.
    #[inline(always)]
    pub fn place(self, tile: usize) -> Place {
        Place { row: tile / self.columns, columns: tile % self.columns..tile % self.columns + 1 }
    }

    /// The first row and column of positions of a place.
    #[inline(always)]
    pub fn corner(self, place: &Place) -> (usize, usize) {
        (place.row * self.side.0, place.columns.start * self.side.1)
    }

    /// The rows and columns of positions of a place, cut where the map ends.
    pub fn extent(self, place: &Place) -> (Range<usize>, Range<usize>) {
        let cut = |start: usize, end: usize, most: usize| start.min(most)..end.min(most);
        let rows = cut(place.row * self.side.0, (place.row + 1) * self.side.0, self.height);
        let columns = cut(place.columns.start * self.side.1, place.columns.end * self.side.1, self.width);
        (rows, columns)
    }

    /// The places that a run of tiles takes, one row of tiles after the other.
    pub fn places(self, tiles: Range<usize>) -> impl Iterator<Item = Place> + Clone {
        let rows = tiles.start / self.columns..tiles.end.div_ceil(self.columns);
        rows.map(move |row| {
            let first = row * self.columns;
            let columns = tiles.start.max(first) - first..tiles.end.min(first + self.columns) - first;
            Place { row, columns }
        })
    }
}

/// Neighbouring tiles of one row of tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub row: usize,
    pub columns: Range<usize>,
}

/// A run of tiles of a range of blocks, to be written by whoever has it.
pub(super) struct Part<'a, T> {
    /// The element of block 0 at position (0, 0).
    first: *mut T,
    /// Elements from one block, and from one row, to the next.
    steps: (usize, usize),
    grid: Grid,
    blocks: Range<usize>,
    tiles: Range<usize>,
    life: PhantomData<&'a mut [T]>,
}

// SAFETY: a part is as good as a mutable borrow of its own elements, which no other part has.
unsafe impl<T: Send> Send for Part<'_, T> {}

impl<'a, T> Part<'a, T> {
    /// All tiles of `blocks` blocks; the first element of `elements` is the first block's at position (0, 0), and blocks
    /// and rows lie `steps` elements apart.
    ///
    /// # Panics
    /// If rows or blocks would overlap, or elements are missing.
    pub fn new(elements: &'a mut [T], blocks: usize, steps: (usize, usize), grid: Grid) -> Self {
        let (plane, row) = steps;
        // The elements from the first of a block to the one behind its last.
        let extent = match grid.height {
            0 => Some(0),
            height => (height - 1).checked_mul(row).and_then(|rows| rows.checked_add(grid.width)),
        };
        let extent = extent.expect("a map within the address space");
        assert!(grid.width <= row && extent <= plane, "rows or blocks overlap");
        if let Some(last) = blocks.checked_sub(1) {
            let end = last.checked_mul(plane).and_then(|start| start.checked_add(extent));
            assert!(end.is_some_and(|end| end <= elements.len()), "elements are missing");
        }
        let tiles = 0..grid.tiles();
        Self { first: elements.as_mut_ptr(), steps, grid, blocks: 0..blocks, tiles, life: PhantomData }
    }

    /// How it is cut.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// Its tiles.
    pub fn tiles(&self) -> Range<usize> {
        self.tiles.clone()
    }

    /// Its blocks.
    pub fn blocks(&self) -> Range<usize> {
        self.blocks.clone()
    }

    /// The same part for a shorter time.
    pub fn borrow(&mut self) -> Part<'_, T> {
        self.cut(self.blocks.clone(), self.tiles.clone())
    }

    /// A part with the same memory; the caller gives up this one, or borrows it, and cuts no element out twice.
    fn cut<'b>(&self, blocks: Range<usize>, tiles: Range<usize>) -> Part<'b, T> {
        Part { first: self.first, steps: self.steps, grid: self.grid, blocks, tiles, life: PhantomData }
    }

    /// Hands every run of `size` tiles to `work`, over all threads.
    pub fn for_each_run(self, size: usize, work: &(impl Fn(Self) + Sync))
    where
        T: Send,
    {
        let runs = self.tiles.len().div_ceil(size);
        if runs <= 1 {
            return work(self);
        }
        let middle = self.tiles.start + runs / 2 * size;
        let (first, second) = self.split(middle);
        rayon::join(|| first.for_each_run(size, work), || second.for_each_run(size, work));
    }

    /// The tiles before `tile`, and the others.
    ///
    /// # Panics
    /// If the tile lies outside.
    pub fn split(self, tile: usize) -> (Self, Self) {
        let Range { start, end } = self.tiles;
        assert!(start <= tile && tile <= end, "a part of another run");
        (self.cut(self.blocks.clone(), start..tile), self.cut(self.blocks.clone(), tile..end))
    }

    /// The blocks before `block`, and the others.
    ///
    /// # Panics
    /// If the block lies outside.
    pub fn split_blocks(self, block: usize) -> (Self, Self) {
        let Range { start, end } = self.blocks;
        assert!(start <= block && block <= end, "a part of other blocks");
        (self.cut(start..block, self.tiles.clone()), self.cut(block..end, self.tiles.clone()))
    }

    /// Neighbouring tiles of one block.
    ///
    /// # Panics
    /// If not all of them belong to this part.
    #[inline(always)]
    pub fn at(&mut self, block: usize, place: &Place) -> Rectangle<'_, T> {
        let Place { row, columns } = place;
        let first = row * self.grid.columns;
        assert!(self.blocks.start <= block && block < self.blocks.end, "a block of another part");
        assert!(*row < self.grid.rows && columns.start <= columns.end && columns.end <= self.grid.columns);
        assert!(self.tiles.start <= first + columns.start && first + columns.end <= self.tiles.end);
        let (rows, columns) = self.grid.extent(place);
        let offset = block * self.steps.0 + rows.start * self.steps.1 + columns.start;
        // SAFETY: block and position lie inside what `new` was given, or the rectangle is empty and the offset at most
        // that of its end.
        let first = unsafe { self.first.add(if columns.is_empty() || rows.is_empty() { 0 } else { offset }) };
        Rectangle { first, step: self.steps.1, height: rows.len(), width: columns.len(), life: PhantomData }
    }
}

/// Positions of one block that lie side by side, borrowed from a [`Part`].
pub(super) struct Rectangle<'a, T> {
    first: *mut T,
    step: usize,
    height: usize,
    width: usize,
    life: PhantomData<&'a mut [T]>,
}

impl<'a, T> Rectangle<'a, T> {
    /// Rows.
    #[inline(always)]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row `y`.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn line(&mut self, y: usize) -> &mut [T] {
        Rectangle { life: PhantomData, ..*self }.into_line(y)
    }

    /// Row `y` for as long as the part is borrowed.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn into_line(self, y: usize) -> &'a mut [T] {
        assert!(y < self.height, "no such row");
        // SAFETY: the rectangle lies inside the slice that its part was made from, and is mutably borrowed from a part
        // that alone has these elements.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(y * self.step), self.width) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every position is in one tile and one part, whatever the cuts.
    #[test]
    fn parts_share_nothing_and_miss_nothing() {
        for (height, width, side) in [(1, 1, (4, 4)), (7, 9, (4, 4)), (13, 6, (6, 6)), (9, 5, (4, 5))] {
            let grid = Grid::new(Shape::new(32, height, width), side);
            let (row, plane) = (width + 3, (width + 3) * height + 1);
            let mut elements = vec![0u8; 2 * plane];
            let whole = Part::new(&mut elements, 2, (plane, row), grid);
            let cut = whole.tiles().end / 2;
            let (first, second) = whole.split(cut);
            let mut parts = vec![];
            for part in [first, second] {
                let (upper, lower) = part.split_blocks(1);
                parts.extend([upper, lower]);
            }
            for mut part in parts {
                for block in part.blocks() {
                    for place in grid.places(part.tiles()) {
                        let mut rectangle = part.at(block, &place);
                        for y in 0..rectangle.height() {
                            rectangle.line(y).iter_mut().for_each(|count| *count += 1);
                        }
                    }
                }
            }
            for (at, &count) in elements.iter().enumerate() {
                let inside = at % plane < row * height && at % plane % row < width;
                assert_eq!(count, u8::from(inside), "{at} of {height}x{width}, {side:?}");
            }
        }
    }

    #[test]
    fn tiles_of_other_parts_are_refused() {
        let refused = |work: &dyn Fn(Part<'_, u8>)| {
            let mut elements = [0u8; 16];
            let part = Part::new(&mut elements, 1, (16, 4), Grid::new(Shape::new(16, 4, 4), (2, 2)));
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(part))).is_err()
        };
        let place = |row, columns| Place { row, columns };
        assert!(!refused(&|mut part| {
            let _ = part.at(0, &place(1, 1..2));
        }));
        assert!(refused(&|mut part| {
            let _ = part.at(1, &place(0, 0..1));
        }));
        assert!(refused(&|mut part| {
            let _ = part.at(0, &place(0, 1..3));
        }));
        assert!(refused(&|mut part| {
            let _ = part.at(0, &place(2, 0..1));
        }));
        assert!(refused(&|part| {
            let _ = part.split(3).0.at(0, &place(1, 1..2));
        }));
        assert!(refused(&|part| {
            let _ = part.split(3).1.at(0, &place(1, 0..2));
        }));
        assert!(refused(&|part| {
            let _ = part.split(5);
        }));
        assert!(refused(&|part| {
            let _ = part.split_blocks(2);
        }));
        assert!(refused(&|mut part| {
            let _ = part.at(0, &place(0, 0..1)).line(2);
        }));
    }

    #[test]
    fn memory_that_is_missing_or_overlaps_is_refused() {
        let grid = Grid::new(Shape::new(16, 4, 4), (2, 2));
        let new = |length: usize, blocks: usize, steps: (usize, usize)| {
            std::panic::catch_unwind(|| {
                let mut elements = vec![0u8; length];
                Part::new(&mut elements, blocks, steps, grid);
            })
        };
        assert!(new(32, 2, (16, 4)).is_ok());
        assert!(new(31, 2, (16, 4)).is_err());
        assert!(new(32, 2, (15, 4)).is_err());
        assert!(new(32, 2, (16, 3)).is_err());
        assert!(new(32, usize::MAX, (16, 4)).is_err());
        assert!(new(32, 2, (usize::MAX, 4)).is_err());
    }
}
