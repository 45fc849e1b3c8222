//! The 3×3 convolution by im2col and GEMM: the portable path, in any precision, and the oracle of the fast ones.
//!
//! Forward, with x̃ the padded map and the network's cross-correlation convention:
//! `y[o, r, c] = b[o] + Σ_{i,u,v} w[o, i, u, v] · x̃[i, r+u, c+v]`.
//! Backward to the input: the same sum over the output's gradient with the kernel turned by 180° and its
//! channels exchanged; where the padding mirrored the map, the gradient that falls on the border is folded
//! back onto the positions it was copied from (the adjoint of the padding).
//!
//! The im2col matrix never exists as a whole: panels of `PANEL` positions are unrolled and multiplied
//! one by one over rayon's threads.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use super::gemm::gemm;
use crate::tensor::{Padding, Scalar, Shape};

/// Positions in one panel: the unrolled panel stays in the cache, the product stays efficient.
const PANEL: usize = 256;

/// Values that a task unrolls at once of a map of this shape.
pub const fn panel_floats(shape: Shape) -> usize {
    9 * shape.channels * PANEL
}

/// The row or column that a padded coordinate (from −1 to `size`) is read from; `None` outside.
fn source(at: isize, size: usize, padding: Padding) -> Option<usize> {
    let size = size as isize;
    match padding {
        Padding::Zeros => (0..size).contains(&at).then_some(at as usize),
        Padding::Reflect => {
            let mirrored = if at < 0 {
                -at
            } else if at >= size {
                2 * (size - 1) - at
            } else {
                at
            };
            Some(mirrored as usize)
        }
        Padding::Wrap => Some(at.rem_euclid(size) as usize),
    }
}

/// Unrolls positions `start..start+n` of the `out` grid: row (i, u, v) of `columns` (9·C × n) holds
/// `x̃[i, r+u, c+v]`; `shift` is the padded coordinate of the grid's origin.
#[allow(clippy::too_many_arguments)]
fn unroll<T: Scalar>(
    input: &[T],
    shape: Shape,
    padding: Padding,
    grid: (usize, usize),
    shift: isize,
    start: usize,
    columns: &mut [T],
    n: usize,
) {
    let plane = shape.positions();
    for (row, target) in columns.chunks_exact_mut(n).take(9 * shape.channels).enumerate() {
        let (channel, u, v) = (row / 9, row % 9 / 3, row % 3);
        let map = &input[channel * plane..][..plane];
        for (offset, value) in target.iter_mut().enumerate() {
            let (r, c) = ((start + offset) / grid.1, (start + offset) % grid.1);
            let y = source(r as isize + u as isize + shift, shape.height, padding);
            let x = source(c as isize + v as isize + shift, shape.width, padding);
            *value = match (y, x) {
                (Some(y), Some(x)) => map[y * shape.width + x],
                _ => T::ZERO,
            };
        }
    }
}

/// `output[o, p] = bias[o] + Σ weight[o, ·]·unrolled[·, p]` for every position p of the grid.
#[allow(clippy::too_many_arguments)]
fn correlate<T: Scalar>(
    input: &[T],
    shape: Shape,
    padding: Padding,
    shift: isize,
    weight: &[T],
    bias: Option<&[T]>,
    output: &mut [T],
    out: Shape,
) {
    let (inner, positions) = (9 * shape.channels, out.positions());
    assert_eq!(input.len(), shape.len(), "input length");
    assert_eq!(weight.len(), out.channels * inner, "weight length");
    assert_eq!(output.len(), out.len(), "output length");
    let weight = ArrayView2::from_shape((out.channels, inner), weight).expect("asserted");
    let mut output = ArrayViewMut2::from_shape((out.channels, positions), output).expect("asserted");
    // Each task has columns of the output of its own; `par_bridge` may hand them out in any order.
    output.axis_chunks_iter_mut(Axis(1), PANEL).enumerate().par_bridge().for_each_init(
        || vec![T::ZERO; panel_floats(shape)],
        |columns, (panel, mut target)| {
            let n = target.ncols();
            let columns = &mut columns[..inner * n];
            unroll(input, shape, padding, (out.height, out.width), shift, panel * PANEL, columns, n);
            for (o, mut row) in target.rows_mut().into_iter().enumerate() {
                row.fill(bias.map_or(T::ZERO, |bias| bias[o]));
            }
            let columns = ArrayView2::from_shape((inner, n), &*columns).expect("sliced above");
            gemm(T::from_f64(1.0), weight, columns, T::from_f64(1.0), target);
        },
    );
}

/// `output = conv(input, weight) + bias`; `weight` is out×in×3×3, `output` has the input's height and width.
///
/// # Panics
/// On wrong lengths, and on a map narrower than 2 with reflection (there is nothing to mirror).
pub fn forward<T: Scalar>(
    input: &[T],
    shape: Shape,
    padding: Padding,
    weight: &[T],
    bias: &[T],
    output: &mut [T],
) {
    assert!(padding != Padding::Reflect || shape.height.min(shape.width) >= 2, "nothing to mirror");
    let out = shape.with_channels(bias.len());
    correlate(input, shape, padding, -1, weight, Some(bias), output, out);
}

/// The kernel turned by 180° with its channels exchanged: out×in×3×3 → in×out×3×3.
pub fn rotated<T: Scalar>(weight: &[T], outputs: usize, inputs: usize) -> Vec<T> {
    assert_eq!(weight.len(), outputs * inputs * 9);
    let mut turned = Vec::with_capacity(weight.len());
    for i in 0..inputs {
        for o in 0..outputs {
            turned.extend(weight[(o * inputs + i) * 9..][..9].iter().rev());
        }
    }
    turned
}

/// The gradient with respect to the convolution's input, from the gradient of its output.
///
/// `shape` is the shape of the *output* gradient; `rotated` is in×out×3×3 (see [`rotated`]); `inputs` has
/// the same height and width.
///
/// # Panics
/// On wrong lengths.
pub fn backward<T: Scalar>(
    gradient: &[T],
    shape: Shape,
    padding: Padding,
    rotated: &[T],
    inputs: usize,
    output: &mut [T],
) {
    match padding {
        // The adjoint of wrapping is wrapping.
        Padding::Zeros | Padding::Wrap => {
            let out = shape.with_channels(inputs);
            correlate(gradient, shape, padding, -1, rotated, None, output, out);
        }
        Padding::Reflect => {
            let padded = Shape::new(inputs, shape.height + 2, shape.width + 2);
            let mut wide = vec![T::ZERO; padded.len()];
            correlate(gradient, shape, Padding::Zeros, -2, rotated, None, &mut wide, padded);
            fold(&wide, padded, output);
        }
    }
}

/// The adjoint of mirroring: adds every border value of a padded map to the position it was copied from.
fn fold<T: Scalar>(padded: &[T], shape: Shape, output: &mut [T]) {
    let (height, width) = (shape.height - 2, shape.width - 2);
    output.par_chunks_exact_mut(height * width).zip(padded.par_chunks_exact(shape.positions())).for_each(
        |(plane, wide)| {
            plane.fill(T::ZERO);
            for (r, row) in wide.chunks_exact(shape.width).enumerate() {
                let y = source(r as isize - 1, height, Padding::Reflect).expect("mirrored rows exist");
                for (c, &value) in row.iter().enumerate() {
                    let x = source(c as isize - 1, width, Padding::Reflect).expect("mirrored columns exist");
                    plane[y * width + x] += value;
                }
            }
        },
    );
}
