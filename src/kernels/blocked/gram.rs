//! The Gram matrix on blocked maps, and what a loss sends back through it.
//!
//! Positions are the inner dimension and a block's sixteen channels lie side by side, so the map itself is
//! already packed as a matrix product wants it. Only pairs of blocks on and below the diagonal are computed.
#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::map::{Layout, Vector};
use super::pack::{Group, Packed};
use super::sink::{Gate, Shared};
use super::tile::{self, by_vectors};
use crate::kernels::simd::{Isa, Kernel, LANES, Simd};

/// Positions that are summed in f32 before the sums go on in f64, about.
const RUN: usize = 2048;
/// Rows of a map that one task of the backward pass takes.
const ROWS: usize = 4;

/// `G[i, j] = Σ_p F[i, p]·F[j, p]` into `output` (C×C). `scratch` is reused between calls.
pub fn forward(isa: Isa, map: &[Vector], layout: &Layout, scratch: &mut Vec<f32>, output: &mut [f64]) {
    let (channels, side) = (layout.shape.channels, layout.blocks * LANES);
    assert_eq!(output.len(), channels * channels);
    assert!(map.len() >= layout.len());
    let rows = (RUN / layout.shape.width).clamp(1, layout.shape.height);
    let runs = layout.shape.height.div_ceil(rows);
    // What lies above the diagonal is never read: no need to clear it.
    if scratch.len() < runs * side * side {
        scratch.resize(runs * side * side, 0.0);
    }
    let sums = Shared::new(scratch);
    let pairs = layout.blocks.div_ceil(2);
    (0..runs * pairs).into_par_iter().for_each(|task| {
        let (run, pair) = (task / pairs, task % pairs);
        let rows = run * rows..((run + 1) * rows).min(layout.shape.height);
        isa.run(Pair { map, layout, rows, pair, sums: &sums, offset: run * side * side, side });
    });
    output.par_chunks_mut(channels).enumerate().for_each(|(i, row)| {
        for (j, value) in row.iter_mut().enumerate() {
            let (low, high) = if i / LANES >= j / LANES { (i, j) } else { (j, i) };
            *value = (0..runs).map(|run| f64::from(scratch[(run * side + low) * side + high])).sum();
        }
    });
}

/// Two blocks of channels against all blocks up to them, over a run of rows.
struct Pair<'a> {
    map: &'a [Vector],
    layout: &'a Layout,
    rows: std::ops::Range<usize>,
    pair: usize,
    /// `[run][i][j]`.
    sums: &'a Shared<'a, f32>,
    offset: usize,
    side: usize,
}

impl Kernel for Pair<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let first = 2 * self.pair;
        let last = (first + 2).min(self.layout.blocks);
        // SAFETY: the caller vouches for the instruction set; blocks lie inside the map.
        unsafe {
            if S::GRAM.0 == 2 && last == first + 2 {
                for other in 0..=first {
                    self.blocks::<S, 2>(first, other);
                }
                self.blocks::<S, 1>(first + 1, first + 1);
            } else {
                for block in first..last {
                    for other in 0..=block {
                        self.blocks::<S, 1>(block, other);
                    }
                }
            }
        }
    }
}

impl Pair<'_> {
    /// Sums `AB` blocks from `block` on against block `other`.
    ///
    /// # Safety
    /// Only where `S` is available; the blocks must exist.
    #[inline(always)]
    unsafe fn blocks<S: Simd, const AB: usize>(&self, block: usize, other: usize) {
        let width = self.layout.shape.width;
        for lane in (0..LANES).step_by(S::GRAM.1) {
            // SAFETY: rows and columns lie inside the map; the sums of these blocks in this run are this task's own.
            unsafe {
                let mut sums = [[S::splat(0.0); AB]; 8];
                for y in self.rows.clone() {
                    let a = self.map.as_ptr().add(self.layout.inside(block, y, 0));
                    let b = self.map.as_ptr().add(self.layout.inside(other, y, 0));
                    for x in 0..width {
                        let mut left = [S::splat(0.0); AB];
                        for i in 0..AB {
                            left[i] = S::load(a.add(i * self.layout.plane + x).cast());
                        }
                        let right = b.add(x).cast::<f32>().add(lane);
                        for j in 0..S::GRAM.1 {
                            let value = S::splat(*right.add(j));
                            for i in 0..AB {
                                sums[j][i] = S::fma(left[i], value, sums[j][i]);
                            }
                        }
                    }
                }
                for j in 0..S::GRAM.1 {
                    for i in 0..AB {
                        // G is symmetric: row `other` + j of the transposed pair is stored as a column.
                        let mut column = [0.0; LANES];
                        S::store(column.as_mut_ptr(), sums[j][i]);
                        for (l, &value) in column.iter().enumerate() {
                            let row = (block + i) * LANES + l;
                            let at = self.offset + row * self.side + other * LANES + lane + j;
                            *self.sums.at(at) = value;
                        }
                    }
                }
            }
        }
    }
}

/// Packs D (symmetric C×C, f64) as the weights of a 1×1 convolution.
pub fn pack(derivative: &[f64], channels: usize) -> Packed {
    assert_eq!(derivative.len(), channels * channels);
    Packed::new(channels, channels, 1, |o, i, values| values[0] = derivative[o * channels + i] as f32)
}

/// What a tap's losses add to the gradient of its map: `D·F + c·(F − F₀)`, through a gate.
pub struct Seeds<'a> {
    /// F.
    pub map: &'a [Vector],
    /// Its layout, and the gradient's.
    pub layout: Layout,
    /// D, from [`pack`].
    pub derivative: Option<&'a Packed>,
    /// c and F₀.
    pub content: Option<(f32, &'a [Vector])>,
    /// Where they pass.
    pub gate: Gate<'a>,
}

impl Seeds<'_> {
    /// Adds to the whole `gradient`.
    pub fn sow(&self, isa: Isa, gradient: &mut [Vector]) {
        assert!(gradient.len() >= self.layout.len());
        let (gradient, shape) = (Shared::new(gradient), self.layout.shape);
        (0..shape.height.div_ceil(ROWS)).into_par_iter().for_each(|task| {
            let rows = task * ROWS..((task + 1) * ROWS).min(shape.height);
            self.sow_part(isa, &gradient, rows, 0..shape.width);
        });
    }

    /// Adds to a part of `gradient`, best while that is still in the cache. No other thread may use the part.
    pub fn sow_part(
        &self,
        isa: Isa,
        gradient: &Shared<'_, Vector>,
        rows: Range<usize>,
        columns: Range<usize>,
    ) {
        assert!(self.map.len() >= self.layout.len());
        assert!(rows.end <= self.layout.shape.height && columns.end <= self.layout.shape.width);
        for y in rows {
            isa.run(Sow { seeds: self, gradient, y, columns: columns.clone() });
        }
    }
}

/// One row of a part.
struct Sow<'a> {
    seeds: &'a Seeds<'a>,
    gradient: &'a Shared<'a, Vector>,
    y: usize,
    columns: Range<usize>,
}

impl Kernel for Sow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instruction set; (y, x) lies inside the map.
        unsafe {
            if let Some(derivative) = self.seeds.derivative {
                for &group in &derivative.groups {
                    by_vectors!(group.1, self.group::<S>(derivative, group))
                }
            } else {
                for block in 0..self.seeds.layout.blocks {
                    for x in self.columns.clone() {
                        self.add::<S>(block, x, S::splat(0.0));
                    }
                }
            }
        }
    }
}

impl Sow<'_> {
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn group<S: Simd, const OB: usize>(&self, derivative: &Packed, group: Group) {
        let (Seeds { map, layout, .. }, length) = (self.seeds, S::TILE[OB - 1]);
        let weights = derivative.part(0, group).as_ptr().cast::<f32>();
        for start in self.columns.clone().step_by(length) {
            // SAFETY: a tile reads `length` positions from inside a row; past the row's end lies the next one
            // or the room behind the map. Results are added to this task's part only.
            unsafe {
                let mut sums = tile::zero::<S, OB>();
                let values = map.as_ptr().add(layout.inside(0, self.y, start));
                for b in 0..layout.blocks {
                    let values = values.add(b * layout.plane).cast();
                    tile::block::<S, OB>(&mut sums, values, weights.add(b * LANES * OB * LANES));
                }
                for p in 0..length {
                    if start + p < self.columns.end {
                        for o in 0..OB {
                            self.add::<S>(group.0 + o, start + p, sums[p][o]);
                        }
                    }
                }
            }
        }
    }

    /// Adds `value` and the content's part to one element.
    ///
    /// # Safety
    /// Only where `S` is available; the element must exist and belong to this task.
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, block: usize, x: usize, value: S::V) {
        let Seeds { map, layout, content, gate, .. } = self.seeds;
        let at = layout.inside(block, self.y, x);
        // SAFETY: as this function's contract says.
        unsafe {
            let mut value = value;
            if let Some((c, target)) = content {
                let here = S::load(map.as_ptr().add(at).cast());
                let difference = S::sub(here, S::load(target.as_ptr().add(at).cast()));
                value = S::fma(S::splat(*c), difference, value);
            }
            let value = gate.pass::<S>(layout, block, self.y, x, value);
            let to = self.gradient.at(at).cast::<f32>();
            S::store(to, S::add(S::load(to), value));
        }
    }
}
