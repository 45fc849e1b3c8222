//! The one-dimensional transforms of F(4×4, 3×3) on the points 0, ±√½, ±√2, ∞, each a handful of additions and
//! multiplications; applied along both axes they give `Bᵀ d B`, `G g Gᵀ` and `Aᵀ m A`.
#![allow(unsafe_code)]

use crate::kernels::simd::Simd;

/// √½ and √2: the points.
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;

/// `G g Gᵀ` of a 3×3 kernel, in f64, rounded once.
pub fn transform_kernel(kernel: &[f32], values: &mut [f32]) {
    let (a, b) = (0.5f64.sqrt(), 2f64.sqrt());
    let g = [
        [1.0, 0.0, 0.0],
        [1.0 / -1.5, a / -1.5, 0.5 / -1.5],
        [1.0 / -1.5, -a / -1.5, 0.5 / -1.5],
        [1.0 / -3.0, b / -3.0, 2.0 / -3.0],
        [1.0 / -3.0, -b / -3.0, 2.0 / -3.0],
        [0.0, 0.0, 1.0],
    ];
    for (i, left) in g.iter().enumerate() {
        for (j, right) in g.iter().enumerate() {
            let mut sum = 0.0;
            for u in 0..3 {
                for v in 0..3 {
                    sum += left[u] * right[v] * f64::from(kernel[3 * u + v]);
                }
            }
            values[6 * i + j] = sum as f32;
        }
    }
}

/// `Bᵀ` along six values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
pub(super) unsafe fn input_line<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (half, two, wide) = (S::splat(0.5), S::splat(2.0), S::splat(2.5));
        let (a, b) = (S::splat(A), S::splat(B));
        let (even_a, odd_a) = (S::fnma(two, d[2], d[4]), S::fnma(two, d[1], d[3]));
        let (even_b, odd_b) = (S::fnma(half, d[2], d[4]), S::fnma(half, d[1], d[3]));
        [
            S::fnma(wide, d[2], S::add(d[0], d[4])),
            S::fma(a, odd_a, even_a),
            S::fnma(a, odd_a, even_a),
            S::fma(b, odd_b, even_b),
            S::fnma(b, odd_b, even_b),
            S::fnma(wide, d[3], S::add(d[1], d[5])),
        ]
    }
}

/// `Aᵀ` along six values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
pub(super) unsafe fn output_line<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let half = S::splat(0.5);
        let (even_a, odd_a) = (S::add(m[1], m[2]), S::mul(S::splat(A), S::sub(m[1], m[2])));
        let (even_b, odd_b) = (S::add(m[3], m[4]), S::mul(S::splat(B * 0.5), S::sub(m[3], m[4])));
        [
            S::fnma(half, even_b, S::add(m[0], even_a)),
            S::sub(odd_a, odd_b),
            S::sub(S::mul(half, even_a), even_b),
            S::fma(half, odd_a, S::fnma(S::splat(2.0), odd_b, m[5])),
        ]
    }
}

/// `G` along three values.
///
/// # Safety
/// Only where `S` is available.
#[inline(always)]
pub(super) unsafe fn kernel_line<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (a, b) = (S::splat(-2.0 / 3.0), S::splat(-1.0 / 3.0));
        let even_a = S::mul(a, S::fma(S::splat(0.5), g[2], g[0]));
        let odd_a = S::mul(S::splat(-2.0 / 3.0 * A), g[1]);
        let even_b = S::mul(b, S::fma(S::splat(2.0), g[2], g[0]));
        let odd_b = S::mul(S::splat(-1.0 / 3.0 * B), g[1]);
        [
            g[0],
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            g[2],
        ]
    }
}
