//! JPEG (ITU-T T.81): what the markers say, and which decoder gets the pixels right.
//!
//! Two decoders share the work. zune-jpeg takes the usual files: baseline with one scan for all components, and
//! progressive, where luma is as fine as any component and factors are powers of two. jpeg-decoder takes the rest:
//! baseline with several scans, chroma finer than luma, factors of 3. docs/formats.md has the table of what was tried.

use std::hash::Hasher;

use jpeg_decoder::{ColorTransform, PixelFormat};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use super::samples::{Alpha, Samples, Store};
use super::{Source, recognise, room};
use crate::picture::colour::{Description, Model, icc};
use crate::picture::metadata::{Metadata, exif, xmp};
use crate::picture::warning::{Warning, WarningKind};
use crate::picture::{MAX_SIDE, limits};

/// What the markers say.
#[derive(Debug, Default)]
pub(in crate::picture) struct Headers {
    frame: Option<Frame>,
    scans: Vec<Scan>,
    /// Where the end-of-image marker is, if it is there.
    end: Option<usize>,
    jfif: bool,
    /// Adobe's colour transform.
    adobe: Option<u8>,
    profile: Vec<(u8, u8, Vec<u8>)>,
    metadata: Metadata,
}

/// The head of a scan.
#[derive(Debug, Default, PartialEq)]
struct Scan {
    components: Vec<u8>,
    /// First and last coefficient, and the bit plane that it reaches.
    first: u8,
    last: u8,
    plane: u8,
}

#[derive(Debug, PartialEq)]
struct Frame {
    /// The marker: which coding process.
    process: u8,
    bits: u8,
    width: usize,
    height: usize,
    /// Identifier, horizontal and vertical sampling factor.
    components: Vec<(u8, u8, u8)>,
}

/// Walks the markers (annex B). Rubbish between segments is passed over, as decoders do.
pub(in crate::picture) fn headers(bytes: &[u8]) -> Headers {
    const END: u8 = 0xD9;
    const SCAN: u8 = 0xDA;
    let mut headers = Headers::default();
    let mut at = 2; // after the start-of-image marker
    while let Some(&byte) = bytes.get(at) {
        let Some(&marker) = bytes.get(at + 1) else { break };
        match (byte, marker) {
            (0xFF, END) => {
                headers.end = Some(at);
                break;
            }
            (0xFF, 0xFF | 0x00) => at += 1,        // a fill byte, or rubbish
            (0xFF, 0x01 | 0xD0..=0xD8) => at += 2, // markers without a segment
            (0xFF, _) => {
                let Some(length) = bytes.get(at + 2..at + 4) else { break };
                let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                let segment = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
                at += 2 + length;
                if marker == SCAN {
                    headers.scans.push(scan(segment));
                    at = after_scan(bytes, at);
                } else {
                    headers.segment(marker, segment);
                }
            }
            _ => at += 1,
        }
    }
    if headers.metadata.resolution.is_none() {
        headers.metadata.resolution = headers.metadata.exif.as_deref().and_then(exif::resolution);
    }
    headers
}

/// The first marker behind entropy-coded data that starts at `at` (stuffed bytes and restarts belong to it).
fn after_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&next) = bytes.get(at + 1) {
        if bytes[at] == 0xFF && !matches!(next, 0x00 | 0xFF | 0xD0..=0xD7) {
            break;
        }
        at += 1;
    }
    at
}

impl Headers {
    fn segment(&mut self, marker: u8, segment: &[u8]) {
        let tagged = |tag: &[u8]| segment.strip_prefix(tag).map(<[u8]>::to_vec);
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && self.frame.is_none() => {
                self.frame = frame(marker, segment);
            }
            0xE0 if segment.starts_with(b"JFIF\0") => {
                self.jfif = true;
                if let Some(&[unit, x1, x0, y1, y0]) = segment.get(7..12) {
                    let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
                    let scale = match unit {
                        1 => 1.0,
                        2 => 2.54,
                        _ => 0.0,
                    };
                    let resolution = (f64::from(x) * scale, f64::from(y) * scale);
                    self.metadata.resolution = Some(resolution).filter(|(x, y)| *x > 0.0 && *y > 0.0);
                }
            }
            0xE1 => {
                if let Some(exif) = tagged(b"Exif\0").filter(|rest| rest.len() > 1) {
                    self.metadata.exif.get_or_insert(exif[1..].to_vec());
                } else if let Some(xmp) = tagged(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.metadata.xmp.get_or_insert(xmp);
                }
            }
            0xE2 => {
                if let Some(part) = tagged(b"ICC_PROFILE\0").filter(|part| part.len() > 2) {
                    self.profile.push((part[0], part[1], part[2..].to_vec()));
                }
            }
            0xEE if segment.starts_with(b"Adobe") => self.adobe = segment.get(11).copied(),
            _ => {}
        }
    }

    /// The profile's parts in their order; an empty one where a part is missing.
    fn icc(&self) -> Option<Vec<u8>> {
        let count = self.profile.first()?.1;
        let mut parts: Vec<_> = self.profile.iter().collect();
        parts.sort_by_key(|part| part.0);
        parts.dedup_by_key(|part| part.0);
        let whole = parts.len() == usize::from(count) && parts.iter().zip(1..).all(|(part, i)| part.0 == i);
        Some(if whole { parts.iter().flat_map(|part| part.2.clone()).collect() } else { Vec::new() })
    }

    /// What goes along with the picture.
    pub(in crate::picture) fn metadata(self) -> Metadata {
        let intent = self.icc().as_deref().map(|profile| icc::intent(profile).unwrap_or(0));
        let document = self.metadata.xmp.as_deref().and_then(xmp::document);
        Metadata { intent, document, ..self.metadata }
    }

    /// Whether the scans that are there reach every coefficient of every component to the last bit.
    fn covers(&self, frame: &Frame) -> bool {
        frame.components.iter().all(|(id, _, _)| {
            let of = |scan: &&Scan| scan.components.contains(id);
            if frame.process != 0xC2 {
                return self.scans.iter().any(|scan| of(&scan));
            }
            let reached = |k: u8| {
                self.scans
                    .iter()
                    .filter(of)
                    .any(|scan| scan.plane == 0 && (scan.first..=scan.last).contains(&k))
            };
            (0..64).all(reached)
        })
    }

    /// What the components are, by the rules of libjpeg.
    fn transform(&self, frame: &Frame) -> ColorTransform {
        let ids: Vec<u8> = frame.components.iter().map(|component| component.0).collect();
        match (ids.len(), self.adobe) {
            (1, _) => ColorTransform::Grayscale,
            (3, _) if self.jfif => ColorTransform::YCbCr,
            (3, Some(0)) => ColorTransform::RGB,
            (3, Some(_)) => ColorTransform::YCbCr,
            (3, None) if ids == *b"RGB" => ColorTransform::RGB,
            (3, None) => ColorTransform::YCbCr,
            (_, Some(0) | None) => ColorTransform::CMYK,
            (_, Some(_)) => ColorTransform::YCCK,
        }
    }
}

fn scan(segment: &[u8]) -> Scan {
    let count = usize::from(segment.first().copied().unwrap_or(0));
    let components = segment.get(1..).unwrap_or_default().chunks_exact(2).take(count).map(|c| c[0]).collect();
    let tail = |i: usize| segment.get(1 + 2 * count + i).copied().unwrap_or(0);
    Scan { components, first: tail(0), last: tail(1), plane: tail(2) & 15 }
}

fn frame(process: u8, segment: &[u8]) -> Option<Frame> {
    let (head, components) = segment.split_at_checked(6)?;
    let side = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
    let components = components.chunks_exact(3).take(usize::from(head[5]));
    let components = components.map(|c| (c[0], c[1] >> 4, c[1] & 15)).collect();
    Some(Frame { process, bits: head[0], width: side(3), height: side(1), components })
}

/// Why a frame is not read, by its kind; such files are whole.
fn unread(frame: &Frame) -> Option<String> {
    let kind =
        |what: &str| Some(recognise::refusal(what, "save it as an ordinary 8-bit JPEG, or as PNG, first"));
    match frame.process {
        0xC3 => return kind("a lossless JPEG"),
        0xC5..=0xC7 | 0xCD..=0xCF => return kind("a hierarchical JPEG"),
        0xC9..=0xCB => return kind("a JPEG with arithmetic coding"),
        _ => {}
    }
    if frame.bits != 8 {
        return kind(&format!("a {}-bit JPEG", frame.bits));
    }
    if frame.height == 0 {
        return kind("a JPEG that says its height at the end");
    }
    if !matches!(frame.components.len(), 1 | 3 | 4) {
        return kind(&format!("a JPEG with {} colour components", frame.components.len()));
    }
    let (h_max, v_max) = finest(frame);
    let fractional =
        frame.components.iter().any(|(_, h, v)| *h == 0 || *v == 0 || h_max % h != 0 || v_max % v != 0);
    if fractional || h_max > 4 || v_max > 4 {
        return kind("a JPEG whose colours are sampled by a fraction");
    }
    // With four columns to one, jpeg-decoder misplaces components of two columns, and zune-jpeg several scans.
    let halves = h_max == 4 && frame.components.iter().any(|(_, h, _)| *h == 2);
    (halves && frame.process != 0xC2).then(|| kind("a JPEG whose colours are sampled 4:2 across"))?
}

/// The largest sampling factors across and down.
fn finest(frame: &Frame) -> (u8, u8) {
    let most = |of: fn(&(u8, u8, u8)) -> u8| frame.components.iter().map(of).max().unwrap_or(1);
    (most(|c| c.1), most(|c| c.2))
}

/// Whether zune-jpeg gets these files right.
fn is_usual(headers: &Headers, frame: &Frame) -> bool {
    if frame.components.len() == 1 {
        return true;
    }
    if frame.components.len() == 4 {
        return false; // jpeg-decoder hands CMYK out as it is
    }
    let (h_max, v_max) = finest(frame);
    let luma_finest = frame.components.first().is_some_and(|(_, h, v)| (*h, *v) == (h_max, v_max));
    let powers = frame.components.iter().all(|(_, h, v)| h.is_power_of_two() && v.is_power_of_two());
    let together = frame.process == 0xC2
        || headers.scans.len() == 1 && headers.scans[0].components.len() == frame.components.len();
    luma_finest && powers && together
}

/// Reads a JPEG.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let headers = headers(bytes);
    let Some(frame) = &headers.frame else {
        return Err("the JPEG has no picture in it; get a complete copy".into());
    };
    if let Some(why) = unread(frame) {
        return Err(why);
    }
    let (width, height) = (frame.width, frame.height);
    let model = match frame.components.len() {
        1 => Model::Grey,
        3 => Model::Rgb,
        _ => Model::Cmyk,
    };
    limits::check(width, height, (width * height * model.channels()) as u64)?;
    if headers.scans.is_empty() {
        return Err("the JPEG ends before its picture begins; get a complete copy".into());
    }
    let mut warnings = Vec::new();
    let usual = is_usual(&headers, frame);
    let decode = |bytes: &[u8]| -> Result<(Vec<u8>, bool), String> {
        if usual {
            by_zune(bytes, &headers, frame)
        } else {
            by_jpeg_decoder(bytes, headers.transform(frame), frame).map(|pixels| (pixels, true))
        }
    };
    let body = &bytes[..headers.end.unwrap_or(bytes.len())];
    let covered = headers.covers(frame);
    let (mut pixels, whole) = match headers.end {
        Some(_) => {
            let settled = settled(body, &FILLS[..1], &decode);
            let (pixels, clean) = decode(bytes)?;
            let whole = clean && covered && settled == Some(sum(&pixels));
            (pixels, whole)
        }
        None => {
            let early = || "the JPEG ends too early; get a complete copy".to_string();
            let settled = settled(body, &FILLS, &decode).filter(|_| covered).ok_or_else(early)?;
            let (pixels, _) = decode(&closed(body, &[]))?;
            if sum(&pixels) != settled {
                return Err(early());
            }
            warnings.push(Warning::new(
                WarningKind::Incomplete,
                "the JPEG has no end marker; all of its pixels are there",
            ));
            (pixels, true)
        }
    };
    if !whole {
        warnings.push(Warning::new(
            WarningKind::Damaged,
            "the JPEG is damaged; what cannot be decoded is left grey or out of place",
        ));
    }
    if model == Model::Cmyk && headers.adobe.is_some() {
        pixels.iter_mut().for_each(|v| *v = 255 - *v); // Adobe stores the paper that is left
    }
    let icc = headers.icc();
    let metadata = headers.metadata();
    Ok(Source {
        samples: Samples { width, height, model, alpha: Alpha::None, store: Store::U8, bytes: pixels },
        colours: icc.map(Description::Icc).into_iter().collect(),
        orientation: None,
        metadata,
        warnings,
    })
}

/// What a file is continued with to find out whether anything of it is missing.
const FILLS: [[u8; 2]; 3] = [[0x55, 0xA9], [0x00, 0x00], [0xE3, 0x38]];

/// A JPEG with bytes before its end marker.
fn closed(body: &[u8], fill: &[u8]) -> Vec<u8> {
    // A cut between the two bytes of a marker or of a stuffed 255 must not join what follows.
    let body = body.strip_suffix(&[0xFF]).unwrap_or(body);
    [body, &fill.repeat(64), &[0xFF, 0xD9]].concat()
}

/// A sum over the pixels if they do not depend on what the file is continued with. Decoders fill what is missing with
/// grey and say nothing; where nothing is missing, what follows does not count.
fn settled(
    body: &[u8],
    fills: &[[u8; 2]],
    decode: &impl Fn(&[u8]) -> Result<(Vec<u8>, bool), String>,
) -> Option<u64> {
    // Only a sum is kept: two whole pictures at a time would be too much memory.
    let mut sums = fills.iter().map(|fill| decode(&closed(body, fill)).ok().map(|(pixels, _)| sum(&pixels)));
    let first = sums.next()??;
    sums.all(|other| other == Some(first)).then_some(first)
}

fn sum(pixels: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(pixels);
    hasher.finish()
}

/// The pixels by zune-jpeg, and whether it found nothing wrong.
fn by_zune(bytes: &[u8], headers: &Headers, frame: &Frame) -> Result<(Vec<u8>, bool), String> {
    let attempt = |strict: bool| -> Result<Option<Vec<u8>>, String> {
        let options = DecoderOptions::default()
            .set_strict_mode(strict)
            .set_max_width(MAX_SIDE)
            .set_max_height(MAX_SIDE);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers().map_err(|error| damaged(&error))?;
        let (from, to) = match (decoder.input_colorspace(), headers.transform(frame)) {
            (Some(ColorSpace::Luma), ColorTransform::Grayscale) => (ColorSpace::Luma, ColorSpace::Luma),
            (Some(ColorSpace::YCbCr), ColorTransform::YCbCr) => (ColorSpace::YCbCr, ColorSpace::RGB),
            (Some(ColorSpace::RGB), ColorTransform::RGB) => (ColorSpace::RGB, ColorSpace::RGB),
            _ => return Ok(None), // it reads the markers in another way
        };
        debug_assert_eq!(Some(from), decoder.input_colorspace());
        decoder.set_options(options.jpeg_set_out_colorspace(to));
        let mut pixels = room(frame.width * frame.height * to.num_components(), frame.width, frame.height)?;
        decoder.decode_into(&mut pixels).map_err(|error| damaged(&error))?;
        Ok(Some(pixels))
    };
    let strict = attempt(true);
    let whole = strict.is_ok();
    match strict.or_else(|_| attempt(false))? {
        Some(pixels) => Ok((pixels, whole)),
        None => by_jpeg_decoder(bytes, headers.transform(frame), frame).map(|pixels| (pixels, true)),
    }
}

fn by_jpeg_decoder(bytes: &[u8], transform: ColorTransform, frame: &Frame) -> Result<Vec<u8>, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_color_transform(transform);
    decoder.set_max_decoding_buffer_size(limits::MAX_BYTES as usize);
    let mut pixels = decoder.decode().map_err(|error| damaged(&error))?;
    if frame.components.len() == 4 {
        pixels.iter_mut().for_each(|v| *v = 255 - *v); // it takes every file for Adobe's
    }
    let right = decoder.info().is_some_and(|info| {
        let channels = match info.pixel_format {
            PixelFormat::L8 => 1,
            PixelFormat::RGB24 => 3,
            PixelFormat::CMYK32 => 4,
            PixelFormat::L16 => 0,
        };
        (usize::from(info.width), usize::from(info.height)) == (frame.width, frame.height)
            && channels == frame.components.len()
            && pixels.len() == frame.width * frame.height * channels
    });
    if right { Ok(pixels) } else { Err(damaged(&"it says two sizes")) }
}

/// The pixels of a JPEG inside another file, of `channels` values, which are YCbCr only if that is said: as RGB, or as
/// they are; with width and height.
pub(super) fn part(bytes: &[u8], channels: usize, ycc: bool) -> Result<(Vec<u8>, usize, usize), String> {
    let headers = headers(bytes);
    let frame = headers.frame.as_ref().ok_or_else(|| damaged(&"a part of it is missing"))?;
    if let Some(why) = unread(frame) {
        return Err(why);
    }
    limits::check(frame.width, frame.height, (frame.width * frame.height * channels) as u64)?;
    let transform = match channels {
        1 => ColorTransform::Grayscale,
        3 if ycc => ColorTransform::YCbCr,
        3 => ColorTransform::RGB,
        4 => ColorTransform::CMYK,
        _ => return Err(damaged(&"a part of it has another number of channels")),
    };
    if frame.components.len() != channels {
        return Err(damaged(&"a part of it has another number of channels"));
    }
    Ok((by_jpeg_decoder(bytes, transform, frame)?, frame.width, frame.height))
}

fn damaged(error: &impl std::fmt::Display) -> String {
    let error = error.to_string();
    let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("the JPEG is damaged or incomplete ({error}); get a complete copy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_and_only_the_end() {
        let thumbnail = [0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        let scan = [0xFF, 0xDA, 0, 3, 7, 1, 0xFF, 0x00, 2, 0xFF, 0xD0, 3];
        let file = [&[0xFF, 0xD8][..], &thumbnail, &scan, &[0xFF, 0xFF, 0xD9]].concat();
        assert!(headers(&file).end.is_some());
        assert_eq!(headers(&file).scans.len(), 1);
        assert!(headers(&[&file[..], b"trailing"].concat()).end.is_some());
        for cut in 0..file.len() {
            assert!(headers(&file[..cut]).end.is_none(), "{cut} of {} bytes", file.len());
        }
    }

    #[test]
    fn profiles_in_several_parts() {
        let part = |i: u8, count: u8, content: &[u8]| {
            let body = [b"ICC_PROFILE\0", &[i, count][..], content].concat();
            [&[0xFF, 0xE2, 0, body.len() as u8 + 2][..], &body].concat()
        };
        let file = |parts: &[Vec<u8>]| [&[0xFF, 0xD8][..], &parts.concat(), &[0xFF, 0xD9]].concat();
        let of = |parts: &[Vec<u8>]| headers(&file(parts)).icc();
        assert_eq!(of(&[part(2, 2, b"cd"), part(1, 2, b"ab")]), Some(b"abcd".to_vec()));
        assert_eq!(of(&[part(1, 2, b"ab")]), Some(vec![]), "a part is missing");
        assert_eq!(of(&[]), None);
    }
}
