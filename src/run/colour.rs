//! Whose colours the result has: what is done to the pictures before a run, and to its result.
//!
//! Gatys, Bethge, Hertzmann & Shechtman (2016), "Preserving color in neural artistic style transfer": colour matching (§3)
//! before the run, or the transfer of luminance alone (§4).

use super::request::Style;
use crate::error::{Error, Result};
use crate::names::named;
use crate::picture::{Picture, grey, keep_colours, match_colours, mixed};

/// Whose colours the result has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ColourMode {
    /// The style's.
    #[default]
    Style,
    /// The content's: styles are matched to them before, and the content's chroma is put back exactly at the end.
    Content,
    /// The content's as far as a linear map of the style's colours reaches them (mean and covariance): strokes keep shades of
    /// their own.
    Match,
    /// The content's; the run sees luminance alone, the styles' matched to the content's by mean and variance.
    Luminance,
}

named! {
    ColourMode is "a colour mode" {
        "style" => Style,
        "content" => Content,
        "match" => Match,
        "luminance" => Luminance,
    }
}

/// A mode, and how far it goes: from 0, the style's colours, to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colours {
    pub mode: ColourMode,
    pub strength: f64,
}

impl Colours {
    /// # Errors
    /// A strength that is none, or that the mode does not have.
    pub fn new(mode: ColourMode, strength: Option<f64>) -> Result<Self> {
        let option = "colour_strength";
        match (mode, strength) {
            (_, None) => Ok(Self { mode, strength: 1.0 }),
            (ColourMode::Style | ColourMode::Luminance, Some(_)) => {
                let message =
                    format!("`colour` {mode} has no degrees; leave it out, or choose content or match");
                Err(Error::option(option, message))
            }
            (_, Some(strength)) if (0.0..=1.0).contains(&strength) => Ok(Self { mode, strength }),
            (_, Some(strength)) => {
                Err(Error::option(option, format!("{strength} was given; give a number from 0 to 1")))
            }
        }
    }

    /// Whether the start keeps the content's colours, rather than taking the styles'.
    pub fn keeps_start(self) -> bool {
        self.mode == ColourMode::Content
    }

    /// The content as the run sees it, where that is another picture.
    pub fn content(self, content: &Picture) -> Option<Picture> {
        (self.mode == ColourMode::Luminance).then(|| grey(content))
    }

    /// A style as the run sees it.
    pub fn style(self, style: &Style, content: &Picture) -> Style {
        match self.mode {
            ColourMode::Style => style.clone(),
            ColourMode::Content | ColourMode::Match => {
                style.repainted(|s| mixed(s, &match_colours(s, content), self.strength))
            }
            // Grey pictures have one colour channel three times over, so that matching them matches luminance.
            ColourMode::Luminance => style.repainted(|s| match_colours(&grey(s), &grey(content))),
        }
    }

    /// The result with the content's colours put back, where the mode does that.
    pub fn finished(self, painted: Picture, content: &Picture) -> Picture {
        match self.mode {
            ColourMode::Style | ColourMode::Match => painted,
            ColourMode::Content => mixed(&painted, &keep_colours(&painted, content), self.strength),
            ColourMode::Luminance => keep_colours(&painted, content),
        }
    }
}
