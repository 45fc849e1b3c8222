//! The whole job: pictures in, picture out.
//!
//! [`StyleTransfer`] is what a program holds; `settings` checks what it is told, `start` makes the picture to
//! start from, `job` goes through the sizes, `progress` tells.

pub mod defaults;
mod job;
pub mod losses;
mod progress;
mod settings;
pub mod sizes;
pub mod start;
pub mod threads;

pub use progress::{Observer, Progress};
pub use settings::{Builder, Init};

use crate::error::{Error, Result};
use crate::loss::Terms;
use crate::optimize::StopReason;
use crate::picture::{Picture, fit, keep_colours, match_colours};
use crate::run::sizes::Size;
use job::Job;
use settings::Settings;

/// Paints pictures in the style of others; made by [`StyleTransfer::builder`], used as often as you like.
///
/// ```
/// use std::ops::ControlFlow;
/// use impasto::{Progress, StyleTransfer, picture::Picture, weights};
///
/// # let (photo, painting) = (Picture::uniform(24, 16, [0.2, 0.4, 0.6])?, Picture::uniform(16, 16, [0.9, 0.5, 0.1])?);
/// let transfer = StyleTransfer::builder()
///     .network(weights::random("4|6", 1)?) // leave this out for the embedded network
///     .size(24)
///     .iterations(3)
///     .build()?;
/// let result = transfer.run(&photo, &[painting], |progress: &Progress| {
///     println!("{}x{}: loss {}", progress.width, progress.height, progress.terms.total);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((result.picture.width(), result.picture.height()), (24, 16));
/// # Ok::<(), impasto::Error>(())
/// ```
pub struct StyleTransfer {
    settings: Settings,
}

/// A finished picture, and what it took.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stylized {
    /// The picture, with the content's alpha and depth.
    pub picture: Picture,
    /// The weighted loss terms at the last size, of the best picture found, before it was cut to [0, 1] and its
    /// colours were put back.
    pub terms: Terms,
    /// What was done at each size; fewer than planned if the run was cancelled.
    pub sizes: Vec<SizeReport>,
    /// Evaluations of the objective, one forward and one backward pass each.
    pub evaluations: usize,
    /// Seconds from the start to the end.
    pub seconds: f64,
    /// Of these, the seconds that the evaluations took; the rest is the optimiser's, resizing and measuring the style.
    pub evaluation_seconds: f64,
    /// Why the last size ended: [`StopReason::Cancelled`] if the observer asked for it.
    pub stop: StopReason,
}

/// What was done at one size.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SizeReport {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Iterations done.
    pub iterations: usize,
    /// Evaluations of the objective.
    pub evaluations: usize,
    /// The loss of the best picture.
    pub loss: f64,
    /// Why it ended.
    pub stop: StopReason,
}

impl StyleTransfer {
    /// Says how to paint.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Threads that work.
    pub fn threads(&self) -> usize {
        self.settings.pool.current_num_threads()
    }

    /// Paints `content` in the style of `styles`; the longer side is [`Builder::size`] (512).
    ///
    /// # Errors
    /// Sizes or iterations that do not suit the pictures, blend weights that do not suit the styles, too little
    /// memory, a loss that is not finite at the start.
    pub fn run(
        &self,
        content: &Picture,
        styles: &[Picture],
        mut observer: impl Observer,
    ) -> Result<Stylized> {
        let said = &self.settings.said;
        let target = fit(content.width(), content.height(), said.size.unwrap_or(defaults::SIZE));
        let losses = &self.settings.losses;
        self.settings.pool.install(|| {
            let mut styles = styles.to_vec();
            if said.original_colours {
                // The style gives its strokes, the content its colours: so the loss does not ask for others.
                styles.iter_mut().for_each(|style| *style = match_colours(style, content));
            }
            let job = Job::new(&self.settings, losses, Some(content), &styles, target)?;
            let mut stylized = job.paint(&mut observer)?;
            if said.original_colours {
                stylized.picture = keep_colours(&stylized.picture, content);
            }
            stylized.picture = stylized.picture.inheriting(content);
            Ok(stylized)
        })
    }

    /// Makes a new `width`×`height` texture of `styles` from noise, without content.
    ///
    /// # Errors
    /// As [`StyleTransfer::run`]; options that only a content picture gives a meaning.
    pub fn texture(
        &self,
        (width, height): Size,
        styles: &[Picture],
        mut observer: impl Observer,
    ) -> Result<Stylized> {
        let said = &self.settings.said;
        if width == 0 || height == 0 {
            return Err(Error::option(
                "--size",
                format!("{width}x{height} is no picture; give sides above 0"),
            ));
        }
        if let Some(size) = said.size {
            let message = format!("{size} is the size of a transfer; a texture has width and height");
            return Err(Error::option("--size", message));
        }
        if said.original_colours {
            let message = "a texture has no content whose colours could be kept";
            return Err(Error::option("--original-colours", message));
        }
        let losses = said.texture_losses(self.settings.backend.network())?;
        self.settings.pool.install(|| {
            Job::new(&self.settings, &losses, None, styles, (width, height))?.paint(&mut observer)
        })
    }
}
