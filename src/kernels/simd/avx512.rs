//! AVX-512F: one register holds sixteen floats.
#![cfg(target_arch = "x86_64")]
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::sealed::Token;
use super::{Kernel, LANES, Simd, Vector};

/// Proof that the processor has AVX-512F (and AVX2 with FMA, as every such processor has).
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

impl Token for Avx512 {}

impl Avx512 {
    /// The token, where the processor has the set.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel with AVX-512 code.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn enabled<K: Kernel>(kernel: K, token: Avx512) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token proves that the processor has the set.
        unsafe { enabled(kernel, self) }
    }
}

// SAFETY (all blocks below): the token proves that the processor has the set; references to sixteen floats are read and
// written whole, by instructions that need no alignment.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all: the comment above")]
impl Simd for Avx512 {
    type V = __m512;
    const TILE: [usize; 3] = [24, 14, 9];
    const MOMENTS: (usize, usize) = (2, 8);

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> __m512 {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: __m512) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn prefetch(self, at: *const Vector) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn fnma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn relu(self, v: __m512) -> __m512 {
        // vmaxps returns its second operand when one is NaN.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), v) }
    }
    #[inline(always)]
    fn greater(self, a: __m512, b: __m512) -> u16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }
    #[inline(always)]
    fn keep(self, v: __m512, mask: u16) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(mask, v) }
    }
    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(v) }
    }
    #[inline(always)]
    fn transpose(self, rows: [__m512; LANES]) -> [__m512; LANES] {
        // 2×2 blocks of floats, 2×2 blocks of pairs, then 4×4 blocks of quarters in two rounds.
        unsafe {
            let mut pairs = rows;
            for i in 0..8 {
                pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            let mut fours = rows;
            for i in 0..4 {
                for half in 0..2 {
                    let a = _mm512_castps_pd(pairs[4 * i + half]);
                    let b = _mm512_castps_pd(pairs[4 * i + 2 + half]);
                    fours[4 * i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
                    fours[4 * i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
                }
            }
            // fours[4·i + c] holds, in its quarter q, rows 4i to 4i + 3 of column 4q + c.
            let mut columns = rows;
            for c in 0..4 {
                let [a, b, d, e] = [fours[c], fours[4 + c], fours[8 + c], fours[12 + c]];
                let (low, high) = (
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b),
                );
                let (below, above) = (
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(d, e),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(d, e),
                );
                columns[c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(low, below);
                columns[4 + c] = _mm512_shuffle_f32x4::<0b10_00_10_00>(high, above);
                columns[8 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(low, below);
                columns[12 + c] = _mm512_shuffle_f32x4::<0b11_01_11_01>(high, above);
            }
            columns
        }
    }
}
