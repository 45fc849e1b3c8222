//! How far a picture is from one that came before it, where that can be told: the temporal term of a sequence.
//!
//! Ruder, Dosovitskiy & Brox (2016, arXiv 1604.08610), eq. 7: `1/D · Σ_k c_k·(x_k − ω_k)²`, where ω is the picture before,
//! moved to where things are now, c says which places of it can be trusted, and D is the count of numbers.

use rayon::prelude::*;

use crate::tensor::{Scalar, Shape};

/// What a picture is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    /// ω, 3×H×W.
    pub target: Vec<f32>,
    /// c, H×W, each at least 0; the three colours of a place share it.
    pub weights: Vec<f32>,
}

/// `1/(3HW) · Σ_p c(p) Σ_k (x_k(p) − ω_k(p))²` of `picture` (3×H×W); adds `scale` times its gradient to `gradient` and returns
/// the unscaled value. `sums` is reused between calls.
///
/// # Panics
/// On wrong lengths.
pub fn add<T: Scalar>(
    picture: &[T],
    shape: Shape,
    anchor: &Anchor,
    scale: f64,
    gradient: &mut [T],
    sums: &mut Vec<f64>,
) -> f64 {
    let (length, plane) = (shape.len(), shape.positions());
    assert_eq!((picture.len(), gradient.len()), (length, length));
    assert_eq!((anchor.target.len(), anchor.weights.len()), (length, plane));
    if length == 0 {
        return 0.0;
    }
    let step = 2.0 * scale / length as f64;
    let rows = gradient.par_chunks_exact_mut(shape.width).zip(picture.par_chunks_exact(shape.width));
    rows.zip(anchor.target.par_chunks_exact(shape.width))
        .enumerate()
        .map(|(row, ((gradient, picture), target))| {
            let weights = &anchor.weights[row % shape.height * shape.width..][..shape.width];
            let mut sum = 0.0;
            for (((g, x), target), weight) in gradient.iter_mut().zip(picture).zip(target).zip(weights) {
                let (away, weight) = (x.to_f64() - f64::from(*target), f64::from(*weight));
                sum += weight * away * away;
                *g += T::from_f64(step * weight * away);
            }
            sum
        })
        .collect_into_vec(sums);
    sums.iter().sum::<f64>() / length as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope_and_places_without_trust_are_free() {
        let shape = Shape::new(3, 2, 4);
        let value = |seed: usize| ((seed * 37 + 11) % 17) as f64 / 17.0;
        let weights = vec![1.0, 0.0, 0.5, 1.0, 0.25, 0.0, 1.0, 0.75];
        let anchor = Anchor { target: (0..24).map(|k| value(k + 5) as f32).collect(), weights };
        let picture: Vec<f64> = (0..24).map(value).collect();
        let mut gradient = vec![0.0; 24];
        let at = |picture: &[f64], gradient: &mut [f64]| {
            add(picture, shape, &anchor, 3.0, gradient, &mut Vec::new())
        };
        let total = at(&picture, &mut gradient);
        let naive: f64 = (0..24)
            .map(|k| f64::from(anchor.weights[k % 8]) * (picture[k] - f64::from(anchor.target[k])).powi(2))
            .sum();
        assert!((total - naive / 24.0).abs() < 1e-15);
        for k in 0..24 {
            let shifted = |by: f64| {
                let mut picture = picture.clone();
                picture[k] += by;
                at(&picture, &mut [0.0; 24])
            };
            let slope = 3.0 * (shifted(1e-4) - shifted(-1e-4)) / 2e-4;
            assert!((gradient[k] - slope).abs() < 1e-9, "{k}: {} {slope}", gradient[k]);
            assert_eq!(
                gradient[k] == 0.0,
                anchor.weights[k % 8] == 0.0 || picture[k] == f64::from(anchor.target[k])
            );
        }
    }
}
