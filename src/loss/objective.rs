//! The objective: pixels ↦ (loss by term, gradient), one forward and one backward pass through the network.

use super::family::Family;
use super::ordinary;
use super::pixel::{Scratch, WeightedPixelTerm};
use super::targets::StyleTarget;
use super::temporal::Anchor;
use crate::engine::{Affine, Engine, Fixed, Moments, Order, Region, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::network::Layer;
use crate::tensor::{Factor, Padding, PositionWeights, Shape};

/// The content picture that is compared with.
#[derive(Clone, Copy)]
pub struct ContentPicture<'a, T> {
    /// 3×H×W, RGB in [0, 1], of the engine's size.
    pub rgb: &'a [T],
    /// How much each position of a layer counts; all the same if it is left out.
    pub weights: Option<&'a dyn Fn(Layer) -> PositionWeights>,
}

/// What a style is compared with, everywhere or in a region.
pub struct StyleRegion<'a> {
    /// One for each of [`Losses::style_layers`].
    pub targets: Vec<StyleTarget>,
    /// How much the region counts beside others; 1 alone.
    pub weight: f64,
    /// The weights of a layer's positions, and the share of all positions that they are; all if it is left out.
    pub weights: Option<&'a dyn Fn(Layer) -> (PositionWeights, f64)>,
}

impl StyleRegion<'_> {
    /// The whole picture.
    pub fn everywhere(targets: Vec<StyleTarget>) -> Self {
        Self { targets, weight: 1.0, weights: None }
    }
}

/// One content layer: `factor·Σ_p u(p)·|F(p) − F_C(p)|²`.
struct Content {
    layer: Layer,
    tap: usize,
    factor: f64,
    /// u.
    weights: Option<PositionWeights>,
}

/// One style layer: a statistic over a region against its target.
struct Style {
    layer: Layer,
    tap: usize,
    /// β times the layer's share.
    weight: f64,
    family: Box<dyn Family>,
    order: Order,
    /// Where it counts; everywhere if it is left out.
    region: Option<PositionWeights>,
    /// The picture's, then their slopes.
    moments: Moments,
}

/// The loss of a picture of fixed size against a content picture and style statistics.
pub struct Objective<E: Engine> {
    engine: E,
    content: Vec<Content>,
    style: Vec<Style>,
    pixel: Vec<WeightedPixelTerm>,
    /// What a picture whose features are all 0 would cost.
    empty: f64,
    evaluations: usize,
    /// Of the last evaluation; this and what follows is reused.
    terms: Terms,
    affine: Vec<Affine<'static>>,
    seeds: Vec<Seed<'static>>,
    scratch: Scratch,
}

impl<E: Engine> Objective<E> {
    /// Prepares the targets: runs `content` through the engine once if a content layer has weight.
    ///
    /// `losses` must have gone through [`Losses::normalised`], and its taps must be the engine's.
    ///
    /// # Errors
    /// With the normalisation `relative`, a layer on which the style is all 0, or an ordinary content: there is nothing to be
    /// relative to.
    pub fn new(
        mut engine: E,
        losses: &Losses,
        content: Option<ContentPicture<'_, E::Scalar>>,
        styles: &[StyleRegion<'_>],
    ) -> Result<Self> {
        let mut content_terms = Vec::new();
        // What a picture whose features are all 0 would cost: the size of this loss, whatever its normalisation.
        let mut empty = 0.0;
        if let Some(content) =
            content.filter(|_| losses.content_weight > 0.0 && !losses.content_layers.is_empty())
        {
            let layers = || losses.content_layers.iter().filter(|(_, weight)| *weight > 0.0);
            let norms = |engine: &mut E, rgb: &[E::Scalar]| -> Vec<f64> {
                engine.forward(rgb);
                let norm = |&(layer, _): &(Layer, f64)| {
                    let tap = engine.plan().tap(layer).expect("content layers are taps");
                    engine.remember(tap);
                    engine.distance(tap, None).1
                };
                layers().map(norm).collect()
            };
            let faintness = match losses.normalisation.sees_faintness() {
                true => ordinary::faintness(content.rgb),
                false => 0.0,
            };
            let mut lacking = vec![0.0; layers().count()];
            if faintness > 0.0 {
                let Shape { height, width, .. } = engine.plan().picture();
                lacking = norms(&mut engine, &ordinary::noise(height, width));
                lacking.iter_mut().for_each(|norm| *norm *= faintness);
            }
            let own = norms(&mut engine, content.rgb);
            for ((&(layer, weight), norm), lacking) in layers().zip(own).zip(lacking) {
                let tap = engine.plan().tap(layer).expect("content layers are taps");
                let shape = engine.plan().tap_shape(tap);
                let factor = losses.normalisation.content_factor(shape, norm, lacking);
                let factor = losses.content_weight * weight * finite(factor, layer, "content")?;
                empty += factor * norm;
                let weights = content.weights.map(|weights| weights(layer));
                content_terms.push(Content { layer, tap, factor, weights });
            }
        }
        let mut style_terms = Vec::new();
        for &(layer, weight) in
            losses.style_layers.iter().filter(|(_, w)| *w > 0.0 && losses.style_weight > 0.0)
        {
            let tap = engine.plan().tap(layer).expect("style layers are taps");
            let shape = engine.plan().tap_shape(tap);
            for region in styles {
                let target = region.targets.iter().find(|target| target.layer == layer);
                let target = target.expect("every style layer was measured").moments.clone();
                let family = losses.statistic.family(target, losses.normalisation, shape);
                let mut weight = losses.style_weight * weight;
                let mut positions = None;
                if let Some(weights) = region.weights {
                    let (weights, share) = weights(layer);
                    if share == 0.0 {
                        continue;
                    }
                    weight *= region.weight * share;
                    positions = Some(weights);
                }
                empty += finite(family.size(weight), layer, "style")?;
                let (order, moments) = (losses.statistic.order(), Moments::new(shape.channels));
                style_terms.push(Style { layer, tap, weight, family, order, region: positions, moments });
            }
        }
        let range = losses.range_weight * empty;
        let mut pixel = Vec::new();
        if range > 0.0 {
            pixel.push(WeightedPixelTerm::Range(range));
        }
        if losses.tv_weight > 0.0 {
            let wraps = engine.plan().network().padding() == Padding::Wrap;
            pixel.push(WeightedPixelTerm::Variation(losses.tv_weight, wraps));
        }
        pixel.extend(losses.terms.iter().cloned().map(WeightedPixelTerm::Custom));
        let mut terms = Terms::default();
        terms.content.extend(content_terms.iter().map(|content| (content.layer, 0.0)));
        terms.style.extend(style_terms.iter().map(|style| (style.layer, 0.0)));
        // The regions of one layer follow one another.
        terms.style.dedup();
        terms.pixel.extend(pixel.iter().map(|term| (term.name().to_owned(), 0.0)));
        Ok(Self {
            engine,
            content: content_terms,
            style: style_terms,
            pixel,
            empty,
            evaluations: 0,
            terms,
            affine: Vec::new(),
            seeds: Vec::new(),
            scratch: Scratch::default(),
        })
    }

    /// Holds pictures to one that came before, by the temporal term; `weight` is a multiple of the loss that a picture without
    /// any features would have, like that of the range term.
    #[must_use]
    pub fn held_to(mut self, anchor: Anchor, weight: f64) -> Self {
        let term = WeightedPixelTerm::Temporal(weight * self.empty, anchor);
        self.terms.pixel.push((term.name().to_owned(), 0.0));
        self.pixel.push(term);
        self
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

    /// The loss at `rgb` (3×H×W, RGB in [0, 1], though any real value is allowed), term by term; writes dL/d(rgb) into
    /// `gradient`.
    ///
    /// # Panics
    /// If a slice has another length than 3·H·W.
    pub fn evaluate(&mut self, rgb: &[E::Scalar], gradient: &mut [E::Scalar]) -> &Terms {
        let Self { engine, content, style, pixel, terms, .. } = self;
        self.evaluations += 1;
        engine.forward(rgb);
        terms.style.iter_mut().for_each(|(_, value)| *value = 0.0);
        for style in style.iter_mut() {
            let region = Region { window: None, weights: style.region.as_ref() };
            engine.moments(style.tap, region, style.order, &mut style.moments);
            let value = style.family.compare(&mut style.moments, style.weight);
            let term = terms.style.iter_mut().find(|(layer, _)| *layer == style.layer);
            term.expect("every style layer has its term").1 += value;
        }
        let mut affine: Vec<Affine<'_>> = emptied(std::mem::take(&mut self.affine));
        affine.extend(style.iter().map(Style::affine));
        let mut seeds: Vec<Seed<'_>> = emptied(std::mem::take(&mut self.seeds));
        seeds.resize(engine.plan().taps().len(), Seed::NONE);
        // The regions of one tap follow one another.
        let mut first = 0;
        for group in style.chunk_by(|a, b| a.tap == b.tap) {
            seeds[group[0].tap].affine = &affine[first..first + group.len()];
            first += group.len();
        }
        for (content, (_, value)) in content.iter().zip(&mut terms.content) {
            let (distance, _) = engine.distance(content.tap, content.weights.as_ref());
            *value = content.factor * distance;
            let map = content.weights.as_ref().map(PositionWeights::map);
            let factor = Factor { scale: 2.0 * content.factor, map };
            seeds[content.tap].fixed = Some(Fixed { own: factor, target: factor });
        }
        engine.backward(&seeds, gradient);
        self.seeds = emptied(seeds);
        self.affine = emptied(affine);
        for (term, (_, value)) in pixel.iter().zip(&mut terms.pixel) {
            *value = term.add(rgb, engine.plan().picture(), gradient, &mut self.scratch);
        }
        terms.add_up();
        terms
    }
}

/// The list without its elements, whose memory is kept for others of the same layout: borrows of the next evaluation.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

impl Style {
    /// What it sends back, once its moments have become slopes.
    fn affine(&self) -> Affine<'_> {
        Affine {
            weights: self.region.as_ref(),
            matrix: Some(&self.moments.second),
            offset: self.family.has_offset().then_some(self.moments.first.as_slice()),
        }
    }
}

/// The number itself, or why there is none.
fn finite(value: f64, layer: Layer, what: &str) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Numeric(format!(
        "layer {layer} is all zero (or not finite) on the {what} picture, so the normalisation `relative` has nothing to \
         divide by; leave this layer out or choose another normalisation"
    )))
}
