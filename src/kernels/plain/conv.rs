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

use rayon::prelude::*;

use crate::tensor::Padding;
use crate::tensor::Scalar;
use crate::tensor::Shape;

/// Positions in one panel: the unrolled panel stays in the cache, the product stays efficient.
const PANEL: usize = 256;

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

/// A pointer that rayon's tasks may share because each writes its own columns.
struct Columns<T>(*mut T);

// SAFETY: see `correlate`: tasks write disjoint column ranges of one live, mutably borrowed slice.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Columns<T> {}

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
    let target = Columns(output.as_mut_ptr());
    let panels = positions.div_ceil(PANEL);
    (0..panels).into_par_iter().for_each_init(
        || vec![T::ZERO; inner * PANEL],
        |columns, panel| {
            let target = &target;
            let start = panel * PANEL;
            let n = PANEL.min(positions - start);
            let columns = &mut columns[..inner * n];
            unroll(input, shape, padding, (out.height, out.width), shift, start, columns, n);
            for o in 0..out.channels {
                let first = bias.map_or(T::ZERO, |b| b[o]);
                // SAFETY: row o, columns start..start+n lie inside the output (start+n ≤ positions), and
                // no other task touches these columns.
                #[allow(unsafe_code)]
                let row = unsafe { std::slice::from_raw_parts_mut(target.0.add(o * positions + start), n) };
                row.fill(first);
            }
            let (a, b) = (weight.as_ptr(), columns.as_ptr());
            // SAFETY: a is out×inner (asserted), b is inner×n (sliced above), c's rows lie `positions`
            // apart and its columns start..start+n belong to this task alone.
            #[allow(unsafe_code)]
            unsafe {
                T::gemm_raw(
                    out.channels,
                    inner,
                    n,
                    T::from_f64(1.0),
                    (a, inner as isize, 1),
                    (b, n as isize, 1),
                    T::from_f64(1.0),
                    (target.0.add(start), positions as isize, 1),
                );
            }
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
    assert!(padding == Padding::Zeros || shape.height.min(shape.width) >= 2, "nothing to mirror");
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
        Padding::Zeros => {
            let out = shape.with_channels(inputs);
            correlate(gradient, shape, Padding::Zeros, -1, rotated, None, output, out);
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
