//! What differs from place to place of the result: how much of the content is kept there, and which places of the styles may
//! serve it.

use ndarray::Array2;

use super::balance::Balance;
use super::grid::{Grid, Scale};

/// See the module's text; everything is told cell by cell.
#[derive(Debug, Clone)]
pub struct Guidance {
    /// The cells.
    pub grid: Grid,
    /// How much of the content each cell keeps.
    pub balances: Vec<Balance>,
    /// The region that each cell belongs to.
    pub regions: Vec<usize>,
    /// For each region, which places of the pool may serve it; all of them if that is left out.
    pub served: Vec<Option<Vec<bool>>>,
}

impl Guidance {
    /// The same everywhere.
    pub fn even(balance: Balance, grid: Grid) -> Self {
        Self {
            grid,
            balances: vec![balance; grid.cells()],
            regions: vec![0; grid.cells()],
            served: vec![None],
        }
    }

    /// Whether a place may serve a cell.
    pub fn allows(&self, cell: usize, place: u32) -> bool {
        self.served[self.regions[cell]].as_ref().is_none_or(|served| served[place as usize])
    }

    /// The content's share in the features of a layer of `block` with maps of `height` × `width`; nothing if it has none
    /// anywhere.
    pub fn hold(&self, block: usize, (height, width): (usize, usize)) -> Option<Array2<f32>> {
        if self.balances.iter().all(|balance| balance.hold == 0.0) {
            return None;
        }
        let at = |y: usize, x: usize| {
            let (y, x) = (y.min(self.grid.height - 1), x.min(self.grid.width - 1));
            self.balances[y * self.grid.width + x].hold
        };
        Some(Array2::from_shape_fn((height, width), |(y, x)| match Scale::of(block) {
            Scale::Within(side) => at(y / side, x / side),
            Scale::Across(cells) => {
                let inside = (0..cells * cells).map(|i| at(y * cells + i / cells, x * cells + i % cells));
                inside.sum::<f32>() / (cells * cells) as f32
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_follows_the_cells_at_every_layer() {
        let grid = Grid { height: 2, width: 4 };
        let mut guidance = Guidance::even(Balance::new(1.0, 1.0), grid);
        assert!(guidance.hold(1, (8, 16)).is_none());
        guidance.balances[1].hold = 1.0;
        let fine = guidance.hold(1, (8, 17)).unwrap();
        assert_eq!(
            (fine[(3, 3)], fine[(3, 4)], fine[(3, 7)], fine[(4, 4)], fine[(0, 16)]),
            (0.0, 1.0, 1.0, 0.0, 0.0)
        );
        let deep = guidance.hold(4, (1, 2)).unwrap();
        assert_eq!((deep[(0, 0)], deep[(0, 1)]), (0.25, 0.0));
    }

    #[test]
    fn a_region_is_served_by_its_own_places() {
        let mut guidance = Guidance::even(Balance::TEXTURE, Grid { height: 1, width: 2 });
        assert!(guidance.allows(0, 0) && guidance.allows(1, 7));
        guidance.regions[1] = 1;
        guidance.served.push(Some(vec![false, true]));
        assert!(guidance.allows(0, 0) && !guidance.allows(1, 0) && guidance.allows(1, 1));
    }
}
