//! How runs end: by limits, by their observer, by a loss function that cancels or fails, or because nothing helps.

use crate::functions::*;
use impasto::internals::optimize::{Limits, LossFunction, Optimizer, Stop, StopReason, minimize};
use impasto::{Error, Result};
use std::ops::ControlFlow;

#[test]
fn a_start_without_a_loss_is_an_error_that_says_so() {
    for optimizer in OPTIMIZERS {
        let mut nan = Of(12, |_: &[f32], g: &mut [f32]| {
            g.fill(0.0);
            f64::NAN
        });
        let error = minimize(optimizer, &mut nan, vec![0.5; 12], &limits(9), &mut go_on).unwrap_err();
        assert!(
            matches!(&error, Error::Numeric(m) if m.starts_with("the loss is NaN at the start")),
            "{error}"
        );
        let mut gradient = Of(12, |_: &[f32], g: &mut [f32]| {
            g.fill(f32::INFINITY);
            1.0
        });
        let error = minimize(optimizer, &mut gradient, vec![0.5; 12], &limits(9), &mut go_on).unwrap_err();
        assert!(matches!(&error, Error::Numeric(m) if m.starts_with("the gradient has")), "{error}");
        let error = minimize(optimizer, &mut nan, vec![0.5, f32::NAN], &limits(9), &mut go_on).unwrap_err();
        assert!(error.to_string().starts_with("value 1 of the starting picture is NaN"), "{error}");
    }
}

#[test]
fn a_picture_of_another_size_than_the_loss_is_refused() {
    for optimizer in OPTIMIZERS {
        for length in [0, 11, 13] {
            let start = vec![0.5; length];
            let error =
                minimize(optimizer, &mut Of(12, bowl(1.0)), start, &limits(9), &mut go_on).unwrap_err();
            let expected = format!("has {length} values, but the loss is for pictures of 12");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}

#[test]
fn constants_that_cannot_work_are_refused() {
    let refused = |optimizer, tolerance| {
        let limits = Limits { iterations: 9, tolerance };
        minimize(optimizer, &mut Gram::new(1), picture(1), &limits, &mut go_on)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    for history in [0, 101, usize::MAX] {
        let message = refused(Optimizer::Lbfgs { history }, None);
        assert!(
            message.starts_with(&format!("history: is {history}: L-BFGS can remember 1 to 100")),
            "{message}"
        );
    }
    for learning_rate in
        [0.0, -0.02, 1e-10, 1e7, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE]
    {
        let message = refused(Optimizer::Adam { learning_rate }, None);
        assert!(message.starts_with(&format!("learning_rate: is {learning_rate}: expected")), "{message}");
    }
    for tolerance in [-1e-9, 1.0, f64::NAN, f64::INFINITY] {
        for optimizer in OPTIMIZERS {
            let message = refused(optimizer, Some(tolerance));
            assert!(message.starts_with(&format!("tolerance: is {tolerance}: expected")), "{message}");
        }
    }
}

#[test]
fn constants_at_the_ends_of_their_ranges_work() {
    let ends = [
        Optimizer::Lbfgs { history: 1 },
        Optimizer::Lbfgs { history: 100 },
        Optimizer::Adam { learning_rate: 1e-9 },
        Optimizer::Adam { learning_rate: 1e6 },
    ];
    for optimizer in ends {
        for tolerance in [None, Some(0.0), Some(0.999)] {
            for iterations in [0, 1, 30] {
                let limits = Limits { iterations, tolerance };
                let outcome =
                    minimize(optimizer, &mut Gram::new(1), picture(1), &limits, &mut go_on).unwrap();
                assert!(outcome.iterations <= iterations && outcome.pixels.iter().all(|v| v.is_finite()));
                assert_eq!(Gram::new(1).at(&outcome.pixels).0, outcome.loss, "{optimizer:?}");
            }
        }
    }
    let every = Limits { iterations: usize::MAX, tolerance: Some(0.5) };
    let outcome = minimize(Optimizer::ADAM, &mut Gram::new(1), picture(1), &every, &mut go_on).unwrap();
    assert_eq!(outcome.stop, StopReason::Converged);
}

#[test]
fn a_loss_that_turns_to_nan_leaves_the_start() {
    for (optimizer, most) in [(Optimizer::LBFGS, 1 + 20 + 4 * 8), (Optimizer::ADAM, 1 + 2 * 21)] {
        let mut calls = 0;
        let mut function = Of(12, |_: &[f32], g: &mut [f32]| {
            calls += 1;
            g.fill(1.0);
            if calls == 1 { 7.0 } else { f64::NAN }
        });
        let outcome = minimize(optimizer, &mut function, vec![0.0; 12], &limits(9), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.loss), (StopReason::NoDescent, 7.0));
        assert_eq!(outcome.pixels, vec![0.0; 12]);
        assert!(outcome.evaluations <= most, "{optimizer:?}: {}", outcome.evaluations);
        if optimizer == Optimizer::LBFGS {
            assert_eq!(outcome.evaluations, most, "20 trials, and 8 at each of four other lengths");
        }
    }
}

#[test]
fn flat_and_deceptive_functions_end_the_run() {
    for optimizer in OPTIMIZERS {
        let mut flat = Of(12, |_: &[f32], g: &mut [f32]| {
            g.fill(0.0);
            3.0
        });
        let outcome = minimize(optimizer, &mut flat, vec![0.5; 12], &limits(50), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.evaluations), (StopReason::Converged, 1));
    }
    // A gradient that points the wrong way: no step along −g descends.
    let mut uphill = Of(12, |x: &[f32], g: &mut [f32]| {
        g.iter_mut().zip(x).for_each(|(g, x)| *g = -x);
        x.iter().map(|&x| f64::from(x * x)).sum()
    });
    let outcome = minimize(Optimizer::LBFGS, &mut uphill, vec![0.5; 12], &limits(50), &mut go_on).unwrap();
    assert_eq!((outcome.stop, outcome.iterations), (StopReason::NoDescent, 0));
    assert!(outcome.evaluations <= 1 + 20 + 4 * 8, "{}", outcome.evaluations);
    // A slope without end is followed as long as it is asked for.
    let mut slope = Of(12, |x: &[f32], g: &mut [f32]| {
        g.fill(1.0);
        x.iter().map(|&x| f64::from(x)).sum()
    });
    let outcome = minimize(Optimizer::LBFGS, &mut slope, vec![0.5; 12], &limits(5), &mut go_on).unwrap();
    assert!(outcome.pixels.iter().all(|x| x.is_finite()) && outcome.loss < 0.0);
}

#[test]
fn other_errors_of_the_loss_function_end_the_run_with_that_error() {
    struct Fails(usize);
    impl LossFunction for Fails {
        fn length(&self) -> usize {
            3 * POSITIONS
        }

        fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
            self.0 += 1;
            if self.0 > 4 {
                return Err(Error::Numeric("the fifth".into()));
            }
            Gram::new(1).evaluate(x, gradient)
        }
    }
    for optimizer in OPTIMIZERS {
        let error = minimize(optimizer, &mut Fails(0), picture(3), &limits(50), &mut go_on).unwrap_err();
        assert_eq!(error.to_string(), "the fifth");
    }
}

#[test]
fn a_flat_tail_converges() {
    let tolerance = Limits { iterations: 5000, tolerance: Some(1e-3) };
    for optimizer in OPTIMIZERS {
        let outcome = minimize(optimizer, &mut Gram::new(4), picture(6), &tolerance, &mut go_on).unwrap();
        assert_eq!(outcome.stop, StopReason::Converged, "{optimizer:?} after {}", outcome.iterations);
    }
}

/// From next to the minimum, Adam's first steps lead away from it, whatever their loss.
#[test]
fn adam_that_climbs_has_not_converged() {
    let start = vec![0.502; 12];
    let first = bowl(1.0)(&start, &mut [0.0; 12]);
    let optimizer = Optimizer::Adam { learning_rate: 0.05 };
    let limits = Limits { iterations: 2000, tolerance: Some(0.01) };
    let mut losses = vec![first];
    let outcome = minimize(optimizer, &mut Of(12, bowl(1.0)), start, &limits, &mut |step| {
        losses.push(step.loss);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(losses[1..=10].iter().all(|loss| *loss > first), "ten steps bring nothing better: {losses:?}");
    assert_eq!(outcome.stop, StopReason::Converged);
    assert!(losses[losses.len() - 1] <= 1.01 * outcome.loss, "it ends where its loss is the lowest");
    assert!(outcome.loss < first);
}

#[test]
fn adam_that_diverges_says_so_and_returns_the_best() {
    for (learning_rate, tolerance) in [(1e3, None), (1e3, Some(0.01)), (1e6, Some(0.5))] {
        let first = Gram::new(3).at(&picture(5)).0;
        let limits = Limits { iterations: 500, tolerance };
        let optimizer = Optimizer::Adam { learning_rate };
        let mut highest = 0.0f64;
        let outcome = minimize(optimizer, &mut Gram::new(3), picture(5), &limits, &mut |step| {
            highest = highest.max(step.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
        println!("{learning_rate}: {first} → {highest:e} in {} steps", outcome.iterations);
        assert_eq!((outcome.stop, outcome.iterations), (StopReason::Diverged, 10));
        assert_eq!((outcome.loss, &outcome.pixels), (first, &picture(5)));
    }
}

#[test]
fn an_observer_finishes_or_cancels() {
    for optimizer in OPTIMIZERS {
        for (how, reason) in [(Stop::Finish, StopReason::Finished), (Stop::Cancel, StopReason::Cancelled)] {
            let outcome = minimize(optimizer, &mut Gram::new(3), picture(5), &limits(50), &mut |step| {
                if step.iteration == 7 { ControlFlow::Break(how) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            assert_eq!(
                (outcome.stop, outcome.iterations, outcome.evaluations),
                (reason, 7, outcome.evaluations)
            );
            assert_eq!(Gram::new(3).at(&outcome.pixels).0, outcome.loss);
        }
    }
}

/// A trial that was not taken yet, because a longer one was about to be tried, is not lost.
#[test]
fn cancelling_inside_a_line_search_returns_the_best_trial() {
    let slope = || {
        Of(12, |x: &[f32], g: &mut [f32]| {
            g.fill(1.0);
            10.0 + x.iter().map(|&x| f64::from(x)).sum::<f64>()
        })
    };
    for at in 2..6 {
        let mut function = slope();
        let mut cancelling = CancelAt { inner: &mut function, at, seen: 0 };
        let start = vec![0.5; 12];
        let outcome = minimize(Optimizer::LBFGS, &mut cancelling, start, &limits(50), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.iterations, outcome.evaluations), (StopReason::Cancelled, 0, at));
        // The first trial is a hundredth long, each further one four times as long.
        let change = 0.01 * 4f64.powi(at as i32 - 2);
        let expected = 16.0 - 12.0 * change;
        assert!((outcome.loss - expected).abs() < 1e-5, "{at}: {} instead of {expected}", outcome.loss);
        assert!(outcome.pixels.iter().all(|x| (f64::from(*x) - 0.5 + change).abs() < 1e-6));
    }
}

#[test]
fn reasons_are_spelt_the_same_everywhere() {
    let reasons = [
        (StopReason::Iterations, "iterations"),
        (StopReason::Converged, "converged"),
        (StopReason::Finished, "finished"),
        (StopReason::NoDescent, "no-descent"),
        (StopReason::Diverged, "diverged"),
        (StopReason::Cancelled, "cancelled"),
    ];
    for (reason, name) in reasons {
        assert_eq!(reason.to_string(), name);
        assert_eq!(serde_json::to_value(reason).unwrap(), name);
    }
}
