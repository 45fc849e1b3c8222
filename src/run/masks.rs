//! Masks: where something counts, from 0 to 1, and how that is carried to a layer.
//!
//! A position of a layer in block b stands for a square of 2^(b−1) pixels, since every pooling halves the map; its weight is
//! the mask's mean over that square. The masks of style pictures are worn down before that: a feature sees more than its
//! square, and one that looks across the mask's edge would carry what lies beyond it into the region. They lose a border of
//! half the layer's receptive radius, unless nothing would be left (Gatys et al. 2017, arXiv 1611.07865, §4, "inside"
//! guidance). Masks of the result are not worn down: every place in it follows some style.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::picture::{Picture, grey};
use crate::tensor::PositionWeights;

/// Where something counts: one number from 0 to 1 for each place of a picture, of any size and of the picture's shape. Clones
/// are cheap.
#[derive(Debug, Clone)]
pub struct Mask {
    width: usize,
    height: usize,
    values: Arc<[f32]>,
}

impl Mask {
    /// From one value a place, `height` rows of `width`; values are cut to [0, 1].
    ///
    /// # Errors
    /// [`Error::Picture`] for another number of values, or one that is not finite.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Result<Self> {
        if width == 0 || height == 0 || width.checked_mul(height) != Some(values.len()) {
            let message = format!(
                "{} values were given for a mask of {width}x{height}; give one for each place",
                values.len()
            );
            return Err(Error::picture("(mask)", message));
        }
        if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
            return Err(Error::picture(
                "(mask)",
                format!("{bad} cannot be a mask's value; give numbers from 0 to 1"),
            ));
        }
        Ok(Self { width, height, values: values.into_iter().map(|value| value.clamp(0.0, 1.0)).collect() })
    }

    /// A picture's brightness: black is 0, white is 1.
    pub fn from_brightness(picture: &Picture) -> Self {
        let plane = picture.width() * picture.height();
        let values = grey(picture).into_rgb()[..plane].to_vec();
        Self { width: picture.width(), height: picture.height(), values: values.into() }
    }

    /// A picture's alpha: clear is 0, opaque is 1; nothing for a picture without.
    pub fn from_alpha(picture: &Picture) -> Option<Self> {
        let values = picture.alpha()?.into();
        Some(Self { width: picture.width(), height: picture.height(), values })
    }

    /// What a mask file holds: its alpha if anything in it is clear, else its brightness.
    pub fn from_picture(picture: &Picture) -> Self {
        let alpha = Self::from_alpha(picture).filter(|mask| mask.values.iter().any(|value| *value < 1.0));
        alpha.unwrap_or_else(|| Self::from_brightness(picture))
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// One value a place, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether both are the same mask, or clones of one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.values, &other.values)
    }

    /// Refuses a mask of another shape than a picture's; a hundredth is no difference.
    ///
    /// # Errors
    /// [`Error::Option`] that names both.
    pub(crate) fn check_shape(&self, option: &'static str, (width, height): (usize, usize)) -> Result<()> {
        let (mask, picture) = (self.width as f64 / self.height as f64, width as f64 / height as f64);
        let slack = 0.02 + 1.0 / self.width.min(self.height).min(width).min(height) as f64;
        if (mask / picture).max(picture / mask) > 1.0 + slack {
            let message = format!(
                "the mask has {}x{} pixels, another shape than its picture's {width}x{height}; make it of the same picture",
                self.width, self.height
            );
            return Err(Error::option(option, message));
        }
        Ok(())
    }

    /// The mask at another size: the mean over the pixels that a pixel covers.
    pub(crate) fn at_size(&self, width: usize, height: usize) -> Self {
        if (width, height) == (self.width, self.height) {
            return self.clone();
        }
        let rows = shares(self.width, width);
        let columns = shares(self.height, height);
        let mut narrow = vec![0.0f32; self.height * width];
        for (from, to) in self.values.chunks_exact(self.width).zip(narrow.chunks_exact_mut(width)) {
            for (value, share) in to.iter_mut().zip(&rows) {
                *value = share.mean(|at| from[at]);
            }
        }
        let mut values = Vec::with_capacity(width * height);
        for share in &columns {
            // Means round, but stay from 0 to 1.
            values.extend((0..width).map(|x| share.mean(|y| narrow[y * width + x]).clamp(0.0, 1.0)));
        }
        Self { width, height, values: values.into() }
    }

    /// `f` of every value.
    pub(crate) fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { values: self.values.iter().map(|value| f(*value)).collect(), ..*self }
    }

    /// `f` of every pair of values of two masks of one size.
    pub(crate) fn zip(&self, other: &Self, f: impl Fn(f32, f32) -> f32) -> Self {
        debug_assert_eq!((self.width, self.height), (other.width, other.height));
        Self { values: self.values.iter().zip(&*other.values).map(|(a, b)| f(*a, *b)).collect(), ..*self }
    }

    /// The least value within `radius` of each place, along rows and columns: the mask worn down by so many pixels.
    fn worn_down(&self, radius: usize) -> Self {
        self.windows(radius, |values| values.iter().copied().fold(f32::INFINITY, f32::min))
    }

    /// The largest value within `radius` of each place, along rows and columns: the mask grown by so many pixels.
    pub(crate) fn grown(&self, radius: usize) -> Self {
        self.windows(radius, |values| values.iter().copied().fold(0.0, f32::max))
    }

    /// The mean over all places within `radius`, along rows and columns.
    pub(crate) fn averaged(&self, radius: usize) -> Self {
        self.windows(radius, |values| values.iter().sum::<f32>() / values.len() as f32)
    }

    /// `summary` of the values within `radius` of each place, along its row and then its column.
    fn windows(&self, radius: usize, summary: impl Fn(&[f32]) -> f32) -> Self {
        let along = |line: &[f32]| -> Vec<f32> {
            let window = |at: usize| &line[at.saturating_sub(radius)..(at + radius + 1).min(line.len())];
            (0..line.len()).map(|at| summary(window(at))).collect()
        };
        let (width, height) = (self.width, self.height);
        let rows: Vec<f32> = self.values.chunks_exact(width).flat_map(along).collect();
        let mut values = vec![0.0; rows.len()];
        for x in 0..width {
            let column: Vec<f32> = (0..height).map(|y| rows[y * width + x]).collect();
            along(&column).into_iter().enumerate().for_each(|(y, value)| values[y * width + x] = value);
        }
        Self { values: values.into(), ..*self }
    }

    /// The mask at a layer of a planned picture, of whose size it is: means over the pixels that a position stands for.
    pub(crate) fn at_layer(&self, plan: &Plan, layer: Layer) -> PositionWeights {
        let shape = plan.tap_shape(plan.tap(layer).expect("the layer is a tap of the plan"));
        let side = 1 << (layer.block - 1);
        let mean = |y: usize, x: usize| {
            let row = |y: usize| &self.values[y * self.width + x * side..][..side];
            let sum: f32 = (y * side..(y + 1) * side).map(|y| row(y).iter().sum::<f32>()).sum();
            sum / (side * side) as f32
        };
        let values = (0..shape.positions()).map(|p| mean(p / shape.width, p % shape.width)).collect();
        PositionWeights::new(shape.height, shape.width, values).expect("means of values from 0 to 1")
    }

    /// As [`Mask::at_layer`], worn down first by half the layer's receptive radius, if anything is left.
    pub(crate) fn worn_at_layer(&self, plan: &Plan, layer: Layer) -> PositionWeights {
        let worn = self.worn_down(receptive_radius(plan, layer) / 2).at_layer(plan, layer);
        if worn.map().values().iter().any(|weight| *weight > 0.05) {
            worn
        } else {
            self.at_layer(plan, layer)
        }
    }
}

/// How far a position of a layer sees from its middle, in pixels: each 3×3 convolution adds one position of its block, each
/// pooling half a position of the block before.
fn receptive_radius(plan: &Plan, layer: Layer) -> usize {
    let convolutions = plan.network().convolutions().iter();
    let seen = convolutions.take_while(|c| (c.block(), c.index()) <= (layer.block, layer.index));
    let reach: usize = seen.map(|c| 1 << (c.block() - 1)).sum();
    reach + (1 << (layer.block - 1)) / 2
}

/// Which pixels of a line one pixel of a shorter or longer line covers, and how much of the first and last.
struct Share {
    first: usize,
    weights: Vec<f32>,
}

impl Share {
    fn mean(&self, value: impl Fn(usize) -> f32) -> f32 {
        self.weights.iter().enumerate().map(|(at, weight)| weight * value(self.first + at)).sum()
    }
}

/// The shares of `to` pixels that divide a line of `from` evenly.
fn shares(from: usize, to: usize) -> Vec<Share> {
    let scale = from as f64 / to as f64;
    let share = |at: usize| {
        let (start, end) = (at as f64 * scale, ((at + 1) as f64 * scale).min(from as f64));
        let (first, last) = (start as usize, (end.ceil() as usize).clamp(start as usize + 1, from));
        let covered = |k: usize| (end.min((k + 1) as f64) - start.max(k as f64)).max(0.0);
        let total: f64 = (first..last).map(covered).sum();
        Share { first, weights: (first..last).map(|k| (covered(k) / total) as f32).collect() }
    };
    (0..to).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(width: usize, height: usize, value: impl Fn(usize, usize) -> f32) -> Mask {
        Mask::new(width, height, (0..width * height).map(|at| value(at % width, at / width)).collect())
            .unwrap()
    }

    #[test]
    fn sizes_are_changed_by_means() {
        let stripes = mask(8, 4, |x, _| (x % 2) as f32);
        assert!(stripes.at_size(4, 4).values().iter().all(|v| (v - 0.5).abs() < 1e-6));
        let half = mask(9, 3, |x, _| if x < 4 { 1.0 } else { 0.0 });
        let third = half.at_size(3, 1);
        for (value, expected) in third.values().iter().zip([1.0, 1.0 / 3.0, 0.0]) {
            assert!((value - expected).abs() < 1e-6, "{:?}", third.values());
        }
        let mean = |mask: &Mask| mask.values().iter().sum::<f32>() / mask.values().len() as f32;
        let wave = mask(37, 23, |x, y| ((x as f32 * 0.7).sin() + (y as f32 * 0.9).cos()) / 4.0 + 0.5);
        for (width, height) in [(37, 23), (20, 11), (5, 3), (74, 46), (100, 31)] {
            let white = mask(37, 23, |_, _| 1.0).at_size(width, height);
            assert!(white.values().iter().all(|v| (0.99999..=1.0).contains(v)), "{width}x{height}");
            assert!((mean(&wave.at_size(width, height)) - mean(&wave)).abs() < 1e-4, "{width}x{height}");
        }
    }

    #[test]
    fn layers_get_means_and_style_masks_lose_their_border() {
        let network = crate::weights::random("4,4|6,6", 1).unwrap();
        let layers = ["relu1_1".parse().unwrap(), "relu2_2".parse().unwrap()];
        let plan = Plan::new(Arc::new(network), 16, 21, &layers).unwrap();
        let left = mask(21, 16, |x, _| if x < 9 { 1.0 } else { 0.0 });
        assert_eq!(left.at_layer(&plan, layers[0]).map().row(3), left.values()[..21].to_vec());
        let expected = [1.0, 1.0, 1.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(left.at_layer(&plan, layers[1]).map().row(5), expected);
        // relu2_2 sees 1 + 1 + 2 + 2 + 1 pixels each way; half of that, 3, is worn off.
        assert_eq!(receptive_radius(&plan, layers[1]), 7);
        let worn = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(left.worn_at_layer(&plan, layers[1]).map().row(4), worn);
        let thin = mask(21, 16, |x, _| if x == 4 { 1.0 } else { 0.0 });
        assert_eq!(
            thin.worn_at_layer(&plan, layers[1]),
            thin.at_layer(&plan, layers[1]),
            "nothing would be left"
        );
    }
}
