//! The stages of a run of tiles: input, products, output.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use super::transform::{Tiles, Transform};
use crate::kernels::blocked::map::{Layout, Vector};
use crate::kernels::blocked::sink::{Shared, Sink, Source};
use crate::kernels::blocked::tile::{self, by_vectors};
use crate::kernels::simd::{Isa, Kernel, LANES, Simd};

/// Tiles that cover a map.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    /// Outputs along the side of a tile.
    pub(super) side: usize,
    pub(super) columns: usize,
    pub(super) tiles: usize,
}

impl Grid {
    pub(super) fn new(layout: &Layout, side: usize) -> Self {
        let columns = layout.shape.width.div_ceil(side);
        Self { side, columns, tiles: columns * layout.shape.height.div_ceil(side) }
    }

    /// The upper left output position of a tile.
    #[inline(always)]
    pub(super) fn corner(&self, tile: usize) -> (usize, usize) {
        (tile / self.columns * self.side, tile % self.columns * self.side)
    }
}

/// Vectors from one frequency to the next: an odd number, or else the N² places that a transform writes at once would
/// lie at multiples of a power of two and drive one another out of the same few sets of the cache.
pub(super) const fn apart(vectors: usize) -> usize {
    vectors | 1
}

/// A run of tiles; their transforms lie `[frequency][block][tile]`, `stride` vectors from block to block.
pub(super) struct Run<'a> {
    pub(super) layout: &'a Layout,
    pub(super) grid: Grid,
    pub(super) tiles: Range<usize>,
    pub(super) stride: usize,
}

impl Run<'_> {
    /// Vectors from one frequency of `blocks` to the next.
    pub(super) fn step(&self, blocks: usize) -> usize {
        apart(blocks * self.stride)
    }

    /// The rows and columns of the map that its tiles cover, one row of tiles after the other.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + Send {
        let (Grid { side, columns, .. }, shape, tiles) = (self.grid, self.layout.shape, self.tiles.clone());
        (tiles.start / columns..tiles.end.div_ceil(columns)).map(move |row| {
            let first = tiles.start.max(row * columns) - row * columns;
            let last = tiles.end.min((row + 1) * columns) - row * columns;
            (side * row..(side * (row + 1)).min(shape.height), side * first..(side * last).min(shape.width))
        })
    }

    /// Tells the sink, on all threads, that these parts are complete.
    pub(super) fn complete<K: Sink>(&self, isa: Isa, sink: &K) {
        let parts: Vec<_> = self.parts().collect();
        parts.into_par_iter().for_each(|(rows, columns)| sink.complete(isa, rows, columns));
    }
}

/// What lies between the passes of a transform along both axes: A lines of B vectors. It is more than the registers hold,
/// and clearing it for every tile would cost a twentieth of an evaluation.
struct Between<V, const A: usize, const B: usize>(MaybeUninit<[[V; B]; A]>);

impl<V: Copy, const A: usize, const B: usize> Between<V, A, B> {
    #[inline(always)]
    fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    /// Writes a line.
    #[inline(always)]
    fn put(&mut self, at: usize, line: [V; B]) {
        assert!(at < A);
        // SAFETY: line `at` lies inside.
        unsafe { self.0.as_mut_ptr().cast::<[V; B]>().add(at).write(line) }
    }

    /// All lines.
    ///
    /// # Safety
    /// Every line must have been written.
    #[inline(always)]
    unsafe fn whole(&self) -> &[[V; B]; A] {
        // SAFETY: as this function's contract says.
        unsafe { self.0.assume_init_ref() }
    }

    /// Reads across all lines.
    ///
    /// # Safety
    /// Every line must have been written.
    #[inline(always)]
    unsafe fn across(&self, place: usize) -> [V; A] {
        assert!(place < B);
        // SAFETY: all lines are written, as this function's contract says, so each is initialised; `place` lies inside.
        unsafe {
            let lines = self.0.as_ptr().cast::<[V; B]>();
            let mut across = [(*lines)[place]; A];
            for at in 1..A {
                across[at] = (*lines.add(at))[place];
            }
            across
        }
    }
}

/// The first stage: `Bᵀ d B` of every tile.
pub(super) struct Input<'a, I, const M: usize, const N: usize> {
    pub(super) run: &'a Run<'a>,
    pub(super) input: &'a I,
    pub(super) v: &'a Shared<'a, Vector>,
    pub(super) blocks: Range<usize>,
}

impl<I: Source, const M: usize, const N: usize> Kernel for Input<'_, I, M, N>
where
    Tiles: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Run { layout, grid, tiles, stride } = self.run;
        for block in self.blocks {
            for tile in tiles.clone() {
                let (y, x) = grid.corner(tile);
                // SAFETY: sources give whole tiles; v has room for `stride` ≥ tiles vectors in each of its
                // N²·blocks rows; this task alone writes these tiles of these blocks.
                unsafe {
                    let mut columns = Between::<S::V, N, N>::new();
                    for j in 0..N {
                        let mut line = [S::splat(0.0); N];
                        for i in 0..N {
                            line[i] = self.input.load::<S>(block, y + i, x + j);
                        }
                        columns.put(j, Tiles::input::<S>(line));
                    }
                    let step = self.run.step(layout.blocks);
                    let to = self.v.at(block * stride + tile - tiles.start);
                    for i in 0..N {
                        let line = Tiles::input::<S>(columns.across(i));
                        for j in 0..N {
                            S::store(to.add((N * i + j) * step).cast(), line[j]);
                        }
                    }
                }
            }
        }
    }
}

/// The second stage, for one frequency and one group of output blocks: transformed weights times tiles.
pub(super) struct Product<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) weights: &'a [Vector],
    pub(super) v: &'a [Vector],
    pub(super) m: &'a mut [Vector],
    /// Output blocks.
    pub(super) vectors: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { by_vectors!(self.vectors, self.group::<S>()) }
    }
}

impl Product<'_> {
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn group<S: Simd, const OB: usize>(self) {
        let (length, tiles) = (S::TILE[OB - 1], self.run.tiles.len());
        let (blocks, stride) = (self.run.layout.blocks, self.run.stride);
        assert!(self.weights.len() >= blocks * LANES * OB, "weights of another group");
        assert!(
            self.v.len() >= blocks * stride && self.m.len() >= OB * stride && stride >= tiles.max(length)
        );
        for start in (0..tiles).step_by(length) {
            // The last register tile starts early and repeats a few sums rather than running short; a run shorter
            // than one register tile has room behind it, filled with whatever was there.
            let first = if start + length <= tiles { start } else { tiles.saturating_sub(length) };
            // SAFETY: the lengths were asserted above: first + length ≤ stride.
            unsafe {
                let mut sums = tile::zero::<S, OB>();
                let mut values = self.v.as_ptr().add(first).cast::<f32>();
                let mut w = self.weights.as_ptr().cast::<f32>();
                for _ in 0..blocks {
                    let next = values.wrapping_add(stride * LANES);
                    for p in 0..length {
                        S::prefetch(next.wrapping_add(p * LANES));
                    }
                    tile::block::<S, OB>(&mut sums, values, w);
                    values = next;
                    w = w.add(LANES * OB * LANES);
                }
                for o in 0..OB {
                    let to = self.m.as_mut_ptr().add(o * stride + first);
                    for p in 0..length {
                        S::store(to.add(p).cast(), sums[p][o]);
                    }
                }
            }
        }
    }
}

/// The third stage: `Aᵀ m A` of every tile, handed to the sink.
pub(super) struct Output<'a, K, const M: usize, const N: usize> {
    pub(super) run: &'a Run<'a>,
    pub(super) m: &'a [Vector],
    /// Vectors from one frequency to the next.
    pub(super) step: usize,
    pub(super) blocks: Range<usize>,
    pub(super) sink: &'a K,
}

impl<K: Sink, const M: usize, const N: usize> Kernel for Output<'_, K, M, N>
where
    Tiles: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Run { layout, grid, tiles, stride } = self.run;
        let (height, width) = (layout.shape.height, layout.shape.width);
        assert!(self.m.len() >= N * N * self.step && self.step >= self.blocks.len() * stride);
        for (row, block) in self.blocks.clone().enumerate() {
            for tile in tiles.clone() {
                let (y, x) = grid.corner(tile);
                // SAFETY: the lengths were asserted above; this task alone puts these tiles of these blocks.
                unsafe {
                    let from = self.m.as_ptr().add(row * stride + tile - tiles.start);
                    let mut columns = Between::<S::V, N, M>::new();
                    for j in 0..N {
                        let mut line = [S::splat(0.0); N];
                        for i in 0..N {
                            line[i] = S::load(from.add((N * i + j) * self.step).cast());
                        }
                        columns.put(j, Tiles::output::<S>(line));
                    }
                    let mut values = Between::<S::V, M, M>::new();
                    for i in 0..M {
                        values.put(i, Tiles::output::<S>(columns.across(i)));
                    }
                    self.sink.tile::<S, M>(block, (y, x), (height - y, width - x), values.whole());
                }
            }
        }
    }
}
