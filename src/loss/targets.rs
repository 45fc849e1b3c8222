//! The style of a picture: what it is measured as, and how several styles become one.

use ndarray::Array2;

use crate::engine::Engine;
use crate::network::Layer;

/// G/M of one layer: the Gram matrix divided by the positions it was summed over.
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
        let mut gram = Array2::zeros((shape.channels, shape.channels));
        engine.gram(tap, gram.as_slice_mut().expect("a new array is contiguous"));
        gram /= shape.positions() as f64;
        StyleTarget { layer, gram }
    };
    layers.iter().map(measure_layer).collect()
}

/// Joins the targets of several style pictures into their weighted mean, layer by layer; `shares` sum to 1.
///
/// `Σ_k b_k·‖G − T_k‖²` and `‖G − Σ_k b_k·T_k‖²` differ by a constant when the b_k sum to 1, so blending
/// targets is blending losses; this is also what neural-style does.
///
/// # Panics
/// If there is not one share for each of at least one style.
pub fn blend(styles: &[Vec<StyleTarget>], shares: &[f64]) -> Vec<StyleTarget> {
    assert_eq!(styles.len(), shares.len(), "one share a style");
    let mut blended = styles[0].clone();
    for (at, target) in blended.iter_mut().enumerate() {
        target.gram.fill(0.0);
        for (style, share) in styles.iter().zip(shares) {
            target.gram.scaled_add(*share, &style[at].gram);
        }
    }
    blended
}
