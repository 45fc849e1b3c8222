//! The Gram matrix: `f·E` with `E = Σ(G/M − G_S/M_S)²` (Gatys, Ecker & Bethge 2016, eq. 3 to 5).
//!
//! `G = Σ_p w(p)·F(p)F(p)ᵀ`, M = Σw; the normalisation gives f. The derivative by G is `2f/M·(G/M − G_S/M_S)`, and G is
//! symmetric in F, so that `D = 4f/M·(G/M − G_S/M_S)` and b = 0.

use super::family::Family;
use super::normalisation::Normalisation;
use crate::engine::Moments;
use crate::tensor::Shape;

/// See the module's text.
pub(super) struct Gram {
    /// G_S/M_S, N×N.
    target: Vec<f64>,
    /// `Σ(G_S/M_S)²`.
    norm: f64,
    /// f.
    factor: f64,
}

impl Gram {
    /// Compares with a style's mean moments on a map of `shape`.
    pub fn new(target: Moments, normalisation: Normalisation, shape: Shape) -> Self {
        let norm = target.second.iter().map(|g| g * g).sum();
        Self { factor: normalisation.style_factor(shape, norm), norm, target: target.second }
    }
}

impl Family for Gram {
    fn size(&self, weight: f64) -> f64 {
        weight * self.factor * self.norm
    }

    fn compare(&mut self, moments: &mut Moments, weight: f64) -> f64 {
        let factor = weight * self.factor;
        let slope = 4.0 * factor / moments.mass;
        let mut sum = 0.0;
        for (g, target) in moments.second.iter_mut().zip(&self.target) {
            let difference = *g / moments.mass - target;
            sum += difference * difference;
            *g = slope * difference;
        }
        factor * sum
    }

    fn has_offset(&self) -> bool {
        false
    }
}
