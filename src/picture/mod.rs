//! Pictures: from a file to planar RGB in [0, 1] and back.
//!
//! ```text
//! file → read (by content) → limits, samples, colour → alpha over white → resize → orientation → Picture
//! Picture → colour (match, keep) → alpha taken off white → write, with metadata → files (all or nothing) → file
//! ```
//!
//! Every [`Picture`] holds sRGB-encoded values, whatever the file held: resampling and colour
//! statistics work on the encoded values, as the networks were trained on. What was ignored, assumed or lost on the
//! way is told by [`Picture::warnings`] and [`Picture::losses`]. docs/formats.md has the table of formats.

mod alpha;
mod colour;
mod interleaved;
mod limits;
mod metadata;
mod read;
#[doc(hidden)]
pub mod resize;
mod warning;
mod write;

pub(crate) use colour::keep::mixed;
pub use colour::keep::{grey, keep_colours};
pub use colour::matching::match_colours;
pub(crate) use colour::matching::{ColourStatistics, match_colours_where};
pub use limits::{MAX_PIXELS, MAX_SIDE};
pub use metadata::{KeepMetadata, Metadata};
#[doc(hidden)]
pub use read::is_decoding;
pub use warning::{Warning, WarningKind};
pub use write::{Format, SaveOptions, check_output};

use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// How finely a file stores each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 8 bits: 256 steps.
    Eight,
    /// 16 bits: 65 536 steps (also what a floating-point file counts as).
    Sixteen,
}

/// Planar RGB, 3×H×W, row-major, f32 in [0, 1], sRGB-encoded; with the alpha of its file, if it had one.
///
/// A picture with alpha stands on white: `rgb` is what a viewer with a white page shows, and
/// [`Picture::save`] takes the white off again where the format keeps alpha.
///
/// ```
/// use impasto::picture::{Format, Picture, SaveOptions};
///
/// let grey = Picture::from_rgb(4, 2, vec![0.5; 3 * 4 * 2])?;
/// let file = grey.encode(Format::Png, &SaveOptions::default())?;
/// let again = Picture::decode(&file, "grey.png".as_ref())?;
/// assert_eq!((again.width(), again.height()), (4, 2));
/// # Ok::<(), impasto::Error>(())
/// ```
///
/// Two pictures are equal when their sizes, values, alphas and depths are; where they come from does not count.
#[derive(Debug, Clone)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<f32>,
    alpha: Option<Vec<f32>>,
    depth: Depth,
    metadata: Metadata,
    warnings: Vec<Warning>,
}

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        let of = |picture: &Self| (picture.width, picture.height, picture.depth);
        of(self) == of(other) && self.rgb == other.rgb && self.alpha == other.alpha
    }
}

impl Picture {
    /// Reads a picture file: PNG, JPEG, WebP, TIFF, BMP, GIF or QOI, recognised by its content, never by its name.
    ///
    /// The orientation is applied, colour profiles are converted to sRGB, alpha is laid over white
    /// and kept. Of an animation or a TIFF with several pages the first one is taken. CMYK without a
    /// profile is converted by the usual formula; floating-point samples are taken as sRGB-encoded
    /// and cut to [0, 1]. [`Picture::warnings`] tells what was not done as the file means it.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when the file is missing, not a picture, damaged, of a kind that is not read, or too large
    /// (200 megapixels, 65 535 px a side, 1 GiB).
    pub fn load(path: &Path) -> Result<Self> {
        read::load(path, None)
    }

    /// As [`Picture::load`], but shrunk to `longer` px on its longer side while it is read (never
    /// enlarged): the f32 picture never exists at full size, so a 100-megapixel file costs its decoded
    /// bytes and little more. Same result as [`Picture::load`] and then [`Picture::resized`], but for rounding.
    ///
    /// # Errors
    ///
    /// As [`Picture::load`].
    pub fn load_at_most(path: &Path, longer: usize) -> Result<Self> {
        read::load(path, Some(longer))
    }

    /// As [`Picture::load`], from bytes; `name` stands in messages.
    ///
    /// # Errors
    ///
    /// As [`Picture::load`].
    pub fn decode(bytes: &[u8], name: &Path) -> Result<Self> {
        read::decode(bytes, name, None)
    }

    /// As [`Picture::load_at_most`], from bytes; `name` stands in messages.
    ///
    /// # Errors
    ///
    /// As [`Picture::load`].
    pub fn decode_at_most(bytes: &[u8], name: &Path, longer: usize) -> Result<Self> {
        read::decode(bytes, name, Some(longer))
    }

    /// As [`Picture::decode`] or, with `longer`, [`Picture::decode_at_most`], from a stream that is read to its end (a
    /// pipe, standard input): no more than its first bytes if they are no picture's.
    ///
    /// # Errors
    ///
    /// As [`Picture::load`].
    pub fn read(reader: impl Read, name: &Path, longer: Option<usize>) -> Result<Self> {
        read::read(reader, name, longer)
    }

    /// A picture from its values, 3×`height`×`width`, planar; values outside [0, 1] are cut. 8 bit, no alpha.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when a side is 0 or the picture is larger than [`MAX_SIDE`] or [`MAX_PIXELS`], the length is
    /// not 3·width·height, or a value is not finite.
    pub fn from_rgb(width: usize, height: usize, mut rgb: Vec<f32>) -> Result<Self> {
        let refuse = |message: String| Err(Error::picture("(values)", message));
        if let Err(message) = limits::check(width, height, 0) {
            return refuse(message);
        }
        if rgb.len() != 3 * width * height {
            let came = rgb.len();
            return refuse(format!("{came} values came for {width}×{height} px, expected 3·width·height"));
        }
        if let Some(i) = rgb.iter().position(|v| !v.is_finite()) {
            return refuse(format!("value {i} is {}, every value must be finite", rgb[i]));
        }
        clamp(&mut rgb);
        Ok(Self {
            width,
            height,
            rgb,
            alpha: None,
            depth: Depth::Eight,
            metadata: Metadata::default(),
            warnings: Vec::new(),
        })
    }

    /// One colour everywhere; `rgb` is cut to [0, 1].
    ///
    /// # Errors
    ///
    /// As [`Picture::from_rgb`].
    pub fn uniform(width: usize, height: usize, rgb: [f32; 3]) -> Result<Self> {
        limits::check(width, height, 0).map_err(|message| Error::picture("(values)", message))?;
        let plane = width * height;
        Self::from_rgb(width, height, rgb.iter().flat_map(|v| std::iter::repeat_n(*v, plane)).collect())
    }

    /// Width in px, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in px, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// 3×H×W, row-major, [0, 1].
    pub fn rgb(&self) -> &[f32] {
        &self.rgb
    }

    /// Brightness, Rec. 709: one number a pixel, row-major, [0, 1].
    pub(crate) fn luma(&self) -> Vec<f32> {
        let (plane, rgb) = (self.width * self.height, &self.rgb);
        let luma = |at: usize| 0.2126 * rgb[at] + 0.7152 * rgb[plane + at] + 0.0722 * rgb[2 * plane + at];
        (0..plane).map(luma).collect()
    }

    /// The values of [`Picture::rgb`] without a copy.
    pub fn into_rgb(self) -> Vec<f32> {
        self.rgb
    }

    /// H×W, row-major, 0 (clear) to 1 (opaque); none if the file had no alpha channel.
    pub fn alpha(&self) -> Option<&[f32]> {
        self.alpha.as_deref()
    }

    /// How finely the file stored it; [`Picture::save`] follows it unless told otherwise.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// What was ignored, assumed or lost when the file was read; none for a picture from values.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What the file said besides its pixels; it goes along when the picture is changed or saved.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same picture with other metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same picture, to be saved at `depth` by default.
    #[must_use]
    pub fn with_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// The same values with the alpha (resized to this size), the depth and the metadata of `source`: what a
    /// result takes over from the content picture it was made of. Warnings stay with `source`.
    #[must_use]
    pub fn inheriting(mut self, source: &Self) -> Self {
        self.alpha = source.alpha.as_ref().map(|alpha| {
            let (from, to) = ((source.width, source.height), (self.width, self.height));
            alpha::resized(alpha, from, to)
        });
        self.depth = source.depth;
        self.metadata = source.metadata.clone();
        self
    }

    /// The picture at `width`×`height` px: Lanczos-3 with a prefilter where it shrinks, Catmull-Rom where it grows, on
    /// the encoded values, cut to [0, 1]. Alpha goes along.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when a side is 0 or the size is beyond [`MAX_SIDE`] or [`MAX_PIXELS`].
    pub fn resized(&self, width: usize, height: usize) -> Result<Self> {
        limits::check(width, height, 0).map_err(|message| Error::picture("(resized)", message))?;
        Ok(self.at_size(width, height))
    }

    /// The picture with its longer side at `longer` px, by [`fit`] and [`Picture::resized`].
    ///
    /// # Errors
    ///
    /// As [`Picture::resized`].
    pub fn fitted(&self, longer: usize) -> Result<Self> {
        let (width, height) = fit(self.width, self.height, longer);
        self.resized(width, height)
    }

    /// Whether no channel varies by more than two steps of 8 bits: there is one colour and nothing else.
    pub(crate) fn is_flat(&self) -> bool {
        self.rgb.chunks_exact(self.width * self.height).all(|channel| {
            let (low, high) =
                channel.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            high - low < 2.5 / 255.0
        })
    }

    /// As [`Picture::resized`], for sizes that are known to be within the limits.
    pub(crate) fn at_size(&self, width: usize, height: usize) -> Self {
        let (from, to) = ((self.width, self.height), (width, height));
        if from == to {
            return self.clone();
        }
        let mut rgb = resize::planes(&self.rgb, 3, from.0, from.1, width, height);
        clamp(&mut rgb);
        let alpha = self.alpha.as_ref().map(|a| alpha::resized(a, from, to));
        let (metadata, warnings) = (self.metadata.clone(), self.warnings.clone());
        Self { width, height, rgb, alpha, depth: self.depth, metadata, warnings }
    }
}

/// What a picture file says besides its pixels, which are not decoded; its size does not count. Formats that carry
/// nothing give empty metadata.
///
/// # Errors
///
/// [`Error::Picture`] when the file cannot be read or is of a kind that is not read.
pub fn read_metadata(path: &Path) -> Result<Metadata> {
    read::load_metadata(path)
}

/// The size with longer side `longer` and the same aspect ratio, rounded, each side at least 1.
///
/// ```
/// assert_eq!(impasto::picture::fit(4000, 3000, 512), (512, 384));
/// assert_eq!(impasto::picture::fit(1, 10_000, 512), (1, 512));
/// ```
pub fn fit(width: usize, height: usize, longer: usize) -> (usize, usize) {
    let longer = longer.max(1);
    let side = |short: usize, long: usize| {
        let (short, long) = (short as u128, long.max(1) as u128);
        // ⌊short·longer/long + ½⌋, whose product fits into 128 bits and whose double does not.
        let product = short * longer as u128;
        let rounded = product / long + u128::from(product % long >= long.div_ceil(2));
        (rounded as usize).max(1)
    };
    if width >= height { (longer, side(height, width)) } else { (side(width, height), longer) }
}

/// Cuts every value to [0, 1].
fn clamp(values: &mut [f32]) {
    values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_keeps_the_aspect_ratio() {
        assert_eq!(fit(3000, 4000, 512), (384, 512));
        assert_eq!(fit(100, 100, 7), (7, 7));
        assert_eq!(fit(10, 5, 40), (40, 20));
        assert_eq!(fit(65_535, 1, 100), (100, 1));
        assert_eq!(fit(1, 1, 0), (1, 1));
        assert_eq!(fit(usize::MAX, usize::MAX / 2, 512), (512, 256));
        assert_eq!(fit(3, 2, 4), (4, 3)); // 2.67 is rounded, not cut
        assert_eq!(fit(usize::MAX, usize::MAX / 2, usize::MAX), (usize::MAX, usize::MAX / 2));
        assert_eq!(fit(0, 0, 5), (5, 1));
    }

    #[test]
    fn from_rgb_refuses_what_is_no_picture() {
        for (width, height, rgb) in [
            (0, 1, vec![]),
            (1, 1, vec![0.0; 4]),
            (usize::MAX, 2, vec![0.0; 3]),
            (1, 1, vec![0.0, f32::NAN, 0.0]),
            (1, 1, vec![0.0, 0.0, f32::INFINITY]),
        ] {
            assert!(matches!(Picture::from_rgb(width, height, rgb), Err(Error::Picture { .. })));
        }
        assert_eq!(Picture::from_rgb(1, 1, vec![-1.0, 0.25, 2.0]).unwrap().rgb(), [0.0, 0.25, 1.0]);
    }

    #[test]
    fn a_result_inherits_alpha_and_depth() {
        let mut source = Picture::uniform(4, 2, [0.5; 3]).unwrap().with_depth(Depth::Sixteen);
        source.alpha = Some(vec![0.25; 8]);
        let result = Picture::uniform(2, 1, [0.1; 3]).unwrap().inheriting(&source);
        assert_eq!(result.depth(), Depth::Sixteen);
        assert_eq!(result.alpha().unwrap().len(), 2);
        assert!(result.alpha().unwrap().iter().all(|a| (a - 0.25).abs() < 1e-6));
    }
}
