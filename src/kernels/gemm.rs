//! Matrix products over `matrixmultiply`, behind bounds checks.

use super::scalar::Scalar;

/// A strided matrix inside a slice: element (r, c) is `data[r·row_stride + c·column_stride]`.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major `rows`×`columns` matrix whose rows start `row_stride` apart.
    ///
    /// # Panics
    /// If the slice is too short.
    pub fn new(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        assert!(rows == 0 || columns == 0 || (rows - 1) * row_stride + columns <= data.len());
        Self { data, rows, columns, row_stride, column_stride: 1 }
    }

    /// The transpose, without a copy.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `c = alpha·a·b + beta·c`, where `c` is row-major, `a.rows`×`b.columns`, and its rows start `c_stride` apart.
///
/// Runs on the calling thread. With `beta` = 0 the old contents of `c` do not matter.
///
/// # Panics
/// If the inner sizes differ or `c` is too short.
pub fn gemm<T: Scalar>(alpha: T, a: Matrix<T>, b: Matrix<T>, beta: T, c: &mut [T], c_stride: usize) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(k, b.rows, "inner sizes");
    assert!(n <= c_stride || m <= 1, "rows of c overlap");
    assert!(m == 0 || n == 0 || (m - 1) * c_stride + n <= c.len(), "c is too short");
    // SAFETY: `Matrix::new` checked that the last element of a and b lies in its slice, and the asserts
    // above do so for c; all smaller indices lie before them. c is borrowed mutably: it overlaps nothing.
    #[allow(unsafe_code)]
    unsafe {
        T::gemm_raw(
            m,
            k,
            n,
            alpha,
            (a.data.as_ptr(), a.row_stride as isize, a.column_stride as isize),
            (b.data.as_ptr(), b.row_stride as isize, b.column_stride as isize),
            beta,
            (c.as_mut_ptr(), c_stride as isize, 1),
        );
    }
}
