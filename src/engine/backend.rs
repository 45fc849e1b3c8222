//! The choice of engine: which convolution algorithm, which instruction set.

use std::sync::Arc;

use super::Engine;
pub use super::algorithm::ConvolutionAlgorithm;
use super::demand::EngineKind;
use super::fast::Fast;
use super::packed::PackedNetwork;
use super::reference::Reference;
use super::steps::Steps;
use crate::error::{Error, Result};
use crate::kernels::simd::{Isa, Level};
use crate::network::plan::Plan;
use crate::network::{Layer, Network};
use crate::tensor::Padding;

/// An engine in f32 behind a pointer.
pub type BoxedEngine = Box<dyn Engine<Scalar = f32> + Send>;

/// Makes engines of one network for any picture size; what they can share is prepared once.
pub struct Backend {
    network: Arc<Network>,
    convolution: ConvolutionAlgorithm,
    /// `None`: the reference engine.
    fast: Option<(Arc<PackedNetwork>, Level)>,
}

impl Backend {
    /// Chooses how `network` is computed; `isa` is the processor's best where it is not given.
    ///
    /// # Errors
    /// An instruction set that this processor lacks, or one given for im2col, which chooses its own.
    pub fn new(network: Arc<Network>, convolution: ConvolutionAlgorithm, isa: Option<Isa>) -> Result<Self> {
        if convolution == ConvolutionAlgorithm::Im2col {
            if let Some(isa) = isa {
                let message =
                    format!("{isa} cannot be chosen with `convolution` im2col; leave one of them out");
                return Err(Error::option("isa", message));
            }
            return Ok(Self { network, convolution, fast: None });
        }
        let level = match isa {
            None => Level::best(),
            Some(isa) => isa.level().ok_or_else(|| {
                let message = format!("this processor lacks {isa}; it can run {}", Isa::best());
                Error::option("isa", message)
            })?,
        };
        let packed = Arc::new(PackedNetwork::new(network.clone(), convolution));
        Ok(Self { network, convolution, fast: Some((packed, level)) })
    }

    /// The same with another padding; what was prepared is shared.
    pub fn with_padding(&self, padding: Padding) -> Self {
        let fast = self.fast.as_ref().map(|(packed, level)| (Arc::new(packed.with_padding(padding)), *level));
        let network = match &fast {
            Some((packed, _)) => packed.network().clone(),
            None => Arc::new(self.network.with_padding(padding)),
        };
        Self { network, convolution: self.convolution, fast }
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Which engine it makes.
    pub fn kind(&self) -> EngineKind {
        EngineKind::Single(self.convolution)
    }

    /// The steps that its engines take for a 3×`height`×`width` picture with `taps`.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn steps(&self, height: usize, width: usize, taps: &[Layer]) -> Result<Steps> {
        Ok(Steps::new(Plan::new(self.network.clone(), height, width, taps)?, self.convolution))
    }

    /// An engine for a 3×`height`×`width` picture that keeps `taps`.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn engine(&self, height: usize, width: usize, taps: &[Layer]) -> Result<BoxedEngine> {
        Ok(match &self.fast {
            None => Box::new(Reference::<f32>::new(Plan::new(self.network.clone(), height, width, taps)?)),
            Some((packed, level)) => Box::new(Fast::new(packed.clone(), height, width, taps, *level)?),
        })
    }
}
