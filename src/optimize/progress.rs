//! One idea: what both methods count, and when it says to stop.

use super::{Limits, StopReason, WINDOW};
use std::collections::VecDeque;

/// Steps taken and the best losses after the last of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) iterations: usize,
    /// Best losses: the oldest of at most `WINDOW + 1` first.
    losses: VecDeque<f64>,
}

impl Progress {
    /// A run whose start has this loss.
    pub(super) fn new(loss: f64) -> Self {
        Self { iterations: 0, losses: VecDeque::from([loss]) }
    }

    /// Counts a step that left the lowest loss so far at `best`.
    pub(super) fn step(&mut self, best: f64) {
        self.iterations += 1;
        if self.losses.len() > WINDOW {
            self.losses.pop_front();
        }
        self.losses.push_back(best);
    }

    /// The limit that has been reached, if any.
    pub(super) fn reached(&self, limits: &Limits) -> Option<StopReason> {
        if self.iterations >= limits.iterations {
            return Some(StopReason::Iterations);
        }
        let (tolerance, old, new) = (limits.tolerance?, *self.losses.front()?, *self.losses.back()?);
        let flat = self.losses.len() > WINDOW && old - new < tolerance * old.abs();
        flat.then_some(StopReason::Converged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_hardly_falls_in_ten_steps_has_converged() {
        let limits = Limits { iterations: 100, tolerance: Some(0.01) };
        let mut progress = Progress::new(100.0);
        for k in 1..=10 {
            assert_eq!(progress.reached(&limits), None);
            progress.step(100.0 - 0.2 * f64::from(k));
        }
        assert_eq!(progress.reached(&limits), None, "2 % in ten steps");
        for _ in 0..6 {
            progress.step(98.0);
        }
        assert_eq!(progress.reached(&limits), Some(StopReason::Converged), "0.8 %");
        assert_eq!(progress.reached(&Limits { tolerance: None, ..limits }), None);
        assert_eq!(progress.reached(&Limits { iterations: 16, ..limits }), Some(StopReason::Iterations));
    }
}
