//! The register tile: a few positions times one to three vectors of output channels, kept in registers while
//! the input channels go by.
//!
//! Per input channel it broadcasts one value of each position and multiplies it with the weights' vectors:
//! with 14 positions and 2 vectors on AVX-512, 28 independent sums hide the latency of the multiplier and
//! every value loaded is used at least twice.
#![allow(unsafe_code)]

use crate::kernels::simd::{LANES, Simd};

/// Calls a method that is generic over the output vectors of a tile for the number that a group has.
macro_rules! by_vectors {
    ($count:expr, $this:ident.$method:ident::<$set:ident>($($argument:expr),*)) => {
        match $count {
            1 => $this.$method::<$set, 1>($($argument),*),
            2 => $this.$method::<$set, 2>($($argument),*),
            _ => $this.$method::<$set, 3>($($argument),*),
        }
    };
}
pub(super) use by_vectors;

/// The most positions any instruction set uses ([`Simd::TILE`]).
pub const MOST: usize = 24;

/// The sums of one tile: `[position][output vector]`; only the first `S::TILE[OB − 1]` positions are used.
pub type Sums<V, const OB: usize> = [[V; OB]; MOST];

/// All sums zero.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
pub unsafe fn zero<S: Simd, const OB: usize>() -> Sums<S::V, OB> {
    // SAFETY: the caller vouches for the instruction set.
    [[unsafe { S::splat(0.0) }; OB]; MOST]
}

/// Adds one input channel: position p's value is at `values + p·stride`, the weights at `weights`.
///
/// # Safety
/// Only where `S` is available; `values` must be valid at every position of the tile, `weights` for OB vectors.
#[inline(always)]
pub unsafe fn step<S: Simd, const OB: usize>(
    sums: &mut Sums<S::V, OB>,
    values: *const f32,
    stride: usize,
    weights: *const f32,
) {
    // SAFETY: the caller vouches for the pointers and the instruction set.
    unsafe {
        let mut w = [S::splat(0.0); OB];
        for o in 0..OB {
            w[o] = S::load(weights.add(o * LANES));
        }
        for p in 0..S::TILE[OB - 1] {
            let value = S::splat(*values.add(p * stride));
            for o in 0..OB {
                sums[p][o] = S::fma(value, w[o], sums[p][o]);
            }
        }
    }
}

/// Adds one block of sixteen input channels whose positions lie one vector apart.
///
/// # Safety
/// As [`step`]: sixteen floats at each position, 16·OB vectors of weights.
#[inline(always)]
pub unsafe fn block<S: Simd, const OB: usize>(
    sums: &mut Sums<S::V, OB>,
    values: *const f32,
    weights: *const f32,
) {
    for k in 0..LANES {
        // SAFETY: the caller vouches for the pointers and the instruction set.
        unsafe { step::<S, OB>(sums, values.add(k), LANES, weights.add(k * OB * LANES)) };
    }
}
