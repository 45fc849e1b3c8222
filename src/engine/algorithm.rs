//! The algorithms of the 3×3 convolutions: what a user may ask for, and what a layer is computed by.

use crate::kernels::blocked::winograd::Tile;
use crate::names::named;
use crate::tensor::Shape;

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

/// What one convolution is computed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// The reference: im2col and GEMM.
    Im2col,
    /// The kernels of the first layer, which has three channels.
    First,
    /// The direct register tile.
    Direct,
    /// Winograd's, with tiles of this size.
    Winograd(Tile),
}

impl Algorithm {
    /// By what convolution `at` on maps of this size is computed where `choice` was made.
    pub fn of(choice: ConvolutionAlgorithm, at: usize, map: Shape) -> Self {
        match choice {
            ConvolutionAlgorithm::Im2col => Self::Im2col,
            _ if at == 0 => Self::First,
            ConvolutionAlgorithm::Direct => Self::Direct,
            ConvolutionAlgorithm::Winograd4 => Self::Winograd(Tile::Four),
            ConvolutionAlgorithm::Winograd6 => Self::Winograd(Tile::Six),
            ConvolutionAlgorithm::Auto | ConvolutionAlgorithm::Winograd => Self::Winograd(Tile::best(map)),
        }
    }

    /// Multiplications for each pair of an input and an output channel, in one direction on one map.
    pub fn products(self, map: Shape) -> usize {
        match self {
            Self::Im2col | Self::First | Self::Direct => 9 * map.positions(),
            Self::Winograd(tile) => tile.products_of(map),
        }
    }
}
