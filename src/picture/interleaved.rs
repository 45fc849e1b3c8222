//! Pictures as other programs hold them: interleaved 8-bit RGB and RGBA, the image crate's, and ndarray's.

use super::write::{byte, word};
use super::{Depth, Picture, alpha};
use crate::{Error, Result};

impl Picture {
    /// A picture from sRGB bytes, row by row from the top, three a pixel.
    ///
    /// ```
    /// use impasto::picture::Picture;
    ///
    /// let picture = Picture::from_rgb8(2, 1, &[255, 0, 0, 0, 0, 255])?;
    /// assert_eq!(picture.to_rgb8(), [255, 0, 0, 0, 0, 255]);
    /// # Ok::<(), impasto::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when the size is not within the limits or the length is not 3·width·height.
    pub fn from_rgb8(width: usize, height: usize, bytes: &[u8]) -> Result<Self> {
        Self::from_interleaved(width, height, bytes, 3, |v| f32::from(v) / 255.0, Depth::Eight)
    }

    /// A picture from sRGB bytes with alpha that is not multiplied into the colours, row by row from the top, four a
    /// pixel.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when the size is not within the limits or the length is not 4·width·height.
    pub fn from_rgba8(width: usize, height: usize, bytes: &[u8]) -> Result<Self> {
        Self::from_interleaved(width, height, bytes, 4, |v| f32::from(v) / 255.0, Depth::Eight)
    }

    /// The picture as sRGB bytes, row by row from the top, three a pixel; what is clear stands on white.
    pub fn to_rgb8(&self) -> Vec<u8> {
        self.interleaved(None, byte)
    }

    /// The picture as sRGB bytes with alpha that is not multiplied into the colours, row by row from the top, four a
    /// pixel; 255 where there is no alpha.
    pub fn to_rgba8(&self) -> Vec<u8> {
        match &self.alpha {
            Some(alpha) => self.interleaved(Some(alpha), byte),
            None => self.to_rgb8().chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
        }
    }

    /// Planar from `channels` values a pixel, 3 or 4.
    fn from_interleaved<T: Copy>(
        width: usize,
        height: usize,
        values: &[T],
        channels: usize,
        part: impl Fn(T) -> f32,
        depth: Depth,
    ) -> Result<Self> {
        let picture = Self::uniform(width, height, [0.0; 3])?;
        let plane = width * height;
        if values.len() != channels * plane {
            let came = values.len();
            let text =
                format!("{came} values came for {width}×{height} px, expected {channels}·width·height");
            return Err(Error::picture("(values)", text));
        }
        let mut rgb = picture.rgb;
        let mut clear = (channels == 4).then(|| vec![1.0; plane]);
        for (i, pixel) in values.chunks_exact(channels).enumerate() {
            let a = pixel.get(3).map_or(1.0, |a| part(*a));
            (0..3).for_each(|c| {
                let v = part(pixel[c]);
                rgb[c * plane + i] = if channels == 4 { alpha::onto_white(v, a) } else { v };
            });
            if let Some(clear) = &mut clear {
                clear[i] = a.clamp(0.0, 1.0);
            }
        }
        let picture = Self::from_rgb(width, height, rgb)?;
        Ok(Self { alpha: clear, depth, ..picture })
    }
}

/// From the image crate's picture, whose values are taken as sRGB: 8 bits as 8, anything finer as 16.
impl TryFrom<image::DynamicImage> for Picture {
    type Error = Error;

    fn try_from(picture: image::DynamicImage) -> Result<Self> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let colour = picture.color();
        let eight = colour.bytes_per_pixel() == colour.channel_count();
        match (eight, colour.has_alpha()) {
            (true, false) => Self::from_rgb8(width, height, picture.into_rgb8().as_raw()),
            (true, true) => Self::from_rgba8(width, height, picture.into_rgba8().as_raw()),
            (false, false) => Self::from_interleaved(
                width,
                height,
                picture.into_rgb32f().as_raw(),
                3,
                |v| v,
                Depth::Sixteen,
            ),
            (false, true) => Self::from_interleaved(
                width,
                height,
                picture.into_rgba32f().as_raw(),
                4,
                |v| v,
                Depth::Sixteen,
            ),
        }
    }
}

/// To the image crate's picture of the same depth, with alpha if there is one.
impl From<&Picture> for image::DynamicImage {
    fn from(picture: &Picture) -> Self {
        let (width, height) = (picture.width as u32, picture.height as u32);
        let alpha = picture.alpha.as_deref();
        let words = || -> Vec<u16> {
            let bytes = picture.interleaved(alpha, word);
            bytes.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect()
        };
        // The buffers have the right lengths, so nothing here is ever missing.
        let made = match (picture.depth, alpha.is_some()) {
            (Depth::Eight, false) => {
                image::RgbImage::from_raw(width, height, picture.to_rgb8()).map(Self::ImageRgb8)
            }
            (Depth::Eight, true) => {
                image::RgbaImage::from_raw(width, height, picture.to_rgba8()).map(Self::ImageRgba8)
            }
            (Depth::Sixteen, false) => {
                image::ImageBuffer::from_raw(width, height, words()).map(Self::ImageRgb16)
            }
            (Depth::Sixteen, true) => {
                image::ImageBuffer::from_raw(width, height, words()).map(Self::ImageRgba16)
            }
        };
        made.unwrap_or_default()
    }
}

#[cfg(feature = "ndarray")]
impl Picture {
    /// The values as a 3×H×W array, without a copy.
    pub fn as_array(&self) -> ndarray::ArrayView3<'_, f32> {
        let rows = ndarray::aview1(&self.rgb).into_shape_with_order((3, self.height, self.width));
        rows.unwrap_or_else(|_| unreachable!("a picture has 3·H·W values"))
    }

    /// A picture from a 3×H×W array of sRGB values in [0, 1]; values outside are cut.
    ///
    /// # Errors
    ///
    /// [`Error::Picture`] when the first axis is not 3 long, the size is not within the limits, or a value is not
    /// finite.
    pub fn from_array(array: ndarray::ArrayView3<'_, f32>) -> Result<Self> {
        let (channels, height, width) = array.dim();
        if channels != 3 {
            let text = format!("an array of {channels}×{height}×{width} came, expected 3×height×width");
            return Err(Error::picture("(values)", text));
        }
        Self::from_rgb(width, height, array.iter().copied().collect())
    }
}
