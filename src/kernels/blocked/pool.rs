//! The 2×2 pooling on blocked maps, forward with the gates that lead back, backward through them.
//!
//! Where no tap reads the large map it never exists: [`Pooled`] pools a convolution's tiles while they are
//! in registers, and [`Unpooled`] spreads the gradient when the convolution before it asks for it.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::gram::Seeds;
use super::map::{Layout, Vector, ZERO};
use super::sink::{Shared, Sink, Source};
use crate::kernels::simd::{Isa, Kernel, Simd};
use crate::tensor::Pooling;

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

/// Rows of the large map that one task of the backward pass takes.
const ROWS: usize = 4;

/// Spreads the pooled gradient over the map it came from, through `gates`, and adds what losses there add.
#[allow(clippy::too_many_arguments, reason = "two maps with their layouts")]
pub fn backward(
    isa: Isa,
    pooled: &[Vector],
    out: &Layout,
    pooling: Pooling,
    gates: &[u16],
    gradient: &mut [Vector],
    layout: &Layout,
    seeds: &[Seeds<'_>],
) {
    assert_eq!(gates.len(), layout.blocks * layout.shape.positions());
    let gradient = Shared::new(gradient);
    let height = layout.shape.height;
    (0..height.div_ceil(ROWS)).into_par_iter().for_each(|task| {
        let rows = task * ROWS..((task + 1) * ROWS).min(height);
        for block in 0..layout.blocks {
            for y in rows.clone() {
                isa.run(Backward { pooled, out, pooling, gates, gradient: &gradient, layout, block, y });
            }
        }
        for seeds in seeds {
            seeds.sow_part(isa, &gradient, rows.clone(), 0..layout.shape.width);
        }
    });
}

/// Pools one window of rectified values; the gates say, lane by lane, which of the four may get the gradient back.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
unsafe fn join<S: Simd>(window: [S::V; 4], pooling: Pooling) -> (S::V, [u16; 4]) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let zero = S::splat(0.0);
        let mut gates = [0; 4];
        match pooling {
            Pooling::Average => {
                for i in 0..4 {
                    gates[i] = S::greater(window[i], zero);
                }
                let sum = S::add(S::add(window[0], window[1]), S::add(window[2], window[3]));
                (S::mul(sum, S::splat(0.25)), gates)
            }
            Pooling::Max => {
                let mut best = window[0];
                gates[0] = u16::MAX;
                for i in 1..4 {
                    // The first of equal values wins, as in PyTorch.
                    let larger = S::greater(window[i], best);
                    for j in 0..i {
                        gates[j] &= !larger;
                    }
                    gates[i] = larger;
                    best = S::add(S::keep(best, !larger), S::keep(window[i], larger));
                }
                let positive = S::greater(best, zero);
                for gate in &mut gates {
                    *gate &= positive;
                }
                (best, gates)
            }
        }
    }
}

/// Rectifies and pools a convolution's tiles.
pub struct Pooled<'a> {
    /// The large map's layout; it is never stored.
    pub layout: Layout,
    /// One vector a block.
    pub bias: &'a [Vector],
    /// How windows are joined.
    pub pooling: Pooling,
    /// The pooled map's layout.
    pub out: Layout,
    /// Receives the pooled map.
    pub output: Shared<'a, Vector>,
    /// Receives the gates, `[block][y][x]` of the large map.
    pub gates: Shared<'a, u16>,
}

impl Sink for Pooled<'_> {
    unsafe fn put<S: Simd>(&self, _: usize, _: usize, _: usize, _: S::V) {
        unreachable!("windows come in tiles");
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize>(
        &self,
        block: usize,
        (y, x): (usize, usize),
        (rows, columns): (usize, usize),
        values: &[[S::V; M]; M],
    ) {
        let width = self.layout.shape.width;
        // SAFETY: tiles start at multiples of an even side, so windows never straddle them; only whole windows inside
        // the map are stored. An odd last row or column keeps the closed gates it was made with.
        unsafe {
            let bias = S::load(self.bias.get_unchecked(block).0.as_ptr());
            for i in (0..M).step_by(2) {
                for j in (0..M).step_by(2) {
                    if i + 1 < rows && j + 1 < columns {
                        let window = [
                            S::relu(S::add(values[i][j], bias)),
                            S::relu(S::add(values[i][j + 1], bias)),
                            S::relu(S::add(values[i + 1][j], bias)),
                            S::relu(S::add(values[i + 1][j + 1], bias)),
                        ];
                        let (value, gates) = join::<S>(window, self.pooling);
                        let at = self.out.inside(block, (y + i) / 2, (x + j) / 2);
                        S::store(self.output.at(at).cast(), value);
                        let corner = (block * self.layout.shape.height + y + i) * width + x + j;
                        *self.gates.at(corner) = gates[0];
                        *self.gates.at(corner + 1) = gates[1];
                        *self.gates.at(corner + width) = gates[2];
                        *self.gates.at(corner + width + 1) = gates[3];
                    }
                }
            }
        }
    }
}

/// The gradient of a large map, made from the pooled one's when it is asked for; zeros around it.
pub struct Unpooled<'a> {
    pooled: &'a [Vector],
    out: Layout,
    gates: &'a [u16],
    layout: Layout,
    share: f32,
}

impl<'a> Unpooled<'a> {
    /// Spreads `pooled` (of layout `out`) through `gates` over a map of `layout`.
    ///
    /// # Panics
    /// On wrong lengths.
    pub fn new(
        pooled: &'a [Vector],
        out: Layout,
        pooling: Pooling,
        gates: &'a [u16],
        layout: Layout,
    ) -> Self {
        assert!(pooled.len() >= out.len() && gates.len() == layout.blocks * layout.shape.positions());
        let share = match pooling {
            Pooling::Max => 1.0,
            Pooling::Average => 0.25,
        };
        Self { pooled, out, gates, layout, share }
    }

    /// The gate and the pooled vector behind a position of the map, if there are any.
    #[inline(always)]
    fn behind(&self, block: usize, y: usize, x: usize) -> Option<(u16, &Vector)> {
        let inside = y / 2 < self.out.shape.height && x / 2 < self.out.shape.width;
        inside.then(|| {
            let gate = self.gates[(block * self.layout.shape.height + y) * self.layout.shape.width + x];
            (gate, &self.pooled[self.out.inside(block, y / 2, x / 2)])
        })
    }
}

impl Source for Unpooled<'_> {
    #[inline(always)]
    unsafe fn load<S: Simd>(&self, block: usize, row: usize, column: usize) -> S::V {
        // Row and column 0 wrap round to a position far outside.
        let (y, x) = (row.wrapping_sub(1), column.wrapping_sub(1));
        // SAFETY: the caller vouches for the instruction set; a position inside the pooled map has a gate.
        unsafe {
            if y / 2 < self.out.shape.height && x / 2 < self.out.shape.width {
                let at = (block * self.layout.shape.height + y) * self.layout.shape.width + x;
                let from = self.pooled.as_ptr().add(self.out.inside(block, y / 2, x / 2));
                let value = S::mul(S::load(from.cast()), S::splat(self.share));
                S::keep(value, *self.gates.get_unchecked(at))
            } else {
                S::splat(0.0)
            }
        }
    }

    fn vector(&self, block: usize, y: usize, x: usize) -> Vector {
        self.behind(block, y, x).map_or(ZERO, |(gate, pooled)| {
            let lane = |lane: usize| if gate >> lane & 1 == 1 { pooled.0[lane] * self.share } else { 0.0 };
            Vector(std::array::from_fn(lane))
        })
    }
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
                let (value, gates) = join::<S>(window, self.pooling);
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
