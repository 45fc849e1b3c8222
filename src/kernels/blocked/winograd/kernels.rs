//! Kernels that are transformed when they are needed: gathered from the plain weights, then `G g Gᵀ`.

use super::lines::apart;
use super::transform::{Transform, Transforms};
use crate::kernels::blocked::map::blocks;
use crate::kernels::blocked::pack::Group;
use crate::kernels::simd::{Kernel, LANES, Simd, Vector};

/// The 3×3 kernels of a convolution as a network holds them, out×in×3×3.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a> {
    pub(super) weight: &'a [f32],
    pub(super) outputs: usize,
    pub(super) inputs: usize,
}

impl Plain<'_> {
    /// One tap of the kernel from input i to output o; 0 where there is none.
    #[inline(always)]
    fn tap(&self, o: usize, i: usize, tap: usize) -> f32 {
        if o < self.outputs && i < self.inputs { self.weight[(o * self.inputs + i) * 9 + tap] } else { 0.0 }
    }
}

/// Writes the taps that lead to one group of output blocks as `[tap][input channel][block of the group]`: the kernels
/// as they are or, for the backward direction, turned by 180° with inputs and outputs exchanged.
///
/// Sixteen rows of weights at a time become columns in registers, so that no other copy of the weights is kept.
pub(super) struct Gather<'a> {
    pub(super) plain: Plain<'a>,
    pub(super) backward: bool,
    pub(super) group: Group,
    pub(super) taps: &'a mut [Vector],
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let Plain { outputs, inputs, .. } = self.plain;
        let rows = blocks(if self.backward { outputs } else { inputs }) * LANES;
        assert_eq!(self.taps.len(), 9 * apart(rows * self.group.1));
        for place in 0..self.group.1 {
            let first = (self.group.0 + place) * LANES;
            if self.backward {
                self.turned(simd, first, place, rows);
            } else {
                self.straight(simd, first, place, rows);
            }
        }
    }
}

impl Gather<'_> {
    /// Lanes are the outputs from `first` on, rows the inputs: sixteen inputs are 9·16 neighbours in memory.
    #[inline(always)]
    fn straight<S: Simd>(&mut self, simd: S, first: usize, place: usize, rows: usize) {
        let Plain { weight, outputs, inputs } = self.plain;
        for row in (0..rows).step_by(LANES) {
            if first + LANES <= outputs && row + LANES <= inputs {
                for part in 0..9 {
                    let from = &weight[(first * inputs + row) * 9 + part * LANES..];
                    for (k, column) in columns(simd, from, inputs * 9).into_iter().enumerate() {
                        let at = part * LANES + k;
                        self.put(simd, at % 9, row + at / 9, place, rows, column);
                    }
                }
            } else {
                self.edge(row, place, rows, |plain, lane, row, tap| plain.tap(first + lane, row, tap));
            }
        }
    }

    /// Lanes are the inputs from `first` on, rows the outputs.
    #[inline(always)]
    fn turned<S: Simd>(&mut self, simd: S, first: usize, place: usize, rows: usize) {
        let Plain { weight, inputs, .. } = self.plain;
        for row in (0..rows).step_by(LANES) {
            let from = |row: usize| (row * inputs + first) * 9;
            // Sixteen floats are read for the nine of the last lane.
            if first + LANES <= inputs && from(row + LANES - 1) + 15 * 9 + LANES <= weight.len() {
                for row in row..row + LANES {
                    let square = columns(simd, &weight[from(row)..], 9);
                    for tap in 0..9 {
                        self.put(simd, 8 - tap, row, place, rows, square[tap]);
                    }
                }
            } else {
                self.edge(row, place, rows, |plain, lane, row, tap| plain.tap(row, first + lane, 8 - tap));
            }
        }
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, tap: usize, row: usize, place: usize, rows: usize, v: S::V) {
        let to = &mut self.taps[tap * apart(rows * self.group.1) + row * self.group.1 + place];
        simd.store(&mut to.0, v);
    }

    /// Sixteen rows one by one, where channels end inside the block.
    fn edge(
        &mut self,
        first: usize,
        place: usize,
        rows: usize,
        value: impl Fn(&Plain<'_>, usize, usize, usize) -> f32,
    ) {
        for tap in 0..9 {
            for row in first..first + LANES {
                let to = &mut self.taps[tap * apart(rows * self.group.1) + row * self.group.1 + place];
                to.0 = std::array::from_fn(|lane| value(&self.plain, lane, row, tap));
            }
        }
    }
}

/// Sixteen rows of sixteen floats, `stride` apart, as columns.
///
/// # Panics
/// If `from` is too short.
#[inline(always)]
fn columns<S: Simd>(simd: S, from: &[f32], stride: usize) -> [S::V; LANES] {
    let mut square = [simd.splat(0.0); LANES];
    for lane in 0..LANES {
        let row = from[lane * stride..].first_chunk().expect("sixteen floats");
        square[lane] = simd.load(row);
    }
    simd.transpose(square)
}

/// One row of `G g Gᵀ`, N frequencies, of the kernels of one group of output blocks; `[frequency]` before the taps'
/// own order.
///
/// A row at a time stays in the second cache until its products are done; all rows at once would leave it and come back.
pub(super) struct KernelRow<'a, const M: usize, const N: usize> {
    /// Which row.
    pub(super) row: usize,
    /// Vectors of one tap.
    pub(super) length: usize,
    pub(super) taps: &'a [Vector],
    pub(super) u: &'a mut [Vector],
}

impl<const M: usize, const N: usize> Kernel for KernelRow<'_, M, N>
where
    Transforms: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (length, step, g) = (self.length, apart(self.length), Transforms::g()[self.row]);
        let taps: [&[Vector]; 9] = std::array::from_fn(|tap| &self.taps[tap * step..][..length]);
        let mut lines = self.u.chunks_mut(step).map(|line| &mut line[..length]);
        let u: [&mut [Vector]; N] = std::array::from_fn(|_| lines.next().expect("a line a frequency"));
        for at in 0..length {
            let mut line = [simd.splat(0.0); 3];
            for v in 0..3 {
                for u in 0..3 {
                    let tap = simd.load(&taps[3 * u + v][at].0);
                    line[v] = simd.fma(simd.splat(g[u] as f32), tap, line[v]);
                }
            }
            for (j, value) in Transforms::kernel(simd, line).into_iter().enumerate() {
                simd.store(&mut u[j][at].0, value);
            }
        }
    }
}
