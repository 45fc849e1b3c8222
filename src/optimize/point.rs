//! One idea: a picture with its loss and gradient, and which of all that were evaluated was the best.

use super::{LossFunction, sweep};
use crate::Result;

/// A picture, and what the loss function said of it.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) pixels: Vec<f32>,
    /// Number of the evaluation that gave the three fields below, from 1; 0 where none has.
    pub(super) evaluation: usize,
    pub(super) loss: f64,
    pub(super) gradient: Vec<f32>,
    /// ‖gradient‖².
    pub(super) square: f64,
}

impl Point {
    /// A picture that is still to be evaluated.
    pub(super) fn new(pixels: Vec<f32>) -> Self {
        let gradient = vec![0.0; pixels.len()];
        Self { pixels, evaluation: 0, loss: f64::INFINITY, gradient, square: 0.0 }
    }

    /// Whether loss and gradient are those of the picture.
    pub(super) fn is_evaluated(&self) -> bool {
        self.evaluation > 0
    }
}

/// Counts the evaluations of a run and knows the one with the lowest loss.
///
/// The best picture itself is the current point as a rule, and then not stored twice: [`Tally::keep`] is called
/// before a point is overwritten, and takes the picture if it is the best.
#[derive(Debug)]
pub(super) struct Tally {
    /// Evaluations that were complete.
    pub(super) evaluations: usize,
    /// How many of them a continued run makes again, since they belonged to a step that was cut short.
    pub(super) repeated: usize,
    /// The lowest loss of all whose loss and gradient were finite; infinite before the first.
    pub(super) best_loss: f64,
    /// Number of the evaluation that gave it; 0 before the first.
    pub(super) best_evaluation: usize,
    /// The best picture once no point holds it any more; any contents before.
    pub(super) kept: Vec<f32>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { evaluations: 0, repeated: 0, best_loss: f64::INFINITY, best_evaluation: 0, kept: Vec::new() }
    }

    /// Forgets which was the best, but not how many there were.
    pub(super) fn restart(&mut self) {
        let (evaluations, repeated) = (self.evaluations, self.repeated);
        *self = Self { evaluations, repeated, kept: std::mem::take(&mut self.kept), ..Self::new() };
    }

    /// Evaluates the point; false when the loss or the gradient is not finite.
    ///
    /// # Errors
    /// Those of the loss function, after which the point counts as not evaluated.
    pub(super) fn evaluate(&mut self, function: &mut dyn LossFunction, point: &mut Point) -> Result<bool> {
        point.evaluation = 0;
        point.loss = function.evaluate(&point.pixels, &mut point.gradient)?;
        self.evaluations += 1;
        point.evaluation = self.evaluations;
        point.square = sweep::clean(&mut point.gradient);
        let finite = point.loss.is_finite() && point.square.is_finite();
        if finite && point.loss < self.best_loss {
            self.best_loss = point.loss;
            self.best_evaluation = point.evaluation;
        }
        Ok(finite)
    }

    /// Whether the point holds the best picture (the start, before any was evaluated).
    pub(super) fn is_best(&self, point: &Point) -> bool {
        point.evaluation == self.best_evaluation
    }

    /// Keeps the best picture if this point holds it. The point's numbers may be any afterwards.
    pub(super) fn keep(&mut self, point: &mut Point) {
        if point.is_evaluated() && self.is_best(point) {
            self.kept.resize(point.pixels.len(), 0.0);
            std::mem::swap(&mut self.kept, &mut point.pixels);
        }
        point.evaluation = 0;
    }

    /// The best picture, given the current point.
    pub(super) fn best<'a>(&'a self, current: &'a Point) -> &'a [f32] {
        if self.is_best(current) { &current.pixels } else { &self.kept }
    }
}
