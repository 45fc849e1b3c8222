//! The adjoint of reflection, computed on the border alone.
//!
//! A mirrored border copies row 1 to row −1, and so on. The gradient at the border's own positions must therefore be
//! added to the positions they were copied from. Only the outermost row or column of the output's gradient reaches
//! the border, through three of the nine taps, so four one-dimensional convolutions give all of it; the
//! convolution over the map's inside then is the same as with zeros, plus these strips.
#![allow(unsafe_code)]

use rayon::prelude::*;

use super::map::{Buffer, Layout, Vector, ZERO, blocks};
use super::pack::{Group, Packed};
use super::scratch::Pool;
use super::sink::Source;
use super::tile::{self, by_vectors};
use crate::kernels::simd::{Isa, Kernel, LANES, Simd};
use crate::tensor::Shape;

/// What the border adds: to row 1, to row H−2, to column 1, to column W−2; `[block][position]` each.
#[derive(Default)]
pub struct Strips {
    height: usize,
    width: usize,
    lines: [Buffer; 4],
}

/// The taps (3·u + v of the turned kernel) through which each side is reached, nearest first along the line.
const TAPS: [[usize; 3]; 4] = [[6, 7, 8], [0, 1, 2], [2, 5, 8], [0, 3, 6]];

impl Strips {
    /// Computes the strips of a convolution's backward pass: `gradient` is the output's, `turned`
    /// holds the direct weights in→out exchanged and turned by 180°.
    pub fn compute(
        &mut self,
        isa: Isa,
        gradient: &impl Source,
        layout: &Layout,
        turned: &Packed,
        scratch: &Pool,
    ) {
        let Shape { height, width, .. } = layout.shape;
        (self.height, self.width) = (height, width);
        self.lines.par_iter_mut().enumerate().for_each(|(side, line)| {
            scratch.with(|buffer| {
                let length = if side < 2 { width } else { height };
                let pitch = length + 4;
                let inputs = layout.blocks * pitch + tile::MOST;
                let out_blocks = blocks(turned.outputs);
                let wide = length + 2 + tile::MOST;
                let (source, result) = buffer.split(inputs, out_blocks * wide);
                source.fill(ZERO);
                for b in 0..layout.blocks {
                    for p in 0..length {
                        let (y, x) = [(0, p), (height - 1, p), (p, 0), (p, width - 1)][side];
                        source[b * pitch + p + 2] = gradient.vector(b, y, x);
                    }
                }
                isa.run(Line {
                    source,
                    pitch,
                    blocks: layout.blocks,
                    turned,
                    taps: TAPS[side],
                    result,
                    wide,
                });
                fold(result, wide, out_blocks, length, side < 2, line);
            });
        });
    }

    /// `value` plus what the border adds at (y, x).
    ///
    /// # Safety
    /// Only where `S` is available; (y, x) must lie inside the map.
    #[inline(always)]
    pub unsafe fn add<S: Simd>(&self, block: usize, y: usize, x: usize, value: S::V) -> S::V {
        let mut value = value;
        let sides = [
            (y == 1, block * self.width + x),
            (y + 2 == self.height, block * self.width + x),
            (x == 1, block * self.height + y),
            (x + 2 == self.width, block * self.height + y),
        ];
        for (side, (here, at)) in sides.into_iter().enumerate() {
            if here {
                // SAFETY: lines hold blocks·W or blocks·H vectors.
                value = unsafe { S::add(value, S::load(self.lines[side].vectors()[at].0.as_ptr())) };
            }
        }
        value
    }

    /// Adds the strips of a three-channel map to its plain 3×H×W gradient.
    pub fn add_plain(&self, gradient: &mut [f32]) {
        let (height, width) = (self.height, self.width);
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
    source: &'a [Vector],
    pitch: usize,
    blocks: usize,
    turned: &'a Packed,
    taps: [usize; 3],
    result: &'a mut [Vector],
    wide: usize,
}

impl Kernel for Line<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        for &group in &self.turned.groups {
            // SAFETY: the caller vouches for the instruction set.
            unsafe { by_vectors!(group.1, self.group::<S>(group)) }
        }
    }
}

impl Line<'_> {
    /// # Safety
    /// Only where `S` is available.
    #[inline(always)]
    unsafe fn group<S: Simd, const OB: usize>(&mut self, group: Group) {
        let (count, length) = (self.pitch - 2, S::TILE[OB - 1]);
        for start in (0..count).step_by(length) {
            // SAFETY: a tile reads `length` + 2 vectors of a line; past its end lies the next line or the room
            // behind the last. Results have room for a tile behind each line.
            unsafe {
                let mut sums = tile::zero::<S, OB>();
                for (offset, &tap) in self.taps.iter().enumerate() {
                    let weights = self.turned.part(tap, group).as_ptr().cast::<f32>();
                    for b in 0..self.blocks {
                        let values = self.source.as_ptr().add(b * self.pitch + start + offset).cast();
                        tile::block::<S, OB>(&mut sums, values, weights.add(b * LANES * OB * LANES));
                    }
                }
                for o in 0..OB {
                    let to = self.result.as_mut_ptr().add((group.0 + o) * self.wide + start);
                    for p in 0..length {
                        S::store(to.add(p).cast(), sums[p][o]);
                    }
                }
            }
        }
    }
}
