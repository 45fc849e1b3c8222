//! Where a content has structure and where it is plain, so that forms are kept and plain places are painted freely.
//!
//! One share of the content for all places keeps either too much in a sky, which stays a photograph's, or too little in a
//! tower, which falls apart. So its weight is more where the picture changes within a few cells, and less where it does not.

use super::grid::{CELL, Grid};

/// What the content's weight is multiplied by in a cell that is all structure, and divided by in one that is plain.
const MOST: f64 = 4.0;
/// A deviation that counts as none.
const LEAST: f64 = 0.01;

/// How much the content counts in each cell relative to elsewhere: 4^((e − ē)/(e + ē + 0.01)) with e the deviation of its luma
/// within the 3×3 cells round it and ē the mean of that. `luma` is that of the picture, of `width`.
pub fn weights(luma: &[f32], width: usize, grid: Grid) -> Vec<f64> {
    let deviations = deviations(luma, width, grid);
    let mean = deviations.iter().sum::<f64>() / deviations.len().max(1) as f64;
    let weight = |deviation: &f64| MOST.powf((deviation - mean) / (deviation + mean + LEAST));
    deviations.iter().map(weight).collect()
}

/// The deviation of the luma within the 3×3 cells round each.
fn deviations(luma: &[f32], width: usize, grid: Grid) -> Vec<f64> {
    // Of each cell the sums of its luma and of its square.
    let sums = |cell: usize| {
        let first = cell / grid.width * CELL * width + cell % grid.width * CELL;
        let pixels = (0..CELL * CELL).map(|at| first + at / CELL * width + at % CELL);
        pixels
            .map(|at| f64::from(luma[at]))
            .fold((0.0, 0.0), |(sum, square), luma| (sum + luma, square + luma * luma))
    };
    let sums: Vec<(f64, f64)> = (0..grid.cells()).map(sums).collect();
    let deviation = |cell: usize| {
        let (y, x) = (cell / grid.width, cell % grid.width);
        let rows = y.saturating_sub(1)..(y + 2).min(grid.height);
        let columns = || x.saturating_sub(1)..(x + 2).min(grid.width);
        let round = rows.flat_map(|y| columns().map(move |x| y * grid.width + x));
        let (mut count, mut sum, mut square) = (0.0, 0.0, 0.0);
        for (one, other) in round.map(|cell| sums[cell]) {
            count += (CELL * CELL) as f64;
            sum += one;
            square += other;
        }
        (square / count - (sum / count).powi(2)).max(0.0).sqrt()
    };
    (0..grid.cells()).map(deviation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_count_more_than_plain_places() {
        // Grey, but for a bright bar of three pixels in the middle of 40.
        let (width, height) = (40, 20);
        let value = |at: usize| if (18..21).contains(&(at % width)) { 0.9 } else { 0.3 };
        let luma: Vec<f32> = (0..width * height).map(value).collect();
        let grid = Grid::of(height, width);
        let weights = weights(&luma, width, grid);
        assert_eq!(weights.len(), 50);
        let row = &weights[20..30];
        assert!(row[..3].iter().chain(&row[7..]).all(|weight| (0.25..0.35).contains(weight)), "{row:?}");
        assert!(row[4] > 1.2 && row[5] > 1.2, "{row:?}");
        // The deviation at the bar: of the 12 columns round cell 4 (12 to 23) three are bright.
        let deviation = 0.6 * (0.25f64 * 0.75).sqrt();
        assert!((deviations(&luma, width, grid)[24] - deviation).abs() < 1e-5);
        let flat = super::weights(&vec![0.4; luma.len()], width, grid);
        assert!(flat.iter().all(|weight| (weight - 1.0).abs() < 0.01), "{flat:?}");
    }
}
