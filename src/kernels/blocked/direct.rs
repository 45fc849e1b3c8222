//! The 3×3 convolution without any unrolled matrix: the register tile reads the map where it lies.
//!
//! Also both ends of the network, where the picture has three channels: the first convolution, and the
//! gradient's last step to the picture.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::map::{Layout, Vector, blocks};
use super::pack::{Group, Packed};
use super::sink::{Shared, Sink};
use super::tile::{self, by_vectors};
use crate::kernels::simd::{Isa, Kernel, LANES, Simd};
use crate::tensor::Shape;

/// Rows that one task computes.
const ROWS: usize = 4;

/// Packs out×in×3×3 weights as nine products, one a tap.
pub fn pack(weight: &[f32], outputs: usize, inputs: usize) -> Packed {
    assert_eq!(weight.len(), outputs * inputs * 9);
    Packed::new(inputs, outputs, 9, |o, i, values| {
        values.copy_from_slice(&weight[(o * inputs + i) * 9..][..9]);
    })
}

/// Packs out×3×3×3 weights of the first layer: the 27 values of the window count as its inputs.
pub fn pack_first(weight: &[f32], outputs: usize) -> Packed {
    assert_eq!(weight.len(), outputs * 27);
    Packed::new(27, outputs, 1, |o, i, values| values[0] = weight[o * 27 + i])
}

/// Convolves `input` (its border filled) with packed weights; results go to `sink` by position.
pub fn convolve<K: Sink>(isa: Isa, input: &[Vector], layout: &Layout, weights: &Packed, sink: &K) {
    assert_eq!((weights.inputs, weights.slots), (layout.shape.channels, 9), "weights of another layer");
    assert!(input.len() >= layout.len());
    let height = layout.shape.height;
    (0..height.div_ceil(ROWS)).into_par_iter().for_each(|task| {
        let rows = task * ROWS..((task + 1) * ROWS).min(height);
        for y in rows.clone() {
            isa.run(Row { input, layout, weights, sink, y });
        }
        sink.complete(isa, rows, 0..layout.shape.width);
    });
}

/// One row of the general convolution.
struct Row<'a, K> {
    input: &'a [Vector],
    layout: &'a Layout,
    weights: &'a Packed,
    sink: &'a K,
    y: usize,
}

impl<K: Sink> Kernel for Row<'_, K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for &group in &self.weights.groups {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { by_vectors!(group.1, self.group::<S>(group)) }
        }
    }
}

impl<K: Sink> Row<'_, K> {
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn group<S: Simd, const OB: usize>(&self, group: Group) {
        let (width, length) = (self.layout.shape.width, S::TILE[OB - 1]);
        for start in (0..width).step_by(length) {
            // SAFETY: a tile reads `length` + 2 positions from the start of a row; where that passes the row's end
            // it meets the next row or the room behind the map. Results are put inside the map only.
            unsafe {
                let mut sums = tile::zero::<S, OB>();
                for tap in 0..9 {
                    let weights = self.weights.part(tap, group).as_ptr().cast::<f32>();
                    let values =
                        self.input.as_ptr().add(self.layout.at(0, self.y + tap / 3, start + tap % 3));
                    for b in 0..self.layout.blocks {
                        let values = values.add(b * self.layout.plane).cast();
                        tile::block::<S, OB>(&mut sums, values, weights.add(b * LANES * OB * LANES));
                    }
                }
                for p in 0..length {
                    if start + p < width {
                        for o in 0..OB {
                            self.sink.put::<S>(group.0 + o, self.y, start + p, sums[p][o]);
                        }
                    }
                }
            }
        }
    }
}

/// The picture as the first layer reads it: three planes with a border, row by row.
pub struct Planes {
    /// The picture's shape, without border.
    pub shape: Shape,
    /// `[channel][y + 1][x + 1]`, with room behind for a register tile.
    pub data: Vec<f32>,
}

impl Planes {
    /// Zeros.
    pub fn new(shape: Shape) -> Self {
        let size = shape.channels * (shape.height + 2) * (shape.width + 2);
        Self { shape, data: vec![0.0; size + tile::MOST] }
    }

    /// Floats from one row to the next.
    pub fn row(&self) -> usize {
        self.shape.width + 2
    }

    /// Floats from one channel to the next.
    pub fn plane(&self) -> usize {
        self.row() * (self.shape.height + 2)
    }
}

/// The first convolution: three planes in, blocked channels out.
pub fn convolve_first<K: Sink>(isa: Isa, input: &Planes, weights: &Packed, sink: &K) {
    assert_eq!((weights.inputs, weights.slots, input.shape.channels), (27, 1, 3), "weights of another layer");
    let height = input.shape.height;
    (0..height.div_ceil(ROWS)).into_par_iter().for_each(|task| {
        for y in task * ROWS..((task + 1) * ROWS).min(height) {
            isa.run(FirstRow { input, weights, sink, y });
        }
    });
}

/// One row of the first convolution.
struct FirstRow<'a, K> {
    input: &'a Planes,
    weights: &'a Packed,
    sink: &'a K,
    y: usize,
}

impl<K: Sink> Kernel for FirstRow<'_, K> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for &group in &self.weights.groups {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { by_vectors!(group.1, self.group::<S>(group)) }
        }
    }
}

impl<K: Sink> FirstRow<'_, K> {
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn group<S: Simd, const OB: usize>(&self, group: Group) {
        let (width, length) = (self.input.shape.width, S::TILE[OB - 1]);
        let weights = self.weights.part(0, group).as_ptr().cast::<f32>();
        for start in (0..width).step_by(length) {
            // SAFETY: a tile reads `length` + 2 floats from the start of a row; where that passes the row's end it
            // meets the next row or the room behind the planes. Results are put inside the map only.
            unsafe {
                let mut sums = tile::zero::<S, OB>();
                for channel in 0..3 {
                    for tap in 0..9 {
                        let at = channel * self.input.plane() + (self.y + tap / 3) * self.input.row();
                        let values = self.input.data.as_ptr().add(at + start + tap % 3);
                        let weights = weights.add((channel * 9 + tap) * OB * LANES);
                        tile::step::<S, OB>(&mut sums, values, 1, weights);
                    }
                }
                for p in 0..length {
                    if start + p < width {
                        for o in 0..OB {
                            self.sink.put::<S>(group.0 + o, self.y, start + p, sums[p][o]);
                        }
                    }
                }
            }
        }
    }
}

/// Weights of the gradient's last step: `[output block][tap][colour]`, the kernel turned by 180°.
pub fn pack_last(weight: &[f32], outputs: usize) -> Vec<Vector> {
    assert_eq!(weight.len(), outputs * 27);
    let vector = |block: usize, tap: usize, colour: usize| {
        Vector(std::array::from_fn(|lane| {
            let o = block * LANES + lane;
            if o < outputs { weight[(o * 3 + colour) * 9 + 8 - tap] } else { 0.0 }
        }))
    };
    (0..blocks(outputs) * 27).map(|at| vector(at / 27, at % 27 / 3, at % 3)).collect()
}

/// The gradient of the three planes from the first layer's output gradient (zero border), as if the padding
/// were zeros; writes 3×H×W.
pub fn return_first(isa: Isa, input: &[Vector], layout: &Layout, weights: &[Vector], output: &mut [f32]) {
    let Shape { height, width, .. } = layout.shape;
    assert_eq!((weights.len(), output.len()), (layout.blocks * 27, 3 * height * width));
    assert!(input.len() >= layout.len());
    let shared = Shared::new(output);
    (0..height.div_ceil(ROWS)).into_par_iter().for_each(|task| {
        for y in task * ROWS..((task + 1) * ROWS).min(height) {
            isa.run(LastRow { input, layout, weights, output: &shared, y });
        }
    });
}

/// One row of the gradient's last step.
struct LastRow<'a> {
    input: &'a [Vector],
    layout: &'a Layout,
    weights: &'a [Vector],
    output: &'a Shared<'a, f32>,
    y: usize,
}

impl Kernel for LastRow<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Shape { height, width, .. } = self.layout.shape;
        // Neighbouring taps share positions, which the compiler keeps in registers besides the sums: a whole tile of
        // sums would leave no room for them.
        let length = const { if S::TILE[2] < 6 { S::TILE[2] } else { 6 } };
        for start in (0..width).step_by(length) {
            // SAFETY: reads as in `Row::group`; writes three floats at positions inside row y, which belongs to
            // this task.
            unsafe {
                let mut sums = tile::zero::<S, 3>();
                let mut w = self.weights.as_ptr();
                for b in 0..self.layout.blocks {
                    for tap in 0..9 {
                        let at = self.layout.at(b, self.y + tap / 3, start + tap % 3);
                        let values = self.input.as_ptr().add(at);
                        let colours = [S::load(w.cast()), S::load(w.add(1).cast()), S::load(w.add(2).cast())];
                        w = w.add(3);
                        for p in 0..length {
                            let value = S::load(values.add(p).cast());
                            for c in 0..3 {
                                sums[p][c] = S::fma(value, colours[c], sums[p][c]);
                            }
                        }
                    }
                }
                for p in 0..length {
                    if start + p < width {
                        for c in 0..3 {
                            *self.output.at((c * height + self.y) * width + start + p) = S::sum(sums[p][c]);
                        }
                    }
                }
            }
        }
    }
}
