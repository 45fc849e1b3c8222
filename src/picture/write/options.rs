//! How a picture is written.

use super::Format;
use crate::picture::Depth;
use crate::picture::metadata::KeepMetadata;
use crate::{Error, Result};

/// How a picture is written.
///
/// ```
/// use impasto::picture::{Format, Picture, SaveOptions};
///
/// let options = SaveOptions::default().quality(80).progressive(true);
/// options.check(Format::Jpeg)?;
/// assert!(options.check(Format::Png).is_err(), "PNG has no quality");
/// let file = Picture::uniform(8, 8, [0.5; 3])?.encode(Format::Jpeg, &options)?;
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SaveOptions {
    pub(super) depth: Option<Depth>,
    pub(super) quality: Option<u8>,
    pub(super) progressive: bool,
    pub(super) lossless: bool,
    pub(super) alpha: bool,
    pub(super) metadata: KeepMetadata,
    pub(super) document: Option<String>,
}

impl Default for SaveOptions {
    fn default() -> Self {
        Self {
            depth: None,
            quality: None,
            progressive: false,
            lossless: false,
            alpha: true,
            metadata: KeepMetadata::Usual,
            document: None,
        }
    }
}

impl SaveOptions {
    /// JPEG's quality unless another is asked for.
    pub const QUALITY: u8 = 95;

    /// Bits a value; unless asked for as the source had, where the format can (PNG, TIFF), else 8.
    #[must_use]
    pub fn depth(mut self, depth: Depth) -> Self {
        self.depth = Some(depth);
        self
    }

    /// JPEG's quality, 1 to 100; [`SaveOptions::QUALITY`] unless asked for.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.quality = Some(quality);
        self
    }

    /// A JPEG that appears coarse first, and is a little smaller.
    #[must_use]
    pub fn progressive(mut self, progressive: bool) -> Self {
        self.progressive = progressive;
        self
    }

    /// Asks for a format that loses nothing but depth: all but JPEG.
    #[must_use]
    pub fn lossless(mut self, lossless: bool) -> Self {
        self.lossless = lossless;
        self
    }

    /// Keep the alpha channel, if there is one and the format has one (the default); else the picture stays on white.
    #[must_use]
    pub fn alpha(mut self, alpha: bool) -> Self {
        self.alpha = alpha;
        self
    }

    /// What of the metadata that the picture carries is written.
    #[must_use]
    pub fn metadata(mut self, metadata: KeepMetadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// A text document to be stored inside the file, which [`Metadata::document`](crate::picture::Metadata::document)
    /// gives back: in PNG as international text, in JPEG, WebP and TIFF as a property of XMP. It is written whatever
    /// [`SaveOptions::metadata`] says.
    #[must_use]
    pub fn document(mut self, document: impl Into<String>) -> Self {
        self.document = Some(document.into());
        self
    }

    /// Whether a format can be written so; to be asked before the work.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] for an option that the format does not have, [`Error::Output`] for a document that it cannot
    /// store.
    pub fn check(&self, format: Format) -> Result<()> {
        if self.depth == Some(Depth::Sixteen) && !format.has_sixteen_bits() {
            let text = format!("{format} has 8 bits a value, 16 were asked for; write a .png or .tiff");
            return Err(Error::option("--depth", text));
        }
        match self.quality {
            Some(_) if format != Format::Jpeg => {
                let text = format!("{format} is written without loss, only JPEG has a quality; leave it out");
                return Err(Error::option("--quality", text));
            }
            Some(quality) if !(1..=100).contains(&quality) => {
                return Err(Error::option("--quality", format!("{quality} came, expected 1 to 100")));
            }
            _ => {}
        }
        if self.progressive && format != Format::Jpeg {
            return Err(Error::option(
                "--progressive",
                format!("only JPEG is written so, not {format}; leave it out"),
            ));
        }
        if self.lossless && format == Format::Jpeg {
            return Err(Error::option(
                "--lossless",
                "JPEG always loses something; write a .png, .webp or .tiff",
            ));
        }
        if let Some(document) = &self.document {
            if !format.has_documents() {
                let text =
                    format!("{format} has no place for a document; write a .png, .jpg, .webp or .tiff");
                return Err(Error::output("(document)", text));
            }
            if let Some(c) = document.chars().find(|c| !is_xml(*c)) {
                let text = format!("the document holds {c:?}, which XML cannot hold; take it out");
                return Err(Error::output("(document)", text));
            }
        }
        Ok(())
    }
}

/// Whether XML 1.0 can hold a character (production 2), unchanged by its rules for ends of lines.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
