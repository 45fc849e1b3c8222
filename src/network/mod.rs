//! A VGG-shaped network: what its file says, and the engines that run it.
//!
//! [`Network`] is plain data. An engine ([`engine::Engine`]) carries pictures forward to the taps and
//! gradients back to the picture; `reference` is the im2col path in any precision.

pub mod layer;
pub mod plan;

pub use layer::{Layer, LayerList, Stage, WeightedLayer};

use std::path::PathBuf;
use std::sync::Arc;

use crate::tensor::{Padding, Pooling};

/// One 3×3 convolution with its bias.
#[derive(Debug, Clone)]
pub struct Convolution {
    /// Block and index, from 1, as in `conv{block}_{index}`.
    pub block: usize,
    /// Index inside the block, from 1.
    pub index: usize,
    /// Channels that come in.
    pub inputs: usize,
    /// Channels that go out.
    pub outputs: usize,
    /// outputs × inputs × 3 × 3, row-major (cross-correlation, as every framework stores it); shared, since the widest
    /// layers are computed from it as it is.
    pub weight: Arc<[f32]>,
    /// One value per output channel.
    pub bias: Vec<f32>,
}

/// A whole network as its file describes it.
#[derive(Debug, Clone)]
pub struct Network {
    /// The file it came from, or a name for one that came from memory; used in messages.
    pub source: PathBuf,
    /// What the file calls itself (empty if it does not say).
    pub name: String,
    /// The licence that the file states (empty if it does not say).
    pub licence: String,
    /// Free text from the file.
    pub description: String,
    /// 3×3, row-major: network input = `input_weight`·rgb + `input_bias`, rgb in [0, 1].
    pub input_weight: [f32; 9],
    /// The affine part of the colour map.
    pub input_bias: [f32; 3],
    /// Pooling between blocks.
    pub pooling: Pooling,
    /// Padding of every convolution.
    pub padding: Padding,
    /// Convolutions in order; blocks and indices count from 1 without gaps.
    pub convolutions: Vec<Convolution>,
    /// Content layers that the file recommends; empty: none stated.
    pub content_layers: Vec<WeightedLayer>,
    /// Style layers that the file recommends; empty: none stated.
    pub style_layers: Vec<WeightedLayer>,
}

impl Network {
    /// Every layer that can be tapped, by depth.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        self.convolutions.iter().flat_map(|c| {
            [Stage::Conv, Stage::Relu].map(|stage| Layer { block: c.block, index: c.index, stage })
        })
    }

    /// The place of a layer's convolution in [`Network::convolutions`], if the network has it.
    pub fn position(&self, layer: Layer) -> Option<usize> {
        self.convolutions.iter().position(|c| c.block == layer.block && c.index == layer.index)
    }
}
