//! Losses that compare a map F with a fixed one, F₀, position by position: the sums that they are made of, in f64.

use rayon::prelude::*;

use super::map::Map;
use crate::kernels::simd::{LANES, Vector};
use crate::tensor::PositionWeights;

/// `(Σw(F − F₀)², ΣwF₀²)` in a fixed order; w is 1 without `weights`. `scratch` is reused between calls.
///
/// # Panics
/// If the maps have two shapes, or the weights another.
pub fn distance(
    map: Map<'_>,
    target: Map<'_>,
    weights: Option<&PositionWeights>,
    scratch: &mut Vec<(f64, f64)>,
) -> (f64, f64) {
    assert_eq!(map.layout(), target.layout(), "maps of two shapes");
    assert!(weights.is_none_or(|weights| weights.map().fits(map.shape())), "weights of another map");
    let height = map.shape().height;
    scratch.resize(map.layout().blocks() * height, (0.0, 0.0));
    scratch.par_iter_mut().enumerate().for_each(|(row, sum)| {
        let (block, y) = (row / height, row % height);
        let pairs = map.line(block, y).iter().zip(target.line(block, y));
        let weights = weights.map(|weights| weights.map().row(y));
        *sum = pairs.enumerate().fold((0.0, 0.0), |sum, (x, (a, b))| {
            let (distance, norm) = squares(a, b);
            let weight = weights.map_or(1.0, |weights| f64::from(weights[x]));
            (sum.0 + weight * distance, sum.1 + weight * norm)
        });
    });
    scratch.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
}

/// `(Σ(a − b)², Σb²)` over the lanes.
fn squares(a: &Vector, b: &Vector) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for lane in 0..LANES {
        let (a, b) = (f64::from(a.0[lane]), f64::from(b.0[lane]));
        sums.0 += (a - b) * (a - b);
        sums.1 += b * b;
    }
    sums
}

/// `output[p] = Σ_i a[i, p]·b[i, p]`, H·W values.
///
/// # Panics
/// If the maps have two shapes, or `output` another length.
pub fn products(a: Map<'_>, b: Map<'_>, output: &mut [f64]) {
    assert_eq!(a.layout(), b.layout(), "maps of two shapes");
    assert_eq!(output.len(), a.shape().positions(), "one value a position");
    output.par_chunks_exact_mut(a.shape().width).enumerate().for_each(|(y, output)| {
        output.fill(0.0);
        for block in 0..a.layout().blocks() {
            let lines = a.line(block, y).iter().zip(b.line(block, y));
            for (sum, (a, b)) in output.iter_mut().zip(lines) {
                let products = a.0.iter().zip(&b.0).map(|(&a, &b)| f64::from(a) * f64::from(b));
                *sum += products.sum::<f64>();
            }
        }
    });
}
