//! WebP: what its chunks say; the pixels are decoded by image-webp.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;

use super::{Source, by_image};
use crate::picture::colour::{Description, icc};
use crate::picture::metadata::{Metadata, exif, xmp};
use crate::picture::warning::{Warning, WarningKind};

/// What the chunks say.
#[derive(Debug, Default)]
pub(in crate::picture) struct Chunks {
    profile: Option<Vec<u8>>,
    animated: bool,
    pub metadata: Metadata,
}

/// Walks the chunks of the RIFF container.
pub(in crate::picture) fn chunks(bytes: &[u8]) -> Chunks {
    let mut chunks = Chunks::default();
    let mut rest = bytes.get(12..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(data) = after.get(..length) else { break };
        match &head[..4] {
            b"ICCP" => chunks.profile = Some(data.to_vec()),
            b"ANIM" => chunks.animated = true,
            b"EXIF" => chunks.metadata.exif = Some(exif::without_prefix(data).to_vec()),
            b"XMP " => chunks.metadata.xmp = Some(data.to_vec()),
            _ => {}
        }
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    chunks.metadata.resolution = chunks.metadata.exif.as_deref().and_then(exif::resolution);
    chunks.metadata.document = chunks.metadata.xmp.as_deref().and_then(xmp::document);
    chunks.metadata.intent = chunks.profile.as_deref().map(|profile| icc::intent(profile).unwrap_or(0));
    chunks
}

/// Reads a WebP; of an animation the first frame.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let chunks = chunks(bytes);
    let samples = by_image("WebP", bytes, |bytes, limits| {
        let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
        image::ImageDecoder::set_limits(&mut decoder, limits)?;
        Ok(decoder)
    })?;
    let warnings = chunks
        .animated
        .then(|| Warning::new(WarningKind::Frames, "it is an animation; its first frame is taken"))
        .into_iter()
        .collect();
    let colours = chunks.profile.map(Description::Icc).into_iter().collect();
    Ok(Source { samples, colours, orientation: None, metadata: chunks.metadata, warnings })
}
