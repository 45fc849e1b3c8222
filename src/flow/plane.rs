//! One number a pixel, and what lies between the pixels.

use rayon::prelude::*;

use crate::picture::resize;

/// One number a pixel, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// height×width.
    pub values: Vec<f32>,
}

impl Plane {
    /// 0 everywhere.
    pub fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, values: vec![0.0; width * height] }
    }

    /// `value(x, y)` everywhere.
    pub fn from_fn(width: usize, height: usize, value: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let mut plane = Self::zeros(width, height);
        plane.values.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
            row.iter_mut().enumerate().for_each(|(x, cell)| *cell = value(x, y));
        });
        plane
    }

    /// The same at another size.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let values = resize::planes(&self.values, 1, self.width, self.height, width, height);
        Self { width, height, values }
    }

    /// The value at a pixel; beyond the border, that of the nearest pixel.
    pub fn at(&self, x: isize, y: isize) -> f32 {
        let inside = |at: isize, size: usize| at.clamp(0, size as isize - 1) as usize;
        self.values[inside(y, self.height) * self.width + inside(x, self.width)]
    }

    /// The value between the pixels, by the Catmull-Rom spline through the sixteen around; pixel (0, 0) has its centre at
    /// (0, 0).
    pub fn sample(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (spline(x - left), spline(y - top));
        let (left, top) = (left as isize - 1, top as isize - 1);
        let mut sum = 0.0;
        if left >= 0 && top >= 0 && left + 4 <= self.width as isize && top + 4 <= self.height as isize {
            for (row, weight) in down.iter().enumerate() {
                let four = &self.values[(top as usize + row) * self.width + left as usize..][..4];
                sum += weight * four.iter().zip(&across).map(|(value, weight)| value * weight).sum::<f32>();
            }
        } else {
            for (row, weight) in (top..).zip(&down) {
                let value = |(column, weight): (isize, &f32)| weight * self.at(column, row);
                sum += weight * (left..).zip(&across).map(value).sum::<f32>();
            }
        }
        sum
    }

    /// Whether a point lies between the centres of pixels.
    pub fn contains(&self, x: f32, y: f32) -> bool {
        x >= 0.0 && y >= 0.0 && x <= (self.width as f32 - 1.0) && y <= (self.height as f32 - 1.0)
    }

    /// The change from the left neighbour to the right one, halved, and from above to below.
    pub fn gradient(&self) -> [Self; 2] {
        let half = |a: f32, b: f32| 0.5 * (b - a);
        let across = |x: usize, y: usize| {
            let (x, y) = (x as isize, y as isize);
            half(self.at(x - 1, y), self.at(x + 1, y))
        };
        let down = |x: usize, y: usize| {
            let (x, y) = (x as isize, y as isize);
            half(self.at(x, y - 1), self.at(x, y + 1))
        };
        [Self::from_fn(self.width, self.height, across), Self::from_fn(self.width, self.height, down)]
    }

    /// Weighted with 1, 2, 1 in both directions.
    pub fn smoothed(&self) -> Self {
        let mean = |a: f32, b: f32, c: f32| 0.25 * a + 0.5 * b + 0.25 * c;
        let across = Self::from_fn(self.width, self.height, |x, y| {
            let (x, y) = (x as isize, y as isize);
            mean(self.at(x - 1, y), self.at(x, y), self.at(x + 1, y))
        });
        Self::from_fn(self.width, self.height, |x, y| {
            let (x, y) = (x as isize, y as isize);
            mean(across.at(x, y - 1), across.at(x, y), across.at(x, y + 1))
        })
    }

    /// The median of the nine pixels around each.
    pub fn median(&self) -> Self {
        Self::from_fn(self.width, self.height, |x, y| {
            let (x, y) = (x as isize, y as isize);
            let mut nine: [f32; 9] =
                std::array::from_fn(|k| self.at(x + k as isize % 3 - 1, y + k as isize / 3 - 1));
            *nine.select_nth_unstable_by(4, f32::total_cmp).1
        })
    }
}

/// The weights of four pixels in a row at `t` from the second towards the third.
fn spline(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (2.0 * t2 - t - t3),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (4.0 * t2 + t - 3.0 * t3),
        0.5 * (t3 - t2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_pixels_lies_the_spline_and_beyond_the_border_its_pixels() {
        let plane = Plane::from_fn(7, 6, |x, y| ((x * 5 + y * 3) % 7) as f32);
        for (x, y) in [(0, 0), (3, 2), (6, 5), (6, 0)] {
            assert_eq!(plane.sample(x as f32, y as f32), plane.at(x, y));
        }
        assert_eq!(plane.sample(-4.0, 9.0), plane.at(0, 5));
        // A spline reproduces what is linear where it sees four pixels.
        let ramp = Plane::from_fn(8, 8, |x, y| 2.0 * x as f32 - y as f32);
        assert!((ramp.sample(2.3, 4.6) - (4.6 - 4.6)).abs() < 1e-5);
        // The quick way and the one for the border are the same.
        let slow = |x: f32, y: f32| -> f32 {
            let (across, down) = (spline(x.fract()), spline(y.fract()));
            let terms = (0..16).map(|k| {
                down[k / 4]
                    * across[k % 4]
                    * plane.at(x as isize + k as isize % 4 - 1, y as isize + k as isize / 4 - 1)
            });
            terms.sum()
        };
        for (x, y) in [(2.25, 1.5), (0.4, 0.1), (5.7, 4.9)] {
            assert!((plane.sample(x, y) - slow(x, y)).abs() < 1e-5);
        }
    }

    #[test]
    fn medians_take_single_values_out() {
        let plane = Plane::from_fn(9, 5, |x, y| if (x, y) == (4, 2) { 50.0 } else { 1.0 });
        assert!(plane.median().values.iter().all(|value| *value == 1.0));
    }
}
