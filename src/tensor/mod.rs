//! What every floor above speaks of: shapes of maps, numbers in two precisions, numbers by position, how borders and
//! windows are treated.

mod positions;
mod scalar;

pub use positions::{Factor, PositionMap, PositionWeights, Window};
pub use scalar::Scalar;

use crate::names::named;

/// The size of a map: channels × height × width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Channels, N in the paper.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// A C×H×W shape.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// H·W, M in the paper.
    pub const fn positions(self) -> usize {
        self.height * self.width
    }

    /// C·H·W.
    pub const fn len(self) -> usize {
        self.channels * self.positions()
    }

    /// Whether the map holds nothing.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same map with another number of channels.
    pub const fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

/// How a 2×2 pooling of stride 2 joins four positions; odd sizes drop the last row or column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The largest of the four, as VGG was trained.
    Max,
    /// The mean of the four, as Gatys et al. prefer.
    Average,
}

/// What stands around a map before a 3×3 convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Zeros, VGG's convention.
    Zeros,
    /// The mirrored map without its edge (`x[-1] = x[1]`): no frame around the picture.
    Reflect,
    /// The map's other side (`x[-1] = x[n−1]`): the picture as one of many tiles without seams.
    Wrap,
}

named! {
    Pooling is "a pooling" {
        "max" => Max,
        "average" => Average,
    }
}

named! {
    Padding is "a padding" {
        "zeros" => Zeros,
        "reflect" => Reflect,
        "wrap" => Wrap,
    }
}
