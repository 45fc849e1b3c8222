//! Sixteen floats at a time: one small vocabulary, three instruction sets, chosen at run time.
//!
//! A kernel is written once, generic over [`Simd`], as a [`Kernel`]; [`Isa::run`] compiles it for every
//! instruction set (the kernel and all it calls are inlined into a function that enables the set) and
//! picks one when it runs. The portable set is plain Rust that the compiler vectorises as the target allows.

mod avx2;
mod avx512;
mod plain;
mod portable;

pub use plain::{Work, widest};

use crate::names::named;

/// Floats in a vector of [`Simd`], whatever the hardware's width.
pub const LANES: usize = 16;

/// Operations on vectors of [`LANES`] floats.
///
/// # Safety
/// All methods must only run on a processor that has the instruction set; [`Isa::run`] sees to it. Pointers must be
/// valid for [`LANES`] floats (any alignment).
#[allow(clippy::missing_safety_doc, reason = "one contract for all methods, stated on the trait")]
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen floats.
    type V: Copy;
    /// Positions of the register tile for one, two and three vectors of output channels.
    const TILE: [usize; 3];

    /// Channels of the other side in the Gram matrix's register tile: (vectors, single channels).
    const GRAM: (usize, usize);

    /// All lanes `value`.
    #[allow(unsafe_code)]
    unsafe fn splat(value: f32) -> Self::V;
    /// Reads sixteen floats.
    #[allow(unsafe_code)]
    unsafe fn load(from: *const f32) -> Self::V;
    /// Writes sixteen floats.
    #[allow(unsafe_code)]
    unsafe fn store(to: *mut f32, v: Self::V);
    /// Asks for the cache line at an address, which need not be valid, ahead of its use.
    #[allow(unsafe_code)]
    unsafe fn prefetch(at: *const f32);
    /// a + b.
    #[allow(unsafe_code)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// a − b.
    #[allow(unsafe_code)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// a·b.
    #[allow(unsafe_code)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// a·b + c, fused where the hardware can.
    #[allow(unsafe_code)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// c − a·b, fused where the hardware can.
    #[allow(unsafe_code)]
    unsafe fn fnma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// max(v, 0); NaN stays NaN.
    #[allow(unsafe_code)]
    unsafe fn relu(v: Self::V) -> Self::V;
    /// One bit a lane, lowest first: a > b.
    #[allow(unsafe_code)]
    unsafe fn greater(a: Self::V, b: Self::V) -> u16;
    /// The lanes whose bit is set; 0 elsewhere.
    #[allow(unsafe_code)]
    unsafe fn keep(v: Self::V, mask: u16) -> Self::V;
    /// The sum of the lanes, in one fixed order.
    #[allow(unsafe_code)]
    unsafe fn sum(v: Self::V) -> f32;
    /// Sixteen rows become sixteen columns.
    #[allow(unsafe_code)]
    unsafe fn transpose(rows: [Self::V; LANES]) -> [Self::V; LANES];
}

/// A computation that any instruction set can run.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The computation; must be `#[inline(always)]`, like all that it calls.
    ///
    /// # Safety
    /// Only on a processor that has the instruction set `S`.
    #[allow(unsafe_code)]
    unsafe fn run<S: Simd>(self) -> Self::Output;
}

/// An instruction set.
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
    /// Whether this processor has the set.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx512 | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    /// The fastest set that this processor has.
    pub fn best() -> Self {
        Self::ALL.into_iter().map(|(_, isa)| isa).find(|isa| isa.available()).unwrap_or(Self::Portable)
    }

    /// Runs `kernel` with this set.
    ///
    /// # Panics
    /// If the processor lacks it.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        assert!(self.available(), "this processor lacks {self}");
        match self {
            // SAFETY: the set is available, as just asserted.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Avx512 => unsafe { avx512::run(kernel) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            Self::Avx2 => unsafe { avx2::run(kernel) },
            // SAFETY: the portable set needs nothing.
            #[allow(unsafe_code)]
            _ => unsafe { kernel.run::<portable::Portable>() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Transpose([[f32; LANES]; LANES]);

    impl Kernel for Transpose {
        type Output = [[f32; LANES]; LANES];

        #[allow(unsafe_code)]
        #[inline(always)]
        unsafe fn run<S: Simd>(self) -> Self::Output {
            let mut out = self.0;
            // SAFETY: the caller vouches for the set; arrays of sixteen floats are read and written whole.
            unsafe {
                let columns = S::transpose(std::array::from_fn(|i| S::load(self.0[i].as_ptr())));
                columns.into_iter().zip(&mut out).for_each(|(v, row)| S::store(row.as_mut_ptr(), v));
            }
            out
        }
    }

    #[test]
    fn every_set_transposes() {
        let rows: [[f32; LANES]; LANES] =
            std::array::from_fn(|i| std::array::from_fn(|j| (LANES * i + j) as f32));
        for (name, isa) in Isa::ALL.into_iter().filter(|(_, isa)| isa.available()) {
            let columns = isa.run(Transpose(rows));
            for i in 0..LANES {
                for j in 0..LANES {
                    assert_eq!(columns[j][i], rows[i][j], "{name}: row {i}, column {j}");
                }
            }
        }
    }
}
