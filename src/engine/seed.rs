//! What a loss sends back into one tap: an affine function of the features at each position.
//!
//! `dF(p) = Σ_r w_r(p)·(D_r·F(p) + b_r) + u(p)·F(p) − v(p)·F₀(p)` covers every loss on features: statistics by their
//! moments (D and b, one pair a region r), content and other fixed targets by F₀.

use crate::tensor::{Factor, PositionWeights, Shape};

/// One region's part: `w(p)·(D·F(p) + b)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Affine<'a> {
    /// w, of the tap's height and width; 1 everywhere if it is left out.
    pub weights: Option<&'a PositionWeights>,
    /// D, N×N, row-major, symmetric or not.
    pub matrix: Option<&'a [f64]>,
    /// b, N.
    pub offset: Option<&'a [f64]>,
}

/// The part that looks at a fixed map: `u(p)·F(p) − v(p)·F₀(p)`; F₀ is what [`Engine::remember`] or
/// [`Engine::set_target`] kept.
///
/// [`Engine::remember`]: super::Engine::remember
/// [`Engine::set_target`]: super::Engine::set_target
#[derive(Debug, Clone, Copy)]
pub struct Fixed<'a> {
    /// u.
    pub own: Factor<'a>,
    /// v.
    pub target: Factor<'a>,
}

impl<'a> Fixed<'a> {
    /// `c·(F − F₀)`.
    pub const fn difference(c: f64) -> Self {
        let factor = Factor::constant(c);
        Self { own: factor, target: factor }
    }

    /// u, if v is the same.
    pub(crate) fn common(&self) -> Option<Factor<'a>> {
        self.own.is(&self.target).then_some(self.own)
    }
}

/// Everything that is sent back into one tap.
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

    /// Asserts that everything has the size of a tap of `shape`.
    ///
    /// # Panics
    /// If something has another.
    pub fn check(&self, shape: Shape) {
        let n = shape.channels;
        for affine in self.affine {
            assert!(affine.weights.is_none_or(|w| w.map().fits(shape)), "weights of another tap");
            assert!(affine.matrix.is_none_or(|matrix| matrix.len() == n * n), "a matrix of another tap");
            assert!(affine.offset.is_none_or(|offset| offset.len() == n), "an offset of another tap");
        }
        for factor in self.fixed.iter().flat_map(|fixed| [fixed.own, fixed.target]) {
            assert!(factor.fits(shape), "factors of another tap");
        }
    }
}
