//! How large a picture may be: no file, however small, may ask for more memory than this.
//!
//! The limits hold before any pixel is decoded. A decoder's own scratch comes on top (a progressive
//! JPEG keeps its coefficients, two bytes a sample).

/// The most pixels in a picture: 200 megapixels, above every camera of today.
pub const MAX_PIXELS: usize = 200_000_000;
/// The most pixels on a side, JPEG's own limit.
pub const MAX_SIDE: usize = 65_535;
/// Bytes that a decoded picture may take: 1 GiB (200 megapixels of 8-bit RGBA, 134 of 16-bit RGBA).
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// Bytes of a picture file: 1 GiB.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// The limits as the `image` crate wants them.
pub(super) fn for_image_crate() -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE as u32);
    limits.max_image_height = Some(MAX_SIDE as u32);
    limits.max_alloc = Some(MAX_BYTES);
    limits
}

/// Whether a picture of this size, `bytes` once decoded, may be read; the message if not.
pub(super) fn check(width: usize, height: usize, bytes: u64) -> Result<(), String> {
    if width == 0 || height == 0 {
        return Err(format!("{width}×{height} px, which is no picture; each side must be at least 1"));
    }
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && width.saturating_mul(height) <= MAX_PIXELS;
    if fits && bytes <= MAX_BYTES { Ok(()) } else { Err(too_large(width, height)) }
}

/// The message for a file that is too long.
pub(super) fn file_too_large() -> String {
    format!("the file is larger than the {} MiB that are read; make it smaller first", MAX_FILE >> 20)
}

/// The message for a picture beyond the limits.
pub(super) fn too_large(width: usize, height: usize) -> String {
    format!(
        "{width}×{height} px, more than the {} megapixels, {MAX_SIDE} px a side and {} MiB decoded \
         that are read; make it smaller first",
        MAX_PIXELS / 1_000_000,
        MAX_BYTES >> 20,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_the_limits() {
        assert!(check(1, 1, 3).is_ok());
        assert!(check(20_000, 10_000, 600_000_000).is_ok());
        assert!(check(20_000, 10_001, 600_000_000).is_err());
        assert!(check(65_536, 1, 3 * 65_536).is_err());
        assert!(check(10, 10, MAX_BYTES + 1).is_err());
        assert!(check(0, 10, 0).is_err());
        assert!(check(usize::MAX, usize::MAX, u64::MAX).is_err());
    }
}
