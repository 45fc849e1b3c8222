//! The adjoint of reflection, computed on the border alone.
//!
//! A mirrored border copies row 1 to row −1, and so on. The gradient at the border's own positions must therefore be
//! added to the positions they were copied from. Only the outermost row or column of the output's gradient reaches
//! the border, through three of the nine taps, so four one-dimensional convolutions give all of it; the
//! convolution over the map's inside then is the same as with zeros, plus these strips.

use rayon::prelude::*;

use super::map::{Buffer, blocks};
use super::pack::{Group, Packed};
use super::scratch::{Pool, Room};
use super::source::Source;
use super::tile::{self, by_vectors};
use crate::kernels::simd::{Kernel, LANES, Level, Simd, Vector, ZERO};
use crate::tensor::Shape;

/// What the border adds: to row 1, to row H−2, to column 1, to column W−2; `[block][position]` each.
#[derive(Default)]
pub struct Strips {
    /// The map that it is added to.
    shape: Option<Shape>,
    lines: [Buffer; 4],
}

/// The taps (3·u + v of the turned kernel) through which each side is reached, nearest first along the line.
const TAPS: [[usize; 3]; 4] = [[6, 7, 8], [0, 1, 2], [2, 5, 8], [0, 3, 6]];

/// What computing the strips of a gradient of `shape` borrows, where the convolution has so many inputs.
pub fn room(shape: Shape, inputs: usize) -> Room {
    let (task, _) = parts(blocks(shape.channels), blocks(inputs), shape.height.max(shape.width));
    Room { task: task.0 + task.1, shared: 0 }
}

/// Vectors of the strips of a gradient that has the shape of the convolution's input.
pub fn vectors(shape: Shape) -> usize {
    2 * blocks(shape.channels) * (shape.height + shape.width)
}

/// Vectors of a line of the gradient and of its results, and from block to block of each.
fn parts(in_blocks: usize, out_blocks: usize, length: usize) -> ((usize, usize), (usize, usize)) {
    let (pitch, wide) = (length + 4, length + 2 + tile::MOST);
    ((in_blocks * pitch + tile::MOST, out_blocks * wide), (pitch, wide))
}

impl Strips {
    /// Computes the strips of a convolution's backward pass: `gradient` is the output's, `turned`
    /// holds the direct weights in→out exchanged and turned by 180°.
    ///
    /// # Panics
    /// If the weights belong to another layer, or there is nothing to mirror: a side of less than two positions.
    pub fn compute(&mut self, level: Level, gradient: &Source<'_>, turned: &Packed, scratch: &Pool) {
        let Shape { channels, height, width } = gradient.shape();
        assert_eq!((turned.inputs(), turned.slots()), (channels, 9), "weights of another layer");
        assert!(height.min(width) >= 2, "nothing to mirror");
        self.shape = Some(gradient.shape().with_channels(turned.outputs()));
        let in_blocks = blocks(channels);
        self.lines.par_iter_mut().enumerate().for_each(|(side, line)| {
            scratch.with(|buffer| {
                let length = if side < 2 { width } else { height };
                let out_blocks = blocks(turned.outputs());
                let (lengths, (pitch, wide)) = parts(in_blocks, out_blocks, length);
                let (source, result) = buffer.split(lengths.0, lengths.1);
                source.fill(ZERO);
                for b in 0..in_blocks {
                    for p in 0..length {
                        let (y, x) = [(0, p), (height - 1, p), (p, 0), (p, width - 1)][side];
                        source[b * pitch + p + 2] = gradient.vector(b, y, x);
                    }
                }
                level.run(Line { source, pitch, turned, taps: TAPS[side], result, wide });
                fold(result, wide, out_blocks, length, side < 2, line);
            });
        });
    }

    /// Whether it was last computed for a gradient of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        self.shape == Some(shape)
    }

    /// `value` plus what the border adds at (y, x).
    ///
    /// # Panics
    /// If it has no such position.
    #[inline(always)]
    pub(super) fn add<S: Simd>(&self, simd: S, block: usize, y: usize, x: usize, value: S::V) -> S::V {
        let Shape { height, width, .. } = self.shape.expect("computed");
        let mut value = value;
        let sides = [
            (y == 1, block * width + x),
            (y + 2 == height, block * width + x),
            (x == 1, block * height + y),
            (x + 2 == width, block * height + y),
        ];
        for (side, (here, at)) in sides.into_iter().enumerate() {
            if here {
                value = simd.add(value, simd.load(&self.lines[side].vectors()[at].0));
            }
        }
        value
    }

    /// Adds the strips of a three-channel map to its plain 3×H×W gradient.
    ///
    /// # Panics
    /// If they were computed for another map.
    pub fn add_plain(&self, gradient: &mut [f32]) {
        let shape = self.shape.expect("computed");
        assert_eq!((shape.channels, gradient.len()), (3, shape.len()), "the border of another map");
        let Shape { height, width, .. } = shape;
        for (side, line) in self.lines.iter().enumerate() {
            let length = if side < 2 { width } else { height };
            for (p, vector) in line.vectors()[..length].iter().enumerate() {
                let (y, x) = [(1, p), (height - 2, p), (p, 1), (p, width - 2)][side];
                for c in 0..3 {
                    gradient[(c * height + y) * width + x] += vector.0[c];
                }
            }
        }
    }
}

/// Folds a line of length + 2 results onto `length` positions; along the top and bottom the corners fold inwards,
/// along the sides they already belong to the top and bottom.
fn fold(result: &[Vector], wide: usize, blocks: usize, length: usize, corners: bool, line: &mut Buffer) {
    let target = line.vectors_mut(blocks * length);
    for b in 0..blocks {
        let (from, to) = (&result[b * wide..][..length + 2], &mut target[b * length..][..length]);
        to.copy_from_slice(&from[1..=length]);
        if corners {
            for lane in 0..LANES {
                to[1].0[lane] += from[0].0[lane];
                to[length - 2].0[lane] += from[length + 1].0[lane];
            }
        }
    }
}

/// A one-dimensional convolution with three taps: `result[b][j] = Σ_t w_t·source[j + t]` for j < length + 2.
struct Line<'a> {
    /// Lines of `pitch` vectors, one a block, with room for a tile behind the last.
    source: &'a [Vector],
    pitch: usize,
    turned: &'a Packed,
    taps: [usize; 3],
    /// Lines of `wide` vectors, which have room for a tile behind length + 2.
    result: &'a mut [Vector],
    wide: usize,
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        for &group in self.turned.groups() {
            by_vectors!(group.1, self.group::<S>(simd, group))
        }
    }
}

impl Line<'_> {
    #[inline(always)]
    fn group<S: Simd, const OB: usize>(&mut self, simd: S, group: Group) {
        let (count, length) = (self.pitch - 2, S::TILE[OB - 1]);
        for start in (0..count).step_by(length) {
            let mut sums = tile::zero::<S, OB>(simd);
            for (offset, &tap) in self.taps.iter().enumerate() {
                let weights = self.turned.part(tap, group);
                for b in 0..blocks(self.turned.inputs()) {
                    let values = &self.source[b * self.pitch + start + offset..];
                    tile::block::<S, OB>(simd, &mut sums, values, &weights[b * LANES * OB..]);
                }
            }
            for o in 0..OB {
                let to = &mut self.result[(group.0 + o) * self.wide + start..][..length];
                for p in 0..length {
                    simd.store(&mut to[p].0, sums[p][o]);
                }
            }
        }
    }
}
