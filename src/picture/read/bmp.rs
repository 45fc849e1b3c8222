//! BMP: what its header says of colours; the pixels are decoded by the image crate.
//!
//! Headers of version 4 and 5 (Microsoft's `BITMAPV4HEADER`, `BITMAPV5HEADER`) tell colours as sRGB, as endpoints in
//! CIE XYZ with gammas, or by a profile in the file or beside it.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;

use super::{Source, by_image};
use crate::picture::colour::Description;
use crate::picture::colour::calibrated::{Calibrated, Curve};
use crate::picture::metadata::Metadata;
use crate::picture::warning::{Warning, WarningKind};

/// Offset of the header behind the file header.
const HEADER: usize = 14;

/// Reads a BMP.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let samples = by_image("BMP", bytes, |bytes, limits| {
        let mut decoder = BmpDecoder::new(Cursor::new(bytes))?;
        image::ImageDecoder::set_limits(&mut decoder, limits)?;
        Ok(decoder)
    })?;
    let mut warnings = Vec::new();
    let colours: Vec<Description> = colours(bytes, &mut warnings).into_iter().collect();
    let intent = colours.iter().any(|c| *c != Description::Srgb).then(|| intent(bytes));
    let metadata = Metadata { resolution: resolution(bytes), intent, ..Metadata::default() };
    Ok(Source { samples, colours, orientation: None, metadata, warnings })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// Pixels a metre to pixels an inch.
fn resolution(bytes: &[u8]) -> Option<(f64, f64)> {
    if word(bytes, HEADER)? < 40 {
        return None;
    }
    let inch = |v: u32| f64::from(v as i32) * 0.0254;
    let resolution = (inch(word(bytes, HEADER + 24)?), inch(word(bytes, HEADER + 28)?));
    Some(resolution).filter(|(x, y)| *x > 0.0 && *y > 0.0)
}

fn intent(bytes: &[u8]) -> u8 {
    match word(bytes, HEADER + 108) {
        Some(1) => 2, // LCS_GM_BUSINESS
        Some(2) => 1, // LCS_GM_GRAPHICS
        Some(8) => 3, // LCS_GM_ABS_COLORIMETRIC
        _ => 0,
    }
}

fn colours(bytes: &[u8], warnings: &mut Vec<Warning>) -> Option<Description> {
    if word(bytes, HEADER)? < 108 {
        return None;
    }
    let mut ignored = |what: &str| {
        let text = format!("{what} and is ignored; the colours are taken as sRGB");
        warnings.push(Warning::new(WarningKind::Profile, text));
        None
    };
    match &word(bytes, HEADER + 56)?.to_be_bytes()[..] {
        b"sRGB" | b"Win " => Some(Description::Srgb),
        [0, 0, 0, 0] => match calibrated(bytes) {
            Some(calibrated) => Some(Description::Calibrated(calibrated)),
            None if blank(bytes) => None,
            None => ignored("its calibration (endpoints and gammas) spans no colours"),
        },
        b"MBED" => {
            let at = HEADER + word(bytes, HEADER + 112)? as usize;
            let length = word(bytes, HEADER + 116)? as usize;
            let profile = at.checked_add(length).and_then(|end| bytes.get(at..end));
            Some(Description::Icc(profile.unwrap_or_default().to_vec()))
        }
        b"LINK" => ignored("its colour profile is a link to a file on another machine"),
        _ => ignored("its colour space is of an unknown kind"),
    }
}

/// Whether nothing at all is said: many programs leave the fields of version 4 empty.
fn blank(bytes: &[u8]) -> bool {
    bytes.get(HEADER + 60..HEADER + 108).is_some_and(|fields| fields.iter().all(|b| *b == 0))
}

/// Endpoints (2.30 fixed point) and gammas (16.16): the white is the sum of the endpoints.
fn calibrated(bytes: &[u8]) -> Option<Calibrated> {
    let point = |i: usize| -> Option<[f64; 3]> {
        let value =
            |c: usize| Some(f64::from(word(bytes, HEADER + 60 + 12 * i + 4 * c)?) / f64::from(1 << 30));
        Some([value(0)?, value(1)?, value(2)?])
    };
    let gamma = |i: usize| Some(f64::from(word(bytes, HEADER + 96 + 4 * i)?) / 65536.0);
    let endpoints = [point(0)?, point(1)?, point(2)?];
    let xy = |xyz: [f64; 3]| {
        let sum: f64 = xyz.iter().sum();
        (sum > 0.0).then(|| (xyz[0] / sum, xyz[1] / sum))
    };
    let total: [f64; 3] = std::array::from_fn(|c| endpoints.iter().map(|point| point[c]).sum());
    // Programs write the chromaticities themselves as endpoints, so that each adds up to 1; then white is D65.
    let chromaticities = endpoints.iter().all(|point| (point.iter().sum::<f64>() - 1.0).abs() < 0.01);
    let white = if chromaticities { (0.3127, 0.3290) } else { xy(total)? };
    let curve = Curve::Gamma([gamma(0)?, gamma(1)?, gamma(2)?]);
    Calibrated::new([xy(endpoints[0])?, xy(endpoints[1])?, xy(endpoints[2])?], white, curve)
}
