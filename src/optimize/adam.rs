//! One idea: Adam (Kingma & Ba, ICLR 2015, algorithm 1), for losses that a line search cannot follow.
//!
//! `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `x ← x − η·m̂/(√v̂ + ε)` with `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
//! β₂ is 0.99, not the paper's 0.999: a run has a few hundred steps (Crowson's style-transfer-pytorch). Pixels are not
//! clamped to [0, 1] on the way: the loss is defined outside, and a clamped pixel would keep a moment that no longer
//! describes it; the caller clamps the end result. Gradients are divided by their root mean square at the start, since
//! losses come in any scale and g² and ε are f32. A step to where the loss is not finite is undone: back to the best
//! picture, moments at zero, η halved.

use super::point::{Point, Tally};
use super::sweep::CHUNK;
use super::{Curvature, LossFunction, StopReason};
use crate::Result;
use crate::kernels::simd::{Work, widest};
use rayon::prelude::*;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.99;
const EPSILON: f32 = 1e-8;
/// Scaled gradients are cut here, so that their squares are finite.
const LARGEST: f32 = 1e18;
/// Halvings of the learning rate without a step between them before the run gives up.
pub(super) const HALVINGS: usize = 20;

/// What Adam knows between two steps, beside the current point. A point that is not evaluated was stepped to.
#[derive(Debug)]
pub(super) struct Adam {
    pub(super) learning_rate: f64,
    /// One over the root mean square of the gradient at the start; 0 before it is known.
    pub(super) scale: f64,
    /// Steps since the moments were zero.
    pub(super) age: i32,
    /// m: running mean of the scaled gradient.
    pub(super) mean: Vec<f32>,
    /// v: running mean of its square.
    pub(super) variance: Vec<f32>,
    /// Halvings of the learning rate since the last step.
    pub(super) halvings: usize,
    /// Whether the point is the best picture again, after a step that failed: then its evaluation is no step.
    pub(super) retreating: bool,
}

impl Adam {
    pub(super) fn new(learning_rate: f64, length: usize) -> Self {
        let zeros = || vec![0.0; length];
        let (mean, variance) = (zeros(), zeros());
        Self { learning_rate, scale: 0.0, age: 0, mean, variance, halvings: 0, retreating: false }
    }

    /// Prepares for another loss function; the gradient's size is measured again where the moments are forgotten.
    pub(super) fn restart(&mut self, curvature: Curvature) {
        self.halvings = 0;
        self.retreating = false;
        if curvature == Curvature::Forget {
            self.scale = 0.0;
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.age = 0;
        self.mean.fill(0.0);
        self.variance.fill(0.0);
    }

    /// Takes one step to a finite loss and moves `point` there. Some: no step was taken, for this reason.
    pub(super) fn step(
        &mut self,
        point: &mut Point,
        tally: &mut Tally,
        function: &mut dyn LossFunction,
    ) -> Result<Option<StopReason>> {
        if self.scale == 0.0 {
            let scale = (point.pixels.len() as f64 / point.square.max(f64::MIN_POSITIVE)).sqrt();
            self.scale = scale.min(f64::from(f32::MAX));
        }
        loop {
            if !point.is_evaluated() {
                match tally.evaluate(function, point)? {
                    true if self.retreating => self.retreating = false,
                    true => {
                        self.halvings = 0;
                        return Ok(None);
                    }
                    false => self.retreat(point, tally),
                }
            }
            if self.halvings > HALVINGS {
                return Ok(Some(StopReason::NoDescent));
            }
            if point.is_evaluated() {
                if point.square == 0.0 {
                    return Ok(Some(StopReason::Converged));
                }
                self.update(point, tally);
            }
        }
    }

    fn retreat(&mut self, point: &mut Point, tally: &Tally) {
        self.halvings += 1;
        self.learning_rate *= 0.5;
        self.forget();
        point.pixels.copy_from_slice(&tally.kept);
        point.evaluation = 0;
        self.retreating = true;
    }

    /// Moves the point; its loss and gradient are then those of the place before. The best picture is kept.
    fn update(&mut self, point: &mut Point, tally: &mut Tally) {
        self.age = self.age.saturating_add(1);
        let bias1 = 1.0 - BETA1.powi(self.age);
        let bias2 = 1.0 - BETA2.powi(self.age);
        let rate = (self.learning_rate * bias2.sqrt() / bias1) as f32;
        let epsilon = EPSILON * bias2.sqrt() as f32;
        let scale = self.scale as f32;
        let keep = tally.is_best(point);
        tally.kept.resize(point.pixels.len(), 0.0);
        point.evaluation = 0;
        let moments = self.mean.par_chunks_mut(CHUNK).zip(self.variance.par_chunks_mut(CHUNK));
        let pixels = point.pixels.par_chunks_mut(CHUNK).zip(tally.kept.par_chunks_mut(CHUNK));
        let chunks = pixels.zip(point.gradient.par_chunks(CHUNK)).zip(moments);
        chunks.for_each(|(((x, kept), gradient), (mean, variance))| {
            if keep {
                kept.copy_from_slice(x);
            }
            widest(Update { x, gradient, mean, variance, scale, rate, epsilon });
        });
    }
}

/// One step for one chunk.
struct Update<'a> {
    x: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    variance: &'a mut [f32],
    scale: f32,
    rate: f32,
    epsilon: f32,
}

impl Work for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, gradient, mean, variance, scale, rate, epsilon } = self;
        let (beta1, beta2) = (BETA1 as f32, BETA2 as f32);
        let length = x.len();
        let (gradient, mean, variance) = (&gradient[..length], &mut mean[..length], &mut variance[..length]);
        for j in 0..length {
            let g = (scale * gradient[j]).clamp(-LARGEST, LARGEST);
            mean[j] = normal(beta1 * mean[j] + (1.0 - beta1) * g);
            variance[j] = normal(beta2 * variance[j] + (1.0 - beta2) * g * g);
            let change = rate * mean[j] / (variance[j].sqrt() + epsilon);
            x[j] -= if change.is_finite() { change } else { 0.0 };
        }
    }
}

/// The number itself, or 0 for a subnormal one, on which arithmetic may be a hundred times slower.
#[inline(always)]
fn normal(v: f32) -> f32 {
    if v.abs() < f32::MIN_POSITIVE { 0.0 } else { v }
}
