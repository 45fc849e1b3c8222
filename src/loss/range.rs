//! How far pixels leave [0, 1], and the gradient of it.
//!
//! A picture file ends at black and white. Without this term a transfer spends part of its pixels beyond them,
//! and cutting those off at the end undoes some of the style that they had won.

use rayon::prelude::*;

use crate::tensor::Scalar;

/// Values that one task takes; fixed, so that the sum does not depend on the threads.
const CHUNK: usize = 1 << 14;

/// `1/n · Σ (max(0, −x)² + max(0, x − 1)²)` over the n values of `picture`; adds `scale` times its gradient to
/// `gradient` and returns the unscaled value. `sums` is reused between calls.
///
/// # Panics
/// If the lengths differ.
pub fn add<T: Scalar>(picture: &[T], scale: f64, gradient: &mut [T], sums: &mut Vec<f64>) -> f64 {
    assert_eq!(picture.len(), gradient.len());
    let size = picture.len().max(1) as f64;
    let (one, step) = (T::from_f64(1.0), T::from_f64(2.0 * scale / size));
    gradient
        .par_chunks_mut(CHUNK)
        .zip(picture.par_chunks(CHUNK))
        .map(|(gradient, picture)| {
            let mut sum = 0.0;
            for (g, &x) in gradient.iter_mut().zip(picture) {
                let beyond = if x < T::ZERO {
                    x
                } else if x > one {
                    x - one
                } else {
                    continue;
                };
                sum += beyond.to_f64() * beyond.to_f64();
                *g += step * beyond;
            }
            sum
        })
        .collect_into_vec(sums);
    sums.iter().sum::<f64>() / size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_outside_counts_and_the_gradient_is_its_slope() {
        let picture = [-0.5f64, 0.0, 0.3, 1.0, 1.25];
        let mut gradient = [0.0; 5];
        let value = add(&picture, 3.0, &mut gradient, &mut Vec::new());
        assert!((value - (0.25 + 0.0625) / 5.0).abs() < 1e-15);
        for at in 0..5 {
            let shifted = |by: f64| {
                let mut picture = picture;
                picture[at] += by;
                add(&picture, 0.0, &mut [0.0; 5], &mut Vec::new())
            };
            let slope = 3.0 * (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
            assert!((gradient[at] - slope).abs() < 1e-6, "{at}: {} {slope}", gradient[at]);
        }
    }
}
