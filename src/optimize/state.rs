//! One idea: a run between two steps is a plain value, which can be saved, restored and continued.

mod reader;
mod saved;

pub use reader::{InvalidState, Values};

use super::adam::Adam;
use super::convergence::Convergence;
use super::lbfgs::Lbfgs;
use super::point::{Point, Tally};
use super::{Limits, LossFunction, Optimizer, Step, Stop, StopReason};
use crate::{Error, Result};
use std::ops::ControlFlow;

/// A run that was stopped, to be continued by [`super::resume`].
#[derive(Debug)]
pub struct State {
    /// The picture from which the next step begins.
    point: Point,
    tally: Tally,
    convergence: Convergence,
    algorithm: Algorithm,
}

#[derive(Debug)]
enum Algorithm {
    Lbfgs(Lbfgs),
    Adam(Adam),
}

/// Whether a restart keeps what the steps told of the loss's curvature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curvature {
    /// Pairs of L-BFGS, moments of Adam: right when the loss changed little.
    Keep,
    /// Begin as at a new start, but with the length of the last step.
    Forget,
}

impl State {
    /// A run at its start.
    pub(super) fn new(optimizer: Optimizer, start: Vec<f32>) -> Self {
        let algorithm = match optimizer {
            Optimizer::Lbfgs { history } => Algorithm::Lbfgs(Lbfgs::new(history, start.len())),
            Optimizer::Adam { learning_rate } => Algorithm::Adam(Adam::new(learning_rate, start.len())),
        };
        Self { point: Point::new(start), tally: Tally::new(), convergence: Convergence::default(), algorithm }
    }

    /// The picture from which the next step begins.
    pub fn pixels(&self) -> &[f32] {
        &self.point.pixels
    }

    /// The picture with the lowest loss so far; the start, when none was evaluated.
    pub fn best(&self) -> &[f32] {
        self.tally.best(&self.point)
    }

    /// Its loss; infinite when none was evaluated.
    pub fn best_loss(&self) -> f64 {
        self.tally.best_loss
    }

    /// Steps taken.
    pub fn iterations(&self) -> usize {
        self.convergence.iterations
    }

    /// Evaluations of the loss function.
    pub fn evaluations(&self) -> usize {
        self.tally.evaluations
    }

    /// How many of these are made twice, since the run was cancelled inside a line search, which a continued run makes
    /// again.
    pub fn repeated(&self) -> usize {
        self.tally.repeated
    }

    /// Starts again from the current picture, for a loss function that has changed (other targets, other weights).
    ///
    /// Losses and gradients of the old one are forgotten, the best picture with them; steps and evaluations are counted
    /// on. It costs no pass over the picture; the next [`super::resume`] begins with one evaluation.
    pub fn restart(&mut self, curvature: Curvature) {
        self.point.evaluation = 0;
        self.tally.restart();
        self.convergence.lowest.clear();
        match (&mut self.algorithm, curvature) {
            (Algorithm::Lbfgs(lbfgs), Curvature::Forget) => lbfgs.forget(),
            (Algorithm::Lbfgs(_), Curvature::Keep) => {}
            (Algorithm::Adam(adam), _) => adam.restart(curvature),
        }
    }

    /// Steps until something stops them.
    pub(super) fn run(
        &mut self,
        function: &mut dyn LossFunction,
        limits: &Limits,
        on_step: &mut dyn FnMut(&Step) -> ControlFlow<Stop>,
    ) -> Result<StopReason> {
        let Self { point, tally, convergence, algorithm } = self;
        if !convergence.begun() {
            if !tally.evaluate(function, point)? {
                let error = not_finite_at_start(point.loss);
                point.evaluation = 0;
                return Err(error);
            }
            convergence.begin(point.loss);
        }
        loop {
            if let Some(stop) = convergence.reached(limits) {
                return Ok(stop);
            }
            let stop = match algorithm {
                Algorithm::Lbfgs(lbfgs) => lbfgs.step(point, tally, function, convergence.at_start())?,
                Algorithm::Adam(adam) => adam.step(point, tally, function)?,
            };
            if let Some(stop) = stop {
                return Ok(stop);
            }
            convergence.step(point.loss, tally.best_loss);
            let step = Step {
                iteration: convergence.iterations,
                evaluations: tally.evaluations,
                loss: point.loss,
                best_loss: tally.best_loss,
                gradient_norm: point.square.sqrt(),
                pixels: &point.pixels,
            };
            match on_step(&step) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Stop::Finish) => return Ok(StopReason::Finished),
                ControlFlow::Break(Stop::Cancel) => return Ok(StopReason::Cancelled),
            }
        }
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
