//! One run: every size from coarse to fine.
//!
//! For each size: measure the styles, prepare the objective, carry the coarser result up, minimise. Everything that
//! can fail for a reason known beforehand fails in [`Job::new`].

use std::time::Instant;

use super::masks::Mask;
use super::progress::{Cancel, Clock, Observer, Progress, SizeStep};
use super::regions::{self, Regions};
use super::request::{Request, Style};
use super::sizes::{self, Size};
use super::start::StartPictures;
use super::{Report, SizeReport, StyleTransfer, Stylized};
use crate::engine::Engine;
use crate::engine::backend::BoxedEngine;
use crate::engine::memory::{self, Use};
use crate::error::{Error, Result};
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::{StyleTarget, blend, measure};
use crate::loss::{Losses, Terms};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::optimize::{self, Limits, LossFunction, Step, Stop, StopReason};
use crate::picture::Picture;

/// One run: what is to be done, known to be possible.
pub(super) struct Job<'a> {
    transfer: &'a StyleTransfer,
    losses: &'a Losses,
    request: &'a Request<'a>,
    start: StartPictures,
    steps: Vec<SizeStep>,
}

impl<'a> Job<'a> {
    /// Plans the sizes and checks that each is possible.
    pub fn new(
        transfer: &'a StyleTransfer,
        losses: &'a Losses,
        request: &'a Request<'a>,
        target: Size,
    ) -> Result<Self> {
        let settings = &transfer.settings;
        let backend = &transfer.computing.backend;
        let shares = request.shares()?;
        let style_taps = losses.style_taps();
        let (kind, compared) = (backend.kind(), losses.content_taps());
        let plan = |size: Size| -> Result<Plan> {
            let plan = Plan::new(backend.network().clone(), size.1, size.0, &losses.taps())?;
            for style in request.styles.iter().filter(|_| !style_taps.is_empty()) {
                let (width, height) = style.size(settings.style_scale, size);
                let plan = Plan::new(backend.network().clone(), height, width, &style_taps);
                let needs = |plan| memory::require(&plan, kind, &[], Use::Painting);
                plan.and_then(needs).map_err(about_the_style)?;
            }
            memory::require(&plan, kind, &compared, Use::Painting)?;
            Ok(plan)
        };
        plan(target)?;
        let sizes = sizes::sizes(target, settings.coarsest, |size| plan(size).is_ok());
        let iterations = settings.iterations.plan(&sizes)?;
        let step =
            |(&size, &iterations)| Ok(SizeStep { size, iterations, cost: kind.steps(plan(size)?).flops() });
        let steps = sizes.iter().zip(&iterations).map(step).collect::<Result<Vec<_>>>()?;
        let start = StartPictures::new(request, settings, !style_taps.is_empty(), &shares, target, sizes[0])?;
        Ok(Self { transfer, losses, request, start, steps })
    }

    /// Every size from coarse to fine.
    pub fn paint(&self, observer: &mut dyn Observer) -> Result<Stylized> {
        let settings = &self.transfer.settings;
        let mut clock = Clock::new(self.steps.clone());
        let mut reports: Vec<SizeReport> = Vec::new();
        let mut evaluations = 0;
        let mut evaluation_seconds = 0.0;
        let mut painted: Option<(Size, Vec<f32>)> = None;
        let mut loss = Terms::default();
        for (index, step) in self.steps.iter().enumerate() {
            let start = match &painted {
                None => self.start.at(step.size),
                Some((size, pixels)) => self.start.carry(pixels, *size, step.size),
            };
            let mut objective = self.objective(index)?;
            clock.begin(index);
            let record = std::cell::RefCell::new(Record::default());
            let mut watch = |state: &Step| {
                let record = record.borrow();
                let progress = Progress {
                    width: step.size.0,
                    height: step.size.1,
                    size_index: index + 1,
                    size_count: self.steps.len(),
                    iteration: state.iteration,
                    iterations: step.iterations,
                    terms: record.of(state.loss),
                    evaluations: evaluations + state.evaluations,
                    seconds: clock.seconds(),
                    seconds_left: clock.seconds_left(state.iteration),
                    pixels: state.pixels,
                };
                observer.observe(&progress).map_break(|()| Stop::Cancel)
            };
            let tolerance = Some(settings.tolerance).filter(|tolerance| *tolerance > 0.0);
            let limits = Limits { iterations: step.iterations, tolerance };
            let cancel = &self.request.cancel;
            let mut recorded = Recorded { objective: &mut objective, record: &record, cancel };
            let outcome = optimize::minimize(settings.optimizer, &mut recorded, start, &limits, &mut watch)?;
            evaluations += outcome.evaluations;
            reports.push(SizeReport {
                width: step.size.0,
                height: step.size.1,
                iterations: outcome.iterations,
                evaluations: outcome.evaluations,
                loss: outcome.loss,
                stop: outcome.stop,
            });
            let record = record.into_inner();
            evaluation_seconds += record.seconds;
            loss = record.best;
            let mut pixels = outcome.pixels;
            pixels.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
            painted = Some((step.size, pixels));
            if outcome.stop == StopReason::Cancelled {
                break;
            }
        }
        let (width, height) = self.steps[self.steps.len() - 1].size;
        let (size, pixels) = painted.expect("a pyramid has at least one size");
        let pixels =
            if size == (width, height) { pixels } else { self.start.carry(&pixels, size, (width, height)) };
        let picture = Picture::from_rgb(width, height, pixels)?;
        let report = Report {
            width,
            height,
            seconds: clock.seconds(),
            evaluation_seconds,
            evaluations,
            loss,
            stop: reports[reports.len() - 1].stop,
            sizes: reports,
            threads: self.transfer.threads(),
        };
        Ok(Stylized { picture, report })
    }

    /// The objective at one of the sizes.
    fn objective(&self, index: usize) -> Result<Objective<BoxedEngine>> {
        let size = self.steps[index].size;
        let backend = &self.transfer.computing.backend;
        let engine = backend.engine(size.1, size.0, &self.losses.taps())?;
        let plan = engine.plan().clone();
        let has_style = !self.losses.style_taps().is_empty();
        let shares = if has_style { self.request.shares_at(index, self.steps.len()) } else { Vec::new() };
        let regions = Regions::new(self.request, &shares, size);
        let weigh = |mask: &Mask| {
            let (mask, plan) = (mask.clone(), plan.clone());
            move |layer: Layer| regions::at_layer(&mask, &plan, layer)
        };
        let weights: Vec<_> = regions.styles.iter().map(|region| region.mask.as_ref().map(weigh)).collect();
        let mut styles = Vec::new();
        for (region, weights) in regions.styles.iter().zip(&weights).filter(|_| has_style) {
            let measure = |&(style, share): &(&Style, f64)| Ok((self.measured(style, size)?, share));
            let measured = region.styles.iter().map(measure).collect::<Result<Vec<_>>>()?;
            let (targets, shares): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
            let weights = weights.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
            styles.push(StyleRegion { targets: blend(&targets, &shares), weight: region.weight, weights });
        }
        let content = self.request.content.map(|content| content.at_size(size.0, size.1));
        let kept = regions.content.as_ref().map(|mask| |layer: Layer| mask.at_layer(&plan, layer));
        let kept = kept.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
        let content = content.as_ref().map(|content| ContentPicture { rgb: content.rgb(), weights: kept });
        Objective::new(engine, self.losses, content, &styles)
    }

    /// A style's statistics for a result of `size`.
    fn measured(&self, style: &Style, size: Size) -> Result<Vec<StyleTarget>> {
        let backend = &self.transfer.computing.backend;
        let (width, height) = style.size(self.transfer.settings.style_scale, size);
        style.measured(&self.transfer.identity, (width, height), || {
            let layers = self.losses.style_taps();
            let mut engine = backend.engine(height, width, &layers).map_err(about_the_style)?;
            let picture = style.picture().at_size(width, height);
            let plan = engine.plan().clone();
            let mask = style.mask().map(|mask| mask.at_size(width, height));
            let weights = mask.as_ref().map(|mask| |layer: Layer| mask.worn_at_layer(&plan, layer));
            let weights = weights.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
            Ok(measure(&mut engine, picture.rgb(), &layers, self.losses.statistic.order(), weights))
        })
    }
}

/// Says that it is the style picture whose size does not suit.
pub(super) fn about_the_style(error: Error) -> Error {
    match error {
        Error::Option { option, message } => Error::option(option, format!("for the style, {message}")),
        other => other,
    }
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
    record: &'a std::cell::RefCell<Record>,
    cancel: &'a Cancel,
}

impl LossFunction for Recorded<'_> {
    fn length(&self) -> usize {
        self.objective.engine().plan().picture().len()
    }

    fn evaluate(&mut self, pixels: &[f32], gradient: &mut [f32]) -> Result<f64> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let begun = Instant::now();
        let terms = self.objective.evaluate(pixels, gradient);
        let mut record = self.record.borrow_mut();
        record.seconds += begun.elapsed().as_secs_f64();
        let loss = terms.total;
        record.note(&terms);
        Ok(loss)
    }
}
