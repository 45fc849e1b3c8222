//! The loss of a picture against fixed features: `L = 1/n · Σ_l Σ|F − T|²/Σ|T|²` over the n layers, and the terms over the
//! pixels.
//!
//! Least squares rather than the paper's cosine: the length of a feature is its contrast and colour, which the cosine
//! forgets and colour matching would have to bring back.

use ndarray::Array3;

use crate::engine::{Engine, Fixed, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, PixelScratch, Terms, WeightedPixelTerm};

/// The loss at one size, with its engine.
pub struct Objective<E: Engine> {
    engine: E,
    /// The factor of each tap's distance; 0 until there are targets.
    factors: Vec<f64>,
    pixel: Vec<WeightedPixelTerm>,
    scratch: PixelScratch,
    terms: Terms,
}

impl<E: Engine> Objective<E> {
    /// Compares at all taps of `engine`; of `losses` only the terms over the pixels are taken.
    pub fn new(engine: E, losses: &Losses) -> Self {
        let mut pixel = Vec::new();
        // A picture without features has the loss 1, whatever the network.
        if losses.range_weight > 0.0 {
            pixel.push(WeightedPixelTerm::Range(losses.range_weight));
        }
        if losses.tv_weight > 0.0 {
            pixel.push(WeightedPixelTerm::Variation(losses.tv_weight, false));
        }
        pixel.extend(losses.terms.iter().cloned().map(WeightedPixelTerm::Custom));
        let factors = vec![0.0; engine.plan().taps().len()];
        Self { factors, engine, pixel, scratch: PixelScratch::default(), terms: Terms::default() }
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, to look at a picture with it.
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// Compares with these features from now on: one map for each tap from `first` on.
    ///
    /// # Errors
    /// A layer on which the features are all 0: there is nothing to be relative to.
    ///
    /// # Panics
    /// If a map belongs to another tap.
    pub fn set_targets(&mut self, first: usize, targets: Vec<Array3<E::Scalar>>) -> Result<()> {
        let count = self.engine.plan().taps().len();
        for (tap, map) in (first..).zip(targets) {
            self.engine.set_target(tap, map.view());
            let (_, norm) = self.engine.distance(tap, None);
            self.factors[tap] = 1.0 / (count as f64 * norm);
            if !self.factors[tap].is_finite() {
                return Err(Error::Numeric(format!(
                    "layer {} is all zero (or not finite) on the style picture, so there is nothing to paint with; \
                     choose another style or network",
                    self.engine.plan().taps()[tap]
                )));
            }
        }
        Ok(())
    }

    /// The loss at `rgb` (3×H×W, RGB in [0, 1], though any real value is allowed), term by term; writes dL/d(rgb) into
    /// `gradient`.
    ///
    /// # Panics
    /// If a slice has another length than 3·H·W, or a tap has no target yet.
    pub fn evaluate(&mut self, rgb: &[E::Scalar], gradient: &mut [E::Scalar]) -> &Terms {
        self.engine.forward(rgb);
        let mut terms = Terms::default();
        let mut seeds = vec![Seed::NONE; self.factors.len()];
        for (tap, &factor) in self.factors.iter().enumerate() {
            let (distance, _) = self.engine.distance(tap, None);
            terms.style.push((self.engine.plan().taps()[tap], factor * distance));
            seeds[tap].fixed = Some(Fixed::difference(2.0 * factor));
        }
        self.engine.backward(&seeds, gradient);
        for term in &self.pixel {
            let value = term.add(rgb, self.engine.plan().picture(), gradient, &mut self.scratch);
            terms.pixel.push((term.name().to_owned(), value));
        }
        terms.add_up();
        self.terms = terms;
        &self.terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::reference::Reference;
    use crate::loss::Normalisation;
    use crate::network::plan::Plan;
    use crate::random::Random;
    use crate::strokes::grid::layers;
    use crate::weights;
    use std::sync::Arc;

    #[test]
    fn the_gradient_is_the_loss_s_slope() {
        let network = Arc::new(weights::random("4|6|5|3", 2).unwrap());
        let plan = Plan::new(network.clone(), 18, 21, &layers(&network)).unwrap();
        let losses = Losses {
            normalisation: Normalisation::Relative,
            statistic: crate::loss::StyleStatistic::default(),
            content_weight: 0.0,
            style_weight: 0.0,
            tv_weight: 0.3,
            range_weight: 2.0,
            content_layers: Vec::new(),
            style_layers: Vec::new(),
            terms: Vec::new(),
        };
        let mut random = Random::new(4);
        let mut noise = |n: usize| (0..n).map(|_| 1.3 * random.uniform() - 0.1).collect::<Vec<f64>>();
        let (mut rgb, other) = (noise(3 * 18 * 21), noise(3 * 18 * 21));
        let mut objective = Objective::new(Reference::<f64>::new(plan), &losses);
        objective.engine_mut().forward(&other);
        let taps = objective.engine().plan().taps().len();
        let targets = (0..taps).map(|tap| objective.engine().features(tap)).collect();
        objective.set_targets(0, targets).unwrap();
        let mut gradient = vec![0.0; rgb.len()];
        let terms = objective.evaluate(&rgb, &mut gradient);
        assert!(terms.total > 0.0 && terms.style.len() == 4 && terms.pixel("range") > 0.0);
        let mut unused = vec![0.0; rgb.len()];
        for at in (0..rgb.len()).step_by(37) {
            let value = rgb[at];
            let mut loss = |by: f64| {
                rgb[at] = value + by;
                objective.evaluate(&rgb, &mut unused).total
            };
            let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
            rgb[at] = value;
            let error = (gradient[at] - slope).abs() / (1e-4 + slope.abs());
            assert!(error < 1e-4, "{at}: {} {slope}", gradient[at]);
        }
        assert!(objective.evaluate(&other, &mut unused).style.iter().all(|(_, value)| *value == 0.0));
    }
}
