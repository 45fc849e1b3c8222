//! The Gram matrix `G = F·Fᵀ` (Gatys et al. 2016, eq. 3) and its adjoint.

use rayon::prelude::*;

use super::gemm::{Matrix, gemm};
use super::scalar::Scalar;

/// Positions summed in the map's own precision before the sum goes on in f64.
const RUN: usize = 4096;
/// Rows of G, or channels of the gradient, that one task computes.
const ROWS: usize = 32;

/// `G[i, j] = Σ_p F[i, p]·F[j, p]` for F of `channels`×`positions`; `output` is channels×channels, f64.
///
/// Runs of [`RUN`] positions are summed by GEMM in `T`, the runs in f64.
pub fn forward<T: Scalar>(features: &[T], channels: usize, positions: usize, output: &mut [f64]) {
    assert_eq!((features.len(), output.len()), (channels * positions, channels * channels));
    output.par_chunks_mut(ROWS * channels).enumerate().for_each_init(
        || vec![T::ZERO; ROWS * channels],
        |block, (index, rows)| {
            let (first, count) = (index * ROWS, rows.len() / channels);
            rows.fill(0.0);
            for start in (0..positions).step_by(RUN) {
                let n = RUN.min(positions - start);
                let left = Matrix::new(&features[first * positions + start..], count, n, positions);
                let right = Matrix::new(&features[start..], channels, n, positions).transposed();
                gemm(T::from_f64(1.0), left, right, T::ZERO, block, channels);
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
    gradient.par_chunks_mut(ROWS * positions).enumerate().for_each(|(index, rows)| {
        let count = rows.len() / positions;
        let left = Matrix::new(&derivative[index * ROWS * channels..], count, channels, channels);
        let right = Matrix::new(features, channels, positions, positions);
        gemm(T::from_f64(1.0), left, right, T::from_f64(1.0), rows, positions);
    });
}
