//! The minimisers on objectives whose shape is known: what they reach, what they cost, and how they stop.

use impasto::internals::optimize::{Limits, Method, Objective, Outcome, Step, StopReason, minimize, resume};
use impasto::{Error, Result};
use std::ops::ControlFlow;

/// An objective from a closure over (x, gradient).
struct Of<F>(F);

impl<F: FnMut(&[f32], &mut [f32]) -> f64> Objective for Of<F> {
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        gradient.fill(f32::NAN); // a buffer may hold anything
        Ok((self.0)(x, gradient))
    }
}

/// Cancels the evaluation number `at` (from 0) of another objective, once.
struct CancelAt<'a> {
    inner: &'a mut dyn Objective,
    at: usize,
    seen: usize,
}

impl Objective for CancelAt<'_> {
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        self.seen += 1;
        if self.seen == self.at + 1 {
            gradient.fill(f32::NAN);
            return Err(Error::Cancelled);
        }
        self.inner.evaluate(x, gradient)
    }
}

const METHODS: [Method; 2] = [Method::LBFGS, Method::ADAM];

fn limits(iterations: usize) -> Limits {
    Limits { iterations, tolerance: None }
}

fn go_on(_: &Step) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
fn rosenbrock(x: &[f32], gradient: &mut [f32]) -> f64 {
    let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    let mut g = vec![0.0; x.len()];
    let mut loss = 0.0;
    for i in 0..x.len() - 1 {
        let (a, b) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        loss += 100.0 * a * a + b * b;
        g[i] += -400.0 * a * x[i] - 2.0 * b;
        g[i + 1] += 200.0 * a;
    }
    gradient.iter_mut().zip(&g).for_each(|(o, &v)| *o = v as f32);
    loss
}

/// ½ Σ aᵢ (xᵢ − ½)², a from 1 to `condition`.
fn bowl(condition: f64) -> impl FnMut(&[f32], &mut [f32]) -> f64 {
    move |x, gradient| {
        let n = x.len() as f64;
        let mut loss = 0.0;
        for (i, (&x, g)) in x.iter().zip(gradient).enumerate() {
            let a = condition.powf(i as f64 / (n - 1.0));
            let d = f64::from(x) - 0.5;
            loss += 0.5 * a * d * d;
            *g = (a * d) as f32;
        }
        loss
    }
}

/// The style loss in small: ‖XXᵀ − G‖²/‖G‖² with X of 8×64, the pixels through a rectified mixing with bias,
/// and a content term that pulls towards the start.
struct Gram {
    mix: Vec<f64>,
    bias: Vec<f64>,
    target: Vec<f64>,
    content: Vec<f64>,
}

const CHANNELS: usize = 8;
const POSITIONS: usize = 64;

fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn picture(seed: u64) -> Vec<f32> {
    let mut next = noise(seed);
    (0..3 * POSITIONS).map(|_| next() as f32).collect()
}

impl Gram {
    fn new(seed: u64) -> Self {
        let mut next = noise(seed);
        let mix = (0..CHANNELS * 3).map(|_| 2.0 * next() - 1.0).collect();
        let bias = (0..CHANNELS).map(|_| 0.4 * next() - 0.1).collect();
        let mut gram = Self { mix, bias, target: vec![], content: vec![] };
        // A style of strong contrast: saturated colours.
        let style: Vec<f64> = picture(seed + 1).iter().map(|&v| if v > 0.5 { 1.0 } else { 0.1 }).collect();
        gram.target = gram.product(&gram.features(&style).0);
        gram.content = picture(seed + 2).iter().map(|&v| f64::from(v)).collect();
        gram
    }

    /// The features and where the ReLU lets through.
    fn features(&self, x: &[f64]) -> (Vec<f64>, Vec<bool>) {
        let mut f = vec![0.0; CHANNELS * POSITIONS];
        for c in 0..CHANNELS {
            for p in 0..POSITIONS {
                f[c * POSITIONS + p] =
                    self.bias[c] + (0..3).map(|k| self.mix[c * 3 + k] * x[k * POSITIONS + p]).sum::<f64>();
            }
        }
        (f.iter().map(|v| v.max(0.0)).collect(), f.iter().map(|&v| v > 0.0).collect())
    }

    fn product(&self, f: &[f64]) -> Vec<f64> {
        let row = |c: usize| &f[c * POSITIONS..(c + 1) * POSITIONS];
        let dot = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
        (0..CHANNELS * CHANNELS).map(|i| dot(i / CHANNELS, i % CHANNELS)).collect()
    }
}

impl Objective for Gram {
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let (f, through) = self.features(&x);
        let gram = self.product(&f);
        let scale: f64 = self.target.iter().map(|v| v * v).sum();
        let difference: Vec<f64> = gram.iter().zip(&self.target).map(|(a, b)| a - b).collect();
        let mut loss = difference.iter().map(|d| d * d).sum::<f64>() / scale;
        let mut g = vec![0.0; x.len()];
        for p in 0..POSITIONS {
            for c in 0..CHANNELS {
                if through[c * POSITIONS + p] {
                    let df: f64 =
                        (0..CHANNELS).map(|b| difference[c * CHANNELS + b] * f[b * POSITIONS + p]).sum();
                    for k in 0..3 {
                        g[k * POSITIONS + p] += 4.0 * df / scale * self.mix[c * 3 + k];
                    }
                }
            }
        }
        let weight = 1e-3 / x.len() as f64;
        for (i, o) in gradient.iter_mut().enumerate() {
            let d = x[i] - self.content[i];
            loss += weight * d * d;
            *o = (g[i] + 2.0 * weight * d) as f32;
        }
        Ok(loss)
    }
}

fn check_outcome(outcome: &Outcome, start: f64) {
    assert!(outcome.pixels.iter().all(|v| v.is_finite()));
    assert!(outcome.loss <= start || outcome.loss == f64::INFINITY && outcome.evaluations == 0);
}

#[test]
fn lbfgs_solves_the_chained_rosenbrock_function() {
    let mut objective = Of(rosenbrock);
    let start: Vec<f32> = (0..200).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
    let outcome = minimize(Method::LBFGS, &mut objective, start, &limits(2000), &mut go_on).unwrap();
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
        let outcome =
            minimize(Method::LBFGS, &mut Of(bowl(condition)), start, &limits(most), &mut go_on).unwrap();
        println!("{condition:e}: {} after {} {:?}", outcome.loss, outcome.iterations, outcome.stop);
        assert!(outcome.loss < 1e-6 * first, "{condition}: {first} → {}", outcome.loss);
    }
}

#[test]
fn the_scale_of_the_loss_changes_nothing_but_the_first_steps() {
    for scale in [1e-12, 1.0, 1e12] {
        let mut bowl = bowl(100.0);
        let mut objective = Of(|x: &[f32], g: &mut [f32]| {
            let loss = bowl(x, g);
            g.iter_mut().for_each(|g| *g *= scale as f32);
            scale * loss
        });
        for method in METHODS {
            let outcome = minimize(method, &mut objective, picture(5), &limits(120), &mut go_on).unwrap();
            assert!(outcome.loss < 1e-2 * scale, "{method:?} at {scale}: {}", outcome.loss);
        }
    }
}

#[test]
fn lbfgs_descends_at_every_step_in_one_evaluation_each() {
    let (mut evaluations, mut iterations) = (0, 0);
    for seed in 0..20 {
        let mut objective = Gram::new(seed);
        let start = picture(seed + 2);
        let first = objective.evaluate(&start, &mut vec![0.0; start.len()]).unwrap();
        let mut last = first;
        let mut check = |step: &Step| {
            assert!(step.loss < last, "iteration {}: {} after {last}", step.iteration, step.loss);
            assert!(step.gradient_norm.is_finite() && step.best_loss <= step.loss);
            last = step.loss;
            ControlFlow::Continue(())
        };
        let outcome = minimize(Method::LBFGS, &mut objective, start, &limits(100), &mut check).unwrap();
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
fn adam_lowers_the_style_loss() {
    let mut objective = Gram::new(3);
    let start = picture(5);
    let first = objective.evaluate(&start, &mut vec![0.0; start.len()]).unwrap();
    let outcome = minimize(Method::ADAM, &mut objective, start, &limits(200), &mut go_on).unwrap();
    assert_eq!((outcome.iterations, outcome.evaluations), (200, 201));
    assert!(outcome.loss < 0.05 * first, "{first} → {}", outcome.loss);
}

#[test]
fn a_region_without_a_loss_is_avoided() {
    // The start is just inside a ball; outside, the loss or the gradient is NaN. The minimum is on its edge.
    for bad_gradient in [false, true] {
        let mut bowl = bowl(1e3);
        let mut objective = Of(|x: &[f32], g: &mut [f32]| {
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
        for method in METHODS {
            let start = vec![0.9; 100];
            let first = objective.evaluate(&start, &mut [0.0; 100]).unwrap();
            let outcome = minimize(method, &mut objective, start, &limits(80), &mut |step| {
                assert!(step.loss.is_finite() && step.pixels.iter().all(|v| v.is_finite()));
                ControlFlow::Continue(())
            })
            .unwrap();
            check_outcome(&outcome, first);
            assert!(
                outcome.loss > 0.0 && outcome.loss < 0.9 * first,
                "{method:?} {first} → {}",
                outcome.loss
            );
        }
    }
}

#[test]
fn a_start_without_a_loss_is_an_error_that_says_so() {
    for method in METHODS {
        let mut nan = Of(|_: &[f32], g: &mut [f32]| {
            g.fill(0.0);
            f64::NAN
        });
        let error = minimize(method, &mut nan, vec![0.5; 12], &limits(9), &mut go_on).unwrap_err();
        assert!(
            matches!(&error, Error::Numeric(m) if m.starts_with("the loss is NaN at the start")),
            "{error}"
        );
        let mut gradient = Of(|_: &[f32], g: &mut [f32]| {
            g.fill(f32::INFINITY);
            1.0
        });
        let error = minimize(method, &mut gradient, vec![0.5; 12], &limits(9), &mut go_on).unwrap_err();
        assert!(matches!(&error, Error::Numeric(m) if m.starts_with("the gradient has")), "{error}");
        let error = minimize(method, &mut nan, vec![0.5, f32::NAN], &limits(9), &mut go_on).unwrap_err();
        assert!(error.to_string().starts_with("value 1 of the starting picture is NaN"), "{error}");
    }
}

#[test]
fn a_loss_that_turns_to_nan_leaves_the_start() {
    for method in METHODS {
        let mut calls = 0;
        let mut objective = Of(|x: &[f32], g: &mut [f32]| {
            calls += 1;
            g.copy_from_slice(x);
            if calls == 1 { 7.0 } else { f64::NAN }
        });
        let outcome = minimize(method, &mut objective, vec![0.25; 12], &limits(9), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.loss), (StopReason::NoDescent, 7.0));
        assert_eq!(outcome.pixels, vec![0.25; 12]);
        assert!(outcome.evaluations < 50, "{}", outcome.evaluations);
    }
}

#[test]
fn methods_that_cannot_work_are_refused() {
    for method in [
        Method::Lbfgs { history: 0 },
        Method::Adam { learning_rate: 0.0 },
        Method::Adam { learning_rate: f64::NAN },
    ] {
        let error = minimize(method, &mut Gram::new(1), picture(1), &limits(9), &mut go_on).unwrap_err();
        assert!(matches!(error, Error::Option { .. }), "{error}");
    }
}

#[test]
fn flat_and_deceptive_objectives_end_the_run() {
    for method in METHODS {
        let mut flat = Of(|_: &[f32], g: &mut [f32]| {
            g.fill(0.0);
            3.0
        });
        let outcome = minimize(method, &mut flat, vec![0.5; 12], &limits(50), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.evaluations), (StopReason::Converged, 1));
    }
    // A gradient that points the wrong way: no step along −g descends.
    let mut uphill = Of(|x: &[f32], g: &mut [f32]| {
        g.iter_mut().zip(x).for_each(|(g, x)| *g = -x);
        x.iter().map(|&x| f64::from(x * x)).sum()
    });
    let outcome = minimize(Method::LBFGS, &mut uphill, vec![0.5; 12], &limits(50), &mut go_on).unwrap();
    assert_eq!((outcome.stop, outcome.iterations), (StopReason::NoDescent, 0));
    assert!(outcome.evaluations <= 21, "{}", outcome.evaluations);
    // A slope without end is followed as long as it is asked for.
    let mut slope = Of(|x: &[f32], g: &mut [f32]| {
        g.fill(1.0);
        x.iter().map(|&x| f64::from(x)).sum()
    });
    let outcome = minimize(Method::LBFGS, &mut slope, vec![0.5; 12], &limits(5), &mut go_on).unwrap();
    assert!(outcome.pixels.iter().all(|x| x.is_finite()) && outcome.loss < 0.0);
}

#[test]
fn other_errors_of_the_objective_end_the_run_with_that_error() {
    struct Fails(usize);
    impl Objective for Fails {
        fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
            self.0 += 1;
            if self.0 > 4 {
                return Err(Error::Numeric("the fifth".into()));
            }
            Gram::new(1).evaluate(x, gradient)
        }
    }
    for method in METHODS {
        let error = minimize(method, &mut Fails(0), picture(3), &limits(50), &mut go_on).unwrap_err();
        assert_eq!(error.to_string(), "the fifth");
    }
}

#[test]
fn a_flat_tail_converges() {
    let tolerance = Limits { iterations: 5000, tolerance: Some(1e-3) };
    for method in METHODS {
        let outcome = minimize(method, &mut Gram::new(4), picture(6), &tolerance, &mut go_on).unwrap();
        assert_eq!(outcome.stop, StopReason::Converged, "{method:?} after {}", outcome.iterations);
    }
}

#[test]
fn cancelling_any_evaluation_keeps_the_best_and_resuming_changes_no_bit() {
    for method in METHODS {
        // A wall of NaN makes the searches and retreats happen too.
        let walled = || {
            let mut gram = Gram::new(2);
            Of(move |x: &[f32], g: &mut [f32]| {
                let loss = gram.evaluate(x, g).unwrap();
                if x.iter().any(|v| *v > 1.15) { f64::NAN } else { loss }
            })
        };
        let whole = minimize(method, &mut walled(), picture(4), &limits(40), &mut go_on).unwrap();
        println!("{method:?}: {} iterations, {} evaluations", whole.iterations, whole.evaluations);
        let first = walled().evaluate(&picture(4), &mut vec![0.0; 3 * POSITIONS]).unwrap();
        for at in 0..whole.evaluations {
            let mut objective = walled();
            let mut cancelling = CancelAt { inner: &mut objective, at, seen: 0 };
            let half = minimize(method, &mut cancelling, picture(4), &limits(40), &mut go_on).unwrap();
            assert_eq!((half.stop, half.evaluations), (StopReason::Cancelled, at));
            check_outcome(&half, first);
            let done = resume(half.state, &mut objective, &limits(40), &mut go_on).unwrap();
            let state = |o: &Outcome| (o.loss.to_bits(), o.iterations, o.stop, o.pixels.clone());
            assert_eq!(state(&done), state(&whole), "{method:?}, evaluation {at}");
        }
        for stop in 1..whole.iterations {
            let at = &mut |step: &Step| match step.iteration == stop {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let half = minimize(method, &mut walled(), picture(4), &limits(40), at).unwrap();
            assert_eq!((half.stop, half.iterations), (StopReason::Cancelled, stop));
            let done = resume(half.state, &mut walled(), &limits(40), &mut go_on).unwrap();
            assert_eq!(done.pixels, whole.pixels, "{method:?}, iteration {stop}");
            assert_eq!(done.evaluations, whole.evaluations);
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let length = 100_003;
    for method in METHODS {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut next = noise(9);
                let start = (0..length).map(|_| next() as f32).collect();
                minimize(method, &mut Of(bowl(1e3)), start, &limits(25), &mut go_on).unwrap()
            })
        };
        let one = run(1);
        for threads in [2, 3, 8] {
            let many = run(threads);
            assert_eq!(many.loss.to_bits(), one.loss.to_bits());
            assert!(many.pixels == one.pixels, "{method:?}, {threads} threads");
        }
    }
}

/// A history shorter than the run, histories of one, and tiny pictures.
#[test]
fn every_history_and_size_works() {
    for history in [1, 2, 5, 100] {
        let method = Method::Lbfgs { history };
        let outcome = minimize(method, &mut Gram::new(7), picture(9), &limits(60), &mut go_on).unwrap();
        assert!(outcome.loss < 0.02, "{history}: {}", outcome.loss);
    }
    for method in METHODS {
        let outcome = minimize(method, &mut Of(bowl(1.0)), vec![], &limits(9), &mut go_on).unwrap();
        assert_eq!((outcome.stop, outcome.pixels.len()), (StopReason::Converged, 0));
        let mut square = Of(|x: &[f32], g: &mut [f32]| {
            g[0] = x[0] - 0.5;
            0.5 * f64::from(x[0] - 0.5).powi(2)
        });
        let outcome = minimize(method, &mut square, vec![0.0], &limits(200), &mut go_on).unwrap();
        assert!((outcome.pixels[0] - 0.5).abs() < 1e-2, "{method:?}: {}", outcome.pixels[0]);
    }
}
