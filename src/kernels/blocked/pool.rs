//! The 2×2 pooling on blocked maps, forward with the gates that lead back, backward through them.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::map::{Layout, Vector};
use super::sink::Shared;
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::network::Pooling;

/// Pools a rectified map. `gates` (`[block][y][x]` of the large map, one bit a lane) receives where the gradient
/// may pass on its way back through pooling and ReLU together.
pub fn forward(
    isa: Isa,
    input: &[Vector],
    layout: &Layout,
    pooling: Pooling,
    output: &mut [Vector],
    out: &Layout,
    gates: &mut [u16],
) {
    assert_eq!(gates.len(), layout.blocks * layout.shape.positions());
    let (output, gates) = (Shared::new(output), Shared::new(gates));
    (0..layout.blocks * out.shape.height).into_par_iter().for_each(|task| {
        let (block, y) = (task / out.shape.height, task % out.shape.height);
        isa.run(Forward { input, layout, pooling, output: &output, out, gates: &gates, block, y });
    });
}

/// Spreads the pooled gradient over the map it came from, through `gates`.
pub fn backward(
    isa: Isa,
    pooled: &[Vector],
    out: &Layout,
    pooling: Pooling,
    gates: &[u16],
    gradient: &mut [Vector],
    layout: &Layout,
) {
    assert_eq!(gates.len(), layout.blocks * layout.shape.positions());
    let gradient = Shared::new(gradient);
    (0..layout.blocks * layout.shape.height).into_par_iter().for_each(|task| {
        let (block, y) = (task / layout.shape.height, task % layout.shape.height);
        isa.run(Backward { pooled, out, pooling, gates, gradient: &gradient, layout, block, y });
    });
}

/// One pooled row of one block.
struct Forward<'a> {
    input: &'a [Vector],
    layout: &'a Layout,
    pooling: Pooling,
    output: &'a Shared<'a, Vector>,
    out: &'a Layout,
    gates: &'a Shared<'a, u16>,
    block: usize,
    y: usize,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (block, y, width) = (self.block, self.y, self.layout.shape.width);
        for x in 0..self.out.shape.width {
            // SAFETY: the window 2y, 2x lies inside the map; row y of this block and its gates are this task's own.
            unsafe {
                let upper = self.input.as_ptr().add(self.layout.inside(block, 2 * y, 2 * x));
                let lower = upper.add(self.layout.row);
                let window = [
                    S::load(upper.cast()),
                    S::load(upper.add(1).cast()),
                    S::load(lower.cast()),
                    S::load(lower.add(1).cast()),
                ];
                let zero = S::splat(0.0);
                let mut gates = [0; 4];
                let value = match self.pooling {
                    Pooling::Average => {
                        for i in 0..4 {
                            gates[i] = S::greater(window[i], zero);
                        }
                        let sum = S::add(S::add(window[0], window[1]), S::add(window[2], window[3]));
                        S::mul(sum, S::splat(0.25))
                    }
                    Pooling::Max => {
                        let mut best = window[0];
                        gates[0] = u16::MAX;
                        for i in 1..4 {
                            // The first of equal values wins, as in PyTorch.
                            let larger = S::greater(window[i], best);
                            for gate in gates.iter_mut().take(i) {
                                *gate &= !larger;
                            }
                            gates[i] = larger;
                            best = S::add(S::keep(best, !larger), S::keep(window[i], larger));
                        }
                        let positive = S::greater(best, zero);
                        for gate in &mut gates {
                            *gate &= positive;
                        }
                        best
                    }
                };
                S::store(self.output.at(self.out.inside(block, y, x)).cast(), value);
                let corner = (block * self.layout.shape.height + 2 * y) * width + 2 * x;
                for (gate, place) in gates.into_iter().zip([0, 1, width, width + 1]) {
                    *self.gates.at(corner + place) = gate;
                }
            }
        }
    }
}

/// One row of the large map.
struct Backward<'a> {
    pooled: &'a [Vector],
    out: &'a Layout,
    pooling: Pooling,
    gates: &'a [u16],
    gradient: &'a Shared<'a, Vector>,
    layout: &'a Layout,
    block: usize,
    y: usize,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (block, y, width) = (self.block, self.y, self.layout.shape.width);
        let gates = &self.gates[(block * self.layout.shape.height + y) * width..][..width];
        let inside = y / 2 < self.out.shape.height;
        for (x, &gate) in gates.iter().enumerate() {
            // SAFETY: (y, x) lies inside the map and (y/2, x/2), where used, inside the pooled one; this row of
            // this block is this task's own.
            unsafe {
                let value = if inside && x / 2 < self.out.shape.width {
                    let value =
                        S::load(self.pooled.as_ptr().add(self.out.inside(block, y / 2, x / 2)).cast());
                    match self.pooling {
                        Pooling::Max => value,
                        Pooling::Average => S::mul(value, S::splat(0.25)),
                    }
                } else {
                    S::splat(0.0)
                };
                S::store(self.gradient.at(self.layout.inside(block, y, x)).cast(), S::keep(value, gate));
            }
        }
    }
}
