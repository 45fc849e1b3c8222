//! The features that a picture is to have: blocks of the styles' features, copied to the cells that matched them.
//!
//! Each layer is copied at its own resolution: of the first block four by four positions a cell, of the second two by two, of
//! the third one; of the fourth the mean of the four cells that share a position.

use ndarray::{Array3, ArrayView3, Axis};
use rayon::prelude::*;

use super::grid::{Grid, Scale};
use crate::tensor::Scalar;

/// Where in one source each cell of the result takes its features from, as row and column; nothing for cells that another
/// source serves.
pub struct Origins {
    /// The result's cells.
    pub grid: Grid,
    /// One entry a cell, row by row.
    pub of: Vec<Option<(usize, usize)>>,
}

impl Origins {
    /// Whether any cell takes something.
    pub fn any(&self) -> bool {
        self.of.iter().any(Option::is_some)
    }

    /// Copies what the cells take of a source's features `from` into `target`, both maps of a layer of `block`. `target` must
    /// be 0 before the first source.
    pub fn copy<T: Scalar>(&self, block: usize, from: ArrayView3<'_, T>, target: &mut Array3<T>) {
        let (_, height, width) = target.dim();
        let (_, from_height, from_width) = from.dim();
        let last = (self.grid.height - 1, self.grid.width - 1);
        let planes: Vec<_> = target.axis_iter_mut(Axis(0)).zip(from.axis_iter(Axis(0))).collect();
        planes.into_par_iter().for_each(|(mut target, from)| {
            let from = |y: usize, x: usize| from[(y.min(from_height - 1), x.min(from_width - 1))];
            for y in 0..height {
                for x in 0..width {
                    match Scale::of(block) {
                        Scale::Within(side) => {
                            let (cy, cx) = ((y / side).min(last.0), (x / side).min(last.1));
                            if let Some((sy, sx)) = self.of[cy * self.grid.width + cx] {
                                let (down, right) = (y - cy * side, x - cx * side);
                                target[(y, x)] = from(sy * side + down, sx * side + right);
                            }
                        }
                        Scale::Across(cells) => {
                            let share = T::from_f64(1.0 / (cells * cells) as f64);
                            for (cy, cx) in (0..cells * cells).map(|i| (i / cells, i % cells)) {
                                let cy = (y * cells + cy).min(last.0);
                                let cx = (x * cells + cx).min(last.1);
                                if let Some((sy, sx)) = self.of[cy * self.grid.width + cx] {
                                    target[(y, x)] += share * from(sy / cells, sx / cells);
                                }
                            }
                        }
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn ramp(channels: usize, height: usize, width: usize) -> Array3<f64> {
        Array3::from_shape_fn((channels, height, width), |(c, y, x)| (100 * c + 10 * y + x) as f64)
    }

    #[test]
    fn a_picture_matched_with_itself_keeps_its_features() {
        // Sides that are no whole cells: 4·3 + 2 and 4·2 + 3.
        let grid = Grid::of(14, 11);
        let of = (0..grid.cells()).map(|cell| Some((cell / grid.width, cell % grid.width))).collect();
        let origins = Origins { grid, of };
        for (block, height, width) in [(1, 14, 11), (2, 7, 5), (3, 3, 2), (4, 1, 1)] {
            let map = ramp(2, height, width);
            let mut target = Array3::zeros(map.dim());
            origins.copy(block, map.view(), &mut target);
            assert_eq!(target, map, "block {block}");
        }
    }

    #[test]
    fn sources_share_a_result_and_blocks_stay_whole() {
        let grid = Grid { height: 2, width: 2 };
        let (a, b) = (ramp(1, 8, 8), -ramp(1, 8, 8));
        let mut target = Array3::zeros((1, 8, 8));
        let first = Origins { grid, of: vec![Some((1, 0)), None, None, Some((0, 0))] };
        let second = Origins { grid, of: vec![None, Some((0, 1)), Some((1, 1)), None] };
        first.copy(1, a.view(), &mut target);
        second.copy(1, b.view(), &mut target);
        assert_eq!((target[(0, 0, 0)], target[(0, 3, 2)]), (40.0, 72.0));
        assert_eq!((target[(0, 0, 4)], target[(0, 7, 3)], target[(0, 5, 5)]), (-4.0, -77.0, 11.0));
        // The mean of the four: two take position (0, 0) of each map.
        let mut deep = Array3::zeros((1, 1, 1));
        first.copy(4, ramp(1, 1, 1).mapv(|_| 3.0).view(), &mut deep);
        second.copy(4, ramp(1, 1, 1).mapv(|_| 5.0).view(), &mut deep);
        assert_eq!(deep[(0, 0, 0)], 4.0);
        assert!(first.any() && !Origins { grid, of: vec![None; 4] }.any());
    }
}
