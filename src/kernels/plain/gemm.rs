//! Matrix products over `matrixmultiply`, behind the bounds that `ndarray`'s views carry.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::tensor::Scalar;

/// `c = alpha·a·b + beta·c` for matrices of any strides: transposes cost no copy.
///
/// Runs on the calling thread. With `beta` = 0 the old contents of `c` do not matter.
///
/// # Panics
/// If the sizes do not fit together.
pub fn gemm<T: Scalar>(alpha: T, a: ArrayView2<T>, b: ArrayView2<T>, beta: T, mut c: ArrayViewMut2<T>) {
    // For f32 and f64 this is one call of `matrixmultiply` with the views' own strides.
    general_mat_mul(alpha, &a, &b, beta, &mut c);
}
