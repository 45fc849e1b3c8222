//! What is sent back into one tap; [`Affine`] and [`Fixed`] say what of.

use crate::kernels::seed::{Affine, Fixed};
use crate::tensor::Shape;

/// `dF(p) = Σ_r w_r(p)·(D_r·F(p) + b_r) + u(p)·F(p) − v(p)·F₀(p)`.
///
/// It covers every loss on features: statistics by their moments (D and b, one pair a region r), content and other fixed
/// targets by F₀, which is what [`Engine::remember`](super::Engine::remember) or
/// [`Engine::set_target`](super::Engine::set_target) kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seed<'a> {
    /// One part a region; the sum counts.
    pub affine: &'a [Affine<'a>],
    /// What looks at F₀.
    pub fixed: Option<Fixed<'a>>,
}

impl Seed<'_> {
    /// Sends nothing back.
    pub const NONE: Self = Self { affine: &[], fixed: None };

    /// Whether nothing is sent back.
    pub fn is_none(&self) -> bool {
        self.affine.is_empty() && self.fixed.is_none()
    }

    /// Asserts that everything has the size of a tap of `shape`.
    pub(crate) fn check(&self, shape: Shape) {
        assert!(self.affine.iter().all(|part| part.fits(shape)), "an affine seed of another tap");
        assert!(self.fixed.iter().all(|part| part.fits(shape)), "factors of another tap");
    }
}
