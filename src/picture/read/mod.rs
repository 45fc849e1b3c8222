//! From a file or its bytes to a [`Picture`].
//!
//! ```text
//! bytes → recognise → the format's reader → Source (samples, colours, orientation, metadata, warnings) → upright
//! ```

mod bmp;
mod gif;
pub(super) mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
pub(super) mod png;
mod qoi;
pub(super) mod recognise;
pub(super) mod samples;
pub(super) mod tiff;
mod upright;
pub(super) mod webp;

use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{ColorType, ImageDecoder, ImageError, ImageResult};

use super::colour::{Description, Model};
use super::metadata::Metadata;
use super::warning::Warning;
use super::{Picture, limits};
use crate::Error;
use recognise::{Kind, recognise};
use samples::{Alpha, Samples, Store};

/// What a format's reader finds in a file.
#[derive(Debug)]
pub(super) struct Source {
    pub samples: Samples,
    /// How the file tells its colours, in its format's order of precedence.
    pub colours: Vec<Description>,
    /// The orientation that the format itself tells; else EXIF is asked, then XMP.
    pub orientation: Option<u8>,
    pub metadata: Metadata,
    pub warnings: Vec<Warning>,
}

/// Reads a file, shrunk to `longer` px on its longer side if that is given and smaller.
pub(super) fn load(path: &Path, longer: Option<usize>) -> crate::Result<Picture> {
    read(open(path)?, path, longer)
}

/// What a file says besides its pixels.
pub(super) fn load_metadata(path: &Path) -> crate::Result<Metadata> {
    metadata(&all(open(path)?, path)?).map_err(|message| Error::picture(path, message))
}

fn open(path: &Path) -> crate::Result<File> {
    let refuse = |message: String| Error::picture(path, message);
    if path.is_dir() {
        return Err(refuse(format!("is a folder; expected a {} file", recognise::KNOWN)));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse("there is no such file; check the name".into()),
        _ => refuse(format!("cannot be opened ({error})")),
    })?;
    if file.metadata().is_ok_and(|there| there.len() > limits::MAX_FILE) {
        return Err(refuse(limits::file_too_large()));
    }
    Ok(file)
}

/// Reads and decodes all of a stream.
pub(super) fn read(reader: impl Read, name: &Path, longer: Option<usize>) -> crate::Result<Picture> {
    decode(&all(reader, name)?, name, longer)
}

/// All of a stream: no more than its head if that is no picture's, and never more than a picture file may have.
fn all(mut reader: impl Read, name: &Path) -> crate::Result<Vec<u8>> {
    let refuse = |message: String| Error::picture(name, message);
    let mut bytes = Vec::new();
    let mut take = |bytes: &mut Vec<u8>, most: u64| {
        let taken = reader.by_ref().take(most).read_to_end(bytes);
        taken.map_err(|error| match error.kind() {
            std::io::ErrorKind::OutOfMemory => refuse(limits::file_too_large()),
            _ => refuse(format!("cannot be read ({error})")),
        })
    };
    take(&mut bytes, recognise::HEAD as u64)?;
    recognise(&bytes).map_err(refuse)?;
    let left = limits::MAX_FILE + 1 - bytes.len() as u64;
    take(&mut bytes, left)?;
    if bytes.len() as u64 > limits::MAX_FILE {
        return Err(refuse(limits::file_too_large()));
    }
    Ok(bytes)
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is decoding a picture. A panic in a decoder becomes an error, but a panic hook sees it first; one
/// that asks here can keep silent about it.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// Decodes a file's bytes; no decoder is known to panic, and if one does it becomes an error.
pub(super) fn decode(bytes: &[u8], name: &Path, longer: Option<usize>) -> crate::Result<Picture> {
    let before = DECODING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(|| upright::picture(source(bytes)?, longer)));
    DECODING.set(before);
    result
        .unwrap_or_else(|_| {
            Err("the file is damaged in a way that its decoder does not survive; repair it".into())
        })
        .map_err(|message| Error::picture(name, message))
}

fn source(bytes: &[u8]) -> Result<Source, String> {
    match recognise(bytes)? {
        Kind::Png => png::read(bytes),
        Kind::Jpeg => jpeg::read(bytes),
        Kind::WebP => webp::read(bytes),
        Kind::Tiff => tiff::read(bytes),
        Kind::Bmp => bmp::read(bytes),
        Kind::Gif => gif::read(bytes),
        Kind::Qoi => qoi::read(bytes),
        #[cfg(feature = "jxl")]
        Kind::Jxl => jxl::read(bytes),
    }
}

/// What a file of any format says besides its pixels, which are not decoded.
fn metadata(bytes: &[u8]) -> Result<Metadata, String> {
    Ok(match recognise(bytes)? {
        Kind::Png => png::chunks(bytes).metadata(),
        Kind::Jpeg => jpeg::headers(bytes).metadata(),
        Kind::WebP => webp::chunks(bytes).metadata,
        Kind::Tiff => tiff::metadata(bytes)?,
        _ => Metadata::default(),
    })
}

/// The samples of a format that the image crate decodes.
fn by_image<'a, D: ImageDecoder + 'a>(
    format: &str,
    bytes: &'a [u8],
    make: impl FnOnce(&'a [u8], image::Limits) -> ImageResult<D>,
) -> Result<Samples, String> {
    let explain = |error| explain(error, format);
    let mut decoder = make(bytes, limits::for_image_crate()).map_err(explain)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let total = decoder.total_bytes();
    limits::check(width, height, total)?;
    let mut left = limits::for_image_crate();
    left.reserve(total).map_err(explain)?;
    decoder.set_limits(left).map_err(explain)?;
    let colour = decoder.color_type();
    let (model, alpha, store) = match colour {
        ColorType::L8 => (Model::Grey, Alpha::None, Store::U8),
        ColorType::La8 => (Model::Grey, Alpha::Straight, Store::U8),
        ColorType::Rgb8 => (Model::Rgb, Alpha::None, Store::U8),
        ColorType::Rgba8 => (Model::Rgb, Alpha::Straight, Store::U8),
        ColorType::L16 => (Model::Grey, Alpha::None, Store::U16),
        ColorType::La16 => (Model::Grey, Alpha::Straight, Store::U16),
        ColorType::Rgb16 => (Model::Rgb, Alpha::None, Store::U16),
        ColorType::Rgba16 => (Model::Rgb, Alpha::Straight, Store::U16),
        ColorType::Rgb32F => (Model::Rgb, Alpha::None, Store::F32),
        ColorType::Rgba32F => (Model::Rgb, Alpha::Straight, Store::F32),
        other => {
            return Err(format!("the {format} holds {other:?} values, which are not read; save it as RGB"));
        }
    };
    let mut decoded = room(total as usize, width, height)?;
    decoder.read_image(&mut decoded).map_err(explain)?;
    Ok(Samples { width, height, model, alpha, store, bytes: decoded })
}

/// Bytes for a decoded picture; the message if there are not so many.
fn room(bytes: usize, width: usize, height: usize) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::new();
    decoded.try_reserve_exact(bytes).map_err(|_| {
        let mib = (bytes >> 20).max(1);
        format!("{width}×{height} px need {mib} MiB, more memory than there is; make it smaller first")
    })?;
    decoded.resize(bytes, 0);
    Ok(decoded)
}

/// What a decoder says, as a sentence with its format.
fn explain(error: ImageError, format: &str) -> String {
    match error {
        ImageError::Limits(_) => format!(
            "the {format} wants more memory than is given to a picture ({} megapixels, {} MiB); make it smaller first",
            limits::MAX_PIXELS / 1_000_000,
            limits::MAX_BYTES >> 20
        ),
        ImageError::Unsupported(error) => {
            format!("the {format} is of a kind that is not read ({error}); save it as plain 8- or 16-bit RGB")
        }
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            format!("the {format} ends too early; get a complete copy")
        }
        error => {
            let error = error.to_string();
            let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("the {format} is damaged or incomplete ({error}); get a complete copy")
        }
    }
}
