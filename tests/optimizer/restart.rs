//! Runs whose loss function changes on the way.

use crate::functions::*;
use impasto::internals::optimize::{
    Curvature, LossFunction, Optimizer, StopReason, Values, minimize, resume,
};
use std::ops::ControlFlow;

/// [`bowl`] with its minimum elsewhere.
fn moved(condition: f64, shift: f32) -> impl LossFunction {
    let mut bowl = bowl(condition);
    Of(3 * POSITIONS, move |x: &[f32], g: &mut [f32]| {
        let x: Vec<f32> = x.iter().map(|x| x - shift).collect();
        bowl(&x, g)
    })
}

#[test]
fn a_restart_goes_on_from_the_picture_and_counts_on() {
    for optimizer in OPTIMIZERS {
        for curvature in [Curvature::Keep, Curvature::Forget] {
            let mut half =
                minimize(optimizer, &mut moved(1e2, 0.0), picture(4), &limits(30), &mut go_on).unwrap();
            let at = half.state.pixels().to_vec();
            half.state.restart(curvature);
            assert_eq!((half.state.pixels(), half.state.best()), (&at[..], &at[..]));
            assert_eq!(half.state.best_loss(), f64::INFINITY, "the old losses are of no account");
            let there = moved(1e2, 0.1).evaluate(&at, &mut vec![0.0; at.len()]).unwrap();
            let mut seen = Vec::new();
            let done = resume(half.state, &mut moved(1e2, 0.1), &limits(80), &mut |step| {
                seen.push((step.iteration, step.evaluations));
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!((done.stop, done.iterations), (StopReason::Iterations, 80));
            assert_eq!(seen[0], (31, half.evaluations + 2), "one evaluation of the start, one of the step");
            assert!(done.loss < 0.2 * there, "{optimizer:?} {curvature:?}: {there} → {}", done.loss);
        }
    }
}

/// Forgetting is a new start, but for the length of the first step; keeping spares steps that learn the curvature.
#[test]
fn pairs_that_are_kept_are_worth_their_steps() {
    let after = |curvature, pairs| {
        let mut half =
            minimize(Optimizer::LBFGS, &mut moved(1e2, 0.0), picture(4), &limits(20), &mut go_on).unwrap();
        half.state.restart(curvature);
        let saved = half.state.save();
        let (_, kept) = saved.iter().find(|(name, _)| name == "pairs").unwrap();
        assert_eq!(kept, &Values::I64(vec![pairs].into()));
        resume(half.state, &mut moved(1e2, 0.05), &limits(30), &mut go_on).unwrap().loss
    };
    let (kept, forgotten) = (after(Curvature::Keep, 10), after(Curvature::Forget, 0));
    println!("ten steps: {kept:e} with the pairs, {forgotten:e} without");
    assert!(kept < 0.8 * forgotten, "{kept:e} {forgotten:e}");
}

#[test]
fn adam_forgets_its_moments_and_measures_the_gradient_anew() {
    // The second loss is a million times the first: with the old scale the steps would be the same, for Adam's length
    // does not depend on it, but the moments of the old loss would count for nothing.
    let big = || {
        let mut bowl = bowl(10.0);
        Of(3 * POSITIONS, move |x: &[f32], g: &mut [f32]| {
            let loss = bowl(x, g);
            g.iter_mut().for_each(|g| *g *= 1e6);
            1e6 * loss
        })
    };
    let mut half =
        minimize(Optimizer::ADAM, &mut moved(10.0, 0.2), picture(4), &limits(20), &mut go_on).unwrap();
    half.state.restart(Curvature::Forget);
    let start = half.state.pixels().to_vec();
    let again = resume(half.state, &mut big(), &limits(45), &mut go_on).unwrap();
    let anew = minimize(Optimizer::ADAM, &mut big(), start, &limits(25), &mut go_on).unwrap();
    assert_eq!((again.pixels, again.loss), (anew.pixels, anew.loss));
}
