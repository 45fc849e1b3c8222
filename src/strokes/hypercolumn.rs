//! Hypercolumns (Hariharan et al. 2015): what all layers see at one cell, as one vector.
//!
//! Finer blocks are averaged over the cell, coarser ones repeated. Each channel is standardised by its picture's own mean
//! and deviation, and each layer counts as much as any other. So a dark photo and a bright painting are compared by what
//! stands out in each, and structure of the content finds structure of the style.

use ndarray::Array3;
use rayon::prelude::*;

use super::grid::{Grid, Scale};
use crate::engine::Engine;
use crate::network::Layer;
use crate::tensor::Scalar;

/// The least deviation that a channel is divided by, as a part of its layer's root mean square.
const LEAST: f64 = 1e-3;
/// Channels whose statistics one task computes.
const CHANNELS: usize = 16;

/// One vector a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypercolumns {
    /// The cells.
    pub grid: Grid,
    /// Numbers in a vector: the channels of all layers.
    pub channels: usize,
    /// Cells × channels.
    pub values: Vec<f32>,
}

impl Hypercolumns {
    /// Those of the picture that `engine` was last carried forward with, over all of its taps.
    pub fn new<E: Engine>(engine: &E) -> Self {
        let plan = engine.plan();
        let grid = Grid::of(plan.picture().height, plan.picture().width);
        let channels: usize = (0..plan.taps().len()).map(|tap| plan.tap_shape(tap).channels).sum();
        let mut values = vec![0.0; grid.cells() * channels];
        let mut first = 0;
        for (tap, &layer) in plan.taps().iter().enumerate() {
            let features = engine.features(tap);
            gather(&features, layer, grid, first, channels, &mut values);
            let count = features.dim().0;
            standardise(first..first + count, channels, &mut values);
            first += count;
        }
        Self { grid, channels, values }
    }
}

/// Writes a layer's features into the channels from `first` on.
fn gather<T: Scalar>(
    features: &Array3<T>,
    layer: Layer,
    grid: Grid,
    first: usize,
    channels: usize,
    values: &mut [f32],
) {
    let (count, height, width) = features.dim();
    let features = features.as_slice().expect("in standard layout");
    values.par_chunks_mut(grid.width * channels).enumerate().for_each(|(cy, row)| {
        for c in 0..count {
            let plane = &features[c * height * width..][..height * width];
            for cx in 0..grid.width {
                row[cx * channels + first + c] = match Scale::of(layer.block) {
                    Scale::Within(side) => {
                        let line = |y: usize| {
                            let from = (cy * side + y) * width + cx * side;
                            plane[from..from + side].iter().map(|value| value.to_f64()).sum::<f64>()
                        };
                        ((0..side).map(line).sum::<f64>() / (side * side) as f64) as f32
                    }
                    Scale::Across(cells) => {
                        let (y, x) = ((cy / cells).min(height - 1), (cx / cells).min(width - 1));
                        plane[y * width + x].to_f64() as f32
                    }
                };
            }
        }
    });
}

/// Gives a layer's channels the mean 0 and together the mean square 1, each as much as the others.
fn standardise(layer: std::ops::Range<usize>, channels: usize, values: &mut [f32]) {
    let cells = (values.len() / channels).max(1) as f64;
    let (first, count) = (layer.start, layer.len());
    let sums: Vec<(f64, f64)> = (0..count.div_ceil(CHANNELS))
        .into_par_iter()
        .flat_map_iter(|part| {
            let range = first + part * CHANNELS..first + ((part + 1) * CHANNELS).min(count);
            let mut sums = vec![(0.0, 0.0); range.len()];
            for cell in values.chunks_exact(channels) {
                for (sum, &value) in sums.iter_mut().zip(&cell[range.clone()]) {
                    let value = f64::from(value);
                    sum.0 += value;
                    sum.1 += value * value;
                }
            }
            sums
        })
        .collect();
    let root = (sums.iter().map(|sum| sum.1).sum::<f64>() / (cells * count.max(1) as f64)).sqrt();
    let maps: Vec<(f32, f32)> = sums
        .iter()
        .map(|&(sum, square)| {
            let mean = sum / cells;
            let deviation = (square / cells - mean * mean).max(0.0).sqrt() + LEAST * root;
            let scale = if deviation > 0.0 { 1.0 / (deviation * (count as f64).sqrt()) } else { 0.0 };
            (mean as f32, scale as f32)
        })
        .collect();
    values.par_chunks_mut(channels * 64).for_each(|part| {
        for cell in part.chunks_exact_mut(channels) {
            for (value, &(mean, scale)) in cell[first..first + count].iter_mut().zip(&maps) {
                *value = (*value - mean) * scale;
            }
        }
    });
}

/// Scales each vector of `length` numbers to length 1; one that is all 0 stays.
pub fn normalise(vectors: &mut [f32], length: usize) {
    vectors.par_chunks_mut(length).for_each(|vector| {
        let norm = vector.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
        if norm > 0.0 {
            let scale = (1.0 / norm) as f32;
            vector.iter_mut().for_each(|value| *value *= scale);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::reference::Reference;
    use crate::network::plan::Plan;
    use crate::random::Random;
    use crate::strokes::grid::layers;
    use crate::weights;
    use std::sync::Arc;

    #[test]
    fn every_layer_has_mean_0_and_mean_square_1_and_cells_see_their_own_pixels() {
        let network = Arc::new(weights::random("4|6|5|3", 1).unwrap());
        let plan = Plan::new(network.clone(), 26, 35, &layers(&network)).unwrap();
        let mut engine = Reference::<f32>::new(plan);
        let mut random = Random::new(5);
        let rgb: Vec<f32> = (0..3 * 26 * 35).map(|_| random.uniform() as f32).collect();
        engine.forward(&rgb);
        let columns = Hypercolumns::new(&engine);
        assert_eq!((columns.grid, columns.channels), (Grid { height: 6, width: 8 }, 18));
        let at = |cell: usize, channel: usize| f64::from(columns.values[cell * 18 + channel]);
        for layer in [0..4, 4..10, 10..15, 15..18] {
            let mut square = 0.0;
            for channel in layer.clone() {
                let mean = (0..48).map(|cell| at(cell, channel)).sum::<f64>() / 48.0;
                assert!(mean.abs() < 1e-5, "{channel}: {mean}");
                square += (0..48).map(|cell| at(cell, channel).powi(2)).sum::<f64>() / 48.0;
            }
            // A channel that is never active stays 0.
            assert!(square < 1.0 + 1e-5 && square > 0.2, "{layer:?}: {square}");
        }
        // The order of two cells of the first block's first channel is that of their means.
        let features = engine.features(0);
        let mean = |cy: usize, cx: usize| {
            features.slice(ndarray::s![0, 4 * cy..4 * cy + 4, 4 * cx..4 * cx + 4]).mean().unwrap()
        };
        assert_eq!(mean(1, 2) < mean(4, 7), at(8 + 2, 0) < at(4 * 8 + 7, 0));
    }
}
