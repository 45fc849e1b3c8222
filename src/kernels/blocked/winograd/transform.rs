//! The one-dimensional transforms, each a handful of additions and multiplications; applied along both axes they give
//! `Bᵀ d B`, `G g Gᵀ` and `Aᵀ m A`.
//!
//! F(m×m, 3×3) needs m + 1 points besides ∞ (Toom–Cook). Even and odd parts of the points p and −p are computed once
//! for both.
#![allow(unsafe_code)]

use crate::kernels::simd::Simd;

/// Has the transforms of every tile that exists: M outputs and N = M + 2 inputs along a side.
pub(super) struct Tiles;

/// The transforms of F(M×M, 3×3).
///
/// # Safety
/// All methods only where `S` is available.
#[allow(clippy::missing_safety_doc, reason = "one contract for all methods, stated on the trait")]
pub(super) trait Transform<const M: usize, const N: usize> {
    /// `G`: what [`Transform::kernel`] multiplies by.
    fn g() -> [[f64; 3]; N];
    /// `Bᵀ` along a line of inputs.
    unsafe fn input<S: Simd>(d: [S::V; N]) -> [S::V; N];
    /// `Aᵀ` along a line of products.
    unsafe fn output<S: Simd>(m: [S::V; N]) -> [S::V; M];
    /// `G` along a line of the kernel.
    unsafe fn kernel<S: Simd>(g: [S::V; 3]) -> [S::V; N];
}

/// `G g Gᵀ` of a 3×3 kernel, in f64, rounded once.
pub(super) fn transform_kernel<const M: usize, const N: usize>(kernel: &[f32], values: &mut [f32])
where
    Tiles: Transform<M, N>,
{
    let g = Tiles::g();
    for (i, left) in g.iter().enumerate() {
        for (j, right) in g.iter().enumerate() {
            let mut sum = 0.0;
            for u in 0..3 {
                for v in 0..3 {
                    sum += left[u] * right[v] * f64::from(kernel[3 * u + v]);
                }
            }
            values[N * i + j] = sum as f32;
        }
    }
}

/// √½ and √2: the points of F(4×4).
const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
const B: f32 = std::f32::consts::SQRT_2;

/// F(4×4, 3×3) on 0, ±√½, ±√2, ∞. A factor of −2 is moved from the rows ±√2 of `G` to the columns of `A`.
impl Transform<4, 6> for Tiles {
    fn g() -> [[f64; 3]; 6] {
        let (a, b) = (0.5f64.sqrt(), 2f64.sqrt());
        [
            [1.0, 0.0, 0.0],
            [1.0 / -1.5, a / -1.5, 0.5 / -1.5],
            [1.0 / -1.5, -a / -1.5, 0.5 / -1.5],
            [1.0 / -3.0, b / -3.0, 2.0 / -3.0],
            [1.0 / -3.0, -b / -3.0, 2.0 / -3.0],
            [0.0, 0.0, 1.0],
        ]
    }

    #[inline(always)]
    unsafe fn input<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
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

    #[inline(always)]
    unsafe fn output<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
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

    #[inline(always)]
    unsafe fn kernel<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
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
}

/// F(6×6, 3×3) on 0, ±1, ±2, ±½, ∞. The first row of `Bᵀ` and `G` has its sign turned.
impl Transform<6, 8> for Tiles {
    fn g() -> [[f64; 3]; 8] {
        [
            [1.0, 0.0, 0.0],
            [-2.0 / 9.0, -2.0 / 9.0, -2.0 / 9.0],
            [-2.0 / 9.0, 2.0 / 9.0, -2.0 / 9.0],
            [1.0 / 90.0, 2.0 / 90.0, 4.0 / 90.0],
            [1.0 / 90.0, -2.0 / 90.0, 4.0 / 90.0],
            [32.0 / 45.0, 16.0 / 45.0, 8.0 / 45.0],
            [32.0 / 45.0, -16.0 / 45.0, 8.0 / 45.0],
            [0.0, 0.0, 1.0],
        ]
    }

    #[inline(always)]
    unsafe fn input<S: Simd>(d: [S::V; 8]) -> [S::V; 8] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let (quarter, half, two, four) = (S::splat(0.25), S::splat(0.5), S::splat(2.0), S::splat(4.0));
            let (outer, one) = (S::splat(5.25), S::splat(4.25));
            let (narrow, wide) = (S::splat(1.25), S::splat(2.5));
            // x⁶ − 4.25·x⁴ + x² and so on: the even and the odd part of each pair of points.
            let (even_1, odd_1) =
                (S::fnma(one, d[4], S::add(d[2], d[6])), S::fnma(one, d[3], S::add(d[1], d[5])));
            let even_2 = S::fnma(narrow, d[4], S::fma(quarter, d[2], d[6]));
            let odd_2 = S::fma(two, d[5], S::fnma(wide, d[3], S::mul(half, d[1])));
            let even_h = S::fma(four, S::fnma(narrow, d[4], d[2]), d[6]);
            let odd_h = S::fma(half, d[5], S::fnma(wide, d[3], S::mul(two, d[1])));
            [
                S::fma(outer, S::sub(d[4], d[2]), S::sub(d[0], d[6])),
                S::add(even_1, odd_1),
                S::sub(even_1, odd_1),
                S::add(even_2, odd_2),
                S::sub(even_2, odd_2),
                S::add(even_h, odd_h),
                S::sub(even_h, odd_h),
                S::fma(outer, S::sub(d[3], d[5]), S::sub(d[7], d[1])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<S: Simd>(m: [S::V; 8]) -> [S::V; 6] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let (even_1, odd_1) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
            let (even_2, odd_2) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
            let (even_h, odd_h) = (S::add(m[5], m[6]), S::sub(m[5], m[6]));
            [
                S::add(S::add(m[0], even_1), S::add(even_2, even_h)),
                S::fma(S::splat(1.0 / 2.0), odd_h, S::fma(S::splat(2.0), odd_2, odd_1)),
                S::fma(S::splat(1.0 / 4.0), even_h, S::fma(S::splat(4.0), even_2, even_1)),
                S::fma(S::splat(1.0 / 8.0), odd_h, S::fma(S::splat(8.0), odd_2, odd_1)),
                S::fma(S::splat(1.0 / 16.0), even_h, S::fma(S::splat(16.0), even_2, even_1)),
                S::fma(S::splat(1.0 / 32.0), odd_h, S::fma(S::splat(32.0), odd_2, S::add(odd_1, m[7]))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn kernel<S: Simd>(g: [S::V; 3]) -> [S::V; 8] {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let even_1 = S::mul(S::splat(-2.0 / 9.0), S::add(g[0], g[2]));
            let odd_1 = S::mul(S::splat(-2.0 / 9.0), g[1]);
            let even_2 = S::mul(S::splat(1.0 / 90.0), S::fma(S::splat(4.0), g[2], g[0]));
            let odd_2 = S::mul(S::splat(1.0 / 45.0), g[1]);
            let even_h = S::mul(S::splat(32.0 / 45.0), S::fma(S::splat(0.25), g[2], g[0]));
            let odd_h = S::mul(S::splat(16.0 / 45.0), g[1]);
            [
                g[0],
                S::add(even_1, odd_1),
                S::sub(even_1, odd_1),
                S::add(even_2, odd_2),
                S::sub(even_2, odd_2),
                S::add(even_h, odd_h),
                S::sub(even_h, odd_h),
                g[2],
            ]
        }
    }
}
