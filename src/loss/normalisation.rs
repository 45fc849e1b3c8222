//! The four conventions for normalising content and style terms, to the last constant.
//!
//! F has N channels and M positions, `G = F·Fᵀ`; with `E = Σ(G_P/M − G_S/M_S)²` pictures of different
//! sizes compare. Weights w (α or β times the layer's share, 1/n by default) multiply every term.
//!
//! | normalisation | content | style | source |
//! |---|---|---|---|
//! | `frobenius` | Σ(F_P−F_C)² | M²·E | the plain squared norms |
//! | `gatys` | ½Σ(F_P−F_C)² | E/(4N²) | Gatys, Ecker & Bethge, CVPR 2016, eq. 1 and 4 |
//! | `johnson` | Σ(F_P−F_C)²/(NM) | E/N⁴ | the neural-style programs |
//! | `relative` | Σ(F_P−F_C)²/ΣF_C² | E/Σ(G_S/M_S)² | this project's default: free of scale |
//!
//! Gatys et al. divide the difference of plain Gram matrices by 4N²M²: the same as E/(4N²) at equal sizes.

use std::fmt;
use std::str::FromStr;

use crate::tensor::Shape;

/// A convention for the loss terms; see the module's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalisation {
    /// Plain squared Frobenius norms.
    Frobenius,
    /// Gatys, Ecker & Bethge 2016.
    Gatys,
    /// Means, as neural-style and its descendants.
    Johnson,
    /// Relative to the target's own size.
    #[default]
    Relative,
}

impl Normalisation {
    /// Every normalisation with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("frobenius", Self::Frobenius),
        ("gatys", Self::Gatys),
        ("johnson", Self::Johnson),
        ("relative", Self::Relative),
    ];

    /// The factor of `Σ(F_P − F_C)²` for a map of `shape`, given `ΣF_C²`.
    pub fn content_factor(self, shape: Shape, target_norm: f64) -> f64 {
        match self {
            Self::Frobenius => 1.0,
            Self::Gatys => 0.5,
            Self::Johnson => 1.0 / shape.len() as f64,
            Self::Relative => 1.0 / target_norm,
        }
    }

    /// The factor of `E = Σ(G_P/M − G_S/M_S)²` for P's map of `shape`, given `Σ(G_S/M_S)²`.
    pub fn style_factor(self, shape: Shape, target_norm: f64) -> f64 {
        let (n, m) = (shape.channels as f64, shape.positions() as f64);
        match self {
            Self::Frobenius => m * m,
            Self::Gatys => 0.25 / (n * n),
            Self::Johnson => 1.0 / (n * n * n * n),
            Self::Relative => 1.0 / target_norm,
        }
    }
}

impl fmt::Display for Normalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) =
            Self::ALL.iter().find(|(_, normalisation)| normalisation == self).expect("ALL is complete");
        f.write_str(name)
    }
}

impl FromStr for Normalisation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|&(_, normalisation)| normalisation).ok_or_else(
            || {
                let names = Self::ALL.map(|(name, _)| name).join(", ");
                format!("`{text}` is not a normalisation; the normalisations are {names}")
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for (name, normalisation) in Normalisation::ALL {
            assert_eq!(name.parse::<Normalisation>().unwrap(), normalisation);
            assert_eq!(normalisation.to_string(), name);
        }
        assert!("Gatys ".parse::<Normalisation>().unwrap_err().contains("frobenius, gatys"));
    }
}
