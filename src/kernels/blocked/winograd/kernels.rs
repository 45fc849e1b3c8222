//! Kernels that are transformed when they are needed: turned, if the direction is backward, and `G g Gᵀ`.
#![allow(unsafe_code)]

use super::FREQUENCIES;
use super::transform::kernel_line;
use crate::kernels::blocked::map::{Vector, blocks};
use crate::kernels::blocked::pack::{Group, Packed};
use crate::kernels::simd::{Kernel, LANES, Simd};

/// Writes the taps of one group of output blocks, turned by 180° with channels exchanged, as
/// `[tap][input channel][block of the group]`. `packed` holds the direction that is turned.
pub(super) struct Turn<'a> {
    pub(super) packed: &'a Packed,
    pub(super) group: Group,
    pub(super) taps: &'a mut [Vector],
}

impl Kernel for Turn<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (packed, group) = (self.packed, self.group);
        let rows = blocks(packed.outputs) * LANES;
        for tap in 0..9 {
            let target = &mut self.taps[(8 - tap) * rows * group.1..][..rows * group.1];
            for &from in &packed.groups {
                let source = packed.part(tap, from);
                for block in 0..from.1 {
                    for place in 0..group.1 {
                        // A 16×16 block: lanes of the source become rows of the target.
                        let rows = &source[(group.0 + place) * LANES * from.1 + block..];
                        let columns = &mut target[(from.0 + block) * LANES * group.1 + place..];
                        assert!(rows.len() > (LANES - 1) * from.1 && columns.len() > (LANES - 1) * group.1);
                        // SAFETY: the caller vouches for the instruction set; lengths were just asserted.
                        unsafe {
                            let mut square = [S::splat(0.0); LANES];
                            for i in 0..LANES {
                                square[i] = S::load(rows.as_ptr().add(i * from.1).cast());
                            }
                            let square = S::transpose(square);
                            for i in 0..LANES {
                                S::store(columns.as_mut_ptr().add(i * group.1).cast(), square[i]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `G g Gᵀ` of the kernels of one group of output blocks, `[frequency]` before the taps' own order.
pub(super) struct Kernels<'a> {
    pub(super) taps: [&'a [Vector]; 9],
    pub(super) u: &'a mut [Vector],
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
