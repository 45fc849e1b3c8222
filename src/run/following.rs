//! A frame that follows another: its start, and what it is held to.

use super::masks::Mask;
use super::request::Request;
use super::sizes::Size;
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::loss::temporal::Anchor;
use crate::picture::Picture;

/// The result before, moved to where its places are now.
#[derive(Debug, Clone)]
pub(super) struct Following {
    moved: Picture,
    /// Where it can be trusted.
    trust: Mask,
}

/// Refuses a frame before that is of another size.
///
/// # Errors
/// [`Error::Option`] that says which picture.
pub(super) fn check(request: &Request<'_>, target: Size) -> Result<()> {
    let Some(before) = &request.before else { return Ok(()) };
    let Some(content) = request.content else {
        let message = "a texture has no content whose motion could be followed; leave it out";
        return Err(Error::option("after", message));
    };
    let size = |picture: &Picture| (picture.width(), picture.height());
    for (what, got, expected) in [
        ("the content before", size(before.content), size(content)),
        ("the result before", size(before.result), target),
    ] {
        if got != expected {
            let message = format!(
                "{what} has {}x{} pixels and this frame {}x{}; give frames of one size",
                got.0, got.1, expected.0, expected.1
            );
            return Err(Error::option("after", message));
        }
    }
    Ok(())
}

impl Following {
    /// Of a request that follows a frame, at the size of the result.
    pub fn new(request: &Request<'_>, (width, height): Size) -> Result<Option<Self>> {
        let (Some(before), Some(content)) = (&request.before, request.content) else { return Ok(None) };
        let (now, then) = (content.at_size(width, height), before.content.at_size(width, height));
        let back = Flow::between(&now, &then);
        let trust = back.trust(&Flow::between(&then, &now));
        let moved = Picture::from_rgb(width, height, back.warp(before.result.rgb()))?;
        Ok(Some(Self { moved, trust: Mask::new(width, height, trust.values)? }))
    }

    /// Where a run starts that would have started from `fresh`: from the moved result, and from `fresh` where that cannot be
    /// trusted.
    pub fn start(&self, fresh: &Picture) -> Result<Picture> {
        let plane = self.trust.values();
        let mix = |(at, (moved, fresh)): (usize, (&f32, &f32))| {
            let trust = plane[at % plane.len()];
            trust * moved + (1.0 - trust) * fresh
        };
        let rgb = self.moved.rgb().iter().zip(fresh.rgb()).enumerate().map(mix).collect();
        Picture::from_rgb(self.moved.width(), self.moved.height(), rgb)
    }

    /// What the picture of a size is held to.
    pub fn anchor(&self, (width, height): Size) -> Anchor {
        Anchor {
            target: self.moved.at_size(width, height).into_rgb(),
            weights: self.trust.at_size(width, height).values().to_vec(),
        }
    }
}
