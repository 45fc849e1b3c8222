//! The builder of a [`StyleTransfer`]: what can be said about a run, checked before it starts.

use std::sync::Arc;

use super::StyleTransfer;
use crate::engine::backend::{Backend, ConvolutionAlgorithm};
use crate::error::{Error, Result};
use crate::kernels::simd::Isa;
use crate::loss::gram::blend_sum;
use crate::loss::{Losses, Normalisation};
use crate::network::{Network, WeightedLayer};
use crate::optimize::Optimizer;
use crate::picture::Picture;
use crate::run::defaults;
use crate::run::losses::LossOptions;
use crate::run::sizes::Iterations;
use crate::run::threads;
use crate::tensor::Pooling;
use crate::weights;

/// Where a run starts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Init {
    /// The content picture, its colours matched to the style's.
    #[default]
    Content,
    /// Gaussian noise of the style's colours.
    Noise,
    /// This picture, of the content's aspect ratio; it is resized.
    Picture(Picture),
}

/// Says how to paint; [`Builder::build`] checks it. Nothing said means [`defaults`].
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    network: Option<Arc<Network>>,
    pooling: Option<Pooling>,
    convolution: ConvolutionAlgorithm,
    isa: Option<Isa>,
    losses: LossOptions,
    pub(crate) blend: Option<Vec<f64>>,
    pub(crate) style_scale: Option<f64>,
    pub(crate) size: Option<usize>,
    pub(crate) coarsest: Option<usize>,
    pub(crate) iterations: Iterations,
    method: Option<Optimizer>,
    pub(crate) tolerance: Option<f64>,
    pub(crate) init: Init,
    pub(crate) seed: Option<u64>,
    pub(crate) original_colours: bool,
    threads: Option<usize>,
}

impl Builder {
    /// The network; without one, the embedded.
    pub fn network(mut self, network: Arc<Network>) -> Self {
        self.network = Some(network);
        self
    }

    /// Pooling between blocks in place of what the network's file says.
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = Some(pooling);
        self
    }

    /// The algorithm of the convolutions.
    pub fn convolution(mut self, convolution: ConvolutionAlgorithm) -> Self {
        self.convolution = convolution;
        self
    }

    /// The instruction set; without one, the best that this processor has.
    pub fn isa(mut self, isa: Isa) -> Self {
        self.isa = Some(isa);
        self
    }

    /// Everything about the losses at once, in place of what was said before.
    pub fn losses(mut self, losses: LossOptions) -> Self {
        self.losses = losses;
        self
    }

    /// How the loss terms are normalised.
    pub fn normalisation(mut self, normalisation: Normalisation) -> Self {
        self.losses.normalisation = normalisation;
        self
    }

    /// α, the weight of the content: at least 0, where 0 leaves the content out.
    pub fn content_weight(mut self, content_weight: f64) -> Self {
        self.losses.content_weight = Some(content_weight);
        self
    }

    /// β, the weight of the style.
    pub fn style_weight(mut self, style_weight: f64) -> Self {
        self.losses.style_weight = Some(style_weight);
        self
    }

    /// The weight of the total variation, which smooths; 0.02 for a transfer with the normalisation `relative`, else 0.
    pub fn tv_weight(mut self, tv_weight: f64) -> Self {
        self.losses.tv_weight = Some(tv_weight);
        self
    }

    /// How firmly pixels are held in [0, 1] while the picture is made; 0 lets them go and cuts them off at the end.
    pub fn range_weight(mut self, range_weight: f64) -> Self {
        self.losses.range_weight = Some(range_weight);
        self
    }

    /// The layers at which the content is compared, with relative weights.
    pub fn content_layers(mut self, content_layers: Vec<WeightedLayer>) -> Self {
        self.losses.content_layers = Some(content_layers);
        self
    }

    /// The layers at which the style is compared, with relative weights.
    pub fn style_layers(mut self, style_layers: Vec<WeightedLayer>) -> Self {
        self.losses.style_layers = Some(style_layers);
        self
    }

    /// One weight for each style picture; without them all count the same.
    pub fn style_blend(mut self, style_blend: Vec<f64>) -> Self {
        self.blend = Some(style_blend);
        self
    }

    /// The longer side of the style pictures relative to the result's: above 1 for larger strokes.
    pub fn style_scale(mut self, style_scale: f64) -> Self {
        self.style_scale = Some(style_scale);
        self
    }

    /// The longer side of the result in pixels; the aspect ratio is the content's.
    pub fn size(mut self, size: usize) -> Self {
        self.size = Some(size);
        self
    }

    /// About the longer side of the coarsest size; as large as the result for one size only.
    pub fn coarsest(mut self, coarsest: usize) -> Self {
        self.coarsest = Some(coarsest);
        self
    }

    /// Iterations at each size: a number (halved from size to size) or a list from coarse to fine.
    pub fn iterations(mut self, iterations: impl Into<Iterations>) -> Self {
        self.iterations = iterations.into();
        self
    }

    /// The optimiser.
    pub fn method(mut self, method: Optimizer) -> Self {
        self.method = Some(method);
        self
    }

    /// A size ends when the loss falls by less than this part in ten iterations; 0 never ends one early.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// The picture to start from.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// The seed of the noise that [`Init::Noise`] starts from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps the content's colours: only its brightness is painted.
    pub fn original_colours(mut self, original_colours: bool) -> Self {
        self.original_colours = original_colours;
        self
    }

    /// The number of threads; without it, one for each processor.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }
}

/// What is settled once [`Builder::build`] has agreed.
pub(crate) struct Settings {
    pub said: Builder,
    pub losses: Losses,
    pub method: Optimizer,
    pub backend: Backend,
    pub pool: rayon::ThreadPool,
}

impl Builder {
    /// Checks everything that does not depend on the pictures.
    ///
    /// # Errors
    /// [`Error::Option`] that names the option and what it takes; nothing is ignored. [`Error::Network`] for a
    /// network that cannot be used.
    pub fn build(self) -> Result<StyleTransfer> {
        at_least_one("--size", self.size)?;
        at_least_one("--coarsest", self.coarsest)?;
        positive("--style-scale", self.style_scale, 64.0)?;
        if let Some(tolerance) = self.tolerance.filter(|t| !(0.0..1.0).contains(t)) {
            let message = format!("{tolerance} came; give a number from 0 to below 1");
            return Err(Error::option("--tolerance", message));
        }
        if let Some(weights) = &self.blend {
            blend_sum(weights)?;
        }
        let method = self.method.unwrap_or(defaults::method());
        if let Optimizer::Adam { learning_rate } = method {
            positive("--learning-rate", Some(learning_rate), 1e6)?;
        }
        method.check()?;
        let mut network = match &self.network {
            Some(network) => network.clone(),
            None => Arc::new(weights::embedded()?.clone()),
        };
        if let Some(pooling) = self.pooling.filter(|pooling| *pooling != network.pooling) {
            Arc::make_mut(&mut network).pooling = pooling;
        }
        let mut options = self.losses.clone();
        if options.normalisation == Normalisation::Relative {
            options.tv_weight.get_or_insert(defaults::TRANSFER_TV_WEIGHT);
        }
        let losses = options.resolve(&network)?;
        let backend = Backend::new(network, self.convolution, self.isa)?;
        let pool = threads::pool(self.threads)?;
        Ok(StyleTransfer::new(Settings { losses, method, backend, pool, said: self }))
    }

    /// The losses without content, for a texture.
    pub(crate) fn texture_losses(&self, network: &Network) -> Result<Losses> {
        self.losses.without_content("for a texture, which has no content")?.resolve(network)
    }
}

/// Refuses 0.
fn at_least_one(option: &'static str, value: Option<usize>) -> Result<()> {
    if value == Some(0) {
        return Err(Error::option(option, "0 pixels cannot be painted; give the longer side, such as 512"));
    }
    Ok(())
}

/// Refuses what is not finite, not above 0 or above `most`.
fn positive(option: &'static str, value: Option<f64>, most: f64) -> Result<()> {
    match value {
        Some(value) if !(value > 0.0 && value <= most) => {
            Err(Error::option(option, format!("{value} came; give a number above 0, at most {most}")))
        }
        _ => Ok(()),
    }
}
