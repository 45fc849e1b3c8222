//! That the check passes where engines compute right, and that it finds planted bugs.

use super::*;
use crate::engine::fast::{Fast, fault::Fault};
use crate::engine::packed::PackedNetwork;
use crate::kernels::simd::Level;
use crate::network::InputColours;
use crate::tensor::Padding;

#[track_caller]
fn passes(network: &Network, size: (usize, usize), seed: u64) -> Vec<Finding> {
    let findings = check(network, size, seed).unwrap();
    for finding in &findings {
        assert!(finding.passed(), "seed {seed}, {size:?}: {finding:?}");
    }
    findings
}

#[test]
fn this_build_passes() {
    let network = crate::weights::random("4,4|6", 1).unwrap();
    let engines = 1 + 3 * Isa::ALL.iter().filter(|(_, isa)| isa.available()).count();
    let findings = passes(&network, (14, 11), 3);
    assert_eq!(findings.len(), 2 * (4 * (1 + engines) + engines));
}

/// As many convolutions and poolings as VGG-19 has.
const DEEP: &str = "8,8|8,8|8,8,8,8|8,8,8,8|8";

#[test]
fn deep_networks_pass_for_many_pictures() {
    let network = crate::weights::random(DEEP, 5).unwrap();
    for (seed, size) in (1..).zip([(24, 24), (33, 25), (40, 36), (24, 31)]) {
        passes(&network, size, seed);
    }
    let network = network_with_biases(DEEP, |_, _, _| ());
    for (seed, size) in (1..).zip([(32, 32), (47, 33)]) {
        passes(&network, size, seed);
    }
}

#[cfg(feature = "embedded")]
#[test]
fn the_embedded_network_passes() {
    passes(&crate::weights::embedded().unwrap(), (32, 32), 1);
}

#[test]
fn a_gradient_wrong_by_a_hundred_millionth_is_found() {
    let network = Arc::new(crate::weights::random("4,4|6", 1).unwrap());
    let options = LossOptions::default();
    let question = Question::new(&options, &network, (14, 11), 3);
    let taps = resolve(&options, &network).unwrap().taps();
    let engine = || Ok(Reference::<f64>::new(Plan::new(network.clone(), 11, 14, &taps)?));
    let mut truth = Truth::new(&question, question.objective(&engine).unwrap());
    assert!(truth.finite_differences() <= DOUBLE_BAR);
    truth.known[0].1.iter_mut().for_each(|g| *g *= 1.0 + 1e-8);
    assert!(truth.finite_differences() > DOUBLE_BAR);
}

/// A network of random weights and biases; `change` may spoil those of a convolution.
fn network_with_biases(architecture: &str, change: impl Fn(usize, &mut [f32], &mut [f32])) -> Network {
    let plain = crate::weights::random(architecture, 1).unwrap();
    let mut random = Random::new(2);
    let mut builder = Network::builder("test").colours(InputColours::Torchvision).padding(Padding::Reflect);
    let convolutions: Vec<_> = plain.convolutions().iter().enumerate().collect();
    for block in convolutions.chunk_by(|(_, one), (_, next)| one.block() == next.block()) {
        let parts = block.iter().map(|(at, convolution)| {
            let mut weight = convolution.weight().to_vec();
            let mut bias: Vec<f32> =
                (0..convolution.outputs()).map(|_| random.uniform() as f32 - 0.5).collect();
            change(*at, &mut weight, &mut bias);
            (convolution.outputs(), weight, bias)
        });
        builder = builder.block(parts.collect::<Vec<_>>());
    }
    builder.build().unwrap()
}

/// Makes fast engines, with a bug at a layer if there is one.
fn engines(
    network: &Network,
    pooling: Pooling,
    algorithm: ConvolutionAlgorithm,
) -> impl Fn(Option<(Fault, Layer)>) -> Box<MakeEngine> {
    let packed = Arc::new(PackedNetwork::new(Arc::new(network.with_pooling(pooling)), algorithm));
    move |fault| {
        let packed = packed.clone();
        Box::new(move |height, width, taps| {
            let mut engine = Fast::new(packed.clone(), height, width, taps, Level::best())?;
            if let Some((fault, layer)) = fault {
                engine.plant(fault, layer);
            }
            Ok(Box::new(engine))
        })
    }
}

/// Every bug, planted into engines of every one of `algorithms`, is found; the engines without one pass.
///
/// Bugs in arithmetic are planted into the kernels (see [`fault`](crate::engine::fast::fault)), those in packing into the
/// weights: `wrong` are networks with an error in them.
fn find(
    network: &Network,
    size: (usize, usize),
    algorithms: &[ConvolutionAlgorithm],
    wrong: &[(&str, Network)],
) {
    let [behind_relu, pooled]: [Layer; 2] = ["relu2_1", "relu2_2"].map(|layer| layer.parse().unwrap());
    let candidates = |network: &Arc<Network>| {
        let mut candidates = Vec::new();
        for &algorithm in algorithms {
            let mut add = |name: &str, make| {
                candidates.push(Candidate { name: format!("<{name}> by {algorithm}"), make });
            };
            let sound = engines(network, network.pooling(), algorithm);
            add("sound", sound(None));
            for fault in Fault::ALL {
                let layer = if fault.is_at_pooling() { pooled } else { behind_relu };
                add(&format!("{fault:?}"), sound(Some((fault, layer))));
            }
            for (name, wrong) in wrong {
                add(name, engines(wrong, network.pooling(), algorithm)(None));
            }
        }
        Ok(candidates)
    };
    let findings = compare(network, size, 1, &candidates).unwrap();
    for algorithm in algorithms {
        let bad = |name: &str| {
            let name = format!("<{name}> by {algorithm}");
            let own: Vec<_> = findings.iter().filter(|finding| finding.what.contains(&name)).collect();
            assert_eq!(own.len(), 10, "{name}: two poolings, each with four gradients and the decisions");
            own.into_iter().filter(|finding| !finding.passed()).count()
        };
        assert_eq!(bad("sound"), 0);
        let names = Fault::ALL.iter().map(|fault| format!("{fault:?}"));
        for name in names.chain(wrong.iter().map(|(name, _)| (*name).to_owned())) {
            assert!(bad(&name) > 0, "{name} by {algorithm} was not found");
        }
    }
}

#[test]
fn planted_bugs_are_found() {
    const ARCHITECTURE: &str = "16,20|24,40|20";
    let sound = network_with_biases(ARCHITECTURE, |_, _, _| ());
    let wrong_weight = network_with_biases(ARCHITECTURE, |at, weight, _| {
        if at == 2 {
            weight[777] *= 1.1
        }
    });
    let dropped_bias = network_with_biases(ARCHITECTURE, |at, _, bias| {
        if at == 3 {
            bias[5] = 0.0
        }
    });
    let wrong = [("wrong weight", wrong_weight), ("dropped bias", dropped_bias)];
    let algorithms =
        [ConvolutionAlgorithm::Direct, ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6];
    find(&sound, (40, 36), &algorithms, &wrong);
}

#[cfg(feature = "embedded")]
#[test]
fn planted_bugs_are_found_with_the_embedded_network() {
    let network = crate::weights::embedded().unwrap();
    find(&network, (36, 32), &[ConvolutionAlgorithm::Auto], &[]);
}
