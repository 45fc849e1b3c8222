//! Minimisers over pixels: argmin's L-BFGS, driven step by step, and Adam.
//!
//! [`minimize`] changes a picture until its loss falls no further or a limit is reached. L-BFGS is the default of the
//! method (Gatys et al. 2016, section 2.3); Adam is the alternative for losses with noise. Both keep the best
//! picture seen, never hand out a picture with a NaN, and can be stopped at every evaluation and continued by
//! [`resume`], in another process if need be ([`State::save`]), with the same bits as if they had not been.
//!
//! Loops over pixels run on rayon's current pool: call inside `ThreadPool::install` to choose it. The result does not
//! depend on its size.

mod adam;
mod compact;
mod convergence;
mod descent;
mod lbfgs;
mod line_search;
mod memory;
mod point;
mod state;
mod sweep;
mod vector_free;

pub use state::{Curvature, InvalidState, State, Values};

use crate::names::named;
use crate::{Error, Result};
use std::ops::{ControlFlow, RangeInclusive};

/// What a minimiser sees: pixels ↦ (loss, gradient), both from one evaluation.
pub trait LossFunction {
    /// Numbers in a picture: 3·H·W.
    fn length(&self) -> usize;

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
pub enum Optimizer {
    /// Limited-memory BFGS with a weak-Wolfe line search (Nocedal & Wright 2006, algorithm 7.5): one evaluation per
    /// step as a rule.
    Lbfgs {
        /// Steps remembered, one of [`Optimizer::HISTORY`]. Memory: about `history` + 8 times the picture in f32.
        history: usize,
    },
    /// Adam (Kingma & Ba 2015, algorithm 1) with β₁ = 0.9, β₂ = 0.99, ε = 1e-8: one evaluation per step.
    Adam {
        /// The largest change of a pixel in one step, roughly, one of [`Optimizer::LEARNING_RATE`]; pixels are
        /// in [0, 1].
        learning_rate: f64,
    },
}

impl Optimizer {
    /// L-BFGS with a history of 10.
    pub const LBFGS: Self = Self::Lbfgs { history: 10 };
    /// Adam with a learning rate of 0.02.
    pub const ADAM: Self = Self::Adam { learning_rate: 0.02 };
    /// The histories that L-BFGS takes. 100 is what the first programs of the method used, and more than any needs.
    pub const HISTORY: RangeInclusive<usize> = 1..=100;
    /// The learning rates that Adam takes: below, f32 pixels would not move, above, they would leave its range.
    pub const LEARNING_RATE: RangeInclusive<f64> = 1e-9..=1e6;

    /// Pictures in f32 that a run holds at most, the current and the best one among them.
    pub fn vectors(self) -> usize {
        match self {
            // Pairs are kept in sixteen bits, and one is on its way, as is the rounded gradient. Three points have pixels and a
            // gradient: where a line search begins, the one that it tries, the one that it would take.
            Self::Lbfgs { history } => (2 * history + 3).div_ceil(2) + 2 * 3 + 1,
            // Pixels, gradient, both moments, the best.
            Self::Adam { .. } => 5,
        }
    }

    /// Checks the constants.
    ///
    /// # Errors
    /// [`Error::Option`] that names the constant, what it is and what it may be.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Lbfgs { history } if !Self::HISTORY.contains(&history) => {
                let (least, most) = (Self::HISTORY.start(), Self::HISTORY.end());
                let message =
                    format!("is {history}: L-BFGS can remember {least} to {most} steps; 10 is usual");
                Err(Error::option("history", message))
            }
            Self::Adam { learning_rate } if !Self::LEARNING_RATE.contains(&learning_rate) => {
                let (least, most) = (Self::LEARNING_RATE.start(), Self::LEARNING_RATE.end());
                let message =
                    format!("is {learning_rate}: expected a number from {least} to {most}, such as 0.02");
                Err(Error::option("learning_rate", message))
            }
            Self::Lbfgs { .. } | Self::Adam { .. } => Ok(()),
        }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::LBFGS
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Steps at most, those before a [`resume`] included.
    pub iterations: usize,
    /// Stop when the best loss fell by less than this fraction of itself in the last [`WINDOW`] steps, and the
    /// latest loss is within this fraction of it. From 0 to below 1.
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
    /// Evaluations of the loss function so far.
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

/// How an observer ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The picture is good enough: the run is [`StopReason::Finished`].
    Finish,
    /// The picture is not wanted any longer: the run is [`StopReason::Cancelled`].
    Cancel,
}

/// Why a run ended. Reports spell it in lower case with hyphens: `no-descent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// [`Limits::iterations`] steps were taken.
    Iterations,
    /// The loss fell by less than [`Limits::tolerance`], or the gradient is zero.
    Converged,
    /// The observer was content.
    Finished,
    /// No step in any direction the method knows lowers the loss any more.
    NoDescent,
    /// For [`WINDOW`] steps the loss was more than a thousand times the start's loss above it: the steps are too long.
    Diverged,
    /// The loss function or the observer asked to stop.
    Cancelled,
}

named! {
    StopReason is "a reason to stop" {
        "iterations" => Iterations,
        "converged" => Converged,
        "finished" => Finished,
        "no-descent" => NoDescent,
        "diverged" => Diverged,
        "cancelled" => Cancelled,
    }
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
    /// Evaluations of the loss function.
    pub evaluations: usize,
    /// Why the run ended.
    pub stop: StopReason,
    /// What [`resume`] needs. It holds the method's whole memory: drop it when the run is done.
    pub state: State,
}

/// Minimises `function` from `start`.
///
/// `on_step` is called after each step and may end the run. A cancelled run is not an error: the best picture so far
/// comes back.
///
/// # Errors
/// [`Error::Numeric`] when the start, or the loss or gradient there, is not finite, or when the start has another
/// length than the loss function's pictures; [`Error::Option`] for an optimiser or limits that cannot work; what the
/// loss function returns, except [`Error::Cancelled`].
pub fn minimize(
    optimizer: Optimizer,
    function: &mut dyn LossFunction,
    start: Vec<f32>,
    limits: &Limits,
    on_step: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Outcome> {
    optimizer.check()?;
    if let Some(at) = start.iter().position(|v| !v.is_finite()) {
        let message =
            format!("value {at} of the starting picture is {}: every value must be finite", start[at]);
        return Err(Error::Numeric(message));
    }
    resume(State::new(optimizer, start), function, limits, on_step)
}

/// Continues a run that was stopped, towards the same or other limits.
///
/// With the same loss function the steps have the same bits as those of a run that was never stopped. An evaluation
/// that was cancelled is made again, with those of the same line search.
///
/// # Errors
/// As [`minimize`].
pub fn resume(
    mut state: State,
    function: &mut dyn LossFunction,
    limits: &Limits,
    on_step: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
) -> Result<Outcome> {
    if let Some(tolerance) = limits.tolerance.filter(|tolerance| !(0.0..1.0).contains(tolerance)) {
        return Err(Error::option(
            "tolerance",
            format!("is {tolerance}: expected a number from 0 to below 1"),
        ));
    }
    let (given, expected) = (state.pixels().len(), function.length());
    if given != expected {
        let message = format!(
            "the starting picture has {given} values, but the loss is for pictures of {expected}: both must have one size"
        );
        return Err(Error::Numeric(message));
    }
    let stop = match state.run(function, limits, on_step) {
        Ok(stop) => stop,
        Err(Error::Cancelled) => StopReason::Cancelled,
        Err(error) => return Err(error),
    };
    Ok(Outcome {
        pixels: state.best().to_vec(),
        loss: state.best_loss(),
        iterations: state.iterations(),
        evaluations: state.evaluations(),
        stop,
        state,
    })
}
