//! The picture that a run starts from, at every size.

use crate::error::{Error, Result};
use crate::noise;
use crate::picture::{Picture, match_colours};
use crate::pyramid::{self, Size};
use crate::settings::Init;

/// How far the aspect ratio of a given start picture may be from the result's.
const ASPECT_TOLERANCE: f64 = 0.02;

/// The start at the coarsest size, and the detail that finer sizes add.
pub(crate) enum Start {
    /// A picture with detail at every size.
    Picture(Picture),
    /// Noise, at the coarsest size only: finer sizes take nothing from it.
    Noise(Picture),
}

impl Start {
    /// Prepares the start for sizes from `coarsest` to `target`. Its colours are matched to those of `styles` (mixed
    /// by `blend`), unless there are none, or the picture was given for this purpose.
    ///
    /// # Errors
    /// A given picture whose aspect ratio is not the result's.
    pub fn new(
        init: &Init,
        content: Option<&Picture>,
        styles: &[Picture],
        blend: Option<&[f64]>,
        target: Size,
        coarsest: Size,
        seed: u64,
    ) -> Result<Self> {
        match (init, content) {
            (Init::Picture(picture), _) => {
                let ratio = |w: usize, h: usize| w as f64 / h as f64;
                let distortion = ratio(picture.width(), picture.height()) / ratio(target.0, target.1);
                // One pixel of rounding is no distortion.
                let slack = ASPECT_TOLERANCE + 1.0 / target.0.min(target.1) as f64;
                if distortion.max(1.0 / distortion) > 1.0 + slack {
                    let message = format!(
                        "the start picture has {}x{} pixels, another shape than the result's {}x{}; crop it first",
                        picture.width(),
                        picture.height(),
                        target.0,
                        target.1
                    );
                    return Err(Error::option("--init", message));
                }
                Ok(Self::Picture(picture.resized(target.0, target.1)))
            }
            (Init::Content, Some(content)) => {
                Ok(Self::Picture(matched(&content.resized(target.0, target.1), styles, blend)?))
            }
            (Init::Content | Init::Noise, _) => {
                Ok(Self::Noise(matched(&noise::picture(seed, coarsest)?, styles, blend)?))
            }
        }
    }

    /// The start at the coarsest size.
    pub fn at(&self, size: Size) -> Vec<f32> {
        match self {
            Self::Picture(picture) | Self::Noise(picture) => picture.resized(size.0, size.1).into_rgb(),
        }
    }

    /// A result carried from one size to the next, see [`pyramid::carry`].
    pub fn carry(&self, result: &[f32], from: Size, to: Size) -> Vec<f32> {
        match self {
            Self::Noise(_) => pyramid::carry(result, from, to, None),
            Self::Picture(_) => pyramid::carry(result, from, to, Some((&self.at(from), &self.at(to)))),
        }
    }
}

/// `picture` with the colours of the styles, mixed by their weights: the mean of the matches, which is again a
/// linear map of its colours.
fn matched(picture: &Picture, styles: &[Picture], blend: Option<&[f64]>) -> Result<Picture> {
    let equal = vec![1.0; styles.len()];
    let weights = blend.unwrap_or(&equal);
    let sum: f64 = weights.iter().sum();
    if styles.is_empty() {
        return Ok(picture.clone());
    }
    let mut mixed = vec![0.0f32; picture.rgb().len()];
    for (style, weight) in styles.iter().zip(weights) {
        let share = (weight / sum) as f32;
        for (value, matched) in mixed.iter_mut().zip(match_colours(picture, style).rgb()) {
            *value += share * matched;
        }
    }
    Picture::from_rgb(picture.width(), picture.height(), mixed)
}
