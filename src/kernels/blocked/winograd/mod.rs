//! Winograd's minimal filtering, F(m×m, 3×3): 16 outputs of a 3×3 convolution for 36 multiplications instead of 144, or 36
//! for 64 instead of 324.
//!
//! `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` on tiles of 6×6 or 8×8 inputs (Lavin & Gray 2015, arXiv 1509.09308). Larger tiles
//! save more, but round worse and waste more where a map ends inside a tile: [`Tile::best`] chooses by the map.
//! The backward direction convolves with the kernel turned by 180°.
//!
//! Tiles are worked in chunks: input transform, N² products, output transform. With few channels a chunk is one
//! task that stays in the cache. With many, the transformed weights would be many times the plain ones and outgrow
//! every cache: then all threads share a large chunk of transformed input, and each task transforms the kernels of a
//! few output channels when it needs them, which costs little beside the products.

mod kernels;
mod stages;
mod transform;

use std::sync::Arc;

use rayon::prelude::*;

use crate::kernels::blocked::map::{Buffer, Layout, Vector, blocks};
use crate::kernels::blocked::pack::{Packed, groups};
use crate::kernels::blocked::scratch::Pool;
use crate::kernels::blocked::sink::{Shared, Sink, Source};
use crate::kernels::blocked::tile;
use crate::kernels::simd::{Isa, LANES};
use crate::tensor::Shape;
use kernels::{Gather, Kernels, Plain};
use stages::{Grid, Input, Output, Product, Run, apart};
use transform::{Tiles, Transform, transform_kernel};

/// The outputs of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// 4×4, from 6×6 inputs.
    Four,
    /// 6×6, from 8×8 inputs.
    Six,
}

impl Tile {
    /// Every tile.
    pub const ALL: [Self; 2] = [Self::Four, Self::Six];

    /// Outputs along a side.
    pub const fn side(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Six => 6,
        }
    }

    /// Products of a tile for each pair of an input and an output channel: N².
    pub const fn products(self) -> usize {
        (self.side() + 2) * (self.side() + 2)
    }

    /// Products of a whole map for each pair of channels.
    pub const fn products_of(self, map: Shape) -> usize {
        map.height.div_ceil(self.side()) * map.width.div_ceil(self.side()) * self.products()
    }

    /// The tile with the fewest products on a map; the smaller one of equals.
    pub const fn best(map: Shape) -> Self {
        if Self::Six.products_of(map) < Self::Four.products_of(map) { Self::Six } else { Self::Four }
    }
}

/// Bytes of transformed weights above which kernels are transformed when they are needed.
const TRANSFORMED_AT_MOST: usize = 6 << 20;

/// The weights of one direction of a convolution.
pub struct Weights {
    tile: Tile,
    inputs: usize,
    outputs: usize,
    kind: Kind,
}

/// How weights are held.
enum Kind {
    /// N² products, transformed beforehand.
    Transformed(Packed),
    /// Plain kernels, to be transformed in use; in the backward direction turned by 180° with channels exchanged.
    Plain { weight: Arc<[f32]>, backward: bool },
}

/// Bytes of the packed weights of both directions; 0 where kernels are transformed in use.
pub fn packed_bytes(outputs: usize, inputs: usize, tile: Tile) -> usize {
    let [outputs, inputs] = [outputs, inputs].map(|channels| blocks(channels) * LANES);
    let bytes = outputs * inputs * tile.products() * size_of::<f32>();
    if bytes > TRANSFORMED_AT_MOST { 0 } else { 2 * bytes }
}

impl Weights {
    /// Packs out×in×3×3 weights for both directions: input to output, and the output's gradient to the input's.
    pub fn pair(weight: impl Into<Arc<[f32]>>, outputs: usize, inputs: usize, tile: Tile) -> (Self, Self) {
        let weight = weight.into();
        assert_eq!(weight.len(), outputs * inputs * 9);
        let kinds = if packed_bytes(outputs, inputs, tile) == 0 {
            let plain = |backward| Kind::Plain { weight: weight.clone(), backward };
            (plain(false), plain(true))
        } else {
            let kernel = match tile {
                Tile::Four => transform_kernel::<4, 6>,
                Tile::Six => transform_kernel::<6, 8>,
            };
            let transform = |weight: &[f32], outputs, inputs| {
                Kind::Transformed(Packed::new(inputs, outputs, tile.products(), |o, i, values| {
                    kernel(&weight[(o * inputs + i) * 9..][..9], values);
                }))
            };
            let turned = crate::kernels::plain::conv::rotated(&weight, outputs, inputs);
            (transform(&weight, outputs, inputs), transform(&turned, inputs, outputs))
        };
        let one = |inputs, outputs, kind| Self { tile, inputs, outputs, kind };
        (one(inputs, outputs, kinds.0), one(outputs, inputs, kinds.1))
    }

    /// Whether kernels are transformed when they are needed, for chunks of tiles that all threads share.
    pub fn transforms_in_use(&self) -> bool {
        !matches!(self.kind, Kind::Transformed(_))
    }
}

/// Bytes of transformed input of a chunk that all threads share, about: it is read once for every group of output
/// blocks, so it should stay in the last cache. Twice as much made 512 channels slower by half.
const SHARED_BYTES: usize = 9 << 20;
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
    match weights.tile {
        Tile::Four => convolve_by::<_, _, 4, 6>(isa, input, layout, weights, sink, scratch),
        Tile::Six => convolve_by::<_, _, 6, 8>(isa, input, layout, weights, sink, scratch),
    }
}

/// The same with tiles of M×M outputs and N×N inputs.
fn convolve_by<I: Source, K: Sink, const M: usize, const N: usize>(
    isa: Isa,
    input: &I,
    layout: &Layout,
    weights: &Weights,
    sink: &K,
    scratch: &Pool,
) where
    Tiles: Transform<M, N>,
{
    let grid = Grid::new(layout, M);
    let out_blocks = blocks(weights.outputs);
    let in_bytes = N * N * layout.blocks * size_of::<Vector>();
    let per_tile = in_bytes + N * N * out_blocks * size_of::<Vector>();
    let quanta = grid.tiles.div_ceil(QUANTUM);
    let size = QUANTUM
        * match weights.kind {
            Kind::Transformed(_) => {
                let share = quanta.div_ceil(rayon::current_num_threads());
                evenly(share, (CHUNK_BYTES / per_tile / QUANTUM).clamp(1, 8))
            }
            Kind::Plain { .. } => evenly(quanta, (SHARED_BYTES / in_bytes / QUANTUM).max(1)),
        };
    let stride = size.max(LEAST);
    let runs = (0..grid.tiles).step_by(size).map(|start| {
        let tiles = start..(start + size).min(grid.tiles);
        Run { layout, grid, stride, tiles }
    });
    match &weights.kind {
        Kind::Transformed(packed) => {
            runs.collect::<Vec<_>>().par_iter().for_each(|run| {
                scratch.with(|buffer| alone::<_, _, M, N>(isa, run, input, packed, sink, buffer));
            });
            if !shares_evenly(&grid, stride) {
                Run { layout, grid, stride, tiles: 0..grid.tiles }.complete(isa, sink);
            }
        }
        Kind::Plain { weight, backward } => scratch.with_largest(|buffer| {
            let v = buffer.vectors_mut(N * N * apart(layout.blocks * stride));
            let (outputs, inputs) = match backward {
                true => (weights.inputs, weights.outputs),
                false => (weights.outputs, weights.inputs),
            };
            let kernels = (Plain { weight, outputs, inputs }, *backward);
            runs.for_each(|run| together::<_, _, M, N>(isa, &run, input, kernels, sink, v, scratch));
        }),
    }
}

/// The size of the fewest equal parts of `count` that are no larger than `most`.
fn evenly(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// Whether chunks of about `size` tiles keep all threads busy to the end; then a chunk is completed at once, while it is in
/// the cache, and otherwise all of the map afterwards.
fn shares_evenly(grid: &Grid, size: usize) -> bool {
    grid.tiles >= 8 * size * rayon::current_num_threads()
}

/// A run of tiles on this thread, by weights transformed beforehand.
fn alone<I: Source, K: Sink, const M: usize, const N: usize>(
    isa: Isa,
    run: &Run,
    input: &I,
    packed: &Packed,
    sink: &K,
    buffer: &mut Buffer,
) where
    Tiles: Transform<M, N>,
{
    let (in_step, out_step) = (run.step(run.layout.blocks), run.step(blocks(packed.outputs)));
    let (v, m) = buffer.split(N * N * in_step, N * N * out_step);
    isa.run(Input::<_, M, N> { run, input, v: &Shared::new(v), blocks: 0..run.layout.blocks });
    for frequency in 0..N * N {
        for &group in &packed.groups {
            let weights = packed.part(frequency, group);
            let m = &mut m[frequency * out_step + group.0 * run.stride..];
            isa.run(Product { run, weights, v: &v[frequency * in_step..], m, vectors: group.1 });
        }
    }
    isa.run(Output::<_, M, N> { run, m, step: out_step, blocks: 0..blocks(packed.outputs), sink });
    if shares_evenly(&run.grid, run.stride) {
        run.parts().for_each(|(rows, columns)| sink.complete(isa, rows, columns));
    }
}

/// A run of tiles over all threads: the input is transformed once, then each task takes a group of output blocks
/// from its kernels to its results.
fn together<I: Source, K: Sink, const M: usize, const N: usize>(
    isa: Isa,
    run: &Run,
    input: &I,
    (plain, backward): (Plain<'_>, bool),
    sink: &K,
    v: &mut [Vector],
    scratch: &Pool,
) where
    Tiles: Transform<M, N>,
{
    let groups = groups(blocks(if backward { plain.inputs } else { plain.outputs }));
    let in_blocks = run.layout.blocks;
    let shared = Shared::new(v);
    (0..in_blocks).into_par_iter().for_each(|b| {
        isa.run(Input::<_, M, N> { run, input, v: &shared, blocks: b..b + 1 });
    });
    groups.par_iter().for_each(|&group| {
        let (length, step) = (in_blocks * LANES * group.1, run.step(group.1));
        let kernels = apart(length);
        scratch.with(|buffer| {
            let (u, rest) = buffer.split(N * kernels, N * N * step + 9 * kernels);
            let (m, taps) = rest.split_at_mut(N * N * step);
            isa.run(Gather { plain, backward, group, taps });
            for row in 0..N {
                isa.run(Kernels::<M, N> { row, length, taps, u });
                for column in 0..N {
                    let frequency = N * row + column;
                    let weights = &u[column * kernels..][..length];
                    let v = &v[frequency * run.step(in_blocks)..];
                    isa.run(Product { run, weights, v, m: &mut m[frequency * step..], vectors: group.1 });
                }
            }
            isa.run(Output::<_, M, N> { run, m, step, blocks: group.0..group.0 + group.1, sink });
        });
    });
    run.complete(isa, sink);
}
