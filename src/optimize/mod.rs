//! Minimisers over pixels: argmin's L-BFGS, driven step by step, and Adam.
//!
//! [`minimize`] changes a picture until its loss falls no further or a limit is reached. L-BFGS is the default of the
//! method (Gatys et al. 2016, section 2.3); Adam is the alternative for objectives with noise. Both keep the best
//! picture seen, never hand out a picture with a NaN, and can be stopped at every evaluation and
//! continued by [`resume`] with the same bits as if they had not been.
//!
//! Loops over pixels run on rayon's current pool: call inside `ThreadPool::install` to choose it. The result does not
//! depend on its size.

mod adam;
mod bounds;
mod compact;
mod lbfgs;
mod line_search;
mod memo;
mod pixels;
mod progress;
mod sweep;

use crate::{Error, Result};
use std::ops::ControlFlow;

/// What a minimiser sees: pixels ↦ (loss, gradient).
pub trait Objective {
    /// Writes dL/dx into `gradient`, which has the length of `pixels` and any contents, and returns the loss L.
    ///
    /// A loss or gradient that is not finite makes the minimiser try a shorter step.
    ///
    /// # Errors
    /// [`Error::Cancelled`] ends the run with the best picture so far; any other error ends it with that error.
    fn evaluate(&mut self, pixels: &[f32], gradient: &mut [f32]) -> Result<f64>;
}

/// The algorithm and its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Limited-memory BFGS with a weak-Wolfe line search (Nocedal & Wright 2006, algorithm 7.5): one evaluation per
    /// step as a rule.
    Lbfgs {
        /// Steps remembered, at least 1. Memory: about 2·`history` + 8 times the picture in f32.
        history: usize,
    },
    /// Adam (Kingma & Ba 2015, algorithm 1) with β₁ = 0.9, β₂ = 0.99, ε = 1e-8: one evaluation per step.
    Adam {
        /// The largest change of a pixel in one step, roughly; pixels are in [0, 1].
        learning_rate: f64,
    },
}

impl Method {
    /// L-BFGS with a history of 10.
    pub const LBFGS: Self = Self::Lbfgs { history: 10 };
    /// Adam with a learning rate of 0.02.
    pub const ADAM: Self = Self::Adam { learning_rate: 0.02 };
}

impl Default for Method {
    fn default() -> Self {
        Self::LBFGS
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Steps at most, those before a [`resume`] included.
    pub iterations: usize,
    /// Stop when the best loss fell by less than this fraction of itself in the last [`WINDOW`] steps.
    pub tolerance: Option<f64>,
}

/// Steps over which [`Limits::tolerance`] looks back.
pub const WINDOW: usize = 10;

/// The state after one step, as an observer sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Step<'a> {
    /// Steps taken, from 1.
    pub iteration: usize,
    /// Evaluations of the objective so far.
    pub evaluations: usize,
    /// The loss at `pixels`.
    pub loss: f64,
    /// The lowest loss so far.
    pub best_loss: f64,
    /// ‖dL/dx‖₂ at `pixels`.
    pub gradient_norm: f64,
    /// The picture after this step.
    pub pixels: &'a [f32],
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopReason {
    /// [`Limits::iterations`] steps were taken.
    Iterations,
    /// The loss fell by less than [`Limits::tolerance`], or the gradient is zero.
    Converged,
    /// No step in any direction the method knows lowers the loss any more.
    NoDescent,
    /// The objective or the observer asked to stop.
    Cancelled,
}

/// The end of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The picture with the lowest loss of all that were evaluated; the start, when none was.
    pub pixels: Vec<f32>,
    /// Its loss; infinite when the run was cancelled before the first evaluation was complete.
    pub loss: f64,
    /// Steps taken.
    pub iterations: usize,
    /// Evaluations of the objective.
    pub evaluations: usize,
    /// Why the run ended.
    pub stop: StopReason,
    /// What [`resume`] needs. It holds the method's whole memory: drop it when the run is done.
    pub state: State,
}

/// A run that was stopped, to be continued by [`resume`].
#[derive(Debug)]
pub struct State(Run);

#[derive(Debug)]
enum Run {
    Lbfgs(Box<lbfgs::Run>),
    Adam(Box<adam::Run>),
}

/// Minimises `objective` from `start`.
///
/// `on_step` is called after each step and stops the run by [`ControlFlow::Break`]. A cancelled run is not an error:
/// the best picture so far comes back.
///
/// # Errors
/// [`Error::Numeric`] when the start, or the loss or gradient there, is not finite; [`Error::Option`] for a method that
/// cannot work; what the objective returns, except [`Error::Cancelled`].
pub fn minimize(
    method: Method,
    objective: &mut dyn Objective,
    start: Vec<f32>,
    limits: &Limits,
    on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>,
) -> Result<Outcome> {
    if let Some(at) = start.iter().position(|v| !v.is_finite()) {
        let message =
            format!("value {at} of the starting picture is {}: every value must be finite", start[at]);
        return Err(Error::Numeric(message));
    }
    let run = match method {
        Method::Lbfgs { history: 0 } => {
            return Err(Error::option("history", "is 0: L-BFGS needs a history of at least 1"));
        }
        Method::Lbfgs { history } => Run::Lbfgs(Box::new(lbfgs::Run::new(history, start))),
        Method::Adam { learning_rate } if !(learning_rate > 0.0 && learning_rate.is_finite()) => {
            let message = format!("is {learning_rate}: expected a number above 0, such as 0.02");
            return Err(Error::option("learning rate", message));
        }
        Method::Adam { learning_rate } => Run::Adam(Box::new(adam::Run::new(learning_rate, start))),
    };
    resume(State(run), objective, limits, on_step)
}

/// Continues a run that was stopped, towards the same or other limits.
///
/// With the same objective the steps have the same bits as those of a run that was never stopped. An evaluation that
/// was cancelled is made again.
///
/// # Errors
/// As [`minimize`].
pub fn resume(
    state: State,
    objective: &mut dyn Objective,
    limits: &Limits,
    on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>,
) -> Result<Outcome> {
    match state.0 {
        Run::Lbfgs(run) => run.go(objective, limits, on_step),
        Run::Adam(run) => run.go(objective, limits, on_step),
    }
}

/// The error for a loss or gradient that is not finite at the start.
fn not_finite_at_start(loss: f64) -> Error {
    let what = match loss.is_finite() {
        true => "the gradient has values that are not finite".into(),
        false => format!("the loss is {loss}"),
    };
    Error::Numeric(format!(
        "{what} at the starting picture: check the network's weights for NaN and lower the loss weights"
    ))
}
