//! One idea: a vector of the history in sixteen bits an element.
//!
//! The history of L-BFGS is read whole in every iteration, and memory sets the pace. Its vectors only model the
//! curvature: an error of a 65,000th of the largest element nearby costs no iteration, where a picture or a gradient
//! must keep its f32. Elements of a [`BLOCK`] share a scale, the largest magnitude among them.

use crate::kernels::simd::{Work, widest};
use rayon::prelude::*;

/// Elements per scale, and per inner tile of the passes over vectors: long enough for the processor to fetch each stream
/// ahead, short enough for four tiles to stay in the L2 cache.
pub(super) const BLOCK: usize = 1 << 13;

/// Integers and their scales: element i is `scales[i / BLOCK] · values[i]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Compact {
    pub(super) values: Vec<i16>,
    pub(super) scales: Vec<f32>,
}

impl Compact {
    /// Room for `length` elements.
    pub(super) fn zeros(length: usize) -> Self {
        Self { values: vec![0; length], scales: vec![0.0; length.div_ceil(BLOCK)] }
    }

    /// Becomes `v`, rounded.
    pub(super) fn round(&mut self, v: &[f32]) {
        self.fill(|values, range| widest(Round { block: &v[range], values }));
    }

    /// Becomes `a − b`, element by element, rounded.
    pub(super) fn difference(&mut self, a: &[f32], b: &[f32]) {
        self.fill(|values, range| widest(Difference { a: &a[range.clone()], b: &b[range], values }));
    }

    /// Fills the blocks side by side; `fill` gets a block's values and where they lie, and returns the scale.
    fn fill(&mut self, fill: impl Fn(&mut [i16], std::ops::Range<usize>) -> f32 + Sync) {
        let blocks = self.values.par_chunks_mut(BLOCK).zip(&mut self.scales).enumerate();
        blocks.for_each(|(block, (values, scale))| {
            let from = block * BLOCK;
            let range = from..from + values.len();
            *scale = fill(values, range);
        });
    }

    /// The elements in f32.
    #[cfg(test)]
    pub(super) fn expand(&self) -> Vec<f32> {
        let blocks = self.values.chunks(BLOCK).zip(&self.scales);
        blocks.flat_map(|(values, scale)| values.iter().map(move |&v| scale * f32::from(v))).collect()
    }
}

struct Round<'a> {
    block: &'a [f32],
    values: &'a mut [i16],
}

impl Work for Round<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        compress(self.block, self.values)
    }
}

struct Difference<'a> {
    a: &'a [f32],
    b: &'a [f32],
    values: &'a mut [i16],
}

impl Work for Difference<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let Self { a, b, values } = self;
        let mut difference = [0.0f32; BLOCK];
        let difference = &mut difference[..a.len()];
        for (d, (a, b)) in difference.iter_mut().zip(a.iter().zip(b)) {
            *d = a - b;
        }
        compress(difference, values)
    }
}

/// Compresses one block; returns its scale. Elements must be finite and no subnormal.
#[inline(always)]
pub(super) fn compress(block: &[f32], values: &mut [i16]) -> f32 {
    const MOST: f32 = i16::MAX as f32;
    /// 1.5·2²³: added to a number below 2²² it leaves the nearest integer in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let mut largest = 0.0f32;
    for v in block {
        largest = if v.abs() > largest { v.abs() } else { largest };
    }
    let scale = largest / MOST;
    // Below it, `MOST / largest` would overflow; such a block is as good as zero.
    let inverse = if largest > 1e-30 { MOST / largest } else { 0.0 };
    for (value, v) in values.iter_mut().zip(block) {
        *value = (v * inverse + ROUND).to_bits() as i16;
    }
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_element_is_further_off_than_half_a_step() {
        for size in [1e-20f32, 1e-6, 1.0, 1e6] {
            let block: Vec<f32> = (0..777).map(|i| size * (0.37 * i as f32).sin().powi(5)).collect();
            let mut values = vec![0; 777];
            let scale = compress(&block, &mut values);
            for (v, &q) in block.iter().zip(&values) {
                assert!((v - scale * f32::from(q)).abs() <= 0.501 * scale, "{v} became {q} times {scale}");
            }
            assert_eq!(values.iter().map(|q| q.unsigned_abs()).max(), Some(32_767));
        }
        let mut values = [1; 3];
        assert_eq!(compress(&[0.0; 3], &mut values), 0.0);
        assert_eq!(values, [0; 3]);
    }

    #[test]
    fn whole_vectors_are_rounded_block_by_block() {
        for length in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 77] {
            let wave =
                |phase: f32| -> Vec<f32> { (0..length).map(|i| (0.37 * i as f32 + phase).sin()).collect() };
            let (a, b) = (wave(0.0), wave(1.0));
            let (mut rounded, mut difference) = (Compact::zeros(length), Compact::zeros(length));
            rounded.round(&a);
            difference.difference(&a, &b);
            for (i, (r, d)) in rounded.expand().iter().zip(difference.expand()).enumerate() {
                assert!((r - a[i]).abs() < 2e-5, "{length} {i}");
                assert!((d - (a[i] - b[i])).abs() < 4e-5, "{length} {i}");
            }
        }
    }
}
