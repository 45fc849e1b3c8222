//! PNG (W3C, third edition): what its chunks say; the pixels are decoded by the png crate.

use std::io::{Cursor, Read};

use image::codecs::png::PngDecoder;

use super::{Source, by_image};
use crate::picture::colour::calibrated::{Calibrated, Curve};
use crate::picture::colour::{Description, icc};
use crate::picture::metadata::{Metadata, exif, xmp};
use crate::picture::warning::{Warning, WarningKind};
use crate::picture::write::png::{DOCUMENT, crc};

/// The most that a compressed profile or text may unpack to.
const MAX_UNPACKED: u64 = 16 << 20;

/// What the chunks say.
#[derive(Debug, Default)]
pub(in crate::picture) struct Chunks {
    code_points: Option<[u8; 4]>,
    /// Empty where it cannot be unpacked.
    profile: Option<Vec<u8>>,
    intent: Option<u8>,
    gamma: Option<u32>,
    chromaticities: Option<[u32; 8]>,
    animated: bool,
    complete: bool,
    metadata: Metadata,
}

/// Walks the chunks.
pub(in crate::picture) fn chunks(bytes: &[u8]) -> Chunks {
    let mut chunks = Chunks::default();
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((data, after)) = after.split_at_checked(length) else { break };
        let name = &head[4..8];
        // Pixels are checked by their decoder.
        let pixels = name == b"IDAT" || name == b"fdAT";
        let sum = if pixels { 0 } else { crc(&[name, data]) };
        let checked = after.get(..4) == Some(&sum.to_be_bytes()[..]);
        if name == b"IEND" {
            chunks.complete = true;
            break;
        }
        if !pixels {
            chunks.chunk(name, data, checked);
        }
        rest = after.get(4..).unwrap_or_default();
    }
    chunks
}

impl Chunks {
    /// What goes along with the picture.
    pub(in crate::picture) fn metadata(self) -> Metadata {
        let mut metadata = self.metadata;
        let named = self.profile.as_deref().filter(|profile| !profile.is_empty());
        let intent = named.map(|profile| icc::intent(profile).unwrap_or(0));
        metadata.intent = intent.or(self.intent.filter(|v| *v <= 3)).or(self.code_points.map(|_| 0));
        if metadata.document.is_none() {
            metadata.document = metadata.xmp.as_deref().and_then(xmp::document);
        }
        metadata
    }

    fn chunk(&mut self, name: &[u8], data: &[u8], checked: bool) {
        let word =
            |i: usize| data.get(4 * i..4 * i + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        match name {
            b"cICP" if checked => self.code_points = data.try_into().ok(),
            b"iCCP" => {
                let unpacked = checked.then(|| profile(data)).flatten().unwrap_or_default();
                self.profile.get_or_insert(unpacked);
            }
            b"sRGB" if checked => self.intent = data.first().copied(),
            b"gAMA" if checked => self.gamma = word(0).filter(|v| *v > 0),
            b"cHRM" if checked => {
                let values: Vec<u32> = (0..8).filter_map(word).collect();
                self.chromaticities = values.try_into().ok();
            }
            b"acTL" => self.animated = true,
            b"eXIf" if checked => self.metadata.exif = Some(exif::without_prefix(data).to_vec()),
            b"pHYs" if checked && data.get(8) == Some(&1) => {
                let inch = |v: u32| f64::from(v) * 0.0254;
                let resolution = word(0).map(inch).zip(word(1).map(inch));
                self.metadata.resolution = resolution.filter(|(x, y)| *x > 0.0 && *y > 0.0);
            }
            b"iTXt" if checked => match international_text(data) {
                Some((b"XML:com.adobe.xmp", text)) => self.metadata.xmp = Some(text),
                Some((keyword, text)) if keyword == DOCUMENT => {
                    self.metadata.document = String::from_utf8(text).ok();
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// The colour descriptions in order of precedence (section 12.1): cICP, iCCP, sRGB, gAMA with cHRM.
    fn colours(&self, warnings: &mut Vec<Warning>) -> Vec<Description> {
        let mut colours = Vec::new();
        if let Some([primaries, transfer, matrix, range]) = self.code_points {
            match Calibrated::from_code_points(primaries, transfer, range != 0).filter(|_| matrix == 0) {
                Some(calibrated) => colours.push(Description::Calibrated(calibrated)),
                None => warnings.push(Warning::new(
                    WarningKind::Profile,
                    format!("its colours are said to be {primaries}, {transfer}, {matrix} (cICP), which is not known and ignored"),
                )),
            }
        }
        colours.extend(self.profile.clone().map(Description::Icc));
        colours.extend(self.intent.map(|_| Description::Srgb));
        // 1/2.2 is what programs write for sRGB's own curve.
        let curve = match self.gamma {
            None | Some(44_000..=47_000) => Curve::Srgb,
            Some(gamma) => Curve::Gamma([100_000.0 / f64::from(gamma); 3]),
        };
        let point = |i: usize, c: &[u32; 8]| (f64::from(c[2 * i]) / 1e5, f64::from(c[2 * i + 1]) / 1e5);
        let calibrated = match (&self.chromaticities, self.gamma) {
            (None, None) => None,
            (None, Some(_)) => Some(Calibrated::with_curve(curve)),
            (Some(c), _) => {
                Some(Calibrated::new([point(1, c), point(2, c), point(3, c)], point(0, c), curve))
            }
        };
        match calibrated {
            None => {}
            Some(Some(calibrated)) => colours.push(Description::Calibrated(calibrated)),
            Some(None) if colours.is_empty() => warnings.push(Warning::new(
                WarningKind::Profile,
                "its gamma and chromaticities (gAMA, cHRM) span no colours and are ignored; the colours are taken as sRGB",
            )),
            Some(None) => {}
        }
        colours
    }
}

/// The profile in an iCCP chunk: a name, 0, a method, deflated bytes.
fn profile(data: &[u8]) -> Option<Vec<u8>> {
    let end = data.iter().take(80).position(|b| *b == 0)?;
    unpacked(data.get(end + 2..)?).filter(|_| data[end + 1] == 0)
}

/// Keyword and text of an iTXt chunk.
fn international_text(data: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let mut parts = data.splitn(2, |b| *b == 0);
    let (keyword, rest) = (parts.next()?, parts.next()?);
    let (flags, rest) = rest.split_at_checked(2)?;
    let mut parts = rest.splitn(3, |b| *b == 0);
    let (_language, _translated, text) = (parts.next()?, parts.next()?, parts.next()?);
    let text = if flags[0] == 1 { unpacked(text)? } else { text.to_vec() };
    Some((keyword, text))
}

fn unpacked(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::ZlibDecoder::new(data).take(MAX_UNPACKED).read_to_end(&mut out).ok()?;
    Some(out)
}

/// Reads a PNG; of an animation its still picture.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let chunks = chunks(bytes);
    let mut warnings = Vec::new();
    let colours = chunks.colours(&mut warnings);
    let samples =
        by_image("PNG", bytes, |bytes, limits| PngDecoder::with_limits(Cursor::new(bytes), limits))?;
    if !chunks.complete {
        warnings.push(Warning::new(
            WarningKind::Incomplete,
            "the PNG has no end marker; all of its pixels are there",
        ));
    }
    if chunks.animated {
        warnings.push(Warning::new(WarningKind::Frames, "it is an animation; its first picture is taken"));
    }
    let metadata = chunks.metadata();
    Ok(Source { samples, colours, orientation: None, metadata, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let body = [&name[..], data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&[&body]).to_be_bytes()].concat()
    }

    #[test]
    fn precedence_of_colour_chunks() {
        let all = [
            chunk(b"gAMA", &100_000u32.to_be_bytes()),
            chunk(b"sRGB", &[1]),
            chunk(b"iCCP", b"name\0\0rubbish"),
            chunk(b"cICP", &[12, 13, 0, 1]),
        ];
        let of = |parts: &[Vec<u8>]| {
            let mut warnings = Vec::new();
            let file = [&b"\x89PNG\r\n\x1A\n"[..], &parts.concat()].concat();
            (chunks(&file).colours(&mut warnings), warnings.len())
        };
        let (colours, warned) = of(&all);
        assert_eq!(warned, 0);
        assert!(matches!(
            &colours[..],
            [Description::Calibrated(_), Description::Icc(profile), Description::Srgb, Description::Calibrated(_)]
            if profile.is_empty()
        ));
        assert_eq!(of(&[]).0, []);
        assert_eq!(of(&[chunk(b"cICP", &[12, 13, 1, 1])]), (vec![], 1));
        // A damaged chunk does not count, but a profile that was meant is told.
        let mut broken = chunk(b"gAMA", &100_000u32.to_be_bytes());
        broken[9] ^= 1;
        assert_eq!(of(&[broken]).0, []);
        let flat = chunk(b"cHRM", &[0; 32]);
        assert_eq!(of(std::slice::from_ref(&flat)), (vec![], 1));
        assert_eq!(of(&[flat, chunk(b"sRGB", &[0])]), (vec![Description::Srgb], 0));
    }

    #[test]
    fn lengths_that_lie_end_the_walk() {
        for length in [u32::MAX, 1 << 31, 100] {
            let file = [&b"\x89PNG\r\n\x1A\n"[..], &length.to_be_bytes(), b"eXIfshort"].concat();
            assert!(chunks(&file).metadata.exif.is_none());
        }
    }
}
