//! The plain kernels, on C×H×W maps in f32 or f64: the portable path, and the oracle of the blocked ones.

pub mod conv;
pub mod fixed;
pub mod gemm;
pub mod moments;
pub mod nearest;
pub mod pool;
pub mod relu;
