//! From a [`Picture`] to the bytes of a file.

use std::io::Cursor;
use std::path::Path;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::{Depth, Picture, alpha};
use crate::files;
use crate::{Error, Result};

/// A file format that pictures are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lossless, 8 or 16 bit, alpha.
    Png,
    /// Lossy, 8 bit, no alpha; written without chroma subsampling.
    Jpeg,
    /// 8 bit, alpha, at most 16 383 px a side; written lossless.
    WebP,
    /// Uncompressed, 8 or 16 bit, alpha.
    Tiff,
    /// Uncompressed, 8 bit, alpha.
    Bmp,
}

impl Format {
    /// The extensions that name a format, for messages.
    pub const EXTENSIONS: &str = ".png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp";

    /// The format that a file name asks for, by its extension in any case.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] with the list of known extensions.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "jpg" | "jpeg" | "jpe" | "jfif" => Ok(Self::Jpeg),
            "webp" => Ok(Self::WebP),
            "tif" | "tiff" => Ok(Self::Tiff),
            "bmp" | "dib" => Ok(Self::Bmp),
            "" => Err(Error::output(path, format!("the name has no extension; use {}", Self::EXTENSIONS))),
            other => Err(Error::output(
                path,
                format!("'.{other}' is not a format that is written; use {}", Self::EXTENSIONS),
            )),
        }
    }

    /// Whether the format has 16 bits a value.
    pub fn has_sixteen_bits(self) -> bool {
        matches!(self, Self::Png | Self::Tiff)
    }

    /// Whether the format has an alpha channel.
    pub fn has_alpha(self) -> bool {
        self != Self::Jpeg
    }

    /// The longest side that the format holds.
    pub fn longest_side(self) -> usize {
        match self {
            Self::WebP => 16_383,
            Self::Jpeg => 65_535,
            Self::Png | Self::Tiff | Self::Bmp => i32::MAX as usize,
        }
    }
}

/// How a picture is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveOptions {
    /// Bits a value; none: as the source had, where the format can (PNG, TIFF), else 8.
    pub depth: Option<Depth>,
    /// JPEG quality, 1 to 100; 95 unless said otherwise.
    pub jpeg_quality: u8,
    /// Keep the alpha channel, if there is one and the format has one; else the picture stays on white.
    pub alpha: bool,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self { depth: None, jpeg_quality: 95, alpha: true }
    }
}

impl Picture {
    /// Writes the picture in the format that the extension names. A file that is already there is replaced only
    /// once the new one is complete and on disk; a failure leaves nothing behind. A symbolic link is followed.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when the name, the options or the size do not suit the format, or writing fails.
    pub fn save(&self, path: &Path, options: &SaveOptions) -> Result<()> {
        files::write(path, &self.encoded(Format::of(path)?, options, path)?).map(drop)
    }

    /// The bytes of the file that [`Picture::save`] would write.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when the options or the size do not suit the format.
    pub fn encode(&self, format: Format, options: &SaveOptions) -> Result<Vec<u8>> {
        self.encoded(format, options, Path::new("(in memory)"))
    }

    fn encoded(&self, format: Format, options: &SaveOptions, name: &Path) -> Result<Vec<u8>> {
        let refuse = |message: String| Err(Error::output(name, message));
        if options.depth == Some(Depth::Sixteen) && !format.has_sixteen_bits() {
            return refuse(format!("{format:?} has 8 bits a value, 16 were asked for; use .png or .tiff"));
        }
        if !(1..=100).contains(&options.jpeg_quality) {
            return refuse(format!("JPEG quality {} came, expected 1 to 100", options.jpeg_quality));
        }
        let (width, height, longest) = (self.width, self.height, format.longest_side());
        if width > longest || height > longest {
            return refuse(format!(
                "{width}×{height} px do not fit: {format:?} holds at most {longest} px a side"
            ));
        }
        let sixteen = options.depth.unwrap_or(self.depth) == Depth::Sixteen && format.has_sixteen_bits();
        let alpha = self.alpha.as_deref().filter(|_| options.alpha && format.has_alpha());
        let (bytes, colour) = match (sixteen, alpha.is_some()) {
            (false, false) => (self.interleaved(alpha, byte), ExtendedColorType::Rgb8),
            (false, true) => (self.interleaved(alpha, byte), ExtendedColorType::Rgba8),
            (true, false) => (self.interleaved(alpha, word), ExtendedColorType::Rgb16),
            (true, true) => (self.interleaved(alpha, word), ExtendedColorType::Rgba16),
        };
        let mut file = Cursor::new(Vec::new());
        let (w, h) = (width as u32, height as u32);
        let done = match format {
            Format::Png => {
                PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
                    .write_image(&bytes, w, h, colour)
            }
            Format::Jpeg => JpegEncoder::new_with_quality(&mut file, options.jpeg_quality)
                .write_image(&bytes, w, h, colour),
            Format::WebP => WebPEncoder::new_lossless(&mut file).write_image(&bytes, w, h, colour),
            Format::Tiff => TiffEncoder::new(&mut file).write_image(&bytes, w, h, colour),
            Format::Bmp => BmpEncoder::new(&mut file).write_image(&bytes, w, h, colour),
        };
        match done {
            Ok(()) => Ok(file.into_inner()),
            Err(error) => refuse(format!("cannot be written as {format:?} ({error})")),
        }
    }

    /// Samples as a file has them, pixel by pixel, in native byte order; with alpha the white is taken off.
    fn interleaved<const N: usize>(&self, alpha: Option<&[f32]>, sample: fn(f32) -> [u8; N]) -> Vec<u8> {
        let plane = self.width * self.height;
        let mut bytes = Vec::with_capacity(plane * N * (3 + usize::from(alpha.is_some())));
        for i in 0..plane {
            let rgb = [self.rgb[i], self.rgb[plane + i], self.rgb[2 * plane + i]];
            match alpha {
                None => rgb.iter().for_each(|v| bytes.extend(sample(*v))),
                Some(alpha) => {
                    let a = alpha[i];
                    rgb.iter().for_each(|v| bytes.extend(sample(alpha::off_white(*v, a))));
                    bytes.extend(sample(a));
                }
            }
        }
        bytes
    }
}

/// [0, 1] to 8 bits, rounded.
fn byte(v: f32) -> [u8; 1] {
    [(v * 255.0).round() as u8]
}

/// [0, 1] to 16 bits, rounded, native byte order.
fn word(v: f32) -> [u8; 2] {
    ((v * 65535.0).round() as u16).to_ne_bytes()
}

/// Fails at once if a picture cannot be written to `path` later: an unknown extension (the message lists the
/// known ones), a missing or read-only folder, a folder or device given as the file, a write-protected file.
///
/// Tries it out with a temporary file beside `path` and leaves nothing behind.
///
/// # Errors
///
/// [`Error::Output`].
pub fn check_output(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::output(path, "is a folder; name a file in it"));
    }
    Format::of(path)?;
    files::check_writable(path)
}
