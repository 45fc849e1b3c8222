//! What the minimisers reach, and in how many evaluations.

use crate::functions::*;
use impasto::internals::optimize::{LossFunction, Optimizer, Step, StopReason, minimize};
use std::ops::ControlFlow;

#[test]
fn lbfgs_solves_the_chained_rosenbrock_function() {
    let mut function = Of(200, rosenbrock);
    let start: Vec<f32> = (0..200).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
    let outcome = minimize(Optimizer::LBFGS, &mut function, start, &limits(2000), &mut go_on).unwrap();
    let (evaluations, iterations) = (outcome.evaluations, outcome.iterations);
    println!("{} after {iterations} iterations, {evaluations} evaluations", outcome.loss);
    assert!(outcome.loss < 1e-8, "{}", outcome.loss);
    assert!(iterations < 1200, "{iterations}");
}

#[test]
fn lbfgs_solves_ill_conditioned_bowls() {
    for (condition, most) in [(1.0, 10), (1e2, 100), (1e4, 600), (1e6, 2000)] {
        let start = picture(5);
        let first = bowl(condition)(&start, &mut vec![0.0; start.len()]);
        let mut function = Of(start.len(), bowl(condition));
        let outcome = minimize(Optimizer::LBFGS, &mut function, start, &limits(most), &mut go_on).unwrap();
        println!("{condition:e}: {} after {} {:?}", outcome.loss, outcome.iterations, outcome.stop);
        assert!(outcome.loss < 1e-6 * first, "{condition}: {first} → {}", outcome.loss);
    }
}

#[test]
fn the_scale_of_the_loss_changes_nothing_but_the_first_steps() {
    for scale in [1e-30, 1e-12, 1.0, 1e12, 1e30] {
        let mut bowl = bowl(100.0);
        let mut function = Of(3 * POSITIONS, |x: &[f32], g: &mut [f32]| {
            let loss = bowl(x, g);
            g.iter_mut().for_each(|g| *g *= scale as f32);
            scale * loss
        });
        for optimizer in OPTIMIZERS {
            let outcome = minimize(optimizer, &mut function, picture(5), &limits(120), &mut go_on).unwrap();
            assert!(outcome.loss < 1e-2 * scale, "{optimizer:?} at {scale}: {}", outcome.loss);
        }
    }
}

#[test]
fn lbfgs_descends_at_every_step_in_one_evaluation_each() {
    let (mut evaluations, mut iterations) = (0, 0);
    for seed in 0..20 {
        let mut function = Gram::new(seed);
        let start = picture(seed + 2);
        let first = function.at(&start).0;
        let mut last = first;
        let mut check = |step: &Step| {
            assert!(step.loss < last, "iteration {}: {} after {last}", step.iteration, step.loss);
            assert!(step.gradient_norm.is_finite() && step.best_loss <= step.loss);
            last = step.loss;
            ControlFlow::Continue(())
        };
        let outcome = minimize(Optimizer::LBFGS, &mut function, start, &limits(100), &mut check).unwrap();
        println!(
            "{seed}: {first:.5} → {:.7}, {} iterations, {} evaluations, {:?}",
            outcome.loss, outcome.iterations, outcome.evaluations, outcome.stop
        );
        assert!(outcome.loss < 0.05 * first);
        evaluations += outcome.evaluations;
        iterations += outcome.iterations;
    }
    let ratio = evaluations as f64 / iterations as f64;
    println!("{ratio:.3} evaluations per iteration");
    assert!(ratio <= 1.1, "{evaluations} evaluations for {iterations} iterations");
}

#[test]
fn what_a_step_tells_is_true() {
    for optimizer in OPTIMIZERS {
        let gram = Gram::new(6);
        let mut best = gram.at(&picture(8)).0;
        let mut check = |step: &Step| {
            let (loss, gradient) = gram.at(step.pixels);
            best = best.min(loss);
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert_eq!((step.loss, step.best_loss), (loss, best));
            assert!((step.gradient_norm / norm - 1.0).abs() < 1e-6);
            ControlFlow::Continue(())
        };
        let outcome = minimize(optimizer, &mut Gram::new(6), picture(8), &limits(60), &mut check).unwrap();
        assert_eq!((outcome.loss, gram.at(&outcome.pixels).0), (best, best), "{optimizer:?}");
    }
}

#[test]
fn adam_lowers_the_style_loss() {
    let mut function = Gram::new(3);
    let first = function.at(&picture(5)).0;
    let outcome = minimize(Optimizer::ADAM, &mut function, picture(5), &limits(200), &mut go_on).unwrap();
    assert_eq!((outcome.iterations, outcome.evaluations), (200, 201));
    assert!(outcome.loss < 0.05 * first, "{first} → {}", outcome.loss);
}

#[test]
fn a_region_without_a_loss_is_avoided() {
    // The start is just inside a ball; outside, the loss or the gradient is NaN. The minimum is on its edge.
    for bad_gradient in [false, true] {
        let mut bowl = bowl(1e3);
        let mut function = Of(100, |x: &[f32], g: &mut [f32]| {
            let loss = bowl(x, g);
            let radius = x.iter().map(|&v| f64::from(v - 0.9).powi(2)).sum::<f64>();
            match radius > 0.3 {
                true if bad_gradient => {
                    g[1] = f32::NAN;
                    -1.0
                }
                true => f64::NAN,
                false => loss,
            }
        });
        for optimizer in OPTIMIZERS {
            let start = vec![0.9; 100];
            let first = function.evaluate(&start, &mut [0.0; 100]).unwrap();
            let outcome = minimize(optimizer, &mut function, start, &limits(80), &mut |step| {
                assert!(step.loss.is_finite() && step.pixels.iter().all(|v| v.is_finite()));
                ControlFlow::Continue(())
            })
            .unwrap();
            assert!(outcome.pixels.iter().all(|v| v.is_finite()));
            assert!(
                outcome.loss > 0.0 && outcome.loss < 0.9 * first,
                "{optimizer:?} {first} → {}",
                outcome.loss
            );
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let length = 100_003;
    for optimizer in OPTIMIZERS {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut next = noise(9);
                let start = (0..length).map(|_| next() as f32).collect();
                minimize(optimizer, &mut Of(length, bowl(1e3)), start, &limits(25), &mut go_on).unwrap()
            })
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            let many = run(threads);
            assert_eq!(many.loss.to_bits(), one.loss.to_bits());
            assert!(many.pixels == one.pixels, "{optimizer:?}, {threads} threads");
        }
    }
}

/// Histories shorter and longer than the run, and tiny pictures.
#[test]
fn every_history_and_size_works() {
    for history in [1, 2, 5, 100] {
        let optimizer = Optimizer::Lbfgs { history };
        let outcome = minimize(optimizer, &mut Gram::new(7), picture(9), &limits(60), &mut go_on).unwrap();
        assert!(outcome.loss < 0.02, "{history}: {}", outcome.loss);
    }
    for optimizer in OPTIMIZERS {
        let outcome = minimize(optimizer, &mut Of(0, bowl(1.0)), vec![], &limits(9), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.pixels.len()), (StopReason::Converged, 0));
        let mut square = Of(1, |x: &[f32], g: &mut [f32]| {
            g[0] = x[0] - 0.5;
            0.5 * f64::from(x[0] - 0.5).powi(2)
        });
        let outcome = minimize(optimizer, &mut square, vec![0.0], &limits(200), &mut go_on).unwrap();
        assert!((outcome.pixels[0] - 0.5).abs() < 1e-2, "{optimizer:?}: {}", outcome.pixels[0]);
    }
}

/// The first trial changes pixels by a hundredth in the root mean square, and ends the search at almost any curvature.
#[test]
fn the_first_step_has_its_length() {
    for (away, expected) in [(20.0, 0.04), (5.0, 0.01)] {
        // The slope at the end of the first trial is 0.9995 or 0.998 of that at the start: too steep, or not.
        let start = vec![0.5 + away as f32; 300];
        let mut first = None;
        let mut function = Of(300, bowl(1.0));
        let outcome = minimize(Optimizer::LBFGS, &mut function, start.clone(), &limits(1), &mut |step| {
            let square: f64 = step.pixels.iter().zip(&start).map(|(x, s)| f64::from(x - s).powi(2)).sum();
            first = Some((square / 300.0).sqrt());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert!((first.unwrap() / expected - 1.0f64).abs() < 1e-3, "{away}: {first:?}, {outcome:?}");
    }
}

/// A line search that fails at the usual length succeeds at a much smaller or larger one.
#[test]
fn a_badly_scaled_start_is_no_end() {
    // A valley a trillionth wide: the lengths that halve from a hundredth do not get there.
    let mut valley = Of(12, |x: &[f32], g: &mut [f32]| {
        g.iter_mut().zip(x).for_each(|(g, &x)| *g = if x < 1e-12 { -1.0 } else { 1.0 });
        x.iter().map(|&x| (f64::from(x) - 1e-12).abs()).sum()
    });
    // A slope so gentle beside its height that only steps of thousands change the loss.
    let mut plain = Of(12, |x: &[f32], g: &mut [f32]| {
        g.fill(-1e-20);
        1.0 - 1e-20 * x.iter().map(|&x| f64::from(x)).sum::<f64>()
    });
    // Pixels so large that a change of a hundredth is lost in rounding.
    let mut far = Of(12, |x: &[f32], g: &mut [f32]| {
        g.iter_mut().zip(x).for_each(|(g, &x)| *g = x - 1e7);
        x.iter().map(|&x| 0.5 * (f64::from(x) - 1e7).powi(2)).sum()
    });
    let functions: [(&mut dyn LossFunction, f32); 3] =
        [(&mut valley, 0.0), (&mut plain, 0.0), (&mut far, 3e7)];
    for (k, (function, start)) in functions.into_iter().enumerate() {
        let first = function.evaluate(&[start; 12], &mut [0.0; 12]).unwrap();
        let outcome = minimize(Optimizer::LBFGS, function, vec![start; 12], &limits(5), &mut go_on).unwrap();
        println!("{k}: {first:e} → {:e}, {} evaluations", outcome.loss, outcome.evaluations);
        assert!(outcome.iterations > 0 && outcome.loss < first, "{k}: {:?}", outcome.stop);
    }
}
