//! What every family of style statistics does: it is made from a style's mean moments, compares them with a picture's, and
//! turns the picture's moments into what is sent back, D and b of `dF(p) = w(p)·(D·F(p) + b)`.

use crate::engine::Moments;

/// A statistic that knows its target.
pub(super) trait Family: Send {
    /// The loss, times `weight`, that a picture without any features would have: the size of the target as the
    /// normalisation sees it. Not finite where there is nothing to be relative to.
    fn size(&self, weight: f64) -> f64;

    /// The loss of a picture with these moments, times `weight`; the moments become its slopes by the features: `second`
    /// becomes D, and `first` becomes b (0 where the family has none).
    fn compare(&mut self, moments: &mut Moments, weight: f64) -> f64;

    /// Whether b is ever other than 0.
    fn has_offset(&self) -> bool;
}
