//! Bundles of settings: published systems (`--preset`), and how much work a picture is worth (`--quality`). What a user says
//! goes before what a bundle says.
//!
//! docs/method.md says, for each, what the source is and what still differs.

use super::defaults;
use super::options::Options;
use super::request::Start;
use super::sizes::Iterations;
use super::values::{Method, OptimizerName, Preset, Quality};
use crate::loss::Normalisation;
use crate::network::LayerList;
use crate::tensor::Pooling;

impl Preset {
    /// Its settings, as if they had been said.
    pub fn options(self) -> Options {
        let layers = |text: &str| Some(text.parse::<LayerList>().expect("a list of layers"));
        let mut options = Options::default();
        let (content, loss, paint) = (&mut options.content, &mut options.loss, &mut options.paint);
        // None of them has terms over the pixels that the paper lacks, nor a coarser size, nor a tolerance.
        loss.tv_weight = Some(0.0);
        loss.range_weight = Some(0.0);
        paint.coarsest = Some(usize::MAX);
        paint.tolerance = Some(0.0);
        paint.size = Some(512.into());
        paint.optimizer = Some(OptimizerName::Lbfgs);
        let classic = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1";
        match self {
            Self::Gatys => {
                loss.normalisation = Some(Normalisation::Gatys);
                (content.content_weight, content.content_layers) = (Some(1.0), layers("relu4_2"));
                (loss.style_weight, loss.style_layers) = (Some(1e3), layers(classic));
                paint.iterations = Some(Iterations::Halving(500));
                options.network.pooling = Some(Pooling::Average);
            }
            Self::Johnson => {
                loss.normalisation = Some(Normalisation::Johnson);
                (content.content_weight, content.content_layers) = (Some(5.0), layers("relu4_2"));
                // 100 for each of five layers; here a list of layers shares one weight.
                (loss.style_weight, loss.style_layers) = (Some(500.0), layers(classic));
                paint.iterations = Some(Iterations::Halving(1000));
                paint.history = Some(100);
                options.network.pooling = Some(Pooling::Max);
            }
            Self::Narayanan => {
                // Its style terms are 1/(36·S²)·ΣΔR² with S = 512·512 at every layer; beside 1/(4N²M²), that of the
                // normalisation gatys, a layer's share is N²/(9·16^(block−1)).
                loss.normalisation = Some(Normalisation::Gatys);
                (content.content_weight, content.content_layers) = (Some(0.05), layers("relu2_2"));
                let share = |n: f64, block: i32| n * n / (9.0 * 16f64.powi(block - 1));
                let named = [
                    ("relu1_2", 64.0),
                    ("relu2_2", 128.0),
                    ("relu3_3", 256.0),
                    ("relu4_3", 512.0),
                    ("relu5_3", 512.0),
                ];
                let shares: Vec<f64> = (1..=5).zip(named).map(|(block, (_, n))| share(n, block)).collect();
                let list: Vec<String> =
                    named.iter().zip(&shares).map(|((layer, _), share)| format!("{layer}:{share}")).collect();
                (loss.style_weight, loss.style_layers) = (Some(shares.iter().sum()), layers(&list.join(",")));
                paint.iterations = Some(Iterations::Halving(200));
                options.network.pooling = Some(Pooling::Max);
            }
        }
        options
    }

    /// Where it starts: from noise, all of them.
    pub fn start(self) -> Start {
        Start::Noise
    }
}

impl Options {
    /// What was said, and what its quality and its preset say where nothing was.
    pub(crate) fn with_bundles(&self) -> Self {
        let mut said = self.clone();
        // By steps of √2 half of the iterations of a fine picture are done at sizes that steps of 2 would not have.
        let (draft, fine) = match self.paint.method.unwrap_or_default() {
            Method::Gram => (defaults::DRAFT_ITERATIONS, 6 * defaults::ITERATIONS),
            Method::Strokes => (defaults::STROKES_DRAFT_ITERATIONS, 3 * defaults::STROKES_ITERATIONS),
        };
        match self.paint.quality {
            Some(Quality::Draft) => {
                said.paint.iterations.get_or_insert(Iterations::Quartering(draft));
            }
            Some(Quality::Fine) => {
                said.paint.iterations.get_or_insert(Iterations::Halving(fine));
                said.paint.tolerance.get_or_insert(defaults::FINE_TOLERANCE);
            }
            Some(Quality::Normal) | None => {}
        }
        let Some(preset) = self.loss.preset else { return said };
        let mut preset = preset.options();
        // What belongs to something that was said to be left out, or to be another thing, is left out too.
        if self.content.content_weight == Some(0.0) {
            preset.content.content_layers = None;
        }
        if self.loss.style_weight == Some(0.0) {
            preset.loss.style_layers = None;
        }
        if self.picture.strength.is_some() {
            (preset.content.content_weight, preset.loss.style_weight) = (None, None);
        }
        if self.paint.optimizer == Some(OptimizerName::Adam) {
            preset.paint.history = None;
        }
        said.or(&preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::settings::{Purpose, losses};
    use crate::weights;

    #[test]
    fn a_preset_fills_what_was_not_said() {
        let mut said = Options::default();
        said.loss.preset = Some(Preset::Gatys);
        said.loss.tv_weight = Some(0.5);
        let all = said.with_bundles();
        assert_eq!((all.loss.tv_weight, all.loss.range_weight), (Some(0.5), Some(0.0)));
        assert_eq!(all.network.pooling, Some(Pooling::Average));
        said.content.content_weight = Some(0.0);
        assert_eq!(said.with_bundles().content.content_layers, None);
    }

    #[test]
    fn every_preset_makes_losses_for_vgg() {
        let shape = "2,2|2,2|2,2,2,2|2,2,2,2|2,2,2,2";
        let network = weights::random(shape, 1).unwrap();
        for (name, preset) in Preset::ALL {
            let options = preset.options();
            let losses = losses(&options.content, &options.loss, &network, Purpose::Picture).unwrap();
            assert_eq!((losses.tv_weight, losses.range_weight), (0.0, 0.0), "{name}");
            assert_eq!(losses.style_layers.len(), 5, "{name}");
        }
        // 1/(36·S²) in place of 1/(4N²M²) at a map of S/4 positions with 128 channels: β·w = 128²/(9·16).
        let options = Preset::Narayanan.options();
        let losses = losses(&options.content, &options.loss, &network, Purpose::Picture).unwrap();
        let (_, share) = losses.style_layers[1];
        assert!((losses.style_weight * share - 128.0 * 128.0 / 144.0).abs() < 1e-9);
    }
}
