//! Every backward and the whole objective against central finite differences in f64, and f32 against f64.
//!
//! ReLU and maximum have kinks, where differences say nothing about the derivative. Between two pictures on
//! which every rectifier and every maximum decides alike, the network is one polynomial (the set of such
//! pictures is convex): a check is made only when that holds for both ends of every step, and the picture is
//! drawn again when it does not. The bar itself is never moved.

mod common;

use ndarray::Array3;

use common::{
    Case, PADDINGS, POOLINGS, Picture, Rng, cases, central_differences, dot, double, oracle, relative,
    relative_l2,
};
use impasto::internals::engine::reference::Reference;
use impasto::internals::engine::{Affine, Engine, Fixed, Moments, Order, Products, Region, Seed};
use impasto::internals::kernels::plain::{conv, moments, pool, relu};
use impasto::internals::loss::variation;
use impasto::internals::network::{Layer, Stage};
use impasto::internals::tensor::{Factor, Pooling, PositionMap, PositionWeights, Shape, Window};

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

/// Of `Σ(S − T)² + Σ(m − t)²`: by F it is w·(D·F + b) with D = 4(S − T), twice the derivative by S, and b = 2(m − t).
#[test]
fn second_and_first_moments() {
    let mut rng = Rng::new(4);
    for (channels, height, width) in [(1, 1, 1), (3, 7, 1), (5, 2, 4), (34, 1, 3)] {
        let shape = Shape::new(channels, height, width);
        let whole = Window::whole(shape);
        let x: Vec<f64> = rng.values(shape.len(), -1.0, 1.0);
        for weights in [None, Some(rng.weights(shape))] {
            let other: Vec<f64> = rng.values(shape.len(), -1.0, 1.0);
            let targets = oracle::moments(&other, shape, &whole, None);
            let differences = |x: &[f64]| {
                let (mut s, mut m) = (vec![0.0; channels * channels], vec![0.0; channels]);
                moments::forward(x, shape, &whole, weights.as_ref(), &mut s, Some(&mut m));
                s.iter_mut().zip(&targets.0).for_each(|(s, t)| *s -= t);
                m.iter_mut().zip(&targets.1).for_each(|(m, t)| *m -= t);
                (s, m)
            };
            let (s, m) = differences(&x);
            let matrix: Vec<f64> = s.iter().map(|s| 4.0 * s).collect();
            let offset: Vec<f64> = m.iter().map(|m| 2.0 * m).collect();
            let mut gradient = vec![0.0; x.len()];
            let weighted = weights.as_ref();
            let part = Affine { weights: weighted, matrix: Some(&matrix), offset: Some(&offset) };
            moments::backward(&part, &x, shape, &mut gradient);
            check(&format!("{shape:?}, weighted: {}", weights.is_some()), &x, &gradient, |x| {
                let (s, m) = differences(x);
                dot(&s, &s) + dot(&m, &m)
            });
        }
    }
}

#[test]
fn total_variation() {
    let mut rng = Rng::new(5);
    let shapes = [Shape::new(3, 5, 7), Shape::new(1, 1, 6), Shape::new(2, 6, 1)];
    for (shape, wraps) in shapes.into_iter().flat_map(|shape| [(shape, false), (shape, true)]) {
        let x: Vec<f64> = rng.values(shape.len(), 0.0, 1.0);
        let mut gradient = vec![0.0; x.len()];
        variation::add(&x, shape, 2.5, wraps, &mut gradient, &mut Vec::new());
        check(&format!("{shape:?}"), &x, &gradient, |x| {
            2.5 * variation::add(x, shape, 0.0, wraps, &mut vec![0.0; x.len()], &mut Vec::new())
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
        let terms = objective.evaluate(&x, &mut gradient);
        let value = terms.total;
        assert!(value > 0.0 && value.is_finite(), "{}: loss {value}", case.name);
        let features = terms.content.iter().chain(&terms.style).map(|(_, v)| v).sum::<f64>();
        let sum = features + terms.pixel.iter().map(|(_, v)| v).sum::<f64>();
        assert!(relative(value, sum) < 1e-14, "{}: the terms do not sum to the total", case.name);

        let mut kink = false;
        let mut scratch = vec![0.0; x.len()];
        let differences = central_differences(&x, STEP, |x| {
            if kink {
                return 0.0;
            }
            kink = decisions.at(x) != here;
            objective.evaluate(x, &mut scratch).total
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
    assert_eq!(all.len(), 90);
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
        let exact = exact.evaluate(x, &mut expected);
        for (name, algorithm, isa) in common::engines() {
            let mut objective = case.objective(|plan| common::single(&plan, algorithm, isa));
            let mut gradient = vec![f32::NAN; x.len()];
            let terms = objective.evaluate(&common::cast::<f32>(x), &mut gradient);
            common::compare_terms(&format!("{name}: {}", case.name), terms, exact, 1e-4);
            let error = relative_l2(&gradient, &expected);
            assert!(error <= 1e-4, "{name}: {}: the gradient is {error:e} from f64", case.name);
            println!("{error:.1e} {name}: {}", case.name);
        }
    }
}

/// A loss that uses all that engines offer at one tap: the moments of two regions, each with targets of its own, and
/// what looks at a given F₀ with factors by position.
struct Everything {
    regions: [PositionWeights; 2],
    targets: [Moments; 2],
    own: PositionMap,
    target: PositionMap,
    kept: PositionWeights,
    /// D of the parts, N×N and N each.
    matrices: [Vec<f64>; 2],
    offsets: [Vec<f64>; 2],
}

impl Everything {
    fn new(rng: &mut Rng, shape: Shape) -> Self {
        let n = shape.channels;
        let positions = |rng: &mut Rng| {
            PositionMap::new(shape.height, shape.width, rng.values(shape.positions(), -1.0, 1.0)).unwrap()
        };
        let target = |rng: &mut Rng| {
            let mut target = Moments::new(n);
            target.second = rng.values(n * n, -1.0, 1.0);
            target.first = rng.values(n, -1.0, 1.0);
            target
        };
        Self {
            regions: [rng.weights(shape), rng.weights(shape)],
            targets: [target(rng), target(rng)],
            own: positions(rng),
            target: positions(rng),
            kept: rng.weights(shape),
            matrices: Default::default(),
            offsets: Default::default(),
        }
    }

    /// `Σ_r ½|S_r − T_r|² + ½|m_r − t_r|²` (T need not be symmetric) `+ Σ_p ½u|F|² − v⟨F, F₀⟩ + Σw|F − F₀|²`, and what it
    /// sends back.
    fn evaluate(&mut self, engine: &mut Reference<f64>, tap: usize) -> f64 {
        let n = engine.plan().tap_shape(tap).channels;
        let (mut sum, mut moments, mut products) = (0.0, Moments::new(n), Products::default());
        for r in 0..2 {
            let region = Region { weights: Some(&self.regions[r]), window: None };
            engine.moments(tap, region, Order::FirstAndSecond, &mut moments);
            moments.second.iter_mut().zip(&self.targets[r].second).for_each(|(s, t)| *s -= t);
            moments.first.iter_mut().zip(&self.targets[r].first).for_each(|(m, t)| *m -= t);
            sum += 0.5 * dot(&moments.second, &moments.second) + 0.5 * dot(&moments.first, &moments.first);
            let s = &moments.second;
            self.matrices[r] = (0..n * n).map(|at| s[at] + s[at % n * n + at / n]).collect();
            self.offsets[r] = moments.first.clone();
        }
        engine.products(tap, &mut products);
        for (p, (&u, &v)) in self.own.values().iter().zip(self.target.values()).enumerate() {
            sum += 0.5 * f64::from(u) * products.own[p] - f64::from(v) * products.cross[p];
        }
        sum + engine.distance(tap, Some(&self.kept)).0
    }

    fn seeds(&self) -> [[Affine<'_>; 2]; 1] {
        [[0, 1].map(|r| Affine {
            weights: Some(&self.regions[r]),
            matrix: Some(&self.matrices[r]),
            offset: Some(&self.offsets[r]),
        })]
    }
}

/// The closed form through a whole network: regions with weights, means, offsets, factors by position, a given F₀.
#[test]
fn regions_means_and_given_targets() {
    let mut rng = Rng::new(7);
    for pooling in POOLINGS {
        for (padding, layer) in PADDINGS.into_iter().zip(["relu2_1", "conv2_1"]) {
            let mut case = cases(0xF00D).remove(0);
            case.network = common::network(78, &[&[3, 4], &[5], &[4]], pooling, padding);
            case.losses.content_layers = common::layers(layer);
            case.losses.style_layers = common::layers(layer);
            'draw: loop {
                let plan = case.plan(&case.picture, &[layer.parse().unwrap()]);
                let shape = plan.tap_shape(0);
                let mut decisions = Decisions::new(&case);
                let x = case.picture.rgb.clone();
                let here = decisions.at(&x);
                let mut engine = double(plan);
                let target = rng.values::<f64>(shape.len(), -1.0, 1.0);
                let target = Array3::from_shape_vec((shape.channels, shape.height, shape.width), target);
                engine.set_target(0, target.unwrap().view());
                let mut loss = Everything::new(&mut rng, shape);
                engine.forward(&x);
                let value = loss.evaluate(&mut engine, 0);
                assert!(value.is_finite() && value != 0.0);
                // u·F − v·F₀ and 2w·(F − F₀) in one: u + 2w and v + 2w.
                let plus = |map: &PositionMap| {
                    let sum = map.values().iter().zip(loss.kept.map().values()).map(|(a, w)| a + 2.0 * w);
                    PositionMap::new(map.height(), map.width(), sum.collect()).unwrap()
                };
                let (own, target) = (plus(&loss.own), plus(&loss.target));
                let factor = |map| Factor { scale: 1.0, map: Some(map) };
                let fixed = Fixed { own: factor(&own), target: factor(&target) };
                let [affine] = loss.seeds();
                let seed = Seed { affine: &affine, fixed: Some(fixed) };
                let mut gradient = vec![0.0; x.len()];
                engine.backward(&[seed], &mut gradient);
                let mut kink = false;
                let differences = central_differences(&x, STEP, |x| {
                    kink |= decisions.at(x) != here;
                    engine.forward(x);
                    loss.evaluate(&mut engine, 0)
                });
                if kink {
                    let (height, width) = (case.picture.height, case.picture.width);
                    case.picture = Picture::random(&mut rng, height, width);
                    continue 'draw;
                }
                let error = relative_l2(&gradient, &differences);
                assert!(error <= BAR, "{layer}: the gradient is {error:e} from the differences");
                break;
            }
        }
    }
}

#[test]
fn moments_of_windows_add_up_to_those_of_the_whole() {
    let mut rng = Rng::new(8);
    let case = cases(0xADD).remove(0);
    let mut engine = double(case.plan(&case.picture, &["relu1_2".parse().unwrap()]));
    engine.forward(&case.picture.rgb);
    let shape = engine.plan().tap_shape(0);
    for weights in [None, Some(&rng.weights(shape))] {
        let [mut whole, mut sum, mut part] = [(); 3].map(|()| Moments::new(shape.channels));
        engine.moments(0, Region { window: None, weights }, Order::FirstAndSecond, &mut whole);
        for rows in [0..4, 4..shape.height] {
            for columns in [0..1, 1..7, 7..shape.width] {
                let window = Window { rows: rows.clone(), columns };
                let region = Region { window: Some(&window), weights };
                engine.moments(0, region, Order::FirstAndSecond, &mut part);
                sum += &part;
            }
        }
        common::assert_allclose(&sum.second, &whole.second, 1e-13, 0.0);
        common::assert_allclose(&sum.first, &whole.first, 1e-13, 0.0);
        common::assert_allclose(&[sum.mass], &[whole.mass], 1e-13, 0.0);
        engine.moments(0, Region { window: None, weights }, Order::Second, &mut part);
        assert_eq!((&part.second, part.mass), (&whole.second, whole.mass));
        assert!(part.first.iter().all(|value| *value == 0.0), "what was not asked for is 0");
    }
}
