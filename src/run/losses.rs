//! The losses as a user states them: whatever is left out is filled in from the network and the normalisation.

use crate::error::{Error, Result};
use crate::loss::{Losses, Normalisation};
use crate::network::{Network, WeightedLayer};
use crate::run::defaults;

/// What may be said about the losses; `None` leaves it to [`defaults`].
#[derive(Debug, Clone, Default)]
pub struct LossOptions {
    /// How the terms are normalised.
    pub normalisation: Normalisation,
    /// α, at least 0.
    pub content_weight: Option<f64>,
    /// β, at least 0.
    pub style_weight: Option<f64>,
    /// The weight of the total variation, at least 0.
    pub tv_weight: Option<f64>,
    /// The weight of the range term, at least 0.
    pub range_weight: Option<f64>,
    /// Content layers with relative weights.
    pub content_layers: Option<Vec<WeightedLayer>>,
    /// Style layers with relative weights.
    pub style_layers: Option<Vec<WeightedLayer>>,
}

impl LossOptions {
    /// The losses for `network`, checked and normalised.
    ///
    /// # Errors
    /// As [`Losses::normalised`]; layers that the network lacks (the message lists those it has); no layer
    /// with a weight above 0.
    pub fn resolve(&self, network: &Network) -> Result<Losses> {
        let (content_weight, style_weight, tv_weight) = defaults::weights(self.normalisation);
        let losses = Losses {
            normalisation: self.normalisation,
            content_weight: self.content_weight.unwrap_or(content_weight),
            style_weight: self.style_weight.unwrap_or(style_weight),
            tv_weight: self.tv_weight.unwrap_or(tv_weight),
            range_weight: self.range_weight.unwrap_or(defaults::RANGE_WEIGHT),
            content_layers: self.content_layers.clone().unwrap_or_else(|| defaults::content_layers(network)),
            style_layers: self.style_layers.clone().unwrap_or_else(|| defaults::style_layers(network)),
        }
        .normalised()?;
        for (option, layers) in
            [("--content-layers", &losses.content_layers), ("--style-layers", &losses.style_layers)]
        {
            if let Some((layer, _)) = layers.iter().find(|(layer, _)| network.position(*layer).is_none()) {
                let known: Vec<String> = network.layers().map(|layer| layer.to_string()).collect();
                let message =
                    format!("the network has no layer {layer}; its layers are {}", known.join(", "));
                return Err(Error::option(option, message));
            }
        }
        if losses.taps().is_empty() {
            let message = "no content and no style layer has a weight above 0, so there is nothing to compare; give \
                           --content-weight or --style-weight a value above 0";
            return Err(Error::option("--style-weight", message));
        }
        Ok(losses)
    }

    /// The same without any content term, for textures.
    ///
    /// # Errors
    /// If something was said about the content.
    pub fn without_content(&self, why: &str) -> Result<Self> {
        let said = [
            ("--content-weight", self.content_weight.is_some()),
            ("--content-layers", self.content_layers.is_some()),
        ];
        match said.iter().find(|(_, said)| *said) {
            Some((option, _)) => Err(Error::option(option, format!("cannot be used {why}"))),
            None => Ok(Self { content_weight: Some(0.0), content_layers: Some(Vec::new()), ..self.clone() }),
        }
    }

    /// The same without any style term.
    ///
    /// # Errors
    /// If something was said about the style.
    pub fn without_style(&self, why: &str) -> Result<Self> {
        let said = [
            ("--style-weight", self.style_weight.is_some()),
            ("--style-layers", self.style_layers.is_some()),
        ];
        match said.iter().find(|(_, said)| *said) {
            Some((option, _)) => Err(Error::option(option, format!("cannot be used {why}"))),
            None => Ok(Self { style_weight: Some(0.0), style_layers: Some(Vec::new()), ..self.clone() }),
        }
    }
}
