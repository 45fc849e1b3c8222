//! The objective: pixels ↦ (loss by term, gradient), one forward and one backward pass through the network.
//!
//! A picture in tiles takes two passes forward: the moments of the whole must be known before anything is sent back.

use super::content::Content;
use super::ordinary;
use super::pixel::{Scratch, WeightedPixelTerm};
use super::style::Style;
use super::targets::StyleTarget;
use super::temporal::Anchor;
use crate::engine::tiles::Tiles;
use crate::engine::{Affine, Engine, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::network::Layer;
use crate::tensor::{Padding, PositionWeights, Shape};

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

/// The loss of a picture of fixed size against a content picture and style statistics.
pub struct Objective<E: Engine> {
    tiles: Tiles<E>,
    content: Vec<Content<E::Scalar>>,
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
    /// For the engine's picture, as one tile; see [`Objective::in_tiles`].
    ///
    /// # Errors
    /// As [`Objective::in_tiles`].
    pub fn new(
        engine: E,
        losses: &Losses,
        content: Option<ContentPicture<'_, E::Scalar>>,
        styles: &[StyleRegion<'_>],
    ) -> Result<Self> {
        Self::in_tiles(Tiles::whole(engine), losses, content, styles)
    }

    /// Prepares the targets: runs `content` through the engine once if a content layer has weight.
    ///
    /// `losses` must have gone through [`Losses::normalised`], and its taps must be the engine's.
    ///
    /// # Errors
    /// With the normalisation `relative`, a layer on which the style is all 0, or an ordinary content: there is nothing to be
    /// relative to.
    pub fn in_tiles(
        mut tiles: Tiles<E>,
        losses: &Losses,
        content: Option<ContentPicture<'_, E::Scalar>>,
        styles: &[StyleRegion<'_>],
    ) -> Result<Self> {
        let plan = tiles.tiling().plan().clone();
        let mut content_terms: Vec<Content<E::Scalar>> = Vec::new();
        // What a picture whose features are all 0 would cost: the size of this loss, whatever its normalisation.
        let mut empty = 0.0;
        if let Some(content) =
            content.filter(|_| losses.content_weight > 0.0 && !losses.content_layers.is_empty())
        {
            let weighty = || losses.content_layers.iter().filter(|(_, weight)| *weight > 0.0);
            let remembered = |tiles: &mut Tiles<E>, rgb: &[E::Scalar]| {
                let weights = |layer| content.weights.map(|of| of(layer));
                let mut terms: Vec<Content<E::Scalar>> =
                    weighty().map(|&(layer, _)| Content::new(tiles, layer, weights(layer))).collect();
                let mut norms = vec![0.0; terms.len()];
                for tile in 0..tiles.tiling().count() {
                    tiles.forward(tile, rgb);
                    for (term, norm) in terms.iter_mut().zip(&mut norms) {
                        *norm += term.remember(tiles, tile);
                    }
                }
                (terms, norms)
            };
            let faintness = match losses.normalisation.sees_faintness() {
                true => ordinary::faintness(content.rgb),
                false => 0.0,
            };
            let mut lacking = vec![0.0; weighty().count()];
            if faintness > 0.0 {
                let Shape { height, width, .. } = plan.picture();
                (_, lacking) = remembered(&mut tiles, &ordinary::noise(height, width));
                lacking.iter_mut().for_each(|norm| *norm *= faintness);
            }
            let norms;
            (content_terms, norms) = remembered(&mut tiles, content.rgb);
            let terms = content_terms.iter_mut().zip(norms.into_iter().zip(lacking));
            for ((term, (norm, lacking)), (layer, weight)) in terms.zip(weighty()) {
                let shape = plan.tap_shape(term.tap);
                let factor = losses.normalisation.content_factor(shape, norm, lacking);
                term.factor = losses.content_weight * weight * finite(factor, *layer, "content")?;
                empty += term.factor * norm;
            }
        }
        let mut style_terms = Vec::new();
        for &(layer, weight) in
            losses.style_layers.iter().filter(|(_, w)| *w > 0.0 && losses.style_weight > 0.0)
        {
            let shape = plan.tap_shape(plan.tap(layer).expect("style layers are taps"));
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
                let compared = (weight, family, losses.statistic.order());
                style_terms.push(Style::new(&tiles, layer, compared, positions));
            }
        }
        let range = losses.range_weight * empty;
        let mut pixel = Vec::new();
        if range > 0.0 {
            pixel.push(WeightedPixelTerm::Range(range));
        }
        if losses.tv_weight > 0.0 {
            let wraps = plan.network().padding() == Padding::Wrap;
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
            tiles,
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

    /// The size of the picture: 3×H×W.
    pub fn picture(&self) -> Shape {
        self.tiles.tiling().plan().picture()
    }

    /// The engine, for reading features.
    pub fn engine(&self) -> &E {
        self.tiles.engine()
    }

    /// The engine, for measuring it.
    pub fn engine_mut(&mut self) -> &mut E {
        self.tiles.engine_mut()
    }

    /// The loss at `rgb` (3×H×W, RGB in [0, 1], though any real value is allowed), term by term; writes dL/d(rgb) into
    /// `gradient`.
    ///
    /// # Panics
    /// If a slice has another length than 3·H·W.
    pub fn evaluate(&mut self, rgb: &[E::Scalar], gradient: &mut [E::Scalar]) -> &Terms {
        let picture = self.picture();
        assert_eq!((rgb.len(), gradient.len()), (picture.len(), picture.len()), "a picture of another size");
        self.evaluations += 1;
        self.measure(rgb);
        self.send_back(rgb, gradient);
        let Self { pixel, terms, scratch, .. } = self;
        for (term, (_, value)) in pixel.iter().zip(&mut terms.pixel) {
            *value = term.add(rgb, picture, gradient, scratch);
        }
        terms.add_up();
        terms
    }

    /// Forward through every tile, for the moments of the whole and what the style terms are by them.
    fn measure(&mut self, rgb: &[E::Scalar]) {
        let Self { tiles, style, terms, .. } = self;
        for tile in 0..tiles.tiling().count() {
            tiles.forward(tile, rgb);
            style.iter_mut().for_each(|style| style.measure(tiles, tile));
        }
        terms.style.iter_mut().for_each(|(_, value)| *value = 0.0);
        for style in style.iter_mut() {
            let value = style.compare();
            let term = terms.style.iter_mut().find(|(layer, _)| *layer == style.layer);
            term.expect("every style layer has its term").1 += value;
        }
    }

    /// Through every tile again, and back: the content terms and the gradient.
    fn send_back(&mut self, rgb: &[E::Scalar], gradient: &mut [E::Scalar]) {
        let Self { tiles, content, style, terms, .. } = self;
        terms.content.iter_mut().for_each(|(_, value)| *value = 0.0);
        tiles.clear(gradient);
        let last = tiles.tiling().count() - 1;
        for tile in (0..=last).rev() {
            // The last tile of the first pass is still in the engine.
            if tile < last {
                tiles.forward(tile, rgb);
            }
            for (content, (_, value)) in content.iter_mut().zip(&mut terms.content) {
                *value += content.compare(tiles, tile);
            }
            style.iter_mut().for_each(|style| style.look_at(tiles, tile));
            let mut affine: Vec<Affine<'_>> = emptied(std::mem::take(&mut self.affine));
            affine.extend(style.iter().map(Style::seed));
            let mut seeds: Vec<Seed<'_>> = emptied(std::mem::take(&mut self.seeds));
            seeds.resize(tiles.tiling().plan().taps().len(), Seed::NONE);
            // The regions of one tap follow one another.
            let mut first = 0;
            for group in style.chunk_by(|a, b| a.tap == b.tap) {
                seeds[group[0].tap].affine = &affine[first..first + group.len()];
                first += group.len();
            }
            content.iter().for_each(|content| seeds[content.tap].fixed = Some(content.seed()));
            tiles.backward(tile, &seeds, gradient);
            self.seeds = emptied(seeds);
            self.affine = emptied(affine);
        }
    }
}

/// The list without its elements, whose memory is kept for others of the same layout: borrows of the next evaluation.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
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
