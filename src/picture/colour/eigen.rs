//! Powers of a symmetric 3×3 matrix, by Jacobi's rotations.

/// 3×3, row by row.
pub(super) type Matrix = [[f64; 3]; 3];

/// `a`·`b`.
pub(super) fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// The symmetric power `s`^`exponent` = V·diag(λ^`exponent`)·Vᵀ of a symmetric, positive definite `s`.
pub(super) fn power(s: &Matrix, exponent: f64) -> Matrix {
    let (values, v) = decompose(*s);
    let scaled = values.map(|value| value.max(f64::MIN_POSITIVE).powf(exponent));
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| v[i][k] * scaled[k] * v[j][k]).sum()))
}

/// Eigenvalues and, as columns, eigenvectors of a symmetric matrix.
fn decompose(mut a: Matrix) -> ([f64; 3], Matrix) {
    let mut v: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
    for _ in 0..20 {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            if a[p][q] == 0.0 {
                continue;
            }
            // The angle that makes a[p][q] zero (Golub & Van Loan, 8.5.2).
            let tau = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
            let t = if tau >= 0.0 { 1.0 } else { -1.0 } / (tau.abs() + (1.0 + tau * tau).sqrt());
            let c = 1.0 / (1.0 + t * t).sqrt();
            let s = t * c;
            let mut turn: Matrix =
                std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))));
            (turn[p][p], turn[q][q], turn[p][q], turn[q][p]) = (c, c, s, -s);
            let back: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| turn[j][i]));
            a = product(&product(&back, &a), &turn);
            (a[p][q], a[q][p]) = (0.0, 0.0);
            v = product(&v, &turn);
        }
    }
    ([a[0][0], a[1][1], a[2][2]], v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_multiply_back() {
        for s in [
            [[2.0, 0.3, -0.5], [0.3, 1.0, 0.2], [-0.5, 0.2, 0.7]],
            [[1e-5, 0.0, 0.0], [0.0, 1e-5, 0.0], [0.0, 0.0, 1e-5]],
            [[0.05, 0.05, 0.05], [0.05, 0.05001, 0.05], [0.05, 0.05, 0.05002]],
        ] {
            let root = power(&s, 0.5);
            let inverse = power(&s, -0.5);
            let (square, one) = (product(&root, &root), product(&root, &inverse));
            for i in 0..3 {
                for j in 0..3 {
                    assert!((root[i][j] - root[j][i]).abs() < 1e-12);
                    assert!((square[i][j] - s[i][j]).abs() < 1e-12, "{square:?}");
                    assert!((one[i][j] - f64::from(u8::from(i == j))).abs() < 1e-6, "{one:?}");
                }
            }
        }
    }
}
