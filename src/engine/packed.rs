//! A network's weights as the fast engine reads them: packed once, shared by engines of every size.

use std::sync::{Arc, OnceLock};

use super::algorithm::ConvolutionAlgorithm;
use crate::kernels::blocked::direct;
use crate::kernels::blocked::first::{self, LastWeights};
use crate::kernels::blocked::pack::{Packed, vectors};
use crate::kernels::blocked::winograd::{self, Tile};
use crate::kernels::plain::conv::rotated;
use crate::kernels::simd::Vector;
use crate::network::{self, Network};
use crate::tensor::Padding;

/// See the module's text.
pub struct PackedNetwork {
    network: Arc<Network>,
    choice: ConvolutionAlgorithm,
    packs: Arc<Packs>,
}

/// Whatever was packed so far.
struct Packs {
    layers: Vec<PackedLayer>,
    first: OnceLock<Packed>,
    last: OnceLock<LastWeights>,
}

/// One convolution, as far as an engine ever needed it.
struct PackedLayer {
    bias: Vec<Vector>,
    direct: OnceLock<Packed>,
    turned: OnceLock<Packed>,
    /// Both directions, by tile.
    winograd: [OnceLock<(winograd::Weights, winograd::Weights)>; Tile::ALL.len()],
}

impl PackedNetwork {
    /// Prepares a network; each convolution is packed when an engine first needs it.
    pub fn new(network: Arc<Network>, choice: ConvolutionAlgorithm) -> Self {
        let layer = |c: &network::Convolution| PackedLayer {
            bias: vectors(c.bias()),
            direct: OnceLock::new(),
            turned: OnceLock::new(),
            winograd: Default::default(),
        };
        let layers = network.convolutions().iter().map(layer).collect();
        let packs = Packs { layers, first: OnceLock::new(), last: OnceLock::new() };
        Self { network, choice, packs: Arc::new(packs) }
    }

    /// The same weights in a network with another padding; what is packed is shared.
    pub fn with_padding(&self, padding: Padding) -> Self {
        let network = Arc::new(self.network.with_padding(padding));
        Self { network, choice: self.choice, packs: self.packs.clone() }
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// By what algorithms it is packed.
    pub fn choice(&self) -> ConvolutionAlgorithm {
        self.choice
    }

    /// One vector of biases a block.
    pub(super) fn bias(&self, at: usize) -> &[Vector] {
        &self.packs.layers[at].bias
    }

    /// The first convolution's weights.
    pub(super) fn first(&self) -> &Packed {
        let c = &self.network.convolutions()[0];
        once(&self.packs.first, || first::pack(c.weight(), c.outputs()))
    }

    /// The first convolution's weights on the way back.
    pub(super) fn last(&self) -> &LastWeights {
        let c = &self.network.convolutions()[0];
        once(&self.packs.last, || LastWeights::new(c.weight(), c.outputs()))
    }

    /// The direct weights of convolution `at`.
    pub(super) fn direct(&self, at: usize) -> &Packed {
        let c = &self.network.convolutions()[at];
        once(&self.packs.layers[at].direct, || direct::pack(c.weight(), c.outputs(), c.inputs()))
    }

    /// The direct weights from the output's gradient to the input's.
    pub(super) fn turned(&self, at: usize) -> &Packed {
        let c = &self.network.convolutions()[at];
        let pack = || direct::pack(&rotated(c.weight(), c.outputs(), c.inputs()), c.inputs(), c.outputs());
        once(&self.packs.layers[at].turned, pack)
    }

    /// Winograd's weights of convolution `at`, forward and backward.
    pub(super) fn winograd(&self, at: usize, tile: Tile) -> &(winograd::Weights, winograd::Weights) {
        let c = &self.network.convolutions()[at];
        let pack = || winograd::Weights::pair(c.weight().clone(), c.outputs(), c.inputs(), tile);
        once(&self.packs.layers[at].winograd[tile as usize], pack)
    }
}

/// What a lock holds, made when it is first needed.
///
/// It is not made under the lock: a thread that waits for tasks of its own may begin work that needs the same lock.
fn once<T>(lock: &OnceLock<T>, make: impl FnOnce() -> T) -> &T {
    if let Some(made) = lock.get() {
        return made;
    }
    let made = make();
    lock.get_or_init(|| made)
}
