//! Winograd's F(4×4, 3×3): sixteen outputs of a 3×3 convolution for 36 multiplications instead of 144.
//!
//! `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` on tiles of 6×6 inputs (Lavin & Gray 2015, arXiv 1509.09308), built by the
//! Toom–Cook method on the points 0, ±√½, ±√2, ∞. They keep the growth of rounding errors low, and the set is
//! closed under inversion: turning a kernel by 180° only exchanges the points p and 1/p, so with the scaling
//! chosen here (a factor of −2 moved from the rows ±√2 of G to the columns of A) the backward direction can
//! use the very same transforms.
//!
//! Tiles are worked in chunks: input transform, 36 products, output transform. With few channels a chunk is one
//! task that stays in the cache. With many, the transformed weights would be four times the plain ones and outgrow
//! every cache: then all threads share a large chunk of transformed input, and each task transforms the kernels of a
//! few output channels when it needs them, which costs little beside the products.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::map::{Buffer, Layout, Vector, blocks};
use super::pack::{Group, Packed, groups};
use super::scratch::Pool;
use super::sink::{Shared, Sink, Source};
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

/// Bytes of transformed weights above which kernels are transformed when they are needed.
const TRANSFORMED_AT_MOST: usize = 6 << 20;

/// The weights of one direction of a convolution.
pub struct Weights {
    inputs: usize,
    outputs: usize,
    kind: Kind,
}

/// How weights are held.
enum Kind {
    /// 36 products, transformed beforehand.
    Transformed(Packed),
    /// The nine taps of the forward direction, to be transformed in use.
    Plain(Arc<Packed>),
    /// The same, to be turned by 180° and transposed first: the backward direction.
    Turned(Arc<Packed>),
}

impl Weights {
    /// Packs out×in×3×3 weights for both directions: input to output, and the output's gradient to the input's.
    pub fn pair(weight: &[f32], outputs: usize, inputs: usize) -> (Self, Self) {
        assert_eq!(weight.len(), outputs * inputs * 9);
        let kinds = if outputs * inputs * FREQUENCIES * size_of::<f32>() > TRANSFORMED_AT_MOST {
            let plain = Arc::new(super::direct::pack(weight, outputs, inputs));
            (Kind::Plain(plain.clone()), Kind::Turned(plain))
        } else {
            let transform = |weight: &[f32], outputs, inputs| {
                Kind::Transformed(Packed::new(inputs, outputs, FREQUENCIES, |o, i, values| {
                    transform_kernel(&weight[(o * inputs + i) * 9..][..9], values);
                }))
            };
            let turned = crate::kernels::conv::rotated(weight, outputs, inputs);
            (transform(weight, outputs, inputs), transform(&turned, inputs, outputs))
        };
        let one = |inputs, outputs, kind| Self { inputs, outputs, kind };
        (one(inputs, outputs, kinds.0), one(outputs, inputs, kinds.1))
    }

    /// Whether kernels are transformed when they are needed, for chunks of tiles that all threads share.
    pub fn transforms_in_use(&self) -> bool {
        !matches!(self.kind, Kind::Transformed(_))
    }
}

/// Writes the taps of one group of output blocks, turned by 180° with channels exchanged, as
/// `[tap][input channel][block of the group]`. `packed` holds the direction that is turned.
fn turn(packed: &Packed, group: Group, taps: &mut [Vector]) {
    let rows = blocks(packed.outputs) * LANES;
    for tap in 0..9 {
        let target = &mut taps[(8 - tap) * rows * group.1..][..rows * group.1];
        for &from in &packed.groups {
            let source = packed.part(tap, from);
            for block in 0..from.1 {
                for place in 0..group.1 {
                    // A 16×16 block: lanes of the source become rows of the target.
                    let rows = &source[(group.0 + place) * LANES * from.1 + block..];
                    let columns = &mut target[(from.0 + block) * LANES * group.1 + place..];
                    for (lane, row) in rows.iter().step_by(from.1).take(LANES).enumerate() {
                        for (column, &value) in columns.iter_mut().step_by(group.1).zip(&row.0) {
                            column.0[lane] = value;
                        }
                    }
                }
            }
        }
    }
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

/// Tiles of a chunk that all threads share, about.
const SHARED_TILES: usize = 256;
/// Bytes of transformed input and output that a chunk of one task may take, about.
const CHUNK_BYTES: usize = 768 << 10;
/// Chunks hold a multiple of so many tiles: the widest register tile of two vectors.
const QUANTUM: usize = 14;
/// The least room of a row of tiles: the longest register tile.
const LEAST: usize = tile::MOST;

/// Convolves `input` with packed weights; results go to `sink` by tiles.
///
/// `layout` is the input's; the sink's map has the same height and width.
pub fn convolve<I: Source, K: Sink>(
    isa: Isa,
    input: &I,
    layout: &Layout,
    weights: &Weights,
    sink: &K,
    scratch: &Pool,
) {
    assert_eq!(weights.inputs, layout.shape.channels, "channels");
    let grid = Grid::new(layout);
    let out_blocks = blocks(weights.outputs);
    let per_tile = FREQUENCIES * (layout.blocks + out_blocks) * size_of::<Vector>();
    let wanted = match weights.kind {
        Kind::Transformed(_) => (CHUNK_BYTES / per_tile).clamp(QUANTUM, 112),
        Kind::Plain(_) | Kind::Turned(_) => SHARED_TILES,
    };
    let chunks = grid.tiles.div_ceil(wanted).max(1);
    let size = grid.tiles.div_ceil(chunks).next_multiple_of(QUANTUM);
    let stride = size.max(LEAST);
    let runs = (0..grid.tiles).step_by(size).map(|start| {
        let tiles = start..(start + size).min(grid.tiles);
        Run { layout, grid, stride, tiles }
    });
    match &weights.kind {
        Kind::Transformed(packed) => runs.collect::<Vec<_>>().par_iter().for_each(|run| {
            scratch.with(|buffer| alone(isa, run, input, packed, sink, buffer));
        }),
        Kind::Plain(packed) | Kind::Turned(packed) => scratch.with_largest(|buffer| {
            let v = buffer.vectors_mut(FREQUENCIES * layout.blocks * stride);
            let kernels = (&**packed, matches!(weights.kind, Kind::Turned(_)));
            runs.for_each(|run| together(isa, &run, input, kernels, sink, v, scratch));
        }),
    }
}

/// A run of tiles on this thread, by weights transformed beforehand.
fn alone<I: Source, K: Sink>(isa: Isa, run: &Run, input: &I, packed: &Packed, sink: &K, buffer: &mut Buffer) {
    let (in_step, out_step) = (run.layout.blocks * run.stride, blocks(packed.outputs) * run.stride);
    let (v, m) = buffer.split(FREQUENCIES * in_step, FREQUENCIES * out_step);
    isa.run(Input { run, input, v: &Shared::new(v), blocks: 0..run.layout.blocks });
    for frequency in 0..FREQUENCIES {
        for &group in &packed.groups {
            let weights = packed.part(frequency, group);
            let m = &mut m[frequency * out_step + group.0 * run.stride..];
            isa.run(Product { run, weights, v: &v[frequency * in_step..], m, vectors: group.1 });
        }
    }
    isa.run(Output { run, m, step: out_step, blocks: 0..blocks(packed.outputs), sink });
}

/// A run of tiles over all threads: the input is transformed once, then each task takes a group of output blocks
/// from its kernels to its results.
fn together<I: Source, K: Sink>(
    isa: Isa,
    run: &Run,
    input: &I,
    (packed, backward): (&Packed, bool),
    sink: &K,
    v: &mut [Vector],
    scratch: &Pool,
) {
    let groups = groups(blocks(if backward { packed.inputs } else { packed.outputs }));
    let in_blocks = run.layout.blocks;
    let shared = Shared::new(v);
    (0..in_blocks).into_par_iter().for_each(|b| {
        isa.run(Input { run, input, v: &shared, blocks: b..b + 1 });
    });
    groups.par_iter().for_each(|&group| {
        let (rows, step) = (in_blocks * LANES * group.1, group.1 * run.stride);
        scratch.with(|buffer| {
            let (u, rest) = buffer.split(FREQUENCIES * rows, FREQUENCIES * step + 9 * rows);
            let (m, turned) = rest.split_at_mut(FREQUENCIES * step);
            let taps: [&[Vector]; 9] = if backward {
                turn(packed, group, turned);
                std::array::from_fn(|tap| &turned[tap * rows..][..rows])
            } else {
                std::array::from_fn(|tap| packed.part(tap, group))
            };
            isa.run(Kernels { taps, u });
            for frequency in 0..FREQUENCIES {
                let weights = &u[frequency * rows..][..rows];
                let v = &v[frequency * in_blocks * run.stride..];
                isa.run(Product { run, weights, v, m: &mut m[frequency * step..], vectors: group.1 });
            }
            isa.run(Output { run, m, step, blocks: group.0..group.0 + group.1, sink });
        });
    });
}

/// A run of tiles; their transforms lie `[frequency][block][tile]`, `stride` vectors from block to block.
struct Run<'a> {
    layout: &'a Layout,
    grid: Grid,
    tiles: Range<usize>,
    stride: usize,
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

/// `G` along three values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
unsafe fn kernel_line<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (a, b) = (S::splat(-2.0 / 3.0), S::splat(-1.0 / 3.0));
        let even_a = S::mul(a, S::fma(S::splat(0.5), g[2], g[0]));
        let odd_a = S::mul(S::splat(-2.0 / 3.0 * A), g[1]);
        let even_b = S::mul(b, S::fma(S::splat(2.0), g[2], g[0]));
        let odd_b = S::mul(S::splat(-1.0 / 3.0 * B), g[1]);
        [
            g[0],
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            g[2],
        ]
    }
}

/// `G g Gᵀ` of the kernels of one group of output blocks, `[frequency]` before the taps' own order.
struct Kernels<'a> {
    taps: [&'a [Vector]; 9],
    u: &'a mut [Vector],
}

impl Kernel for Kernels<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let rows = self.taps[0].len();
        assert!(self.u.len() >= FREQUENCIES * rows && self.taps.iter().all(|tap| tap.len() == rows));
        for row in 0..rows {
            // SAFETY: the caller vouches for the instruction set; lengths were asserted.
            unsafe {
                let mut columns = [[S::splat(0.0); 6]; 3];
                for v in 0..3 {
                    let mut line = [S::splat(0.0); 3];
                    for u in 0..3 {
                        line[u] = S::load(self.taps[3 * u + v].as_ptr().add(row).cast());
                    }
                    columns[v] = kernel_line::<S>(line);
                }
                for i in 0..6 {
                    let line = kernel_line::<S>([columns[0][i], columns[1][i], columns[2][i]]);
                    for j in 0..6 {
                        S::store(self.u.as_mut_ptr().add((6 * i + j) * rows + row).cast(), line[j]);
                    }
                }
            }
        }
    }
}

/// The first stage: `Bᵀ d B` of every tile.
struct Input<'a, I> {
    run: &'a Run<'a>,
    input: &'a I,
    v: &'a Shared<'a, Vector>,
    blocks: Range<usize>,
}

impl<I: Source> Kernel for Input<'_, I> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Run { layout, grid, tiles, stride } = self.run;
        for block in self.blocks {
            for tile in tiles.clone() {
                let (y, x) = grid.corner(tile);
                // SAFETY: sources give whole tiles; v has room for `stride` ≥ tiles vectors in each of its
                // 36·blocks rows; this task alone writes these tiles of these blocks.
                unsafe {
                    let mut columns = [[S::splat(0.0); 6]; 6];
                    for j in 0..6 {
                        let mut line = [S::splat(0.0); 6];
                        for i in 0..6 {
                            line[i] = self.input.load::<S>(block, y + i, x + j);
                        }
                        columns[j] = input_line::<S>(line);
                    }
                    let step = layout.blocks * stride;
                    let to = self.v.at(block * stride + tile - tiles.start);
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

/// The second stage, for one frequency and one group of output blocks: transformed weights times tiles.
struct Product<'a> {
    run: &'a Run<'a>,
    weights: &'a [Vector],
    v: &'a [Vector],
    m: &'a mut [Vector],
    /// Output blocks.
    vectors: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            match self.vectors {
                1 => self.group::<S, 1>(),
                2 => self.group::<S, 2>(),
                _ => self.group::<S, 3>(),
            }
        }
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
                    tile::block::<S, OB>(&mut sums, values, w);
                    values = values.add(stride * LANES);
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
struct Output<'a, K> {
    run: &'a Run<'a>,
    m: &'a [Vector],
    /// Vectors from one frequency to the next.
    step: usize,
    blocks: Range<usize>,
    sink: &'a K,
}

impl<K: Sink> Kernel for Output<'_, K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Run { layout, grid, tiles, stride } = self.run;
        let (height, width) = (layout.shape.height, layout.shape.width);
        assert!(self.m.len() >= FREQUENCIES * self.step && self.step >= self.blocks.len() * stride);
        for (row, block) in self.blocks.clone().enumerate() {
            for tile in tiles.clone() {
                let (y, x) = grid.corner(tile);
                // SAFETY: the lengths were asserted above; this task alone puts these tiles of these blocks.
                unsafe {
                    let from = self.m.as_ptr().add(row * stride + tile - tiles.start);
                    let mut columns = [[S::splat(0.0); 4]; 6];
                    for j in 0..6 {
                        let mut line = [S::splat(0.0); 6];
                        for i in 0..6 {
                            line[i] = S::load(from.add((6 * i + j) * self.step).cast());
                        }
                        columns[j] = output_line::<S>(line);
                    }
                    let mut values = [[S::splat(0.0); 4]; 4];
                    for i in 0..4 {
                        let mut line = [S::splat(0.0); 6];
                        for j in 0..6 {
                            line[j] = columns[j][i];
                        }
                        values[i] = output_line::<S>(line);
                    }
                    self.sink.tile::<S>(block, (y, x), (height - y, width - x), &values);
                }
            }
        }
    }
}
