//! The choice of engine: which convolution algorithm, which instruction set.

use std::sync::Arc;

use super::engine::Engine;
use super::plan::Plan;
use super::reference::Reference;
use super::{Layer, Network};
use crate::error::Result;

/// The algorithm of the 3×3 convolutions (`--convolution`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Convolution {
    /// The fastest measured for each layer's shape.
    #[default]
    Auto,
    /// im2col and GEMM everywhere: the portable reference.
    Im2col,
}

/// An engine in f32 behind a pointer.
pub type BoxedEngine = Box<dyn Engine<Scalar = f32> + Send>;

/// Makes engines of one network for any picture size; what they can share is prepared once.
pub struct Backend {
    network: Arc<Network>,
    convolution: Convolution,
}

impl Backend {
    /// Chooses how `network` is computed.
    pub fn new(network: Arc<Network>, convolution: Convolution) -> Self {
        Self { network, convolution }
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// An engine for a 3×`height`×`width` picture that keeps `taps`.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn engine(&self, height: usize, width: usize, taps: &[Layer]) -> Result<BoxedEngine> {
        let plan = Plan::new(self.network.clone(), height, width, taps)?;
        match self.convolution {
            Convolution::Auto | Convolution::Im2col => Ok(Box::new(Reference::<f32>::new(plan))),
        }
    }
}
