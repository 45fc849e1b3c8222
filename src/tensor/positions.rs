//! Numbers by position: weights of a region, masks, factors; and the part of a map that is looked at.

use std::ops::Range;

use super::Shape;

/// One finite number for each position of an H×W map, of either sign.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionMap {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl PositionMap {
    /// A map of `height` rows of `width` values each.
    ///
    /// # Errors
    /// A sentence: another number of values than H·W, or a value that is not finite.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Result<Self, String> {
        if height.checked_mul(width) != Some(values.len()) {
            return Err(format!(
                "{} values were given for {height}x{width} positions; give one for each",
                values.len()
            ));
        }
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(format!(
                "the value at row {}, column {} is {}; give finite numbers",
                at / width,
                at % width,
                values[at]
            )),
            None => Ok(Self { height, width, values }),
        }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// H×W, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values of row `y`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.values[y * self.width..][..self.width]
    }

    /// Whether it has a value for each position of `shape`, and no more.
    pub fn fits(&self, shape: Shape) -> bool {
        (self.height, self.width) == (shape.height, shape.width)
    }
}

/// How much each position of an H×W map counts: finite, at least 0.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionWeights(PositionMap);

impl PositionWeights {
    /// Weights of `height` rows of `width` positions.
    ///
    /// # Errors
    /// As [`PositionMap::new`], or a weight below 0.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Result<Self, String> {
        let map = PositionMap::new(height, width, values)?;
        match map.values.iter().position(|weight| *weight < 0.0) {
            Some(at) => Err(format!(
                "the weight at row {}, column {} is {}; weights are at least 0",
                at / width,
                at % width,
                map.values[at]
            )),
            None => Ok(Self(map)),
        }
    }

    /// Weights of `height` rows of `width` positions that are all 0.
    pub fn zeros(height: usize, width: usize) -> Self {
        Self(PositionMap { height, width, values: vec![0.0; height * width] })
    }

    /// Becomes 0 outside `window`, and inside it what `from` has there, or 1 without it.
    ///
    /// These are weights of a part of a larger map, whose first position is `origin` (row, column) there and which goes on
    /// on the other side of the larger map where it leaves it.
    ///
    /// # Panics
    /// If the window is not inside this map.
    pub fn cut(&mut self, from: Option<&Self>, origin: (usize, usize), window: &Window) {
        let PositionMap { height, width, values } = &mut self.0;
        assert!(window.is_inside(Shape::new(1, *height, *width)), "a window that leaves the map");
        values.fill(0.0);
        for y in window.rows.clone() {
            let row = &mut values[y * *width..][window.columns.clone()];
            let Some(PositionWeights(from)) = from else {
                row.fill(1.0);
                continue;
            };
            let source = from.row((origin.0 + y) % from.height);
            for (value, x) in row.iter_mut().zip(window.columns.clone()) {
                *value = source[(origin.1 + x) % from.width];
            }
        }
    }

    /// The weights as a map of numbers.
    pub fn map(&self) -> &PositionMap {
        &self.0
    }
}

/// A number for each position: `scale`, times the map's value where there is a map.
#[derive(Debug, Clone, Copy)]
pub struct Factor<'a> {
    /// The common factor.
    pub scale: f64,
    /// Of the height and width of what it multiplies; may be negative.
    pub map: Option<&'a PositionMap>,
}

impl Factor<'_> {
    /// `scale` at every position.
    pub const fn constant(scale: f64) -> Self {
        Self { scale, map: None }
    }

    /// The number at a position, counted row by row.
    ///
    /// # Panics
    /// If the map has no such position.
    pub fn at(&self, position: usize) -> f64 {
        self.map.map_or(self.scale, |map| self.scale * f64::from(map.values[position]))
    }

    /// Whether it has a number for each position of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        self.map.is_none_or(|map| map.fits(shape))
    }
}

/// A rectangle of a map, in its own rows and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// From the first row to the one behind the last.
    pub rows: Range<usize>,
    /// From the first column to the one behind the last.
    pub columns: Range<usize>,
}

impl Window {
    /// All of a map.
    pub const fn whole(shape: Shape) -> Self {
        Self { rows: 0..shape.height, columns: 0..shape.width }
    }

    /// Whether it lies inside a map.
    pub fn is_inside(&self, shape: Shape) -> bool {
        let inside = |range: &Range<usize>, side| range.start <= range.end && range.end <= side;
        inside(&self.rows, shape.height) && inside(&self.columns, shape.width)
    }

    /// Positions in it.
    pub fn positions(&self) -> usize {
        self.rows.len() * self.columns.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_for_each_position_is_refused() {
        assert_eq!(PositionMap::new(2, 3, vec![-1.0; 6]).unwrap().row(1), [-1.0; 3]);
        assert!(PositionMap::new(2, 3, vec![0.0; 5]).unwrap_err().contains("5 values were given for 2x3"));
        assert!(PositionMap::new(usize::MAX, 2, Vec::new()).is_err(), "the product overflows");
        let message = PositionMap::new(1, 2, vec![0.0, f32::NAN]).unwrap_err();
        assert!(message.contains("row 0, column 1 is NaN"), "{message}");
        let message = PositionWeights::new(2, 1, vec![0.0, -0.5]).unwrap_err();
        assert!(message.contains("row 1, column 0 is -0.5"), "{message}");
        assert!(PositionWeights::new(2, 1, vec![0.0, -0.0]).is_ok());
    }

    #[test]
    fn a_part_of_the_weights_is_cut_out_and_goes_on_on_the_other_side() {
        let from = PositionWeights::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let mut part = PositionWeights::new(2, 3, vec![9.0; 6]).unwrap();
        let window = Window { rows: 0..2, columns: 1..3 };
        part.cut(Some(&from), (1, 1), &window);
        assert_eq!(part.map().values(), [0.0, 6.0, 4.0, 0.0, 3.0, 1.0]);
        part.cut(None, (1, 1), &window);
        assert_eq!(part.map().values(), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn windows_know_where_a_map_ends() {
        let shape = Shape::new(1, 4, 5);
        let window = |rows, columns| Window { rows, columns };
        assert!(Window::whole(shape).is_inside(shape));
        assert!(window(4..4, 2..3).is_inside(shape));
        assert!(!window(0..5, 0..5).is_inside(shape));
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = window(3..1, 0..1);
        assert!(!backwards.is_inside(shape));
    }
}
