//! The whole job: pictures in, picture out.
//!
//! [`StyleTransfer`] is what a program holds: made by the [`Builder`] from [`options`], which `settings` resolves. A
//! [`Request`] is what one run is asked for; `job` goes through the sizes, from the start picture that `start` makes, and
//! [`Progress`] is what it reports.

mod budget;
mod builder;
pub mod checkpoint;
pub mod colour;
pub mod defaults;
mod ending;
mod fingerprint;
mod following;
mod forecast;
mod guides;
mod job;
mod keep;
pub mod masks;
pub mod options;
pub mod preset;
mod progress;
mod regions;
mod request;
mod saved_style;
pub mod settings;
pub mod sizes;
pub mod start;
mod strokes;
mod style_saver;
pub mod threads;
pub mod values;
mod watched;

pub use builder::Builder;
pub use checkpoint::{Checkpoint, Checkpoints};
pub use forecast::{Forecast, SizeForecast};
pub use progress::{Cancel, Evaluated, Observer, Progress};
pub use request::{Request, Start, Style, StyleSizes};
pub use saved_style::SavedStyle;
pub use style_saver::StyleSaver;

use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::optimize::StopReason;
use crate::picture::Picture;
use checkpoint::Binding;
use colour::ColourMode;
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
        if paint.size_step.is_some() && self.settings.coarsest >= longer {
            let message = "there is one size only, since `coarsest` is not smaller than the result; leave `size_step` out, or give a smaller `coarsest`";
            return Err(Error::option("size_step", message));
        }
        let noise = matches!(request.start, Start::Noise)
            || request.content.is_none() && matches!(request.start, Start::Content);
        if paint.seed.is_some() && !noise {
            return Err(Error::option(
                "seed",
                "nothing is random in a run that does not start from noise; leave it out",
            ));
        }
        if paint.noise_scale.is_some() && !noise {
            let message = "there is no noise in a run that does not start from it; leave it out";
            return Err(Error::option("noise_scale", message));
        }
        if self.options.picture.init_blend.is_some() && matches!(request.start, Start::Content) {
            let message = "the start is the content alone; start from noise or a picture, or leave it out";
            return Err(Error::option("init_blend", message));
        }
        if self.settings.tileable && request.content.is_some() {
            let message = "a content picture has edges of its own; make a texture, or leave it out";
            return Err(Error::option("tileable", message));
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

    /// Refuses styles without their pictures where these are needed, or that were saved for other runs.
    fn check_saved_styles(&self, request: &Request<'_>) -> Result<()> {
        for saved in request.styles.iter().filter_map(Style::saved) {
            let mode = self.settings.colours.mode;
            if request.content.is_some() && mode != ColourMode::Style {
                let message = format!(
                    "has no picture whose colours `colour` {mode} could change before it is measured; give the picture \
                     itself, or leave `colour` out"
                );
                return Err(Error::file(saved.file(), message));
            }
            saved.check(self)?;
        }
        Ok(())
    }

    /// The size of the result and the losses, once nothing is said that would do nothing.
    fn checked(&self, request: &Request<'_>) -> Result<((usize, usize), Losses)> {
        let size = |content: &Picture| (content.width(), content.height());
        let target = self.settings.size.resolve(request.content.map(size))?;
        self.refuse_idle_options(request, target)?;
        request.check_masks(target)?;
        self.check_saved_styles(request)?;
        following::check(request, target)?;
        let losses = match request.content {
            Some(_) => self.settings.losses.clone(),
            None => self.texture_losses()?,
        };
        Ok((target, losses))
    }

    /// The width and height that the result of `request` will have, once it is known to be possible.
    ///
    /// # Errors
    /// As [`StyleTransfer::run`], but for what only the work can tell.
    pub fn size(&self, request: &Request<'_>) -> Result<(usize, usize)> {
        let (target, losses) = self.checked(request)?;
        match self.matches_patches(&losses) {
            true => StrokesJob::new(self, &losses, request, target).map(|_| target),
            false => Job::steps(self, &losses, request, target).map(|_| target),
        }
    }

    /// What [`StyleTransfer::run`] would do. Takes a moment: an evaluation at the coarsest size tells the speed.
    ///
    /// # Errors
    /// As [`StyleTransfer::run`], but for what only the work can tell.
    pub fn forecast(&self, request: &Request<'_>) -> Result<Forecast> {
        let (target, losses) = self.checked(request)?;
        self.computing.pool.install(|| match self.matches_patches(&losses) {
            true => StrokesJob::new(self, &losses, request, target)?.forecast(),
            false => Job::new(self, &losses, request, target)?.forecast(),
        })
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
        self.paint(request, None, &mut observer)
    }

    /// Goes on with a run that was saved, to the same bits as if it had never stopped: for the request and the options that
    /// it was begun with, with any number of threads. Seconds and evaluations are counted on.
    ///
    /// # Errors
    /// [`Error::File`] for a checkpoint of another request, network or options; as [`StyleTransfer::run`].
    pub fn resume(
        &self,
        request: &Request<'_>,
        checkpoint: Checkpoint,
        mut observer: impl Observer,
    ) -> Result<Stylized> {
        self.paint(request, Some(checkpoint), &mut observer)
    }

    /// What the checkpoints of a request belong to.
    fn binding(&self, request: &Request<'_>) -> Binding {
        let terms = self.settings.losses.terms.iter().map(|term| &**term);
        Binding::new(request, &self.options, self.computing.backend.network(), terms)
    }

    /// Whether patches are matched: where no style counts, there is nothing to match.
    fn matches_patches(&self, losses: &Losses) -> bool {
        self.settings.method == Method::Strokes && losses.style_weight > 0.0
    }

    /// Paints by the method that was chosen.
    fn by_method(
        &self,
        losses: &Losses,
        request: &Request<'_>,
        target: (usize, usize),
        observer: &mut dyn Observer,
        (binding, checkpoint): (Option<Binding>, Option<Checkpoint>),
    ) -> Result<Stylized> {
        if !self.matches_patches(losses) {
            return Job::new(self, losses, request, target)?.paint(observer, binding, checkpoint);
        }
        if binding.is_some() {
            let message = "saves the state of `method` gram; a run of strokes is begun anew: leave it out";
            return Err(Error::option("checkpoint", message));
        }
        if request.before.is_some() {
            let message =
                "strokes has no temporal term, so that frames would not hang together; leave it out";
            return Err(Error::option("method", message));
        }
        StrokesJob::new(self, losses, request, target)?.paint(observer)
    }

    /// Paints, from the beginning or from a checkpoint.
    fn paint(
        &self,
        request: &Request<'_>,
        checkpoint: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Stylized> {
        let settings = &self.settings;
        let (target, losses) = self.checked(request)?;
        let bound = checkpoint.is_some() || request.checkpoints.is_some();
        if bound && request.before.is_some() {
            let message = "saves runs of single pictures; a frame is begun anew: leave it out";
            return Err(Error::option("checkpoint", message));
        }
        let binding = bound.then(|| self.binding(request));
        if let (Some(checkpoint), Some(binding)) = (&checkpoint, &binding) {
            checkpoint.binding.check(binding).map_err(|message| Error::file(checkpoint.file(), message))?;
        }
        self.computing.pool.install(|| {
            let Some(content) = request.content else {
                return self.by_method(&losses, request, target, observer, (binding, checkpoint));
            };
            let repainted = settings.colours.content(content);
            let mut seen = request.clone();
            seen.content = Some(repainted.as_ref().unwrap_or(content));
            seen.styles.iter_mut().for_each(|style| *style = settings.colours.style(style, content));
            let mut stylized = self.by_method(&losses, &seen, target, observer, (binding, checkpoint))?;
            let mut picture = settings.colours.finished(stylized.picture, content);
            if let Some(mask) = &request.keep {
                picture = keep::put_back(&picture, content, mask);
            }
            stylized.picture = picture.inheriting(content);
            Ok(stylized)
        })
    }
}
