//! One idea: the loss along one direction, in buffers that are used again.

use super::compact::Compact;
use super::line_search::{End, Ray};
use super::memory::{GRADIENT, Memory};
use super::point::{Point, Tally};
use super::vector_free::Direction;
use super::{LossFunction, sweep};
use crate::Result;

/// A point that the line search tried, and the step to it.
pub(super) struct Trial {
    pub(super) point: Point,
    pub(super) step: Compact,
}

/// Buffers that wait for their next use.
#[derive(Debug)]
pub(super) struct Spare {
    length: usize,
    pub(super) points: Vec<Point>,
    pub(super) compacts: Vec<Compact>,
}

impl Spare {
    /// For vectors of `length` elements.
    pub(super) fn new(length: usize) -> Self {
        Self { length, points: Vec::new(), compacts: Vec::new() }
    }

    /// A point with any contents.
    fn point(&mut self) -> Point {
        let mut point = self.points.pop().unwrap_or_else(|| Point::new(Vec::new()));
        point.pixels.resize(self.length, 0.0);
        point.gradient.resize(self.length, 0.0);
        point
    }

    /// A compact vector with any contents.
    pub(super) fn compact(&mut self) -> Compact {
        self.compacts.pop().unwrap_or_else(|| Compact::zeros(self.length))
    }
}

/// The loss along one direction.
pub(super) struct Descent<'a> {
    pub(super) function: &'a mut dyn LossFunction,
    pub(super) tally: &'a mut Tally,
    pub(super) spare: &'a mut Spare,
    /// Where it begins.
    pub(super) start: &'a Point,
    /// The vectors that the direction is made of.
    pub(super) memory: &'a Memory,
    pub(super) direction: &'a Direction<'a>,
    /// None at first.
    pub(super) last: Option<Trial>,
    /// None at first.
    pub(super) accepted: Option<Trial>,
}

impl Descent<'_> {
    fn discard(&mut self, trial: Option<Trial>) {
        if let Some(Trial { mut point, step }) = trial {
            self.tally.keep(&mut point);
            self.spare.points.push(point);
            self.spare.compacts.push(step);
        }
    }

    /// What the search came to: the trial that was accepted, if any.
    pub(super) fn end(mut self, found: Result<bool>) -> Result<Option<Trial>> {
        let (last, accepted) = (self.last.take(), self.accepted.take());
        self.discard(last);
        if found.is_ok() {
            return Ok(accepted);
        }
        self.discard(accepted);
        found.map(|_| None)
    }
}

impl Ray for Descent<'_> {
    fn trial(&mut self, t: f64) -> Result<Option<End>> {
        let last = self.last.take();
        self.discard(last);
        let mut trial = Trial { point: self.spare.point(), step: self.spare.compact() };
        let (mut along_gradient, mut terms) = (0.0, Vec::with_capacity(self.direction.terms.len()));
        for &(number, c) in self.direction.terms {
            match number {
                GRADIENT => along_gradient = (t * c) as f32,
                _ => terms.push(((t * c) as f32, self.memory.vector(number))),
            }
        }
        let (from, gradient) = (&self.start.pixels, (along_gradient, &*self.start.gradient));
        let square = sweep::advance(from, gradient, &terms, &mut trial.point.pixels, &mut trial.step);
        let mut end = Some(End { t, loss: f64::INFINITY, slope: f64::NAN });
        if square == 0.0 || !t.is_finite() {
            end = None;
        } else if square.is_finite() {
            // Pixels that overflow are not shown to the loss function.
            match self.tally.evaluate(self.function, &mut trial.point) {
                Ok(true) => {
                    let slope = sweep::product(&trial.point.gradient, &trial.step) / t;
                    end = Some(End { t, loss: trial.point.loss, slope });
                }
                Ok(false) => {}
                Err(error) => {
                    self.discard(Some(trial));
                    return Err(error);
                }
            }
        }
        self.last = Some(trial);
        Ok(end)
    }

    fn accept(&mut self) {
        let old = std::mem::replace(&mut self.accepted, self.last.take());
        self.discard(old);
    }
}
