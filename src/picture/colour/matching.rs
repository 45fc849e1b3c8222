//! Colour matching: one picture's colours, brought to another's mean and covariance.
//!
//! Gatys, Bethge, Hertzmann & Shechtman (2016), "Preserving color in neural artistic style transfer", and
//! Gatys et al. (2017), "Controlling perceptual factors", §5.1, with symmetric square roots:
//! x ↦ A·(x − μ_source) + μ_target, A = Σ_target^½ · Σ_source^−½.

use super::eigen::{Matrix, power, product};
use crate::picture::{Picture, clamp};

/// Added to each variance, so that flat pictures have a root, too.
const EPSILON: f64 = 1e-5;

/// `source` with the colours of `target`: its mean and covariance of RGB, by the linear map above, cut to [0, 1].
///
/// Sizes may differ; the result has the size, alpha and depth of `source`. Where a picture has alpha, the white
/// it stands on counts among its colours.
#[must_use]
pub fn match_colours(source: &Picture, target: &Picture) -> Picture {
    match_colours_where(source, None, &ColourStatistics::of(target, None))
}

/// Mean and covariance (with [`EPSILON`]) of RGB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ColourStatistics {
    pub mean: [f64; 3],
    pub covariance: Matrix,
}

/// As [`match_colours`], to colours that are known; those of `source` are its pixels' by weight: one number of at least 0 a
/// pixel, not all 0.
pub(crate) fn match_colours_where(
    source: &Picture,
    source_weights: Option<&[f32]>,
    target: &ColourStatistics,
) -> Picture {
    let ColourStatistics { mean, covariance } = ColourStatistics::of(source, source_weights);
    let ColourStatistics { mean: new_mean, covariance: new_covariance } = *target;
    let a = product(&power(&new_covariance, 0.5), &power(&covariance, -0.5));
    let plane = source.width * source.height;
    let mut result = source.clone();
    for i in 0..plane {
        let x: [f64; 3] = std::array::from_fn(|c| f64::from(source.rgb[c * plane + i]) - mean[c]);
        for c in 0..3 {
            let y = new_mean[c] + (0..3).map(|k| a[c][k] * x[k]).sum::<f64>();
            result.rgb[c * plane + i] = y as f32;
        }
    }
    clamp(&mut result.rgb);
    result
}

impl ColourStatistics {
    /// Those of a picture, each pixel by its weight.
    pub fn of(picture: &Picture, weights: Option<&[f32]>) -> Self {
        let plane = picture.width * picture.height;
        let weight = |at: usize| weights.map_or(1.0, |weights| f64::from(weights[at]));
        let n: f64 = (0..plane).map(weight).sum();
        let channel = |c: usize| &picture.rgb[c * plane..][..plane];
        let weighted = |c: usize| channel(c).iter().enumerate().map(|(at, v)| weight(at) * f64::from(*v));
        let mean: [f64; 3] = std::array::from_fn(|c| weighted(c).sum::<f64>() / n);
        let covariance = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let pairs = channel(i).iter().zip(channel(j)).enumerate();
                let product = |(at, (a, b)): (usize, (&f32, &f32))| {
                    weight(at) * (f64::from(*a) - mean[i]) * (f64::from(*b) - mean[j])
                };
                pairs.map(product).sum::<f64>() / n + if i == j { EPSILON } else { 0.0 }
            })
        });
        Self { mean, covariance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(picture: &Picture) -> ([f64; 3], Matrix) {
        let ColourStatistics { mean, covariance } = ColourStatistics::of(picture, None);
        (mean, covariance)
    }

    /// Colours well inside [0, 1], correlated, so that nothing is cut.
    fn coloured(width: usize, height: usize, mix: Matrix, mean: [f64; 3]) -> Picture {
        let plane = width * height;
        let wave = |i: usize, k: usize| (i as f64 * (0.37 + 0.21 * k as f64) + k as f64).sin() * 0.08;
        let value = |c: usize, i: usize| mean[c] + (0..3).map(|k| mix[c][k] * wave(i, k)).sum::<f64>();
        let rgb = (0..3 * plane).map(|at| value(at / plane, at % plane) as f32).collect();
        Picture::from_rgb(width, height, rgb).unwrap()
    }

    #[test]
    fn mean_and_covariance_arrive() {
        let one = coloured(40, 30, [[1.1, 0.2, 0.0], [0.2, 1.2, 0.1], [0.0, 0.1, 1.0]], [0.4, 0.5, 0.6]);
        let two = coloured(17, 50, [[0.5, 0.0, 0.4], [0.1, 1.2, 0.3], [0.6, -0.4, 0.7]], [0.6, 0.4, 0.45]);
        let ((mean, covariance), (want_mean, want)) =
            (statistics(&match_colours(&one, &two)), statistics(&two));
        for i in 0..3 {
            assert!((mean[i] - want_mean[i]).abs() < 1e-5);
            for j in 0..3 {
                assert!((covariance[i][j] - want[i][j]).abs() < 5e-5, "{covariance:?} for {want:?}");
            }
        }
        let same = match_colours(&one, &one);
        assert!(same.rgb().iter().zip(one.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn weights_choose_whose_colours_count() {
        let (red, blue) = ([0.8, 0.2, 0.1], [0.1, 0.2, 0.7]);
        let rgb = (0..3 * 40).map(|at| if at % 40 < 25 { red[at / 40] } else { blue[at / 40] }).collect();
        let target = Picture::from_rgb(8, 5, rgb).unwrap();
        let weights: Vec<f32> = (0..40).map(|at| if at < 25 { 0.0 } else { 0.5 }).collect();
        let grey = Picture::uniform(4, 4, [0.5; 3]).unwrap();
        let got = match_colours_where(&grey, None, &ColourStatistics::of(&target, Some(&weights)));
        assert!((0..3).all(|c| (got.rgb()[c * 16] - blue[c]).abs() < 1e-5), "{:?}", got.rgb());
    }

    #[test]
    fn flat_pictures_take_the_mean() {
        let flat = Picture::uniform(3, 3, [0.2, 0.9, 0.1]).unwrap();
        let other = coloured(9, 9, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.5, 0.4, 0.3]);
        let (mean, _) = statistics(&other);
        let got = match_colours(&flat, &other);
        assert!((0..3).all(|c| (f64::from(got.rgb()[c * 9]) - mean[c]).abs() < 1e-4));
        assert!(match_colours(&other, &flat).rgb().iter().all(|v| (0.0..=1.0).contains(v)));
    }
}
