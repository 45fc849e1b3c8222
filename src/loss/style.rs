//! The term of one style layer in one region: a statistic of moments that are summed tile by tile, against its target.

use super::family::Family;
use crate::engine::{Affine, Engine, Moments, Order, Region, tiles::Tiles};
use crate::network::Layer;
use crate::tensor::{PositionWeights, Shape};

/// See the module's text.
pub(super) struct Style {
    pub layer: Layer,
    pub tap: usize,
    /// β times the layer's share.
    weight: f64,
    family: Box<dyn Family>,
    order: Order,
    /// Where it counts; everywhere if it is left out.
    region: Option<PositionWeights>,
    /// The picture's, then their slopes.
    moments: Moments,
    /// What the tiles need.
    tiled: Option<Tiled>,
}

/// What is known of one tile.
struct Tiled {
    moments: Moments,
    /// The region there, 0 outside the tile's own part.
    region: PositionWeights,
}

impl Style {
    /// A layer of the tiles' picture, compared in `region`.
    pub fn new<E: Engine>(
        tiles: &Tiles<E>,
        layer: Layer,
        (weight, family, order): (f64, Box<dyn Family>, Order),
        region: Option<PositionWeights>,
    ) -> Self {
        let tap = tiles.tiling().plan().tap(layer).expect("style layers are taps");
        let Shape { channels, height, width } = tiles.tiling().tile().tap_shape(tap);
        let tiled = (!tiles.tiling().is_whole()).then(|| Tiled {
            moments: Moments::new(channels),
            region: PositionWeights::zeros(height, width),
        });
        Self { layer, tap, weight, family, order, region, moments: Moments::new(channels), tiled }
    }

    /// Measures tile `at`, which the engine has seen; the first one begins anew.
    pub fn measure<E: Engine>(&mut self, tiles: &mut Tiles<E>, at: usize) {
        self.look_at(tiles, at);
        let own = tiles.tiling().own(at, self.tap);
        let engine = tiles.engine_mut();
        let Some(tiled) = &mut self.tiled else {
            let region = Region { window: None, weights: self.region.as_ref() };
            return engine.moments(self.tap, region, self.order, &mut self.moments);
        };
        let region = Region { window: Some(&own), weights: self.region.is_some().then_some(&tiled.region) };
        engine.moments(self.tap, region, self.order, &mut tiled.moments);
        if at == 0 {
            self.moments.clear();
        }
        self.moments += &tiled.moments;
    }

    /// The term's value, once all tiles were measured; the moments become slopes.
    pub fn compare(&mut self) -> f64 {
        self.family.compare(&mut self.moments, self.weight)
    }

    /// Turns to tile `at` of several.
    pub fn look_at<E: Engine>(&mut self, tiles: &Tiles<E>, at: usize) {
        if let Some(tiled) = &mut self.tiled {
            let (own, origin) = (tiles.tiling().own(at, self.tap), tiles.tiling().origin(at, self.tap));
            tiled.region.cut(self.region.as_ref(), origin, &own);
        }
    }

    /// What it sends back, once it was compared, to the tile that was looked at last.
    pub fn seed(&self) -> Affine<'_> {
        Affine {
            weights: self.tiled.as_ref().map(|tiled| &tiled.region).or(self.region.as_ref()),
            matrix: Some(&self.moments.second),
            offset: self.family.has_offset().then_some(self.moments.first.as_slice()),
        }
    }
}
