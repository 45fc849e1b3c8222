//! One idea: one evaluation per point, although argmin asks for cost and gradient separately and repeatedly.
//!
//! The memo stands between argmin and the [`Objective`]. It holds the last point and the best point so far with
//! their gradients (points are compared by name, not by content), counts evaluations, and keeps the error of the
//! objective, which argmin would turn into text.

use super::Objective;
use super::pixels::{Pixels, Space};
use super::sweep;
use argmin::core::{CostFunction, Error as ArgminError, Gradient};
use std::cell::RefCell;
use std::sync::Arc;

/// A point that was evaluated. `loss` is infinite when the loss or any part of the gradient was not finite.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    pub(super) pixels: Pixels,
    pub(super) loss: f64,
    pub(super) gradient: Pixels,
}

/// The objective as argmin sees it, by way of `&Memo`: nothing is lost when a solver fails.
pub(super) struct Memo<'a>(RefCell<Inner<'a>>);

struct Inner<'a> {
    objective: &'a mut dyn Objective,
    space: Arc<Space>,
    last: Option<Evaluation>,
    best: Option<Evaluation>,
    evaluations: usize,
    raw_loss: f64,
    error: Option<crate::Error>,
}

impl<'a> Memo<'a> {
    /// `best` and `evaluations` go on from an earlier part of the run.
    pub(super) fn new(
        objective: &'a mut dyn Objective,
        space: Arc<Space>,
        best: Option<Evaluation>,
        evaluations: usize,
    ) -> Self {
        Self(RefCell::new(Inner {
            objective,
            space,
            last: None,
            best,
            evaluations,
            raw_loss: f64::NAN,
            error: None,
        }))
    }

    /// The best point so far: the lowest finite loss of all evaluations, accepted by the solver or not.
    pub(super) fn best(&self) -> Option<Evaluation> {
        self.0.borrow().best.clone()
    }

    /// Completed evaluations.
    pub(super) fn evaluations(&self) -> usize {
        self.0.borrow().evaluations
    }

    /// What the objective returned last as its loss, finite or not.
    pub(super) fn last_raw_loss(&self) -> f64 {
        self.0.borrow().raw_loss
    }

    /// The error that the objective returned, once.
    pub(super) fn take_error(&self) -> Option<crate::Error> {
        self.0.borrow_mut().error.take()
    }

    /// Loss and gradient at `pixels`, computed only when the point is neither the last nor the best.
    pub(super) fn evaluate(&self, pixels: &Pixels) -> Result<Evaluation, ArgminError> {
        let mut inner = self.0.borrow_mut();
        let point = pixels.stored();
        for known in [&inner.last, &inner.best].into_iter().flatten() {
            if known.pixels.stored().id() == point.id() {
                return Ok(known.clone());
            }
        }
        let mut gradient = inner.space.buffer();
        let loss = match inner.objective.evaluate(&point.data(), &mut gradient) {
            Ok(loss) => loss,
            Err(error) => {
                inner.error = Some(error);
                return Err(ArgminError::msg("the objective returned an error"));
            }
        };
        inner.evaluations += 1;
        inner.raw_loss = loss;
        let square = sweep::clean(&mut gradient);
        let gradient = inner.space.store(gradient);
        gradient.remember(&gradient, square);
        let loss = if loss.is_finite() && square.is_finite() { loss } else { f64::INFINITY };
        let made = Evaluation { pixels: pixels.clone(), loss, gradient: Pixels::Stored(gradient) };
        if inner.best.as_ref().map_or(loss.is_finite(), |best| loss < best.loss) {
            inner.best = Some(made.clone());
        }
        inner.last = Some(made.clone());
        Ok(made)
    }
}

impl CostFunction for &Memo<'_> {
    type Param = Pixels;
    type Output = f64;

    fn cost(&self, pixels: &Pixels) -> Result<f64, ArgminError> {
        Ok(self.evaluate(pixels)?.loss)
    }
}

impl Gradient for &Memo<'_> {
    type Param = Pixels;
    type Gradient = Pixels;

    fn gradient(&self, pixels: &Pixels) -> Result<Pixels, ArgminError> {
        Ok(self.evaluate(pixels)?.gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(usize);

    impl Objective for Count {
        fn evaluate(&mut self, pixels: &[f32], gradient: &mut [f32]) -> crate::Result<f64> {
            self.0 += 1;
            gradient.fill(if pixels[0] > 2.0 { f32::INFINITY } else { 1.0 });
            Ok(f64::from(pixels[0]))
        }
    }

    #[test]
    fn one_evaluation_serves_the_last_and_the_best_point() {
        let space = Space::new(1);
        let [low, high, bad] = [0.0, 1.0, 3.0].map(|x| Pixels::Stored(space.store(vec![x])));
        let mut count = Count(0);
        let memo = Memo::new(&mut count, Arc::clone(&space), None, 0);
        for point in [&low, &high, &high, &low, &high] {
            (&memo).cost(point).unwrap();
            (&memo).gradient(point).unwrap();
        }
        assert_eq!(memo.evaluations(), 2);
        assert_eq!((&memo).cost(&bad).unwrap(), f64::INFINITY, "a gradient that is not finite");
        assert_eq!(memo.best().unwrap().loss, 0.0);
        assert_eq!(count.0, 3);
    }
}
