//! AVX2 with FMA: two registers of eight floats.
#![cfg(target_arch = "x86_64")]
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::sealed::Token;
use super::{Kernel, LANES, Simd, Vector};

/// Proof that the processor has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

impl Token for Avx2 {}

impl Avx2 {
    /// The token, where the processor has both.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        has.then_some(Self(()))
    }

    /// Runs a kernel with AVX2 and FMA code.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn enabled<K: Kernel>(kernel: K, token: Avx2) -> K::Output {
            kernel.run(token)
        }
        // SAFETY: the token proves that the processor has the set.
        unsafe { enabled(kernel, self) }
    }
}

type Pair = (__m256, __m256);

/// Eight rows of eight become columns: 2×2 blocks of floats, 2×2 blocks of pairs, halves.
#[target_feature(enable = "avx2")]
#[inline]
fn transpose_eight(rows: [__m256; 8]) -> [__m256; 8] {
    let mut pairs = rows;
    for i in 0..4 {
        pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
    }
    let mut columns = rows;
    for c in 0..4 {
        let four = |i: usize| {
            let (a, b) = (pairs[4 * i + c / 2], pairs[4 * i + 2 + c / 2]);
            match c % 2 {
                0 => _mm256_shuffle_ps::<0b01_00_01_00>(a, b),
                _ => _mm256_shuffle_ps::<0b11_10_11_10>(a, b),
            }
        };
        columns[c] = _mm256_permute2f128_ps::<0x20>(four(0), four(1));
        columns[4 + c] = _mm256_permute2f128_ps::<0x31>(four(0), four(1));
    }
    columns
}

// SAFETY (all blocks below): the token proves that the processor has the set; references to sixteen floats are read and
// written whole, by instructions that need no alignment.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all: the comment above")]
impl Simd for Avx2 {
    type V = Pair;
    const TILE: [usize; 3] = [6, 3, 2];
    const MOMENTS: (usize, usize) = (1, 4);

    #[inline(always)]
    fn splat(self, value: f32) -> Pair {
        let v = unsafe { _mm256_set1_ps(value) };
        (v, v)
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Pair {
        unsafe { (_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES], v: Pair) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), v.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), v.1);
        }
    }
    #[inline(always)]
    fn prefetch(self, at: *const Vector) {
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[inline(always)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        unsafe { (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        unsafe { (_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn mul(self, a: Pair, b: Pair) -> Pair {
        unsafe { (_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn fma(self, a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe { (_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)) }
    }
    #[inline(always)]
    fn fnma(self, a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe { (_mm256_fnmadd_ps(a.0, b.0, c.0), _mm256_fnmadd_ps(a.1, b.1, c.1)) }
    }
    #[inline(always)]
    fn relu(self, v: Pair) -> Pair {
        // vmaxps returns its second operand when one is NaN.
        unsafe {
            let zero = _mm256_setzero_ps();
            (_mm256_max_ps(zero, v.0), _mm256_max_ps(zero, v.1))
        }
    }
    #[inline(always)]
    fn greater(self, a: Pair, b: Pair) -> u16 {
        unsafe {
            let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a.0, b.0)) as u16;
            let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a.1, b.1)) as u16;
            low | high << 8
        }
    }
    #[inline(always)]
    fn keep(self, v: Pair, mask: u16) -> Pair {
        unsafe {
            let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let low = _mm256_and_si256(_mm256_set1_epi32(i32::from(mask)), bits);
            let high = _mm256_and_si256(_mm256_set1_epi32(i32::from(mask >> 8)), bits);
            (
                _mm256_and_ps(v.0, _mm256_castsi256_ps(_mm256_cmpeq_epi32(low, bits))),
                _mm256_and_ps(v.1, _mm256_castsi256_ps(_mm256_cmpeq_epi32(high, bits))),
            )
        }
    }
    #[inline(always)]
    fn sum(self, v: Pair) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(v.0, v.1);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn transpose(self, rows: [Pair; LANES]) -> [Pair; LANES] {
        // The four 8×8 quarters, the two off the diagonal exchanged.
        let mut columns = rows;
        for i in 0..8 {
            (columns[i].1, columns[i + 8].0) = (rows[i + 8].0, rows[i].1);
        }
        for half in [0, 8] {
            unsafe {
                let low = transpose_eight(std::array::from_fn(|i| columns[half + i].0));
                let high = transpose_eight(std::array::from_fn(|i| columns[half + i].1));
                for i in 0..8 {
                    columns[half + i] = (low[i], high[i]);
                }
            }
        }
        columns
    }
}
