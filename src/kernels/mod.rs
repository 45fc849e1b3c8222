//! Numeric kernels: every forward stands beside its hand-derived backward.
//!
//! Maps are C×H×W, row-major, in f32 or f64. Kernels take plain slices whose lengths are asserted against
//! [`Shape`]s; a wrong length is a bug of the caller and panics. Work is split at fixed boundaries and
//! reduced in a fixed order, so results do not depend on the number of threads of the rayon pool in which
//! a kernel is called. SIMD and `unsafe` live in this folder only.

pub mod blocked;
pub mod conv;
pub mod gemm;
pub mod gram;
pub mod peak;
pub mod pool;
pub mod range;
pub mod relu;
pub mod scalar;
pub mod simd;
pub mod variation;

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
