//! Values that options of a run choose from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::names::{by_text, named};

/// What minimises the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptimizerName {
    /// L-BFGS, which finds its own steps.
    #[default]
    Lbfgs,
    /// Adam.
    Adam,
}

named! {
    OptimizerName is "an optimizer" {
        "lbfgs" => Lbfgs,
        "adam" => Adam,
    }
}

/// How style is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// By the statistics of features (Gatys et al. 2016).
    #[default]
    Gram,
    /// By matched patches of features (Kolkin et al. 2022).
    Strokes,
}

named! {
    Method is "a method" {
        "gram" => Gram,
        "strokes" => Strokes,
    }
}

/// How much style a run has.
#[derive(Debug, Clone, PartialEq)]
pub enum Strength {
    /// The same everywhere, from 0 to 1.
    Everywhere(f64),
    /// As the picture in this file says, for the command; a program gives a mask to its request.
    Mask(PathBuf),
}

impl From<f64> for Strength {
    fn from(strength: f64) -> Self {
        Self::Everywhere(strength)
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(strength) => write!(f, "{strength}"),
            Self::Mask(file) => write!(f, "{}", file.display()),
        }
    }
}

impl FromStr for Strength {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Mask(text.into()), Self::Everywhere))
    }
}

by_text!(Strength);
