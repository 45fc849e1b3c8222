//! What was ignored, assumed or lost on the way between a file and a picture.

use std::fmt;

use serde::Serialize;

/// One thing that a reader or writer did not do as the file or the options mean it, as a sentence.
///
/// ```
/// use impasto::picture::{Format, Picture, SaveOptions, WarningKind};
///
/// let glass = Picture::from_rgba8(1, 1, &[200, 100, 0, 128])?;
/// let lost = glass.losses(Format::Jpeg, &SaveOptions::default());
/// assert_eq!(lost[0].kind(), WarningKind::Transparency);
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    kind: WarningKind,
    message: String,
}

/// What a [`Warning`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WarningKind {
    /// A colour profile or colour description could not be used; the colours are taken as sRGB.
    Profile,
    /// Colours were converted by a formula for want of a profile (CMYK), or cut (brighter than white).
    Colour,
    /// The file is not whole, but all of its pixels are there.
    Incomplete,
    /// The file is damaged; what could be read is there.
    Damaged,
    /// Sample values outside the range that a picture has were cut.
    Range,
    /// The first of several frames, pages or layers was taken.
    Frames,
    /// A channel that is neither colour nor alpha was left out.
    Channel,
    /// The output format has no transparency; the picture stands on white.
    Transparency,
    /// The output format has fewer bits a value than the picture.
    Depth,
    /// EXIF, XMP or resolution could not be read or kept.
    Metadata,
    /// The file had to be overwritten piece by piece.
    InPlace,
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What it is about.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// The sentence, without the file's name.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
