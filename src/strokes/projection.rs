//! Fewer numbers for a vector: the projection on the directions in which the styles' hypercolumns are largest.
//!
//! It minimises the mean square of what is lost, so that inner products with the styles' vectors stay nearly the same at a
//! fraction of the cost. The directions are found by subspace iteration on the second moments (Golub & Van Loan, §8.2).

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use crate::kernels::plain::gemm::gemm;
use crate::random::Random;

/// Rounds of the subspace iteration: the directions at the end of the list need not be exact.
const ROUNDS: usize = 6;
/// Rows that one task computes.
const ROWS: usize = 64;

/// A map from vectors of `channels` numbers to those of `dims`.
#[derive(Debug, Clone)]
pub struct Projection {
    channels: usize,
    dims: usize,
    /// Channels × dims, columns orthonormal.
    basis: Vec<f32>,
}

impl Projection {
    /// The best one for `sample`, vectors of `channels` numbers one behind the other, to at most `dims` numbers.
    pub fn new(sample: &[f32], channels: usize, dims: usize) -> Self {
        let dims = dims.min(channels);
        let count = sample.len() / channels;
        let sample = ArrayView2::from_shape((count, channels), sample).expect("whole vectors");
        let mut moments = vec![0.0f32; channels * channels];
        moments.par_chunks_mut(ROWS * channels).enumerate().for_each(|(index, rows)| {
            let (first, height) = (index * ROWS, rows.len() / channels);
            let left = sample.slice(ndarray::s![.., first..first + height]).reversed_axes();
            let rows = ArrayViewMut2::from_shape((height, channels), rows).expect("whole rows");
            gemm(1.0 / count.max(1) as f32, left, sample, 0.0, rows);
        });
        let mut random = Random::new(0);
        let mut basis: Vec<f32> = (0..channels * dims).map(|_| random.normal() as f32).collect();
        orthonormalise(&mut basis, dims);
        for _ in 0..ROUNDS {
            basis = product(&moments, channels, &basis, dims);
            orthonormalise(&mut basis, dims);
        }
        Self { channels, dims, basis }
    }

    /// Numbers in a projected vector.
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Projects vectors that stand one behind the other.
    pub fn apply(&self, vectors: &[f32]) -> Vec<f32> {
        product(vectors, self.channels, &self.basis, self.dims)
    }
}

/// `a·b` for a of rows × inner and b of inner × columns.
fn product(a: &[f32], inner: usize, b: &[f32], columns: usize) -> Vec<f32> {
    let b = ArrayView2::from_shape((inner, columns), b).expect("sizes");
    let mut c = vec![0.0; a.len() / inner * columns];
    c.par_chunks_mut(ROWS * columns).zip(a.par_chunks(ROWS * inner)).for_each(|(c, a)| {
        let rows = c.len() / columns;
        let a = ArrayView2::from_shape((rows, inner), a).expect("sizes");
        gemm(1.0, a, b, 0.0, ArrayViewMut2::from_shape((rows, columns), c).expect("sizes"));
    });
    c
}

/// Makes the columns of a matrix orthonormal, by Gram and Schmidt; a column that depends on those before it becomes 0.
fn orthonormalise(matrix: &mut [f32], columns: usize) {
    let rows = matrix.len() / columns;
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(columns);
    for column in 0..columns {
        let mut vector: Vec<f64> = (0..rows).map(|row| f64::from(matrix[row * columns + column])).collect();
        let norm = |vector: &[f64]| vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        let before = norm(&vector);
        // Twice is enough.
        for _ in 0..2 {
            for other in &done {
                let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let after = norm(&vector);
        let scale = if after > 1e-6 * before { 1.0 / after } else { 0.0 };
        vector.iter_mut().for_each(|value| *value *= scale);
        (0..rows).for_each(|row| matrix[row * columns + column] = vector[row] as f32);
        done.push(vector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_a_small_space_keep_their_products() {
        let mut random = Random::new(3);
        let mut normal = |count: usize| (0..count).map(|_| random.normal() as f32).collect::<Vec<f32>>();
        let (inner, channels) = (5, 40);
        let (coordinates, directions) = (normal(300 * inner), normal(inner * channels));
        let vectors = product(&coordinates, inner, &directions, channels);
        let projection = Projection::new(&vectors, channels, 8);
        let projected = projection.apply(&vectors);
        let dot = |list: &[f32], length: usize, a: usize, b: usize| -> f64 {
            let at = |place: usize, i: usize| f64::from(list[place * length + i]);
            (0..length).map(|i| at(a, i) * at(b, i)).sum()
        };
        for (a, b) in [(0, 0), (3, 250), (17, 101)] {
            let (whole, part) = (dot(&vectors, channels, a, b), dot(&projected, 8, a, b));
            assert!((whole - part).abs() < 1e-3 * (1.0 + dot(&vectors, channels, a, a)), "{whole} {part}");
        }
        assert_eq!(Projection::new(&vectors, channels, 99).dims(), channels);
        assert!(Projection::new(&vec![0.0; 80], 40, 4).apply(&vectors[..40]).iter().all(|v| v.is_finite()));
    }
}
