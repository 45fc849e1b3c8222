//! Every backward and the whole objective against central finite differences in f64, and f32 against f64.
//!
//! ReLU and maximum have kinks, where differences say nothing about the derivative. Between two pictures on
//! which every rectifier and every maximum decides alike, the network is one polynomial (the set of such
//! pictures is convex): a check is made only when that holds for both ends of every step, and the picture is
//! drawn again when it does not. The bar itself is never moved.

mod common;

use common::{
    Case, PADDINGS, POOLINGS, Picture, Rng, cases, central_differences, dot, double, oracle, relative,
    relative_l2,
};
use impasto::internals::engine::Engine;
use impasto::internals::engine::reference::Reference;
use impasto::internals::kernels::plain::{conv, gram, pool, relu};
use impasto::internals::loss::variation;
use impasto::internals::network::{Layer, Stage};
use impasto::internals::tensor::Pooling;
use impasto::internals::tensor::Shape;

/// Half the distance of the differences.
const STEP: f64 = 1e-5;
/// The bar: `‖g − g_fd‖ / ‖g_fd‖`.
const BAR: f64 = 1e-6;

/// Checks `gradient` against the differences of `f` around `x`.
#[track_caller]
fn check(what: &str, x: &[f64], gradient: &[f64], f: impl FnMut(&[f64]) -> f64) {
    let error = relative_l2(gradient, &central_differences(x, STEP, f));
    assert!(error <= BAR, "{what}: the gradient is {error:e} from the differences");
}

/// Values at least 0.01 from 0 and from each other, in random order: no kink within a step.
fn spread(rng: &mut Rng, n: usize) -> Vec<f64> {
    let mut values: Vec<f64> = (0..n).map(|i| (i as f64 - n as f64 / 2.0 + 0.5) * 0.02).collect();
    for i in (1..n).rev() {
        values.swap(i, (rng.next() % (i as u64 + 1)) as usize);
    }
    values
}

#[test]
fn convolution() {
    let mut rng = Rng::new(1);
    for padding in PADDINGS {
        for (inputs, height, width, outputs) in [(3, 5, 7, 4), (2, 2, 2, 3), (1, 2, 9, 1), (4, 3, 4, 2)] {
            let (shape, out) = (Shape::new(inputs, height, width), Shape::new(outputs, height, width));
            let x: Vec<f64> = rng.values(shape.len(), -1.0, 1.0);
            let weight: Vec<f64> = rng.values(9 * inputs * outputs, -1.0, 1.0);
            let bias: Vec<f64> = rng.values(outputs, -1.0, 1.0);
            let y: Vec<f64> = rng.values(out.len(), -1.0, 1.0);
            let mut gradient = vec![0.0; shape.len()];
            let rotated = conv::rotated(&weight, outputs, inputs);
            conv::backward(&y, out, padding, &rotated, inputs, &mut gradient);
            check(&format!("{padding:?} {shape:?}"), &x, &gradient, |x| {
                let mut output = vec![0.0; out.len()];
                conv::forward(x, shape, padding, &weight, &bias, &mut output);
                dot(&output, &y)
            });
        }
    }
}

#[test]
fn rectifier() {
    let mut rng = Rng::new(2);
    let x = spread(&mut rng, 50);
    let y: Vec<f64> = rng.values(50, -1.0, 1.0);
    let rectified = |x: &[f64]| {
        let mut map = x.to_vec();
        relu::rectify(&mut map);
        map
    };
    let mut gradient = y.clone();
    relu::backward(&rectified(&x), &mut gradient);
    check("relu", &x, &gradient, |x| dot(&rectified(x), &y));
}

#[test]
fn poolings() {
    let mut rng = Rng::new(3);
    for pooling in POOLINGS {
        for shape in [Shape::new(2, 5, 7), Shape::new(3, 2, 3), Shape::new(1, 4, 4)] {
            let x = spread(&mut rng, shape.len());
            let y: Vec<f64> = rng.values(pool::pooled(shape).len(), -1.0, 1.0);
            let mut gradient = vec![0.0; shape.len()];
            pool::backward(&x, shape, pooling, &y, &mut gradient);
            check(&format!("{pooling:?} {shape:?}"), &x, &gradient, |x| {
                let mut output = vec![0.0; y.len()];
                pool::forward(x, shape, pooling, &mut output);
                dot(&output, &y)
            });
        }
    }
}

/// Of `Σ(G − T)²`: by F it is D·F with D = 4(G − T), twice the derivative by G.
#[test]
fn gram_matrix() {
    let mut rng = Rng::new(4);
    for (channels, positions) in [(1, 1), (3, 7), (5, 4), (34, 3)] {
        let x: Vec<f64> = rng.values(channels * positions, -1.0, 1.0);
        let target: Vec<f64> = oracle::gram(&rng.values(channels * 6, -1.0, 1.0), channels, 6);
        let difference = |x: &[f64]| {
            let mut g = vec![0.0; channels * channels];
            gram::forward(x, channels, positions, &mut g);
            g.iter().zip(&target).map(|(g, t)| g - t).collect::<Vec<f64>>()
        };
        let derivative: Vec<f64> = difference(&x).iter().map(|d| 4.0 * d).collect();
        let mut gradient = vec![0.0; x.len()];
        gram::backward(&derivative, &x, channels, positions, &mut gradient);
        check(&format!("{channels}x{positions}"), &x, &gradient, |x| {
            let d = difference(x);
            dot(&d, &d)
        });
    }
}

#[test]
fn total_variation() {
    let mut rng = Rng::new(5);
    for shape in [Shape::new(3, 5, 7), Shape::new(1, 1, 6), Shape::new(2, 6, 1)] {
        let x: Vec<f64> = rng.values(shape.len(), 0.0, 1.0);
        let mut gradient = vec![0.0; x.len()];
        variation::add(&x, shape, 2.5, &mut gradient);
        check(&format!("{shape:?}"), &x, &gradient, |x| {
            2.5 * variation::add(x, shape, 0.0, &mut vec![0.0; x.len()])
        });
    }
}

/// What every rectifier and every maximum decided on a picture.
struct Decisions {
    engine: Reference<f64>,
    taps: usize,
}

impl Decisions {
    /// Watches the part of the network that `case` runs.
    fn new(case: &Case) -> Self {
        let plan = case.plan(&case.picture, &case.losses.taps());
        let all: Vec<Layer> =
            case.network.layers().filter(|l| l.stage == Stage::Conv).take(plan.depth()).collect();
        Self { engine: double(case.plan(&case.picture, &all)), taps: all.len() }
    }

    fn at(&mut self, rgb: &[f64]) -> Vec<usize> {
        self.engine.forward(rgb);
        let mut decisions = Vec::new();
        for tap in 0..self.taps {
            let (map, shape) = (self.engine.features(tap), self.engine.plan().tap_shape(tap));
            decisions.extend(map.iter().map(|&value| usize::from(value > 0.0)));
            if self.engine.plan().network().pooling() == Pooling::Max {
                let rectified: Vec<f64> = map.iter().map(|v| v.max(0.0)).collect();
                decisions.extend(oracle::argmax(&rectified, shape));
            }
        }
        decisions
    }
}

/// Checks a case along every coordinate; draws its picture again while a kink lies within a step.
fn check_case(case: &Case) {
    let mut case = case.clone();
    let mut rng = Rng::new(6);
    'draw: for _ in 0..40 {
        let mut decisions = Decisions::new(&case);
        let x = case.picture.rgb.clone();
        let here = decisions.at(&x);
        let mut objective = case.objective(double);
        let mut gradient = vec![f64::NAN; x.len()];
        let value = objective.evaluate(&x, &mut gradient);
        assert!(value > 0.0 && value.is_finite(), "{}: loss {value}", case.name);
        let terms = objective.terms();
        let sum: f64 =
            terms.content.iter().chain(&terms.style).map(|(_, v)| v).sum::<f64>() + terms.tv + terms.range;
        assert!(relative(value, sum) < 1e-14, "{}: the terms do not sum to the total", case.name);

        let mut kink = false;
        let mut scratch = vec![0.0; x.len()];
        let differences = central_differences(&x, STEP, |x| {
            if kink {
                return 0.0;
            }
            kink = decisions.at(x) != here;
            objective.evaluate(x, &mut scratch)
        });
        if kink {
            let (height, width) = (case.picture.height, case.picture.width);
            case.picture = Picture::random(&mut rng, height, width);
            continue 'draw;
        }
        let error = relative_l2(&gradient, &differences);
        assert!(error <= BAR, "{}: the gradient is {error:e} from the differences", case.name);
        println!("{error:.1e} {}", case.name);
        return;
    }
    panic!("{}: forty pictures had a kink within a step", case.name);
}

#[test]
fn objective_in_every_combination() {
    use rayon::prelude::*;
    let all = cases(0xC0FFEE);
    assert_eq!(all.len(), 48);
    all.par_iter().for_each(check_case);
}

/// Each loss alone: an error in a small term cannot hide behind a large one.
#[test]
fn each_loss_alone() {
    // A step of 5 walks through all kinds of taps, presets, poolings and paddings. The network needs a tap,
    // so the variation stands beside a style term that is as good as nothing.
    for case in cases(0xBEEF).iter().step_by(5) {
        for (name, weights) in
            [("content", (1.0, 0.0, 0.0)), ("style", (0.0, 1.0, 0.0)), ("variation", (0.0, 1e-30, 1.0))]
        {
            let mut case = case.clone();
            case.name = format!("{name} alone, {}", case.name);
            (case.losses.content_weight, case.losses.style_weight, case.losses.tv_weight) = weights;
            check_case(&case);
        }
    }
}

/// A single style layer deep in the network sends its gradient through everything above it.
#[test]
fn a_deep_layer_alone() {
    for pooling in POOLINGS {
        for padding in PADDINGS {
            let mut case = cases(0xD00D).remove(0);
            case.name = format!("relu3_2 alone, {pooling:?}, {padding:?}");
            case.network = common::network(77, &[&[4], &[3, 4], &[5, 3]], pooling, padding);
            case.losses.content_layers = common::layers("");
            case.losses.style_layers = common::layers("relu3_2");
            case.losses.tv_weight = 0.0;
            check_case(&case);
        }
    }
}

#[test]
fn every_f32_engine_agrees_with_f64() {
    for case in cases(0xFACADE) {
        let x = &case.picture.rgb;
        let mut exact = case.objective(double);
        let mut expected = vec![0.0; x.len()];
        exact.evaluate(x, &mut expected);
        for (name, algorithm, isa) in common::engines() {
            let mut objective = case.objective(|plan| common::single(&plan, algorithm, isa));
            let mut gradient = vec![f32::NAN; x.len()];
            objective.evaluate(&common::cast::<f32>(x), &mut gradient);
            common::compare_terms(&format!("{name}: {}", case.name), objective.terms(), exact.terms(), 1e-4);
            let error = relative_l2(&gradient, &expected);
            assert!(error <= 1e-4, "{name}: {}: the gradient is {error:e} from f64", case.name);
            println!("{error:.1e} {name}: {}", case.name);
        }
    }
}
