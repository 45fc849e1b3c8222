//! The choice of engine: which convolution algorithm, which instruction set.

use std::sync::Arc;

use super::Engine;
use super::fast::Fast;
use super::packed::PackedNetwork;
use super::reference::Reference;
use crate::error::{Error, Result};
use crate::kernels::simd::Isa;
use crate::names::named;
use crate::network::plan::Plan;
use crate::network::{Layer, Network};

/// The algorithm of the 3×3 convolutions (`--convolution`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConvolutionAlgorithm {
    /// The fastest measured for each layer's shape.
    #[default]
    Auto,
    /// im2col and GEMM everywhere: the portable reference.
    Im2col,
    /// The direct register tile everywhere.
    Direct,
    /// Winograd's algorithm with the tile that suits each map, except on the three-channel layer.
    Winograd,
    /// Winograd's F(4×4, 3×3) on maps of every size: the least rounding.
    Winograd4,
    /// Winograd's F(6×6, 3×3) on maps of every size: the fewest multiplications on large ones.
    Winograd6,
}

named! {
    ConvolutionAlgorithm is "a convolution algorithm" {
        "auto" => Auto,
        "im2col" => Im2col,
        "direct" => Direct,
        "winograd" => Winograd,
        "winograd4" => Winograd4,
        "winograd6" => Winograd6,
    }
}

/// An engine in f32 behind a pointer.
pub type BoxedEngine = Box<dyn Engine<Scalar = f32> + Send>;

/// Makes engines of one network for any picture size; what they can share is prepared once.
pub struct Backend {
    network: Arc<Network>,
    /// `None`: the reference engine.
    fast: Option<(Arc<PackedNetwork>, Isa)>,
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
            return Ok(Self { network, fast: None });
        }
        let isa = isa.unwrap_or_else(Isa::best);
        if !isa.available() {
            let message = format!("this processor lacks {isa}; it can run {}", Isa::best());
            return Err(Error::option("isa", message));
        }
        let packed = Arc::new(PackedNetwork::new(network.clone(), convolution));
        Ok(Self { network, fast: Some((packed, isa)) })
    }

    /// Whether the fast engine runs, rather than the reference.
    pub fn is_fast(&self) -> bool {
        self.fast.is_some()
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
        Ok(match &self.fast {
            None => Box::new(Reference::<f32>::new(plan)),
            Some((packed, isa)) => Box::new(Fast::new(plan, packed.clone(), *isa)),
        })
    }
}
