//! Every fast engine (algorithm × instruction set) against the reference engine in f64.

use std::sync::Arc;

use impasto::internals::engine::backend::{Backend, ConvolutionAlgorithm};
use impasto::internals::engine::reference::Reference;
use impasto::internals::engine::{Affine, Engine, Fixed, Moments, Order, Region, Seed};
use impasto::internals::kernels::simd::Isa;
use impasto::internals::network::plan::Plan;
use impasto::{Layer, Network, Padding, Pooling};

/// A small multiplicative generator; uniform in [0, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as f64) / f64::from(1u32 << 31)
    }

    fn signed(&mut self) -> f32 {
        (2.0 * self.next() - 1.0) as f32
    }
}

/// A network of the given widths (one list a block) with He-scaled random weights.
fn network(widths: &[&[usize]], pooling: Pooling, padding: Padding, random: &mut Random) -> Arc<Network> {
    let mut builder = Network::builder("random")
        .colour_map([2.0, 0.1, 0.0, -0.2, 2.1, 0.3, 0.0, 0.0, 1.9], [-0.9, -1.1, -0.8])
        .pooling(pooling)
        .padding(padding);
    let mut inputs = 3;
    for widths in widths {
        let convolution = |&outputs: &usize| {
            let scale = (6.0 / (9.0 * inputs as f32)).sqrt();
            let weight: Vec<f32> = (0..outputs * inputs * 9).map(|_| scale * random.signed()).collect();
            let bias: Vec<f32> = (0..outputs).map(|_| 0.1 * random.signed()).collect();
            inputs = outputs;
            (outputs, weight, bias)
        };
        builder = builder.block(widths.iter().map(convolution).collect::<Vec<_>>());
    }
    Arc::new(builder.build().unwrap())
}

fn relative(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let (mut distance, mut norm) = (0.0, 0.0);
    for (a, b) in a.into_iter().zip(b) {
        distance += (a - b) * (a - b);
        norm += b * b;
    }
    assert!(norm > 0.0, "nothing to compare");
    (distance / norm).sqrt()
}

/// Compares one engine with the f64 reference on pictures drawn from one seed: features, Gram matrices and
/// content distances within their bounds; returns the relative error of the gradient.
fn compare(
    backend: &Backend,
    network: &Arc<Network>,
    (height, width): (usize, usize),
    taps: &[Layer],
    seed: u64,
    what: &str,
) -> f64 {
    let mut random = Random(seed);
    let mut worst: f64 = 0.0;
    let rgb: Vec<f32> = (0..3 * height * width).map(|_| random.next() as f32).collect();
    let first: Vec<f32> = rgb.iter().map(|v| 0.7 * v + 0.2 * random.next() as f32).collect();
    let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let mut fast = backend.engine(height, width, taps).unwrap();
    let mut exact = Reference::<f64>::new(Plan::new(network.clone(), height, width, taps).unwrap());
    let count = exact.plan().taps().len();
    fast.forward(&first);
    exact.forward(&wide(&first));
    for tap in 0..count {
        fast.remember(tap);
        exact.remember(tap);
    }
    // Twice: a workspace that was used before must not shine through.
    for _ in 0..2 {
        fast.forward(&rgb);
        exact.forward(&wide(&rgb));
        let mut grams = Vec::new();
        for tap in 0..count {
            let layer = exact.plan().taps()[tap];
            let n = exact.plan().tap_shape(tap).channels;
            let error = relative(fast.features(tap).into_iter().map(f64::from), exact.features(tap));
            assert!(error < 2e-5, "{what}: features of {layer}: {error:e}");
            let [mut a, mut b] = [(); 2].map(|()| Moments::new(n));
            fast.moments(tap, Region::WHOLE, Order::Second, &mut a);
            exact.moments(tap, Region::WHOLE, Order::Second, &mut b);
            let error = relative(a.second, b.second.iter().copied());
            assert!(error < 2e-5, "{what}: Gram matrix of {layer}: {error:e}");
            let (a, b) = (fast.distance(tap, None), exact.distance(tap, None));
            assert!(relative([a.0, a.1], [b.0, b.1]) < 1e-4, "{what}: distance of {layer}: {a:?} {b:?}");
            let scale = 1.0 / exact.plan().tap_shape(tap).positions() as f64 / b.1.sqrt();
            grams.push((0..n * n).map(|i| scale * (((i / n) * (i % n)) as f64).sin()).collect::<Vec<f64>>());
        }
        let affine = |tap: usize| [Affine { matrix: Some(&grams[tap][..]), ..Affine::default() }];
        let affine: Vec<_> = (0..count).map(affine).collect();
        let seeds: Vec<Seed> = (0..count)
            .map(|tap| Seed {
                affine: if tap % 3 != 1 { &affine[tap] } else { &[] },
                fixed: (tap % 2 == 1).then_some(Fixed::difference(0.3 / (tap as f64 + 1.0))),
            })
            .collect();
        let (mut a, mut b) = (vec![0.0; rgb.len()], vec![0.0; rgb.len()]);
        fast.backward(&seeds, &mut a);
        exact.backward(&seeds, &mut b);
        worst = worst.max(relative(wide(&a), b));
    }
    worst
}

/// Asserts that the gradient's error on the picture of a seed is small.
///
/// Where two values of a window all but tie, or one is all but 0, rounding may send the gradient another way: a
/// picture may meet such a place, most do not.
fn assert_gradients(what: &str, error_of: impl Fn(u64) -> f64) {
    if error_of(7) >= 1e-4 {
        let errors: Vec<f64> = (8..12).map(error_of).collect();
        let good = errors.iter().filter(|error| **error < 1e-4).count();
        assert!(good >= 3, "{what}: gradients: {errors:?}, and of the first picture");
    }
}

fn layers(names: &[&str]) -> Vec<Layer> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// On a large map a chunk of tiles gets what the losses add while it is in the cache; here on one thread, since with
/// many threads the map would have to be larger still.
#[test]
fn large_maps_agree_with_the_reference() {
    let network = network(&[&[16, 32, 16]], Pooling::Average, Padding::Reflect, &mut Random(3));
    let taps = layers(&["relu1_1", "conv1_1", "relu1_2", "relu1_3"]);
    let pool = impasto::internals::run::threads::pool(Some(1)).unwrap();
    for isa in Isa::ALL.into_iter().map(|(_, isa)| isa).filter(|isa| isa.available()) {
        for convolution in [ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6] {
            let backend = Backend::new(network.clone(), convolution, Some(isa)).unwrap();
            let what = format!("{convolution}, {isa}, large");
            assert_gradients(&what, |seed| {
                pool.install(|| compare(&backend, &network, (130, 141), &taps, seed, &what))
            });
        }
    }
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
    for (case, (widths, taps)) in cases.iter().enumerate() {
        for pooling in [Pooling::Max, Pooling::Average] {
            for padding in [Padding::Zeros, Padding::Reflect] {
                let network = network(widths, pooling, padding, &mut Random(case as u64 + 1));
                for (_, convolution) in ConvolutionAlgorithm::ALL {
                    let sets = Isa::ALL.into_iter().map(|(_, isa)| isa).filter(|isa| isa.available());
                    let choices: Vec<Option<Isa>> = match convolution {
                        ConvolutionAlgorithm::Im2col => vec![None],
                        _ => sets.map(Some).collect(),
                    };
                    for isa in choices {
                        let backend = Backend::new(network.clone(), convolution, isa).unwrap();
                        // The widest case is slow in f64: two sizes do.
                        let sizes = if case == 4 { &sizes[1..3] } else { &sizes[..] };
                        for &(height, width) in sizes {
                            let what = format!(
                                "case {case}, {pooling:?}, {padding:?}, {convolution}, {isa:?}, {height}x{width}"
                            );
                            let taps = layers(taps);
                            let size = (height, width);
                            assert_gradients(&what, |seed| {
                                compare(&backend, &network, size, &taps, seed, &what)
                            });
                        }
                    }
                }
            }
        }
    }
}
