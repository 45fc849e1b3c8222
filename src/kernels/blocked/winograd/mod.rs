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
mod lines;
mod stages;
mod transform;

use std::sync::Arc;

use crate::kernels::blocked::epilogue::{Epilogue, EpiloguePart};
use crate::kernels::blocked::map::{Buffer, blocks};
use crate::kernels::blocked::pack::{Group, Packed, groups};
use crate::kernels::blocked::part::Grid;
use crate::kernels::blocked::scratch::{Pool, Room};
use crate::kernels::blocked::source::Source;
use crate::kernels::blocked::tile;
use crate::kernels::simd::{LANES, Level, Vector};
use crate::tensor::Shape;
use kernels::{Gather, KernelRow, Plain};
use lines::{Lines, LinesMut, apart};
use stages::{Input, Output, Product, Run};
use transform::{Transform, Transforms, transform_kernel};

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
    Plain { weight: Arc<[f32]>, backward: bool, groups: Vec<Group> },
}

/// Whether kernels of this size are transformed when they are needed, for chunks of tiles that all threads share.
pub fn transforms_in_use(outputs: usize, inputs: usize, tile: Tile) -> bool {
    Packed::bytes(inputs, outputs, tile.products()) > TRANSFORMED_AT_MOST
}

/// Bytes of the packed weights of both directions; 0 where kernels are transformed in use.
pub fn packed_bytes(outputs: usize, inputs: usize, tile: Tile) -> usize {
    if transforms_in_use(outputs, inputs, tile) {
        return 0;
    }
    [(inputs, outputs), (outputs, inputs)]
        .map(|(from, to)| Packed::bytes(from, to, tile.products()))
        .iter()
        .sum()
}

/// What a convolution of a map of this height and width borrows in one direction on so many threads.
pub fn room(outputs: usize, inputs: usize, tile: Tile, map: Shape, threads: usize) -> Room {
    let grid = Grid::new(map, (tile.side(), tile.side()));
    let in_use = transforms_in_use(outputs, inputs, tile);
    let [inputs, outputs] = [inputs, outputs].map(blocks);
    let (products, Chunk { stride, .. }) =
        (tile.products(), Chunk::new(tile, in_use, (inputs, outputs), grid.tiles(), threads));
    if in_use {
        let group = groups(outputs).iter().map(|group| group.1).max().unwrap_or(0);
        Room {
            task: group_room(products, inputs, group, stride).iter().sum(),
            shared: products * apart(inputs * stride),
        }
    } else {
        Room { task: products * (apart(inputs * stride) + apart(outputs * stride)), shared: 0 }
    }
}

/// Vectors that a task takes that transforms kernels for a group of output blocks: one row of transformed kernels, results
/// of all frequencies, taps.
fn group_room(products: usize, inputs: usize, group: usize, stride: usize) -> [usize; 3] {
    let (kernels, row) = (apart(inputs * LANES * group), products.isqrt());
    [row * kernels, products * apart(group * stride), 9 * kernels]
}

impl Weights {
    /// Packs out×in×3×3 weights for both directions: input to output, and the output's gradient to the input's.
    pub fn pair(weight: impl Into<Arc<[f32]>>, outputs: usize, inputs: usize, tile: Tile) -> (Self, Self) {
        let weight = weight.into();
        assert_eq!(weight.len(), outputs * inputs * 9, "length");
        let kinds = if transforms_in_use(outputs, inputs, tile) {
            let plain = |backward, outputs| {
                let groups = groups(blocks(outputs));
                Kind::Plain { weight: weight.clone(), backward, groups }
            };
            (plain(false, outputs), plain(true, inputs))
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

/// Convolves `input` with packed weights.
///
/// # Panics
/// If weights or results belong to another layer.
pub fn convolve(level: Level, input: &Source<'_>, weights: &Weights, epilogue: Epilogue<'_>, scratch: &Pool) {
    let shape = input.shape();
    assert_eq!(weights.inputs, shape.channels, "weights of another layer");
    assert_eq!(epilogue.shape(), shape.with_channels(weights.outputs), "results of another layer");
    match weights.tile {
        Tile::Four => convolve_by::<4, 6>(level, input, weights, epilogue, scratch),
        Tile::Six => convolve_by::<6, 8>(level, input, weights, epilogue, scratch),
    }
}

/// How many tiles a task works on, or all tasks together, and the vectors from one block of them to the next.
struct Chunk {
    size: usize,
    stride: usize,
}

impl Chunk {
    fn new(
        tile: Tile,
        in_use: bool,
        (inputs, outputs): (usize, usize),
        tiles: usize,
        threads: usize,
    ) -> Self {
        let frequencies = tile.products() * size_of::<Vector>();
        let quanta = tiles.div_ceil(QUANTUM);
        let quanta = if in_use {
            evenly(quanta, (SHARED_BYTES / (frequencies * inputs) / QUANTUM).max(1))
        } else {
            let most = CHUNK_BYTES / (frequencies * (inputs + outputs)) / QUANTUM;
            evenly(quanta.div_ceil(threads), most.clamp(1, 8))
        };
        Self { size: QUANTUM * quanta, stride: (QUANTUM * quanta).max(LEAST) }
    }
}

/// The same with tiles of M×M outputs and N×N inputs.
fn convolve_by<const M: usize, const N: usize>(
    level: Level,
    input: &Source<'_>,
    weights: &Weights,
    epilogue: Epilogue<'_>,
    scratch: &Pool,
) where
    Transforms: Transform<M, N>,
{
    let mut output = epilogue.into_tiles((M, M));
    let grid = output.grid();
    let [inputs, outputs] = [weights.inputs, weights.outputs].map(blocks);
    let (in_use, threads) = (matches!(weights.kind, Kind::Plain { .. }), rayon::current_num_threads());
    let Chunk { size, stride } = Chunk::new(weights.tile, in_use, (inputs, outputs), grid.tiles(), threads);
    let run = |tiles| Run { grid, tiles, stride, blocks: inputs };
    match &weights.kind {
        Kind::Transformed(packed) => {
            let at_once = shares_evenly(grid, stride);
            output.borrow().for_each_run(size, &|mut part| {
                scratch.with(|buffer| {
                    alone::<M, N>(level, &run(part.tiles()), input, packed, &mut part, buffer)
                });
                if at_once {
                    part.complete(level);
                }
            });
            if !at_once {
                output.complete_side_by_side(level);
            }
        }
        Kind::Plain { weight, backward, groups } => scratch.with_shared(|buffer| {
            let v = buffer.vectors_mut(N * N * apart(inputs * stride));
            let (outputs, inputs) = match backward {
                true => (weights.inputs, weights.outputs),
                false => (weights.outputs, weights.inputs),
            };
            let kernels = Kernels { plain: Plain { weight, outputs, inputs }, backward: *backward, groups };
            let mut rest = output;
            while !rest.tiles().is_empty() {
                let next = (rest.tiles().start + size).min(rest.tiles().end);
                let (part, after) = rest.split(next);
                together::<M, N>(level, &run(part.tiles()), input, &kernels, part, v, scratch);
                rest = after;
            }
        }),
    }
}

/// Plain kernels of one direction, and how their output blocks are grouped.
struct Kernels<'a> {
    plain: Plain<'a>,
    backward: bool,
    groups: &'a [Group],
}

/// The size of the fewest equal parts of `count` that are no larger than `most`.
fn evenly(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// Whether chunks of about `size` tiles keep all threads busy to the end; then a chunk is completed at once, while it is in
/// the cache, and otherwise all of the map afterwards.
fn shares_evenly(grid: Grid, size: usize) -> bool {
    grid.tiles() >= 8 * size * rayon::current_num_threads()
}

/// A run of tiles on this thread, by weights transformed beforehand.
fn alone<const M: usize, const N: usize>(
    level: Level,
    run: &Run,
    input: &Source<'_>,
    packed: &Packed,
    output: &mut EpiloguePart<'_>,
    buffer: &mut Buffer,
) where
    Transforms: Transform<M, N>,
{
    let out_blocks = blocks(packed.outputs());
    let (in_step, out_step) = (run.step(run.blocks), run.step(out_blocks));
    let (v, m) = buffer.split(N * N * in_step, N * N * out_step);
    let lines = LinesMut::new(v, in_step, run.blocks * run.stride);
    level.run(Input::<M, N> { run, input, v: lines, blocks: 0..run.blocks });
    for frequency in 0..N * N {
        let v = &v[frequency * in_step..][..in_step];
        for &group in packed.groups() {
            let weights = packed.part(frequency, group);
            let m = &mut m[frequency * out_step + group.0 * run.stride..][..group.1 * run.stride];
            level.run(Product { run, weights, v, m, vectors: group.1 });
        }
    }
    let m = Lines::new(m, out_step, out_blocks * run.stride);
    level.run(Output::<M, N> { run, m, blocks: 0..out_blocks, output });
}

/// A run of tiles over all threads: the input is transformed once, then each task takes a group of output blocks
/// from its kernels to its results.
fn together<const M: usize, const N: usize>(
    level: Level,
    run: &Run,
    input: &Source<'_>,
    &Kernels { plain, backward, groups }: &Kernels<'_>,
    mut output: EpiloguePart<'_>,
    v: &mut [Vector],
    scratch: &Pool,
) where
    Transforms: Transform<M, N>,
{
    let in_step = run.step(run.blocks);
    LinesMut::<N>::new(v, in_step, run.blocks * run.stride).for_each_part(run.stride, 0, &|block, lines| {
        level.run(Input::<M, N> { run, input, v: lines, blocks: block..block + 1 });
    });
    let v = &v[..];
    output.borrow().for_each_group(groups, &|group, mut output| {
        let (length, step) = (run.blocks * LANES * group.1, run.step(group.1));
        let kernels = apart(length);
        let [row, results, taps] = group_room(N * N, run.blocks, group.1, run.stride);
        scratch.with(|buffer| {
            let (u, rest) = buffer.split(row, results + taps);
            let (m, taps) = rest.split_at_mut(results);
            level.run(Gather { plain, backward, group, taps });
            for row in 0..N {
                level.run(KernelRow::<M, N> { row, length, taps, u });
                for column in 0..N {
                    let frequency = N * row + column;
                    let weights = &u[column * kernels..][..length];
                    let v = &v[frequency * in_step..][..in_step];
                    let m = &mut m[frequency * step..][..step];
                    level.run(Product { run, weights, v, m, vectors: group.1 });
                }
            }
            let m = Lines::new(m, step, group.1 * run.stride);
            let blocks = group.0..group.0 + group.1;
            level.run(Output::<M, N> { run, m, blocks, output: &mut output });
        });
    });
    output.complete_side_by_side(level);
}
