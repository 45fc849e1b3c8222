//! The picture that a run starts from, at every size.

use super::masks::Mask;
use super::regions::Regions;
use super::request::{Request, Start, Style};
use super::settings::Settings;
use super::sizes::{self, Size};
use crate::error::{Error, Result};
use crate::picture::{ColourStatistics, Picture, match_colours_where, mixed};
use crate::random::Random;

/// How far the aspect ratio of a given start picture may be from the result's.
const ASPECT_TOLERANCE: f64 = 0.02;

/// The start at the coarsest size, and the detail that finer sizes add.
pub(crate) enum StartPictures {
    /// A picture with detail at every size.
    Picture(Picture),
    /// Noise, at the coarsest size only: finer sizes take nothing from it.
    Noise(Picture),
    /// The same for a picture that tiles.
    Tile(Picture),
}

impl StartPictures {
    /// Prepares the start for sizes from `coarsest` to `target`. Its colours are matched to those of the styles (mixed
    /// by `shares`), unless there is no style in the loss, the content's are kept, or the picture was given for this purpose.
    /// A flat content starts from noise around its colour.
    ///
    /// # Errors
    /// A given picture whose aspect ratio is not the result's.
    pub fn new(
        request: &Request<'_>,
        settings: &Settings,
        has_style: bool,
        shares: &[f64],
        target: Size,
        coarsest: Size,
    ) -> Result<Self> {
        let matched = |picture: &Picture| match settings.colours.keeps_start() || !has_style {
            true => Ok(picture.clone()),
            false => {
                let regions = Regions::new(request, shares, (picture.width(), picture.height()));
                matched(picture, &regions, |style| style.colours(settings.style_scale, target))
            }
        };
        let blended = |start: Picture| match request.content {
            Some(content) if settings.init_blend > 0.0 => {
                let content = matched(&content.at_size(start.width(), start.height()))?;
                Ok(mixed(&start, &content, settings.init_blend))
            }
            _ => Ok(start),
        };
        match (&request.start, request.content) {
            (Start::Picture(picture), _) => {
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
                    return Err(Error::option("init", message));
                }
                Ok(Self::Picture(blended(picture.at_size(target.0, target.1))?))
            }
            // Every place of a flat picture is pulled the same way, so that nothing would ever be told from its
            // neighbours.
            (Start::Content, Some(content)) if has_style && content.is_flat() => {
                let mut start = noise(settings.seed, settings.noise_scale, coarsest)?.into_rgb();
                let content = content.at_size(coarsest.0, coarsest.1);
                start.iter_mut().zip(content.rgb()).for_each(|(value, own)| *value += own - 0.5);
                Ok(Self::Noise(matched(&Picture::from_rgb(coarsest.0, coarsest.1, start)?)?))
            }
            (Start::Content, Some(content)) => {
                Ok(Self::Picture(matched(&content.at_size(target.0, target.1))?))
            }
            (Start::Content | Start::Noise, _) => {
                let noise = noise(settings.seed, settings.noise_scale, coarsest)?;
                let start = blended(matched(&noise)?)?;
                Ok(if settings.tileable { Self::Tile(start) } else { Self::Noise(start) })
            }
        }
    }

    /// The start at the coarsest size.
    pub fn at(&self, size: Size) -> Vec<f32> {
        match self {
            Self::Picture(picture) | Self::Noise(picture) | Self::Tile(picture) => {
                picture.at_size(size.0, size.1).into_rgb()
            }
        }
    }

    /// A result carried from one size to the next, see [`sizes::carry`].
    pub fn carry(&self, result: &[f32], from: Size, to: Size) -> Vec<f32> {
        match self {
            Self::Noise(_) => sizes::carry(result, from, to, None),
            Self::Tile(_) => sizes::carry_tile(result, from, to),
            Self::Picture(_) => sizes::carry(result, from, to, Some((&self.at(from), &self.at(to)))),
        }
    }
}

/// `picture` with the colours of the styles of each region, mixed by their shares: the mean of the matches, which is again
/// a linear map of its colours. Where less than all of the style counts, as much of the picture stays as it was.
fn matched(
    picture: &Picture,
    regions: &Regions<'_>,
    colours: impl Fn(&Style) -> Vec<(f64, ColourStatistics)>,
) -> Result<Picture> {
    let plane = picture.width() * picture.height();
    let mut mixed = vec![0.0f32; picture.rgb().len()];
    let mut covered = vec![0.0f32; plane];
    for region in &regions.styles {
        let mask = region.mask.as_ref().map(Mask::values);
        for &(style, share) in &region.styles {
            for (part, colours) in colours(style) {
                let matched = match_colours_where(picture, mask, &colours);
                let share = (share * part) as f32;
                for (at, (value, matched)) in mixed.iter_mut().zip(matched.rgb()).enumerate() {
                    *value += mask.map_or(share, |mask| share * mask[at % plane]) * matched;
                }
            }
        }
        covered.iter_mut().enumerate().for_each(|(at, sum)| *sum += mask.map_or(1.0, |mask| mask[at]));
    }
    for (at, value) in mixed.iter_mut().enumerate() {
        let covered = covered[at % plane];
        if covered < 1.0 {
            *value += (1.0 - covered) * picture.rgb()[at];
        } else {
            *value /= covered;
        }
    }
    Picture::from_rgb(picture.width(), picture.height(), mixed)
}

/// White noise around middle grey with the standard deviation `scale`.
///
/// # Errors
/// If a side is 0.
pub fn noise(seed: u64, scale: f64, (width, height): Size) -> Result<Picture> {
    let mut random = Random::new(seed);
    let rgb = (0..3 * width * height).map(|_| (0.5 + scale * random.normal()) as f32).collect();
    Picture::from_rgb(width, height, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_and_the_moments_are_right() {
        let (one, same, other) =
            (noise(1, 0.15, (64, 64)), noise(1, 0.15, (64, 64)), noise(2, 0.15, (64, 64)));
        let (one, same, other) = (one.unwrap(), same.unwrap(), other.unwrap());
        assert_eq!(one, same);
        assert_ne!(one, other);
        let n = one.rgb().len() as f64;
        let mean = one.rgb().iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = one.rgb().iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 0.5).abs() < 0.01 && (variance.sqrt() - 0.15).abs() < 0.01, "{mean} {variance}");
    }
}
