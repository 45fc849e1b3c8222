//! The term of one content layer, `factor·Σ_p u(p)·|F(p) − F₀(p)|²`, summed tile by tile.

use ndarray::{Array3, s};

use crate::engine::{Engine, Fixed, tiles::Tiles};
use crate::network::Layer;
use crate::tensor::{Factor, PositionWeights, Scalar, Shape, Window};

/// See the module's text.
pub(super) struct Content<T> {
    pub layer: Layer,
    pub tap: usize,
    pub factor: f64,
    /// u.
    weights: Option<PositionWeights>,
    /// What the tiles need; one tile's F₀ stays in the engine.
    tiled: Option<Tiled<T>>,
}

/// F₀ in tiles.
struct Tiled<T> {
    /// Of each tile's own part, N×h×w.
    kept: Vec<Array3<T>>,
    /// Of the tile that is looked at; arbitrary outside its own part.
    map: Array3<T>,
    /// u in this tile, 0 outside its own part.
    weights: PositionWeights,
}

impl<T: Scalar> Content<T> {
    /// A layer that is weighed by u where it is given; it has no F₀ yet.
    pub fn new<E: Engine<Scalar = T>>(
        tiles: &Tiles<E>,
        layer: Layer,
        weights: Option<PositionWeights>,
    ) -> Self {
        let tap = tiles.tiling().plan().tap(layer).expect("content layers are taps");
        let Shape { channels, height, width } = tiles.tiling().tile().tap_shape(tap);
        let tiled = (!tiles.tiling().is_whole()).then(|| Tiled {
            kept: Vec::new(),
            map: Array3::from_elem((channels, height, width), T::ZERO),
            weights: PositionWeights::zeros(height, width),
        });
        Self { layer, tap, factor: 0.0, weights, tiled }
    }

    /// Keeps the features of tile `at`, which the engine has seen, as F₀; returns `Σ|F₀|²` of its own part.
    pub fn remember<E: Engine<Scalar = T>>(&mut self, tiles: &mut Tiles<E>, at: usize) -> f64 {
        let own = tiles.tiling().own(at, self.tap);
        let engine = tiles.engine_mut();
        engine.remember(self.tap);
        let Some(Tiled { kept, weights, .. }) = &mut self.tiled else {
            return engine.distance(self.tap, None).1;
        };
        debug_assert_eq!(kept.len(), at, "tiles in their order");
        kept.push(inside(&own, &mut engine.features(self.tap)).to_owned());
        weights.cut(None, (0, 0), &own);
        engine.distance(self.tap, Some(weights)).1
    }

    /// Gives the engine, which has seen tile `at`, its F₀; returns the term's value there.
    pub fn compare<E: Engine<Scalar = T>>(&mut self, tiles: &mut Tiles<E>, at: usize) -> f64 {
        let Self { tap, weights, tiled, .. } = self;
        let (own, origin) = (tiles.tiling().own(at, *tap), tiles.tiling().origin(at, *tap));
        let engine = tiles.engine_mut();
        let weights = match tiled {
            None => weights.as_ref(),
            Some(Tiled { kept, map, weights: here }) => {
                inside(&own, map).assign(&kept[at]);
                engine.set_target(*tap, map.view());
                here.cut(weights.as_ref(), origin, &own);
                Some(&*here)
            }
        };
        self.factor * engine.distance(*tap, weights).0
    }

    /// What it sends back to the tile that was compared last.
    pub fn seed(&self) -> Fixed<'_> {
        let weights = self.tiled.as_ref().map(|tiled| &tiled.weights).or(self.weights.as_ref());
        let factor = Factor { scale: 2.0 * self.factor, map: weights.map(PositionWeights::map) };
        Fixed { own: factor, target: factor }
    }
}

/// A window of a map, all channels.
fn inside<'a, T>(window: &Window, map: &'a mut Array3<T>) -> ndarray::ArrayViewMut3<'a, T> {
    map.slice_mut(s![.., window.rows.clone(), window.columns.clone()])
}
