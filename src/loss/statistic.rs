//! What a style is compared by: the families of statistics, one file each. To add one, write its file and name it here.

use super::covariance::Covariance;
use super::family::Family;
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
