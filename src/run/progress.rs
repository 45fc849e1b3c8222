//! What a run tells while it works, and how it is stopped.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::sizes::Size;
use serde::Serialize;

use crate::error::Result;
use crate::loss::Terms;
use crate::picture::Picture;

/// The state of a run after an iteration.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// Width of the picture at this size.
    pub width: usize,
    /// Height of the picture at this size.
    pub height: usize,
    /// Which size, from 1.
    pub size_index: usize,
    /// How many sizes there are.
    pub size_count: usize,
    /// Iterations done at this size.
    pub iteration: usize,
    /// Iterations planned at this size; it may end earlier.
    pub iterations: usize,
    /// The weighted loss terms.
    #[serde(rename = "loss")]
    pub terms: &'a Terms,
    /// Evaluations of the objective so far, at every size.
    pub evaluations: usize,
    /// Seconds since the run began.
    pub seconds: f64,
    /// Seconds until the end if no size ends early, from the speed so far.
    pub seconds_left: f64,
    #[serde(skip)]
    pub(crate) pixels: &'a [f32],
}

impl Progress<'_> {
    /// The picture as it is now, at this size, cut to [0, 1].
    ///
    /// # Errors
    /// If a value is not finite, which the optimiser does not let happen.
    pub fn picture(&self) -> Result<Picture> {
        Picture::from_rgb(self.width, self.height, self.pixels.to_vec())
    }
}

/// One evaluation of the objective, also of a picture that the optimiser then did not take.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Evaluated<'a> {
    /// How many there were so far with this one, at every size.
    pub evaluation: usize,
    /// Which size, from 1.
    pub size_index: usize,
    /// Width of the picture at this size.
    pub width: usize,
    /// Height of the picture at this size.
    pub height: usize,
    /// Seconds since the run began.
    pub seconds: f64,
    /// The weighted loss terms.
    #[serde(rename = "loss")]
    pub terms: &'a Terms,
}

/// Watches a run, and may stop it: after [`ControlFlow::Break`] the best picture so far is returned.
///
/// Every closure from `&Progress` to [`ControlFlow`] is an observer, and so is `()`, which lets the run go on.
pub trait Observer: Send {
    /// Called after every iteration.
    fn observe(&mut self, progress: &Progress<'_>) -> ControlFlow<()>;

    /// Called after every evaluation of the objective; at least one comes before each iteration.
    fn evaluated(&mut self, _: &Evaluated<'_>) {}
}

impl<F: FnMut(&Progress<'_>) -> ControlFlow<()> + Send> Observer for F {
    fn observe(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        self(progress)
    }
}

impl Observer for () {
    fn observe(&mut self, _: &Progress<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Stops a run from anywhere, at its next evaluation; clones are one token.
///
/// ```
/// use impasto::{Cancel, Request, StopReason, StyleTransfer, picture::Picture};
///
/// let (photo, painting) = (Picture::uniform(48, 32, [0.2, 0.4, 0.6])?, Picture::uniform(40, 40, [0.9, 0.5, 0.1])?);
/// let cancel = Cancel::new();
/// cancel.cancel(); // from another thread, at any time
/// let transfer = StyleTransfer::builder().size(48).build()?;
/// let result = transfer.run(&Request::picture(&photo, [painting]).cancelled_by(&cancel), ())?;
/// assert_eq!(result.report.stop, StopReason::Cancelled);
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A token that nobody has used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop: it returns the best picture so far.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Evaluations that an iteration takes, about: nearly always the first step of the line search is good.
pub(crate) const EVALUATIONS_PER_ITERATION: f64 = 1.05;

/// What an evaluation of so many floating-point operations costs beside others: small pictures keep threads and vector
/// units less busy.
pub(crate) fn cost(flops: f64) -> f64 {
    flops.powf(0.9)
}

/// One size of a run: its pixels, its iterations and the [`cost`] of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeStep {
    pub size: Size,
    pub iterations: usize,
    pub cost: f64,
}

/// Knows how long a run took and how long it will take.
pub(crate) struct Clock {
    started: Instant,
    /// Seconds before that, of a run that goes on.
    before: f64,
    /// The size at work, the iterations that were done there when it began, and when that was.
    current: (usize, usize, Instant),
    /// When its first evaluation was done, which is slower than others, and how many came after it.
    evaluated: Cell<Option<(Instant, usize)>>,
    steps: Vec<SizeStep>,
}

impl Clock {
    /// Starts now, `before` seconds after the run began.
    pub fn new(steps: Vec<SizeStep>, before: f64) -> Self {
        let now = Instant::now();
        Self { started: now, before, current: (0, 0, now), evaluated: Cell::new(None), steps }
    }

    /// Notes that a size begins its iterations, of which so many are done already.
    pub fn begin(&mut self, index: usize, done: usize) {
        self.current = (index, done, Instant::now());
        self.evaluated.set(None);
    }

    /// Notes an evaluation.
    pub fn evaluated(&self) {
        self.evaluated.set(Some(match self.evaluated.get() {
            None => (Instant::now(), 0),
            Some((first, count)) => (first, count + 1),
        }));
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    /// Seconds that are left after `iteration` ≥ 1 iterations of the size at work: the speed of its evaluations, and costs.
    pub fn seconds_left(&self, iteration: usize) -> f64 {
        let (index, done, begun) = self.current;
        let step = self.steps[index];
        let (time, evaluations) = match self.evaluated.get() {
            Some((first, count @ 1..)) => (first.elapsed(), count as f64),
            _ => (begun.elapsed(), iteration.saturating_sub(done).max(1) as f64 * EVALUATIONS_PER_ITERATION),
        };
        let rate = time.as_secs_f64() / (evaluations * step.cost);
        let work = |iterations: usize, cost: f64| iterations as f64 * EVALUATIONS_PER_ITERATION * cost;
        let later: f64 = self.steps[index + 1..].iter().map(|step| work(step.iterations, step.cost)).sum();
        rate * (work(step.iterations.saturating_sub(iteration), step.cost) + later)
    }
}
