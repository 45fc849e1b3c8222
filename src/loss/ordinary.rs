//! How faint a content is, and noise that a network answers about as strongly as it does a photograph: what `relative`
//! knows of contents that give it next to nothing to be relative to.

use crate::random::Random;
use crate::tensor::Scalar;

/// The standard deviation of the noise's values around a half: that of a photograph's.
const CONTRAST: f64 = 0.2;
/// The standard deviation below which a picture is faint.
const FAINT: f64 = 0.08;

/// White noise, 3×height×width, the same for a size always.
pub(super) fn noise<T: Scalar>(height: usize, width: usize) -> Vec<T> {
    let mut random = Random::new(0);
    (0..3 * height * width).map(|_| T::from_f64(0.5 + CONTRAST * random.normal())).collect()
}

/// How much contrast a picture, 3×H×W, lacks: `1 − min(1, (σ/0.08)²)` with σ² the mean variance of its channels. 0 for an
/// ordinary picture, 1 for one colour.
pub(super) fn faintness<T: Scalar>(rgb: &[T]) -> f64 {
    let plane = (rgb.len() / 3).max(1);
    let variance = |channel: &[T]| {
        let n = channel.len() as f64;
        let mean = channel.iter().map(|value| value.to_f64()).sum::<f64>() / n;
        channel.iter().map(|value| (value.to_f64() - mean).powi(2)).sum::<f64>() / n
    };
    let variance = rgb.chunks_exact(plane).map(variance).sum::<f64>() / 3.0;
    1.0 - (variance / (FAINT * FAINT)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_little_contrast_is_faint() {
        assert_eq!(faintness(&noise::<f64>(20, 30)), 0.0);
        assert_eq!(faintness(&[0.25f32; 3 * 50]), 1.0);
        // Each channel by itself: a colour is no contrast.
        let red: Vec<f32> = (0..300).map(|at| if at < 100 { 1.0 } else { 0.0 }).collect();
        assert_eq!(faintness(&red), 1.0);
        let pale: Vec<f64> = noise(20, 30).iter().map(|value: &f64| 0.5 + 0.2 * (value - 0.5)).collect();
        assert!((faintness(&pale) - 0.75).abs() < 0.02, "{}", faintness(&pale));
    }
}
