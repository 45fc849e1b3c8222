//! QOI: the pixels are decoded by the qoi crate.

use std::io::Cursor;

use image::codecs::qoi::QoiDecoder;

use super::{Source, by_image};
use crate::picture::metadata::Metadata;
use crate::picture::warning::{Warning, WarningKind};

/// Reads a QOI. Its header may say that all values are linear, which is only information by its specification, and which
/// programs write for pictures in sRGB.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let samples = by_image("QOI", bytes, |bytes, _| QoiDecoder::new(Cursor::new(bytes)))?;
    let linear =
        "the QOI says that its values are linear, as programs do for sRGB, too; they are taken as sRGB";
    let linear = (bytes.get(13) == Some(&1)).then(|| Warning::new(WarningKind::Profile, linear));
    let warnings = linear.into_iter().collect();
    Ok(Source { samples, colours: Vec::new(), orientation: None, metadata: Metadata::default(), warnings })
}
