//! The stages of a run of tiles: input, products, output.

use std::ops::Range;

use super::lines::{Lines, LinesMut, apart};
use super::transform::{Transform, Transforms};
use crate::kernels::blocked::epilogue::EpiloguePart;
use crate::kernels::blocked::map::Map;
use crate::kernels::blocked::part::Grid;
use crate::kernels::blocked::source::{Source, Unpooled};
use crate::kernels::blocked::tile::{self, by_vectors};
use crate::kernels::simd::{Kernel, LANES, Simd, Vector};

/// A run of tiles; their transforms lie `[frequency][block][tile]`, `stride` vectors from block to block.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) grid: Grid,
    pub(super) tiles: Range<usize>,
    pub(super) stride: usize,
    /// Of the input.
    pub(super) blocks: usize,
}

impl Run {
    /// Vectors from one frequency of `blocks` to the next.
    pub(super) fn step(&self, blocks: usize) -> usize {
        apart(blocks * self.stride)
    }
}

/// The first stage: `Bᵀ d B` of every tile of some blocks.
pub(super) struct Input<'a, const M: usize, const N: usize> {
    pub(super) run: &'a Run,
    pub(super) input: &'a Source<'a>,
    pub(super) blocks: Range<usize>,
    /// The lines of these blocks.
    pub(super) v: LinesMut<'a, N>,
}

impl<const M: usize, const N: usize> Kernel for Input<'_, M, N>
where
    Transforms: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match *self.input {
            Source::Map(map) => self.in_memory(simd, map),
            Source::Unpooled(source) => self.unpooled(simd, source),
        }
    }
}

impl<const M: usize, const N: usize> Input<'_, M, N>
where
    Transforms: Transform<M, N>,
{
    #[inline(always)]
    fn in_memory<S: Simd>(mut self, simd: S, map: Map<'_>) {
        let mut columns = [[simd.splat(0.0); N]; N];
        for (index, block) in self.blocks.clone().enumerate() {
            for tile in self.run.tiles.clone() {
                let (y, x) = self.run.grid.corner(&self.run.grid.place(tile));
                // Maps hold whole tiles with their border.
                let lines: [&[Vector]; N] = std::array::from_fn(|i| &map.from(block, y + i, x)[..N]);
                for j in 0..N {
                    let mut column = [simd.splat(0.0); N];
                    for i in 0..N {
                        column[i] = simd.load(&lines[i][j].0);
                    }
                    columns[j] = Transforms::input(simd, column);
                }
                self.put(simd, index, tile, &columns);
            }
        }
    }

    #[inline(always)]
    fn unpooled<S: Simd>(mut self, simd: S, source: Unpooled<'_>) {
        let mut columns = [[simd.splat(0.0); N]; N];
        for (index, block) in self.blocks.clone().enumerate() {
            for tile in self.run.tiles.clone() {
                let (y, x) = self.run.grid.corner(&self.run.grid.place(tile));
                // Row and column 0 wrap round to a position far outside.
                let lines: [_; N] = std::array::from_fn(|i| source.line(block, (y + i).wrapping_sub(1)));
                for j in 0..N {
                    let mut column = [simd.splat(0.0); N];
                    for i in 0..N {
                        column[i] = source.spread(simd, lines[i], (x + j).wrapping_sub(1));
                    }
                    columns[j] = Transforms::input(simd, column);
                }
                self.put(simd, index, tile, &columns);
            }
        }
    }

    /// Transforms the rows of a tile whose columns are done, and writes them.
    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, index: usize, tile: usize, columns: &[[S::V; N]; N]) {
        let place = index * self.run.stride + tile - self.run.tiles.start;
        for i in 0..N {
            let row = Transforms::input(simd, across(columns, i));
            self.v.set_row(simd, place, i, row);
        }
    }
}

/// The values at place `i` of every line.
#[inline(always)]
fn across<V: Copy, const A: usize, const B: usize>(lines: &[[V; B]; A], i: usize) -> [V; A] {
    let mut across = [lines[0][i]; A];
    for at in 1..A {
        across[at] = lines[at][i];
    }
    across
}

/// The second stage, for one frequency and one group of output blocks: transformed weights times tiles.
pub(super) struct Product<'a> {
    pub(super) run: &'a Run,
    /// `[input channel][block of the group]`.
    pub(super) weights: &'a [Vector],
    /// The frequency's line of the transformed input, and of the group's results.
    pub(super) v: &'a [Vector],
    pub(super) m: &'a mut [Vector],
    /// Output blocks.
    pub(super) vectors: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        by_vectors!(self.vectors, self.group::<S>(simd))
    }
}

impl Product<'_> {
    #[inline(always)]
    fn group<S: Simd, const OB: usize>(self, simd: S) {
        let Self { weights, v, m, .. } = self;
        let (length, tiles) = (S::TILE[OB - 1], self.run.tiles.len());
        let (blocks, stride) = (self.run.blocks, self.run.stride);
        for start in (0..tiles).step_by(length) {
            // The last register tile starts early and repeats a few sums rather than running short; a run shorter
            // than one register tile has room behind it, filled with whatever was there.
            let first = if start + length <= tiles { start } else { tiles.saturating_sub(length) };
            let mut sums = tile::zero::<S, OB>(simd);
            for b in 0..blocks {
                let at = b * stride + first;
                for p in 0..length {
                    simd.prefetch(v.as_ptr().wrapping_add(at + stride + p));
                }
                tile::block::<S, OB>(simd, &mut sums, &v[at..], &weights[b * LANES * OB..]);
            }
            for o in 0..OB {
                let to = &mut m[o * stride + first..][..length];
                for p in 0..length {
                    simd.store(&mut to[p].0, sums[p][o]);
                }
            }
        }
    }
}

/// The third stage: `Aᵀ m A` of every tile of some blocks, given to the epilogue.
pub(super) struct Output<'a, 'p, 'm, const M: usize, const N: usize> {
    pub(super) run: &'a Run,
    /// The lines of these blocks.
    pub(super) m: Lines<'a, N>,
    pub(super) blocks: Range<usize>,
    pub(super) output: &'p mut EpiloguePart<'m>,
}

impl<const M: usize, const N: usize> Kernel for Output<'_, '_, '_, M, N>
where
    Transforms: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Run { grid, tiles, stride, .. } = self.run;
        // What lies between two passes is more than the registers hold; cleared here, not for every tile.
        let mut columns = [[simd.splat(0.0); M]; N];
        let mut values = [[simd.splat(0.0); M]; M];
        for (index, block) in self.blocks.enumerate() {
            for tile in tiles.clone() {
                let at = index * stride + tile - tiles.start;
                for j in 0..N {
                    columns[j] = Transforms::output(simd, self.m.column(simd, at, j));
                }
                for i in 0..M {
                    values[i] = Transforms::output(simd, across(&columns, i));
                }
                self.output.put_tile(simd, block, &grid.place(tile), &values);
            }
        }
    }
}
