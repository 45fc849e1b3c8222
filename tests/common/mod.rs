//! What the numeric tests share: seeded numbers, comparisons that say where they failed, tiny networks and
//! whole objectives in memory. Submodules hold the naive oracles and the test set of every convolution.
#![allow(dead_code, unused_macros, unused_imports)] // each test binary uses its own part

pub mod convolution;
pub mod fixtures;
pub mod optional;
pub mod oracle;

use std::sync::Arc;

use impasto::internals::engine::Engine;
use impasto::internals::engine::backend::{Backend, BoxedEngine, ConvolutionAlgorithm as Algorithm};
use impasto::internals::engine::reference::Reference;
use impasto::internals::kernels::simd::Isa;
use impasto::internals::loss::objective::{ContentPicture, Objective, StyleRegion};
use impasto::internals::loss::targets::{blend, measure};
use impasto::internals::loss::{Losses, Normalisation, StyleStatistic, Terms};
use impasto::internals::network::plan::Plan;
use impasto::internals::tensor::{PositionWeights, Scalar, Shape, Window};
use impasto::{Layer, Network, Padding, Pooling, WeightedLayer};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

pub const PADDINGS: [Padding; 3] = [Padding::Zeros, Padding::Reflect, Padding::Wrap];
pub const POOLINGS: [Pooling; 2] = [Pooling::Max, Pooling::Average];

/// SplitMix64: the same numbers on every machine and in every run.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, uniform.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `n` uniform values that f32 and f64 both hold exactly, so that both precisions see the same data.
    pub fn values<T: Scalar>(&mut self, n: usize, low: f64, high: f64) -> Vec<T> {
        (0..n).map(|_| T::from_f64(f64::from(self.uniform(low, high) as f32))).collect()
    }

    /// A part of a map, at least one position.
    pub fn window(&mut self, shape: Shape) -> Window {
        let mut range = |side: usize| {
            let first = (self.next() % side as u64) as usize;
            first..first + 1 + (self.next() % (side - first) as u64) as usize
        };
        Window { rows: range(shape.height), columns: range(shape.width) }
    }

    /// Weights of which a quarter are 0.
    pub fn weights(&mut self, shape: Shape) -> PositionWeights {
        let values: Vec<f32> = self.values(shape.positions(), -0.5, 1.5);
        let values = values.into_iter().map(|weight| weight.max(0.0)).collect();
        PositionWeights::new(shape.height, shape.width, values).unwrap()
    }
}

/// Runs a property on `cases` seeded draws of `strategy`; a failure is shrunk and reported with its input.
pub fn property<S: Strategy>(cases: u32, strategy: S, check: impl Fn(S::Value)) {
    let config =
        Config { cases, rng_seed: RngSeed::Fixed(0x9A57), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |value| {
        check(value);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

pub fn to_f64<T: Scalar>(values: &[T]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

pub fn cast<T: Scalar>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&v| T::from_f64(v)).collect()
}

pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |best, v| v.abs().max(best))
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// `‖actual − expected‖₂ / ‖expected‖₂`.
pub fn relative_l2<T: Scalar>(actual: &[T], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let difference: Vec<f64> = actual.iter().zip(expected).map(|(a, e)| a.to_f64() - e).collect();
    (dot(&difference, &difference) / dot(expected, expected)).sqrt()
}

/// Asserts `|actual − expected| ≤ absolute + relative·|expected|` everywhere; NaN never passes.
#[track_caller]
pub fn assert_allclose<T: Scalar>(actual: &[T], expected: &[f64], relative: f64, absolute: f64) {
    assert_eq!(actual.len(), expected.len(), "lengths");
    let excess = |at: usize| {
        let bound = absolute + relative * expected[at].abs();
        let error = (actual[at].to_f64() - expected[at]).abs();
        if error <= bound {
            0.0
        } else if error.is_nan() {
            f64::INFINITY
        } else {
            error
        }
    };
    let bad: Vec<usize> = (0..actual.len()).filter(|&at| excess(at) > 0.0).collect();
    let Some(&first) = bad.first() else { return };
    let worst = bad.iter().copied().max_by(|&a, &b| excess(a).total_cmp(&excess(b))).unwrap();
    let show = |at: usize| format!("[{at}] {:e}, expected {:e}", actual[at].to_f64(), expected[at]);
    panic!(
        "{} of {} values differ by more than {absolute:e} + {relative:e}·|expected|\n first {}\n worst {}",
        bad.len(),
        actual.len(),
        show(first),
        show(worst)
    );
}

/// Central differences of `f` along every coordinate: `(f(x+h) − f(x−h)) / 2h`.
pub fn central_differences(x: &[f64], h: f64, mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut at = x.to_vec();
    (0..x.len())
        .map(|i| {
            let (above, below) = (x[i] + h, x[i] - h);
            at[i] = above;
            let up = f(&at);
            at[i] = below;
            let down = f(&at);
            at[i] = x[i];
            (up - down) / (above - below)
        })
        .collect()
}

/// A network with random weights and biases; `blocks` are the output channels of each block's convolutions.
///
/// The colour map is a full 3×3 matrix without symmetry, so that no transposition goes unnoticed.
pub fn network(seed: u64, blocks: &[&[usize]], pooling: Pooling, padding: Padding) -> Arc<Network> {
    let mut rng = Rng::new(seed);
    let mut builder = Network::builder("a random network").pooling(pooling).padding(padding);
    let mut inputs = 3;
    for widths in blocks {
        let convolution = |&outputs: &usize| {
            let spread = (6.0 / (9 * inputs) as f64).sqrt();
            let weight = rng.values::<f32>(outputs * inputs * 9, -spread, spread);
            inputs = outputs;
            (outputs, weight, rng.values::<f32>(outputs, -0.2, 0.3))
        };
        builder = builder.block(widths.iter().map(convolution).collect::<Vec<_>>());
    }
    let mut input_weight = [0.0f32; 9];
    input_weight.copy_from_slice(&rng.values::<f32>(9, -2.0, 2.0));
    let mut input_bias = [0.0f32; 3];
    input_bias.copy_from_slice(&rng.values::<f32>(3, -0.5, 0.5));
    Arc::new(builder.colour_map(input_weight, input_bias).build().unwrap())
}

/// Layers written as on the command line: `relu1_1,conv2_1:0.5`.
pub fn layers(text: &str) -> Vec<WeightedLayer> {
    let parse = |item: &str| {
        let (name, weight) = item.split_once(':').unwrap_or((item, "1"));
        (name.parse::<Layer>().unwrap(), weight.parse::<f64>().unwrap())
    };
    text.split(',').filter(|item| !item.is_empty()).map(parse).collect()
}

/// RGB in [0, 1], 3×H×W.
#[derive(Clone)]
pub struct Picture {
    pub height: usize,
    pub width: usize,
    pub rgb: Vec<f64>,
}

impl Picture {
    pub fn random(rng: &mut Rng, height: usize, width: usize) -> Self {
        Self { height, width, rgb: rng.values(3 * height * width, -0.1, 1.1) }
    }

    /// As unlike plain noise as styles are: another brightness in each channel, less contrast. (Of two pictures of
    /// the same noise, the Gram matrices nearly cancel, and no f32 term is good to 1e-4.)
    pub fn style(rng: &mut Rng, height: usize, width: usize) -> Self {
        let channel = |brightness: f64| rng.values::<f64>(height * width, brightness, brightness + 0.4);
        Self { height, width, rgb: [0.1, 0.6, 0.0].into_iter().flat_map(channel).collect() }
    }
}

/// Everything that an objective is made of.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub network: Arc<Network>,
    pub losses: Losses,
    /// Has the size of `picture`.
    pub content: Option<Picture>,
    /// Of any sizes.
    pub styles: Vec<Picture>,
    pub blend: Vec<f64>,
    /// Where the objective is evaluated.
    pub picture: Picture,
}

impl Case {
    pub fn plan(&self, picture: &Picture, taps: &[Layer]) -> Plan {
        Plan::new(self.network.clone(), picture.height, picture.width, taps).unwrap()
    }

    /// The objective over engines that `engine` makes.
    pub fn objective<E: Engine>(&self, engine: impl Fn(Plan) -> E) -> Objective<E> {
        let losses = self.losses.clone().normalised().unwrap();
        let style_layers: Vec<Layer> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        let measured: Vec<_> = self
            .styles
            .iter()
            .map(|style| {
                measure(
                    &mut engine(self.plan(style, &style_layers)),
                    &cast(&style.rgb),
                    &style_layers,
                    losses.statistic.order(),
                    None,
                )
            })
            .collect();
        let sum: f64 = self.blend.iter().sum();
        let shares: Vec<f64> = self.blend.iter().map(|weight| weight / sum).collect();
        let styles = match measured.is_empty() {
            true => Vec::new(),
            false => vec![StyleRegion::everywhere(blend(&measured, &shares))],
        };
        let content = self.content.as_ref().map(|c| cast(&c.rgb));
        let engine = engine(self.plan(&self.picture, &losses.taps()));
        let content = content.as_deref().map(|rgb| ContentPicture { rgb, weights: None });
        Objective::new(engine, &losses, content, &styles).unwrap()
    }
}

/// The engine of the gradient checks.
pub fn double(plan: Plan) -> Reference<f64> {
    Reference::new(plan)
}

/// The instruction sets that this processor has, by name; those that it lacks are reported as skipped.
pub fn instruction_sets() -> Vec<(&'static str, Isa)> {
    Isa::ALL.into_iter().filter(|&(name, isa)| isa.available() || skipped(name)).collect()
}

/// Reports, once and past the capture of the test harness, that nothing was tested with an instruction set; false.
pub fn skipped(set: &'static str) -> bool {
    use std::io::Write;
    static REPORTED: std::sync::Mutex<Vec<&str>> = std::sync::Mutex::new(Vec::new());
    let mut reported = REPORTED.lock().unwrap();
    if !reported.contains(&set) {
        reported.push(set);
        writeln!(std::io::stderr(), "skipped: {set}, which this processor lacks").unwrap();
    }
    false
}

/// Every f32 engine that this processor can run, by name: each must agree with [`double`] and with PyTorch.
pub fn engines() -> Vec<(String, Algorithm, Option<Isa>)> {
    let mut engines = vec![("im2col".to_string(), Algorithm::Im2col, None)];
    for (name, algorithm) in
        Algorithm::ALL.into_iter().filter(|(_, algorithm)| *algorithm != Algorithm::Im2col)
    {
        engines.extend(
            instruction_sets().into_iter().map(|(set, isa)| (format!("{name} {set}"), algorithm, Some(isa))),
        );
    }
    engines
}

/// The engine of a plan.
pub fn single(plan: &Plan, algorithm: Algorithm, isa: Option<Isa>) -> BoxedEngine {
    let (network, picture) = (plan.network().clone(), plan.picture());
    Backend::new(network, algorithm, isa).unwrap().engine(picture.height, picture.width, plan.taps()).unwrap()
}

/// Objectives of every normalisation and statistic × pooling × padding × side of the ReLU, with two blended styles of different
/// sizes, layer weights and total variation, at picture sizes that are odd somewhere.
pub fn cases(seed: u64) -> Vec<Case> {
    let mut rng = Rng::new(seed);
    let taps = [
        ("before the ReLU", "conv2_1", "conv1_1,conv1_2:0.3,conv2_1,conv3_1:2"),
        ("after the ReLU", "relu2_1", "relu1_1,relu1_2:0.3,relu2_1,relu3_1:2"),
        ("mixed", "relu1_2,conv2_1:0.25,relu3_1", "conv1_1:0.5,relu1_1,relu2_1:3,conv3_1"),
    ];
    let sizes = [(9, 11), (11, 8), (13, 9)];
    let mut cases = Vec::new();
    for pooling in POOLINGS {
        for padding in PADDINGS {
            let gram =
                Normalisation::ALL.map(|(name, normalisation)| (name, normalisation, StyleStatistic::Gram));
            let covariance = ("covariance", Normalisation::Relative, StyleStatistic::Covariance);
            for (family, normalisation, statistic) in gram.into_iter().chain([covariance]) {
                for ((place, content_layers, style_layers), (height, width)) in taps.into_iter().zip(sizes) {
                    let network = network(rng.next(), &[&[3, 4], &[5], &[4]], pooling, padding);
                    let losses = Losses {
                        normalisation,
                        statistic,
                        content_weight: 0.7,
                        style_weight: 1.9,
                        tv_weight: 0.4,
                        range_weight: 0.3,
                        content_layers: layers(content_layers),
                        style_layers: layers(style_layers),
                        terms: Vec::new(),
                    };
                    cases.push(Case {
                        name: format!("{family}, {pooling:?}, {padding:?}, {place}, {height}x{width}"),
                        network,
                        losses,
                        content: Some(Picture::random(&mut rng, height, width)),
                        styles: vec![Picture::style(&mut rng, 10, 15), Picture::random(&mut rng, 17, 8)],
                        blend: vec![2.0, 1.0],
                        picture: Picture::random(&mut rng, height, width),
                    });
                }
            }
        }
    }
    cases
}

/// The relative error of one number.
pub fn relative(actual: f64, expected: f64) -> f64 {
    if actual == expected { 0.0 } else { (actual - expected).abs() / expected.abs() }
}

/// Asserts that every term, `tv` and the total agree to a relative `bar`.
#[track_caller]
pub fn compare_terms(what: &str, actual: &Terms, expected: &Terms, bar: f64) {
    let list = |t: &Terms| {
        let mut list = vec![("total".to_string(), t.total), ("tv".to_string(), t.pixel("tv"))];
        list.extend(t.content.iter().map(|(l, v)| (format!("content {l}"), *v)));
        list.extend(t.style.iter().map(|(l, v)| (format!("style {l}"), *v)));
        list
    };
    let (actual, expected) = (list(actual), list(expected));
    assert_eq!(actual.len(), expected.len(), "{what}: number of terms");
    for ((name, a), (other, e)) in actual.iter().zip(&expected) {
        assert_eq!(name, other, "{what}");
        assert!(relative(*a, *e) <= bar, "{what}: {name} is {a:e}, expected {e:e}");
    }
}
