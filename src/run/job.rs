//! One run: every size from coarse to fine.
//!
//! For each size: measure the styles, prepare the objective, carry the coarser result up, minimise. Everything that
//! can fail for a reason known beforehand fails in [`Job::new`].

use std::cell::RefCell;
use std::time::Instant;

use super::progress::{Clock, Observer, Progress, Stage};
use super::settings::{Builder, Init, Settings};
use super::start::Start;
use super::{SizeReport, Stylized};
use crate::engine::backend::BoxedEngine;
use crate::engine::memory::{self, Holder};
use crate::error::{Error, Result};
use crate::loss::objective::Objective;
use crate::loss::targets::{about_the_style, style_taps, style_targets};
use crate::loss::{Losses, Terms};
use crate::network::plan::Plan;
use crate::optimize::{self, Limits, Step, StopReason};
use crate::picture::{Picture, fit};
use crate::run::defaults;
use crate::run::sizes::{self, Size};

/// One run: what is to be done, known to be possible.
pub(super) struct Job<'a> {
    settings: &'a Settings,
    losses: &'a Losses,
    content: Option<&'a Picture>,
    styles: &'a [Picture],
    start: Start,
    stages: Vec<Stage>,
}

impl<'a> Job<'a> {
    /// Plans the sizes and checks that each is possible.
    pub fn new(
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
            sizes::sizes(target, said.coarsest.unwrap_or(defaults::COARSEST), |size| plan(size).is_ok());
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
    pub fn paint(&self, observer: &mut dyn Observer) -> Result<Stylized> {
        let mut clock = Clock::new(self.stages.clone());
        let mut reports: Vec<SizeReport> = Vec::new();
        let mut evaluations = 0;
        let mut evaluation_seconds = 0.0;
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
            let record = record.into_inner();
            evaluation_seconds += record.seconds;
            terms = record.best;
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
        let seconds = clock.seconds();
        Ok(Stylized { picture, terms, sizes: reports, evaluations, seconds, evaluation_seconds, stop })
    }

    /// The objective at one size.
    fn objective(&self, size: Size) -> Result<Objective<BoxedEngine>> {
        let (said, backend) = (&self.settings.said, &self.settings.backend);
        let at_size = |style: &Picture| {
            let (width, height) = style_size(said, style, size);
            style.at_size(width, height)
        };
        let styles: Vec<Picture> = self.styles.iter().map(at_size).collect();
        let make = |height, width, taps: &_| backend.engine(height, width, taps);
        let targets = style_targets(self.losses, &styles, said.blend.as_deref(), &make)?;
        let content = self.content.map(|content| content.at_size(size.0, size.1));
        let engine = backend.engine(size.1, size.0, &self.losses.taps())?;
        Objective::new(engine, self.losses.clone(), content.as_ref().map(Picture::rgb), &targets)
    }
}

/// A style picture's size where the result has `size`: its longer side is the result's times the style scale.
fn style_size(said: &Builder, style: &Picture, size: Size) -> Size {
    let longer = size.0.max(size.1) as f64 * said.style_scale.unwrap_or(defaults::STYLE_SCALE);
    fit(style.width(), style.height(), longer.round() as usize)
}

/// The terms of the last evaluation and of the best one, and the time that all took.
#[derive(Default)]
struct Record {
    last: Terms,
    best: Terms,
    any: bool,
    seconds: f64,
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
        let begun = Instant::now();
        let loss = self.objective.evaluate(pixels, gradient);
        let mut record = self.record.borrow_mut();
        record.seconds += begun.elapsed().as_secs_f64();
        record.note(self.objective.terms());
        Ok(loss)
    }
}
