//! A network's weights as the fast engine reads them: packed once, shared by engines of every size.

use std::sync::{Arc, OnceLock};

use super::backend::ConvolutionAlgorithm;
use crate::kernels::blocked::map::Vector;
use crate::kernels::blocked::pack::Packed;
use crate::kernels::blocked::winograd::Tile;
use crate::kernels::blocked::{direct, sink, winograd};
use crate::kernels::plain::conv::rotated;
use crate::network::{self, Network};
use crate::tensor::{Padding, Shape};

/// One convolution in both directions, as far as an engine ever needed it.
struct Level {
    bias: Vec<Vector>,
    /// Direct, then by each of Winograd's tiles.
    inner: [OnceLock<Inner>; 3],
    mirrored: OnceLock<Packed>,
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
        /// Of which tile.
        tile: Tile,
        /// Input to output.
        forward: winograd::Weights,
        /// Back.
        backward: winograd::Weights,
    },
}

impl Inner {
    /// The algorithm's name, as profiles print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Direct { .. } => "direct",
            Self::Winograd { tile, forward, .. } => match (tile, forward.transforms_in_use()) {
                (Tile::Four, false) => "winograd4",
                (Tile::Four, true) => "winograd4-shared",
                (Tile::Six, false) => "winograd6",
                (Tile::Six, true) => "winograd6-shared",
            },
        }
    }

    /// Multiplications for each pair of an input and an output channel, in one direction on one map.
    pub fn products(&self, map: Shape) -> usize {
        match self {
            Self::Direct { .. } => 9 * map.positions(),
            Self::Winograd { tile, .. } => tile.products_of(map),
        }
    }
}

/// See the module's text.
pub struct PackedNetwork {
    network: Arc<Network>,
    convolution: ConvolutionAlgorithm,
    levels: Vec<Level>,
    /// The first layer's weights, forward.
    pub first: Packed,
    /// The first layer's weights, backward.
    pub last: Vec<Vector>,
}

impl PackedNetwork {
    /// Prepares a network; each convolution is packed when an engine first needs it.
    pub fn new(network: Arc<Network>, convolution: ConvolutionAlgorithm) -> Self {
        let first = &network.convolutions()[0];
        let level = |c: &network::Convolution| Level {
            bias: sink::vectors(c.bias()),
            inner: Default::default(),
            mirrored: OnceLock::new(),
        };
        Self {
            levels: network.convolutions().iter().map(level).collect(),
            first: direct::pack_first(first.weight(), first.outputs()),
            last: direct::pack_last(first.weight(), first.outputs()),
            network,
            convolution,
        }
    }

    /// One vector of biases a block.
    pub fn bias(&self, at: usize) -> &[Vector] {
        &self.levels[at].bias
    }

    /// Convolution `at` in both directions, by the algorithm for maps of this size; `None` for the first layer, which has
    /// kernels of its own.
    pub fn inner(&self, at: usize, map: Shape) -> Option<&Inner> {
        let tile = match self.convolution {
            ConvolutionAlgorithm::Direct => None,
            ConvolutionAlgorithm::Winograd4 => Some(Tile::Four),
            ConvolutionAlgorithm::Winograd6 => Some(Tile::Six),
            _ => Some(Tile::best(map)),
        };
        let c = &self.network.convolutions()[at];
        let slot = tile.map_or(0, |tile| 1 + tile as usize);
        (at > 0).then(|| {
            self.levels[at].inner[slot].get_or_init(|| match tile {
                None => Inner::Direct {
                    forward: direct::pack(c.weight(), c.outputs(), c.inputs()),
                    backward: self.turned(at),
                },
                Some(tile) => {
                    let (forward, backward) =
                        winograd::Weights::pair(c.weight().clone(), c.outputs(), c.inputs(), tile);
                    Inner::Winograd { tile, forward, backward }
                }
            })
        })
    }

    /// The turned direct weights that the mirrored border needs; `None` with zeros around the map.
    pub fn mirrored(&self, at: usize) -> Option<&Packed> {
        let mirrors = self.network.padding() == Padding::Reflect;
        mirrors.then(|| self.levels[at].mirrored.get_or_init(|| self.turned(at)))
    }

    /// The direct weights from the output's gradient to the input's.
    fn turned(&self, at: usize) -> Packed {
        let c = &self.network.convolutions()[at];
        direct::pack(&rotated(c.weight(), c.outputs(), c.inputs()), c.inputs(), c.outputs())
    }
}
