//! The 2×2 pooling on blocked maps, forward with the gates that lead back, backward through them.
//!
//! Where no tap reads the large map it never exists: [`Epilogue::pool`](super::epilogue::Epilogue::pool) pools a
//! convolution's tiles while they are in registers, and [`Unpooled`](super::source::Unpooled) spreads the gradient when
//! the convolution before it asks for it.

use rayon::prelude::*;

use super::gate;
use super::map::{Map, MapMut};
use super::part::{Grid, Part};
use super::tap::TapGradient;
use crate::kernels::simd::{Kernel, Level, Simd, Vector};
use crate::tensor::{Pooling, Shape};

/// The shape behind the pooling.
pub const fn pooled(shape: Shape) -> Shape {
    Shape::new(shape.channels, shape.height / 2, shape.width / 2)
}

/// Pools a rectified map. `gates` (see [`gate::words`]) receives where the gradient may pass on its way back through
/// pooling and ReLU together; bits of a last odd row or column, which no window has, are left alone.
///
/// # Panics
/// If `output` is not half as large, or the gates belong to another map.
pub fn forward(level: Level, input: Map<'_>, pooling: Pooling, mut output: MapMut<'_>, gates: &mut [u16]) {
    let (shape, layout) = (input.shape(), *output.layout());
    assert_eq!(layout.shape(), pooled(shape), "half a map");
    assert_eq!(gates.len(), gate::words(shape), "gates of another map");
    let planes = output.vectors_mut().par_chunks_exact_mut(layout.plane());
    planes.zip(gates.par_chunks_exact_mut(shape.positions())).enumerate().for_each(
        |(block, (plane, gates))| {
            // Behind the border; rayon's `skip` would allocate.
            let inside = &mut plane[layout.row()..];
            let lines = inside.par_chunks_exact_mut(layout.row()).take(layout.shape().height);
            lines.zip(gates.par_chunks_exact_mut(2 * shape.width)).enumerate().for_each(
                |(y, (line, gates))| {
                    let window = [input.line(block, 2 * y), input.line(block, 2 * y + 1)];
                    level.run(Forward {
                        window,
                        pooling,
                        line: &mut line[1..][..layout.shape().width],
                        gates,
                    });
                },
            );
        },
    );
}

/// Rows of the large map that one task of the backward pass takes.
const ROWS: usize = 4;

/// Spreads the pooled gradient over the map it came from, through `gates`, and adds what losses there add.
///
/// # Panics
/// If `pooled` is not half as large, or the gates or the losses belong to another map.
pub fn backward(
    level: Level,
    pooled: Map<'_>,
    pooling: Pooling,
    gates: &[u16],
    gradient: MapMut<'_>,
    taps: &[TapGradient<'_>],
) {
    let shape = gradient.shape();
    assert_eq!(pooled.shape(), self::pooled(shape), "half a map");
    assert_eq!(gates.len(), gate::words(shape), "gates of another map");
    let grid = Grid::new(shape, (ROWS, shape.width));
    gradient.into_part(grid).for_each_run(1, &|mut part: Part<'_, Vector>| {
        for place in grid.places(part.tiles()) {
            let (rows, _) = grid.extent(&place);
            for block in part.blocks() {
                let mut rectangle = part.at(block, &place);
                for (row, y) in rows.clone().enumerate() {
                    let gates = &gates[(block * shape.height + y) * shape.width..][..shape.width];
                    let pooled = (y / 2 < pooled.shape().height).then(|| pooled.line(block, y / 2));
                    level.run(Backward { pooled, pooling, gates, line: rectangle.line(row) });
                }
            }
            taps.iter().for_each(|tap| tap.add_at(level, &mut part, &place));
        }
    });
}

/// Pools one window of rectified values; the gates say, lane by lane, which of the four may get the gradient back.
#[inline(always)]
pub(super) fn join<S: Simd>(simd: S, window: [S::V; 4], pooling: Pooling) -> (S::V, [u16; 4]) {
    let zero = simd.splat(0.0);
    let mut gates = [0; 4];
    match pooling {
        Pooling::Average => {
            for i in 0..4 {
                gates[i] = simd.greater(window[i], zero);
            }
            let sum = simd.add(simd.add(window[0], window[1]), simd.add(window[2], window[3]));
            (simd.mul(sum, simd.splat(0.25)), gates)
        }
        Pooling::Max => {
            let mut best = window[0];
            gates[0] = u16::MAX;
            for i in 1..4 {
                // The first of equal values wins, as in PyTorch.
                let larger = simd.greater(window[i], best);
                for j in 0..i {
                    gates[j] &= !larger;
                }
                gates[i] = larger;
                best = simd.add(simd.keep(best, !larger), simd.keep(window[i], larger));
            }
            let positive = simd.greater(best, zero);
            for gate in &mut gates {
                *gate &= positive;
            }
            (best, gates)
        }
    }
}

/// One pooled row of one block.
struct Forward<'a> {
    /// The two rows of the large map.
    window: [&'a [Vector]; 2],
    pooling: Pooling,
    line: &'a mut [Vector],
    /// Two rows, one behind the other.
    gates: &'a mut [u16],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let [upper, lower] = self.window;
        let (upper_gates, lower_gates) = self.gates.split_at_mut(upper.len());
        let windows = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        let gates = upper_gates.chunks_exact_mut(2).zip(lower_gates.chunks_exact_mut(2));
        for ((to, (upper, lower)), gates) in self.line.iter_mut().zip(windows).zip(gates) {
            let window = [&upper[0], &upper[1], &lower[0], &lower[1]].map(|vector| simd.load(&vector.0));
            let (value, [a, b, c, d]) = join(simd, window, self.pooling);
            simd.store(&mut to.0, value);
            gates.0.copy_from_slice(&[a, b]);
            gates.1.copy_from_slice(&[c, d]);
        }
    }
}

/// One row of the large map.
struct Backward<'a> {
    /// `None` behind the last window.
    pooled: Option<&'a [Vector]>,
    pooling: Pooling,
    gates: &'a [u16],
    line: &'a mut [Vector],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let pooled = self.pooled.unwrap_or(&[]);
        for (x, (to, &gate)) in self.line.iter_mut().zip(self.gates).enumerate() {
            let value = match pooled.get(x / 2) {
                Some(value) => match self.pooling {
                    Pooling::Max => simd.load(&value.0),
                    Pooling::Average => simd.mul(simd.load(&value.0), simd.splat(0.25)),
                },
                None => simd.splat(0.0),
            };
            simd.store(&mut to.0, simd.keep(value, gate));
        }
    }
}
