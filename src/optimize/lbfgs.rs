//! One idea: L-BFGS (Nocedal & Wright 2006, algorithm 7.5), one step at a time, surviving what can go wrong.
//!
//! argmin finds the direction ([`super::vector_free`]) and calls the line search ([`super::line_search`]), which calls
//! the loss function: t = 1 first, one evaluation a step as a rule. Along −g, where the model knows no length, the
//! first trial has a given root mean square per pixel.
//!
//! * A step whose pair has no clear curvature is taken, but not remembered.
//! * When a direction leads nowhere, the model is worn out: the pairs are forgotten and −g is tried, with the length
//!   of the last step.
//! * When −g leads nowhere at the very start, the scale may be the reason: see [`RETRIES`].
//!
//! A step that an error cuts short leaves everything as it was before it, and can be taken again.

use super::descent::{Descent, Spare, Trial};
use super::line_search::{self, Conditions};
use super::memory::{Memory, Pair};
use super::point::{Point, Tally};
use super::vector_free;
use super::{LossFunction, StopReason};
use crate::Result;

/// Root mean square change of a pixel, in units of [0, 1], in the first trial of all.
const FIRST_CHANGE: f64 = 0.01;
/// c₂ of the line search.
const CURVATURE: f64 = 0.9;
/// The same along −g, whose only purpose is a first pair: any descent with a measurable curvature will do.
const FIRST_CURVATURE: f64 = 0.999;
/// Trials in one search; a halving bracket has then shrunk a million times.
const TRIALS: usize = 20;
/// What the first trial's length is multiplied by when −g at the start leads nowhere, one after the other: much shorter
/// steps, for a loss that bends sharply, and much longer ones, for a loss or a picture in which a short step is lost.
const RETRIES: [f64; 4] = [1e-4, 1e4, 1e-8, 1e8];
/// Trials in each of these searches.
const RETRY_TRIALS: usize = 8;

/// What L-BFGS knows between two steps, beside the current point.
#[derive(Debug)]
pub(super) struct Lbfgs {
    pub(super) memory: Memory,
    /// ‖t·d‖ of the first trial along −g.
    pub(super) first_length: f64,
    /// ‖s‖ of the last step taken.
    pub(super) last_length: f64,
    spare: Spare,
}

impl Lbfgs {
    pub(super) fn new(history: usize, length: usize) -> Self {
        let first = FIRST_CHANGE * (length as f64).sqrt();
        let memory = Memory::new(history, length);
        Self { memory, first_length: first, last_length: first, spare: Spare::new(length) }
    }

    /// Forgets the pairs.
    pub(super) fn forget(&mut self) {
        for pair in self.memory.forget() {
            self.spare.compacts.extend([pair.step, pair.change]);
        }
        self.first_length = self.last_length;
    }

    /// Takes one step from `point`, which is evaluated, and moves it there. Some: no step was taken, for this reason.
    pub(super) fn step(
        &mut self,
        point: &mut Point,
        tally: &mut Tally,
        function: &mut dyn LossFunction,
        at_start: bool,
    ) -> Result<Option<StopReason>> {
        if point.square == 0.0 {
            return Ok(Some(StopReason::Converged));
        }
        if self.search(point, tally, function, TRIALS)? {
            return Ok(None);
        }
        if !self.memory.pairs().is_empty() {
            self.forget();
            if self.search(point, tally, function, TRIALS)? {
                return Ok(None);
            }
        }
        let length = self.first_length;
        for factor in RETRIES.into_iter().filter(|_| at_start) {
            self.first_length = factor * length;
            let found = self.search(point, tally, function, RETRY_TRIALS);
            self.first_length = length;
            if found? {
                return Ok(None);
            }
        }
        Ok(Some(StopReason::NoDescent))
    }

    /// One line search along the direction that the memory gives; false if it found no step.
    fn search(
        &mut self,
        point: &mut Point,
        tally: &mut Tally,
        function: &mut dyn LossFunction,
        trials: usize,
    ) -> Result<bool> {
        let products = self.memory.products(&point.gradient, point.square);
        let conditions = match self.memory.pairs().is_empty() {
            true => {
                let first = self.first_length / point.square.sqrt();
                Conditions { first, curvature: FIRST_CURVATURE, trials }
            }
            false => Conditions { first: 1.0, curvature: CURVATURE, trials },
        };
        let (start, memory, spare) = (&*point, &self.memory, &mut self.spare);
        let before = tally.evaluations;
        let mut outcome: Result<Option<Trial>> = Ok(None);
        vector_free::take_step(memory.history(), &products, &mut |direction| {
            let mut descent =
                Descent { function, tally, spare, start, memory, direction, last: None, accepted: None };
            let found = line_search::search(&mut descent, start.loss, direction.slope, conditions);
            outcome = descent.end(found);
            matches!(outcome, Ok(Some(_)))
        });
        if outcome.is_err() {
            tally.repeated += tally.evaluations - before;
        }
        match outcome? {
            None => Ok(false),
            Some(trial) => {
                self.arrive(point, tally, trial);
                Ok(true)
            }
        }
    }

    /// Moves to the trial that was accepted, and remembers the pair.
    fn arrive(&mut self, point: &mut Point, tally: &mut Tally, trial: Trial) {
        let Trial { point: mut new, step } = trial;
        let mut change = self.spare.compact();
        change.difference(&new.gradient, &point.gradient);
        let (pair, length) = Pair::new(step, change);
        self.last_length = length;
        match pair {
            Ok(pair) => {
                let oldest = self.memory.push(pair);
                self.spare.compacts.extend(oldest.into_iter().flat_map(|pair| [pair.step, pair.change]));
            }
            Err(vectors) => self.spare.compacts.extend(vectors),
        }
        std::mem::swap(point, &mut new);
        tally.keep(&mut new);
        self.spare.points.push(new);
    }
}
