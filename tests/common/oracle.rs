//! Naive kernels in f64: direct loops over explicitly padded maps, written from the definitions.

use impasto::internals::tensor::{Padding, Pooling, Shape, Window};

/// For each coordinate of the padded axis (`size` + 2 long) the coordinate it copies; `None`: a zero.
fn padded_axis(size: usize, padding: Padding) -> Vec<Option<usize>> {
    let (before, after) = match padding {
        Padding::Zeros => (None, None),
        Padding::Reflect => (Some(1), Some(size - 2)),
        Padding::Wrap => (Some(size - 1), Some(0)),
    };
    std::iter::once(before).chain((0..size).map(Some)).chain([after]).collect()
}

/// Calls `visit(padded place, source place)` for every element of the padded map that is not a zero.
fn each_padded(shape: Shape, padding: Padding, mut visit: impl FnMut(usize, usize)) {
    let rows = padded_axis(shape.height, padding);
    let columns = padded_axis(shape.width, padding);
    for channel in 0..shape.channels {
        for (r, row) in rows.iter().enumerate() {
            for (c, column) in columns.iter().enumerate() {
                if let (Some(y), Some(x)) = (row, column) {
                    let place = (channel * rows.len() + r) * columns.len() + c;
                    visit(place, (channel * shape.height + y) * shape.width + x);
                }
            }
        }
    }
}

fn padded_shape(shape: Shape) -> Shape {
    Shape::new(shape.channels, shape.height + 2, shape.width + 2)
}

/// Calls `visit(output place, padded place, weight place)` for every product of the convolution.
fn each_product(shape: Shape, outputs: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let wide = padded_shape(shape);
    for o in 0..outputs {
        for i in 0..shape.channels {
            for r in 0..shape.height {
                for c in 0..shape.width {
                    for u in 0..3 {
                        for v in 0..3 {
                            visit(
                                (o * shape.height + r) * shape.width + c,
                                (i * wide.height + r + u) * wide.width + c + v,
                                ((o * shape.channels + i) * 3 + u) * 3 + v,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The convolution of `input` (of `shape`) with `weight` (out×in×3×3) and `bias`.
pub fn convolve(input: &[f64], shape: Shape, padding: Padding, weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let mut padded = vec![0.0; padded_shape(shape).len()];
    each_padded(shape, padding, |to, from| padded[to] = input[from]);
    let mut output: Vec<f64> = bias.iter().flat_map(|&b| vec![b; shape.positions()]).collect();
    each_product(shape, bias.len(), |y, x, w| output[y] += weight[w] * padded[x]);
    output
}

/// The gradient by the convolution's input: every product and every copy, run backwards.
///
/// `shape` is the input's; `gradient` has `outputs` channels.
pub fn convolve_backward(
    gradient: &[f64],
    shape: Shape,
    padding: Padding,
    weight: &[f64],
    outputs: usize,
) -> Vec<f64> {
    let mut padded = vec![0.0; padded_shape(shape).len()];
    each_product(shape, outputs, |y, x, w| padded[x] += weight[w] * gradient[y]);
    let mut input = vec![0.0; shape.len()];
    each_padded(shape, padding, |from, to| input[to] += padded[from]);
    input
}

/// For each pooled position its four inputs, row by row.
fn windows(shape: Shape) -> Vec<[usize; 4]> {
    let mut windows = Vec::new();
    for channel in 0..shape.channels {
        for r in 0..shape.height / 2 {
            for c in 0..shape.width / 2 {
                let at =
                    |dr: usize, dc: usize| (channel * shape.height + 2 * r + dr) * shape.width + 2 * c + dc;
                windows.push([at(0, 0), at(0, 1), at(1, 0), at(1, 1)]);
            }
        }
    }
    windows
}

/// The position in each window that holds its largest value, the first of equals.
pub fn argmax(input: &[f64], shape: Shape) -> Vec<usize> {
    let first_largest = |window: [usize; 4]| {
        let top = window.iter().map(|&p| input[p]).fold(f64::NEG_INFINITY, f64::max);
        window.into_iter().find(|&p| input[p] == top).unwrap()
    };
    windows(shape).into_iter().map(first_largest).collect()
}

pub fn pool(input: &[f64], shape: Shape, pooling: Pooling) -> Vec<f64> {
    match pooling {
        Pooling::Max => argmax(input, shape).into_iter().map(|p| input[p]).collect(),
        Pooling::Average => {
            windows(shape).iter().map(|window| window.iter().map(|&p| input[p]).sum::<f64>() / 4.0).collect()
        }
    }
}

pub fn pool_backward(input: &[f64], shape: Shape, pooling: Pooling, gradient: &[f64]) -> Vec<f64> {
    let mut output = vec![0.0; shape.len()];
    match pooling {
        Pooling::Max => argmax(input, shape).into_iter().zip(gradient).for_each(|(p, g)| output[p] += g),
        Pooling::Average => {
            for (window, g) in windows(shape).into_iter().zip(gradient) {
                window.into_iter().for_each(|p| output[p] += g / 4.0);
            }
        }
    }
    output
}

/// A weight of 1 for every position of a window, 0 outside, times the weights if there are any.
fn window_weights(shape: Shape, window: &Window, weights: Option<&[f32]>) -> Vec<f64> {
    let inside =
        |p: usize| window.rows.contains(&(p / shape.width)) && window.columns.contains(&(p % shape.width));
    let weight = |p: usize| weights.map_or(1.0, |weights| f64::from(weights[p]));
    (0..shape.positions()).map(|p| if inside(p) { weight(p) } else { 0.0 }).collect()
}

/// `ΣwFFᵀ` and `ΣwF` over a window.
pub fn moments(
    features: &[f64],
    shape: Shape,
    window: &Window,
    weights: Option<&[f32]>,
) -> (Vec<f64>, Vec<f64>) {
    let (channels, weights) = (shape.channels, window_weights(shape, window, weights));
    let row = |i: usize| &features[i * shape.positions()..][..shape.positions()];
    let product = |i: usize, j: usize| {
        let weighted: Vec<f64> = row(i).iter().zip(&weights).map(|(f, w)| f * w).collect();
        super::dot(&weighted, row(j))
    };
    let second = (0..channels * channels).map(|at| product(at / channels, at % channels)).collect();
    (second, (0..channels).map(|i| super::dot(row(i), &weights)).collect())
}

/// `w·(D·F + b)`.
pub fn affine(
    matrix: Option<&[f64]>,
    offset: Option<&[f64]>,
    weights: Option<&[f32]>,
    features: &[f64],
    shape: Shape,
) -> Vec<f64> {
    let (channels, positions) = (shape.channels, shape.positions());
    let weights = window_weights(shape, &Window::whole(shape), weights);
    let mut output = vec![0.0; shape.len()];
    for i in 0..channels {
        for p in 0..positions {
            let product = |d: &[f64]| -> f64 {
                (0..channels).map(|j| d[i * channels + j] * features[j * positions + p]).sum()
            };
            let value = matrix.map_or(0.0, product) + offset.map_or(0.0, |b| b[i]);
            output[i * positions + p] = weights[p] * value;
        }
    }
    output
}

/// `1/(CHW)·Σ (Δx² + Δy²)` and its gradient, pair by pair.
pub fn variation(picture: &[f64], shape: Shape, wraps: bool) -> (f64, Vec<f64>) {
    let (mut sum, mut gradient) = (0.0, vec![0.0; shape.len()]);
    let mut pair = |a: usize, b: usize| {
        let difference = picture[b] - picture[a];
        sum += difference * difference / shape.len() as f64;
        gradient[b] += 2.0 * difference / shape.len() as f64;
        gradient[a] -= 2.0 * difference / shape.len() as f64;
    };
    for place in 0..shape.len() {
        if place % shape.width + 1 < shape.width {
            pair(place, place + 1);
        } else if wraps {
            pair(place, place + 1 - shape.width);
        }
        if place / shape.width % shape.height + 1 < shape.height {
            pair(place, place + shape.width);
        } else if wraps {
            pair(place, place + shape.width - shape.positions());
        }
    }
    (sum, gradient)
}
