//! The fast convolutions, each algorithm with each instruction set, through the test set of the naive one.

mod common;

use common::convolution::{Convolution, convolution_suite};
use impasto::internals::kernels::blocked::direct;
use impasto::internals::kernels::blocked::map::{Buffer, Layout, fill_border, pack, unpack};
use impasto::internals::kernels::blocked::mirror::Strips;
use impasto::internals::kernels::blocked::scratch::Pool;
use impasto::internals::kernels::blocked::sink::{Gate, InMemory, Rectify, Return, Shared, vectors};
use impasto::internals::kernels::blocked::winograd::{self, Tile};
use impasto::internals::kernels::simd::Isa;
use impasto::internals::tensor::Padding;
use impasto::internals::{kernels::plain::conv, tensor::Shape};

/// A plain map in a blocked buffer, its border filled.
fn blocked(plain: &[f32], layout: &Layout, padding: Padding) -> Buffer {
    let mut buffer = Buffer::default();
    buffer.reserve(layout);
    pack(plain, buffer.map_mut(layout), layout);
    fill_border(buffer.map_mut(layout), layout, padding);
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
    let (isa, from, to) = (Isa::ALL[ISA].1, Layout::new(shape), Layout::new(shape.with_channels(bias.len())));
    let source = blocked(input, &from, padding);
    let (mut linear, mut rectified) = (Buffer::default(), Buffer::default());
    linear.reserve(&to);
    rectified.reserve(&to);
    let bias = vectors(bias);
    let sink = Rectify {
        layout: to,
        bias: &bias,
        linear: Some(Shared::new(linear.map_mut(&to))),
        output: Shared::new(rectified.map_mut(&to)),
        gate: None,
    };
    let (outputs, inputs) = (to.shape.channels, shape.channels);
    if let Some(tile) = tile(TILE) {
        let (forward, _) = winograd::Weights::pair(weight, outputs, inputs, tile);
        let source = InMemory::new(source.map(&from), from);
        winograd::convolve(isa, &source, &from, &forward, &sink, &Pool::default());
    } else {
        direct::convolve(isa, source.map(&from), &from, &direct::pack(weight, outputs, inputs), &sink);
    }
    let values = unpack(linear.map(&to), &to);
    for (value, rectified) in values.iter().zip(unpack(rectified.map(&to), &to)) {
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
    let (isa, from, to) = (Isa::ALL[ISA].1, Layout::new(shape.with_channels(outputs)), Layout::new(shape));
    let source = blocked(gradient, &from, Padding::Zeros);
    let source = InMemory::new(source.map(&from), from);
    let turned = direct::pack(&conv::rotated(weight, outputs, shape.channels), shape.channels, outputs);
    let (pool, mut strips, mut below) = (Pool::default(), Strips::default(), Buffer::default());
    if padding == Padding::Reflect {
        strips.compute(isa, &source, &from, &turned, &pool);
    }
    below.reserve(&to);
    let strips = (padding == Padding::Reflect).then_some(&strips);
    let sink =
        Return { layout: to, output: Shared::new(below.map_mut(&to)), gate: Gate::Open, strips, seeds: &[] };
    if let Some(tile) = tile(TILE) {
        let (_, backward) = winograd::Weights::pair(weight, outputs, shape.channels, tile);
        winograd::convolve(isa, &source, &from, &backward, &sink, &pool);
    } else {
        direct::convolve(isa, blocked(gradient, &from, Padding::Zeros).map(&from), &from, &turned, &sink);
    }
    output.copy_from_slice(&unpack(below.map(&to), &to));
}

/// One algorithm with one instruction set; where the processor lacks the set, its tests have nothing to do.
fn fast<const ISA: usize, const TILE: usize>() -> Convolution<f32> {
    Convolution {
        forward: forward::<ISA, TILE>,
        backward: backward::<ISA, TILE>,
        accepts: |_, _| Isa::ALL[ISA].1.available(),
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
