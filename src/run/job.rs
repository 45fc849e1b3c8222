//! One run: every size from coarse to fine.
//!
//! For each size: measure the styles, prepare the objective, carry the coarser result up, minimise. Everything that
//! can fail for a reason known beforehand fails in [`Job::new`].

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::Instant;

use super::budget::{self, Budget};
use super::checkpoint::{Behind, Binding, Checkpoint, Saver};
use super::defaults;
use super::ending::Ending;
use super::following::Following;
use super::forecast::{Forecast, SizeForecast};
use super::masks::Mask;
use super::progress::{Clock, Observer, SizeStep};
use super::regions::{self, Regions};
use super::request::{Request, Source, Style};
use super::sizes::{self, Size};
use super::start::StartPictures;
use super::watched::{Before, Scored, Watched};
use super::{SizeReport, StyleTransfer, Stylized};
use crate::engine::Tiling;
use crate::engine::backend::{Backend, BoxedEngine};
use crate::engine::tiles::Tiles;
use crate::error::{Error, Result};
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::{StyleTarget, blend, measure_in_tiles};
use crate::loss::{Losses, Terms};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::optimize::{self, Limits, State, Step, Stop, StopReason};
use crate::picture::{Picture, fit};

/// Evaluations that an iteration takes, about: nearly always the first step of the line search is good.
const EVALUATIONS_PER_ITERATION: f64 = 1.05;

/// One run: what is to be done, known to be possible.
pub(super) struct Job<'a> {
    transfer: &'a StyleTransfer,
    losses: &'a Losses,
    request: &'a Request<'a>,
    budget: Budget,
    start: StartPictures,
    steps: Vec<SizeStep>,
    /// Of a frame that follows another.
    following: Option<Following>,
}

impl<'a> Job<'a> {
    /// Plans the sizes and checks that each is possible.
    pub fn new(
        transfer: &'a StyleTransfer,
        losses: &'a Losses,
        request: &'a Request<'a>,
        target: Size,
    ) -> Result<Self> {
        let (settings, shares) = (&transfer.settings, request.shares()?);
        let steps = Self::steps(transfer, losses, request, target)?;
        let has_style = !losses.style_taps().is_empty();
        let mut start = StartPictures::new(request, settings, has_style, &shares, target, steps[0].size)?;
        let following = Following::new(request, target)?;
        if let Some(following) = &following {
            let fresh = Picture::from_rgb(target.0, target.1, start.at(target))?;
            start = StartPictures::Picture(following.start(&fresh)?);
        }
        let budget = Budget::new(settings, request, transfer.computing.backend.kind());
        Ok(Self { transfer, losses, request, budget, start, steps, following })
    }

    /// The sizes, each of which is possible.
    pub fn steps(
        transfer: &StyleTransfer,
        losses: &Losses,
        request: &Request<'_>,
        target: Size,
    ) -> Result<Vec<SizeStep>> {
        let settings = &transfer.settings;
        let (backend, painting) = (&transfer.computing.backend, &transfer.computing.painting);
        request.shares()?;
        let style_taps = losses.style_taps();
        let (kind, compared) = (backend.kind(), losses.content_taps());
        let budget = Budget::new(settings, request, kind);
        let plan = |size: Size| -> Result<Tiling> {
            let plan = Plan::new(painting.network().clone(), size.1, size.0, &losses.taps())?;
            if settings.tileable {
                check_tile(&plan, size)?;
            }
            let styles = request.styles.iter().filter(|_| !style_taps.is_empty());
            let mut sizes = styles.filter_map(|style| style.size(settings.style_scale, size));
            sizes.try_for_each(|size| transfer.check_style(&style_taps, size))?;
            budget.painting(&plan, &compared)
        };
        plan(target)?;
        let mut sizes =
            sizes::sizes(target, settings.coarsest, settings.size_step, |size| plan(size).is_ok());
        let mut iterations = &settings.iterations;
        if request.before.is_some() {
            sizes.drain(..sizes.len().saturating_sub(defaults::FRAME_SIZES));
            iterations = &settings.frame_iterations;
        }
        let iterations = iterations.plan(&sizes)?;
        let cost = |tiling: Tiling| {
            // Tiles go forward twice, but for the last.
            let passes = 1.0 + 0.5 * (tiling.count() - 1) as f64 / tiling.count() as f64;
            passes * tiling.count() as f64 * kind.steps(tiling.tile().clone()).flops()
        };
        let step = |(&size, &iterations)| Ok(SizeStep { size, iterations, cost: cost(plan(size)?) });
        for style in request.styles.iter().filter(|_| !style_taps.is_empty()) {
            let Some(saved) = style.saved() else { continue };
            let longer = |size| style.longer(settings.style_scale, size);
            for size in &sizes {
                saved.targets(longer(target), longer(*size), &style_taps)?;
            }
        }
        sizes.iter().zip(&iterations).map(step).collect()
    }

    /// When a size ends, in seconds from the start, if the run's time is limited: as the work of the sizes is usually
    /// divided, and with something left for what comes after.
    fn deadline(&self, index: usize) -> Option<f64> {
        let budget = self.transfer.settings.time?;
        let work =
            |steps: &[SizeStep]| steps.iter().map(|step| step.iterations as f64 * step.cost).sum::<f64>();
        Some(0.97 * budget * work(&self.steps[..=index]) / work(&self.steps))
    }

    /// Every size from coarse to fine, from where `checkpoint` is. Where the request keeps checkpoints, `binding` is what they
    /// belong to.
    ///
    /// # Errors
    /// A checkpoint of another run; what only the work can tell.
    pub fn paint(
        &self,
        observer: &mut dyn Observer,
        binding: Option<Binding>,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Stylized> {
        let settings = &self.transfer.settings;
        let plan: Vec<_> = self.steps.iter().map(|step| (step.size, step.iterations)).collect();
        let (mut behind, mut begun) = match checkpoint {
            None => (Behind::default(), None),
            Some(checkpoint) if checkpoint.steps != plan => {
                let message = "belongs to a run with other sizes or iterations; give what it was begun with";
                return Err(Error::file(checkpoint.file(), message));
            }
            Some(checkpoint) => (checkpoint.behind, Some(checkpoint.state)),
        };
        let checkpoints = self.request.checkpoints.as_ref().zip(binding);
        let saver = checkpoints.map(|(checkpoints, binding)| Saver::new(checkpoints, binding, plan));
        let saver = RefCell::new(saver);
        let observer = RefCell::new(observer);
        let mut clock = Clock::new(self.steps.clone(), behind.seconds);
        let mut painted: Option<(Size, Vec<f32>)> = None;
        let mut loss = Terms::default();
        for (index, step) in self.steps.iter().enumerate().skip(behind.reports.len()) {
            let mut objective = self.objective(index)?;
            let state = begun.take();
            let (iterations, repeated) = state.as_ref().map_or((0, 0), |s| (s.iterations(), s.repeated()));
            clock.begin(index, iterations);
            let (started, deadline, late) = (clock.seconds(), self.deadline(index), Cell::new(false));
            let before = Before {
                iterations: 0, // the optimiser's state counts them
                evaluations: behind.evaluations,
                of_state: state.as_ref().map_or(0, State::evaluations),
                repeated,
            };
            let (cancel, best) = (&self.request.cancel, behind.best.take());
            let watched = Watched::new(&clock, &observer, cancel, &self.steps, index, before, best);
            let mut watch = |state: &Step| {
                watched.observe(state)?;
                // Half an iteration late is as near as half an iteration early.
                let pace = (clock.seconds() - started) / (state.iteration - iterations).max(1) as f64;
                late.set(deadline.is_some_and(|deadline| clock.seconds() + pace / 2.0 >= deadline));
                // The optimiser stops for a moment to have its state saved.
                match late.get() || saver.borrow().as_ref().is_some_and(Saver::is_due) {
                    true => ControlFlow::Break(Stop::Finish),
                    false => ControlFlow::Continue(()),
                }
            };
            let save = |state: &State| {
                let mut saver = saver.borrow_mut();
                let Some(saver) = saver.as_mut() else { return };
                let (best, seconds) = watched.best();
                let now = Behind {
                    reports: behind.reports.clone(),
                    evaluations: behind.evaluations,
                    seconds: clock.seconds(),
                    evaluation_seconds: behind.evaluation_seconds + seconds,
                    best,
                };
                saver.save(&now, state);
            };
            let tolerance = Some(settings.tolerance).filter(|tolerance| *tolerance > 0.0);
            let most = if deadline.is_some() { usize::MAX } else { step.iterations };
            let limits = Limits { iterations: most, tolerance };
            let mut recorded = watched.recorded(&mut objective);
            let mut outcome = match state {
                Some(state) => optimize::resume(state, &mut recorded, &limits, &mut watch)?,
                None => {
                    let start = match &painted {
                        None => self.start.at(step.size),
                        Some((size, pixels)) => self.start.carry(pixels, *size, step.size),
                    };
                    optimize::minimize(settings.optimizer, &mut recorded, start, &limits, &mut watch)?
                }
            };
            while outcome.stop == StopReason::Finished && !late.get() {
                save(&outcome.state);
                outcome = optimize::resume(outcome.state, &mut recorded, &limits, &mut watch)?;
            }
            if outcome.stop == StopReason::Cancelled {
                save(&outcome.state);
            }
            let evaluations = outcome.evaluations - repeated;
            behind.evaluations += evaluations;
            behind.reports.push(SizeReport {
                width: step.size.0,
                height: step.size.1,
                iterations: outcome.iterations,
                evaluations,
                loss: outcome.loss,
                stop: outcome.stop,
            });
            let (best, seconds) = watched.best();
            behind.evaluation_seconds += seconds;
            loss = best.unwrap_or_default();
            let mut pixels = outcome.pixels;
            pixels.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
            painted = Some((step.size, pixels));
            if outcome.stop == StopReason::Cancelled {
                break;
            }
        }
        behind.seconds = clock.seconds();
        let target = self.steps[self.steps.len() - 1].size;
        let painted = painted.expect("a pyramid has at least one size");
        Ending { transfer: self.transfer, start: &self.start, target, painted, behind, loss }.stylized()
    }

    /// What this would do, with the speed of the machine tried out at the coarsest size.
    pub fn forecast(&self) -> Result<Forecast> {
        let backend = &self.transfer.computing.backend;
        let mut objective = self.objective(0)?;
        let pixels = self.start.at(self.steps[0].size);
        let mut gradient = vec![0.0; pixels.len()];
        objective.evaluate(&pixels, &mut gradient); // not measured: it allocates
        let begun = Instant::now();
        objective.evaluate(&pixels, &mut gradient);
        let rate = begun.elapsed().as_secs_f64() / self.steps[0].cost;
        let compared = self.losses.content_taps();
        let tiling = |(width, height): Size| {
            let plan = Plan::new(backend.network().clone(), height, width, &self.losses.taps())?;
            self.budget.painting(&plan, &compared)
        };
        let size = |step: &SizeStep| {
            Ok(SizeForecast {
                width: step.size.0,
                height: step.size.1,
                tiles: tiling(step.size)?.count(),
                iterations: step.iterations,
                seconds: rate * step.cost * step.iterations as f64 * EVALUATIONS_PER_ITERATION,
            })
        };
        let (width, height) = self.steps[self.steps.len() - 1].size;
        let memory = self.budget.bytes(&tiling((width, height))?, &compared);
        let sizes = self.steps.iter().map(size).collect::<Result<_>>()?;
        Ok(Forecast { width, height, sizes, memory_bytes: memory as u64, threads: self.transfer.threads() })
    }

    /// The objective at one of the sizes.
    fn objective(&self, index: usize) -> Result<Objective<BoxedEngine>> {
        let size = self.steps[index].size;
        let painting = &self.transfer.computing.painting;
        let plan = Plan::new(painting.network().clone(), size.1, size.0, &self.losses.taps())?;
        let style_taps = self.losses.style_taps();
        let (has_style, target) = (!style_taps.is_empty(), self.steps[self.steps.len() - 1].size);
        let shares = if has_style { self.request.shares_at(index, self.steps.len()) } else { Vec::new() };
        let regions = Regions::new(self.request, &shares, size);
        let weigh = |mask: &Mask| {
            let (mask, plan) = (mask.clone(), plan.clone());
            move |layer: Layer| regions::at_layer(&mask, &plan, layer)
        };
        let weights: Vec<_> = regions.styles.iter().map(|region| region.mask.as_ref().map(weigh)).collect();
        let mut styles = Vec::new();
        for (region, weights) in regions.styles.iter().zip(&weights).filter(|_| has_style) {
            let measure = |&(style, share): &(&Style, f64)| {
                Ok((self.transfer.measured(style, &style_taps, size, target)?, share))
            };
            let measured = region.styles.iter().map(measure).collect::<Result<Vec<_>>>()?;
            let (targets, shares): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
            let weights = weights.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
            styles.push(StyleRegion { targets: blend(&targets, &shares), weight: region.weight, weights });
        }
        let content = self.request.content.map(|content| content.at_size(size.0, size.1));
        let kept = regions.content.as_ref().map(|mask| |layer: Layer| mask.at_layer(&plan, layer));
        let kept = kept.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
        let content = content.as_ref().map(|content| ContentPicture { rgb: content.rgb(), weights: kept });
        let tiling = self.budget.painting(&plan, &self.losses.content_taps())?;
        let objective = Objective::in_tiles(in_tiles(painting, tiling)?, self.losses, content, &styles)?;
        Ok(match &self.following {
            Some(following) => {
                objective.held_to(following.anchor(size), self.transfer.settings.temporal_weight)
            }
            None => objective,
        })
    }
}

impl StyleTransfer {
    /// Refuses a size at which a style picture cannot be measured at `layers`.
    pub(super) fn check_style(&self, layers: &[Layer], (width, height): Size) -> Result<()> {
        let backend = &self.computing.backend;
        let plan = Plan::new(backend.network().clone(), height, width, layers);
        let needs = |plan| budget::measuring(&plan, backend.kind(), self.settings.max_memory);
        plan.and_then(needs).map(drop).map_err(about_the_style)
    }

    /// A style's statistics at `layers` for a result of `size`, in a run whose result has `target`.
    pub(super) fn measured(
        &self,
        style: &Style,
        layers: &[Layer],
        size: Size,
        target: Size,
    ) -> Result<Vec<StyleTarget>> {
        let scale = self.settings.style_scale;
        let longer = style.longer(scale, size);
        let picture = match style.source() {
            Source::Saved(saved) => return saved.targets(style.longer(scale, target), longer, layers),
            Source::Picture(picture) => picture,
        };
        let (width, height) = fit(picture.width(), picture.height(), longer);
        style.measured(&self.identity, (width, height), || {
            let backend = &self.computing.backend;
            let plan = Plan::new(backend.network().clone(), height, width, layers);
            let plan = plan.map_err(about_the_style)?;
            let tiling = budget::measuring(&plan, backend.kind(), self.settings.max_memory);
            let mut tiles = in_tiles(backend, tiling.map_err(about_the_style)?)?;
            let picture = picture.at_size(width, height);
            let mask = style.mask().map(|mask| mask.at_size(width, height));
            let weights = mask.as_ref().map(|mask| |layer: Layer| mask.worn_at_layer(&plan, layer));
            let weights = weights.as_ref().map(|weights| weights as &dyn Fn(Layer) -> _);
            let order = self.settings.losses.statistic.order();
            Ok(measure_in_tiles(&mut tiles, picture.rgb(), layers, order, weights))
        })
    }
}

/// An engine that walks these tiles.
fn in_tiles(backend: &Backend, tiling: Tiling) -> Result<Tiles<BoxedEngine>> {
    let tile = tiling.tile();
    let engine = backend.engine(tile.picture().height, tile.picture().width, tile.taps())?;
    Ok(Tiles::new(engine, tiling))
}

/// Refuses a size that a tile cannot have: each pooling halves the map, and half of an odd side does not tile.
fn check_tile(plan: &Plan, (width, height): Size) -> Result<()> {
    let deepest = plan.taps().iter().map(|layer| layer.block).max().unwrap_or(1);
    let step = 1usize << (deepest - 1);
    if width.is_multiple_of(step) && height.is_multiple_of(step) {
        return Ok(());
    }
    let nearest = |side: usize| (side + step / 2).max(step) / step * step;
    let message = format!(
        "a tile of {width}x{height} has no whole half at each of {} poolings; give multiples of {step}, such as {}x{}",
        deepest - 1,
        nearest(width),
        nearest(height)
    );
    Err(Error::option("size", message))
}

/// Says that it is the style picture whose size does not suit.
pub(super) fn about_the_style(error: Error) -> Error {
    match error {
        Error::Option { option, message } => Error::option(option, format!("for the style, {message}")),
        other => other,
    }
}

impl Scored for Objective<BoxedEngine> {
    fn length(&self) -> usize {
        self.picture().len()
    }

    fn score(&mut self, pixels: &[f32], gradient: &mut [f32]) -> &Terms {
        self.evaluate(pixels, gradient)
    }
}
