//! The objective: pixels ↦ (loss, gradient), one forward and one backward through the network.

use super::targets::StyleTarget;
use super::{range, variation};
use crate::engine::{Engine, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::network::Layer;

/// One content layer: `factor·Σ(F − F_C)²`.
struct Content {
    layer: Layer,
    tap: usize,
    factor: f64,
}

/// One style layer: `factor·Σ(G/M − T)²`, with buffers for G and its derivative.
struct Style {
    layer: Layer,
    tap: usize,
    factor: f64,
    target: StyleTarget,
    gram: Vec<f64>,
}

/// The loss of a picture of fixed size against a content picture and style statistics.
pub struct Objective<E: Engine> {
    engine: E,
    losses: Losses,
    content: Vec<Content>,
    style: Vec<Style>,
    /// The weight of the range term.
    range: f64,
    terms: Terms,
    evaluations: usize,
}

impl<E: Engine> Objective<E> {
    /// Prepares the targets: runs `content` (3×H×W, RGB in [0, 1], of the engine's size) through the engine once
    /// if a content layer has weight; `styles` are the targets of [`Losses::style_layers`].
    ///
    /// `losses` must have gone through [`Losses::normalised`], and its taps must be the engine's.
    ///
    /// # Errors
    /// With the normalisation `relative`, a layer on which the target picture is all 0: there is nothing to be
    /// relative to.
    pub fn new(
        mut engine: E,
        losses: Losses,
        content: Option<&[E::Scalar]>,
        styles: &[StyleTarget],
    ) -> Result<Self> {
        let mut content_terms = Vec::new();
        // What a picture whose features are all 0 would cost: the size of this loss, whatever its normalisation.
        let mut empty = 0.0;
        if let Some(rgb) =
            content.filter(|_| losses.content_weight > 0.0 && !losses.content_layers.is_empty())
        {
            engine.forward(rgb);
            for &(layer, weight) in losses.content_layers.iter().filter(|(_, weight)| *weight > 0.0) {
                let tap = engine.plan().tap(layer).expect("content layers are taps");
                engine.remember(tap);
                let (_, norm) = engine.distance(tap);
                let factor = losses.normalisation.content_factor(engine.plan().tap_shape(tap), norm);
                let factor = losses.content_weight * weight * finite(factor, layer, "content")?;
                empty += factor * norm;
                content_terms.push(Content { layer, tap, factor });
            }
        }
        let mut style_terms = Vec::new();
        for &(layer, weight) in
            losses.style_layers.iter().filter(|(_, w)| *w > 0.0 && losses.style_weight > 0.0)
        {
            let tap = engine.plan().tap(layer).expect("style layers are taps");
            let target =
                styles.iter().find(|s| s.layer == layer).expect("every style layer was measured").clone();
            let shape = engine.plan().tap_shape(tap);
            let factor = losses.normalisation.style_factor(shape, target.squared_norm());
            let factor = losses.style_weight * weight * finite(factor, layer, "style")?;
            empty += factor * target.squared_norm();
            let gram = vec![0.0; shape.channels * shape.channels];
            style_terms.push(Style { layer, tap, factor, target, gram });
        }
        let range = losses.range_weight * empty;
        let terms = Terms::default();
        Ok(Self { engine, losses, content: content_terms, style: style_terms, range, terms, evaluations: 0 })
    }

    /// The terms of the last evaluation.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Evaluations so far.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The engine, for reading features.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, for measuring it.
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// The loss at `rgb` (3×H×W, RGB in [0, 1], though any real value is allowed); writes dL/d(rgb) into
    /// `gradient`.
    ///
    /// # Panics
    /// If a slice has another length than 3·H·W.
    pub fn evaluate(&mut self, rgb: &[E::Scalar], gradient: &mut [E::Scalar]) -> f64 {
        self.evaluations += 1;
        self.engine.forward(rgb);
        let mut terms = Terms::default();
        for style in &mut self.style {
            let positions = self.engine.plan().tap_shape(style.tap).positions() as f64;
            self.engine.gram(style.tap, &mut style.gram);
            let mut sum = 0.0;
            // The derivative by G is 2·factor/M·(G/M − T); G is symmetric in F, so dF is twice that times F.
            let slope = 4.0 * style.factor / positions;
            for (g, &target) in style.gram.iter_mut().zip(&style.target.gram) {
                let difference = *g / positions - target;
                sum += difference * difference;
                *g = slope * difference;
            }
            terms.style.push((style.layer, style.factor * sum));
        }
        let mut seeds: Vec<Seed> = vec![Seed::NONE; self.engine.plan().taps().len()];
        for style in &self.style {
            seeds[style.tap].gram = Some(&style.gram);
        }
        for content in &self.content {
            let (distance, _) = self.engine.distance(content.tap);
            terms.content.push((content.layer, content.factor * distance));
            seeds[content.tap].content = Some(2.0 * content.factor);
        }
        self.engine.backward(&seeds, gradient);
        if self.range > 0.0 {
            terms.range = self.range * range::add(rgb, self.range, gradient);
        }
        if self.losses.tv_weight > 0.0 {
            let weight = self.losses.tv_weight;
            terms.tv = weight * variation::add(rgb, self.engine.plan().picture(), weight, gradient);
        }
        let sum = |list: &[(Layer, f64)]| list.iter().map(|(_, value)| value).sum::<f64>();
        terms.total = sum(&terms.content) + sum(&terms.style) + terms.tv + terms.range;
        self.terms = terms;
        self.terms.total
    }
}

/// The factor itself, or why there is none.
fn finite(factor: f64, layer: Layer, what: &str) -> Result<f64> {
    if factor.is_finite() {
        return Ok(factor);
    }
    Err(Error::Numeric(format!(
        "layer {layer} is all zero (or not finite) on the {what} picture, so the normalisation `relative` has nothing to \
         divide by; leave this layer out or choose another normalisation"
    )))
}
