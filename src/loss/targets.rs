//! The style of a picture: what it is measured as, and how several styles become one.

use crate::engine::tiles::Tiles;
use crate::engine::{Engine, Moments, Order, Region};
use crate::network::Layer;
use crate::tensor::{PositionWeights, Shape};

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
    measure_in_tiles(&mut Tiles::whole(engine), rgb, layers, order, weights)
}

/// The same of a picture in tiles.
pub fn measure_in_tiles<E: Engine>(
    tiles: &mut Tiles<E>,
    rgb: &[E::Scalar],
    layers: &[Layer],
    order: Order,
    weights: Option<&dyn Fn(Layer) -> PositionWeights>,
) -> Vec<StyleTarget> {
    let plan = tiles.tiling().plan().clone();
    let tap = |layer: Layer| plan.tap(layer).expect("style layers are taps of the engine");
    let weights: Vec<_> = layers.iter().map(|layer| weights.map(|weights| weights(*layer))).collect();
    let mut targets: Vec<StyleTarget> = layers
        .iter()
        .map(|&layer| StyleTarget { layer, moments: Moments::new(plan.tap_shape(tap(layer)).channels) })
        .collect();
    for tile in 0..tiles.tiling().count() {
        tiles.forward(tile, rgb);
        for (StyleTarget { layer, moments }, weights) in targets.iter_mut().zip(&weights) {
            let tap = tap(*layer);
            let (own, origin) = (tiles.tiling().own(tile, tap), tiles.tiling().origin(tile, tap));
            let Shape { channels, height, width } = tiles.tiling().tile().tap_shape(tap);
            let here = weights.as_ref().map(|weights| {
                let mut here = PositionWeights::zeros(height, width);
                here.cut(Some(weights), origin, &own);
                here
            });
            let mut part = Moments::new(channels);
            let region = Region { window: Some(&own), weights: here.as_ref() };
            tiles.engine_mut().moments(tap, region, order, &mut part);
            *moments += &part;
        }
    }
    for StyleTarget { moments, .. } in &mut targets {
        let mass = moments.mass;
        moments.second.iter_mut().chain(&mut moments.first).for_each(|value| *value /= mass);
        moments.mass = 1.0;
    }
    targets
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
