//! A picture in tiles has the loss and the gradient of the whole: for every padding, pooling, statistic, layer set and
//! mask, at sizes that poolings do not divide; and a margin that is a little too narrow is found.

mod common;

use std::sync::Arc;

use common::{POOLINGS, Picture, Rng, cast, double, largest, layers, relative, single, to_f64};
use impasto::internals::engine::backend::ConvolutionAlgorithm as Algorithm;
use impasto::internals::engine::tiles::Tiles;
use impasto::internals::engine::{Engine, Tiling};
use impasto::internals::loss::objective::{ContentPicture, Objective, StyleRegion};
use impasto::internals::loss::targets::{StyleTarget, measure, measure_in_tiles};
use impasto::internals::loss::{Losses, Normalisation, StyleStatistic, Terms};
use impasto::internals::network::plan::Plan;
use impasto::internals::tensor::{PositionWeights, Scalar};
use impasto::{Layer, Network, Padding, Pooling};

/// What is evaluated.
struct Question {
    network: Arc<Network>,
    losses: Losses,
    masked: bool,
    size: (usize, usize),
    seed: u64,
}

impl Question {
    fn new(seed: u64, pooling: Pooling, padding: Padding, size: (usize, usize)) -> Self {
        let losses = Losses {
            normalisation: Normalisation::Relative,
            statistic: StyleStatistic::Gram,
            content_weight: 0.7,
            style_weight: 1.9,
            tv_weight: 0.2,
            range_weight: 0.5,
            content_layers: layers("relu1_2,conv2_2:0.5,relu3_1"),
            style_layers: layers("relu1_1,relu1_2:0.3,conv2_1,relu3_1:2"),
            terms: Vec::new(),
        };
        let network = common::network(seed, &[&[4, 5], &[6, 5], &[7]], pooling, padding);
        Self { network, losses, masked: false, size, seed }
    }

    fn plan(&self) -> Plan {
        Plan::new(self.network.clone(), self.size.0, self.size.1, &self.losses.taps()).unwrap()
    }

    /// Loss and gradient by engines that `make` makes.
    fn evaluate<E: Engine>(&self, tiling: Tiling, make: impl Fn(Plan) -> E) -> (Terms, Vec<f64>) {
        let losses = self.losses.clone().normalised().unwrap();
        let mut rng = Rng::new(self.seed);
        let (height, width) = self.size;
        let [content, picture] = [(); 2].map(|()| Picture::random(&mut rng, height, width));
        let style = Picture::style(&mut rng, 21, 34);
        let layers: Vec<Layer> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        let order = losses.statistic.order();
        let plan = Plan::new(self.network.clone(), 21, 34, &layers);
        let measured = plan.map(|plan| measure(&mut make(plan), &cast(&style.rgb), &layers, order, None));
        let targets = measured.unwrap_or_default();
        let whole = tiling.plan().clone();
        // Weights of no order, so that a shift by one position is seen.
        let weights = |layer: Layer, salt: u64| {
            Rng::new(salt + layer.block as u64).weights(whole.tap_shape(whole.tap(layer).unwrap()))
        };
        let region = |salt: u64| move |layer: Layer| (weights(layer, salt), 0.5);
        let (one, two) = (region(10), region(20));
        let keep = |layer: Layer| weights(layer, 30);
        let region = |weights| StyleRegion { targets: targets.clone(), weight: 1.0, weights };
        let styles = match self.masked {
            true => vec![region(Some(&one as &dyn Fn(Layer) -> _)), region(Some(&two as _))],
            false => vec![region(None)],
        };
        let weights = self.masked.then_some(&keep as &dyn Fn(Layer) -> PositionWeights);
        let rgb: Vec<E::Scalar> = cast(&content.rgb);
        let content = (losses.content_weight > 0.0).then_some(ContentPicture { rgb: &rgb, weights });
        let tiles = Tiles::new(make(tiling.tile().clone()), tiling);
        let mut objective = Objective::in_tiles(tiles, &losses, content, &styles).unwrap();
        let mut gradient = vec![E::Scalar::ZERO; picture.rgb.len()];
        let rgb: Vec<E::Scalar> = cast(&picture.rgb);
        let terms = objective.evaluate(&rgb, &mut gradient).clone();
        // What was reused is as good as new.
        let mut again = vec![E::Scalar::from_f64(f64::NAN); picture.rgb.len()];
        assert_eq!(*objective.evaluate(&rgb, &mut again), terms);
        assert_eq!(again, gradient);
        (terms, to_f64(&gradient))
    }

    fn whole<E: Engine>(&self, make: impl Fn(Plan) -> E) -> (Terms, Vec<f64>) {
        self.evaluate(Tiling::whole(self.plan()), make)
    }
}

/// The largest relative difference of terms, and of gradients as a part of the largest slope.
fn difference(a: &(Terms, Vec<f64>), b: &(Terms, Vec<f64>)) -> (f64, f64) {
    let list = |t: &Terms| {
        let named = t.content.iter().chain(&t.style).map(|term| term.1);
        let mut list: Vec<f64> = named.chain(t.pixel.iter().map(|term| term.1)).collect();
        list.push(t.total);
        list
    };
    let (list_a, list_b) = (list(&a.0), list(&b.0));
    assert_eq!(list_a.len(), list_b.len());
    let terms = list_a.iter().zip(&list_b).map(|(a, b)| relative(*a, *b)).fold(0.0, f64::max);
    let slopes: Vec<f64> = a.1.iter().zip(&b.1).map(|(a, b)| a - b).collect();
    (terms, largest(&slopes) / largest(&b.1))
}

#[track_caller]
fn assert_close(what: &str, a: &(Terms, Vec<f64>), b: &(Terms, Vec<f64>), bar: f64) {
    let (terms, slopes) = difference(a, b);
    assert!(terms <= bar && slopes <= bar, "{what}: terms differ by {terms:e}, gradients by {slopes:e}");
}

/// Down and across.
type Pair = (usize, usize);

/// Sizes with the numbers of tiles that they are cut into; a side that wraps is cut where poolings halve it evenly.
fn cuts(padding: Padding) -> Vec<(Pair, Vec<Pair>)> {
    match padding {
        Padding::Wrap => vec![((64, 80), vec![(2, 1), (1, 2), (2, 3)]), ((37, 64), vec![(1, 2)])],
        _ => vec![((67, 94), vec![(2, 1), (1, 3), (2, 3), (4, 5)]), ((64, 41), vec![(3, 1), (2, 2)])],
    }
}

#[test]
fn tiles_are_the_whole_in_f64() {
    let mut seed = 0;
    for pooling in POOLINGS {
        for padding in common::PADDINGS {
            for (size, counts) in cuts(padding) {
                for (masked, statistic) in [(false, StyleStatistic::Covariance), (true, StyleStatistic::Gram)]
                {
                    seed += 1;
                    let mut question = Question::new(seed, pooling, padding, size);
                    question.masked = masked;
                    question.losses.statistic = statistic;
                    let whole = question.whole(double);
                    for counts in &counts {
                        let tiling = Tiling::new(&question.plan(), *counts).unwrap();
                        let what = format!("{pooling:?}, {padding:?}, {size:?} in {counts:?}, {statistic:?}");
                        assert_close(&what, &question.evaluate(tiling, double), &whole, 1e-12);
                    }
                }
            }
        }
    }
}

#[test]
fn every_layer_set_is_the_whole() {
    let sets = [
        ("relu3_1", ""),
        ("", "relu1_1,relu2_1"),
        ("", "conv3_1"),
        ("relu1_1", "relu1_1"),
        ("conv1_1", "conv2_2"),
        ("conv2_1,relu2_1", "conv2_1,relu2_1"),
    ];
    for (content, style) in sets {
        let mut question = Question::new(3, Pooling::Max, Padding::Reflect, (67, 62));
        question.losses.content_layers = layers(content);
        question.losses.style_layers = layers(style);
        question.losses.content_weight = if content.is_empty() { 0.0 } else { 0.7 };
        question.losses.style_weight = if style.is_empty() { 0.0 } else { 1.9 };
        let whole = question.whole(double);
        let tiling = Tiling::new(&question.plan(), (2, 2)).unwrap();
        assert_close(&format!("{content} {style}"), &question.evaluate(tiling, double), &whole, 1e-12);
    }
}

#[test]
fn tiles_are_the_whole_in_f32() {
    for padding in common::PADDINGS {
        for masked in [false, true] {
            let (size, counts) = (&cuts(padding)[0].0, (2, 2));
            let mut question = Question::new(7, Pooling::Max, padding, *size);
            question.masked = masked;
            let tiling = Tiling::new(&question.plan(), counts).unwrap();
            for algorithm in [Algorithm::Auto, Algorithm::Direct, Algorithm::Winograd4, Algorithm::Im2col] {
                let engine = |plan: Plan| single(&plan, algorithm, None);
                let (tiles, whole) = (question.evaluate(tiling.clone(), engine), question.whole(engine));
                assert_close(&format!("{algorithm}, {padding}, {masked}"), &tiles, &whole, 1e-5);
                assert_close(
                    &format!("{algorithm}, {padding}, {masked}, f64"),
                    &tiles,
                    &question.whole(double),
                    1e-4,
                );
            }
        }
    }
}

/// One stride less than the margin, and the gradient is wrong by far more than rounding.
#[test]
fn a_narrower_margin_is_found() {
    for padding in common::PADDINGS {
        let question = Question::new(11, Pooling::Average, padding, (64, 64));
        let (plan, whole) = (question.plan(), question.whole(double));
        // Of ten pixels: 1 + 1 + 2 + 2 + 4, in strides of four.
        for (margin, is_enough) in [(3, true), (2, false), (1, false), (0, false)] {
            let tiling = Tiling::with_margin(&plan, (2, 1), margin).unwrap();
            let (terms, slopes) = difference(&question.evaluate(tiling, double), &whole);
            assert_eq!(terms.max(slopes) < 1e-12, is_enough, "{padding}, {margin}: {terms:e} {slopes:e}");
            assert!(is_enough || slopes > 1e-6, "{padding}, {margin}: {slopes:e}");
        }
    }
}

#[test]
fn styles_are_measured_in_tiles() {
    let question = Question::new(13, Pooling::Max, Padding::Zeros, (67, 94));
    let layers: Vec<Layer> = question.losses.style_layers.iter().map(|&(layer, _)| layer).collect();
    let plan = Plan::new(question.network.clone(), 67, 94, &layers).unwrap();
    let picture = Picture::random(&mut Rng::new(1), 67, 94);
    let order = StyleStatistic::Covariance.order();
    let weights = |layer: Layer| Rng::new(5).weights(plan.tap_shape(plan.tap(layer).unwrap()));
    for weights in [None, Some(&weights as &dyn Fn(Layer) -> _)] {
        let whole = measure(&mut double(plan.clone()), &picture.rgb, &layers, order, weights);
        let tiling = Tiling::new(&plan, (2, 2)).unwrap();
        let mut tiles = Tiles::new(double(tiling.tile().clone()), tiling);
        let tiled = measure_in_tiles(&mut tiles, &picture.rgb, &layers, order, weights);
        for (StyleTarget { moments: a, layer }, StyleTarget { moments: b, .. }) in tiled.iter().zip(&whole) {
            let numbers = a.second.iter().chain(&a.first).zip(b.second.iter().chain(&b.first));
            let worst = numbers.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst <= 1e-12 * largest(&b.second), "{layer}: {worst:e}");
        }
    }
}

#[test]
fn threads_change_nothing() {
    let question = Question::new(17, Pooling::Max, Padding::Reflect, (67, 94));
    let tiling = Tiling::new(&question.plan(), (2, 3)).unwrap();
    let evaluate = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| question.evaluate(tiling.clone(), |plan| single(&plan, Algorithm::Auto, None)))
    };
    let one = evaluate(1);
    for threads in [2, 5] {
        assert_eq!(evaluate(threads), one);
    }
}
