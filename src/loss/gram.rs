//! The style of a picture: its Gram matrices, each divided by the positions it was summed over.

use ndarray::Array2;

use crate::engine::{Engine, Moments, Order, Region};
use crate::error::{Error, Result};
use crate::network::Layer;

/// G/M of one layer, N×N.
#[derive(Debug, Clone, PartialEq)]
pub struct StyleTarget {
    /// Where it was measured.
    pub layer: Layer,
    /// G/M, symmetric N×N.
    pub gram: Array2<f64>,
}

impl StyleTarget {
    /// `Σ(G/M)²`.
    pub fn squared_norm(&self) -> f64 {
        self.gram.iter().map(|g| g * g).sum()
    }
}

/// Measures a picture (RGB in [0, 1], of the engine's size) at each of `layers`, which must be taps.
pub fn measure<E: Engine>(engine: &mut E, rgb: &[E::Scalar], layers: &[Layer]) -> Vec<StyleTarget> {
    engine.forward(rgb);
    let measure_layer = |&layer: &Layer| {
        let tap = engine.plan().tap(layer).expect("style layers are taps of the engine");
        let shape = engine.plan().tap_shape(tap);
        let mut moments = Moments::new(shape.channels);
        engine.moments(tap, Region::WHOLE, Order::Second, &mut moments);
        let gram = Array2::from_shape_vec((shape.channels, shape.channels), moments.second);
        let mut gram = gram.expect("moments are square");
        gram /= shape.positions() as f64;
        StyleTarget { layer, gram }
    };
    layers.iter().map(measure_layer).collect()
}

/// Joins the targets of several style pictures into their weighted mean, layer by layer.
///
/// `Σ_k b_k·‖G − T_k‖²` and `‖G − Σ_k b_k·T_k‖²` differ by a constant when the b_k sum to 1, so blending
/// targets is blending losses; this is also what neural-style does. The weights are scaled to sum 1.
///
/// # Errors
/// As many weights as styles are needed; they must be finite, at least 0, and not all 0.
pub fn blend(styles: &[Vec<StyleTarget>], weights: &[f64]) -> Result<Vec<StyleTarget>> {
    if styles.len() != weights.len() {
        let message =
            format!("{} weights came for {} style pictures; give one for each", weights.len(), styles.len());
        return Err(Error::option("--style-blend", message));
    }
    let sum = blend_sum(weights)?;
    let mut blended = styles[0].clone();
    for (at, target) in blended.iter_mut().enumerate() {
        target.gram.fill(0.0);
        for (style, weight) in styles.iter().zip(weights) {
            target.gram.scaled_add(weight / sum, &style[at].gram);
        }
    }
    Ok(blended)
}

/// The sum of blend weights that can be used.
///
/// # Errors
/// Weights that are negative or not finite, or all 0.
pub(crate) fn blend_sum(weights: &[f64]) -> Result<f64> {
    let option = "--style-blend";
    if let Some(bad) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        let message = format!("{bad} cannot be a weight; give finite numbers of at least 0");
        return Err(Error::option(option, message));
    }
    let sum: f64 = weights.iter().sum();
    if !(sum.is_finite() && sum > 0.0) {
        return Err(Error::option(option, "the weights sum to 0; give at least one above 0"));
    }
    Ok(sum)
}
