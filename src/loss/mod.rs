//! What is minimised: content, style and total variation, under one of four conventions.
//!
//! `L(P) = α·L_content(C, P) + β·L_style(S, P) + tv·V(P)` (Gatys, Ecker & Bethge 2016, eq. 7, with a
//! smoothness term). [`normalisation`] says how each term is normalised, [`targets`] measures style pictures.

pub mod normalisation;
pub mod objective;
pub mod range;
pub mod targets;
pub mod variation;

pub use normalisation::Normalisation;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::network::{Layer, WeightedLayer};

/// Which losses are summed, and how they are weighed.
#[derive(Debug, Clone)]
pub struct Losses {
    /// The normalisation of the terms.
    pub normalisation: Normalisation,
    /// α, ≥ 0.
    pub content_weight: f64,
    /// β, ≥ 0.
    pub style_weight: f64,
    /// The weight of the total variation, ≥ 0.
    pub tv_weight: f64,
    /// The weight of the range term, ≥ 0: how firmly pixels are held in [0, 1], as a multiple of the loss that a
    /// picture without any features would have.
    pub range_weight: f64,
    /// Content layers with their relative weights.
    pub content_layers: Vec<WeightedLayer>,
    /// Style layers with their relative weights.
    pub style_layers: Vec<WeightedLayer>,
}

impl Losses {
    /// Checks weights and layers, and scales each list of layer weights to sum 1.
    ///
    /// # Errors
    /// Weights that are negative or not finite, a layer named twice, a list whose weights are all 0.
    pub fn normalised(mut self) -> Result<Self> {
        let weights = [
            ("content_weight", self.content_weight),
            ("style_weight", self.style_weight),
            ("tv_weight", self.tv_weight),
            ("range_weight", self.range_weight),
        ];
        for (option, weight) in weights {
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(Error::option(
                    option,
                    format!("{weight} cannot be a weight; give a finite number of at least 0"),
                ));
            }
        }
        normalise("content_layers", &mut self.content_layers)?;
        normalise("style_layers", &mut self.style_layers)?;
        Ok(self)
    }

    /// The layers whose terms have a weight above 0: what must be computed.
    pub fn taps(&self) -> Vec<Layer> {
        let content = self.content_layers.iter().filter(|_| self.content_weight > 0.0);
        let style = self.style_layers.iter().filter(|_| self.style_weight > 0.0);
        content.chain(style).filter(|(_, weight)| *weight > 0.0).map(|&(layer, _)| layer).collect()
    }

    /// The style layers whose terms have a weight above 0.
    pub fn style_taps(&self) -> Vec<Layer> {
        let style = self.style_layers.iter().filter(|(_, weight)| *weight > 0.0 && self.style_weight > 0.0);
        style.map(|&(layer, _)| layer).collect()
    }
}

/// Scales the weights of a list to sum 1.
fn normalise(option: &'static str, layers: &mut [WeightedLayer]) -> Result<()> {
    for (at, (layer, weight)) in layers.iter().enumerate() {
        if !(weight.is_finite() && *weight >= 0.0) {
            let message =
                format!("{layer}:{weight} has no usable weight; give a finite number of at least 0");
            return Err(Error::option(option, message));
        }
        if layers[..at].iter().any(|(other, _)| other == layer) {
            return Err(Error::option(option, format!("{layer} is named twice; name each layer once")));
        }
    }
    let sum: f64 = layers.iter().map(|(_, weight)| weight).sum();
    let usable = sum.is_finite() && sum > 0.0;
    if !(usable || layers.is_empty()) {
        let message = "the layer weights sum to 0; give at least one layer a weight above 0";
        return Err(Error::option(option, message));
    }
    layers.iter_mut().for_each(|(_, weight)| *weight /= sum);
    Ok(())
}

/// The weighted terms of one evaluation; `total` is their sum.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Terms {
    /// The loss that is minimised.
    pub total: f64,
    /// α-weighted content terms by layer.
    #[serde(serialize_with = "by_name")]
    pub content: Vec<(Layer, f64)>,
    /// β-weighted style terms by layer.
    #[serde(serialize_with = "by_name")]
    pub style: Vec<(Layer, f64)>,
    /// The weighted total variation.
    pub tv: f64,
    /// The weighted range term; 0 for every picture that a file can hold.
    #[serde(skip_serializing_if = "is_zero")]
    pub range: f64,
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// Writes a list of layers as a JSON object in the list's order.
fn by_name<S: serde::Serializer>(
    terms: &[(Layer, f64)],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(terms.iter().map(|(layer, value)| (layer.to_string(), value)))
}
