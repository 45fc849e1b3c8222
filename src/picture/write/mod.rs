//! From a [`Picture`] to the bytes of a file.
//!
//! ```text
//! Picture → samples (white taken off) → the format's encoder, with metadata and document → files → the name
//! ```

mod bmp;
mod format;
mod jpeg;
mod options;
pub(super) mod png;
mod tiff;
mod webp;

pub use format::Format;
pub use options::SaveOptions;

use std::io::Write;
use std::path::Path;

use super::metadata::Outgoing;
use super::warning::{Warning, WarningKind};
use super::{Depth, Picture, alpha};
use crate::files;
use crate::{Error, Result};

/// What an encoder writes: interleaved RGB or RGBA in native byte order, and what goes along.
struct Image<'a> {
    width: u32,
    height: u32,
    alpha: bool,
    sixteen: bool,
    bytes: Vec<u8>,
    outgoing: Outgoing,
    document: Option<&'a str>,
    options: &'a SaveOptions,
}

impl Image<'_> {
    fn channels(&self) -> usize {
        3 + usize::from(self.alpha)
    }

    /// The type of its pixels for the image crate's encoders.
    fn colour(&self) -> image::ExtendedColorType {
        match (self.sixteen, self.alpha) {
            (false, false) => image::ExtendedColorType::Rgb8,
            (false, true) => image::ExtendedColorType::Rgba8,
            (true, false) => image::ExtendedColorType::Rgb16,
            (true, true) => image::ExtendedColorType::Rgba16,
        }
    }
}

impl Picture {
    /// Writes the picture in the format that the extension names. A file that is already there is replaced only
    /// once the new one is complete and on disk; a failure leaves nothing behind. A symbolic link is followed.
    ///
    /// Gives what the file could not keep, as [`Picture::losses`], and whether it had to be overwritten in place. To
    /// prove the name before the work, use [`Destination`](crate::Destination) with [`Picture::encode`].
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when the name, the options or the size do not suit the format, or writing fails; a picture
    /// that was finished and could not be put there is kept elsewhere, which the message tells.
    pub fn save(&self, path: &Path, options: &SaveOptions) -> Result<Vec<Warning>> {
        let format = Format::of(path)?;
        let in_place = files::write(path, &self.encoded(format, options, path)?)?;
        let mut warnings = self.losses(format, options);
        if in_place {
            let text = "the file was written over piece by piece, since nothing can be renamed there";
            warnings.push(Warning::new(WarningKind::InPlace, text));
        }
        Ok(warnings)
    }

    /// The bytes of the file that [`Picture::save`] would write.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when the size or the document do not suit the format, [`Error::Option`] when an option does
    /// not.
    pub fn encode(&self, format: Format, options: &SaveOptions) -> Result<Vec<u8>> {
        self.encoded(format, options, Path::new("(in memory)"))
    }

    /// Writes the bytes of [`Picture::encode`] to anything that takes bytes; `name` stands in messages.
    ///
    /// # Errors
    ///
    /// As [`Picture::encode`], and [`Error::Output`] when `writer` fails.
    pub fn encode_to(
        &self,
        mut writer: impl Write,
        name: &Path,
        format: Format,
        options: &SaveOptions,
    ) -> Result<()> {
        let bytes = self.encoded(format, options, name)?;
        let written = writer.write_all(&bytes).and_then(|()| writer.flush());
        written.map_err(|error| Error::output(name, format!("cannot be written ({error})")).because(error))
    }

    /// What a file of this format, with these options, would not keep of the picture: transparency, bits, metadata.
    /// What the options ask to leave out is no loss.
    pub fn losses(&self, format: Format, options: &SaveOptions) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let transparent = self.alpha.as_ref().is_some_and(|alpha| alpha.iter().any(|a| *a < 1.0));
        if transparent && options.alpha && !format.has_alpha() {
            let text = format!(
                "{format} has no transparency; the picture stands on white (PNG, WebP and TIFF keep it)"
            );
            warnings.push(Warning::new(WarningKind::Transparency, text));
        }
        if self.depth == Depth::Sixteen && options.depth.is_none() && !format.has_sixteen_bits() {
            let text = format!("{format} has 8 bits a value, the picture 16 (PNG and TIFF keep them)");
            warnings.push(Warning::new(WarningKind::Depth, text));
        }
        let mut outgoing = self.metadata.outgoing(options.metadata, (self.width, self.height));
        format.drop_unfit(&mut outgoing);
        if !outgoing.lost.is_empty() {
            let what = outgoing.lost.join(" and ");
            let text = format!("{what} of the original cannot be kept in {format} and are left out");
            warnings.push(Warning::new(WarningKind::Metadata, text));
        }
        warnings
    }

    fn encoded(&self, format: Format, options: &SaveOptions, name: &Path) -> Result<Vec<u8>> {
        let refuse = |message: String| Err(Error::output(name, message));
        options.check(format)?;
        let (width, height, longest) = (self.width, self.height, format.longest_side());
        if width > longest || height > longest {
            return refuse(format!(
                "{width}×{height} px do not fit: {format} holds at most {longest} px a side"
            ));
        }
        let sixteen = options.depth.unwrap_or(self.depth) == Depth::Sixteen && format.has_sixteen_bits();
        let alpha = self.alpha.as_deref().filter(|_| options.alpha && format.has_alpha());
        let bytes = if sixteen { self.interleaved(alpha, word) } else { self.interleaved(alpha, byte) };
        let mut outgoing = self.metadata.outgoing(options.metadata, (width, height));
        format.drop_unfit(&mut outgoing);
        let image = Image {
            width: width as u32,
            height: height as u32,
            alpha: alpha.is_some(),
            sixteen,
            bytes,
            outgoing,
            document: options.document.as_deref(),
            options,
        };
        let done = match format {
            Format::Png => png::encode(image),
            Format::Jpeg => jpeg::encode(image),
            Format::WebP => webp::encode(image),
            Format::Tiff => tiff::encode(image),
            Format::Bmp => bmp::encode(image),
        };
        done.or_else(|error| refuse(format!("cannot be written as {format} ({error})")))
    }

    /// Samples as a file has them, pixel by pixel, in native byte order; with alpha the white is taken off.
    pub(super) fn interleaved<const N: usize>(
        &self,
        alpha: Option<&[f32]>,
        sample: fn(f32) -> [u8; N],
    ) -> Vec<u8> {
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
pub(super) fn byte(v: f32) -> [u8; 1] {
    [(v * 255.0).round() as u8]
}

/// [0, 1] to 16 bits, rounded, native byte order.
pub(super) fn word(v: f32) -> [u8; 2] {
    ((v * 65535.0).round() as u16).to_ne_bytes()
}

/// Fails at once if a picture cannot be written to `path` later: an unknown extension (the message lists the
/// known ones), or any of the reasons of [`Destination::prove`](crate::Destination::prove).
///
/// # Errors
///
/// [`Error::Output`].
pub fn check_output(path: &Path) -> Result<()> {
    if !path.is_dir() {
        Format::of(path)?;
    }
    files::check_writable(path)
}
