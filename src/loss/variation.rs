//! Total variation: how rough a picture is, and its gradient.

use rayon::prelude::*;

use crate::tensor::{Scalar, Shape};

/// `1/(CHW) · Σ (Δx² + Δy²)` over neighbours inside each channel of `picture` (C×H×W); adds
/// `scale` times its gradient to `gradient` and returns the unscaled value. In a picture that `wraps`, the last row and
/// column have the first ones as neighbours.
///
/// # Panics
/// On wrong lengths.
pub fn add<T: Scalar>(picture: &[T], shape: Shape, scale: f64, wraps: bool, gradient: &mut [T]) -> f64 {
    assert_eq!((picture.len(), gradient.len()), (shape.len(), shape.len()));
    if shape.is_empty() {
        return 0.0;
    }
    let (width, size) = (shape.width, shape.len() as f64);
    let step = T::from_f64(2.0 * scale / size);
    let rows: Vec<f64> = gradient
        .par_chunks_exact_mut(width)
        .enumerate()
        .map(|(index, gradient)| {
            let y = index % shape.height;
            let row = |at: usize| &picture[at * width..][..width];
            let here = row(index);
            let (first, last) = (index - y, index - y + shape.height - 1);
            let above = if y > 0 { Some(row(index - 1)) } else { wraps.then(|| row(last)) };
            let below = if index < last { Some(row(index + 1)) } else { wraps.then(|| row(first)) };
            let (left, right) = (wraps.then(|| here[width - 1]), wraps.then(|| here[0]));
            let mut sum = 0.0;
            for x in 0..width {
                let mut slope = T::ZERO;
                if let Some(right) = if x + 1 < width { Some(here[x + 1]) } else { right } {
                    let right = right - here[x];
                    sum += right.to_f64() * right.to_f64();
                    slope += -right;
                }
                if let Some(left) = if x > 0 { Some(here[x - 1]) } else { left } {
                    slope += here[x] - left;
                }
                if let Some(below) = below {
                    let down = below[x] - here[x];
                    sum += down.to_f64() * down.to_f64();
                    slope += -down;
                }
                if let Some(above) = above {
                    slope += here[x] - above[x];
                }
                gradient[x] += step * slope;
            }
            sum
        })
        .collect();
    rows.iter().sum::<f64>() / size
}
