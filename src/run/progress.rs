//! What a run tells while it works, and how it is stopped.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::error::Result;
use crate::loss::Terms;
use crate::picture::Picture;
use crate::run::sizes::Size;

/// The state of a run after an iteration.
#[derive(Debug, Clone)]
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
    pub terms: &'a Terms,
    /// Evaluations of the objective so far, at every size.
    pub evaluations: usize,
    /// Seconds since the run began.
    pub seconds: f64,
    /// Seconds until the end if no size ends early, from the speed so far.
    pub seconds_left: f64,
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

/// Watches a run, and may stop it: after [`ControlFlow::Break`] the best picture so far is returned.
///
/// Every closure from `&Progress` to [`ControlFlow`] is an observer, and so is `()`, which lets the run go on.
pub trait Observer: Send {
    /// Called after every iteration.
    fn observe(&mut self, progress: &Progress<'_>) -> ControlFlow<()>;
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

/// One size of a run: its pixels, its iterations and the cost of one of them in any unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    pub size: Size,
    pub iterations: usize,
    pub cost: f64,
}

/// Knows how long a run took and how long it will take.
pub(crate) struct Clock {
    started: Instant,
    stage_started: Instant,
    stages: Vec<Stage>,
}

impl Clock {
    /// Starts now.
    pub fn new(stages: Vec<Stage>) -> Self {
        let now = Instant::now();
        Self { started: now, stage_started: now, stages }
    }

    /// Notes that a size begins its iterations.
    pub fn begin_stage(&mut self) {
        self.stage_started = Instant::now();
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Seconds that are left after `iteration` ≥ 1 iterations of stage `at`: the speed of this stage, and costs.
    pub fn seconds_left(&self, at: usize, iteration: usize) -> f64 {
        let stage = self.stages[at];
        let rate = self.stage_started.elapsed().as_secs_f64() / (iteration.max(1) as f64 * stage.cost);
        let here = stage.iterations.saturating_sub(iteration) as f64 * stage.cost;
        let later: f64 = self.stages[at + 1..].iter().map(|s| s.iterations as f64 * s.cost).sum();
        rate * (here + later)
    }
}
