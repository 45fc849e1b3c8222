//! Terms of the loss over the pixels themselves: a list with one signature.

use std::fmt;
use std::sync::Arc;

use super::temporal::{self, Anchor};
use super::{range, variation};
use crate::tensor::{Scalar, Shape};

/// A term of your own over the pixels of the picture that is made.
///
/// ```
/// use impasto::{PixelTerm, Request, StyleTransfer, picture::Picture};
///
/// /// Holds the mean brightness at a half.
/// struct Brightness;
///
/// impl PixelTerm for Brightness {
///     fn name(&self) -> &str {
///         "brightness"
///     }
///
///     fn add(&self, rgb: &[f64], _width: usize, _height: usize, gradient: &mut [f64]) -> f64 {
///         let mean = rgb.iter().sum::<f64>() / rgb.len() as f64;
///         let slope = 2.0 * (mean - 0.5) / rgb.len() as f64;
///         gradient.iter_mut().for_each(|g| *g += slope);
///         (mean - 0.5).powi(2)
///     }
/// }
///
/// let (photo, painting) = (Picture::uniform(48, 32, [0.2, 0.4, 0.6])?, Picture::uniform(40, 40, [0.9, 0.5, 0.1])?);
/// let transfer = StyleTransfer::builder().size(48).iterations(2).term(Brightness).build()?;
/// let result = transfer.run(&Request::picture(&photo, [painting]), ())?;
/// assert!(result.report.loss.pixel.iter().any(|(name, _)| name == "brightness"));
/// # Ok::<(), impasto::Error>(())
/// ```
pub trait PixelTerm: Send + Sync {
    /// Its name in reports.
    fn name(&self) -> &str;

    /// Adds its gradient to `gradient` and returns its value, which should be finite and at least 0. Both arrays are
    /// planar, 3×height×width; values are RGB, 0 to 1 in a finished picture, but any finite number on the way.
    fn add(&self, rgb: &[f64], width: usize, height: usize, gradient: &mut [f64]) -> f64;
}

/// One pixel term with its weight.
#[derive(Clone)]
pub(crate) enum WeightedPixelTerm {
    /// [`variation`], and whether the picture wraps.
    Variation(f64, bool),
    /// [`range`].
    Range(f64),
    /// [`temporal`], and the picture before.
    Temporal(f64, Anchor),
    /// A user's.
    Custom(Arc<dyn PixelTerm>),
}

impl fmt::Debug for WeightedPixelTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What pixel terms work with; reused between calls.
#[derive(Default)]
pub(crate) struct Scratch {
    sums: Vec<f64>,
    rgb: Vec<f64>,
    slopes: Vec<f64>,
}

impl WeightedPixelTerm {
    /// Its name in reports.
    pub fn name(&self) -> &str {
        match self {
            Self::Variation(..) => "tv",
            Self::Range(_) => "range",
            Self::Temporal(..) => "temporal",
            Self::Custom(term) => term.name(),
        }
    }

    /// Adds its gradient by RGB to `gradient` and returns its value; `rgb` is a 3×H×W picture of `shape`.
    pub fn add<T: Scalar>(&self, rgb: &[T], shape: Shape, gradient: &mut [T], scratch: &mut Scratch) -> f64 {
        let sums = &mut scratch.sums;
        match self {
            Self::Variation(weight, wraps) => {
                weight * variation::add(rgb, shape, *weight, *wraps, gradient, sums)
            }
            Self::Range(weight) => weight * range::add(rgb, *weight, gradient, sums),
            Self::Temporal(weight, anchor) => {
                weight * temporal::add(rgb, shape, anchor, *weight, gradient, sums)
            }
            Self::Custom(term) => {
                let Scratch { rgb: values, slopes, .. } = scratch;
                values.clear();
                values.extend(rgb.iter().map(|value| value.to_f64()));
                slopes.clear();
                slopes.resize(values.len(), 0.0);
                let value = term.add(values, shape.width, shape.height, slopes);
                gradient.iter_mut().zip(slopes).for_each(|(g, slope)| *g += T::from_f64(*slope));
                value
            }
        }
    }
}
