//! Winograd's F(4×4, 3×3): sixteen outputs of a 3×3 convolution for 36 multiplications instead of 144.
//!
//! `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` on tiles of 6×6 inputs (Lavin & Gray 2015, arXiv 1509.09308), built by the
//! Toom–Cook method on the points 0, ±√½, ±√2, ∞. They keep the growth of rounding errors low, and the set is
//! closed under inversion: turning a kernel by 180° only exchanges the points p and 1/p, so with the scaling
//! chosen here (a factor of −2 moved from the rows ±√2 of G to the columns of A) the backward direction can
//! use the very same transforms.
//!
//! Tiles are worked in chunks: input transform, 36 products, output transform. A chunk of few channels is
//! one task that stays in the cache; with many channels the weights no longer fit there, so all threads share a large
//! chunk and walk the 36 products together.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::map::{Buffer, Layout, Vector, blocks};
use super::pack::{Group, Packed};
use super::scratch::Pool;
use super::sink::{Shared, Sink};
use super::tile;
use crate::kernels::simd::{Isa, Kernel, LANES, Simd};

/// Products per tile, 6×6.
pub const FREQUENCIES: usize = 36;
/// √½ and √2: the points.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;

/// `G g Gᵀ` of a 3×3 kernel, in f64, rounded once.
pub fn transform_kernel(kernel: &[f32], values: &mut [f32]) {
    let (a, b) = (0.5f64.sqrt(), 2f64.sqrt());
    let g = [
        [1.0, 0.0, 0.0],
        [1.0 / -1.5, a / -1.5, 0.5 / -1.5],
        [1.0 / -1.5, -a / -1.5, 0.5 / -1.5],
        [1.0 / -3.0, b / -3.0, 2.0 / -3.0],
        [1.0 / -3.0, -b / -3.0, 2.0 / -3.0],
        [0.0, 0.0, 1.0],
    ];
    for (i, left) in g.iter().enumerate() {
        for (j, right) in g.iter().enumerate() {
            let mut sum = 0.0;
            for u in 0..3 {
                for v in 0..3 {
                    sum += left[u] * right[v] * f64::from(kernel[3 * u + v]);
                }
            }
            values[6 * i + j] = sum as f32;
        }
    }
}

/// Packs out×in×3×3 weights as their 36 transformed products.
pub fn pack(weight: &[f32], outputs: usize, inputs: usize) -> Packed {
    assert_eq!(weight.len(), outputs * inputs * 9);
    Packed::new(inputs, outputs, FREQUENCIES, |o, i, values| {
        transform_kernel(&weight[(o * inputs + i) * 9..][..9], values);
    })
}

/// Tiles that cover a map.
#[derive(Clone, Copy)]
struct Grid {
    columns: usize,
    tiles: usize,
}

impl Grid {
    fn new(layout: &Layout) -> Self {
        let columns = layout.shape.width.div_ceil(4);
        Self { columns, tiles: columns * layout.shape.height.div_ceil(4) }
    }

    /// The upper left output position of a tile.
    #[inline(always)]
    fn corner(&self, tile: usize) -> (usize, usize) {
        (tile / self.columns * 4, tile % self.columns * 4)
    }
}

/// Bytes of transformed weights above which a chunk is shared by all threads.
const SHARED_ABOVE: usize = 6 << 20;
/// Tiles of a shared chunk, about.
const SHARED_TILES: usize = 256;
/// Bytes of transformed input and output that a chunk of one task may take, about.
const CHUNK_BYTES: usize = 768 << 10;
/// Chunks hold a multiple of so many tiles: the widest register tile of two vectors.
const QUANTUM: usize = 14;
/// The least chunk: room for the longest register tile.
const LEAST: usize = tile::MOST;

/// Convolves `input` (its border filled) with packed weights; results go to `sink` by position.
///
/// `layout` is the input's; the sink's map has the same height and width.
pub fn convolve<K: Sink>(
    isa: Isa,
    input: &[Vector],
    layout: &Layout,
    weights: &Packed,
    sink: &K,
    scratch: &Pool,
) {
    assert_eq!(weights.inputs, layout.shape.channels, "channels");
    let grid = Grid::new(layout);
    let shared = weights.bytes() > SHARED_ABOVE;
    let per_tile = FREQUENCIES * (layout.blocks + blocks(weights.outputs)) * size_of::<Vector>();
    let wanted = if shared { SHARED_TILES } else { (CHUNK_BYTES / per_tile).clamp(QUANTUM, 112) };
    let chunks = grid.tiles.div_ceil(wanted).max(1);
    let size = grid.tiles.div_ceil(chunks).next_multiple_of(QUANTUM);
    let range = |chunk: usize| chunk * size..((chunk + 1) * size).min(grid.tiles);
    let work = |chunk: usize, buffer: &mut Buffer| {
        let (v, m) = buffer.split(
            FREQUENCIES * layout.blocks * size.max(LEAST),
            FREQUENCIES * blocks(weights.outputs) * size.max(LEAST),
        );
        let chunk = Chunk {
            isa,
            input,
            layout,
            weights,
            grid,
            tiles: range(chunk),
            stride: size.max(LEAST),
            v: Shared::new(v),
            m: Shared::new(m),
        };
        if shared { chunk.together(sink) } else { chunk.alone(sink) }
    };
    let chunks = grid.tiles.div_ceil(size);
    if shared {
        scratch.with(|buffer| (0..chunks).for_each(|chunk| work(chunk, buffer)));
    } else {
        (0..chunks).into_par_iter().for_each(|chunk| scratch.with(|buffer| work(chunk, buffer)));
    }
}

/// One run of tiles with its transformed input `v` (`[frequency][input block][tile]`) and output `m`.
struct Chunk<'a> {
    isa: Isa,
    input: &'a [Vector],
    layout: &'a Layout,
    weights: &'a Packed,
    grid: Grid,
    tiles: Range<usize>,
    /// Tiles from one block to the next in `v` and `m`.
    stride: usize,
    v: Shared<'a, Vector>,
    m: Shared<'a, Vector>,
}

impl Chunk<'_> {
    /// All three stages on this thread.
    fn alone<K: Sink>(&self, sink: &K) {
        self.isa.run(Input { chunk: self, tiles: self.tiles.clone(), blocks: 0..self.layout.blocks });
        self.isa.run(Products { chunk: self, frequencies: 0..FREQUENCIES });
        let blocks = 0..blocks(self.weights.outputs);
        self.isa.run(Output { chunk: self, tiles: self.tiles.clone(), blocks, sink });
    }

    /// Each stage over all threads.
    fn together<K: Sink>(&self, sink: &K) {
        let parts = |end: usize| (0..end).into_par_iter();
        parts(self.layout.blocks).for_each(|b| {
            self.isa.run(Input { chunk: self, tiles: self.tiles.clone(), blocks: b..b + 1 });
        });
        parts(FREQUENCIES).for_each(|f| self.isa.run(Products { chunk: self, frequencies: f..f + 1 }));
        parts(blocks(self.weights.outputs)).for_each(|b| {
            self.isa.run(Output { chunk: self, tiles: self.tiles.clone(), blocks: b..b + 1, sink });
        });
    }
}

/// `Bᵀ` along six values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
unsafe fn input_line<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (half, two, wide) = (S::splat(0.5), S::splat(2.0), S::splat(2.5));
        let (a, b) = (S::splat(A), S::splat(B));
        let (even_a, odd_a) = (S::fnma(two, d[2], d[4]), S::fnma(two, d[1], d[3]));
        let (even_b, odd_b) = (S::fnma(half, d[2], d[4]), S::fnma(half, d[1], d[3]));
        [
            S::fnma(wide, d[2], S::add(d[0], d[4])),
            S::fma(a, odd_a, even_a),
            S::fnma(a, odd_a, even_a),
            S::fma(b, odd_b, even_b),
            S::fnma(b, odd_b, even_b),
            S::fnma(wide, d[3], S::add(d[1], d[5])),
        ]
    }
}

/// `Aᵀ` along six values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
unsafe fn output_line<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let half = S::splat(0.5);
        let (even_a, odd_a) = (S::add(m[1], m[2]), S::mul(S::splat(A), S::sub(m[1], m[2])));
        let (even_b, odd_b) = (S::add(m[3], m[4]), S::mul(S::splat(B * 0.5), S::sub(m[3], m[4])));
        [
            S::fnma(half, even_b, S::add(m[0], even_a)),
            S::sub(odd_a, odd_b),
            S::sub(S::mul(half, even_a), even_b),
            S::fma(half, odd_a, S::fnma(S::splat(2.0), odd_b, m[5])),
        ]
    }
}

/// The first stage: `Bᵀ d B` of every tile.
struct Input<'a, 'b> {
    chunk: &'a Chunk<'b>,
    tiles: Range<usize>,
    blocks: Range<usize>,
}

impl Kernel for Input<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let c = self.chunk;
        for block in self.blocks {
            for tile in self.tiles.clone() {
                let (y, x) = c.grid.corner(tile);
                // SAFETY: layouts hold whole tiles, so 6×6 vectors from padded (y, x) exist; v has room for
                // `stride` ≥ tiles vectors in each of its 36·blocks rows; this task alone writes these tiles
                // of these blocks.
                unsafe {
                    let from = c.input.as_ptr().add(c.layout.at(block, y, x));
                    let mut columns = [[S::splat(0.0); 6]; 6];
                    for j in 0..6 {
                        let mut line = [S::splat(0.0); 6];
                        for i in 0..6 {
                            line[i] = S::load(from.add(i * c.layout.row + j).cast());
                        }
                        columns[j] = input_line::<S>(line);
                    }
                    let step = c.layout.blocks * c.stride;
                    let to = c.v.at(block * c.stride + tile - c.tiles.start);
                    for i in 0..6 {
                        let mut line = [S::splat(0.0); 6];
                        for j in 0..6 {
                            line[j] = columns[j][i];
                        }
                        let line = input_line::<S>(line);
                        for j in 0..6 {
                            S::store(to.add((6 * i + j) * step).cast(), line[j]);
                        }
                    }
                }
            }
        }
    }
}

/// The second stage: at each frequency, transformed weights times transformed tiles.
struct Products<'a, 'b> {
    chunk: &'a Chunk<'b>,
    frequencies: Range<usize>,
}

impl Kernel for Products<'_, '_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for frequency in self.frequencies {
            for &group in &self.chunk.weights.groups {
                // SAFETY: the caller vouches for the instruction set.
                unsafe {
                    match group.1 {
                        1 => product::<S, 1>(self.chunk, frequency, group),
                        2 => product::<S, 2>(self.chunk, frequency, group),
                        _ => product::<S, 3>(self.chunk, frequency, group),
                    }
                }
            }
        }
    }
}

/// One frequency and one group of output blocks for all tiles of a chunk.
///
/// # Safety
/// Only where `S` is available, and for one task per frequency and group.
#[inline(always)]
unsafe fn product<S: Simd, const OB: usize>(c: &Chunk, frequency: usize, group: Group) {
    let (length, tiles) = (S::TILE[OB - 1], c.tiles.len());
    let weights = c.weights.part(frequency, group);
    let mut start = 0;
    while start < tiles {
        // The last tile of positions starts early and repeats a few sums rather than running short; a chunk
        // shorter than one tile has room behind it (`LEAST`), filled with whatever was there.
        let first = if start + length <= tiles { start } else { tiles.saturating_sub(length) };
        // SAFETY: rows of v and m hold `stride` ≥ max(tiles, length) vectors; the weights hold 16·OB vectors
        // for every input block.
        unsafe {
            let mut sums = tile::zero::<S, OB>();
            let mut values =
                c.v.at(frequency * c.layout.blocks * c.stride + first).cast_const().cast::<f32>();
            let mut w = weights.as_ptr().cast::<f32>();
            for _ in 0..c.layout.blocks {
                tile::block::<S, OB>(&mut sums, values, w);
                values = values.add(c.stride * LANES);
                w = w.add(LANES * OB * LANES);
            }
            let row = frequency * blocks(c.weights.outputs) + group.0;
            for o in 0..OB {
                let to = c.m.at((row + o) * c.stride + first);
                for p in 0..length {
                    S::store(to.add(p).cast(), sums[p][o]);
                }
            }
        }
        start += length;
    }
}

/// The third stage: `Aᵀ m A` of every tile, handed to the sink.
struct Output<'a, 'b, K> {
    chunk: &'a Chunk<'b>,
    tiles: Range<usize>,
    blocks: Range<usize>,
    sink: &'a K,
}

impl<K: Sink> Kernel for Output<'_, '_, K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let c = self.chunk;
        let (height, width) = (c.layout.shape.height, c.layout.shape.width);
        let step = blocks(c.weights.outputs) * c.stride;
        for block in self.blocks {
            for tile in self.tiles.clone() {
                let (y, x) = c.grid.corner(tile);
                // SAFETY: m was filled for these tiles and blocks; positions are put only inside the map, and
                // this task alone puts these tiles of these blocks.
                unsafe {
                    let from = c.m.at(block * c.stride + tile - c.tiles.start);
                    let mut columns = [[S::splat(0.0); 4]; 6];
                    for j in 0..6 {
                        let mut line = [S::splat(0.0); 6];
                        for i in 0..6 {
                            line[i] = S::load(from.add((6 * i + j) * step).cast());
                        }
                        columns[j] = output_line::<S>(line);
                    }
                    for i in 0..4.min(height - y) {
                        let mut line = [S::splat(0.0); 6];
                        for j in 0..6 {
                            line[j] = columns[j][i];
                        }
                        let line = output_line::<S>(line);
                        for j in 0..4 {
                            if x + j < width {
                                self.sink.put::<S>(block, y + i, x + j, line[j]);
                            }
                        }
                    }
                }
            }
        }
    }
}
