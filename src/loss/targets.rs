//! The style of a picture: what it is measured as, and how several styles become one.

use crate::engine::{Engine, Moments, Order, Region};
use crate::network::Layer;
use crate::tensor::PositionWeights;

/// The moments of a style at one layer, divided by the positions they were summed over: `FFᵀ` and `F` on the average.
///
/// Every statistic is made of them, and means of moments are moments of a mixture.
#[derive(Debug, Clone, PartialEq)]
pub struct StyleTarget {
    /// Where it was measured.
    pub layer: Layer,
    /// With mass 1.
    pub moments: Moments,
}

/// Measures a picture (RGB in [0, 1], of the engine's size) at each of `layers`, which must be taps; of each layer's
/// positions as much as `weights` says, or all.
pub fn measure<E: Engine>(
    engine: &mut E,
    rgb: &[E::Scalar],
    layers: &[Layer],
    order: Order,
    weights: Option<&dyn Fn(Layer) -> PositionWeights>,
) -> Vec<StyleTarget> {
    engine.forward(rgb);
    let measure_layer = |&layer: &Layer| {
        let tap = engine.plan().tap(layer).expect("style layers are taps of the engine");
        let mut moments = Moments::new(engine.plan().tap_shape(tap).channels);
        let weights = weights.map(|weights| weights(layer));
        engine.moments(tap, Region { window: None, weights: weights.as_ref() }, order, &mut moments);
        let mass = moments.mass;
        moments.second.iter_mut().chain(&mut moments.first).for_each(|value| *value /= mass);
        moments.mass = 1.0;
        StyleTarget { layer, moments }
    };
    layers.iter().map(measure_layer).collect()
}

/// Joins the targets of several style pictures into their weighted mean, layer by layer; `shares` sum to 1.
///
/// `Σ_k b_k·‖G − T_k‖²` and `‖G − Σ_k b_k·T_k‖²` differ by a constant when the b_k sum to 1, so blending
/// Gram matrices is blending losses; this is also what neural-style does. Means and covariances become those of a
/// picture that has so much of each style.
///
/// # Panics
/// If there is not one share for each of at least one style.
pub fn blend(styles: &[Vec<StyleTarget>], shares: &[f64]) -> Vec<StyleTarget> {
    assert_eq!(styles.len(), shares.len(), "one share a style");
    let blend_layer = |at: usize| {
        let layer = styles[0][at].layer;
        let mut moments = Moments::new(styles[0][at].moments.channels());
        moments.mass = 1.0;
        for (style, share) in styles.iter().zip(shares) {
            let from = &style[at].moments;
            moments.second.iter_mut().zip(&from.second).for_each(|(sum, value)| *sum += share * value);
            moments.first.iter_mut().zip(&from.first).for_each(|(sum, value)| *sum += share * value);
        }
        StyleTarget { layer, moments }
    };
    (0..styles[0].len()).map(blend_layer).collect()
}
