//! The whole job: pictures in, picture out.
//!
//! For each size of the pyramid: measure the styles, prepare the objective, carry the coarser result up,
//! minimise. Everything that can fail for a reason known beforehand fails before the first iteration.

use std::cell::RefCell;

use crate::defaults;
use crate::error::{Error, Result};
use crate::loss::{Losses, Terms};
use crate::memory::{self, Holder};
use crate::network::backend::BoxedEngine;
use crate::network::plan::Plan;
use crate::objective::Objective;
use crate::optimize::{self, Limits, Step, StopReason};
use crate::picture::{Picture, fit, keep_colours};
use crate::progress::{Clock, Observer, Progress, Stage};
use crate::pyramid::{self, Size};
use crate::settings::{Builder, Init, Settings};
use crate::start::Start;
use crate::targets::{about_the_style, style_taps, style_targets};

/// Paints pictures in the style of others; made by [`StyleTransfer::builder`], used as often as you like.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::Arc;
/// use pastiche::{Progress, StyleTransfer, picture::Picture, weights};
///
/// # let (photo, painting) = (Picture::uniform(24, 16, [0.2, 0.4, 0.6])?, Picture::uniform(16, 16, [0.9, 0.5, 0.1])?);
/// let transfer = StyleTransfer::builder()
///     .network(Arc::new(weights::random("4|6", 1)?)) // leave this out for the embedded network
///     .size(24)
///     .iterations(3)
///     .build()?;
/// let result = transfer.run(&photo, &[painting], |progress: &Progress| {
///     println!("{}x{}: loss {}", progress.width, progress.height, progress.terms.total);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((result.picture.width(), result.picture.height()), (24, 16));
/// # Ok::<(), pastiche::Error>(())
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
                styles.iter_mut().for_each(|style| *style = crate::picture::match_colours(style, content));
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

/// One run: what is to be done, known to be possible.
struct Job<'a> {
    settings: &'a Settings,
    losses: &'a Losses,
    content: Option<&'a Picture>,
    styles: &'a [Picture],
    start: Start,
    stages: Vec<Stage>,
}

impl<'a> Job<'a> {
    /// Plans the sizes and checks that each is possible.
    fn new(
        settings: &'a Settings,
        losses: &'a Losses,
        content: Option<&'a Picture>,
        styles: &'a [Picture],
        target: Size,
    ) -> Result<Self> {
        let said = &settings.said;
        if let Some(weights) = said.blend.as_ref().filter(|weights| weights.len() != styles.len()) {
            let message = format!(
                "{} weights came for {} style pictures; give one for each",
                weights.len(),
                styles.len()
            );
            return Err(Error::option("--style-blend", message));
        }
        let style_layers = style_taps(losses);
        if !style_layers.is_empty() && styles.is_empty() {
            return Err(Error::option(
                "--style-weight",
                "the style has weight, but there is no style picture",
            ));
        }
        let (network, holder) = (settings.backend.network(), Holder::of(&settings.backend));
        let plan = |size: Size| -> Result<Plan> {
            let plan = Plan::new(network.clone(), size.1, size.0, &losses.taps())?;
            for style in styles.iter().filter(|_| !style_layers.is_empty()) {
                let (width, height) = style_size(said, style, size);
                let plan = Plan::new(network.clone(), height, width, &style_layers);
                plan.and_then(|plan| memory::require(&plan, holder)).map_err(about_the_style)?;
            }
            memory::require(&plan, holder)?;
            Ok(plan)
        };
        plan(target)?;
        let sizes =
            pyramid::sizes(target, said.coarsest.unwrap_or(defaults::COARSEST), |size| plan(size).is_ok());
        let iterations = said.iterations.plan(&sizes)?;
        let stage = |(&size, &iterations)| Ok(Stage { size, iterations, cost: plan(size)?.direct_flops() });
        let stages = sizes.iter().zip(&iterations).map(stage).collect::<Result<Vec<_>>>()?;
        let blend = said.blend.as_deref();
        let init =
            if content.is_none() && matches!(said.init, Init::Content) { &Init::Noise } else { &said.init };
        let colours = if said.original_colours { &[] } else { styles };
        let start =
            Start::new(init, content, colours, blend, target, sizes[0], said.seed.unwrap_or(defaults::SEED))?;
        Ok(Self { settings, losses, content, styles, start, stages })
    }

    /// Every size from coarse to fine.
    fn paint(&self, observer: &mut dyn Observer) -> Result<Stylized> {
        let mut clock = Clock::new(self.stages.clone());
        let mut reports: Vec<SizeReport> = Vec::new();
        let mut evaluations = 0;
        let mut painted: Option<(Size, Vec<f32>)> = None;
        let mut terms = Terms::default();
        for (index, stage) in self.stages.iter().enumerate() {
            let start = match &painted {
                None => self.start.at(stage.size),
                Some((size, pixels)) => self.start.carry(pixels, *size, stage.size),
            };
            let mut objective = self.objective(stage.size)?;
            clock.begin_stage();
            let record = RefCell::new(Record::default());
            let mut watch = |step: &Step| {
                let record = record.borrow();
                observer.observe(&Progress {
                    width: stage.size.0,
                    height: stage.size.1,
                    size_index: index + 1,
                    size_count: self.stages.len(),
                    iteration: step.iteration,
                    iterations: stage.iterations,
                    terms: record.of(step.loss),
                    evaluations: evaluations + step.evaluations,
                    seconds: clock.seconds(),
                    seconds_left: clock.seconds_left(index, step.iteration),
                    pixels: step.pixels,
                })
            };
            let tolerance = self.settings.said.tolerance.unwrap_or(defaults::TOLERANCE);
            let tolerance = Some(tolerance).filter(|tolerance| *tolerance > 0.0);
            let limits = Limits { iterations: stage.iterations, tolerance };
            let mut recorded = Recorded { objective: &mut objective, record: &record };
            let outcome =
                optimize::minimize(self.settings.method, &mut recorded, start, &limits, &mut watch)?;
            evaluations += outcome.evaluations;
            reports.push(SizeReport {
                width: stage.size.0,
                height: stage.size.1,
                iterations: outcome.iterations,
                evaluations: outcome.evaluations,
                loss: outcome.loss,
                stop: outcome.stop,
            });
            terms = record.into_inner().best;
            let mut pixels = outcome.pixels;
            pixels.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
            painted = Some((stage.size, pixels));
            if outcome.stop == StopReason::Cancelled {
                break;
            }
        }
        let target = self.stages[self.stages.len() - 1].size;
        let (size, pixels) = painted.expect("a pyramid has at least one size");
        let pixels = if size == target { pixels } else { self.start.carry(&pixels, size, target) };
        let picture = Picture::from_rgb(target.0, target.1, pixels)?;
        let stop = reports[reports.len() - 1].stop;
        Ok(Stylized { picture, terms, sizes: reports, evaluations, seconds: clock.seconds(), stop })
    }

    /// The objective at one size.
    fn objective(&self, size: Size) -> Result<Objective<BoxedEngine>> {
        let (said, backend) = (&self.settings.said, &self.settings.backend);
        let at_size = |style: &Picture| {
            let (width, height) = style_size(said, style, size);
            style.resized(width, height)
        };
        let styles: Vec<Picture> = self.styles.iter().map(at_size).collect();
        let make = |height, width, taps: &_| backend.engine(height, width, taps);
        let targets = style_targets(self.losses, &styles, said.blend.as_deref(), &make)?;
        let content = self.content.map(|content| content.resized(size.0, size.1));
        let engine = backend.engine(size.1, size.0, &self.losses.taps())?;
        Objective::new(engine, self.losses.clone(), content.as_ref().map(Picture::rgb), &targets)
    }
}

/// A style picture's size where the result has `size`: its longer side is the result's times the style scale.
fn style_size(said: &Builder, style: &Picture, size: Size) -> Size {
    let longer = size.0.max(size.1) as f64 * said.style_scale.unwrap_or(defaults::STYLE_SCALE);
    fit(style.width(), style.height(), longer.round() as usize)
}

/// The terms of the last evaluation and of the best one.
#[derive(Default)]
struct Record {
    last: Terms,
    best: Terms,
    any: bool,
}

impl Record {
    fn note(&mut self, terms: &Terms) {
        if !self.any || terms.total < self.best.total {
            self.best = terms.clone();
        }
        self.any = true;
        self.last = terms.clone();
    }

    /// The terms whose total is `loss`.
    fn of(&self, loss: f64) -> &Terms {
        if self.last.total == loss { &self.last } else { &self.best }
    }
}

/// The objective as the optimiser sees it, with its terms on record.
struct Recorded<'a> {
    objective: &'a mut Objective<BoxedEngine>,
    record: &'a RefCell<Record>,
}

impl optimize::Objective for Recorded<'_> {
    fn evaluate(&mut self, pixels: &[f32], gradient: &mut [f32]) -> Result<f64> {
        let loss = self.objective.evaluate(pixels, gradient);
        self.record.borrow_mut().note(self.objective.terms());
        Ok(loss)
    }
}
