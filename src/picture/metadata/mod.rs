//! What a file says about its picture besides the pixels.

pub(super) mod exif;
pub(super) mod ifd;
pub(super) mod orientation;
pub(super) mod xmp;

/// What goes along from the content's file to the result's: EXIF, XMP, resolution, and whether its colours were told.
///
/// Bytes as the file has them; what of them is written is decided by [`KeepMetadata`] when a picture is saved.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Metadata {
    /// A TIFF structure (CIPA DC-008), without the `Exif\0\0` that JPEG puts before it.
    pub exif: Option<Vec<u8>>,
    /// A packet of RDF in XML (ISO 16684-1).
    pub xmp: Option<Vec<u8>>,
    /// Horizontal and vertical pixels an inch.
    pub resolution: Option<(f64, f64)>,
    /// The rendering intent (ICC.1, 7.2.15: 0 perceptual, 1 relative colorimetric, 2 saturation, 3 absolute) of the
    /// profile that told the file's colours, if one did. The picture itself is sRGB.
    pub intent: Option<u8>,
    /// The text document that was stored with [`SaveOptions::document`](super::SaveOptions::document).
    pub document: Option<String>,
}

/// What of the content's metadata a saved picture carries. The orientation is always reset, since pixels are upright.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeepMetadata {
    /// Camera, exposure, author, rights, dates, resolution; not the place (GPS), thumbnails, or makers' notes.
    #[default]
    Usual,
    /// All there is.
    All,
    /// None.
    None,
}

/// What is written into a file.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) exif: Option<Vec<u8>>,
    pub(super) xmp: Option<Vec<u8>>,
    pub(super) resolution: Option<(f64, f64)>,
    pub(super) intent: Option<u8>,
    /// Parts that could not be read, for a warning.
    pub(super) lost: Vec<&'static str>,
}

impl Metadata {
    /// What of it goes into a new file of `size` = (width, height).
    pub(super) fn outgoing(&self, keep: KeepMetadata, size: (usize, usize)) -> Outgoing {
        if keep == KeepMetadata::None {
            return Outgoing::default();
        }
        let all = keep == KeepMetadata::All;
        let mut out = Outgoing { resolution: self.resolution, intent: self.intent, ..Outgoing::default() };
        if let Some(bytes) = &self.exif {
            if !exif::is_readable(bytes) {
                out.lost.push("EXIF");
            } else if all {
                out.exif = Some(exif::all(bytes));
            } else {
                out.exif = exif::usual(bytes, size, self.resolution);
            }
        }
        if let Some(packet) = &self.xmp {
            out.xmp = xmp::rewritten(packet, all, None);
            if out.xmp.is_none() {
                out.lost.push("XMP");
            }
        }
        out
    }
}
