//! JPEG: by jpeg-encoder, all colours at full resolution, with Huffman tables made for the picture.

use jpeg_encoder::{ColorType, Encoder, PixelDensity, PixelDensityUnit, SamplingFactor};

use super::{Image, SaveOptions};
use crate::picture::colour::icc;
use crate::picture::metadata::xmp;

/// What a segment holds besides its own name.
const MOST: usize = 65_500;

pub(super) fn encode(image: Image<'_>) -> Result<Vec<u8>, String> {
    let explain = |error: jpeg_encoder::EncodingError| error.to_string();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, image.options.quality.unwrap_or(SaveOptions::QUALITY));
    encoder.set_sampling_factor(SamplingFactor::R_4_4_4);
    encoder.set_optimized_huffman_tables(true);
    encoder.set_progressive(image.options.progressive);
    if let Some((x, y)) = image.outgoing.resolution {
        let density = |v: f64| v.round().clamp(1.0, 65_535.0) as u16;
        encoder
            .set_density(PixelDensity { density: (density(x), density(y)), unit: PixelDensityUnit::Inches });
    }
    if let Some(exif) = &image.outgoing.exif {
        encoder.add_exif_metadata(exif).map_err(explain)?;
    }
    if let Some(packet) = xmp::merged(image.outgoing.xmp.as_deref(), image.document, MOST)? {
        encoder
            .add_app_segment(1, [b"http://ns.adobe.com/xap/1.0/\0", &packet[..]].concat())
            .map_err(explain)?;
    }
    if let Some(profile) = image.outgoing.intent.and_then(icc::srgb) {
        encoder.add_icc_profile(&profile).map_err(explain)?;
    }
    let (width, height) = (image.width as u16, image.height as u16); // at most 65 535 each
    encoder.encode(&image.bytes, width, height, ColorType::Rgb).map_err(explain)?;
    Ok(file)
}
