//! From a file or its bytes to a [`Picture`].

use std::fs::File;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::codecs::tiff::TiffDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::icc::Conversion;
use super::resize::Resampler;
use super::samples::Samples;
use super::{Picture, alpha, clamp, fit, jpeg, limits, orientation};
use crate::Error;

const KNOWN: &str = "PNG, JPEG, WebP, TIFF or BMP";

/// Reads a file, shrunk to `longer` px on its longer side if that is given and smaller.
pub(super) fn load(path: &Path, longer: Option<usize>) -> crate::Result<Picture> {
    let refuse = |message: String| Error::picture(path, message);
    if path.is_dir() {
        return Err(refuse(format!("is a folder; expected a {KNOWN} file")));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse("there is no such file; check the name".into()),
        _ => refuse(format!("cannot be opened ({error})")),
    })?;
    let too_large = || {
        let mib = limits::MAX_FILE >> 20;
        refuse(format!("the file is larger than the {mib} MiB that are read; make it smaller first"))
    };
    if file.metadata().is_ok_and(|there| there.len() > limits::MAX_FILE) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let read = file.take(limits::MAX_FILE + 1).read_to_end(&mut bytes);
    read.map_err(|error| refuse(format!("cannot be read ({error})")))?;
    if bytes.len() as u64 > limits::MAX_FILE {
        return Err(too_large());
    }
    decode(&bytes, path, longer)
}

/// Decodes a file's bytes; a panic in a decoder becomes an error (the panic hook still sees it).
pub(super) fn decode(bytes: &[u8], name: &Path, longer: Option<usize>) -> crate::Result<Picture> {
    catch_unwind(AssertUnwindSafe(|| try_decode(bytes, longer)))
        .unwrap_or_else(|_| {
            Err("the file is damaged in a way that its decoder does not survive; repair it".into())
        })
        .map_err(|message| Error::picture(name, message))
}

fn try_decode(bytes: &[u8], longer: Option<usize>) -> Result<Picture, String> {
    let format = recognise(bytes)?;
    if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err("the JPEG ends too early; get a complete copy".into());
    }
    let (samples, orientation, profile) = samples(bytes, format)?;
    let conversion = match profile {
        Some(profile) => Conversion::new(&profile, samples.is_grey())?,
        None => Conversion::none(),
    };
    upright(&samples, &conversion, orientation, longer)
}

/// The format, by content alone.
fn recognise(bytes: &[u8]) -> Result<ImageFormat, String> {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    if bytes.is_empty() {
        return Err(format!("the file is empty; expected {KNOWN}"));
    }
    let other = match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | WebP | Tiff | Bmp)) => return Ok(format),
        Ok(other) => format!("is {}", other.extensions_str().first().unwrap_or(&"unknown").to_uppercase()),
        Err(_) if bytes.get(4..8) == Some(b"ftyp") => "is HEIC, AVIF or a film".into(),
        Err(_) if bytes.starts_with(b"<svg") || bytes.starts_with(b"<?xml") => "is SVG or XML".into(),
        Err(_) if bytes.starts_with(b"%PDF") => "is PDF".into(),
        Err(_) => "is no picture that can be recognised".into(),
    };
    Err(format!("{other}; expected {KNOWN}, convert it first"))
}

/// The decoded samples with the orientation and the colour profile that go with them.
fn samples(bytes: &[u8], format: ImageFormat) -> Result<(Samples, Orientation, Option<Vec<u8>>), String> {
    let explain = |error| explain(error, format);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits::for_image_crate());
    let mut decoder = reader.into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let total = decoder.total_bytes();
    limits::check(width, height, total)?;
    let mut left = limits::for_image_crate();
    left.reserve(total).map_err(explain)?;
    decoder.set_limits(left).map_err(explain)?;

    let orientation = decoder.orientation().map_err(explain)?;
    // Under a limit image 0.25.10's TIFF decoder loses every profile of more than 1/32 of the picture's bytes.
    let profile = match format {
        ImageFormat::Tiff => TiffDecoder::new(Cursor::new(bytes)).and_then(|mut tiff| tiff.icc_profile()),
        _ => decoder.icc_profile(),
    };
    let profile = profile.map_err(explain)?;
    let colour_type = decoder.color_type();
    let mut decoded = Vec::new();
    decoded.try_reserve_exact(total as usize).map_err(|_| {
        let mib = (total >> 20).max(1);
        format!("{width}×{height} px need {mib} MiB, more memory than there is; make it smaller first")
    })?;
    decoded.resize(total as usize, 0);
    decoder.read_image(&mut decoded).map_err(explain)?;
    Ok((Samples { width, height, colour_type, bytes: decoded }, orientation, profile))
}

/// What a decoder says, as a sentence with its format.
fn explain(error: ImageError, format: ImageFormat) -> String {
    let name = format!("{format:?}").replace("Jpeg", "JPEG").replace("Tiff", "TIFF");
    let name = name.replace("Png", "PNG").replace("Bmp", "BMP");
    match error {
        ImageError::Limits(_) => format!(
            "the {name} wants more memory than is given to a picture ({} megapixels, {} MiB); make it smaller first",
            limits::MAX_PIXELS / 1_000_000,
            limits::MAX_BYTES >> 20
        ),
        ImageError::Unsupported(error) => {
            format!("the {name} is of a kind that is not read ({error}); save it as plain 8- or 16-bit RGB")
        }
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            format!("the {name} ends too early; get a complete copy")
        }
        error => format!("the {name} is damaged or incomplete ({error}); get a complete copy"),
    }
}

/// Rows to sRGB on white, resampled on the way, then turned upright.
fn upright(
    samples: &Samples,
    conversion: &Conversion,
    turn: Orientation,
    longer: Option<usize>,
) -> Result<Picture, String> {
    let (w, h) = (samples.width, samples.height);
    let channels = if samples.has_alpha() { 4 } else { 3 };
    let size = longer.filter(|longer| *longer < w.max(h)).map(|longer| fit(w, h, longer));
    let mut resampler = size.map(|size| Resampler::new(channels, (w, h), size));
    let mut whole = Vec::new();
    if resampler.is_none() {
        whole
            .try_reserve_exact(channels * w * h)
            .map_err(|_| format!("{w}×{h} px are more than the memory there is; make it smaller first"))?;
        whole.resize(channels * w * h, 0.0);
    }

    let (mut colour, mut rgb) = (Vec::with_capacity(3 * w), vec![0.0; 3 * w]);
    let (mut a, mut row) = (vec![1.0; w], vec![0.0; channels * w]);
    for y in 0..h {
        samples.row(y, &mut colour, &mut a)?;
        conversion.apply(&colour, samples.is_grey(), &mut rgb)?;
        for (c, plane) in row.chunks_exact_mut(w).enumerate() {
            match (c, channels) {
                (3, _) => plane.copy_from_slice(&a),
                (_, 3) => plane.iter_mut().zip(rgb.chunks_exact(3)).for_each(|(v, rgb)| *v = rgb[c]),
                _ => plane
                    .iter_mut()
                    .zip(rgb.chunks_exact(3).zip(&a))
                    .for_each(|(v, (rgb, a))| *v = alpha::onto_white(rgb[c], *a)),
            }
        }
        match &mut resampler {
            Some(resampler) => resampler.push(&row),
            None => {
                for (c, plane) in row.chunks_exact(w).enumerate() {
                    whole[(c * h + y) * w..][..w].copy_from_slice(plane);
                }
            }
        }
    }
    let (w, h) = size.unwrap_or((w, h));
    let mut planes = resampler.map_or(whole, Resampler::finish);
    clamp(&mut planes);
    let (mut rgb, width, height) = orientation::apply(planes, channels, w, h, turn);
    let alpha = samples.has_alpha().then(|| rgb.split_off(3 * width * height));
    Ok(Picture { width, height, rgb, alpha, depth: samples.depth() })
}
