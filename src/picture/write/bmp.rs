//! BMP: by the image crate; the resolution is put into its header.

use image::ImageEncoder;
use image::codecs::bmp::BmpEncoder;

use super::Image;

/// Where the header has the resolution, pixels a metre across and down.
const RESOLUTION: usize = 38;

pub(super) fn encode(image: Image<'_>) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    BmpEncoder::new(&mut file)
        .write_image(&image.bytes, image.width, image.height, image.colour())
        .map_err(|error| error.to_string())?;
    if let (Some((x, y)), Some(place)) = (image.outgoing.resolution, file.get_mut(RESOLUTION..RESOLUTION + 8))
    {
        let metre = |inch: f64| (inch / 0.0254).round().clamp(1.0, f64::from(i32::MAX)) as u32;
        place[..4].copy_from_slice(&metre(x).to_le_bytes());
        place[4..].copy_from_slice(&metre(y).to_le_bytes());
    }
    Ok(file)
}
