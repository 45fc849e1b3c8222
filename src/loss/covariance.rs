//! Mean and covariance: `‖C − C_S‖²/‖C_S‖² + ‖μ − μ_S‖²/‖μ_S‖²` with `C = G/M − μμᵀ`, `μ = Σ_p w(p)·F(p)/M`.
//!
//! The Gram matrix holds both at once (`G_ii/M = σ² + μ²`), so that contrast can stand in for brightness; here each must be
//! right by itself. The slopes are `D = 4/M·(C − C_S)/‖C_S‖²` and `b = 2/M·(μ − μ_S)/‖μ_S‖² − D·μ`.

use super::family::Family;
use crate::engine::Moments;

/// See the module's text.
pub(super) struct Covariance {
    /// C_S, N×N.
    covariance: Vec<f64>,
    /// μ_S, N.
    mean: Vec<f64>,
    /// `‖C_S‖²`.
    covariance_norm: f64,
    /// `‖μ_S‖²`.
    mean_norm: f64,
    /// b, while it is computed.
    offsets: Vec<f64>,
}

/// Turns mean second moments into the covariance, in place: `C = S − μμᵀ`.
fn centre(second: &mut [f64], mean: &[f64]) {
    for (row, &left) in second.chunks_exact_mut(mean.len()).zip(mean) {
        row.iter_mut().zip(mean).for_each(|(value, right)| *value -= left * right);
    }
}

fn squared_norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

impl Covariance {
    /// Compares with a style's mean moments.
    pub fn new(target: Moments) -> Self {
        let Moments { second: mut covariance, first: mean, .. } = target;
        centre(&mut covariance, &mean);
        let (covariance_norm, mean_norm) = (squared_norm(&covariance), squared_norm(&mean));
        let offsets = vec![0.0; mean.len()];
        Self { covariance, mean, covariance_norm, mean_norm, offsets }
    }
}

impl Family for Covariance {
    fn size(&self, weight: f64) -> f64 {
        // Each part is relative to itself.
        let (covariance, mean) = (self.covariance_norm, self.mean_norm);
        if covariance > 0.0 && mean > 0.0 { 2.0 * weight } else { f64::INFINITY }
    }

    fn compare(&mut self, moments: &mut Moments, weight: f64) -> f64 {
        let Moments { second, first, mass } = moments;
        let channels = first.len();
        second.iter_mut().chain(first.iter_mut()).for_each(|value| *value /= *mass);
        centre(second, first);
        let (covariance_weight, mean_weight) = (weight / self.covariance_norm, weight / self.mean_norm);
        let mut value = 0.0;
        let slope = 4.0 * covariance_weight / *mass;
        for (c, target) in second.iter_mut().zip(&self.covariance) {
            let difference = *c - target;
            value += covariance_weight * difference * difference;
            *c = slope * difference;
        }
        let slope = 2.0 * mean_weight / *mass;
        for (i, offset) in self.offsets.iter_mut().enumerate() {
            let drift: f64 = second[i * channels..][..channels].iter().zip(&*first).map(|(d, m)| d * m).sum();
            *offset = slope * (first[i] - self.mean[i]) - drift;
        }
        value += mean_weight * first.iter().zip(&self.mean).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        first.copy_from_slice(&self.offsets);
        value
    }

    fn has_offset(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean moments of a few features of two channels.
    fn moments(features: &[[f64; 2]]) -> Moments {
        let mut moments = Moments::new(2);
        for f in features {
            (0..4).for_each(|at| moments.second[at] += f[at / 2] * f[at % 2]);
            (0..2).for_each(|at| moments.first[at] += f[at]);
            moments.mass += 1.0;
        }
        moments
    }

    fn mean(mut moments: Moments) -> Moments {
        let mass = moments.mass;
        moments.second.iter_mut().chain(&mut moments.first).for_each(|value| *value /= mass);
        Moments { mass: 1.0, ..moments }
    }

    #[test]
    fn contrast_does_not_stand_in_for_brightness() {
        // The same second moments: a constant, and something that varies around 0.
        let constant = [[1.0, 0.5], [1.0, 0.5], [1.0, 0.5], [1.0, 0.5]];
        let varied = [[1.0, 0.5], [-1.0, -0.5], [1.0, 0.5], [-1.0, -0.5]];
        let mut gram = super::super::gram::Gram::new(
            mean(moments(&varied)),
            crate::loss::Normalisation::Frobenius,
            crate::tensor::Shape::new(2, 2, 2),
        );
        assert_eq!(gram.compare(&mut moments(&constant), 1.0), 0.0);
        let style = [[1.0, 0.5], [-1.0, -0.5], [1.5, 0.5], [-1.0, -0.5]];
        assert!(Covariance::new(mean(moments(&style))).compare(&mut moments(&constant), 1.0) > 0.5);
    }
}
