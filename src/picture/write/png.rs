//! PNG: pixels by the png crate; metadata as chunks behind the header.

use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};

use super::Image;

/// The keyword of the text chunk with a document.
pub(in crate::picture) const DOCUMENT: &[u8] = b"impasto";

pub(super) fn encode(image: Image<'_>) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
        .write_image(&image.bytes, image.width, image.height, image.colour())
        .map_err(|error| error.to_string())?;
    let mut chunks = Vec::new();
    if let Some(intent) = image.outgoing.intent {
        chunk(&mut chunks, b"sRGB", &[intent.min(3)]);
    }
    if let Some((x, y)) = image.outgoing.resolution {
        let metre = |inch: f64| (inch / 0.0254).round().clamp(1.0, f64::from(i32::MAX)) as u32;
        chunk(&mut chunks, b"pHYs", &[&metre(x).to_be_bytes()[..], &metre(y).to_be_bytes(), &[1]].concat());
    }
    if let Some(exif) = &image.outgoing.exif {
        chunk(&mut chunks, b"eXIf", exif);
    }
    if let Some(xmp) = &image.outgoing.xmp {
        text(&mut chunks, b"XML:com.adobe.xmp", xmp);
    }
    if let Some(document) = image.document {
        text(&mut chunks, DOCUMENT, document.as_bytes());
    }
    // Behind the signature and the header, which has a fixed length.
    file.splice(33..33, chunks);
    Ok(file)
}

/// International text, not compressed.
fn text(out: &mut Vec<u8>, keyword: &[u8], text: &[u8]) {
    chunk(out, b"iTXt", &[keyword, &[0; 5], text].concat());
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    out.extend(crc(&[name, data]).to_be_bytes());
}

/// CRC-32 as PNG wants it (annex D), over parts that follow one another.
pub(in crate::picture) fn crc(parts: &[&[u8]]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut c, mut k) = (i as u32, 0);
            while k < 8 {
                c = if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 };
                k += 1;
            }
            table[i] = c;
            i += 1;
        }
        table
    };
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(!0, |crc: u32, byte| TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sum_of_an_empty_end_chunk() {
        assert_eq!(super::crc(&[b"IEND", b""]), 0xAE42_6082);
    }
}
