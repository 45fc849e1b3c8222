//! The closed form of what a loss sends back into a map: an affine function of the features at each position,
//! `dF(p) = Σ_r w_r(p)·(D_r·F(p) + b_r) + u(p)·F(p) − v(p)·F₀(p)`.

use crate::tensor::{Factor, PositionWeights, Shape};

/// One region's part: `w(p)·(D·F(p) + b)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Affine<'a> {
    /// w, of the map's height and width; 1 everywhere if it is left out.
    pub weights: Option<&'a PositionWeights>,
    /// D, N×N, row-major, symmetric or not.
    pub matrix: Option<&'a [f64]>,
    /// b, N.
    pub offset: Option<&'a [f64]>,
}

impl Affine<'_> {
    /// Whether everything has the size that belongs to a map of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        let n = shape.channels;
        self.weights.is_none_or(|weights| weights.map().fits(shape))
            && self.matrix.is_none_or(|matrix| Some(matrix.len()) == n.checked_mul(n))
            && self.offset.is_none_or(|offset| offset.len() == n)
    }
}

/// The part that looks at a fixed map: `u(p)·F(p) − v(p)·F₀(p)`.
#[derive(Debug, Clone, Copy)]
pub struct Fixed<'a> {
    /// u.
    pub own: Factor<'a>,
    /// v.
    pub target: Factor<'a>,
}

impl Fixed<'_> {
    /// `c·(F − F₀)`.
    pub const fn difference(c: f64) -> Self {
        let factor = Factor::constant(c);
        Self { own: factor, target: factor }
    }

    /// Whether both factors have a number for each position of a map of `shape`.
    pub fn fits(&self, shape: Shape) -> bool {
        self.own.fits(shape) && self.target.fits(shape)
    }

    /// Whether u and v are one and the same: then the difference is taken first, so that it is exact where F and F₀ are
    /// close.
    pub fn is_difference(&self) -> bool {
        let maps = match (self.own.map, self.target.map) {
            (None, None) => true,
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => false,
        };
        maps && self.own.scale == self.target.scale
    }
}
