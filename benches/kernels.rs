//! The kernels by the layer shapes of VGG-19 at 512×512 and of the embedded network: elements a second are
//! floating-point operations of the direct method, so Gelem/s reads as GFLOP/s; pooling and resizing count bytes.
//!
//! `impasto bench` prints the peak to hold them against.

use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use impasto::internals::kernels::blocked::map::{Buffer, Layout, pack};
use impasto::internals::kernels::blocked::scratch::Pool;
use impasto::internals::kernels::blocked::sink::{Gate, InMemory, Rectify, Return, Shared, vectors};
use impasto::internals::kernels::blocked::winograd::{self, Tile};
use impasto::internals::kernels::blocked::{direct, gram, pool};
use impasto::internals::kernels::simd::Isa;
use impasto::internals::tensor::Pooling;
use impasto::internals::tensor::Shape;
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
    pack(&values(layout.shape.len()), buffer.map_mut(layout), layout);
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
    let isa = Isa::best();
    let mut group = group(c, "convolution");
    for (name, inputs, outputs, side) in LAYERS {
        let [from, to] = [inputs, outputs].map(|channels| Layout::new(Shape::new(channels, side, side)));
        let (input, mut output) = (filled(&from), filled(&to));
        let weight = values(outputs * inputs * 9);
        let bias = vectors(&vec![0.0; outputs]);
        group.throughput(Throughput::Elements((18 * inputs * outputs * side * side) as u64));
        let tile = Tile::best(to.shape);
        let (forward, backward) = winograd::Weights::pair(&weight[..], outputs, inputs, tile);
        let scratch = Pool::default();
        group.bench_function(format!("{name} winograd forward"), |b| {
            b.iter(|| {
                let output = Shared::new(output.map_mut(&to));
                let sink = Rectify { layout: to, bias: &bias, linear: None, output, gate: None };
                winograd::convolve(
                    isa,
                    &InMemory::new(input.map(&from), from),
                    &from,
                    &forward,
                    &sink,
                    &scratch,
                );
            });
        });
        let (gradient, mut below) = (filled(&to), filled(&from));
        group.bench_function(format!("{name} winograd backward"), |b| {
            b.iter(|| {
                let output = Shared::new(below.map_mut(&from));
                let sink = Return {
                    layout: from,
                    output,
                    gate: Gate::Map(input.map(&from)),
                    strips: None,
                    seeds: &[],
                };
                let source = InMemory::new(gradient.map(&to), to);
                winograd::convolve(isa, &source, &to, &backward, &sink, &scratch);
            });
        });
        // Backwards it is the same computation with the channels exchanged.
        let packed = direct::pack(&weight, outputs, inputs);
        group.bench_function(format!("{name} direct forward"), |b| {
            b.iter(|| {
                let output = Shared::new(output.map_mut(&to));
                let sink = Rectify { layout: to, bias: &bias, linear: None, output, gate: None };
                direct::convolve(isa, input.map(&from), &from, &packed, &sink);
            });
        });
        let packed = direct::pack(&weight, inputs, outputs);
        group.bench_function(format!("{name} direct backward"), |b| {
            b.iter(|| {
                let output = Shared::new(below.map_mut(&from));
                let sink = Return {
                    layout: from,
                    output,
                    gate: Gate::Map(input.map(&from)),
                    strips: None,
                    seeds: &[],
                };
                direct::convolve(isa, gradient.map(&to), &to, &packed, &sink);
            });
        });
    }
    group.finish();
}

fn gram_matrix(c: &mut Criterion) {
    let isa = Isa::best();
    let mut group = group(c, "gram");
    for (channels, side) in [(64, 512), (128, 256), (256, 128), (512, 64), (32, 512), (96, 128)] {
        let layout = Layout::new(Shape::new(channels, side, side));
        let (map, mut gradient) = (filled(&layout), filled(&layout));
        let (mut scratch, mut output) = (Vec::new(), vec![0.0; channels * channels]);
        // As many operations as the whole product has, though forward only half of it is computed.
        group.throughput(Throughput::Elements((2 * channels * channels * side * side) as u64));
        group.bench_function(format!("{channels}x{side}x{side} forward"), |b| {
            b.iter(|| gram::forward(isa, map.map(&layout), &layout, &mut scratch, &mut output));
        });
        let derivative = gram::pack(&vec![1e-3; channels * channels], channels);
        group.bench_function(format!("{channels}x{side}x{side} backward"), |b| {
            b.iter(|| {
                gradient.vectors_mut(layout.len()).fill(impasto::internals::kernels::blocked::map::ZERO);
                let (map, gradient) = (map.map(&layout), gradient.map_mut(&layout));
                let derivative = Some(&derivative);
                gram::Seeds { map, layout, derivative, content: None, gate: Gate::Map(map) }
                    .sow(isa, gradient);
            });
        });
    }
    group.finish();
}

fn pooling(c: &mut Criterion) {
    let isa = Isa::best();
    let mut group = group(c, "pool");
    for (channels, side) in [(64, 512), (256, 128)] {
        let [large, small] = [side, side / 2].map(|side| Layout::new(Shape::new(channels, side, side)));
        let (mut map, mut pooled) = (filled(&large), filled(&small));
        let mut gates = vec![0; large.blocks * large.shape.positions()];
        // The large map once, a quarter of it once.
        group.throughput(Throughput::Bytes(5 * large.shape.len() as u64));
        group.bench_function(format!("{channels}x{side}x{side} forward"), |b| {
            b.iter(|| {
                let (from, to) = (map.map(&large), pooled.map_mut(&small));
                pool::forward(isa, from, &large, Pooling::Max, to, &small, &mut gates);
            });
        });
        group.bench_function(format!("{channels}x{side}x{side} backward"), |b| {
            b.iter(|| {
                let (from, to) = (pooled.map(&small), map.map_mut(&large));
                pool::backward(isa, from, &small, Pooling::Max, &gates, to, &large, &[]);
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

criterion_group!(benches, convolution, gram_matrix, pooling, resizing);
criterion_main!(benches);
