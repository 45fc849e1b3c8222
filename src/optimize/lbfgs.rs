//! One idea: argmin's L-BFGS, driven by hand one step at a time.
//!
//! By hand, because a run must survive what argmin's executor does not: a cancelled evaluation, a direction that does
//! not descend, a pair of differences without curvature. Solver and state are handles on shared vectors, so a copy
//! of both is kept before each step and put back when the step fails.

use super::line_search::{SolverState, Wolfe};
use super::memo::{Evaluation, Memo};
use super::pixels::{Pixels, Space};
use super::progress::Progress;
use super::{Limits, Objective, Outcome, Step, StopReason};
use crate::{Error, Result};
use argmin::core::{Problem, Solver, State as _};
use argmin::solver::quasinewton::LBFGS;
use argmin_math::{ArgminDot, ArgminSub};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Root mean square change of a pixel, in units of [0, 1], in the first trial of all.
const FIRST_CHANGE: f64 = 0.01;
/// A pair is kept when ⟨s, y⟩ exceeds this fraction of ‖s‖·‖y‖; below, it is rounding and would spoil the model.
const CURVATURE: f64 = 1e-8;

type Lbfgs = LBFGS<Wolfe, Pixels, Pixels, f64>;

/// A run of L-BFGS between two steps.
#[derive(Debug)]
pub(super) struct Run {
    space: Arc<Space>,
    history: usize,
    start: Pixels,
    evaluations: usize,
    /// None until the start is evaluated.
    inner: Option<Inner>,
}

#[derive(Clone)]
struct Inner {
    solver: Lbfgs,
    /// The current point. Its iteration counts the pairs in the history, which argmin derives from it.
    state: SolverState,
    best: Evaluation,
    progress: Progress,
    /// ‖s‖ of the last step taken.
    last_length: f64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("progress", &self.progress).finish_non_exhaustive()
    }
}

/// One step of any solver; generic, since the type of argmin's inner problem cannot be inferred otherwise.
fn step<O, S: Solver<O, SolverState>>(
    solver: &mut S,
    problem: &mut Problem<O>,
    state: SolverState,
) -> std::result::Result<SolverState, argmin::core::Error> {
    Ok(solver.next_iter(problem, state)?.0)
}

impl Run {
    pub(super) fn new(history: usize, start: Vec<f32>) -> Self {
        let space = Space::new(start.len());
        let start = Pixels::Stored(space.store(start));
        Self { space, history, start, evaluations: 0, inner: None }
    }

    pub(super) fn go(
        mut self: Box<Self>,
        objective: &mut dyn Objective,
        limits: &Limits,
        on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let best = self.inner.as_ref().map(|inner| inner.best.clone());
        let memo = Memo::new(objective, Arc::clone(&self.space), best, self.evaluations);
        if self.inner.is_none() {
            match memo.evaluate(&self.start) {
                Ok(first) => self.inner = Some(self.begin(first, &memo)?),
                Err(_) => return self.end(&memo, stop_or_fail(&memo)?),
            }
        }
        let inner = self.inner.as_mut().expect("begun");
        let stop = loop {
            if let Some(stop) = inner.progress.reached(limits) {
                break stop;
            }
            if let Some(stop) = inner.advance(&self.space, self.history, &memo)? {
                break stop;
            }
            inner.best = memo.best().expect("the start was finite");
            inner.progress.step(inner.best.loss);
            if inner.report(&memo, on_step).is_break() {
                break StopReason::Cancelled;
            }
        };
        self.end(&memo, stop)
    }

    fn begin(&self, first: Evaluation, memo: &Memo) -> Result<Inner> {
        if !first.loss.is_finite() {
            return Err(super::not_finite_at_start(memo.last_raw_loss()));
        }
        let length = FIRST_CHANGE * (self.space.length() as f64).sqrt();
        Ok(Inner {
            solver: LBFGS::new(Wolfe::new(length), self.history),
            state: state_at(&first),
            progress: Progress::new(first.loss),
            best: first,
            last_length: length,
        })
    }

    fn end(mut self: Box<Self>, memo: &Memo, stop: StopReason) -> Result<Outcome> {
        let best = memo.best();
        self.evaluations = memo.evaluations();
        if let (Some(inner), Some(best)) = (&mut self.inner, &best) {
            inner.best = best.clone();
        }
        Ok(Outcome {
            pixels: best.as_ref().map_or(&self.start, |best| &best.pixels).stored().data().to_vec(),
            loss: best.map_or(f64::INFINITY, |best| best.loss),
            iterations: self.inner.as_ref().map_or(0, |inner| inner.progress.iterations),
            evaluations: self.evaluations,
            stop,
            state: super::State(super::Run::Lbfgs(self)),
        })
    }
}

impl Inner {
    /// Takes one step, if need be after forgetting the history. Some: no step was taken, for this reason.
    fn advance(&mut self, space: &Arc<Space>, history: usize, memo: &Memo) -> Result<Option<StopReason>> {
        loop {
            let (x, g) = self.point();
            if g.dot(&g) == 0.0 {
                return Ok(Some(StopReason::Converged));
            }
            space.settle(&g);
            let (solver, state) = (self.solver.clone(), self.state.clone());
            let taken = step(&mut self.solver, &mut Problem::new(memo), self.state.clone());
            if let Ok(after) = taken
                && !after.terminated()
            {
                self.state = after;
                self.keep_or_drop_pair(solver, &x, &g);
                return Ok(None);
            }
            let forgetful = state.get_iter() == 0;
            (self.solver, self.state) = (solver, state);
            if let Some(error) = memo.take_error() {
                return cancelled_or(error).map(Some);
            }
            if forgetful {
                return Ok(Some(StopReason::NoDescent));
            }
            // The model of the curvature is worn out: start afresh along −g, with the length of the last step.
            let now = Evaluation { pixels: x, loss: self.state.get_cost(), gradient: g };
            self.solver = LBFGS::new(Wolfe::new(self.last_length), history);
            self.state = state_at(&now);
        }
    }

    /// Counts the pair (s, y) of the step just taken, or goes back to the history before it when ⟨s, y⟩ is not
    /// clearly positive: argmin divides by it unasked.
    fn keep_or_drop_pair(&mut self, before: Lbfgs, x: &Pixels, g: &Pixels) {
        let (x1, g1) = self.point();
        let (s, y) = (x1.sub(x), g1.sub(g));
        self.last_length = s.dot(&s).sqrt();
        if s.dot(&y) > CURVATURE * self.last_length * y.dot(&y).sqrt() {
            self.state.increment_iter();
        } else {
            self.solver = before;
        }
    }

    fn point(&self) -> (Pixels, Pixels) {
        let x = self.state.get_param().cloned().expect("a state between two steps has a point");
        let g = self.state.get_gradient().cloned().expect("a state between two steps has a gradient");
        (x, g)
    }

    fn report(&self, memo: &Memo, on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>) -> ControlFlow<()> {
        let (x, g) = self.point();
        on_step(&Step {
            iteration: self.progress.iterations,
            evaluations: memo.evaluations(),
            loss: self.state.get_cost(),
            best_loss: self.best.loss,
            gradient_norm: g.dot(&g).sqrt(),
            pixels: &x.stored().data(),
        })
    }
}

/// A solver's state at a point, with an empty history. argmin's own record of the best point is not used.
fn state_at(point: &Evaluation) -> SolverState {
    SolverState::new().param(point.pixels.clone()).gradient(point.gradient.clone()).cost(point.loss)
}

fn stop_or_fail(memo: &Memo) -> Result<StopReason> {
    cancelled_or(memo.take_error().expect("the objective failed"))
}

fn cancelled_or(error: Error) -> Result<StopReason> {
    match error {
        Error::Cancelled => Ok(StopReason::Cancelled),
        error => Err(error),
    }
}
