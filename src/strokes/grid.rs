//! The grid on which places are matched: cells of four by four pixels, and what of each block of layers lies in one.

use crate::network::{Layer, Network, Stage};

/// The side of a cell in pixels: one position of the third block.
pub const CELL: usize = 4;
/// The deepest block that is looked at; the fifth costs more than it changes (Kolkin et al. 2022, §3).
const DEEPEST: usize = 4;

/// Cells of a picture, row by row; pixels beyond the last whole cell belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Rows of cells.
    pub height: usize,
    /// Columns of cells.
    pub width: usize,
}

impl Grid {
    /// The grid of a picture.
    pub const fn of(height: usize, width: usize) -> Self {
        Self { height: height / CELL, width: width / CELL }
    }

    /// The mean colour of each cell of a planar RGB picture of `width`.
    pub fn means(self, rgb: &[f32], width: usize) -> Vec<[f32; 3]> {
        let plane = rgb.len() / 3;
        let mean = |channel: usize, cell: usize| {
            let first = channel * plane + cell / self.width * CELL * width + cell % self.width * CELL;
            let rows = (0..CELL).flat_map(|row| &rgb[first + row * width..][..CELL]);
            rows.sum::<f32>() / (CELL * CELL) as f32
        };
        (0..self.cells()).map(|cell| std::array::from_fn(|channel| mean(channel, cell))).collect()
    }

    /// Cells.
    pub const fn cells(self) -> usize {
        self.height * self.width
    }
}

/// How the positions of a block's maps lie against the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// So many positions along each side of a cell: blocks 1 to 3.
    Within(usize),
    /// So many cells along each side of a position: deeper blocks.
    Across(usize),
}

impl Scale {
    /// Of a block, from 1.
    pub const fn of(block: usize) -> Self {
        if block <= 3 { Self::Within(CELL >> (block - 1)) } else { Self::Across(1 << (block - 3)) }
    }
}

/// The layers that are looked at: every rectified one of the first four blocks.
pub fn layers(network: &Network) -> Vec<Layer> {
    network.layers().filter(|layer| layer.stage == Stage::Relu && layer.block <= DEEPEST).collect()
}
