//! The kernels by the layer shapes of VGG-19 at 512×512 and of the embedded network: elements a second are
//! floating-point operations of the direct method, so Gelem/s reads as GFLOP/s; pooling and resizing count bytes.
//!
//! `impasto bench` prints the peak to hold them against.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use impasto::internals::engine::Affine;
use impasto::internals::kernels::blocked::epilogue::Epilogue;
use impasto::internals::kernels::blocked::gate::{self, Gate};
use impasto::internals::kernels::blocked::map::{Buffer, Layout};
use impasto::internals::kernels::blocked::pack::vectors;
use impasto::internals::kernels::blocked::scratch::Pool;
use impasto::internals::kernels::blocked::source::Source;
use impasto::internals::kernels::blocked::tap::{PackedAffine, TapGradient};
use impasto::internals::kernels::blocked::winograd::{self, Tile};
use impasto::internals::kernels::blocked::{direct, moments, pool};
use impasto::internals::kernels::simd::Level;
use impasto::internals::tensor::{Pooling, Shape, Window};
use impasto::picture::resize;

/// Name, channels in, channels out, side.
const LAYERS: [(&str, usize, usize, usize); 9] = [
    ("vgg conv1_2", 64, 64, 512),
    ("vgg conv2_2", 128, 128, 256),
    ("vgg conv3_2", 256, 256, 128),
    ("vgg conv4_2", 512, 512, 64),
    ("vgg conv5_1", 512, 512, 32),
    ("own conv1_2", 32, 32, 512),
    ("own conv2_2", 64, 80, 256),
    ("own conv3_2", 96, 96, 128),
    ("own conv4_2", 80, 80, 64),
];

/// Repeating values between −1 and 1.
fn values(length: usize) -> Vec<f32> {
    (0..length).map(|k| (k.wrapping_mul(2_654_435_761) % 65_536) as f32 / 32_768.0 - 1.0).collect()
}

fn filled(layout: &Layout) -> Buffer {
    let mut buffer = Buffer::default();
    buffer.reserve(layout);
    buffer.map_mut(layout).pack(&values(layout.shape().len()));
    buffer
}

fn group<'a>(c: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    group
}

fn convolution(c: &mut Criterion) {
    let level = Level::best();
    let mut group = group(c, "convolution");
    for (name, inputs, outputs, side) in LAYERS {
        let [from, to] = [inputs, outputs].map(|channels| Layout::new(Shape::new(channels, side, side)));
        let (input, mut output) = (filled(&from), filled(&to));
        let weight = values(outputs * inputs * 9);
        let bias = vectors(&vec![0.0; outputs]);
        group.throughput(Throughput::Elements((18 * inputs * outputs * side * side) as u64));
        let (forward, backward) =
            winograd::Weights::pair(&weight[..], outputs, inputs, Tile::best(to.shape()));
        let scratch = Pool::default();
        group.bench_function(format!("{name} winograd forward"), |b| {
            b.iter(|| {
                let epilogue = Epilogue::rectify(&bias, output.map_mut(&to), None, None);
                winograd::convolve(level, &Source::Map(input.map(&from)), &forward, epilogue, &scratch);
            });
        });
        let (gradient, mut below) = (filled(&to), filled(&from));
        let gate = Gate::positive(input.map(&from));
        group.bench_function(format!("{name} winograd backward"), |b| {
            b.iter(|| {
                let epilogue = Epilogue::backward(below.map_mut(&from), gate, None, &[]);
                winograd::convolve(level, &Source::Map(gradient.map(&to)), &backward, epilogue, &scratch);
            });
        });
        // Backwards it is the same computation with the channels exchanged.
        let packed = direct::pack(&weight, outputs, inputs);
        group.bench_function(format!("{name} direct forward"), |b| {
            b.iter(|| {
                let epilogue = Epilogue::rectify(&bias, output.map_mut(&to), None, None);
                direct::convolve(level, input.map(&from), &packed, epilogue);
            });
        });
        let packed = direct::pack(&weight, inputs, outputs);
        group.bench_function(format!("{name} direct backward"), |b| {
            b.iter(|| {
                let epilogue = Epilogue::backward(below.map_mut(&from), gate, None, &[]);
                direct::convolve(level, gradient.map(&to), &packed, epilogue);
            });
        });
    }
    group.finish();
}

fn second_moments(c: &mut Criterion) {
    let level = Level::best();
    let mut group = group(c, "moments");
    for (channels, side) in [(64, 512), (128, 256), (256, 128), (512, 64), (32, 512), (96, 128)] {
        let layout = Layout::new(Shape::new(channels, side, side));
        let (map, mut gradient) = (filled(&layout), filled(&layout));
        let (mut scratch, mut output) = (Vec::new(), vec![0.0; channels * channels]);
        let window = Window::whole(layout.shape());
        // As many operations as the whole product has, though forward only half of it is computed.
        group.throughput(Throughput::Elements((2 * channels * channels * side * side) as u64));
        group.bench_function(format!("{channels}x{side}x{side} forward"), |b| {
            b.iter(|| {
                moments::forward(level, map.map(&layout), &window, None, &mut scratch, &mut output, None);
            });
        });
        let matrix = vec![1e-3; channels * channels];
        let affine = [Affine { matrix: Some(&matrix), ..Affine::default() }];
        let mut packed = [PackedAffine::new(channels)];
        packed[0].set(&affine[0]);
        let map = map.map(&layout);
        let tap = TapGradient::new(map, Gate::positive(map), &affine, &packed, None);
        group.bench_function(format!("{channels}x{side}x{side} backward"), |b| {
            b.iter(|| {
                gradient.map_mut(&layout).clear();
                tap.add(level, gradient.map_mut(&layout));
            });
        });
    }
    group.finish();
}

fn pooling(c: &mut Criterion) {
    let level = Level::best();
    let mut group = group(c, "pool");
    for (channels, side) in [(64, 512), (256, 128)] {
        let [large, small] = [side, side / 2].map(|side| Layout::new(Shape::new(channels, side, side)));
        let (mut map, mut pooled) = (filled(&large), filled(&small));
        let mut gates = vec![0; gate::words(large.shape())];
        // The large map once, a quarter of it once.
        group.throughput(Throughput::Bytes(5 * large.shape().len() as u64));
        group.bench_function(format!("{channels}x{side}x{side} forward"), |b| {
            b.iter(|| {
                pool::forward(level, map.map(&large), Pooling::Max, pooled.map_mut(&small), &mut gates);
            });
        });
        group.bench_function(format!("{channels}x{side}x{side} backward"), |b| {
            b.iter(|| {
                pool::backward(level, pooled.map(&small), Pooling::Max, &gates, map.map_mut(&large), &[]);
            });
        });
    }
    group.finish();
}

fn resizing(c: &mut Criterion) {
    let mut group = group(c, "resize");
    for (from, to) in [(512, 256), (256, 512)] {
        let picture = values(3 * from * from);
        group.throughput(Throughput::Bytes((12 * (from * from + to * to)) as u64));
        group.bench_function(format!("3x{from}x{from} to {to}"), |b| {
            b.iter(|| resize::planes(&picture, 3, from, from, to, to));
        });
    }
    group.finish();
}

criterion_group!(benches, convolution, second_moments, pooling, resizing);
criterion_main!(benches);
