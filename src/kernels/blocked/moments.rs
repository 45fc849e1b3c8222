//! The moments `ΣwFFᵀ` (without weights the Gram matrix) and `ΣwF` on blocked maps.
//!
//! Positions are the inner dimension and a block's sixteen channels lie side by side, so the map itself is
//! already packed as a matrix product wants it. Only pairs of blocks on and below the diagonal are computed.

use std::ops::Range;

use rayon::prelude::*;

use super::map::Map;
use crate::kernels::simd::{Kernel, LANES, Level, Simd, Vector};
use crate::tensor::{PositionWeights, Shape, Window};

/// Positions that are summed in f32 before the sums go on in f64, about.
const RUN: usize = 2048;
/// Blocks on one side of what a task computes, and their channels.
const BLOCKS: usize = 2;
const SIDE: usize = BLOCKS * LANES;

/// How a window is cut into runs of whole rows: the rows of a run, and the number of runs.
fn runs(window: &Window) -> (usize, usize) {
    let rows = (RUN / window.columns.len().max(1)).clamp(1, window.rows.len().max(1));
    (rows, window.rows.len().div_ceil(rows))
}

/// Floats of `scratch` that [`forward`] uses for a whole map.
pub fn scratch_floats(shape: Shape) -> usize {
    let side = super::map::blocks(shape.channels) * LANES;
    runs(&Window::whole(shape)).1 * (side * side + side)
}

/// `second[i, j] = Σ_p w(p)·F[i, p]·F[j, p]` (C×C) and `first[i] = Σ_p w(p)·F[i, p]` over a window; w is 1 without
/// `weights`. `scratch` is reused between calls.
///
/// # Panics
/// On wrong lengths, a window that leaves the map, weights of another map.
pub fn forward(
    level: Level,
    map: Map<'_>,
    window: &Window,
    weights: Option<&PositionWeights>,
    scratch: &mut Vec<f32>,
    second: &mut [f64],
    first: Option<&mut [f64]>,
) {
    let (channels, side) = (map.shape().channels, map.layout().blocks() * LANES);
    assert_eq!(second.len(), channels * channels, "lengths");
    assert!(first.as_ref().is_none_or(|first| first.len() == channels), "lengths");
    assert!(window.is_inside(map.shape()), "a window that leaves the map");
    assert!(weights.is_none_or(|weights| weights.map().fits(map.shape())), "weights of another map");
    let (rows, runs) = runs(window);
    // Each run has its own sums: `[i][j]` of the second moments, then those of the first. What lies above the diagonal is
    // never read: no need to clear it.
    let length = side * side + side;
    if scratch.len() < runs * length {
        scratch.resize(runs * length, 0.0);
    }
    let with_first = first.is_some();
    scratch[..runs * length].par_chunks_exact_mut(length).enumerate().for_each(|(run, sums)| {
        let start = window.rows.start + run * rows;
        let rows = start..(start + rows).min(window.rows.end);
        let (squares, lines) = sums.split_at_mut(side * side);
        let pairs = squares.par_chunks_mut(SIDE * side).zip(lines.par_chunks_mut(SIDE)).enumerate();
        pairs.for_each(|(pair, (second, first))| {
            let (rows, columns) = (rows.clone(), window.columns.clone());
            let first = with_first.then_some(first);
            level.run(Pair { map, rows, columns, weights, block: BLOCKS * pair, second, first });
        });
    });
    let scratch = &scratch[..];
    second.par_chunks_mut(channels).enumerate().for_each(|(i, row)| {
        for (j, value) in row.iter_mut().enumerate() {
            let (low, high) = if i / LANES >= j / LANES { (i, j) } else { (j, i) };
            *value = (0..runs).map(|run| f64::from(scratch[run * length + low * side + high])).sum();
        }
    });
    if let Some(first) = first {
        for (i, value) in first.iter_mut().enumerate() {
            *value = (0..runs).map(|run| f64::from(scratch[run * length + side * side + i])).sum();
        }
    }
}

/// A pair of blocks of channels against all blocks up to them, over a run of rows.
struct Pair<'a> {
    map: Map<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
    weights: Option<&'a PositionWeights>,
    /// The first of the pair.
    block: usize,
    /// `[i][j]`, i from the first channel of the pair on.
    second: &'a mut [f32],
    first: Option<&'a mut [f32]>,
}

impl Kernel for Pair<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        match self.weights {
            None => self.pair::<S, false>(simd),
            Some(_) => self.pair::<S, true>(simd),
        }
        self.sums(simd);
    }
}

impl Pair<'_> {
    #[inline(always)]
    fn pair<S: Simd, const WEIGHTED: bool>(&mut self, simd: S) {
        let first = self.block;
        let last = (first + BLOCKS).min(self.map.layout().blocks());
        if S::MOMENTS.0 == 2 && last == first + 2 {
            for other in 0..=first {
                self.blocks::<S, 2, WEIGHTED>(simd, first, other);
            }
            self.blocks::<S, 1, WEIGHTED>(simd, first + 1, first + 1);
        } else {
            for block in first..last {
                for other in 0..=block {
                    self.blocks::<S, 1, WEIGHTED>(simd, block, other);
                }
            }
        }
    }

    /// The positions of row `y` of a block.
    #[inline(always)]
    fn line(&self, block: usize, y: usize) -> &[Vector] {
        &self.map.line(block, y)[self.columns.clone()]
    }

    /// The weights of row `y`.
    #[inline(always)]
    fn weights(&self, y: usize) -> &[f32] {
        self.weights.map_or(&[], |weights| &weights.map().row(y)[self.columns.clone()])
    }

    /// Sums `AB` blocks from `block` on against block `other`.
    #[inline(always)]
    fn blocks<S: Simd, const AB: usize, const WEIGHTED: bool>(
        &mut self,
        simd: S,
        block: usize,
        other: usize,
    ) {
        let (width, side) = (self.columns.len(), self.map.layout().blocks() * LANES);
        for lane in (0..LANES).step_by(S::MOMENTS.1) {
            let mut sums = [[simd.splat(0.0); AB]; 8];
            for y in self.rows.clone() {
                let a: [&[Vector]; AB] = std::array::from_fn(|i| &self.line(block + i, y)[..width]);
                let b = &self.line(other, y)[..width];
                let weights = if WEIGHTED { &self.weights(y)[..width] } else { &[] };
                for x in 0..width {
                    let mut left = [simd.splat(0.0); AB];
                    for i in 0..AB {
                        left[i] = simd.load(&a[i][x].0);
                        if WEIGHTED {
                            left[i] = simd.mul(left[i], simd.splat(weights[x]));
                        }
                    }
                    for j in 0..S::MOMENTS.1 {
                        let value = simd.splat(b[x].0[lane + j]);
                        for i in 0..AB {
                            sums[j][i] = simd.fma(left[i], value, sums[j][i]);
                        }
                    }
                }
            }
            for j in 0..S::MOMENTS.1 {
                for i in 0..AB {
                    // The matrix is symmetric: row `other` + j of the transposed pair is stored as a column.
                    let mut column = [0.0; LANES];
                    simd.store(&mut column, sums[j][i]);
                    for (l, &value) in column.iter().enumerate() {
                        let row = (block - self.block + i) * LANES + l;
                        self.second[row * side + other * LANES + lane + j] = value;
                    }
                }
            }
        }
    }

    /// Sums the pair itself, where that is wanted: rows first, so that few values are added one after the other.
    #[inline(always)]
    fn sums<S: Simd>(&mut self, simd: S) {
        let Some(first) = self.first.take() else { return };
        for (i, to) in first.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let mut sum = simd.splat(0.0);
            for y in self.rows.clone() {
                let mut row = simd.splat(0.0);
                let weights = self.weights(y);
                for (x, vector) in self.line(self.block + i, y).iter().enumerate() {
                    let weight = weights.get(x).copied().unwrap_or(1.0);
                    row = simd.fma(simd.load(&vector.0), simd.splat(weight), row);
                }
                sum = simd.add(sum, row);
            }
            simd.store(to, sum);
        }
    }
}
