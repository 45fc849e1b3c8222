//! A network cut to what one picture size and one set of taps need: which convolutions run, on what shapes.

use std::sync::Arc;

use super::{Layer, Network};
use crate::error::{Error, Result};
use crate::tensor::Padding;
use crate::tensor::Shape;

/// Largest side that is accepted: beyond it sizes could overflow and no memory would do.
pub const MAX_SIDE: usize = 1 << 16;

/// The work of one evaluation: the network up to its deepest tap at one picture size.
#[derive(Debug, Clone)]
pub struct Plan {
    network: Arc<Network>,
    picture: Shape,
    taps: Vec<Layer>,
    shapes: Vec<Shape>,
}

impl Plan {
    /// Plans `network` for a 3×`height`×`width` picture with the given taps (any order, repeats allowed).
    ///
    /// # Errors
    /// A layer that the network lacks (the message lists those it has), no layer at all, or a picture so small or
    /// so large that a map cannot exist.
    pub fn new(network: Arc<Network>, height: usize, width: usize, taps: &[Layer]) -> Result<Self> {
        let mut taps = taps.to_vec();
        taps.sort_unstable();
        taps.dedup();
        let mut depth = 0;
        for &tap in &taps {
            let at = network.position(tap).ok_or_else(|| {
                let known: Vec<String> = network.layers().map(|layer| layer.to_string()).collect();
                let message = format!("has no layer {tap}; its layers are {}", known.join(", "));
                Error::network(network.source(), message)
            })?;
            depth = depth.max(at + 1);
        }
        if depth == 0 {
            return Err(Error::network(network.source(), "no layer was asked for; name at least one"));
        }
        let deepest = taps[taps.len() - 1];
        let smallest =
            if network.padding() == Padding::Reflect { 2 } else { 1 } << (deepest.block - 1).min(32);
        if height.min(width) < smallest || height.max(width) > MAX_SIDE {
            let message = format!(
                "a picture of {width}x{height} pixels cannot be used with {deepest}: each side must be from \
                 {smallest} to {MAX_SIDE} pixels; choose another size, or layers less deep"
            );
            return Err(Error::option("size", message));
        }
        let mut shapes: Vec<Shape> = Vec::with_capacity(depth);
        for convolution in &network.convolutions()[..depth] {
            let by = 1 << (convolution.block() - 1);
            shapes.push(Shape::new(convolution.outputs(), height / by, width / by));
        }
        Ok(Self { picture: Shape::new(3, height, width), network, taps, shapes })
    }

    /// The whole network.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// 3×H×W.
    pub fn picture(&self) -> Shape {
        self.picture
    }

    /// The taps by depth, without repeats; engines number them by their place here.
    pub fn taps(&self) -> &[Layer] {
        &self.taps
    }

    /// The place of a layer among the taps.
    pub fn tap(&self, layer: Layer) -> Option<usize> {
        self.taps.binary_search(&layer).ok()
    }

    /// The shape of a tap's feature map: N×H×W.
    pub fn tap_shape(&self, tap: usize) -> Shape {
        let at = self.network.position(self.taps[tap]).expect("taps were looked up in `new`");
        self.shapes[at]
    }

    /// Convolutions that run.
    pub fn depth(&self) -> usize {
        self.shapes.len()
    }

    /// The output shape of convolution `at`.
    pub fn shape(&self, at: usize) -> Shape {
        self.shapes[at]
    }

    /// The input shape of convolution `at`, after the pooling before it.
    pub fn input_shape(&self, at: usize) -> Shape {
        self.shapes[at].with_channels(self.network.convolutions()[at].inputs())
    }

    /// Whether a pooling stands before convolution `at`.
    pub fn pools_before(&self, at: usize) -> bool {
        at > 0 && self.network.convolutions()[at].block() != self.network.convolutions()[at - 1].block()
    }

    /// Whether a pooling stands behind convolution `at` and something behind that.
    pub fn pools_behind(&self, at: usize) -> bool {
        at + 1 < self.depth() && self.pools_before(at + 1)
    }
}
