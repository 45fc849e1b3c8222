//! What runs a network: forward to the taps, backward from them to the picture.

pub mod backend;
pub mod fast;
pub mod memory;
pub mod packed;
pub mod reference;

use ndarray::Array3;

use crate::network::plan::Plan;
use crate::tensor::Scalar;

/// What a loss sends back into one tap: the gradient `dF = D·F + c·(F − F₀)`.
///
/// Both kinds of loss have this form: for style, D is twice the derivative by the Gram matrix; for
/// content, F₀ are the content picture's features.
#[derive(Debug, Clone, Copy)]
pub struct Seed<'a> {
    /// D, symmetric N×N, row-major.
    pub gram: Option<&'a [f64]>,
    /// c; F₀ is what [`Engine::remember`] kept.
    pub content: Option<f64>,
}

impl Seed<'_> {
    /// Sends nothing back.
    pub const NONE: Self = Self { gram: None, content: None };
}

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

    /// `G = F·Fᵀ` of a tap, not normalised, into `output` (N×N).
    fn gram(&mut self, tap: usize, output: &mut [f64]);

    /// Keeps a tap's features as F₀, to be compared with later ones.
    fn remember(&mut self, tap: usize);

    /// `(Σ(F − F₀)², ΣF₀²)` of a tap, summed in f64.
    ///
    /// # Panics
    /// If the tap was never remembered.
    fn distance(&self, tap: usize) -> (f64, f64);

    /// A tap's features as a plain N×H×W map.
    fn features(&self, tap: usize) -> Array3<Self::Scalar>;

    /// Carries one seed per tap back to the picture: writes dL/d(rgb) into `gradient` (3×H×W).
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
    /// What computes it: `first`, `direct`, `winograd4` or `winograd6` (by the tile), `-shared` behind it where kernels
    /// are transformed in use.
    pub algorithm: &'static str,
    /// Multiplications and additions of the products of one evaluation, both directions.
    pub flops: f64,
    /// Convolution, bias, ReLU, border and the pooling behind it.
    pub forward: f64,
    /// The same backwards, and what the losses add to the gradient on the way.
    pub backward: f64,
    /// The Gram matrix of its tap.
    pub gram: f64,
}

/// Elements whose squares one task sums; fixed, so that the sums do not depend on the threads.
const CHUNK: usize = 1 << 14;

/// `(Σ(a − b)², Σb²)` in f64, in a fixed order.
pub(crate) fn squared_distance<T: Scalar>(a: &[T], b: &[T]) -> (f64, f64) {
    use rayon::prelude::*;
    assert_eq!(a.len(), b.len(), "maps of different plans");
    let parts: Vec<(f64, f64)> = a
        .par_chunks(CHUNK)
        .zip(b.par_chunks(CHUNK))
        .map(|(a, b)| {
            a.iter().zip(b).fold((0.0, 0.0), |(distance, norm), (&x, &y)| {
                let difference = x.to_f64() - y.to_f64();
                (distance + difference * difference, norm + y.to_f64() * y.to_f64())
            })
        })
        .collect();
    parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

/// `gradient += c·(features − snapshot)`.
pub(crate) fn add_content<T: Scalar>(gradient: &mut [T], c: f64, features: &[T], snapshot: &[T]) {
    use rayon::prelude::*;
    let c = T::from_f64(c);
    let sources = features.par_chunks(CHUNK).zip(snapshot.par_chunks(CHUNK));
    gradient.par_chunks_mut(CHUNK).zip(sources).for_each(|(gradient, (features, snapshot))| {
        for ((g, &f), &target) in gradient.iter_mut().zip(features).zip(snapshot) {
            *g += c * (f - target);
        }
    });
}

impl<E: Engine + ?Sized> Engine for Box<E> {
    type Scalar = E::Scalar;

    fn plan(&self) -> &Plan {
        (**self).plan()
    }

    fn forward(&mut self, rgb: &[Self::Scalar]) {
        (**self).forward(rgb);
    }

    fn gram(&mut self, tap: usize, output: &mut [f64]) {
        (**self).gram(tap, output);
    }

    fn remember(&mut self, tap: usize) {
        (**self).remember(tap);
    }

    fn distance(&self, tap: usize) -> (f64, f64) {
        (**self).distance(tap)
    }

    fn features(&self, tap: usize) -> Array3<Self::Scalar> {
        (**self).features(tap)
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
