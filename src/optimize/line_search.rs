//! One idea: the step length, found in one evaluation wherever one will do.
//!
//! A step t along d is taken when it satisfies the weak Wolfe conditions (Nocedal & Wright 2006, eq. 3.6):
//! `f(x+td) ≤ f(x) + c₁ t ⟨g, d⟩` (descent) and `⟨g(x+td), d⟩ ≥ c₂ ⟨g, d⟩` (curvature, so that `⟨y, s⟩ > 0`).
//! When the first trial fails, the search of algorithms 3.5 and 3.6 brackets a step: a point without descent
//! bounds t from above, a point with descent but too steep from below; the next trial is the minimiser of the cubic
//! through both ends (eq. 3.59), kept away from them. The strong condition on `|⟨g(x+td), d⟩|` is not asked for: an
//! overshoot that lowers the loss is cheaper to accept than to refine. A loss that is not finite bounds from above.

use crate::Result;

/// c₁.
const DESCENT: f64 = 1e-4;

/// The loss along a direction.
pub(super) trait Ray {
    /// Evaluates the point at step t > 0. None: it cannot be told from the start, or t is not finite.
    ///
    /// # Errors
    /// Those of the loss function.
    fn trial(&mut self, t: f64) -> Result<Option<End>>;

    /// The latest trial is the best choice so far.
    fn accept(&mut self);
}

/// A point of the ray, and so one end of a bracket.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The step.
    pub(super) t: f64,
    /// The loss; infinite where it or the gradient is not finite.
    pub(super) loss: f64,
    /// The loss's derivative by t; any number where the loss is infinite.
    pub(super) slope: f64,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conditions {
    /// The first trial's t.
    pub(super) first: f64,
    /// c₂.
    pub(super) curvature: f64,
    /// Trials at most.
    pub(super) trials: usize,
}

/// Searches a ray that begins with this loss and slope. True if a trial was accepted; the last that was is the step.
///
/// # Errors
/// Those of the loss function.
pub(super) fn search(ray: &mut dyn Ray, loss: f64, slope: f64, conditions: Conditions) -> Result<bool> {
    let origin = End { t: 0.0, loss, slope };
    if !(slope < 0.0 && slope.is_finite()) {
        return Ok(false);
    }
    let (mut low, mut high) = (origin, None);
    let mut accepted = false;
    let mut t = conditions.first;
    for _ in 0..conditions.trials {
        let Some(trial) = ray.trial(t)? else { break };
        if trial.loss <= origin.loss + DESCENT * t * origin.slope && trial.loss < origin.loss {
            ray.accept();
            accepted = true;
            // Next to where the loss is not finite the descent may go on up to the edge: enough of it is enough.
            let at_edge = high.is_some_and(|high: End| !high.loss.is_finite());
            if trial.slope >= conditions.curvature * origin.slope || at_edge {
                break;
            }
            low = trial;
        } else {
            high = Some(trial);
        }
        t = next_trial(low, high);
    }
    Ok(accepted)
}

/// The next step length: beyond `low` while nothing bounds it, else inside the bracket.
fn next_trial(low: End, high: Option<End>) -> f64 {
    match high {
        None => 4.0 * low.t,
        Some(high) => {
            let width = high.t - low.t;
            let inside = match high.loss.is_finite() {
                true => cubic_minimiser(low, high),
                false => low.t + 0.2 * width,
            };
            match inside.is_finite() {
                true => inside.clamp(low.t + 0.1 * width, high.t - 0.1 * width),
                false => low.t + 0.5 * width,
            }
        }
    }
}

/// The minimiser of the cubic with the losses and slopes of both ends (Nocedal & Wright 2006, eq. 3.59).
/// Not finite when the cubic has none.
fn cubic_minimiser(a: End, b: End) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let d2 = (b.t - a.t).signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loss of a trial that cannot be told from the start.
    const VANISHED: f64 = f64::MAX;

    /// A ray whose loss and slope come from a function of t; it records the trials and which was accepted.
    struct Line<F> {
        function: F,
        trials: Vec<f64>,
        accepted: Option<f64>,
    }

    impl<F: FnMut(f64) -> (f64, f64)> Ray for Line<F> {
        fn trial(&mut self, t: f64) -> Result<Option<End>> {
            self.trials.push(t);
            let (loss, slope) = (self.function)(t);
            Ok((loss != VANISHED).then_some(End { t, loss, slope }))
        }

        fn accept(&mut self) {
            self.accepted = self.trials.last().copied();
        }
    }

    /// The trials of a search from loss 1 and slope −1, and the step that was accepted.
    fn searched(curvature: f64, function: impl FnMut(f64) -> (f64, f64)) -> (Vec<f64>, Option<f64>) {
        let mut line = Line { function, trials: vec![], accepted: None };
        let conditions = Conditions { first: 1.0, curvature, trials: 20 };
        let found = search(&mut line, 1.0, -1.0, conditions).unwrap();
        assert_eq!(found, line.accepted.is_some());
        (line.trials, line.accepted)
    }

    #[test]
    fn a_step_that_descends_is_taken_at_the_first_trial() {
        assert_eq!(searched(0.9, |_| (0.5, -0.1)), (vec![1.0], Some(1.0)));
        assert_eq!(
            searched(0.9, |_| (0.5, 7.0)),
            (vec![1.0], Some(1.0)),
            "an overshoot that lowers the loss"
        );
    }

    #[test]
    fn a_ten_thousandth_of_the_slope_is_descent_enough() {
        assert_eq!(searched(0.9, |_| (1.0 - 1.01e-4, 0.0)).0.len(), 1);
        let (trials, accepted) = searched(0.9, |_| (1.0 - 0.99e-4, 0.0));
        assert!(trials.len() > 1 && trials[1] < 1.0, "{trials:?}");
        assert!(accepted.is_some_and(|t| t < 0.99), "0.99e-4 is enough for a shorter step");
        assert_eq!(searched(0.9, |_| (1.0, 0.0)).1, None, "no descent at all");
    }

    #[test]
    fn a_step_is_lengthened_while_its_end_is_too_steep() {
        assert_eq!(searched(0.9, |_| (0.5, -0.89)).0.len(), 1);
        let steep = searched(0.9, |t| (1.0 - 0.9 * t, if t < 50.0 { -0.91 } else { 0.0 }));
        assert_eq!(steep, (vec![1.0, 4.0, 16.0, 64.0], Some(64.0)));
        assert_eq!(searched(0.999, |_| (0.5, -0.91)).0.len(), 1, "where less is asked for");
    }

    #[test]
    fn a_bracket_shrinks_onto_the_descent() {
        // 1 − t + t²/0.2 has its minimum at 0.1, which the cubic through two ends finds at once.
        let (trials, accepted) = searched(0.9, |t| (1.0 - t + t * t / 0.2, -1.0 + 10.0 * t));
        assert_eq!(trials.len(), 2);
        assert!((accepted.unwrap() - 0.1).abs() < 1e-12, "{accepted:?}");
        // Beyond 0.03 there is no loss: a fifth of the way is tried, and what descends is taken at the edge.
        let edge = |t: f64| if t > 0.03 { (f64::INFINITY, f64::NAN) } else { (1.0 - t, -1.0) };
        let (trials, accepted) = searched(0.9, edge);
        assert_eq!(trials.len(), 4);
        assert!((trials[1] - 0.2).abs() < 1e-12 && (accepted.unwrap() - 0.008).abs() < 1e-12, "{trials:?}");
    }

    #[test]
    fn a_step_with_descent_is_kept_when_a_longer_one_has_none() {
        // The accepted trial stays when those after it fail.
        let (trials, accepted) = searched(0.9, |t| if t < 2.0 { (0.9, -0.95) } else { (2.0, 1.0) });
        assert!(trials.len() > 1 && accepted.is_some_and(|t| t < 2.0), "{trials:?} {accepted:?}");
    }

    #[test]
    fn a_search_ends_after_its_trials_and_where_steps_vanish() {
        let (trials, accepted) = searched(0.9, |_| (f64::INFINITY, f64::NAN));
        assert_eq!((trials.len(), accepted), (20, None));
        assert!((trials[19] - 0.2f64.powi(19)).abs() < 1e-18);
        assert_eq!(
            searched(0.9, |_| (VANISHED, 0.0)),
            (vec![1.0], None),
            "a trial that cannot be told from the start"
        );
        for slope in [0.0, 1.0, f64::NAN, f64::NEG_INFINITY] {
            let mut line = Line { function: |_| (0.5, 0.0), trials: vec![], accepted: None };
            let conditions = Conditions { first: 1.0, curvature: 0.9, trials: 20 };
            assert!(!search(&mut line, 1.0, slope, conditions).unwrap());
            assert!(line.trials.is_empty(), "{slope} is no descent");
        }
    }

    #[test]
    fn the_cubic_finds_the_minimum_of_a_cubic() {
        let f = |t: f64| End { t, loss: t.powi(3) - 3.0 * t, slope: 3.0 * t * t - 3.0 };
        assert!((cubic_minimiser(f(0.0), f(3.0)) - 1.0).abs() < 1e-12);
        assert!((cubic_minimiser(f(2.0), f(0.5)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn trials_stay_inside_the_bracket() {
        let low = End { t: 1.0, loss: 3.0, slope: -1.0 };
        for (loss, slope) in [(f64::INFINITY, f64::NAN), (3.0, -1.0), (9e99, 1e99), (3.0, 1e-9), (2.9, -5.0)]
        {
            let t = next_trial(low, Some(End { t: 2.0, loss, slope }));
            assert!((1.1..=1.9).contains(&t), "{loss} {slope}: {t}");
        }
        assert_eq!(next_trial(low, None), 4.0);
    }
}
