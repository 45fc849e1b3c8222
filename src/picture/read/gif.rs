//! GIF: its first frame; the pixels are decoded by the gif crate.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;

use super::samples::Alpha;
use super::{Source, by_image};
use crate::picture::metadata::Metadata;
use crate::picture::warning::{Warning, WarningKind};

/// Reads a GIF.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let mut samples = by_image("GIF", bytes, |bytes, limits| {
        let mut decoder = GifDecoder::new(Cursor::new(bytes))?;
        image::ImageDecoder::set_limits(&mut decoder, limits)?;
        Ok(decoder)
    })?;
    // Every GIF comes with alpha; few have a clear pixel.
    if samples.bytes.chunks_exact(4).all(|pixel| pixel[3] == 255) {
        samples.bytes =
            samples.bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        samples.alpha = Alpha::None;
    }
    let mut warnings = Vec::new();
    match frames(bytes) {
        (0 | 1, true) => {}
        (0 | 1, false) => warnings.push(Warning::new(
            WarningKind::Incomplete,
            "the GIF has no end marker; all of its pixels are there",
        )),
        _ => warnings.push(Warning::new(WarningKind::Frames, "it is an animation; its first frame is taken")),
    }
    Ok(Source { samples, colours: Vec::new(), orientation: None, metadata: Metadata::default(), warnings })
}

/// How many frames there are (GIF89a, appendix A), counting no further than two, and whether the end is reached.
fn frames(bytes: &[u8]) -> (usize, bool) {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let mut at = 13 + bytes.get(10).map_or(0, |flags| table(*flags));
    let mut count = 0;
    loop {
        match bytes.get(at) {
            Some(0x3B) => return (count, true),
            Some(0x21) => at += 2,
            Some(0x2C) => {
                count += 1;
                if count == 2 {
                    return (count, true);
                }
                at += 11 + bytes.get(at + 9).map_or(0, |flags| table(*flags));
            }
            _ => return (count, false),
        }
        while let Some(length) = bytes.get(at).filter(|length| **length > 0) {
            at += 1 + usize::from(*length);
        }
        at += 1;
    }
}
