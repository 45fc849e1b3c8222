//! What one run is asked for: the pictures, how much each style counts, where to start.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::{Error, Result};
use crate::loss::targets::StyleTarget;
use crate::picture::Picture;
use crate::run::progress::Cancel;
use crate::run::sizes::Size;

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

/// A style picture and how it counts. Clones are cheap and share what was measured: a [`Style`] that is used for many
/// contents by one [`StyleTransfer`](crate::StyleTransfer) is measured once at each size.
#[derive(Debug, Clone)]
pub struct Style {
    picture: Arc<Picture>,
    weight: f64,
    measured: Arc<Mutex<Vec<Measured>>>,
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
        Self { picture: Arc::new(picture), weight: 1.0, measured: Arc::default() }
    }

    /// How much it counts beside other styles: finite, at least 0; the weights of a request are scaled to sum 1.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// The picture.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// The same style with another picture, not yet measured.
    pub(crate) fn repainted(&self, paint: impl FnOnce(&Picture) -> Picture) -> Self {
        Self::new(paint(&self.picture)).weight(self.weight)
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

/// What one run is asked for; see [`Request::picture`] and [`Request::texture`].
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub(crate) content: Option<&'a Picture>,
    pub(crate) styles: Vec<Style>,
    pub(crate) start: Start,
    pub(crate) cancel: Cancel,
}

impl<'a> Request<'a> {
    /// Paint `content` in the style of `styles`, pictures or [`Style`]s; several are mixed by their weights.
    pub fn picture<S: Into<Style>>(content: &'a Picture, styles: impl IntoIterator<Item = S>) -> Self {
        let styles = styles.into_iter().map(Into::into).collect();
        Self { content: Some(content), styles, start: Start::Content, cancel: Cancel::new() }
    }

    /// Make a new picture of `styles` alone, without content, from noise.
    pub fn texture<S: Into<Style>>(styles: impl IntoIterator<Item = S>) -> Self {
        let styles = styles.into_iter().map(Into::into).collect();
        Self { content: None, styles, start: Start::Noise, cancel: Cancel::new() }
    }

    /// Starts elsewhere.
    #[must_use]
    pub fn start(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// Stops the run at its next evaluation when `cancel` is used; the best picture so far comes back.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// The weight of each style, scaled to sum 1.
    ///
    /// # Errors
    /// No style; weights that are negative or not finite, or all 0.
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
        Ok(weights().map(|weight| weight / sum).collect())
    }
}
