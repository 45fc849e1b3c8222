//! The moments `ΣwFFᵀ` (without weights the Gram matrix; Gatys et al. 2016, eq. 3) and `ΣwF` of a map, and their
//! adjoint: the gradient of any loss of them is affine in the features, `w·(D·F + b)`.

use ndarray::{ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

use super::gemm::gemm;
use crate::tensor::{PositionWeights, Scalar, Shape, Window};

/// Positions summed in the map's own precision before the sum goes on in f64.
const RUN: usize = 4096;
/// Rows of `ΣwFFᵀ`, or channels of the gradient, that one task computes.
const ROWS: usize = 32;

/// `second[i, j] = Σ_p w(p)·F[i, p]·F[j, p]` and `first[i] = Σ_p w(p)·F[i, p]` over a window of F (of `shape`);
/// w is 1 without `weights`.
///
/// Of the second moments runs of positions are summed in `T` by GEMM, the runs in f64.
///
/// # Panics
/// On wrong lengths, a window that leaves the map, weights of another map.
pub fn forward<T: Scalar>(
    features: &[T],
    shape: Shape,
    window: &Window,
    weights: Option<&PositionWeights>,
    second: &mut [f64],
    first: Option<&mut [f64]>,
) {
    let channels = shape.channels;
    assert_eq!((features.len(), second.len()), (shape.len(), channels * channels), "lengths");
    assert!(window.is_inside(shape), "a window that leaves the map");
    assert!(weights.is_none_or(|weights| weights.map().fits(shape)), "weights of another map");
    second.fill(0.0);
    let mut first = first;
    if let Some(first) = &mut first {
        assert_eq!(first.len(), channels, "lengths");
        first.fill(0.0);
    }
    let map = ArrayView2::from_shape((channels, shape.positions()), features).expect("asserted");
    // Without a window and weights the map is multiplied where it lies.
    let plain = weights.is_none() && *window == Window::whole(shape);
    let mut copies = [Vec::new(), Vec::new()];
    for start in (0..window.positions()).step_by(RUN) {
        let n = RUN.min(window.positions() - start);
        let (left, right) = if plain {
            let part = map.slice(s![.., start..start + n]);
            (part, part)
        } else {
            let [left, right] = &mut copies;
            gather(features, shape, window, weights, start..start + n, left, right);
            let view = |copy| ArrayView2::from_shape((channels, n), copy).expect("gathered");
            (view(left), view(right))
        };
        if let Some(first) = &mut first {
            for (sum, channel) in first.iter_mut().zip(left.rows()) {
                *sum += channel.iter().map(|value| value.to_f64()).sum::<f64>();
            }
        }
        second.par_chunks_mut(ROWS * channels).enumerate().for_each_init(
            || vec![T::ZERO; ROWS * channels],
            |block, (index, rows)| {
                let (first, count) = (index * ROWS, rows.len() / channels);
                let part = ArrayViewMut2::from_shape((count, channels), &mut block[..count * channels]);
                let left = left.slice(s![first..first + count, ..]);
                gemm(T::from_f64(1.0), left, right.reversed_axes(), T::ZERO, part.expect("sized above"));
                for (sum, part) in rows.iter_mut().zip(&*block) {
                    *sum += part.to_f64();
                }
            },
        );
    }
}

/// Copies some positions of a window, counted row by row: as they are to `right`, times their weights to `left`.
fn gather<T: Scalar>(
    features: &[T],
    shape: Shape,
    window: &Window,
    weights: Option<&PositionWeights>,
    positions: std::ops::Range<usize>,
    left: &mut Vec<T>,
    right: &mut Vec<T>,
) {
    let width = window.columns.len();
    let place = |p: usize| (window.rows.start + p / width) * shape.width + window.columns.start + p % width;
    left.clear();
    right.clear();
    for channel in features.chunks_exact(shape.positions()) {
        for at in positions.clone().map(place) {
            let weight = weights.map_or(1.0, |weights| weights.map().values()[at]);
            right.push(channel[at]);
            left.push(T::from_f64(f64::from(weight)) * channel[at]);
        }
    }
}

/// `gradient += w∘(D·F + b)`, where D (channels×channels, row-major) and b say how the loss depends on the moments: D is
/// its derivative by `second` plus the transpose of that, b its derivative by `first`.
///
/// # Panics
/// On wrong lengths, and weights of another map.
pub fn backward<T: Scalar>(
    matrix: Option<&[f64]>,
    offset: Option<&[f64]>,
    weights: Option<&PositionWeights>,
    features: &[T],
    shape: Shape,
    gradient: &mut [T],
) {
    let (channels, positions) = (shape.channels, shape.positions());
    assert_eq!((features.len(), gradient.len()), (shape.len(), shape.len()), "lengths");
    assert!(weights.is_none_or(|weights| weights.map().fits(shape)), "weights of another map");
    let map = ArrayView2::from_shape((channels, positions), features).expect("asserted");
    let matrix: Option<Vec<T>> = matrix.map(|d| d.iter().map(|&d| T::from_f64(d)).collect());
    let matrix = matrix.as_ref().map(|d| ArrayView2::from_shape((channels, channels), d).expect("N×N"));
    let one = T::from_f64(1.0);
    let add = |first: usize, rows: &mut [T]| {
        let count = rows.len() / positions;
        if let Some(matrix) = &matrix {
            let left = matrix.slice(s![first..first + count, ..]);
            let rows = ArrayViewMut2::from_shape((count, positions), &mut *rows).expect("whole rows");
            gemm(one, left, map, one, rows);
        }
        if let Some(offset) = offset {
            for (row, &b) in rows.chunks_exact_mut(positions).zip(&offset[first..]) {
                row.iter_mut().for_each(|value| *value += T::from_f64(b));
            }
        }
    };
    assert!(offset.is_none_or(|offset| offset.len() == channels), "lengths");
    gradient.par_chunks_mut(ROWS * positions).enumerate().for_each(|(index, rows)| match weights {
        None => add(index * ROWS, rows),
        Some(weights) => {
            let mut part = vec![T::ZERO; rows.len()];
            add(index * ROWS, &mut part);
            for (row, part) in rows.chunks_exact_mut(positions).zip(part.chunks_exact(positions)) {
                for ((value, &part), &weight) in row.iter_mut().zip(part).zip(weights.map().values()) {
                    *value += T::from_f64(f64::from(weight)) * part;
                }
            }
        }
    });
}
