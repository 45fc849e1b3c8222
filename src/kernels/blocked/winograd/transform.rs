//! The one-dimensional transforms, each a handful of additions and multiplications; applied along both axes they give
//! `Bᵀ d B`, `G g Gᵀ` and `Aᵀ m A`.
//!
//! F(m×m, 3×3) needs m + 1 points besides ∞ (Toom–Cook). Even and odd parts of the points p and −p are computed once
//! for both.

use crate::kernels::simd::Simd;

/// Has the transforms of every tile that exists: M outputs and N = M + 2 inputs along a side.
pub(super) struct Transforms;

/// The transforms of F(M×M, 3×3).
pub(super) trait Transform<const M: usize, const N: usize> {
    /// `G`: what [`Transform::kernel`] multiplies by.
    fn g() -> [[f64; 3]; N];
    /// `Bᵀ` along a line of inputs.
    fn input<S: Simd>(simd: S, d: [S::V; N]) -> [S::V; N];
    /// `Aᵀ` along a line of products.
    fn output<S: Simd>(simd: S, m: [S::V; N]) -> [S::V; M];
    /// `G` along a line of the kernel.
    fn kernel<S: Simd>(simd: S, g: [S::V; 3]) -> [S::V; N];
}

/// `G g Gᵀ` of a 3×3 kernel, in f64, rounded once.
pub(super) fn transform_kernel<const M: usize, const N: usize>(kernel: &[f32], values: &mut [f32])
where
    Transforms: Transform<M, N>,
{
    let g = Transforms::g();
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
impl Transform<4, 6> for Transforms {
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
    fn input<S: Simd>(simd: S, d: [S::V; 6]) -> [S::V; 6] {
        let (half, two, wide) = (simd.splat(0.5), simd.splat(2.0), simd.splat(2.5));
        let (a, b) = (simd.splat(A), simd.splat(B));
        let (even_a, odd_a) = (simd.fnma(two, d[2], d[4]), simd.fnma(two, d[1], d[3]));
        let (even_b, odd_b) = (simd.fnma(half, d[2], d[4]), simd.fnma(half, d[1], d[3]));
        [
            simd.fnma(wide, d[2], simd.add(d[0], d[4])),
            simd.fma(a, odd_a, even_a),
            simd.fnma(a, odd_a, even_a),
            simd.fma(b, odd_b, even_b),
            simd.fnma(b, odd_b, even_b),
            simd.fnma(wide, d[3], simd.add(d[1], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::V; 6]) -> [S::V; 4] {
        let half = simd.splat(0.5);
        let (even_a, odd_a) = (simd.add(m[1], m[2]), simd.mul(simd.splat(A), simd.sub(m[1], m[2])));
        let (even_b, odd_b) = (simd.add(m[3], m[4]), simd.mul(simd.splat(B * 0.5), simd.sub(m[3], m[4])));
        [
            simd.fnma(half, even_b, simd.add(m[0], even_a)),
            simd.sub(odd_a, odd_b),
            simd.sub(simd.mul(half, even_a), even_b),
            simd.fma(half, odd_a, simd.fnma(simd.splat(2.0), odd_b, m[5])),
        ]
    }

    #[inline(always)]
    fn kernel<S: Simd>(simd: S, g: [S::V; 3]) -> [S::V; 6] {
        let (a, b) = (simd.splat(-2.0 / 3.0), simd.splat(-1.0 / 3.0));
        let even_a = simd.mul(a, simd.fma(simd.splat(0.5), g[2], g[0]));
        let odd_a = simd.mul(simd.splat(-2.0 / 3.0 * A), g[1]);
        let even_b = simd.mul(b, simd.fma(simd.splat(2.0), g[2], g[0]));
        let odd_b = simd.mul(simd.splat(-1.0 / 3.0 * B), g[1]);
        [
            g[0],
            simd.add(even_a, odd_a),
            simd.sub(even_a, odd_a),
            simd.add(even_b, odd_b),
            simd.sub(even_b, odd_b),
            g[2],
        ]
    }
}

/// F(6×6, 3×3) on 0, ±1, ±2, ±½, ∞. The first row of `Bᵀ` and `G` has its sign turned.
impl Transform<6, 8> for Transforms {
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
    fn input<S: Simd>(simd: S, d: [S::V; 8]) -> [S::V; 8] {
        let (quarter, half, two, four) =
            (simd.splat(0.25), simd.splat(0.5), simd.splat(2.0), simd.splat(4.0));
        let (outer, one) = (simd.splat(5.25), simd.splat(4.25));
        let (narrow, wide) = (simd.splat(1.25), simd.splat(2.5));
        // x⁶ − 4.25·x⁴ + x² and so on: the even and the odd part of each pair of points.
        let (even_1, odd_1) =
            (simd.fnma(one, d[4], simd.add(d[2], d[6])), simd.fnma(one, d[3], simd.add(d[1], d[5])));
        let even_2 = simd.fnma(narrow, d[4], simd.fma(quarter, d[2], d[6]));
        let odd_2 = simd.fma(two, d[5], simd.fnma(wide, d[3], simd.mul(half, d[1])));
        let even_h = simd.fma(four, simd.fnma(narrow, d[4], d[2]), d[6]);
        let odd_h = simd.fma(half, d[5], simd.fnma(wide, d[3], simd.mul(two, d[1])));
        [
            simd.fma(outer, simd.sub(d[4], d[2]), simd.sub(d[0], d[6])),
            simd.add(even_1, odd_1),
            simd.sub(even_1, odd_1),
            simd.add(even_2, odd_2),
            simd.sub(even_2, odd_2),
            simd.add(even_h, odd_h),
            simd.sub(even_h, odd_h),
            simd.fma(outer, simd.sub(d[3], d[5]), simd.sub(d[7], d[1])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::V; 8]) -> [S::V; 6] {
        let (even_1, odd_1) = (simd.add(m[1], m[2]), simd.sub(m[1], m[2]));
        let (even_2, odd_2) = (simd.add(m[3], m[4]), simd.sub(m[3], m[4]));
        let (even_h, odd_h) = (simd.add(m[5], m[6]), simd.sub(m[5], m[6]));
        [
            simd.add(simd.add(m[0], even_1), simd.add(even_2, even_h)),
            simd.fma(simd.splat(1.0 / 2.0), odd_h, simd.fma(simd.splat(2.0), odd_2, odd_1)),
            simd.fma(simd.splat(1.0 / 4.0), even_h, simd.fma(simd.splat(4.0), even_2, even_1)),
            simd.fma(simd.splat(1.0 / 8.0), odd_h, simd.fma(simd.splat(8.0), odd_2, odd_1)),
            simd.fma(simd.splat(1.0 / 16.0), even_h, simd.fma(simd.splat(16.0), even_2, even_1)),
            simd.fma(simd.splat(1.0 / 32.0), odd_h, simd.fma(simd.splat(32.0), odd_2, simd.add(odd_1, m[7]))),
        ]
    }

    #[inline(always)]
    fn kernel<S: Simd>(simd: S, g: [S::V; 3]) -> [S::V; 8] {
        let even_1 = simd.mul(simd.splat(-2.0 / 9.0), simd.add(g[0], g[2]));
        let odd_1 = simd.mul(simd.splat(-2.0 / 9.0), g[1]);
        let even_2 = simd.mul(simd.splat(1.0 / 90.0), simd.fma(simd.splat(4.0), g[2], g[0]));
        let odd_2 = simd.mul(simd.splat(1.0 / 45.0), g[1]);
        let even_h = simd.mul(simd.splat(32.0 / 45.0), simd.fma(simd.splat(0.25), g[2], g[0]));
        let odd_h = simd.mul(simd.splat(16.0 / 45.0), g[1]);
        [
            g[0],
            simd.add(even_1, odd_1),
            simd.sub(even_1, odd_1),
            simd.add(even_2, odd_2),
            simd.sub(even_2, odd_2),
            simd.add(even_h, odd_h),
            simd.sub(even_h, odd_h),
            g[2],
        ]
    }
}
