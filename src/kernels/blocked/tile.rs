//! The register tile: a few positions times one to three vectors of output channels, kept in registers while
//! the input channels go by.
//!
//! Per input channel it broadcasts one value of each position and multiplies it with the weights' vectors:
//! with 14 positions and 2 vectors on AVX-512, 28 independent sums hide the latency of the multiplier and
//! every value loaded is used at least twice.

use crate::kernels::simd::{LANES, Simd, Vector};

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
#[inline(always)]
pub fn zero<S: Simd, const OB: usize>(simd: S) -> Sums<S::V, OB> {
    [[simd.splat(0.0); OB]; MOST]
}

/// Adds one input channel: one value a position, OB vectors of weights.
///
/// # Panics
/// If a position or a weight is missing.
#[inline(always)]
pub fn step<S: Simd, const OB: usize>(
    simd: S,
    sums: &mut Sums<S::V, OB>,
    values: &[f32],
    weights: &[Vector],
) {
    let (values, weights) = (&values[..S::TILE[OB - 1]], &weights[..OB]);
    let mut w = [simd.splat(0.0); OB];
    for o in 0..OB {
        w[o] = simd.load(&weights[o].0);
    }
    for p in 0..S::TILE[OB - 1] {
        let value = simd.splat(values[p]);
        for o in 0..OB {
            sums[p][o] = simd.fma(value, w[o], sums[p][o]);
        }
    }
}

/// Adds one block of sixteen input channels: one vector a position, 16·OB vectors of weights.
///
/// # Panics
/// If a position or a weight is missing.
#[inline(always)]
pub fn block<S: Simd, const OB: usize>(
    simd: S,
    sums: &mut Sums<S::V, OB>,
    values: &[Vector],
    weights: &[Vector],
) {
    let (values, weights) = (&values[..S::TILE[OB - 1]], &weights[..LANES * OB]);
    for k in 0..LANES {
        let mut w = [simd.splat(0.0); OB];
        for o in 0..OB {
            w[o] = simd.load(&weights[k * OB + o].0);
        }
        for p in 0..S::TILE[OB - 1] {
            let value = simd.splat(values[p].0[k]);
            for o in 0..OB {
                sums[p][o] = simd.fma(value, w[o], sums[p][o]);
            }
        }
    }
}

/// The sums of a tile in memory, `[output vector][position]`, for work that needs no copy of its own for every tile.
pub type Results = [[Vector; MOST]; 3];

/// Writes the sums of a tile.
#[inline(always)]
pub fn write<S: Simd, const OB: usize>(simd: S, sums: &Sums<S::V, OB>, results: &mut Results) {
    for o in 0..OB {
        for p in 0..S::TILE[OB - 1] {
            simd.store(&mut results[o][p].0, sums[p][o]);
        }
    }
}
