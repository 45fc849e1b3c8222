//! Both ends of the network, where the picture has three channels: the first convolution, and the gradient's last step to
//! the picture.

use rayon::prelude::*;

use super::direct::ROWS;
use super::epilogue::{Epilogue, EpiloguePart};
use super::map::{Map, blocks};
use super::pack::{Group, Packed};
use super::part::Place;
use super::tile::{self, Results, by_vectors};
use crate::kernels::simd::{Kernel, LANES, Level, Simd, Vector, ZERO};
use crate::tensor::{Padding, Shape};

/// Packs out×3×3×3 weights of the first layer: the 27 values of the window count as its inputs.
///
/// # Panics
/// On a wrong length.
pub fn pack(weight: &[f32], outputs: usize) -> Packed {
    assert_eq!(weight.len(), outputs * 27, "length");
    Packed::new(27, outputs, 1, |o, i, values| values[0] = weight[o * 27 + i])
}

/// The picture as the first layer reads it: three planes with a border, row by row.
pub struct Planes {
    height: usize,
    width: usize,
    /// `[channel][y + 1][x + 1]`, with room behind for a register tile.
    data: Vec<f32>,
}

impl Planes {
    /// Zeros.
    ///
    /// # Panics
    /// If the picture is empty, or larger than the address space.
    pub fn new(height: usize, width: usize) -> Self {
        assert!(height > 0 && width > 0, "an empty picture");
        let size = |side: usize| side.checked_add(2);
        let plane = size(height).zip(size(width)).and_then(|(rows, columns)| rows.checked_mul(columns));
        let length = plane.and_then(|plane| plane.checked_mul(3)?.checked_add(tile::MOST));
        Self { height, width, data: vec![0.0; length.expect("a picture within the address space")] }
    }

    /// Writes a picture (3×H×W) through a colour map, `W·rgb + b` at every position, and its border.
    ///
    /// # Panics
    /// If the picture has another size, or there is nothing to mirror: a side of less than two pixels.
    pub fn fill(&mut self, rgb: &[f32], weight: &[f32; 9], bias: &[f32; 3], padding: Padding) {
        let (height, width, row, plane) = (self.height, self.width, self.row(), self.plane());
        let positions = height * width;
        assert_eq!(rgb.len(), 3 * positions, "picture length");
        assert!(padding != Padding::Reflect || height.min(width) >= 2, "nothing to mirror");
        self.data[..3 * plane].par_chunks_exact_mut(plane).enumerate().for_each(|(c, plane)| {
            let w = &weight[3 * c..][..3];
            for y in 0..height {
                let line = &mut plane[(y + 1) * row..][..row];
                for x in 0..width {
                    let at = y * width + x;
                    let mapped = w[0] * rgb[at] + w[1] * rgb[positions + at] + w[2] * rgb[2 * positions + at];
                    line[x + 1] = mapped + bias[c];
                }
                (line[0], line[width + 1]) = match padding {
                    Padding::Zeros => (0.0, 0.0),
                    Padding::Reflect => (line[2], line[width - 1]),
                    Padding::Wrap => (line[width], line[1]),
                };
            }
            let sources = match padding {
                Padding::Wrap => [height, 1],
                _ => [2, height.saturating_sub(1)],
            };
            for (border, from) in [0, height + 1].into_iter().zip(sources) {
                match padding {
                    Padding::Zeros => plane[border * row..][..row].fill(0.0),
                    _ => plane.copy_within(from * row..(from + 1) * row, border * row),
                }
            }
        });
    }

    /// Bytes of the planes of a picture.
    pub const fn bytes(height: usize, width: usize) -> usize {
        (3 * (height + 2) * (width + 2) + tile::MOST) * size_of::<f32>()
    }

    /// Floats from one row to the next.
    fn row(&self) -> usize {
        self.width + 2
    }

    /// Floats from one channel to the next.
    fn plane(&self) -> usize {
        self.row() * (self.height + 2)
    }
}

/// The first convolution: three planes in, blocked channels out.
///
/// # Panics
/// If weights or results belong to another layer, or results are to be pooled: windows come in tiles.
pub fn convolve(level: Level, input: &Planes, weights: &Packed, epilogue: Epilogue<'_>) {
    assert_eq!((weights.inputs(), weights.slots()), (27, 1), "weights of another layer");
    let shape = Shape::new(weights.outputs(), input.height, input.width);
    assert_eq!(epilogue.shape(), shape, "results of another layer");
    epilogue.into_tiles((ROWS, shape.width)).for_each_run(1, &|mut part| {
        for place in part.grid().places(part.tiles()) {
            let (rows, _) = part.grid().extent(&place);
            for (row, y) in rows.enumerate() {
                level.run(FirstRow { input, weights, output: &mut part, place: &place, row, y });
            }
        }
    });
}

/// One row of the first convolution.
struct FirstRow<'a, 'p, 'm> {
    input: &'a Planes,
    weights: &'a Packed,
    output: &'p mut EpiloguePart<'m>,
    place: &'p Place,
    /// In the place.
    row: usize,
    /// In the picture.
    y: usize,
}

impl Kernel for FirstRow<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut results: Results = [[ZERO; tile::MOST]; 3];
        for &group in self.weights.groups() {
            let length = S::TILE[group.1 - 1];
            for start in (0..self.input.width).step_by(length) {
                by_vectors!(group.1, self.tile::<S>(simd, group, start, &mut results));
                for (o, values) in results.iter().take(group.1).enumerate() {
                    let values = &values[..length];
                    self.output.put_line(simd, group.0 + o, self.place, self.row, start, values);
                }
            }
        }
    }
}

impl FirstRow<'_, '_, '_> {
    /// A tile reads `length` + 2 floats from the start of a row; where that passes the row's end it meets the next row or
    /// the room behind the planes.
    #[inline(always)]
    fn tile<S: Simd, const OB: usize>(&self, simd: S, group: Group, start: usize, results: &mut Results) {
        let (input, weights) = (self.input, &self.weights.part(0, group)[..27 * OB]);
        let mut sums = tile::zero::<S, OB>(simd);
        for line in 0..9 {
            let (channel, row) = (line / 3, line % 3);
            let at = channel * input.plane() + (self.y + row) * input.row() + start;
            let values = &input.data[at..][..S::TILE[OB - 1] + 2];
            for column in 0..3 {
                let weights = &weights[(3 * line + column) * OB..];
                tile::step::<S, OB>(simd, &mut sums, &values[column..], weights);
            }
        }
        tile::write(simd, &sums, results);
    }
}

/// Weights of the gradient's last step.
pub struct LastWeights {
    channels: usize,
    /// `[output block][tap][colour]`, the kernel turned by 180°.
    vectors: Vec<Vector>,
}

impl LastWeights {
    /// Bytes of those of a layer with so many outputs.
    pub const fn bytes(outputs: usize) -> usize {
        blocks(outputs) * 27 * size_of::<Vector>()
    }

    /// From the first layer's out×3×3×3 weights.
    ///
    /// # Panics
    /// On a wrong length.
    pub fn new(weight: &[f32], outputs: usize) -> Self {
        assert_eq!(weight.len(), outputs * 27, "length");
        let vector = |block: usize, tap: usize, colour: usize| {
            Vector(std::array::from_fn(|lane| {
                let o = block * LANES + lane;
                if o < outputs { weight[(o * 3 + colour) * 9 + 8 - tap] } else { 0.0 }
            }))
        };
        let vectors = (0..blocks(outputs) * 27).map(|at| vector(at / 27, at % 27 / 3, at % 3)).collect();
        Self { channels: outputs, vectors }
    }
}

/// The gradient of the three planes from the first layer's output gradient (its border filled with zeros), as if the
/// padding were zeros; writes 3×H×W.
///
/// # Panics
/// If the weights belong to another layer, or `output` has another length.
pub fn backward(level: Level, input: Map<'_>, weights: &LastWeights, output: &mut [f32]) {
    let Shape { channels, height, width } = input.shape();
    assert_eq!((weights.channels, output.len()), (channels, 3 * height * width), "another layer");
    let mut planes = output.chunks_exact_mut(height * width).map(|plane| plane.par_chunks_mut(ROWS * width));
    let [red, green, blue] = std::array::from_fn(|_| planes.next().expect("three planes"));
    red.zip(green).zip(blue).enumerate().for_each(|(task, ((red, green), blue))| {
        let lines = [red, green, blue].map(|part| part.chunks_exact_mut(width));
        let [red, green, blue] = lines;
        for (row, ((red, green), blue)) in red.zip(green).zip(blue).enumerate() {
            let output = [red, green, blue];
            level.run(LastRow { input, weights: &weights.vectors, output, y: task * ROWS + row });
        }
    });
}

/// One row of the gradient's last step.
struct LastRow<'a> {
    input: Map<'a>,
    weights: &'a [Vector],
    output: [&'a mut [f32]; 3],
    y: usize,
}

impl Kernel for LastRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { input, weights, output, y } = self;
        // Neighbouring taps share positions, which the compiler keeps in registers besides the sums: a whole tile of
        // sums would leave no room for them.
        let length = const { if S::TILE[2] < 6 { S::TILE[2] } else { 6 } };
        for start in (0..input.shape().width).step_by(length) {
            let mut sums = tile::zero::<S, 3>(simd);
            for (b, taps) in weights.as_chunks::<27>().0.iter().enumerate() {
                for tap in 0..9 {
                    let values = &input.from(b, y + tap / 3, start + tap % 3)[..length];
                    let colours = [0, 1, 2].map(|c| simd.load(&taps[3 * tap + c].0));
                    for p in 0..length {
                        let value = simd.load(&values[p].0);
                        for c in 0..3 {
                            sums[p][c] = simd.fma(value, colours[c], sums[p][c]);
                        }
                    }
                }
            }
            for c in 0..3 {
                let output = &mut output[c][start..];
                for p in 0..length {
                    if p < output.len() {
                        output[p] = simd.sum(sums[p][c]);
                    }
                }
            }
        }
    }
}
