//! Numbers instead of pictures: one evaluation in full, gradients against finite differences, the time of an evaluation.

pub mod check;
pub mod evaluate;
pub mod export;

use crate::tensor::Scalar;

/// Pixels in the engine's precision.
pub(crate) fn cast<T: Scalar>(rgb: &[f32]) -> Vec<T> {
    rgb.iter().map(|&value| T::from_f64(stored(value))).collect()
}

/// The level of an 8-bit or 16-bit file that rounds to `value` in f32, or `value` itself.
///
/// In f64 the rounding of a pixel to f32 would be the largest error left, enough to decide a tie in a pooling
/// window another way.
fn stored(value: f32) -> f64 {
    let level = |most: f64| {
        let level = (f64::from(value) * most).round() / most;
        (level as f32 == value).then_some(level)
    };
    level(255.0).or_else(|| level(65_535.0)).unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_of_files_are_exact_in_double_precision() {
        for k in 0..=255u8 {
            assert_eq!(cast::<f64>(&[f32::from(k) / 255.0]), [f64::from(k) / 255.0]);
        }
        for k in (0..=65_535u16).step_by(37) {
            assert_eq!(cast::<f64>(&[f32::from(k) / 65_535.0]), [f64::from(k) / 65_535.0]);
        }
        for value in [0.123_456_7f32, -0.5, 1.5] {
            assert_eq!(cast::<f32>(&[value]), [value]);
        }
    }
}
