//! Numeric kernels: every forward stands beside its hand-derived backward.
//!
//! Maps are C×H×W, row-major, in f32 or f64. Kernels take plain slices whose lengths are asserted against
//! [`Shape`](crate::tensor::Shape)s; a wrong length is a bug of the caller and panics. Work is split at fixed boundaries and
//! reduced in a fixed order, so results do not depend on the number of threads of the rayon pool in which
//! a kernel is called. SIMD and `unsafe` live in this folder only.

pub mod blocked;
pub mod peak;
pub mod plain;
pub mod seed;
pub mod simd;
