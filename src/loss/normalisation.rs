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
//! | `relative` | Σ(F_P−F_C)²/(ΣF_C² + f·ΣF_R²) | E/Σ(G_S/M_S)² | this project's default: free of scale |
//!
//! f is how faint the content is, 0 for every ordinary picture and 1 for one colour, and R noise with the contrast of a
//! photograph (`ordinary.rs`). Without this a faint content, whose features are next to nothing, would be held so firmly
//! that no style could be painted.
//!
//! Gatys et al. divide the difference of plain Gram matrices by 4N²M²: the same as E/(4N²) at equal sizes.

use crate::names::named;
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

named! {
    Normalisation is "a normalisation" {
        "frobenius" => Frobenius,
        "gatys" => Gatys,
        "johnson" => Johnson,
        "relative" => Relative,
    }
}

impl Normalisation {
    /// Whether content terms depend on how faint the content is.
    pub fn sees_faintness(self) -> bool {
        self == Self::Relative
    }

    /// The factor of `Σ(F_P − F_C)²` for a map of `shape`, given `ΣF_C²` and `f·ΣF_R²`.
    pub fn content_factor(self, shape: Shape, target_norm: f64, lacking: f64) -> f64 {
        match self {
            Self::Frobenius => 1.0,
            Self::Gatys => 0.5,
            Self::Johnson => 1.0 / shape.len() as f64,
            Self::Relative => 1.0 / (target_norm + lacking),
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

    #[test]
    fn what_a_faint_content_lacks_is_added_to_what_it_has() {
        let factor =
            |norm, lacking| Normalisation::Relative.content_factor(Shape::new(2, 3, 4), norm, lacking);
        assert_eq!((factor(80.0, 0.0), factor(30.0, 20.0), factor(0.0, 4.0)), (1.0 / 80.0, 0.02, 0.25));
        assert_eq!(Normalisation::Gatys.content_factor(Shape::new(2, 3, 4), 0.1, 50.0), 0.5);
    }
}
