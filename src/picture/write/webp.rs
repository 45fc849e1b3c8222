//! WebP: lossless pixels by image-webp; metadata in the extended container.

use image::ImageEncoder;
use image::codecs::webp::WebPEncoder;

use super::Image;
use crate::picture::colour::icc;
use crate::picture::metadata::{exif, xmp};

pub(super) fn encode(image: Image<'_>) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    WebPEncoder::new_lossless(&mut file)
        .write_image(&image.bytes, image.width, image.height, image.colour())
        .map_err(|error| error.to_string())?;
    let profile = image.outgoing.intent.and_then(icc::srgb);
    // There is no other place for the resolution than EXIF.
    let exif = image.outgoing.exif.or_else(|| image.outgoing.resolution.map(exif::only_resolution));
    let xmp = xmp::merged(image.outgoing.xmp.as_deref(), image.document, usize::MAX)?;
    if profile.is_none() && exif.is_none() && xmp.is_none() {
        return Ok(file);
    }
    let flag = |there: bool, bit: u8| if there { bit } else { 0 };
    let flags = flag(profile.is_some(), 0x20)
        | flag(image.alpha, 0x10)
        | flag(exif.is_some(), 0x08)
        | flag(xmp.is_some(), 0x04);
    let side = |v: u32| (v - 1).to_le_bytes();
    let (w, h) = (side(image.width), side(image.height));
    let mut body = b"WEBP".to_vec();
    chunk(&mut body, b"VP8X", &[flags, 0, 0, 0, w[0], w[1], w[2], h[0], h[1], h[2]]);
    if let Some(profile) = profile {
        chunk(&mut body, b"ICCP", &profile);
    }
    body.extend(file.get(12..).unwrap_or_default());
    if let Some(exif) = exif {
        chunk(&mut body, b"EXIF", &exif);
    }
    if let Some(xmp) = xmp {
        chunk(&mut body, b"XMP ", &xmp);
    }
    Ok([b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat())
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend(name);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}
