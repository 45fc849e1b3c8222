//! TIFF 6.0 and BigTIFF: read here, tag by tag, since no crate takes all of what programs write.
//!
//! ```text
//! tags → Layout → chunks (strips or tiles) → unpack (compression) → values (bits, predictor) → colours → Samples
//! ```

mod colours;
mod layout;
mod unpack;
mod values;

use super::samples::{Alpha, Samples};
use super::{Source, recognise, room};
use crate::picture::colour::{Description, Model, icc};
use crate::picture::limits;
use crate::picture::metadata::ifd::{Ifd, head};
use crate::picture::metadata::{Metadata, exif, xmp};
use crate::picture::warning::{Warning, WarningKind};
use layout::{Layout, Photometric};

const NEW_SUBFILE_TYPE: u16 = 254;
const ORIENTATION: u16 = 274;
const SUB_IFDS: u16 = 330;
const XMP: u16 = 700;
const ICC: u16 = 34675;
const DNG_VERSION: u16 = 50706;

/// The first directory, if the file is a picture and no camera's RAW.
fn first(bytes: &[u8]) -> Result<(Ifd, bool), String> {
    let broken =
        || "the TIFF is damaged or incomplete (no directory of tags); get a complete copy".to_string();
    let head = head(bytes).ok_or_else(broken)?;
    let ifd = head.ifd(bytes, head.first).ok_or_else(broken)?;
    if ifd.find(DNG_VERSION).is_some() {
        return Err(recognise::raw("DNG"));
    }
    let reduced = |ifd: &Ifd| ifd.number(NEW_SUBFILE_TYPE).is_some_and(|kind| kind & 1 == 1);
    if reduced(&ifd) && ifd.find(SUB_IFDS).is_some() {
        return Err(recognise::raw("NEF, ARW or another"));
    }
    let next = ifd.next.and_then(|at| head.ifd(bytes, at));
    Ok((ifd, next.is_some_and(|next| !next.entries.is_empty() && !reduced(&next))))
}

/// What goes along with the picture.
pub(super) fn metadata(bytes: &[u8]) -> Result<Metadata, String> {
    Ok(metadata_of(bytes, &first(bytes)?.0))
}

fn metadata_of(bytes: &[u8], ifd: &Ifd) -> Metadata {
    let bytes_of = |tag: u16| ifd.find(tag).map(|entry| entry.value.clone());
    let size = (ifd.number(256).unwrap_or(0) as usize, ifd.number(257).unwrap_or(0) as usize);
    let xmp = bytes_of(XMP);
    Metadata {
        exif: exif::of_tiff(bytes, size),
        resolution: exif::resolution_of(ifd),
        intent: ifd.find(ICC).map(|entry| icc::intent(&entry.value).unwrap_or(0)),
        document: xmp.as_deref().and_then(xmp::document),
        xmp,
    }
}

/// Reads a TIFF; of several pages the first.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let (ifd, more) = first(bytes)?;
    let layout = Layout::new(&ifd)?;
    let mut warnings = Vec::new();
    if more {
        warnings.push(Warning::new(WarningKind::Frames, "it has several pages; the first one is taken"));
    }
    if layout.ignored_channels() > 0 {
        let count = layout.ignored_channels();
        let text = format!("{count} of its channels are neither colour nor transparency and are left out");
        warnings.push(Warning::new(WarningKind::Channel, text));
    }
    let samples = colours::finish(&ifd, &layout, pixels(bytes, &layout)?)?;
    // Lab and YCbCr are sRGB by now; a profile is for the values that were stored.
    let converted = layout.photometric == Photometric::Lab;
    let colours = ifd.find(ICC).filter(|_| !converted).map(|entry| Description::Icc(entry.value.clone()));
    Ok(Source {
        samples,
        colours: colours.into_iter().collect(),
        orientation: ifd
            .number(ORIENTATION)
            .and_then(|v| u8::try_from(v).ok())
            .filter(|v| (1..=8).contains(v)),
        metadata: metadata_of(bytes, &ifd),
        warnings,
    })
}

/// The channels that count, interleaved, as they are stored.
fn pixels(bytes: &[u8], layout: &Layout) -> Result<Samples, String> {
    let (width, height) = (layout.width, layout.height);
    let kept = layout.kept_channels();
    let store = layout.store();
    let size = store.bytes();
    let total = (width * height * kept.len() * size) as u64;
    limits::check(width, height, total)?;
    let mut out = room(total as usize, width, height)?;
    let alpha = layout.alpha();
    let model = match kept.len() - usize::from(alpha != Alpha::None) {
        1 => Model::Grey,
        3 => Model::Rgb,
        _ => Model::Cmyk,
    };
    let mut row = Vec::new();
    for index in 0..layout.chunks() {
        let (plane, left, top) = layout.place(index);
        let to_keep: Vec<(usize, usize)> = if layout.planar {
            kept.iter().position(|channel| *channel == plane).map(|to| (0, to)).into_iter().collect()
        } else {
            kept.iter().enumerate().map(|(to, from)| (*from, to)).collect()
        };
        if to_keep.is_empty() {
            continue;
        }
        let chunk = unpack::chunk(bytes, layout, index)?;
        let columns = layout.chunk_width.min(width - left);
        for y in 0..chunk.rows.min(height - top) {
            let stored = &chunk.bytes[y * chunk.row_bytes..][..chunk.row_bytes];
            row.clear();
            values::convert(stored, layout, chunk.order, columns * layout.interleaved(), &mut row);
            let line =
                &mut out[((top + y) * width + left) * kept.len() * size..][..columns * kept.len() * size];
            for (from, to) in &to_keep {
                let pixels = line.chunks_exact_mut(kept.len() * size);
                for (pixel, values) in pixels.zip(row.chunks_exact(layout.interleaved() * size)) {
                    pixel[to * size..][..size].copy_from_slice(&values[from * size..][..size]);
                }
            }
        }
    }
    Ok(Samples { width, height, model, alpha, store, bytes: out })
}

/// A TIFF of a kind that is not read, and whole.
fn unread(what: &str) -> String {
    recognise::refusal(&format!("a TIFF with {what}"), "save it as plain 8- or 16-bit RGB first")
}

fn damaged(why: &str) -> String {
    format!("the TIFF is damaged or incomplete ({why}); get a complete copy")
}
