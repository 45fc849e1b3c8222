//! The rectifier, `max(x, 0)`, and its adjoint.

use rayon::prelude::*;

use crate::tensor::Scalar;

/// Elements handled by one task.
const CHUNK: usize = 1 << 14;

/// `x ← max(x, 0)`; a NaN stays a NaN, so that broken numbers are seen and not hidden.
pub fn rectify<T: Scalar>(map: &mut [T]) {
    map.par_chunks_mut(CHUNK).for_each(|map| {
        for x in map {
            if *x < T::ZERO {
                *x = T::ZERO;
            }
        }
    });
}

/// Clears the gradient where the rectified output is not positive (the derivative at 0 is taken as 0).
pub fn backward<T: Scalar>(output: &[T], gradient: &mut [T]) {
    assert_eq!(output.len(), gradient.len());
    gradient.par_chunks_mut(CHUNK).zip(output.par_chunks(CHUNK)).for_each(|(gradient, output)| {
        for (g, &y) in gradient.iter_mut().zip(output) {
            if y <= T::ZERO {
                *g = T::ZERO;
            }
        }
    });
}
