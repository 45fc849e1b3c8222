//! An engine that walks the tiles of a picture, see [`Tiling`]; a picture that is small enough is one tile.

use super::{Engine, Seed, Tiling};
use crate::tensor::{Scalar, Shape};

/// See the module's text.
pub struct Tiles<E: Engine> {
    engine: E,
    tiling: Tiling,
    /// The tile's pixels, and what is sent back to them; empty for one tile.
    pixels: Vec<E::Scalar>,
    gradient: Vec<E::Scalar>,
}

impl<E: Engine> Tiles<E> {
    /// The engine's picture as one tile.
    pub fn whole(engine: E) -> Self {
        let tiling = Tiling::whole(engine.plan().clone());
        Self { engine, tiling, pixels: Vec::new(), gradient: Vec::new() }
    }

    /// The tiles of a larger picture.
    ///
    /// # Panics
    /// If the engine is none for these tiles.
    pub fn new(engine: E, tiling: Tiling) -> Self {
        let (own, tile) = (engine.plan(), tiling.tile());
        assert!(own.picture() == tile.picture() && own.taps() == tile.taps(), "an engine for other tiles");
        let length = if tiling.is_whole() { 0 } else { tile.picture().len() };
        Self {
            engine,
            tiling,
            pixels: vec![E::Scalar::ZERO; length],
            gradient: vec![E::Scalar::ZERO; length],
        }
    }

    /// Where the tiles are.
    pub fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// The engine, which has seen the tile of the last [`Tiles::forward`].
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// Carries tile `at` of a picture (3×H×W, RGB in [0, 1]) to the deepest tap.
    pub fn forward(&mut self, at: usize, rgb: &[E::Scalar]) {
        if self.tiling.is_whole() {
            return self.engine.forward(rgb);
        }
        let Self { engine, tiling, pixels, .. } = self;
        each_run(tiling, at, |here, whole, length| {
            pixels[here..][..length].copy_from_slice(&rgb[whole..][..length]);
        });
        engine.forward(pixels);
    }

    /// Carries seeds at the tile of the last [`Tiles::forward`], which was `at`, back to the picture: adds dL/d(rgb) to
    /// `gradient` (3×H×W), which [`Tiles::clear`] prepares.
    ///
    /// # Panics
    /// As [`Engine::backward`].
    pub fn backward(&mut self, at: usize, seeds: &[Seed<'_>], gradient: &mut [E::Scalar]) {
        if self.tiling.is_whole() {
            return self.engine.backward(seeds, gradient);
        }
        self.engine.backward(seeds, &mut self.gradient);
        let own = &self.gradient;
        each_run(&self.tiling, at, |here, whole, length| {
            let sums = gradient[whole..][..length].iter_mut();
            sums.zip(&own[here..][..length]).for_each(|(sum, value)| *sum += *value);
        });
    }

    /// Prepares a gradient for what all tiles add to it; one tile writes it anew.
    pub fn clear(&self, gradient: &mut [E::Scalar]) {
        if !self.tiling.is_whole() {
            gradient.fill(E::Scalar::ZERO);
        }
    }
}

/// Calls `work` with every run of values that lie side by side in a tile and in the picture: where it begins in either,
/// and how long it is.
fn each_run(tiling: &Tiling, at: usize, mut work: impl FnMut(usize, usize, usize)) {
    let (rows, columns) = tiling.spans(at);
    let (whole, tile) = (tiling.plan().picture(), tiling.tile().picture());
    let place = |shape: Shape, channel: usize, y: usize, x: usize| {
        (channel * shape.height + y % shape.height) * shape.width + x
    };
    // What leaves the picture goes on on its other side.
    let first = tile.width.min(whole.width - columns.start);
    for channel in 0..tile.channels {
        for y in 0..tile.height {
            let from = |x: usize| place(whole, channel, rows.start + y, x);
            work(place(tile, channel, y, 0), from(columns.start), first);
            if first < tile.width {
                work(place(tile, channel, y, first), from(0), tile.width - first);
            }
        }
    }
}
