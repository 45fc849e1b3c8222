//! Sixteen floats at a time: one small vocabulary, three instruction sets, chosen at run time.
//!
//! A kernel is written once, generic over [`Simd`], as a [`Kernel`]; [`Level::run`] compiles it for every
//! instruction set (the kernel and all it calls are inlined into a function that enables the set) and
//! picks one when it runs. The portable set is plain Rust that the compiler vectorises as the target allows.
//!
//! An instruction set is a token that exists only where the processor was seen to have it, so that all arithmetic is safe:
//! whoever holds the token may use the set.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;
mod portable;

use crate::names::named;
#[cfg(target_arch = "x86_64")]
use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
use avx512::Avx512;
pub use plain::{Work, widest};
use portable::Portable;

/// Floats in a vector of [`Simd`], whatever the hardware's width.
pub const LANES: usize = 16;

/// One aligned vector: the unit of allocation, so that no load crosses a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Vector(pub [f32; LANES]);

/// All zero.
pub const ZERO: Vector = Vector([0.0; LANES]);

/// Operations on vectors of [`LANES`] floats; only the tokens of this folder have them.
pub trait Simd: Token {
    /// Sixteen floats.
    type V: Copy;
    /// Positions of the register tile for one, two and three vectors of output channels.
    const TILE: [usize; 3];
    /// The register tile of second moments: (vectors of one side, single channels of the other).
    const MOMENTS: (usize, usize);

    /// All lanes `value`.
    fn splat(self, value: f32) -> Self::V;
    /// Reads sixteen floats.
    fn load(self, from: &[f32; LANES]) -> Self::V;
    /// Writes sixteen floats.
    fn store(self, to: &mut [f32; LANES], v: Self::V);
    /// Asks for the cache line at an address, which need not be valid, ahead of its use.
    fn prefetch(self, at: *const Vector);
    /// a + b.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// a·b.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// a·b + c, fused where the hardware can.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a·b, fused where the hardware can.
    fn fnma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// max(v, 0); NaN stays NaN.
    fn relu(self, v: Self::V) -> Self::V;
    /// One bit a lane, lowest first: a > b.
    fn greater(self, a: Self::V, b: Self::V) -> u16;
    /// The lanes whose bit is set; 0 elsewhere.
    fn keep(self, v: Self::V, mask: u16) -> Self::V;
    /// The sum of the lanes, in one fixed order.
    fn sum(self, v: Self::V) -> f32;
    /// Sixteen rows become sixteen columns.
    fn transpose(self, rows: [Self::V; LANES]) -> [Self::V; LANES];
}

mod sealed {
    /// Proof that the processor has an instruction set.
    pub trait Token: Copy + Send + Sync + 'static {}
}
use sealed::Token;

/// A computation that any instruction set can run.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The computation; must be `#[inline(always)]`, like all that it calls.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The name of an instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512F: sixteen lanes in one register.
    Avx512,
    /// AVX2 with FMA: two registers of eight lanes.
    Avx2,
    /// Plain Rust.
    Portable,
}

// Fastest first.
named! {
    Isa is "an instruction set" {
        "avx512" => Avx512,
        "avx2" => Avx2,
        "portable" => Portable,
    }
}

impl Isa {
    /// The right to run kernels with the set, if this processor has it.
    pub fn level(self) -> Option<Level> {
        let set = match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Avx512::detect().map(Set::Avx512),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Avx2::detect().map(Set::Avx2),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => None,
            Self::Portable => Some(Set::Portable(Portable)),
        };
        set.map(Level)
    }

    /// Whether this processor has the set.
    pub fn available(self) -> bool {
        self.level().is_some()
    }

    /// The fastest set that this processor has.
    pub fn best() -> Self {
        Level::best().isa()
    }
}

/// An instruction set that this processor has: only through it kernels run.
#[derive(Debug, Clone, Copy)]
pub struct Level(Set);

#[derive(Debug, Clone, Copy)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

impl Level {
    /// The fastest one.
    pub fn best() -> Self {
        Self::all().next().unwrap_or(Self(Set::Portable(Portable)))
    }

    /// Every one that this processor has, fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        Isa::ALL.into_iter().filter_map(|(_, isa)| isa.level())
    }

    /// Its name.
    pub fn isa(self) -> Isa {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => Isa::Avx512,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => Isa::Avx2,
            Set::Portable(_) => Isa::Portable,
        }
    }

    /// Runs `kernel` with this set.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(token) => token.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(token) => token.run(kernel),
            Set::Portable(token) => kernel.run(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transpose([[f32; LANES]; LANES]);

    impl Kernel for Transpose {
        type Output = [[f32; LANES]; LANES];

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let mut out = self.0;
            let columns = simd.transpose(std::array::from_fn(|i| simd.load(&self.0[i])));
            columns.into_iter().zip(&mut out).for_each(|(v, row)| simd.store(row, v));
            out
        }
    }

    #[test]
    fn every_set_transposes() {
        let rows: [[f32; LANES]; LANES] =
            std::array::from_fn(|i| std::array::from_fn(|j| (LANES * i + j) as f32));
        for level in Level::all() {
            let columns = level.run(Transpose(rows));
            for i in 0..LANES {
                for j in 0..LANES {
                    assert_eq!(columns[j][i], rows[i][j], "{}: row {i}, column {j}", level.isa());
                }
            }
        }
    }
}
