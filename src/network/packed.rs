//! A network's weights as the fast engine reads them: packed once, shared by engines of every size.

use std::sync::{Arc, OnceLock};

use super::backend::Convolution;
use super::{Network, Padding};
use crate::kernels::blocked::map::Vector;
use crate::kernels::blocked::pack::Packed;
use crate::kernels::blocked::{direct, sink, winograd};
use crate::kernels::conv::rotated;

/// One convolution in both directions.
pub struct Level {
    /// One vector of biases a block.
    pub bias: Vec<Vector>,
    /// Both directions, except for the first layer.
    pub inner: Option<Inner>,
    /// The turned direct weights that the mirrored border needs; `None` with zeros around the map.
    pub mirrored: Option<Packed>,
}

impl Level {
    /// The algorithm's name, as profiles print it.
    pub fn algorithm(&self) -> &'static str {
        match &self.inner {
            None => "first",
            Some(Inner::Direct { .. }) => "direct",
            Some(Inner::Winograd { forward, .. }) if forward.transforms_in_use() => "winograd-shared",
            Some(Inner::Winograd { .. }) => "winograd",
        }
    }
}

/// A convolution between blocked maps: from input to output, and from the output's gradient to the input's.
pub enum Inner {
    /// By the direct register tile.
    Direct {
        /// Input to output.
        forward: Packed,
        /// Back.
        backward: Packed,
    },
    /// By Winograd's transforms.
    Winograd {
        /// Input to output.
        forward: winograd::Weights,
        /// Back.
        backward: winograd::Weights,
    },
}

/// See the module's text.
pub struct PackedNetwork {
    network: Arc<Network>,
    convolution: Convolution,
    levels: Vec<OnceLock<Level>>,
    /// The first layer's weights, forward.
    pub first: Packed,
    /// The first layer's weights, backward.
    pub last: Vec<Vector>,
}

impl PackedNetwork {
    /// Prepares a network; each convolution is packed when an engine first needs it.
    pub fn new(network: Arc<Network>, convolution: Convolution) -> Self {
        let first = &network.convolutions[0];
        Self {
            levels: network.convolutions.iter().map(|_| OnceLock::new()).collect(),
            first: direct::pack_first(&first.weight, first.outputs),
            last: direct::pack_last(&first.weight, first.outputs),
            network,
            convolution,
        }
    }

    /// Convolution `at`, packed.
    pub fn level(&self, at: usize) -> &Level {
        self.levels[at].get_or_init(|| {
            let c = &self.network.convolutions[at];
            let turned = rotated(&c.weight, c.outputs, c.inputs);
            let inner = (at > 0).then(|| match self.convolution {
                Convolution::Direct => Inner::Direct {
                    forward: direct::pack(&c.weight, c.outputs, c.inputs),
                    backward: direct::pack(&turned, c.inputs, c.outputs),
                },
                _ => {
                    let (forward, backward) = winograd::Weights::pair(c.weight.clone(), c.outputs, c.inputs);
                    Inner::Winograd { forward, backward }
                }
            });
            let mirrored = (self.network.padding == Padding::Reflect)
                .then(|| direct::pack(&turned, c.inputs, c.outputs));
            Level { bias: sink::vectors(&c.bias), inner, mirrored }
        })
    }
}
