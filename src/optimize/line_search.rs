//! One idea: the step length, found in one evaluation wherever one will do.
//!
//! A step t along d is taken when it satisfies the weak Wolfe conditions (Nocedal & Wright 2006, eq. 3.6):
//! `f(x+td) ≤ f(x) + c₁ t ⟨g, d⟩` (descent) and `⟨g(x+td), d⟩ ≥ c₂ ⟨g, d⟩` (curvature, so that `⟨y, s⟩ > 0`).
//! t = 1 comes first. When it fails, the search of algorithms 3.5 and 3.6 brackets a step: a point without descent
//! bounds t from above, a point with descent but too steep from below; the next trial is the minimiser of the cubic
//! through both ends (eq. 3.59), kept away from them. The strong condition on `|⟨g(x+td), d⟩|` is not asked for: an
//! overshoot that lowers the loss is cheaper to accept than to refine. A loss that is not finite bounds from above.
//!
//! The first step of all, along −g, has no natural length: it gets a given root mean square per pixel.

use super::pixels::Pixels;
use argmin::core::{CostFunction, Error, Gradient, IterState, KV, Problem, Solver, State, TerminationReason};
use argmin::solver::linesearch::LineSearch;
use argmin_math::ArgminDot;

/// The state that argmin hands through solvers here.
pub(super) type SolverState = IterState<Pixels, Pixels, (), (), (), f64>;

const DESCENT: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// The same along −g, whose only purpose is a first pair: any descent with a measurable curvature will do.
const FIRST_CURVATURE: f64 = 0.999;
/// Trials in one search; a halving bracket has then shrunk a million times.
const TRIALS: usize = 20;

/// A capped weak-Wolfe line search.
#[derive(Clone, Debug)]
pub(super) struct Wolfe {
    direction: Option<Pixels>,
    first_trial: f64,
    first_length: f64,
}

impl Wolfe {
    /// `first_length`: the length ‖t·d‖₂ of the first trial when d is a multiple of the gradient.
    pub(super) fn new(first_length: f64) -> Self {
        Self { direction: None, first_trial: 1.0, first_length }
    }
}

impl LineSearch<Pixels, f64> for Wolfe {
    fn search_direction(&mut self, direction: Pixels) {
        self.direction = Some(direction);
    }

    fn initial_step_length(&mut self, t: f64) -> Result<(), Error> {
        self.first_trial = t;
        Ok(())
    }
}

/// One end of the bracket: step, loss, slope.
#[derive(Clone, Copy, Debug)]
struct End {
    t: f64,
    loss: f64,
    slope: f64,
}

impl<O> Solver<O, SolverState> for Wolfe
where
    O: CostFunction<Param = Pixels, Output = f64> + Gradient<Param = Pixels, Gradient = Pixels>,
{
    fn name(&self) -> &str {
        "weak Wolfe line search"
    }

    /// The whole search. An error means that no trial lowered the loss, or that the objective failed.
    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: SolverState,
    ) -> Result<(SolverState, Option<KV>), Error> {
        let missing = || Error::msg("the line search needs a point, its gradient and a direction");
        let start = state.take_param().ok_or_else(missing)?;
        let gradient = state.take_gradient().ok_or_else(missing)?;
        let direction = self.direction.take().ok_or_else(missing)?;
        let origin = End { t: 0.0, loss: state.get_cost(), slope: direction.dot(&gradient) };
        if !(origin.slope < 0.0 && origin.slope.is_finite()) {
            return Err(Error::msg("not a direction of descent"));
        }
        let (mut t, curvature) = match direction.is_multiple() {
            true => (self.first_length / direction.dot(&direction).sqrt(), FIRST_CURVATURE),
            false => (self.first_trial, CURVATURE),
        };
        let (mut low, mut high) = (origin, None);
        let mut accepted = None;
        for _ in 0..TRIALS {
            let (point, step) = start.stepped(t, &direction);
            let square = step.dot(&step);
            if square == 0.0 || !t.is_finite() {
                break; // the step is below the resolution of the pixels
            }
            // A step so long that pixels overflow is not shown to the objective.
            let loss = if square.is_finite() { problem.cost(&point)? } else { f64::INFINITY };
            let slope_and_gradient = if loss.is_finite() {
                let gradient = problem.gradient(&point)?;
                Some((gradient.dot(&step) / t, gradient))
            } else {
                None
            };
            let slope = slope_and_gradient.as_ref().map_or(f64::NAN, |(slope, _)| *slope);
            let trial = End { t, loss, slope };
            if loss <= origin.loss + DESCENT * t * origin.slope && loss < origin.loss {
                accepted = slope_and_gradient.map(|(_, gradient)| (point, loss, gradient));
                // Next to where the loss is not finite the descent may go on up to the edge: enough of it is enough.
                let at_edge = high.is_some_and(|high: End| !high.loss.is_finite());
                if slope >= curvature * origin.slope || at_edge {
                    break;
                }
                low = trial;
            } else {
                high = Some(trial);
            }
            t = next_trial(low, high);
        }
        let (point, loss, gradient) =
            accepted.ok_or_else(|| Error::msg("no step along the direction lowers the loss"))?;
        let state = state.param(point).cost(loss).gradient(gradient);
        Ok((state.terminate_with(TerminationReason::SolverConverged), None))
    }
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
