//! What one run is asked for: the pictures, how much each style counts, where to start.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{Error, Result};
use crate::loss::targets::StyleTarget;
use crate::names::named;
use crate::picture::{ColourStatistics, Picture};
use crate::run::checkpoint::Checkpoints;
use crate::run::masks::Mask;
use crate::run::progress::Cancel;
use crate::run::saved_style::SavedStyle;
use crate::run::sizes::{Size, StyleScale, style_longer};

/// Where a run starts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Start {
    /// The content picture, its colours matched to the style's; for a texture, noise.
    #[default]
    Content,
    /// Gaussian noise of the style's colours.
    Noise,
    /// This picture, of the result's aspect ratio; it is resized.
    Picture(Picture),
}

/// At which sizes of a run a style counts; between coarse and fine, one fades into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StyleSizes {
    /// At all of them.
    #[default]
    All,
    /// Most at the coarsest, where the large forms are laid down, and not at the finest.
    Coarse,
    /// Most at the finest, where the strokes are made, and not at the coarsest.
    Fine,
}

named! {
    StyleSizes is "a choice of sizes" {
        "all" => All,
        "coarse" => Coarse,
        "fine" => Fine,
    }
}

/// A style picture, or what was saved of some ([`SavedStyle`]), and how it counts. Clones are cheap and share what was measured: a [`Style`] that is used for many
/// contents by one [`StyleTransfer`](crate::StyleTransfer) is measured once at each size.
#[derive(Debug, Clone)]
pub struct Style {
    source: Source,
    weight: f64,
    scale: f64,
    sizes: StyleSizes,
    region: Option<Mask>,
    mask: Option<Mask>,
    measured: Arc<Mutex<Vec<Measured>>>,
}

/// Where a style comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Picture(Arc<Picture>),
    Saved(SavedStyle),
}

/// The statistics of a style at one size, for whom they were measured.
#[derive(Debug)]
struct Measured {
    owner: Weak<()>,
    size: Size,
    targets: Vec<StyleTarget>,
}

impl Style {
    /// This picture with weight 1.
    pub fn new(picture: Picture) -> Self {
        Self::of(Source::Picture(Arc::new(picture)))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            weight: 1.0,
            scale: 1.0,
            sizes: StyleSizes::All,
            region: None,
            mask: None,
            measured: Arc::default(),
        }
    }

    /// How much it counts beside other styles: finite, at least 0; the weights of a request are scaled to sum 1.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// How large its strokes are, times the `style_scale` of all: above 1 for larger ones.
    #[must_use]
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = scale;
        self
    }

    /// At which sizes of a run it counts.
    #[must_use]
    pub fn at_sizes(mut self, sizes: StyleSizes) -> Self {
        self.sizes = sizes;
        self
    }

    /// Where in the result it counts: where `region` is white, which is of the content's shape (or the texture's). Styles
    /// without one count wherever no region does. The weight of a style that is alone in its region is the region's own: 1 as
    /// in a run without regions.
    #[must_use]
    pub fn within(mut self, region: Mask) -> Self {
        self.region = Some(region);
        self
    }

    /// Which part of the style picture is taken: where `mask` is white, which is of the style picture's shape.
    #[must_use]
    pub fn masked(mut self, mask: Mask) -> Self {
        self.mask = Some(mask);
        self.measured = Arc::default();
        self
    }

    /// Where in the result it counts, if not wherever no other does.
    pub(crate) fn region(&self) -> Option<&Mask> {
        self.region.as_ref()
    }

    /// Which part of the style picture is taken, if not all.
    pub(crate) fn mask(&self) -> Option<&Mask> {
        self.mask.as_ref()
    }

    /// The weight as it was given.
    pub(crate) fn own_weight(&self) -> f64 {
        self.weight
    }

    /// Its scale as it was given.
    pub(crate) fn own_scale(&self) -> f64 {
        self.scale
    }

    /// At which sizes it counts.
    pub(crate) fn sizes(&self) -> StyleSizes {
        self.sizes
    }

    /// The longer side of its pictures where the result has `size`, by the `style_scale` of all and its own.
    pub(crate) fn longer(&self, style_scale: StyleScale, size: Size) -> usize {
        style_longer(style_scale.factor * self.scale, size)
    }

    /// The style picture's size where the result has `size`, in a run to `target`; none for a style without its picture.
    pub(crate) fn size(&self, style_scale: StyleScale, size: Size, target: Size) -> Option<Size> {
        let picture = self.picture()?;
        let scale = StyleScale { enlarges: style_scale.enlarges || self.scale != 1.0, ..style_scale };
        let own = (picture.width(), picture.height());
        Some(scale.taken(own, self.longer(style_scale, size), self.longer(style_scale, target)))
    }

    /// Where it comes from.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The picture, if the style is one and not [`SavedStyle`].
    pub fn picture(&self) -> Option<&Picture> {
        match &self.source {
            Source::Picture(picture) => Some(picture),
            Source::Saved(_) => None,
        }
    }

    /// What was saved of the pictures, if it is that.
    pub fn saved(&self) -> Option<&SavedStyle> {
        match &self.source {
            Source::Picture(_) => None,
            Source::Saved(saved) => Some(saved),
        }
    }

    /// The colours that a start takes in a run whose result has `target`: of each of its pictures, with its share.
    pub(crate) fn colours(&self, style_scale: StyleScale, target: Size) -> Vec<(f64, ColourStatistics)> {
        match &self.source {
            Source::Picture(picture) => {
                let part = self.mask.as_ref().map(|mask| mask.at_size(picture.width(), picture.height()));
                vec![(1.0, ColourStatistics::of(picture, part.as_ref().map(Mask::values)))]
            }
            Source::Saved(saved) => saved.colours(self.longer(style_scale, target)),
        }
    }

    /// The same style with another picture, not yet measured; a style without its picture stays as it is.
    pub(crate) fn repainted(&self, paint: impl FnOnce(&Picture) -> Picture) -> Self {
        match &self.source {
            Source::Saved(_) => self.clone(),
            Source::Picture(picture) => {
                let source = Source::Picture(Arc::new(paint(picture)));
                Self { source, measured: Arc::default(), ..self.clone() }
            }
        }
    }

    /// Its statistics at `size`, measured by `measure` unless `owner` has asked before.
    pub(crate) fn measured(
        &self,
        owner: &Arc<()>,
        size: Size,
        measure: impl FnOnce() -> Result<Vec<StyleTarget>>,
    ) -> Result<Vec<StyleTarget>> {
        let lock = || self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |m: &&Measured| m.size == size && std::ptr::eq(m.owner.as_ptr(), Arc::as_ptr(owner));
        if let Some(found) = lock().iter().find(known) {
            return Ok(found.targets.clone());
        }
        let targets = measure()?;
        let mut list = lock();
        list.retain(|m| m.owner.strong_count() > 0);
        list.push(Measured { owner: Arc::downgrade(owner), size, targets: targets.clone() });
        Ok(targets)
    }
}

impl From<Picture> for Style {
    fn from(picture: Picture) -> Self {
        Self::new(picture)
    }
}

impl From<SavedStyle> for Style {
    fn from(saved: SavedStyle) -> Self {
        Self::of(Source::Saved(saved))
    }
}

/// What one run is asked for; see [`Request::picture`] and [`Request::texture`].
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub(crate) content: Option<&'a Picture>,
    pub(crate) styles: Vec<Style>,
    pub(crate) start: Start,
    pub(crate) cancel: Cancel,
    pub(crate) keep: Option<Mask>,
    pub(crate) strength: Option<Mask>,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) before: Option<Before<'a>>,
}

/// The frame before: what was painted, and what came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before<'a> {
    pub content: &'a Picture,
    pub result: &'a Picture,
}

impl<'a> Request<'a> {
    /// Paint `content` in the style of `styles`, pictures or [`Style`]s; several are mixed by their weights.
    pub fn picture<S: Into<Style>>(content: &'a Picture, styles: impl IntoIterator<Item = S>) -> Self {
        let styles = styles.into_iter().map(Into::into).collect();
        Self {
            content: Some(content),
            styles,
            start: Start::Content,
            cancel: Cancel::new(),
            keep: None,
            strength: None,
            checkpoints: None,
            before: None,
        }
    }

    /// Make a new picture of `styles` alone, without content, from noise.
    pub fn texture<S: Into<Style>>(styles: impl IntoIterator<Item = S>) -> Self {
        let styles = styles.into_iter().map(Into::into).collect();
        Self {
            content: None,
            styles,
            start: Start::Noise,
            cancel: Cancel::new(),
            keep: None,
            strength: None,
            checkpoints: None,
            before: None,
        }
    }

    /// Starts elsewhere.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Keeps the content where `mask` is above 0: the more, the less of the style is painted there, and where it is 1 the
    /// result has exactly the content's pixels.
    #[must_use]
    pub fn keep(mut self, mask: Mask) -> Self {
        self.keep = Some(mask);
        self
    }

    /// How much style each place gets, from 0, the content, to 1; a half everywhere is a run without this.
    #[must_use]
    pub fn strength(mut self, mask: Mask) -> Self {
        self.strength = Some(mask);
        self
    }

    /// Stops the run at its next evaluation when `cancel` is used; the best picture so far comes back.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Saves the run from time to time, so that it can go on after its process ended.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Paints the next frame of a sequence: the content has moved on from `content`, which was painted as `result`. The run
    /// starts from `result` moved by the optical flow between the contents, is held to it where that can be told
    /// ([`Builder::temporal_weight`](crate::Builder::temporal_weight)), and takes the two finest sizes alone, for
    /// [`Builder::frame_iterations`](crate::Builder::frame_iterations).
    #[must_use]
    pub fn after(mut self, content: &'a Picture, result: &'a Picture) -> Self {
        self.before = Some(Before { content, result });
        self
    }

    /// Refuses masks that do not belong to their pictures, or that select nothing; `target` is the result's size.
    ///
    /// # Errors
    /// [`Error::Option`] that says which mask.
    pub(crate) fn check_masks(&self, target: Size) -> Result<()> {
        for (option, mask) in [("keep", &self.keep), ("strength", &self.strength)] {
            let Some(mask) = mask else { continue };
            if self.content.is_none() {
                let message = "a texture has no content that could be kept; leave it out";
                return Err(Error::option(option, message));
            }
            mask.check_shape(option, target)?;
        }
        for style in &self.styles {
            if let (Some(saved), Some(_)) = (style.saved(), &style.mask) {
                let message = "has no picture of which a part could be taken; give the picture itself";
                return Err(Error::file(saved.file(), message));
            }
            let size = style.picture().map(|picture| (picture.width(), picture.height()));
            for (mask, size) in [(&style.region, Some(target)), (&style.mask, size)] {
                let (Some(mask), Some(size)) = (mask, size) else { continue };
                mask.check_shape("guide", size)?;
                if mask.values().iter().all(|value| *value == 0.0) {
                    let message = "a mask is black everywhere, so that it selects nothing; make white what it is to select";
                    return Err(Error::option("guide", message));
                }
            }
        }
        Ok(())
    }

    /// The weight of each style, scaled to sum 1, at size `index` of `count` (from the coarsest, 0).
    pub(crate) fn shares_at(&self, index: usize, count: usize) -> Vec<f64> {
        let fine = if count < 2 { 0.5 } else { index as f64 / (count - 1) as f64 };
        let fade = |sizes| match sizes {
            StyleSizes::All => 1.0,
            StyleSizes::Coarse => 1.0 - fine,
            StyleSizes::Fine => fine,
        };
        let weights: Vec<f64> = self.styles.iter().map(|style| style.weight * fade(style.sizes)).collect();
        let sum: f64 = weights.iter().sum();
        // A size at which no style counts takes all of them.
        if sum > 0.0 { weights.iter().map(|weight| weight / sum).collect() } else { self.even_shares() }
    }

    /// The weight of each style, scaled to sum 1, whatever the size.
    fn even_shares(&self) -> Vec<f64> {
        let sum: f64 = self.styles.iter().map(|style| style.weight).sum();
        self.styles.iter().map(|style| style.weight / sum).collect()
    }

    /// The weight of each style, scaled to sum 1, over all sizes.
    ///
    /// # Errors
    /// No style; weights that are negative or not finite, or all 0; scales that are not above 0.
    pub(crate) fn shares(&self) -> Result<Vec<f64>> {
        let option = "style_blend";
        if self.styles.is_empty() {
            return Err(Error::option("style", "there is no style picture; give at least one"));
        }
        let weights = || self.styles.iter().map(|style| style.weight);
        if let Some(bad) = weights().find(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::option(
                option,
                format!("{bad} cannot be a weight; give finite numbers of at least 0"),
            ));
        }
        let sum: f64 = weights().sum();
        if !(sum.is_finite() && sum > 0.0) {
            return Err(Error::option(option, "the weights sum to 0; give at least one above 0"));
        }
        if let Some(bad) = self.styles.iter().map(|style| style.scale).find(|s| !(*s > 0.0 && *s <= 64.0)) {
            let message = format!("{bad} cannot be a style's scale; give a number above 0, at most 64");
            return Err(Error::option("style_scale", message));
        }
        Ok(self.even_shares())
    }
}
