//! One idea: a vector of the history in sixteen bits an element.
//!
//! The history of L-BFGS is read whole in every iteration, and memory sets the pace. Its vectors only model the
//! curvature: an error of a 65,000th of the largest element nearby costs no iteration, where a picture or a gradient
//! must keep its f32. Elements of a [`BLOCK`] share a scale, the largest magnitude among them.

use super::sweep::BLOCK;

/// Integers and their scales: element i is `scales[i / BLOCK] · values[i]`.
#[derive(Debug, Default)]
pub(super) struct Compact {
    pub(super) values: Vec<i16>,
    pub(super) scales: Vec<f32>,
}

impl Compact {
    /// Room for `length` elements.
    pub(super) fn zeros(length: usize) -> Self {
        Self { values: vec![0; length], scales: vec![0.0; length.div_ceil(BLOCK)] }
    }

    /// The elements in f32.
    pub(super) fn expand(&self) -> Vec<f32> {
        let blocks = self.values.chunks(BLOCK).zip(&self.scales);
        blocks.flat_map(|(values, scale)| values.iter().map(move |&v| scale * f32::from(v))).collect()
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
}
