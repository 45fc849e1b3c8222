//! How a [`Network`] is made from arrays in memory: said part by part, checked as a whole.

use std::path::PathBuf;
use std::sync::Arc;

use super::check::{self, Outline};
use super::colours::InputColours;
use super::data::{Convolution, Inner, Network};
use super::layer::Layer;
use super::layer::WeightedLayer;
use crate::error::{Error, Result};
use crate::tensor::{Padding, Pooling};
use crate::text::Message;

/// One convolution that was said, and its arrays' names for messages where a file has its own.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub outputs: usize,
    pub weight: Arc<[f32]>,
    pub bias: Arc<[f32]>,
    /// Of the weight and of the bias; without them `conv2_1.weight` and `conv2_1.bias`.
    pub names: Option<[String; 2]>,
}

/// Says what a network is; [`build`](Self::build) checks it. Made by [`Network::builder`].
///
/// Nothing has to be said but the colours and one block. Pooling is by maximum and padding with zeros, VGG's
/// conventions, unless something else is said.
#[derive(Debug, Clone)]
#[must_use]
pub struct NetworkBuilder {
    source: PathBuf,
    name: String,
    licence: String,
    description: String,
    colours: Option<([f32; 9], [f32; 3])>,
    pooling: Pooling,
    padding: Padding,
    blocks: Vec<Vec<Part>>,
    content_layers: Vec<WeightedLayer>,
    style_layers: Vec<WeightedLayer>,
}

impl Network {
    /// Begins a network from arrays in memory; messages call it `name` unless they are told a file.
    pub fn builder(name: impl Into<String>) -> NetworkBuilder {
        let name = name.into();
        NetworkBuilder {
            source: PathBuf::from(&name),
            name,
            licence: String::new(),
            description: String::new(),
            colours: None,
            pooling: Pooling::Max,
            padding: Padding::Zeros,
            blocks: Vec::new(),
            content_layers: Vec::new(),
            style_layers: Vec::new(),
        }
    }
}

impl NetworkBuilder {
    /// The file that it came from, for messages; without it, they say its name.
    pub fn source(mut self, source: impl Into<PathBuf>) -> Self {
        self.source = source.into();
        self
    }

    /// What it is called, in place of the name that it began with.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Its licence, as `weights inspect` shows it.
    pub fn licence(mut self, licence: impl Into<String>) -> Self {
        self.licence = licence.into();
        self
    }

    /// Free text about it.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The colours that it was trained on, by one of the usual conventions.
    pub fn colours(self, colours: InputColours) -> Self {
        let (weight, bias) = colours.colour_map();
        self.colour_map(weight, bias)
    }

    /// The colours that it was trained on: input = `weight`·rgb + `bias`, rgb in [0, 1], `weight` 3×3 and row-major.
    pub fn colour_map(mut self, weight: [f32; 9], bias: [f32; 3]) -> Self {
        self.colours = Some((weight, bias));
        self
    }

    /// The pooling between blocks.
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self
    }

    /// The padding of every convolution.
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Adds a block: its 3×3 convolutions in order, each with its output channels, its weight (outputs×inputs×3×3,
    /// row-major, a cross-correlation as every framework stores it; inputs are the outputs of the convolution before, at
    /// first the picture's 3) and its bias (one value an output). A ReLU follows each; a pooling stands between blocks.
    pub fn block<W: Into<Arc<[f32]>>, B: Into<Arc<[f32]>>>(
        self,
        convolutions: impl IntoIterator<Item = (usize, W, B)>,
    ) -> Self {
        let part = |(outputs, weight, bias): (usize, W, B)| Part {
            outputs,
            weight: weight.into(),
            bias: bias.into(),
            names: None,
        };
        self.parts(convolutions.into_iter().map(part).collect())
    }

    /// As [`block`](Self::block), where the arrays may have names of their own.
    pub(crate) fn parts(mut self, block: Vec<Part>) -> Self {
        self.blocks.push(block);
        self
    }

    /// Content layers to recommend, with weights above 0; where none are said, the program's defaults hold.
    pub fn content_layers(mut self, layers: impl Into<Vec<WeightedLayer>>) -> Self {
        self.content_layers = layers.into();
        self
    }

    /// Style layers to recommend, as [`content_layers`](Self::content_layers).
    pub fn style_layers(mut self, layers: impl Into<Vec<WeightedLayer>>) -> Self {
        self.style_layers = layers.into();
        self
    }

    /// The network, if it is one.
    ///
    /// # Errors
    /// [`Error::Network`] with the first rule that is broken: no colours, no convolution, an empty block, more than 128
    /// convolutions, 8192 channels or 2²⁶ weights, arrays of the wrong length, values that are not finite, recommended
    /// layers that it lacks or whose weights are not above 0, control characters in its texts.
    pub fn build(self) -> Result<Network> {
        let source = self.source.clone();
        self.finish().map_err(|message| Error::network(source, message))
    }

    /// As [`build`](Self::build), with the sentence alone.
    pub(crate) fn finish(mut self) -> Message<Network> {
        for (key, text) in
            [("name", &self.name), ("licence", &self.licence), ("description", &self.description)]
        {
            check::printable(key, text)?;
        }
        let (input_weight, input_bias) =
            self.colours.ok_or("it does not say which colours it takes; give colours or a colour map")?;
        check::values("input.weight", &[3, 3], &input_weight)?;
        check::values("input.bias", &[3], &input_bias)?;
        let convolutions = convolutions(self.blocks)?;
        let present: Vec<Layer> = convolutions.iter().flat_map(Convolution::layers).collect();
        for (kind, layers) in
            [("content_layers", &mut self.content_layers), ("style_layers", &mut self.style_layers)]
        {
            layers.sort_by_key(|&(layer, _)| layer);
            check::recommended(kind, layers, &present)?;
        }
        Ok(Network(Arc::new(Inner {
            source: self.source,
            name: self.name,
            licence: self.licence,
            description: self.description,
            input_weight,
            input_bias,
            pooling: self.pooling,
            padding: self.padding,
            convolutions,
            content_layers: self.content_layers,
            style_layers: self.style_layers,
        })))
    }
}

/// Checks all blocks and gives each convolution its place.
fn convolutions(blocks: Vec<Vec<Part>>) -> Message<Vec<Convolution>> {
    if let Some(empty) = blocks.iter().position(Vec::is_empty) {
        return Err(format!("block {} has no convolution; give it one or leave it out", empty + 1));
    }
    let mut outlines = Vec::new();
    let mut inputs = 3;
    for (block, parts) in (1..).zip(&blocks) {
        for (index, part) in (1..).zip(parts) {
            let name = format!("conv{block}_{index}.weight");
            outlines.push(Outline { block, index, name, inputs, outputs: part.outputs });
            inputs = part.outputs;
        }
    }
    check::shapes(&outlines)?;
    let made = outlines.into_iter().zip(blocks.into_iter().flatten()).map(|(outline, part)| {
        let Outline { block, index, inputs, outputs, .. } = outline;
        let [weight, bias] = part
            .names
            .unwrap_or_else(|| ["weight", "bias"].map(|array| format!("conv{block}_{index}.{array}")));
        check::values(&weight, &[outputs, inputs, 3, 3], &part.weight)?;
        check::values(&bias, &[outputs], &part.bias)?;
        Ok(Convolution { block, index, inputs, outputs, weight: part.weight, bias: part.bias })
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3→2→2|2→4, all weights and biases a half.
    fn good() -> NetworkBuilder {
        let part = |outputs: usize, inputs: usize| {
            (outputs, vec![0.5f32; outputs * inputs * 9], vec![0.5f32; outputs])
        };
        Network::builder("tiny")
            .colours(InputColours::Torchvision)
            .block([part(2, 3), part(2, 2)])
            .block([part(4, 2)])
    }

    fn layer(name: &str) -> Layer {
        name.parse().unwrap()
    }

    #[test]
    fn everything_said_is_there() {
        let network = good()
            .licence("CC0")
            .description("made\tby hand")
            .colour_map([2.0; 9], [-1.0; 3])
            .pooling(Pooling::Average)
            .padding(Padding::Reflect)
            .content_layers([(layer("conv1_2"), 1.0)])
            .style_layers([(layer("relu2_1"), 0.5), (layer("relu1_1"), 1.0)])
            .build()
            .unwrap();
        assert_eq!((network.name(), network.licence()), ("tiny", "CC0"));
        assert_eq!((network.description(), network.source()), ("made\tby hand", "tiny".as_ref()));
        assert_eq!((network.input_weight(), network.input_bias()), (&[2.0; 9], &[-1.0; 3]));
        assert_eq!((network.pooling(), network.padding()), (Pooling::Average, Padding::Reflect));
        assert_eq!(network.content_layers(), [(layer("conv1_2"), 1.0)]);
        assert_eq!(network.style_layers(), [(layer("relu1_1"), 1.0), (layer("relu2_1"), 0.5)]);
        let shapes: Vec<_> = network
            .convolutions()
            .iter()
            .map(|c| (c.name(), c.inputs(), c.outputs(), c.weight().len(), c.bias().len()))
            .collect();
        let expected = [("conv1_1", 3, 2, 54, 2), ("conv1_2", 2, 2, 36, 2), ("conv2_1", 2, 4, 72, 4)];
        assert_eq!(shapes, expected.map(|(n, i, o, w, b)| (n.to_string(), i, o, w, b)));
        assert_eq!(good().source("x.npz").build().unwrap().source(), "x.npz".as_ref() as &std::path::Path);
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        let none: [(usize, Vec<f32>, Vec<f32>); 0] = [];
        let one = |outputs, weights, biases| [(outputs, vec![0.5f32; weights], vec![0.5f32; biases])];
        let mut sick = vec![0.5f32; 36];
        sick[4] = f32::INFINITY;
        for (builder, expected) in [
            (Network::builder("x").block(one(2, 54, 2)), "which colours it takes"),
            (Network::builder("x").colours(InputColours::Caffe), "no convolutions"),
            (good().block(none), "block 3 has no convolution"),
            (good().block(one(0, 0, 0)), "conv3_1.weight gives 0 channels"),
            (good().block(one(usize::MAX, 0, 0)), "channels; 1 to 8192"),
            (
                good().block(one(2, 71, 2)),
                "conv3_1.weight has 71 values; its shape is 2×4×3×3, which takes 72",
            ),
            (good().block(one(2, 0, 2)), "conv3_1.weight has 0 values"),
            (good().block(one(2, 72, 0)), "conv3_1.bias has 0 values; its shape is 2, which takes 2"),
            (good().block(one(2, 72, 3)), "conv3_1.bias has 3 values"),
            (good().block([(1, sick, vec![0.0])]), "conv3_1.weight holds inf at [0, 0, 1, 1]"),
            (good().block([(1, vec![0.5; 36], vec![f32::NAN])]), "conv3_1.bias holds NaN at [0]"),
            (good().colour_map([f32::NAN; 9], [0.0; 3]), "input.weight holds NaN"),
            (good().colour_map([0.0; 9], [f32::NAN; 3]), "input.bias holds NaN"),
            (
                good().style_layers([(layer("relu3_1"), 1.0)]),
                "style_layers names relu3_1, which it does not have",
            ),
            (good().content_layers([(layer("relu2_1"), 0.0)]), "content_layers gives relu2_1 the weight 0"),
            (good().content_layers([(layer("relu2_1"), f64::NAN)]), "the weight NaN"),
            (good().style_layers([(layer("relu2_1"), 1.0); 2]), "style_layers names relu2_1 twice"),
            (good().licence("a\u{1b}[2J"), "its licence holds control characters"),
        ] {
            let message = builder.build().unwrap_err().to_string();
            assert!(message.starts_with("network ") && message.contains(expected), "{message}");
        }
    }
}
