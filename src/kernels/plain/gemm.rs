//! Matrix products over `matrixmultiply`, behind the bounds that `ndarray`'s views carry.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::tensor::Scalar;

/// `c = alpha·a·b + beta·c` for matrices of any strides: transposes cost no copy.
///
/// Runs on the calling thread. With `beta` = 0 the old contents of `c` do not matter.
///
/// # Panics
/// If the sizes do not fit together.
pub fn gemm<T: Scalar>(alpha: T, a: ArrayView2<T>, b: ArrayView2<T>, beta: T, mut c: ArrayViewMut2<T>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!((k, (m, n)), (b.nrows(), c.dim()), "sizes");
    let (sa, sb, sc) = (a.strides(), b.strides(), [c.strides()[0], c.strides()[1]]);
    // SAFETY: a view's pointer and strides address elements of its allocation alone, and `c` is borrowed mutably,
    // so it overlaps nothing.
    #[allow(unsafe_code)]
    unsafe {
        T::gemm_raw(
            m,
            k,
            n,
            alpha,
            (a.as_ptr(), sa[0], sa[1]),
            (b.as_ptr(), sb[0], sb[1]),
            beta,
            (c.as_mut_ptr(), sc[0], sc[1]),
        );
    }
}
