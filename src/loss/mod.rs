//! What is minimised: content, style and total variation, under one of four conventions.
//!
//! `L(P) = α·L_content(C, P) + β·L_style(S, P) + tv·V(P)` (Gatys, Ecker & Bethge 2016, eq. 7, with a
//! smoothness term). [`normalisation`] says how each term is normalised, [`targets`] measures style pictures.

mod content;
mod covariance;
mod family;
mod gram;
pub mod normalisation;
pub mod objective;
mod ordinary;
mod pixel;
pub mod range;
mod statistic;
mod style;
pub mod targets;
pub mod temporal;
pub mod variation;

pub use normalisation::Normalisation;
pub use pixel::PixelTerm;
pub(crate) use pixel::{Scratch as PixelScratch, WeightedPixelTerm};
pub use statistic::StyleStatistic;

use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::error::{Error, Result};
use crate::network::{Layer, WeightedLayer};

/// Which losses are summed, and how they are weighed.
#[derive(Clone)]
pub struct Losses {
    /// The normalisation of the terms.
    pub normalisation: Normalisation,
    /// What styles are compared by.
    pub statistic: StyleStatistic,
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
    /// A user's own terms over the pixels.
    pub terms: Vec<Arc<dyn PixelTerm>>,
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
        self.statistic.check(self.normalisation)?;
        Ok(self)
    }

    /// The layers whose terms have a weight above 0: what must be computed.
    pub fn taps(&self) -> Vec<Layer> {
        let style = self.style_layers.iter().filter(|(_, weight)| self.style_weight > 0.0 && *weight > 0.0);
        self.content_taps().into_iter().chain(style.map(|&(layer, _)| layer)).collect()
    }

    /// Those whose features are compared with fixed ones.
    pub fn content_taps(&self) -> Vec<Layer> {
        let weighty =
            self.content_layers.iter().filter(|(_, weight)| self.content_weight > 0.0 && *weight > 0.0);
        weighty.map(|&(layer, _)| layer).collect()
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
///
/// As JSON: `total`, `content` and `style` as objects by layer, and every term over the pixels by its name.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Terms {
    /// The loss that is minimised.
    pub total: f64,
    /// α-weighted content terms by layer.
    pub content: Vec<(Layer, f64)>,
    /// β-weighted style terms by layer.
    pub style: Vec<(Layer, f64)>,
    /// The weighted terms over the pixels by name: `tv`, `range` (0 for every picture that a file can hold), and your own.
    pub pixel: Vec<(String, f64)>,
}

impl Terms {
    /// Sets the total to the sum of the terms.
    pub(crate) fn add_up(&mut self) {
        let sum = |list: &[(Layer, f64)]| list.iter().map(|(_, value)| value).sum::<f64>();
        self.total = sum(&self.content) + sum(&self.style);
        // The order is part of the bits.
        self.pixel.iter().rev().for_each(|(_, value)| self.total += value);
    }

    /// The value of a term over the pixels; 0 if there is none of this name.
    pub fn pixel(&self, name: &str) -> f64 {
        self.pixel.iter().find(|(other, _)| other == name).map_or(0.0, |(_, value)| *value)
    }
}

impl Serialize for Terms {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("total", &self.total)?;
        map.serialize_entry("content", &ByLayer(&self.content))?;
        map.serialize_entry("style", &ByLayer(&self.style))?;
        map.serialize_entry("tv", &self.pixel("tv"))?;
        for (name, value) in self.pixel.iter().filter(|(name, value)| name != "tv" && *value != 0.0) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A list of layers as an object in the list's order.
struct ByLayer<'a>(&'a [(Layer, f64)]);

impl Serialize for ByLayer<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(layer, value)| (layer.to_string(), value)))
    }
}
