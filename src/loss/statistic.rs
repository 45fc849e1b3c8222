//! What a style is compared by: the families of statistics, one file each.
//!
//! A family is made from a style's mean moments. It compares them with a picture's, and turns the picture's moments into
//! what is sent back: D and b of `dF(p) = w(p)·(D·F(p) + b)`. To add one, write its file and name it here.

use super::covariance::Covariance;
use super::gram::Gram;
use super::normalisation::Normalisation;
use crate::engine::{Moments, Order};
use crate::error::{Error, Result};
use crate::names::named;
use crate::tensor::Shape;

/// What a style is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StyleStatistic {
    /// The Gram matrix (Gatys, Ecker & Bethge 2016): which features occur together, and how strongly.
    #[default]
    Gram,
    /// Mean and covariance: strength and variation apart.
    Covariance,
}

named! {
    StyleStatistic is "a style statistic" {
        "gram" => Gram,
        "covariance" => Covariance,
    }
}

impl StyleStatistic {
    /// Which moments it is made of.
    pub fn order(self) -> Order {
        match self {
            Self::Gram => Order::Second,
            Self::Covariance => Order::FirstAndSecond,
        }
    }

    /// Refuses a normalisation under which the statistic has no meaning.
    ///
    /// # Errors
    /// [`Error::Option`] with the reason.
    pub fn check(self, normalisation: Normalisation) -> Result<()> {
        if self == Self::Covariance && normalisation != Normalisation::Relative {
            let message = format!(
                "covariance weighs means against covariances by their own sizes, which `normalisation` {normalisation} \
                 does not do; leave one of them out"
            );
            return Err(Error::option("style_statistic", message));
        }
        Ok(())
    }

    /// The family that compares with a style's mean moments (mass 1) on a map of `shape`.
    pub(super) fn family(
        self,
        target: Moments,
        normalisation: Normalisation,
        shape: Shape,
    ) -> Box<dyn Family> {
        match self {
            Self::Gram => Box::new(Gram::new(target, normalisation, shape)),
            Self::Covariance => Box::new(Covariance::new(target)),
        }
    }
}

/// A statistic that knows its target.
pub(super) trait Family: Send {
    /// The loss, times `weight`, that a picture without any features would have: the size of the target as the
    /// normalisation sees it. Not finite where there is nothing to be relative to.
    fn size(&self, weight: f64) -> f64;

    /// The loss of a picture with these moments, times `weight`; the moments become its slopes by the features: `second`
    /// becomes D, and `first` becomes b (0 where the family has none).
    fn compare(&self, moments: &mut Moments, weight: f64) -> f64;

    /// Whether b is ever other than 0.
    fn has_offset(&self) -> bool;
}
