//! The whole job: pictures in, picture out.
//!
//! [`StyleTransfer`] is what a program holds: made by the [`Builder`] from [`options`], which `settings` resolves. A
//! [`Request`] is what one run is asked for; `job` goes through the sizes, from the start picture that `start` makes, and
//! [`Progress`] is what it reports.

mod builder;
pub mod colour;
pub mod defaults;
pub(crate) mod guides;
mod job;
mod keep;
pub mod masks;
pub mod options;
mod progress;
mod regions;
mod request;
pub mod settings;
pub mod sizes;
pub mod start;
mod strokes;
pub mod threads;
pub mod values;

pub use builder::Builder;
pub use progress::{Cancel, Observer, Progress};
pub use request::{Request, Start, Style, StyleSizes};

use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::optimize::StopReason;
use crate::picture::Picture;
use job::Job;
use options::Options;
use settings::{Computing, Settings};
use strokes::StrokesJob;
use values::Method;

/// Paints pictures in the style of others; made by [`StyleTransfer::builder`], used as often as you like.
///
/// ```
/// use std::ops::ControlFlow;
/// use impasto::{Progress, Request, StyleTransfer, picture::Picture, weights};
///
/// # let (photo, painting) = (Picture::uniform(24, 16, [0.2, 0.4, 0.6])?, Picture::uniform(16, 16, [0.9, 0.5, 0.1])?);
/// let transfer = StyleTransfer::builder()
///     .network(weights::random("4|6", 1)?) // leave this out for the embedded network
///     .size(24)
///     .iterations(3)
///     .build()?;
/// let result = transfer.run(&Request::picture(&photo, [painting]), |progress: &Progress| {
///     println!("{}x{}: loss {}", progress.width, progress.height, progress.terms.total);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((result.picture.width(), result.picture.height()), (24, 16));
/// # Ok::<(), impasto::Error>(())
/// ```
pub struct StyleTransfer {
    settings: Settings,
    options: Options,
    computing: Computing,
    /// Whose measurements of styles can be used again: this one's.
    identity: Arc<()>,
}

/// A finished picture, and what it took.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stylized {
    /// The picture, with the content's alpha and depth.
    pub picture: Picture,
    /// What it took.
    pub report: Report,
}

/// What a run took.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Width of the picture in pixels.
    pub width: usize,
    /// Height of the picture in pixels.
    pub height: usize,
    /// Seconds from the start to the end.
    pub seconds: f64,
    /// Of these, the seconds that the evaluations took; the rest is the optimiser's, resizing and measuring the style.
    pub evaluation_seconds: f64,
    /// Evaluations of the objective, one forward and one backward pass each.
    pub evaluations: usize,
    /// The weighted loss terms at the last size, of the best picture found, before it was cut to [0, 1] and its
    /// colours were put back.
    pub loss: Terms,
    /// Why the last size ended: [`StopReason::Cancelled`] if the observer asked for it.
    pub stop: StopReason,
    /// What was done at each size; fewer than planned if the run was cancelled.
    pub sizes: Vec<SizeReport>,
    /// Threads that worked.
    pub threads: usize,
}

/// What was done at one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
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

    /// Refuses options that would do nothing for this request.
    fn refuse_idle_options(&self, request: &Request<'_>, target: (usize, usize)) -> Result<()> {
        let paint = &self.options.paint;
        let longer = target.0.max(target.1);
        if paint.coarsest.is_some_and(|coarsest| coarsest > longer) {
            let message = format!(
                "{} is larger than the result, whose longer side is {longer}; give at most that, which makes one size",
                self.settings.coarsest
            );
            return Err(Error::option("coarsest", message));
        }
        let noise = matches!(request.start, Start::Noise)
            || request.content.is_none() && matches!(request.start, Start::Content);
        if paint.seed.is_some() && !noise {
            return Err(Error::option(
                "seed",
                "nothing is random in a run that does not start from noise; leave it out",
            ));
        }
        if request.strength.is_some() {
            let said = [
                ("strength", self.options.picture.strength.is_some()),
                ("content_weight", self.options.content.content_weight.is_some()),
                ("style_weight", self.options.loss.style_weight.is_some()),
            ];
            if let Some((option, _)) = said.into_iter().find(|(_, said)| *said) {
                let message = "a mask already says how much style each place gets; leave one of them out";
                return Err(Error::option(option, message));
            }
        }
        let guided = request.styles.iter().any(|style| style.region().is_some() || style.mask().is_some());
        if guided && self.settings.losses.style_weight == 0.0 {
            let message = "does nothing where `style_weight` is 0; leave one of them out";
            return Err(Error::option("guide", message));
        }
        Ok(())
    }

    /// Paints by the method that was chosen; where no style counts, there is nothing to match.
    fn paint(
        &self,
        losses: &Losses,
        request: &Request<'_>,
        target: (usize, usize),
        observer: &mut dyn Observer,
    ) -> Result<Stylized> {
        match self.settings.method {
            Method::Strokes if losses.style_weight > 0.0 => {
                StrokesJob::new(self, losses, request, target)?.paint(observer)
            }
            _ => Job::new(self, losses, request, target)?.paint(observer),
        }
    }

    /// Threads that work.
    pub fn threads(&self) -> usize {
        self.computing.pool.current_num_threads()
    }

    /// What was said when this was built.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Paints what is asked for.
    ///
    /// # Errors
    /// Sizes or iterations that do not suit the pictures, style weights that cannot be used, options that only a content
    /// picture gives a meaning, too little memory, a loss that is not finite at the start.
    pub fn run(&self, request: &Request<'_>, mut observer: impl Observer) -> Result<Stylized> {
        let settings = &self.settings;
        let size = |content: &Picture| (content.width(), content.height());
        let target = settings.size.resolve(request.content.map(size))?;
        self.refuse_idle_options(request, target)?;
        request.check_masks(target)?;
        let losses = match request.content {
            Some(_) => settings.losses.clone(),
            None => self.texture_losses()?,
        };
        self.computing.pool.install(|| {
            let Some(content) = request.content else {
                return self.paint(&losses, request, target, &mut observer);
            };
            let repainted = settings.colours.content(content);
            let mut seen = request.clone();
            seen.content = Some(repainted.as_ref().unwrap_or(content));
            seen.styles.iter_mut().for_each(|style| *style = settings.colours.style(style, content));
            let mut stylized = self.paint(&losses, &seen, target, &mut observer)?;
            let mut picture = settings.colours.finished(stylized.picture, content);
            if let Some(mask) = &request.keep {
                picture = keep::put_back(&picture, content, mask);
            }
            stylized.picture = picture.inheriting(content);
            Ok(stylized)
        })
    }
}
