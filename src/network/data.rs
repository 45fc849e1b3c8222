//! A network and its convolutions: private fields, shared by clones.
//!
//! Only `builder` makes them, from what `check` found to be right.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layer::{Layer, Stage, WeightedLayer};
use crate::tensor::{Padding, Pooling};

/// One 3×3 convolution with its bias and its place in a [`Network`].
#[derive(Clone)]
pub struct Convolution {
    pub(super) block: usize,
    pub(super) index: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weight: Arc<[f32]>,
    pub(super) bias: Arc<[f32]>,
}

impl Convolution {
    /// The block, from 1, as in `conv{block}_{index}`.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The place inside the block, from 1.
    pub fn index(&self) -> usize {
        self.index
    }

    /// `conv2_1`.
    pub fn name(&self) -> String {
        format!("conv{}_{}", self.block, self.index)
    }

    /// Channels that come in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels that go out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// outputs×inputs×3×3, row-major (cross-correlation, as every framework stores it), all finite; shared, since the
    /// widest layers are computed from it as it is.
    pub fn weight(&self) -> &Arc<[f32]> {
        &self.weight
    }

    /// One value an output channel, all finite.
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }
}

impl Convolution {
    /// Before and after its ReLU.
    pub(super) fn layers(&self) -> [Layer; 2] {
        [Stage::Conv, Stage::Relu].map(|stage| Layer { block: self.block, index: self.index, stage })
    }
}

impl fmt::Debug for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}→{}", self.name(), self.inputs, self.outputs)
    }
}

/// A VGG-shaped network: blocks of 3×3 convolutions with a ReLU behind each and a 2×2 pooling between blocks.
///
/// It cannot be wrong: [`Network::builder`] and the readers of [`weights`](crate::weights) check all that must hold, and
/// nothing changes afterwards. A clone shares everything with its original and costs next to nothing.
///
/// ```
/// use impasto::{InputColours, Network};
///
/// // 3→2→2|2→4 channels; real weights come from training.
/// let layer = |outputs: usize, inputs: usize| (outputs, vec![0.01; outputs * inputs * 9], vec![0.0; outputs]);
/// let network = Network::builder("tiny")
///     .colours(InputColours::Torchvision)
///     .block([layer(2, 3), layer(2, 2)])
///     .block([layer(4, 2)])
///     .build()?;
/// assert_eq!(network.layers().last().unwrap().to_string(), "relu2_1");
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Clone)]
pub struct Network(pub(super) Arc<Inner>);

/// What the clones of a network share; [`Network`]'s methods say what each part is.
#[derive(Clone)]
pub(super) struct Inner {
    pub source: PathBuf,
    pub name: String,
    pub licence: String,
    pub description: String,
    pub input_weight: [f32; 9],
    pub input_bias: [f32; 3],
    pub pooling: Pooling,
    pub padding: Padding,
    pub convolutions: Vec<Convolution>,
    pub content_layers: Vec<WeightedLayer>,
    pub style_layers: Vec<WeightedLayer>,
}

impl Network {
    /// The file it came from, or a name for one that came from memory; used in messages.
    pub fn source(&self) -> &Path {
        &self.0.source
    }

    /// What it calls itself (empty if it does not say).
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The licence that it states (empty if it does not say).
    pub fn licence(&self) -> &str {
        &self.0.licence
    }

    /// Free text about it.
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// 3×3, row-major: network input = `input_weight`·rgb + `input_bias`, rgb in [0, 1].
    pub fn input_weight(&self) -> &[f32; 9] {
        &self.0.input_weight
    }

    /// The part of the colour map that is added.
    pub fn input_bias(&self) -> &[f32; 3] {
        &self.0.input_bias
    }

    /// Pooling between blocks.
    pub fn pooling(&self) -> Pooling {
        self.0.pooling
    }

    /// Padding of every convolution.
    pub fn padding(&self) -> Padding {
        self.0.padding
    }

    /// At least one convolution, in order: blocks and indices count from 1 without gaps, and each takes the channels that
    /// the one before it gives, the first the picture's 3.
    pub fn convolutions(&self) -> &[Convolution] {
        &self.0.convolutions
    }

    /// Content layers that it recommends, by depth; empty: none stated.
    pub fn content_layers(&self) -> &[WeightedLayer] {
        &self.0.content_layers
    }

    /// Style layers that it recommends, by depth; empty: none stated.
    pub fn style_layers(&self) -> &[WeightedLayer] {
        &self.0.style_layers
    }

    /// Every layer that can be tapped, by depth.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        self.convolutions().iter().flat_map(Convolution::layers)
    }

    /// The place of a layer's convolution in [`Network::convolutions`], if the network has it.
    pub fn position(&self, layer: Layer) -> Option<usize> {
        self.convolutions().iter().position(|c| c.block == layer.block && c.index == layer.index)
    }

    /// The number of weights and biases of all convolutions.
    pub fn parameters(&self) -> usize {
        self.convolutions().iter().map(|c| c.weight.len() + c.bias.len()).sum()
    }

    /// The same network with another pooling.
    #[must_use]
    pub fn with_pooling(&self, pooling: Pooling) -> Self {
        if pooling == self.pooling() {
            return self.clone();
        }
        Self(Arc::new(Inner { pooling, ..Inner::clone(&self.0) }))
    }

    /// The same network with something else around its maps.
    #[must_use]
    pub fn with_padding(&self, padding: Padding) -> Self {
        if padding == self.padding() {
            return self.clone();
        }
        Self(Arc::new(Inner { padding, ..Inner::clone(&self.0) }))
    }

    /// The same network without what lies below `deepest`: its convolutions, and recommended layers among them. Whole if
    /// it has no such layer.
    #[must_use]
    pub fn up_to(&self, deepest: Layer) -> Self {
        let Some(at) = self.position(deepest) else { return self.clone() };
        let mut inner = Inner::clone(&self.0);
        inner.convolutions.truncate(at + 1);
        let last = Layer { stage: Stage::Relu, ..deepest };
        for layers in [&mut inner.content_layers, &mut inner.style_layers] {
            layers.retain(|&(layer, _)| layer <= last);
        }
        Self(Arc::new(inner))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("source", &self.0.source)
            .field("pooling", &self.0.pooling)
            .field("padding", &self.0.padding)
            .field("convolutions", &self.0.convolutions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::InputColours;
    use super::*;

    fn network() -> Network {
        let part = |outputs: usize, inputs: usize| {
            (outputs, vec![0.5f32; outputs * inputs * 9], vec![0.5f32; outputs])
        };
        let weighted = |names: [&str; 2]| names.map(|name| (name.parse().unwrap(), 1.0));
        Network::builder("tiny")
            .colours(InputColours::Torchvision)
            .block([part(2, 3), part(2, 2)])
            .block([part(4, 2)])
            .content_layers(weighted(["conv1_2", "relu2_1"]))
            .style_layers(weighted(["relu1_2", "conv2_1"]))
            .build()
            .unwrap()
    }

    #[test]
    fn clones_share_their_weights() {
        let network = network();
        let average = network.with_pooling(Pooling::Average);
        assert_eq!((network.pooling(), average.pooling()), (Pooling::Max, Pooling::Average));
        for other in [&network.clone(), &average, &network.up_to("conv1_1".parse().unwrap())] {
            assert!(Arc::ptr_eq(other.convolutions()[0].weight(), network.convolutions()[0].weight()));
        }
        assert_eq!(network.parameters(), 54 + 2 + 36 + 2 + 72 + 4);
    }

    #[test]
    fn a_network_is_cut_with_its_recommendations() {
        let network = network();
        let cut = network.up_to("conv1_2".parse().unwrap());
        assert_eq!(cut.convolutions().len(), 2);
        let names = |layers: &[WeightedLayer]| -> Vec<String> {
            layers.iter().map(|(layer, _)| layer.to_string()).collect()
        };
        assert_eq!(
            (names(cut.content_layers()), names(cut.style_layers())),
            (vec!["conv1_2".into()], vec!["relu1_2".into()])
        );
        assert_eq!(network.up_to("conv5_1".parse().unwrap()).convolutions().len(), 3);
    }
}
