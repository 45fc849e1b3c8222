//! Kernels that are transformed when they are needed: gathered from the plain weights, then `G g Gᵀ`.
#![allow(unsafe_code)]

use super::stages::apart;
use super::transform::{Tiles, Transform};
use crate::kernels::blocked::map::{Vector, blocks};
use crate::kernels::blocked::pack::Group;
use crate::kernels::simd::{Kernel, LANES, Simd};

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
    unsafe fn run<S: Simd>(mut self) {
        let Plain { outputs, inputs, .. } = self.plain;
        let rows = blocks(if self.backward { outputs } else { inputs }) * LANES;
        assert_eq!(self.taps.len(), 9 * apart(rows * self.group.1));
        for place in 0..self.group.1 {
            let first = (self.group.0 + place) * LANES;
            // SAFETY: the caller vouches for the instruction set.
            unsafe {
                if self.backward {
                    self.turned::<S>(first, place, rows);
                } else {
                    self.straight::<S>(first, place, rows);
                }
            }
        }
    }
}

impl Gather<'_> {
    /// Lanes are the outputs from `first` on, rows the inputs: sixteen inputs are 9·16 neighbours in memory.
    ///
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn straight<S: Simd>(&mut self, first: usize, place: usize, rows: usize) {
        let Plain { weight, outputs, inputs } = self.plain;
        for row in (0..rows).step_by(LANES) {
            if first + LANES <= outputs && row + LANES <= inputs {
                for part in 0..9 {
                    let from = &weight[(first * inputs + row) * 9 + part * LANES..];
                    assert!(from.len() >= (LANES - 1) * inputs * 9 + LANES);
                    // SAFETY: as this function's contract says; the length was just asserted.
                    let square = unsafe { columns::<S>(from.as_ptr(), inputs * 9) };
                    for (k, column) in square.into_iter().enumerate() {
                        let at = part * LANES + k;
                        // SAFETY: likewise.
                        unsafe { self.put::<S>(at % 9, row + at / 9, place, rows, column) };
                    }
                }
            } else {
                self.edge(row, place, rows, |plain, lane, row, tap| plain.tap(first + lane, row, tap));
            }
        }
    }

    /// Lanes are the inputs from `first` on, rows the outputs.
    ///
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn turned<S: Simd>(&mut self, first: usize, place: usize, rows: usize) {
        let Plain { weight, inputs, .. } = self.plain;
        for row in (0..rows).step_by(LANES) {
            let from = |row: usize| (row * inputs + first) * 9;
            // Sixteen floats are read for the nine of the last lane.
            if first + LANES <= inputs && from(row + LANES - 1) + 15 * 9 + LANES <= weight.len() {
                for row in row..row + LANES {
                    // SAFETY: as this function's contract says; that the last of sixteen rows ends inside the
                    // weights was just checked.
                    unsafe {
                        let square = columns::<S>(weight.as_ptr().add(from(row)), 9);
                        for tap in 0..9 {
                            self.put::<S>(8 - tap, row, place, rows, square[tap]);
                        }
                    }
                }
            } else {
                self.edge(row, place, rows, |plain, lane, row, tap| plain.tap(row, first + lane, 8 - tap));
            }
        }
    }

    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn put<S: Simd>(&mut self, tap: usize, row: usize, place: usize, rows: usize, v: S::V) {
        let to = &mut self.taps[tap * apart(rows * self.group.1) + row * self.group.1 + place];
        // SAFETY: as this function's contract says; a vector holds sixteen floats.
        unsafe { S::store(to.0.as_mut_ptr(), v) };
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
/// # Safety
/// Only where `S` is available; the rows must be readable.
#[inline(always)]
unsafe fn columns<S: Simd>(from: *const f32, stride: usize) -> [S::V; LANES] {
    // SAFETY: as this function's contract says.
    unsafe {
        let mut square = [S::splat(0.0); LANES];
        for lane in 0..LANES {
            square[lane] = S::load(from.add(lane * stride));
        }
        S::transpose(square)
    }
}

/// One row of `G g Gᵀ`, N frequencies, of the kernels of one group of output blocks; `[frequency]` before the taps'
/// own order.
///
/// A row at a time stays in the second cache until its products are done; all rows at once would leave it and come back.
pub(super) struct Kernels<'a, const M: usize, const N: usize> {
    /// Which row.
    pub(super) row: usize,
    /// Vectors of one tap.
    pub(super) length: usize,
    pub(super) taps: &'a [Vector],
    pub(super) u: &'a mut [Vector],
}

impl<const M: usize, const N: usize> Kernel for Kernels<'_, M, N>
where
    Tiles: Transform<M, N>,
{
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (step, g) = (apart(self.length), Tiles::g()[self.row]);
        assert!(self.taps.len() >= 9 * step && self.u.len() >= N * step);
        for at in 0..self.length {
            // SAFETY: the caller vouches for the instruction set; lengths were asserted.
            unsafe {
                let mut line = [S::splat(0.0); 3];
                for v in 0..3 {
                    for u in 0..3 {
                        let tap = S::load(self.taps.as_ptr().add((3 * u + v) * step + at).cast());
                        line[v] = S::fma(S::splat(g[u] as f32), tap, line[v]);
                    }
                }
                for (j, value) in Tiles::kernel::<S>(line).into_iter().enumerate() {
                    S::store(self.u.as_mut_ptr().add(j * step + at).cast(), value);
                }
            }
        }
    }
}
