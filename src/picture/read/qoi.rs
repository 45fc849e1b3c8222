//! QOI: the pixels are decoded by the qoi crate.

use std::io::Cursor;

use image::codecs::qoi::QoiDecoder;

use super::{Source, by_image};
use crate::picture::colour::Description;
use crate::picture::colour::calibrated::Calibrated;
use crate::picture::metadata::Metadata;

/// Reads a QOI.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let samples = by_image("QOI", bytes, |bytes, _| QoiDecoder::new(Cursor::new(bytes)))?;
    let linear = bytes.get(13) == Some(&1);
    let colours =
        linear.then(|| Description::Calibrated(Calibrated::srgb_with_gamma(1.0))).into_iter().collect();
    Ok(Source { samples, colours, orientation: None, metadata: Metadata::default(), warnings: Vec::new() })
}
