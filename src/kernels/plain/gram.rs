//! The Gram matrix `G = F·Fᵀ` (Gatys et al. 2016, eq. 3) and its adjoint.

use ndarray::{ArrayView2, ArrayViewMut2, s};
use rayon::prelude::*;

use super::gemm::gemm;
use crate::tensor::Scalar;

/// Positions summed in the map's own precision before the sum goes on in f64.
const RUN: usize = 4096;
/// Rows of G, or channels of the gradient, that one task computes.
const ROWS: usize = 32;

/// `G[i, j] = Σ_p F[i, p]·F[j, p]` for F of `channels`×`positions`; `output` is channels×channels, f64.
///
/// Runs of `RUN` positions are summed by GEMM in `T`, the runs in f64.
pub fn forward<T: Scalar>(features: &[T], channels: usize, positions: usize, output: &mut [f64]) {
    assert_eq!((features.len(), output.len()), (channels * positions, channels * channels));
    let map = ArrayView2::from_shape((channels, positions), features).expect("asserted");
    output.par_chunks_mut(ROWS * channels).enumerate().for_each_init(
        || vec![T::ZERO; ROWS * channels],
        |block, (index, rows)| {
            let (first, count) = (index * ROWS, rows.len() / channels);
            rows.fill(0.0);
            for start in (0..positions).step_by(RUN) {
                let n = RUN.min(positions - start);
                let left = map.slice(s![first..first + count, start..start + n]);
                let right = map.slice(s![.., start..start + n]).reversed_axes();
                let part = ArrayViewMut2::from_shape((count, channels), &mut block[..count * channels]);
                gemm(T::from_f64(1.0), left, right, T::ZERO, part.expect("sized above"));
                for (sum, part) in rows.iter_mut().zip(&*block) {
                    *sum += part.to_f64();
                }
            }
        },
    );
}

/// `gradient += D·F`, where D (channels×channels, symmetric) is twice the loss's derivative by G.
pub fn backward<T: Scalar>(
    derivative: &[f64],
    features: &[T],
    channels: usize,
    positions: usize,
    gradient: &mut [T],
) {
    assert_eq!((features.len(), gradient.len()), (channels * positions, channels * positions));
    assert_eq!(derivative.len(), channels * channels);
    let derivative: Vec<T> = derivative.iter().map(|&d| T::from_f64(d)).collect();
    let derivative = ArrayView2::from_shape((channels, channels), &derivative).expect("asserted");
    let map = ArrayView2::from_shape((channels, positions), features).expect("asserted");
    gradient.par_chunks_mut(ROWS * positions).enumerate().for_each(|(index, rows)| {
        let (first, count) = (index * ROWS, rows.len() / positions);
        let left = derivative.slice(s![first..first + count, ..]);
        let rows = ArrayViewMut2::from_shape((count, positions), rows).expect("whole rows");
        gemm(T::from_f64(1.0), left, map, T::from_f64(1.0), rows);
    });
}
