//! What runs a network: forward to the taps, backward from them to the picture.

mod algorithm;
pub mod backend;
pub mod budget;
mod demand;
pub mod fast;
mod limits;
pub mod memory;
mod moments;
pub mod packed;
mod pattern;
pub mod reference;
mod seed;
pub mod steps;
pub mod tiles;
mod tiling;

pub use crate::kernels::seed::{Affine, Fixed};
pub use algorithm::{Algorithm, ConvolutionAlgorithm};
pub use demand::{Demand, EngineKind};
pub use moments::{Moments, Order, Products, Region};
pub use pattern::{Disagreement, Pattern};
pub use seed::Seed;
pub use tiling::Tiling;

use ndarray::{Array3, ArrayView3};

use crate::network::plan::Plan;
use crate::tensor::{PositionWeights, Scalar};

/// One way of computing a planned network; owns its workspace and reuses it.
///
/// The order of calls is `forward`, then any of the readers, then `backward`.
pub trait Engine {
    /// The precision of pictures, features and gradients.
    type Scalar: Scalar;

    /// What this engine computes.
    fn plan(&self) -> &Plan;

    /// Carries a picture (3×H×W, RGB in [0, 1]) to the deepest tap.
    fn forward(&mut self, rgb: &[Self::Scalar]);

    /// The moments of a tap over a region, not normalised, in place of what `output` held; without `first` in
    /// `order`, [`Moments::first`] becomes 0.
    ///
    /// # Panics
    /// If the region or `output` has the size of another tap.
    fn moments(&mut self, tap: usize, region: Region<'_>, order: Order, output: &mut Moments);

    /// Keeps a tap's features as F₀, to be compared with later ones.
    fn remember(&mut self, tap: usize);

    /// Keeps a given map, N×H×W, as F₀.
    ///
    /// # Panics
    /// If it has another shape than the tap.
    fn set_target(&mut self, tap: usize, map: ArrayView3<'_, Self::Scalar>);

    /// `(Σw|F − F₀|², Σw|F₀|²)` of a tap, summed in f64; w is 1 without `weights`.
    ///
    /// # Panics
    /// If the tap has no F₀, or the weights have the size of another tap.
    fn distance(&mut self, tap: usize, weights: Option<&PositionWeights>) -> (f64, f64);

    /// The inner products of a tap's features and F₀ at each position, in place of what `output` held.
    ///
    /// # Panics
    /// If the tap has no F₀.
    fn products(&mut self, tap: usize, output: &mut Products);

    /// A tap's features as a plain N×H×W map.
    fn features(&self, tap: usize) -> Array3<Self::Scalar>;

    /// What this engine decided in the forward pass, one entry a convolution: the gates that its backward pass obeys.
    fn pattern(&self) -> Vec<Pattern>;

    /// Carries one seed per tap back to the picture: writes dL/d(rgb) into `gradient` (3×H×W).
    ///
    /// # Panics
    /// If a seed has the size of another tap, or looks at an F₀ that the tap has not.
    fn backward(&mut self, seeds: &[Seed], gradient: &mut [Self::Scalar]);

    /// Starts to measure how long each convolution takes, from zero, or stops; engines that cannot ignore it.
    fn profile(&mut self, _on: bool) {}

    /// What was measured since [`Engine::profile`], one entry a convolution; empty if nothing was.
    fn times(&self) -> &[LayerTime] {
        &[]
    }
}

/// Seconds spent on one convolution and what belongs to it, summed over evaluations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LayerTime {
    /// Convolution, bias, ReLU, border and the pooling behind it.
    pub forward: f64,
    /// The same backwards, and what the losses add to the gradient on the way.
    pub backward: f64,
    /// The moments of its taps.
    pub moments: f64,
}

/// Makes a pointer to an engine an engine.
macro_rules! pointer {
    ($pointer:ty) => {
        impl<E: Engine + ?Sized> Engine for $pointer {
            type Scalar = E::Scalar;

            fn plan(&self) -> &Plan {
                (**self).plan()
            }

            fn forward(&mut self, rgb: &[Self::Scalar]) {
                (**self).forward(rgb);
            }

            fn moments(&mut self, tap: usize, region: Region<'_>, order: Order, output: &mut Moments) {
                (**self).moments(tap, region, order, output);
            }

            fn remember(&mut self, tap: usize) {
                (**self).remember(tap);
            }

            fn set_target(&mut self, tap: usize, map: ArrayView3<'_, Self::Scalar>) {
                (**self).set_target(tap, map);
            }

            fn distance(&mut self, tap: usize, weights: Option<&PositionWeights>) -> (f64, f64) {
                (**self).distance(tap, weights)
            }

            fn products(&mut self, tap: usize, output: &mut Products) {
                (**self).products(tap, output);
            }

            fn features(&self, tap: usize) -> Array3<Self::Scalar> {
                (**self).features(tap)
            }

            fn pattern(&self) -> Vec<Pattern> {
                (**self).pattern()
            }

            fn backward(&mut self, seeds: &[Seed], gradient: &mut [Self::Scalar]) {
                (**self).backward(seeds, gradient);
            }

            fn profile(&mut self, on: bool) {
                (**self).profile(on);
            }

            fn times(&self) -> &[LayerTime] {
                (**self).times()
            }
        }
    };
}

pointer!(Box<E>);
pointer!(&mut E);
