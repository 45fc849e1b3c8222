//! The fast convolutions, each algorithm with each instruction set, through the test set of the naive one.

mod common;

use common::convolution::{Convolution, convolution_suite};
use impasto::internals::kernels::blocked::direct;
use impasto::internals::kernels::blocked::epilogue::Epilogue;
use impasto::internals::kernels::blocked::gate::Gate;
use impasto::internals::kernels::blocked::map::{Buffer, Layout};
use impasto::internals::kernels::blocked::mirror::Strips;
use impasto::internals::kernels::blocked::pack::vectors;
use impasto::internals::kernels::blocked::scratch::Pool;
use impasto::internals::kernels::blocked::source::Source;
use impasto::internals::kernels::blocked::winograd::{self, Tile};
use impasto::internals::kernels::plain::conv;
use impasto::internals::kernels::simd::Isa;
use impasto::internals::tensor::{Padding, Shape};

/// A plain map in a blocked buffer, its border filled.
fn blocked(plain: &[f32], layout: &Layout, padding: Padding) -> Buffer {
    let mut buffer = Buffer::default();
    buffer.reserve(layout);
    buffer.map_mut(layout).pack(plain);
    buffer.map_mut(layout).fill_border(padding);
    buffer
}

/// Winograd's tile of a side; the direct algorithm for 0.
fn tile(side: usize) -> Option<Tile> {
    Tile::ALL.into_iter().find(|tile| tile.side() == side)
}

fn forward<const ISA: usize, const TILE: usize>(
    input: &[f32],
    shape: Shape,
    padding: Padding,
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    let level = Isa::ALL[ISA].1.level().expect("accepted only where it is there");
    let (from, to) = (Layout::new(shape), Layout::new(shape.with_channels(bias.len())));
    let source = blocked(input, &from, padding);
    let (mut linear, mut rectified) = (Buffer::default(), Buffer::default());
    linear.reserve(&to);
    rectified.reserve(&to);
    let biases = vectors(bias);
    let epilogue = Epilogue::rectify(&biases, rectified.map_mut(&to), Some(linear.map_mut(&to)), None);
    let (outputs, inputs) = (bias.len(), shape.channels);
    if let Some(tile) = tile(TILE) {
        let (forward, _) = winograd::Weights::pair(weight, outputs, inputs, tile);
        let source = Source::Map(source.map(&from));
        winograd::convolve(level, &source, &forward, epilogue, &Pool::default());
    } else {
        direct::convolve(level, source.map(&from), &direct::pack(weight, outputs, inputs), epilogue);
    }
    let values = linear.map(&to).unpack();
    for (value, rectified) in values.iter().zip(rectified.map(&to).unpack()) {
        assert_eq!(rectified, value.max(0.0), "the rectified map belongs to the linear one");
    }
    output.copy_from_slice(&values);
}

fn backward<const ISA: usize, const TILE: usize>(
    gradient: &[f32],
    shape: Shape,
    padding: Padding,
    weight: &[f32],
    outputs: usize,
    output: &mut [f32],
) {
    let level = Isa::ALL[ISA].1.level().expect("accepted only where it is there");
    let (from, to) = (Layout::new(shape.with_channels(outputs)), Layout::new(shape));
    // As the engine fills it: mirrored borders come back as strips.
    let border = if padding == Padding::Wrap { Padding::Wrap } else { Padding::Zeros };
    let gradient = blocked(gradient, &from, border);
    let source = Source::Map(gradient.map(&from));
    let turned = direct::pack(&conv::rotated(weight, outputs, shape.channels), shape.channels, outputs);
    let (pool, mut strips, mut below) = (Pool::default(), Strips::default(), Buffer::default());
    if padding == Padding::Reflect {
        strips.compute(level, &source, &turned, &pool);
    }
    below.reserve(&to);
    let strips = (padding == Padding::Reflect).then_some(&strips);
    let epilogue = Epilogue::backward(below.map_mut(&to), Gate::OPEN, strips, &[]);
    if let Some(tile) = tile(TILE) {
        let (_, backward) = winograd::Weights::pair(weight, outputs, shape.channels, tile);
        winograd::convolve(level, &source, &backward, epilogue, &pool);
    } else {
        direct::convolve(level, gradient.map(&from), &turned, epilogue);
    }
    output.copy_from_slice(&below.map(&to).unpack());
}

/// One algorithm with one instruction set; where the processor lacks the set, its tests have nothing to do.
fn fast<const ISA: usize, const TILE: usize>() -> Convolution<f32> {
    Convolution {
        forward: forward::<ISA, TILE>,
        backward: backward::<ISA, TILE>,
        accepts: |_, _| Isa::ALL[ISA].1.available() || common::skipped(Isa::ALL[ISA].0),
        tolerance: if TILE == 0 { 2e-6 } else { 2e-5 },
    }
}

convolution_suite!(direct_avx512, fast::<0, 0>());
convolution_suite!(direct_avx2, fast::<1, 0>());
convolution_suite!(direct_portable, fast::<2, 0>());
convolution_suite!(winograd4_avx512, fast::<0, 4>());
convolution_suite!(winograd4_avx2, fast::<1, 4>());
convolution_suite!(winograd4_portable, fast::<2, 4>());
convolution_suite!(winograd6_avx512, fast::<0, 6>());
convolution_suite!(winograd6_avx2, fast::<1, 6>());
convolution_suite!(winograd6_portable, fast::<2, 6>());
