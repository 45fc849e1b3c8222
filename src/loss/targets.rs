//! From style pictures to the statistics that a result is compared with.

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::loss::Losses;
use crate::loss::gram::{StyleTarget, blend, measure};
use crate::network::Layer;
use crate::picture::Picture;
use crate::tensor::Scalar;

/// Makes an engine for height × width pixels and the given taps.
pub(crate) type Make<'a, E> = &'a dyn Fn(usize, usize, &[Layer]) -> Result<E>;

/// Measures every style picture at its own size and joins them by weight (equal ones if none are given).
///
/// # Errors
/// No picture where the losses have a style, a picture too small for the layers, unusable weights.
pub(crate) fn style_targets<E: Engine>(
    losses: &Losses,
    styles: &[Picture],
    weights: Option<&[f64]>,
    make: Make<'_, E>,
) -> Result<Vec<StyleTarget>> {
    let layers = style_taps(losses);
    if layers.is_empty() {
        return Ok(Vec::new());
    }
    let measured = styles.iter().map(|style| {
        let engine = make(style.height(), style.width(), &layers);
        let mut engine = engine.map_err(about_the_style)?;
        Ok(measure(&mut engine, &cast::<E::Scalar>(style.rgb()), &layers))
    });
    let measured = measured.collect::<Result<Vec<_>>>()?;
    if measured.is_empty() {
        return Err(Error::option("--style-weight", "a style has weight, but there is no style picture"));
    }
    match weights {
        Some(weights) => blend(&measured, weights),
        None => blend(&measured, &vec![1.0; measured.len()]),
    }
}

/// The style layers whose terms have a weight above 0.
pub(crate) fn style_taps(losses: &Losses) -> Vec<Layer> {
    let layers = losses.style_layers.iter().filter(|(_, weight)| *weight > 0.0 && losses.style_weight > 0.0);
    layers.map(|&(layer, _)| layer).collect()
}

/// Says that it is the style picture whose size does not suit.
pub(crate) fn about_the_style(error: Error) -> Error {
    match error {
        Error::Option { option, message } => Error::option(option, format!("for the style, {message}")),
        other => other,
    }
}

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
