//! Every fast engine (algorithm × instruction set) against the reference engine in f64, which is computed once for all of
//! them: features, moments, comparisons with a fixed map, and gradients of all that a loss can send back.

mod common;

use std::cell::OnceCell;
use std::sync::Arc;

use common::{PADDINGS, POOLINGS, Rng, relative_l2, to_f64};
use impasto::internals::engine::backend::{Backend, ConvolutionAlgorithm};
use impasto::internals::engine::reference::Reference;
use impasto::internals::engine::{Affine, Engine, Fixed, Moments, Order, Products, Region, Seed};
use impasto::internals::network::plan::Plan;
use impasto::internals::tensor::{Factor, PositionMap, PositionWeights, Scalar, Shape, Window};
use impasto::{Layer, Network, Padding, Pooling};
use ndarray::Array3;
use rayon::prelude::*;

/// Bars of relative errors: of features, moments and inner products; of distances; of gradients.
const CLOSE: f64 = 2e-5;
const DISTANCE: f64 = 1e-4;
const GRADIENT: f64 = 1e-4;

/// What is asked at one tap, drawn at random.
struct Question {
    window: Window,
    weights: [PositionWeights; 2],
    u: PositionMap,
    v: PositionMap,
    matrices: [Vec<f64>; 2],
    offsets: [Vec<f64>; 2],
    /// F₀ where it is given, not remembered.
    target: Array3<f64>,
}

impl Question {
    fn new(rng: &mut Rng, shape: Shape) -> Self {
        let Shape { channels: n, height, width } = shape;
        let factors = |rng: &mut Rng| {
            PositionMap::new(height, width, rng.values(shape.positions(), -1.0, 1.0)).unwrap()
        };
        // As large as what comes from the taps below, for one tap's error must not hide behind another's values.
        let spread = 0.3 / (n as f64).sqrt();
        Self {
            window: rng.window(shape),
            weights: [rng.weights(shape), half(shape)],
            u: factors(rng),
            v: factors(rng),
            matrices: [(); 2].map(|()| rng.values(n * n, -spread, spread)),
            offsets: [(); 2].map(|()| rng.values(n, -0.1, 0.1)),
            target: Array3::from_shape_vec((n, height, width), rng.values(shape.len(), -1.0, 1.0)).unwrap(),
        }
    }

    /// Parts of what is sent back, of which each tap takes some: plain ones, weighted ones, without D, without b.
    fn affine(&self) -> [Affine<'_>; 4] {
        let part = |r: usize| Affine {
            weights: Some(&self.weights[r]),
            matrix: Some(&self.matrices[r]),
            offset: Some(&self.offsets[r]),
        };
        [
            Affine { weights: None, offset: None, ..part(0) },
            part(1),
            Affine { weights: None, matrix: None, ..part(0) },
            Affine { offset: None, ..part(0) },
        ]
    }

    fn fixed(&self, kind: usize) -> Option<Fixed<'_>> {
        let factor = |scale, map| Factor { scale, map: Some(map) };
        match kind % 4 {
            0 => None,
            1 => Some(Fixed::difference(0.3)),
            2 => Some(Fixed { own: factor(0.4, &self.u), target: factor(0.4, &self.u) }),
            _ => Some(Fixed { own: factor(0.4, &self.u), target: factor(-0.2, &self.v) }),
        }
    }
}

/// Weight 1 in the left half, 0 in the right: whole register tiles have none.
fn half(shape: Shape) -> PositionWeights {
    let weight = |p: usize| if p % shape.width < shape.width.div_ceil(2) { 1.0 } else { 0.0 };
    PositionWeights::new(shape.height, shape.width, (0..shape.positions()).map(weight).collect()).unwrap()
}

/// Pictures and questions drawn from one seed.
struct Subject {
    size: (usize, usize),
    rgb: Vec<f64>,
    before: Vec<f64>,
    questions: Vec<Question>,
}

/// What an engine answers: one list of numbers for each name, with the bar of its relative error.
type Answers = Vec<(String, Vec<f64>, f64)>;

impl Subject {
    fn new(plan: &Plan, seed: u64) -> Self {
        let (mut rng, picture) = (Rng::new(seed), plan.picture());
        let rgb: Vec<f64> = rng.values(picture.len(), 0.0, 1.0);
        let noise: Vec<f64> = rng.values(picture.len(), 0.0, 0.2);
        let before = rgb.iter().zip(noise).map(|(v, n)| f64::from((0.7 * v + n) as f32)).collect();
        let questions =
            (0..plan.taps().len()).map(|tap| Question::new(&mut rng, plan.tap_shape(tap))).collect();
        Self { size: (picture.height, picture.width), rgb, before, questions }
    }

    fn answers<E: Engine>(&self, engine: &mut E) -> Answers {
        let cast = |values: &[f64]| values.iter().map(|&v| E::Scalar::from_f64(v)).collect::<Vec<_>>();
        let mut answers = Answers::new();
        engine.forward(&cast(&self.before));
        for (tap, question) in self.questions.iter().enumerate() {
            if tap % 3 == 2 {
                engine.set_target(tap, question.target.mapv(E::Scalar::from_f64).view());
            } else {
                engine.remember(tap);
            }
        }
        // Again and again: a workspace that was used before must not shine through.
        for round in 0..3 {
            engine.forward(&cast(&self.rgb));
            if round != 1 {
                self.read(engine, &mut answers);
            }
            let affine: Vec<_> = self.questions.iter().map(Question::affine).collect();
            let seed = |tap: usize| {
                let (kind, affine) = (tap + round, &affine[tap]);
                let affine = match kind % 5 {
                    0 => &affine[..1],
                    1 => &affine[..0],
                    2 => &affine[..2],
                    3 => &affine[1..],
                    _ => &affine[2..3],
                };
                Seed { affine, fixed: self.questions[tap].fixed(kind + tap / 2) }
            };
            let seeds: Vec<Seed> = (0..self.questions.len()).map(seed).collect();
            let mut gradient = vec![E::Scalar::from_f64(f64::NAN); self.rgb.len()];
            engine.backward(&seeds, &mut gradient);
            answers.push((format!("gradient {round}"), to_f64(&gradient), GRADIENT));
        }
        answers
    }

    /// All that can be read at the taps.
    fn read<E: Engine>(&self, engine: &mut E, answers: &mut Answers) {
        for (tap, question) in self.questions.iter().enumerate() {
            let layer = engine.plan().taps()[tap];
            let mut put = |what: &str, values, bar| answers.push((format!("{what} of {layer}"), values, bar));
            put("features", engine.features(tap).iter().map(|v| v.to_f64()).collect(), CLOSE);
            let weights = Some(&question.weights[0]);
            for (what, region) in [
                ("whole", Region::WHOLE),
                ("weighted", Region { window: None, weights }),
                ("window", Region { window: Some(&question.window), weights: None }),
                ("weighted window", Region { window: Some(&question.window), weights }),
            ] {
                let mut moments = Moments::new(engine.plan().tap_shape(tap).channels);
                engine.moments(tap, region, Order::FirstAndSecond, &mut moments);
                put(&format!("{what} second moments"), moments.second.clone(), CLOSE);
                put(&format!("{what} first moments"), moments.first.clone(), CLOSE);
                put(&format!("{what} mass"), vec![moments.mass], 1e-14);
                let second = moments.second.clone();
                engine.moments(tap, region, Order::Second, &mut moments);
                assert_eq!(
                    second, moments.second,
                    "{what} of {layer}: other second moments without the first"
                );
                assert!(moments.first.iter().all(|value| *value == 0.0), "what was not asked for is 0");
            }
            for weights in [None, weights] {
                let (distance, norm) = engine.distance(tap, weights);
                put("distance", vec![distance, norm], DISTANCE);
            }
            let mut products = Products::default();
            engine.products(tap, &mut products);
            put("products", [products.cross, products.own, products.target].concat(), CLOSE);
        }
    }
}

/// One network, one size, one set of taps: the right answers, made when they are first needed.
struct Comparison {
    what: String,
    plan: Plan,
    right: [OnceCell<(Subject, Answers)>; 5],
}

impl Comparison {
    fn new(what: String, network: &Arc<Network>, (height, width): (usize, usize), taps: &[Layer]) -> Self {
        let plan = Plan::new(network.clone(), height, width, taps).unwrap();
        Self { what, plan, right: Default::default() }
    }

    /// Asserts all but gradients on the picture of a draw; says whether the gradients are close too.
    fn agrees(&self, name: &str, backend: &Backend, draw: usize) -> bool {
        let (subject, right) = self.right[draw].get_or_init(|| {
            let subject = Subject::new(&self.plan, 7 + draw as u64);
            let right = subject.answers(&mut Reference::<f64>::new(self.plan.clone()));
            (subject, right)
        });
        let (height, width) = subject.size;
        let mut engine = backend.engine(height, width, self.plan.taps()).unwrap();
        let answers = subject.answers(&mut engine);
        assert_eq!(answers.len(), right.len());
        let mut gradients = true;
        for ((what, actual, bar), (other, expected, _)) in answers.iter().zip(right) {
            assert_eq!(what, other);
            // A window without weight has moments of 0.
            let error = if actual == expected { 0.0 } else { relative_l2(actual, expected) };
            if *bar == GRADIENT && what.starts_with("gradient") {
                gradients &= error < *bar;
            } else {
                assert!(error <= *bar, "{name}, {}: {what}: {error:e}", self.what);
            }
        }
        gradients
    }

    /// Asserts that an engine agrees with the reference.
    ///
    /// Where two values of a window all but tie, or one is all but 0, rounding may send the gradient another way: a
    /// picture may meet such a place, most do not.
    fn check(&self, name: &str, backend: &Backend) {
        if !self.agrees(name, backend, 0) {
            let good = (1..5).filter(|&draw| self.agrees(name, backend, draw)).count();
            assert!(
                good >= 3,
                "{name}, {}: gradients of the first picture and of {} others",
                self.what,
                4 - good
            );
        }
    }
}

fn layers(names: &[&str]) -> Vec<Layer> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// On a large map a chunk of tiles gets what the losses add while it is in the cache; here on one thread, since with
/// many threads the map would have to be larger still.
#[test]
fn large_maps_agree_with_the_reference() {
    let network = common::network(3, &[&[16, 32, 16]], Pooling::Average, Padding::Reflect);
    let taps = layers(&["relu1_1", "conv1_1", "relu1_2", "relu1_3"]);
    impasto::internals::run::threads::pool(Some(1)).unwrap().install(|| {
        let comparison = Comparison::new("large".to_string(), &network, (130, 141), &taps);
        for (name, algorithm, isa) in common::engines() {
            if [ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6].contains(&algorithm) {
                comparison.check(&name, &Backend::new(network.clone(), algorithm, isa).unwrap());
            }
        }
    });
}

#[test]
fn every_engine_agrees_with_the_reference() {
    let cases: [(&[&[usize]], &[&str]); 5] = [
        (&[&[16, 32], &[48]], &["relu1_1", "conv1_2", "relu2_1"]),
        (&[&[5], &[17, 33], &[20]], &["relu1_1", "relu2_2", "relu3_1"]),
        (&[&[24, 24], &[40, 40]], &["conv1_1", "relu1_2", "conv2_2", "relu2_2"]),
        (&[&[64, 64], &[80]], &["relu2_1"]),
        // Wide enough that kernels are transformed in use.
        (&[&[8], &[210, 212]], &["relu2_1", "relu2_2"]),
    ];
    let sizes = [(8, 8), (17, 23), (33, 9), (64, 70)];
    let mut all = Vec::new();
    for (case, (widths, taps)) in cases.iter().enumerate() {
        // The widest case is slow in f64: two sizes do.
        let sizes = if case == 4 { &sizes[1..3] } else { &sizes[..] };
        for pooling in POOLINGS {
            for padding in PADDINGS {
                all.extend(sizes.iter().map(|&size| (case, widths, layers(taps), pooling, padding, size)));
            }
        }
    }
    all.par_iter().for_each(|(case, widths, taps, pooling, padding, size)| {
        let network = common::network(*case as u64 + 1, widths, *pooling, *padding);
        let what = format!("case {case}, {pooling:?}, {padding:?}, {size:?}");
        let comparison = Comparison::new(what, &network, *size, taps);
        for (name, algorithm, isa) in common::engines() {
            comparison.check(&name, &Backend::new(network.clone(), algorithm, isa).unwrap());
        }
    });
}

/// A plan's estimate of its own work, told where it is known beforehand.
#[test]
fn steps_count_the_products_that_are_made() {
    let network = common::network(1, &[&[4], &[6]], Pooling::Max, Padding::Zeros);
    let backend = |algorithm| Backend::new(network.clone(), algorithm, None).unwrap();
    let steps = |algorithm| backend(algorithm).steps(12, 12, &layers(&["relu2_1"])).unwrap();
    let [direct, four, six] =
        [ConvolutionAlgorithm::Direct, ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6]
            .map(steps);
    // 3·4 pairs of channels at 144 positions, 4·6 at 36; nine taps, two operations, two directions.
    let first = 36.0 * 12.0 * 144.0;
    assert_eq!(direct.flops(), first + 36.0 * 24.0 * 36.0);
    assert_eq!(direct.direct_flops(), direct.flops());
    // Four tiles of 36 products, or one of 64.
    assert_eq!(four.flops(), first + 4.0 * 24.0 * 4.0 * 36.0);
    assert_eq!(six.flops(), first + 4.0 * 24.0 * 64.0);
    assert_eq!(six.direct_flops(), direct.flops());
}
