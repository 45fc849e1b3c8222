//! A run by the method `strokes`: every size from coarse to fine, and at each a few rounds of matching and painting.
//!
//! A round finds the places of the styles that the picture, or at first the content, is most like, and changes the pixels
//! towards the features from there. Everything that can fail for a reason known beforehand fails in [`StrokesJob::new`].

use std::cell::{Cell, RefCell};
use std::time::Instant;

use super::forecast::{Forecast, SizeForecast};
use super::progress::{Cancel, Clock, Evaluated, Observer, Progress, SizeStep};
use super::request::{Request, Start};
use super::sizes::{self, Size};
use super::start::StartPictures;
use super::{Report, SizeReport, StyleTransfer, Stylized, defaults};
use crate::engine::backend::BoxedEngine;
use crate::engine::memory::{self, Use};
use crate::engine::{Engine, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, Normalisation, Terms};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::optimize::{self, Limits, LossFunction, Outcome, Step, Stop, StopReason};
use crate::picture::Picture;
use crate::strokes::balance::Balance;
use crate::strokes::grid::{CELL, Grid, layers};
use crate::strokes::matcher::{self, Matcher, StylePicture};
use crate::strokes::objective::Objective;

/// One run: what is to be done, known to be possible.
pub(super) struct StrokesJob<'a> {
    transfer: &'a StyleTransfer,
    losses: &'a Losses,
    request: &'a Request<'a>,
    start: StartPictures,
    steps: Vec<SizeStep>,
    layers: Vec<Layer>,
    balance: Balance,
    /// Bytes that the largest size takes.
    memory: usize,
}

/// What a run has done so far.
struct Done {
    clock: Clock,
    evaluations: usize,
    evaluation_seconds: f64,
    reports: Vec<SizeReport>,
    loss: Terms,
}

impl<'a> StrokesJob<'a> {
    /// Plans the sizes and checks that each is possible.
    pub fn new(
        transfer: &'a StyleTransfer,
        losses: &'a Losses,
        request: &'a Request<'a>,
        target: Size,
    ) -> Result<Self> {
        refuse_masks(request)?;
        let (settings, backend) = (&transfer.settings, &transfer.computing.backend);
        let shares = request.shares()?;
        let layers = layers(backend.network());
        let looked_at = |(width, height): Size| -> Result<Plan> {
            if width.min(height) < CELL {
                let message = format!(
                    "a picture of {width}x{height} pixels has no cell of {CELL}x{CELL} for `method` strokes; choose another size"
                );
                return Err(Error::option("size", message));
            }
            Plan::new(backend.network().clone(), height, width, &layers)
        };
        let needs = Cell::new(0);
        let plan = |size: Size| -> Result<Plan> {
            let plan = looked_at(size)?;
            let mut styles = Vec::new();
            for style in &request.styles {
                let (width, height) = style.size(settings.style_scale, size).expect(PICTURES);
                // Turned, it has the same cells and as large maps.
                styles.push(looked_at((width, height)).map_err(super::job::about_the_style)?);
            }
            let more = matcher::memory(backend, &plan, &styles);
            memory::require_with(&plan, backend.kind(), &layers, Use::Painting, more)?;
            let memory = memory::estimate(&plan, backend.kind(), &layers, Use::Painting) + more;
            settings.refuse_more_memory(memory, size)?;
            needs.set(needs.get().max(memory));
            Ok(plan)
        };
        plan(target)?;
        let sizes = sizes::sizes(target, settings.coarsest, |size| plan(size).is_ok());
        let iterations = settings.iterations.plan(&sizes)?;
        let step = |(&size, &iterations)| {
            Ok(SizeStep { size, iterations, cost: backend.kind().steps(plan(size)?).flops() })
        };
        let steps = sizes.iter().zip(&iterations).map(step).collect::<Result<Vec<_>>>()?;
        // Least squares on features bring the style's colours by themselves; the content's detail is carried as it is.
        let start = StartPictures::new(request, settings, false, &shares, target, sizes[0])?;
        let (default, _) = defaults::weights(Normalisation::Relative);
        let balance = match request.content {
            Some(_) => Balance::new(losses.content_weight / default),
            None => Balance::TEXTURE,
        };
        let memory = needs.get();
        Ok(Self { transfer, losses, request, start, steps, layers, balance, memory })
    }

    /// What this would do, with the speed of the machine tried out at the coarsest size.
    pub fn forecast(&self) -> Result<Forecast> {
        let backend = &self.transfer.computing.backend;
        let engine = |(width, height): Size| backend.engine(height, width, &self.layers);
        let mut coarsest = engine(self.steps[0].size)?;
        let pixels = self.start.at(self.steps[0].size);
        let mut gradient = vec![0.0; pixels.len()];
        let seeds = vec![Seed::NONE; self.layers.len()];
        let mut evaluate = || {
            coarsest.forward(&pixels);
            coarsest.backward(&seeds, &mut gradient);
        };
        evaluate(); // not measured: it allocates
        let begun = Instant::now();
        evaluate();
        let rate = begun.elapsed().as_secs_f64() / self.steps[0].cost;
        let size = |step: &SizeStep| SizeForecast {
            width: step.size.0,
            height: step.size.1,
            tiles: 1,
            iterations: step.iterations,
            seconds: rate * step.cost * step.iterations as f64 * WORK_PER_ITERATION,
        };
        let (width, height) = self.steps[self.steps.len() - 1].size;
        Ok(Forecast {
            width,
            height,
            sizes: self.steps.iter().map(size).collect(),
            memory_bytes: self.memory as u64,
            threads: self.transfer.threads(),
        })
    }

    /// Every size from coarse to fine.
    pub fn paint(&self, observer: &mut dyn Observer) -> Result<Stylized> {
        let mut done = Done {
            clock: Clock::new(self.steps.clone(), 0.0),
            evaluations: 0,
            evaluation_seconds: 0.0,
            reports: Vec::new(),
            loss: Terms::default(),
        };
        let mut painted: Option<(Size, Vec<f32>)> = None;
        for (index, step) in self.steps.iter().enumerate() {
            let start = match &painted {
                None => self.start.at(step.size),
                Some((size, pixels)) => self.start.carry(pixels, *size, step.size),
            };
            let mut pixels = self.size(index, start, &mut done, observer)?;
            pixels.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
            painted = Some((step.size, pixels));
            if done.reports[index].stop == StopReason::Cancelled {
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
            seconds: done.clock.seconds(),
            evaluation_seconds: done.evaluation_seconds,
            evaluations: done.evaluations,
            loss: done.loss,
            stop: done.reports[done.reports.len() - 1].stop,
            sizes: done.reports,
            threads: self.transfer.threads(),
        };
        Ok(Stylized { picture, report })
    }

    /// The rounds of one size; adds its report to `done`.
    fn size(
        &self,
        index: usize,
        start: Vec<f32>,
        done: &mut Done,
        observer: &mut dyn Observer,
    ) -> Result<Vec<f32>> {
        let SizeStep { size: (width, height), iterations, .. } = self.steps[index];
        let backend = &self.transfer.computing.backend;
        done.clock.begin(index, 0);
        let mut report = SizeReport {
            width,
            height,
            iterations: 0,
            evaluations: 0,
            loss: f64::INFINITY,
            stop: StopReason::Cancelled,
        };
        let mut pixels = start;
        if self.request.cancel.is_cancelled() {
            done.reports.push(report);
            return Ok(pixels);
        }
        let matcher = Matcher::new(backend, self.styles(index))?;
        let grid = Grid::of(height, width);
        let mut objective = Objective::new(backend.engine(height, width, &self.layers)?, self.losses);
        let content = self.request.content.map(|content| content.at_size(width, height));
        let content_looks = content.as_ref().map(|content| {
            objective.engine_mut().forward(content.rgb());
            matcher.look(objective.engine())
        });
        let rounds = ROUNDS.min(iterations);
        for round in 0..rounds {
            if self.request.cancel.is_cancelled() {
                report.stop = StopReason::Cancelled;
                break;
            }
            let first = index == 0 && round == 0;
            let places = match &content_looks {
                None if first && !matches!(self.request.start, Start::Picture(_)) => {
                    matcher.random_places(self.transfer.settings.seed, grid)
                }
                Some(content) if first => matcher.places(Some(content), None, self.balance, grid),
                content => {
                    objective.engine_mut().forward(&pixels);
                    let painted = matcher.look(objective.engine());
                    matcher.places(content.as_deref(), Some(&painted), self.balance, grid)
                }
            };
            let held = content.as_ref().filter(|_| self.balance.hold > 0.0);
            if let Some(content) = held {
                objective.engine_mut().forward(content.rgb());
            }
            for part in matcher::parts(objective.engine().plan()) {
                let mut targets = matcher.targets(&places, objective.engine().plan(), part.clone())?;
                for (tap, target) in part.clone().zip(&mut targets).filter(|_| held.is_some()) {
                    let (hold, content) = (self.balance.hold, objective.engine().features(tap));
                    target.zip_mut_with(&content, |target, content| *target += hold * (content - *target));
                }
                objective.set_targets(part.start, targets)?;
            }
            // The rest of a division goes to the first round.
            let share = if round == 0 {
                iterations - iterations / rounds * (rounds - 1)
            } else {
                iterations / rounds
            };
            let outcome = self.minimise(index, share, &report, &mut objective, pixels, done, observer)?;
            report.iterations += outcome.iterations;
            report.evaluations += outcome.evaluations;
            report.loss = outcome.loss;
            report.stop = outcome.stop;
            pixels = outcome.pixels;
            if outcome.stop == StopReason::Cancelled {
                break;
            }
        }
        done.reports.push(report);
        Ok(pixels)
    }

    /// The styles that count at a size, as they are taken there.
    fn styles(&self, index: usize) -> Vec<StylePicture> {
        let shares = self.request.shares_at(index, self.steps.len());
        let counting = self.request.styles.iter().zip(shares).filter(|(_, share)| *share > 0.0);
        let picture = |(style, share): (&super::Style, f64)| {
            let scale = self.transfer.settings.style_scale;
            let size = style.size(scale, self.steps[index].size).expect(PICTURES);
            let picture = style.picture().expect(PICTURES);
            StylePicture { rgb: picture.at_size(size.0, size.1).into_rgb(), size, share }
        };
        counting.map(picture).collect()
    }

    /// Minimises against the targets that `objective` has; `before` is what this size has done.
    #[allow(clippy::too_many_arguments, reason = "one round's own state and the run's")]
    fn minimise(
        &self,
        index: usize,
        iterations: usize,
        before: &SizeReport,
        objective: &mut Objective<BoxedEngine>,
        start: Vec<f32>,
        done: &mut Done,
        observer: &mut dyn Observer,
    ) -> Result<Outcome> {
        let (settings, step) = (&self.transfer.settings, self.steps[index]);
        let record = RefCell::new(Record::default());
        let evaluations = done.evaluations;
        let clock = &done.clock;
        let tolerance = Some(settings.tolerance).filter(|tolerance| *tolerance > 0.0);
        let limits = Limits { iterations, tolerance };
        let observer = RefCell::new(observer);
        let told = Cell::new(evaluations);
        let tell = |terms: &Terms| {
            told.set(told.get() + 1);
            observer.borrow_mut().evaluated(&Evaluated {
                evaluation: told.get(),
                size_index: index + 1,
                width: step.size.0,
                height: step.size.1,
                seconds: clock.seconds(),
                terms,
            });
        };
        let mut watch = |state: &Step| {
            let record = record.borrow();
            let progress = Progress {
                width: step.size.0,
                height: step.size.1,
                size_index: index + 1,
                size_count: self.steps.len(),
                iteration: before.iterations + state.iteration,
                iterations: step.iterations,
                terms: if record.last.total == state.loss { &record.last } else { &record.best },
                evaluations: evaluations + state.evaluations,
                seconds: clock.seconds(),
                seconds_left: clock.seconds_left(before.iterations + state.iteration),
                pixels: state.pixels,
            };
            observer.borrow_mut().observe(&progress).map_break(|()| Stop::Cancel)
        };
        let mut recorded = Recorded { objective, record: &record, cancel: &self.request.cancel, told: &tell };
        let outcome = optimize::minimize(settings.optimizer, &mut recorded, start, &limits, &mut watch)?;
        let record = record.into_inner();
        done.evaluations += outcome.evaluations;
        done.evaluation_seconds += record.seconds;
        done.loss = record.best;
        Ok(outcome)
    }
}

/// Evaluations that an iteration takes, matching and line searches included, about.
const WORK_PER_ITERATION: f64 = 1.6;

/// Rounds of matching at each size: the second sees what the first has painted.
const ROUNDS: usize = 2;

/// Why a style has a picture here.
const PICTURES: &str = "styles without pictures are refused first";

/// Refuses what only the losses of the method `gram` can do.
fn refuse_masks(request: &Request<'_>) -> Result<()> {
    if let Some(saved) = request.styles.iter().find_map(super::Style::saved) {
        let message = "keeps statistics, but `method` strokes matches patches of the pictures; give the pictures themselves";
        return Err(Error::file(saved.file(), message));
    }
    let guided = request.styles.iter().any(|style| style.region().is_some() || style.mask().is_some());
    let given =
        [("guide", guided), ("keep", request.keep.is_some()), ("strength", request.strength.is_some())];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => {
            let message = "masks weigh the statistics of `method` gram; strokes have none: leave the mask out, or choose gram";
            Err(Error::option(option, message))
        }
        None => Ok(()),
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

/// The objective as the optimiser sees it, with its terms on record.
struct Recorded<'a> {
    objective: &'a mut Objective<BoxedEngine>,
    record: &'a RefCell<Record>,
    cancel: &'a Cancel,
    told: &'a dyn Fn(&Terms),
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
        if !record.any || loss < record.best.total {
            record.best = terms.clone();
        }
        record.any = true;
        drop(record);
        (self.told)(&terms);
        self.record.borrow_mut().last = terms;
        Ok(loss)
    }
}
