//! One evaluation, loss and gradient, of VGG-19's shape with random weights and of the embedded network.
//!
//! Elements a second are operations of direct convolution, so Gelem/s reads as GFLOP/s.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use impasto::internals::engine::backend::{Backend, ConvolutionAlgorithm};
use impasto::internals::loss::objective::{ContentPicture, Objective, StyleRegion};
use impasto::internals::loss::targets::measure;
use impasto::internals::run::settings::{Purpose, losses};
use impasto::internals::run::start::noise;
use impasto::{defaults, weights};

fn evaluation(c: &mut Criterion) {
    let networks = [
        ("vgg19", weights::random("vgg19", 0).expect("known shape")),
        ("embedded", weights::embedded().expect("tested")),
    ];
    let mut group = c.benchmark_group("evaluation");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    for (name, network) in networks.map(|(name, network)| (name, Arc::new(network))) {
        let backend =
            Backend::new(network.clone(), ConvolutionAlgorithm::Auto, None).expect("always available");
        let purpose = Purpose::Numbers { content: true, style: true };
        let losses =
            losses(&Default::default(), &Default::default(), &network, purpose).expect("defaults fit");
        let layers: Vec<_> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        for size in [128, 256, 512, 1024] {
            let [content, style, image] =
                [1, 2, 3].map(|seed| noise(seed, defaults::NOISE_SCALE, (size, size)).expect("a size"));
            let steps = backend.steps(size, size, &losses.taps()).expect("large enough");
            let styles = measure(
                &mut backend.engine(size, size, &layers).expect("planned"),
                style.rgb(),
                &layers,
                losses.statistic.order(),
                None,
            );
            let engine = backend.engine(size, size, &losses.taps()).expect("planned");
            let seen = ContentPicture { rgb: content.rgb(), weights: None };
            let mut objective =
                Objective::new(engine, &losses, Some(seen), &[StyleRegion::everywhere(styles)])
                    .expect("noise is not 0");
            let mut gradient = vec![0.0; image.rgb().len()];
            group.throughput(Throughput::Elements(steps.direct_flops() as u64));
            group.bench_function(format!("{name} {size}"), |b| {
                b.iter(|| objective.evaluate(image.rgb(), &mut gradient).total);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, evaluation);
criterion_main!(benches);
