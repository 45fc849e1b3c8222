//! The formats that are written, and what each can hold.

use std::fmt;
use std::path::Path;

use crate::picture::Depth;
use crate::picture::metadata::Outgoing;
use crate::{Error, Result};

/// A file format that pictures are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Lossless, 8 or 16 bit, alpha.
    Png,
    /// Lossy, 8 bit, no alpha; written without chroma subsampling.
    Jpeg,
    /// 8 bit, alpha, at most 16 383 px a side; written lossless.
    WebP,
    /// Uncompressed, 8 or 16 bit, alpha.
    Tiff,
    /// Uncompressed, 8 bit, alpha; no metadata but the resolution.
    Bmp,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
        })
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::WebP, Self::Tiff, Self::Bmp];

    /// The extensions that name a format, for messages.
    pub const EXTENSIONS: &str = ".png, .jpg, .jpeg, .webp, .tif, .tiff or .bmp";

    /// The format that a file name asks for, by its extension in any case.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] with the list of known extensions.
    pub fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        match Self::named(extension) {
            Some(format) => Ok(format),
            None if extension.is_empty() => {
                Err(Error::output(path, format!("the name has no extension; use {}", Self::EXTENSIONS)))
            }
            None => Err(Error::output(
                path,
                format!("'.{extension}' is not a format that is written; use {}", Self::EXTENSIONS),
            )),
        }
    }

    /// The format of a name like `png` or `jpeg`, which is also what its extensions are, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "png" => Self::Png,
            "jpg" | "jpeg" | "jpe" | "jfif" => Self::Jpeg,
            "webp" => Self::WebP,
            "tif" | "tiff" => Self::Tiff,
            "bmp" | "dib" => Self::Bmp,
            _ => return None,
        })
    }

    /// The extension that names the format, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
            Self::Tiff => "tiff",
            Self::Bmp => "bmp",
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

    /// Whether a text document can be stored in it.
    pub fn has_documents(self) -> bool {
        self != Self::Bmp
    }

    /// The longest side that the format holds.
    pub fn longest_side(self) -> usize {
        match self {
            Self::WebP => 16_383,
            Self::Jpeg => 65_535,
            Self::Png | Self::Tiff | Self::Bmp => i32::MAX as usize,
        }
    }

    /// Bytes that a picture of this size takes at most, without its metadata: what to ask
    /// [`Destination::prove`](crate::Destination::prove) for.
    pub fn room(self, width: usize, height: usize, depth: Depth, alpha: bool) -> u64 {
        let channels = 3 + u64::from(alpha && self.has_alpha());
        let bytes = 1 + u64::from(depth == Depth::Sixteen && self.has_sixteen_bits());
        let pixels = (width as u64).saturating_mul(height as u64).saturating_mul(channels * bytes);
        pixels
            .saturating_add(pixels / 64)
            .saturating_add((height as u64).saturating_mul(4))
            .saturating_add(64 << 10)
    }

    /// Takes out what the format has no place for, and says so in `outgoing.lost`.
    pub(super) fn drop_unfit(self, outgoing: &mut Outgoing) {
        let most = match self {
            Self::Jpeg => 65_500, // one segment
            Self::Bmp => 0,
            Self::Png | Self::WebP | Self::Tiff => usize::MAX,
        };
        if outgoing.exif.as_ref().is_some_and(|exif| exif.len() > most) {
            outgoing.exif = None;
            outgoing.lost.push("EXIF");
        }
        if outgoing.xmp.as_ref().is_some_and(|xmp| xmp.len() > most) {
            outgoing.xmp = None;
            outgoing.lost.push("XMP");
        }
    }
}
