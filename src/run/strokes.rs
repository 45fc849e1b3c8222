//! A run by the method `strokes`: every size from coarse to fine, and at each a few rounds of matching and painting.
//!
//! A round finds the places of the styles that the picture, or at first the content, is most like, and changes the pixels
//! towards the features from there. Everything that can fail for a reason known beforehand fails in [`StrokesJob::new`].

use std::cell::{Cell, RefCell};
use std::time::Instant;

use super::budget;
use super::checkpoint::Behind;
use super::ending::Ending;
use super::forecast::{Forecast, SizeForecast};
use super::masks::Mask;
use super::progress::{self, Clock, Observer, SizeStep};
use super::regions::{Region, Regions};
use super::request::{Request, Start, Style};
use super::sizes::{self, Size};
use super::start::StartPictures;
use super::watched::{Before, Scored, Watched};
use super::{SizeReport, StyleTransfer, Stylized, defaults};
use crate::engine::backend::BoxedEngine;
use crate::engine::memory::{self, Use};
use crate::engine::{Engine, Seed};
use crate::error::{Error, Result};
use crate::loss::{Losses, Normalisation, Terms};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::optimize::{self, Limits, Outcome, Step, StopReason};
use crate::picture::Picture;
use crate::strokes::balance::Balance;
use crate::strokes::grid::{CELL, Grid, layers};
use crate::strokes::guidance::Guidance;
use crate::strokes::matcher::{self, Matcher, StylePicture};
use crate::strokes::objective::Objective;
use crate::strokes::structure;

/// One run: what is to be done, known to be possible.
pub(super) struct StrokesJob<'a> {
    transfer: &'a StyleTransfer,
    losses: &'a Losses,
    request: &'a Request<'a>,
    start: StartPictures,
    steps: Vec<SizeStep>,
    layers: Vec<Layer>,
    /// Bytes that the largest size takes.
    memory: usize,
}

/// What a run has done so far.
struct Done {
    clock: Clock,
    behind: Behind,
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
        refuse_statistics(request)?;
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
                let (width, height) = style.size(settings.style_scale, size, target).expect(PICTURES);
                // Turned, it has the same cells and as large maps.
                styles.push(looked_at((width, height)).map_err(super::job::about_the_style)?);
            }
            let more = matcher::memory(backend, &plan, &styles);
            let purpose = Use::Painting { vectors: budget::vectors(settings) };
            memory::require_with(&plan, backend.kind(), &layers, purpose, more, "")?;
            let memory = memory::estimate(&plan, backend.kind(), &layers, purpose) + more;
            settings.refuse_more_memory(memory, size)?;
            needs.set(needs.get().max(memory));
            Ok(plan)
        };
        plan(target)?;
        let sizes = sizes::sizes(target, settings.coarsest, settings.size_step, |size| plan(size).is_ok());
        let iterations = settings.iterations.plan(&sizes)?;
        let step = |(&size, &iterations)| {
            Ok(SizeStep { size, iterations, cost: progress::cost(backend.kind().steps(plan(size)?).flops()) })
        };
        let steps = sizes.iter().zip(&iterations).map(step).collect::<Result<Vec<_>>>()?;
        // Least squares on features bring the style's colours by themselves; the content's detail is carried as it is.
        let start = StartPictures::new(request, settings, false, &shares, target, sizes[0])?;
        let memory = needs.get();
        Ok(Self { transfer, losses, request, start, steps, layers, memory })
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
            behind: Behind::default(),
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
            if done.behind.reports[index].stop == StopReason::Cancelled {
                break;
            }
        }
        let Done { clock, mut behind, loss } = done;
        behind.seconds = clock.seconds();
        let target = self.steps[self.steps.len() - 1].size;
        let painted = painted.expect("a pyramid has at least one size");
        Ending { transfer: self.transfer, start: &self.start, target, painted, behind, loss }.stylized()
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
            done.behind.reports.push(report);
            return Ok(pixels);
        }
        let matcher = Matcher::new(backend, self.styles(index))?;
        let content = self.request.content.map(|content| content.at_size(width, height));
        let guidance = self.guidance(index, &matcher, content.as_ref());
        let mut objective = Objective::new(backend.engine(height, width, &self.layers)?, self.losses);
        let content_looks = content.as_ref().map(|content| {
            objective.engine_mut().forward(content.rgb());
            matcher.look(objective.engine())
        });
        let rounds = (iterations / ROUND).clamp(1, ROUNDS);
        for round in 0..rounds {
            if self.request.cancel.is_cancelled() {
                report.stop = StopReason::Cancelled;
                break;
            }
            let first = index == 0 && round == 0;
            let places = match &content_looks {
                None if first && !matches!(self.request.start, Start::Picture(_)) => {
                    matcher.random_places(self.transfer.settings.seed, &guidance)
                }
                Some(content) if first => matcher.places(Some(content), None, &guidance),
                content => {
                    objective.engine_mut().forward(&pixels);
                    let painted = matcher.look(objective.engine());
                    matcher.places(content.as_deref(), Some(&painted), &guidance)
                }
            };
            let held =
                content.as_ref().filter(|_| guidance.balances.iter().any(|balance| balance.hold > 0.0));
            if let Some(content) = held {
                objective.engine_mut().forward(content.rgb());
            }
            for part in matcher::parts(objective.engine().plan()) {
                let mut targets = matcher.targets(&places, objective.engine().plan(), part.clone())?;
                for (tap, target) in part.clone().zip(&mut targets).filter(|_| held.is_some()) {
                    let (content, (_, height, width)) = (objective.engine().features(tap), target.dim());
                    let Some(hold) = guidance.hold(self.layers[tap].block, (height, width)) else { continue };
                    ndarray::Zip::from(target)
                        .and(&content)
                        .and_broadcast(&hold)
                        .for_each(|target, content, hold| *target += hold * (content - *target));
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
        done.behind.reports.push(report);
        Ok(pixels)
    }

    /// The styles that count at a size, with their shares.
    fn counting(&self, index: usize) -> Vec<(&Style, f64)> {
        let shares = self.request.shares_at(index, self.steps.len());
        self.request.styles.iter().zip(shares).filter(|(_, share)| *share > 0.0).collect()
    }

    /// The same, as they are taken there.
    fn styles(&self, index: usize) -> Vec<StylePicture> {
        let picture = |(style, share): (&Style, f64)| {
            let scale = self.transfer.settings.style_scale;
            let target = self.steps[self.steps.len() - 1].size;
            let size = style.size(scale, self.steps[index].size, target).expect(PICTURES);
            let picture = style.picture().expect(PICTURES);
            let grid = Grid::of(size.1, size.0);
            let mask = style.mask().map(|mask| mask.at_size(grid.width, grid.height).values().to_vec());
            StylePicture { rgb: picture.at_size(size.0, size.1).into_rgb(), size, share, mask }
        };
        self.counting(index).into_iter().map(picture).collect()
    }

    /// Where what counts at a size. A cell belongs to the region that has most of it.
    fn guidance(&self, index: usize, matcher: &Matcher<'_>, content: Option<&Picture>) -> Guidance {
        let (width, height) = self.steps[index].size;
        let grid = Grid::of(height, width);
        let mut guidance = Guidance::even(Balance::TEXTURE, grid);
        let structure = content.map(|content| structure::weights(&content.luma(), width, grid));
        if let Some(structure) = &structure {
            for (balance, weight) in guidance.balances.iter_mut().zip(structure) {
                *balance = Balance::new(self.content_weight(), *weight);
            }
        }
        if !is_guided(self.request) {
            return guidance;
        }
        let (counting, shares) = (self.counting(index), self.request.shares_at(index, self.steps.len()));
        let regions = Regions::new(self.request, &shares, (width, height));
        let at_cells = |mask: &Mask| mask.at_size(grid.width, grid.height).values().to_vec();
        let masks: Vec<_> = regions.styles.iter().map(|region| region.mask.as_ref().map(at_cells)).collect();
        let content = regions.content.as_ref().map(at_cells);
        for cell in 0..grid.cells() {
            let shares = masks.iter().map(|mask| mask.as_ref().map_or(1.0, |mask| mask[cell]));
            let shares: Vec<f32> = shares.collect();
            let most = shares.iter().copied().fold(0.0, f32::max);
            guidance.regions[cell] = shares.iter().position(|share| *share == most).unwrap_or(0);
            if let Some(structure) = &structure {
                let weighed = shares.iter().zip(&regions.styles);
                let style: f64 = weighed.map(|(share, region)| f64::from(*share) * region.weight).sum();
                let content = content.as_ref().map_or(1.0, |content| f64::from(content[cell]));
                // Nothing of either is as the rest is.
                let relative = if style == content { 1.0 } else { content / style };
                guidance.balances[cell] = Balance::new(relative * self.content_weight(), structure[cell]);
            }
        }
        let of = |style: &Style| counting.iter().position(|(other, _)| std::ptr::eq(*other, style));
        let styles = |region: &Region<'_>| -> Vec<usize> {
            region.styles.iter().filter_map(|(style, _)| of(style)).collect()
        };
        let served = |region: &Region<'_>| matcher.serving(&styles(region));
        guidance.served = regions.styles.iter().map(served).collect();
        // A picture that is content all over has no region.
        if guidance.served.is_empty() {
            guidance.served.push(None);
        }
        guidance
    }

    /// The content's weight relative to its default.
    fn content_weight(&self) -> f64 {
        self.losses.content_weight / defaults::weights(Normalisation::Relative).0
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
        let settings = &self.transfer.settings;
        let tolerance = Some(settings.tolerance).filter(|tolerance| *tolerance > 0.0);
        let limits = Limits { iterations, tolerance };
        let before = Before {
            iterations: before.iterations,
            evaluations: done.behind.evaluations,
            ..Before::default()
        };
        let (cancel, observer) = (&self.request.cancel, RefCell::new(observer));
        let watched = Watched::new(&done.clock, &observer, cancel, &self.steps, index, before, None);
        let mut watch = |state: &Step| watched.observe(state);
        let mut recorded = watched.recorded(objective);
        let outcome = optimize::minimize(settings.optimizer, &mut recorded, start, &limits, &mut watch)?;
        let (best, seconds) = watched.best();
        done.behind.evaluations += outcome.evaluations;
        done.behind.evaluation_seconds += seconds;
        done.loss = best.unwrap_or_default();
        Ok(outcome)
    }
}

/// Evaluations that an iteration takes, matching and line searches included, about.
const WORK_PER_ITERATION: f64 = 1.6;

/// Rounds of matching at each size: the second sees what the first has painted.
const ROUNDS: usize = 2;
/// The fewest iterations of a second round: matching takes the time of about as many.
const ROUND: usize = 5;

/// Why a style has a picture here.
const PICTURES: &str = "styles without pictures are refused first";

/// Refuses what only the losses of the method `gram` can do.
fn refuse_statistics(request: &Request<'_>) -> Result<()> {
    let Some(saved) = request.styles.iter().find_map(Style::saved) else { return Ok(()) };
    let message = "keeps statistics, but `method` strokes matches patches of the pictures; give the pictures themselves";
    Err(Error::file(saved.file(), message))
}

/// Whether a mask says where what counts.
fn is_guided(request: &Request<'_>) -> bool {
    let guided = request.styles.iter().any(|style| style.region().is_some() || style.mask().is_some());
    guided || request.keep.is_some() || request.strength.is_some()
}

impl Scored for Objective<BoxedEngine> {
    fn length(&self) -> usize {
        self.engine().plan().picture().len()
    }

    fn score(&mut self, pixels: &[f32], gradient: &mut [f32]) -> &Terms {
        self.evaluate(pixels, gradient)
    }
}
