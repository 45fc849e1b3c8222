//! One idea: what both optimisers count, and when it says to stop.

use super::{Limits, StopReason, WINDOW};
use std::collections::VecDeque;

/// A loss that lies above the start's by more than this many times the start's own is far from it.
const FAR: f64 = 1e3;

/// Steps taken, and the losses that they led to.
#[derive(Clone, Debug, Default)]
pub(super) struct Convergence {
    pub(super) iterations: usize,
    /// The loss of the start.
    pub(super) start: f64,
    /// The loss after the latest step.
    pub(super) latest: f64,
    /// The lowest loss so far after each of the last [`WINDOW`] steps and before them, the oldest first; empty before
    /// the start is evaluated.
    pub(super) lowest: VecDeque<f64>,
    /// Steps in a row that ended [`FAR`] above the start.
    pub(super) far: usize,
}

impl Convergence {
    /// Begins at a start with this loss. The iterations go on.
    pub(super) fn begin(&mut self, loss: f64) {
        let iterations = self.iterations;
        *self = Self { iterations, start: loss, latest: loss, lowest: VecDeque::from([loss]), far: 0 };
    }

    /// Whether the start is evaluated.
    pub(super) fn begun(&self) -> bool {
        !self.lowest.is_empty()
    }

    /// Whether no step was taken from the start.
    pub(super) fn at_start(&self) -> bool {
        self.lowest.len() < 2
    }

    /// Counts a step to a picture of loss `latest` that left the lowest so far at `lowest`.
    pub(super) fn step(&mut self, latest: f64, lowest: f64) {
        self.iterations += 1;
        self.latest = latest;
        if self.lowest.len() > WINDOW {
            self.lowest.pop_front();
        }
        self.lowest.push_back(lowest);
        self.far = if latest - self.start > FAR * self.start.abs() { self.far + 1 } else { 0 };
    }

    /// The limit that has been reached, if any.
    pub(super) fn reached(&self, limits: &Limits) -> Option<StopReason> {
        if self.far >= WINDOW {
            return Some(StopReason::Diverged);
        }
        if self.iterations >= limits.iterations {
            return Some(StopReason::Iterations);
        }
        let (tolerance, old, new) = (limits.tolerance?, *self.lowest.front()?, *self.lowest.back()?);
        let flat = self.lowest.len() > WINDOW && old - new < tolerance * old.abs();
        // Where losses rise and fall, a lowest loss that stays may be one that was left behind long ago.
        let there = self.latest - new <= tolerance * new.abs();
        (flat && there).then_some(StopReason::Converged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { iterations: 100, tolerance: Some(0.01) };

    fn begun(loss: f64) -> Convergence {
        let mut convergence = Convergence::default();
        convergence.begin(loss);
        convergence
    }

    /// After falling steadily by `fall` of the start in ten steps.
    fn after_ten_steps(fall: f64) -> Convergence {
        let mut convergence = begun(100.0);
        for k in 1..=10 {
            assert_eq!(convergence.reached(&LIMITS), None, "step {k}");
            let loss = 100.0 - 10.0 * fall * f64::from(k);
            convergence.step(loss, loss);
        }
        convergence
    }

    #[test]
    fn a_loss_that_hardly_falls_in_ten_steps_has_converged() {
        assert_eq!(after_ten_steps(0.0101).reached(&LIMITS), None);
        let flat = after_ten_steps(0.0099);
        assert_eq!(flat.reached(&LIMITS), Some(StopReason::Converged));
        assert_eq!(flat.reached(&Limits { tolerance: None, ..LIMITS }), None);
        assert_eq!(flat.reached(&Limits { tolerance: Some(0.0), ..LIMITS }), None);
        assert_eq!(flat.reached(&Limits { iterations: 10, ..LIMITS }), Some(StopReason::Iterations));
        assert_eq!(flat.reached(&Limits { iterations: 11, tolerance: None }), None);
    }

    #[test]
    fn only_the_last_ten_steps_count() {
        let mut convergence = begun(100.0);
        convergence.step(50.0, 50.0);
        for k in 1..=10 {
            assert_eq!(convergence.reached(&LIMITS), None, "step {k} after the fall");
            convergence.step(50.0, 50.0);
        }
        assert_eq!(convergence.reached(&LIMITS), Some(StopReason::Converged));
    }

    #[test]
    fn a_loss_away_from_the_lowest_has_not_converged() {
        let mut convergence = begun(100.0);
        for k in 1..=40 {
            convergence.step(100.0 + 5.0 * f64::from(k), 100.0);
            assert_eq!(convergence.reached(&LIMITS), None, "rising");
        }
        for loss in [150.0, 110.0, 101.5] {
            convergence.step(loss, 100.0);
            assert_eq!(convergence.reached(&LIMITS), None, "falling, {loss}");
        }
        convergence.step(100.9, 100.0);
        assert_eq!(convergence.reached(&LIMITS), Some(StopReason::Converged), "back again");
    }

    #[test]
    fn ten_steps_in_a_row_far_above_the_start_have_diverged() {
        let mut convergence = begun(2.0);
        let mut steps = |loss: f64, count: usize| {
            (0..count).for_each(|_| convergence.step(loss, 2.0));
            convergence.reached(&LIMITS)
        };
        assert_eq!(steps(2003.0, 9), None);
        assert_eq!(steps(2001.0, 30), None, "1000 times the start's loss above it is not far yet");
        assert_eq!(steps(2003.0, 9), None);
        assert_eq!(steps(2003.0, 1), Some(StopReason::Diverged));
        let mut negative = begun(-2.0);
        (0..10).for_each(|_| negative.step(1e6, -2.0));
        assert_eq!(negative.reached(&LIMITS), Some(StopReason::Diverged));
    }

    #[test]
    fn a_second_beginning_keeps_the_count_only() {
        let mut convergence = after_ten_steps(0.0);
        convergence.begin(7.0);
        assert_eq!((convergence.iterations, convergence.start, convergence.at_start()), (10, 7.0, true));
        assert_eq!(convergence.reached(&LIMITS), None);
    }
}
