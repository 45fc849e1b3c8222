//! Loss functions whose shape is known.

use impasto::internals::optimize::{Limits, LossFunction, Optimizer, Step, Stop};
use impasto::{Error, Result};
use std::ops::ControlFlow;

pub const OPTIMIZERS: [Optimizer; 2] = [Optimizer::LBFGS, Optimizer::ADAM];

pub const CHANNELS: usize = 8;
pub const POSITIONS: usize = 64;

pub fn limits(iterations: usize) -> Limits {
    Limits { iterations, tolerance: None }
}

pub fn go_on(_: &Step) -> ControlFlow<Stop> {
    ControlFlow::Continue(())
}

/// A loss function for pictures of a length, from a closure over (x, gradient).
pub struct Of<F>(pub usize, pub F);

impl<F: FnMut(&[f32], &mut [f32]) -> f64> LossFunction for Of<F> {
    fn length(&self) -> usize {
        self.0
    }

    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        gradient.fill(f32::NAN); // a buffer may hold anything
        Ok((self.1)(x, gradient))
    }
}

/// Cancels the evaluation number `at` (from 0) of another loss function, once.
pub struct CancelAt<'a> {
    pub inner: &'a mut dyn LossFunction,
    pub at: usize,
    pub seen: usize,
}

impl LossFunction for CancelAt<'_> {
    fn length(&self) -> usize {
        self.inner.length()
    }

    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        self.seen += 1;
        if self.seen == self.at + 1 {
            gradient.fill(f32::NAN);
            return Err(Error::Cancelled);
        }
        self.inner.evaluate(x, gradient)
    }
}

/// Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
pub fn rosenbrock(x: &[f32], gradient: &mut [f32]) -> f64 {
    let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    let mut g = vec![0.0; x.len()];
    let mut loss = 0.0;
    for i in 0..x.len() - 1 {
        let (a, b) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        loss += 100.0 * a * a + b * b;
        g[i] += -400.0 * a * x[i] - 2.0 * b;
        g[i + 1] += 200.0 * a;
    }
    gradient.iter_mut().zip(&g).for_each(|(o, &v)| *o = v as f32);
    loss
}

/// ½ Σ aᵢ (xᵢ − ½)², a from 1 to `condition`.
pub fn bowl(condition: f64) -> impl FnMut(&[f32], &mut [f32]) -> f64 {
    move |x, gradient| {
        let n = x.len() as f64;
        let mut loss = 0.0;
        for (i, (&x, g)) in x.iter().zip(gradient).enumerate() {
            let a = condition.powf(i as f64 / (n - 1.0));
            let d = f64::from(x) - 0.5;
            loss += 0.5 * a * d * d;
            *g = (a * d) as f32;
        }
        loss
    }
}

/// Numbers in [0, 1) from xorshift.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub fn picture(seed: u64) -> Vec<f32> {
    let mut next = noise(seed);
    (0..3 * POSITIONS).map(|_| next() as f32).collect()
}

/// The style loss in small: ‖XXᵀ − G‖²/‖G‖² with X of 8×64, the pixels through a rectified mixing with bias,
/// and a content term that pulls towards the start.
pub struct Gram {
    mix: Vec<f64>,
    bias: Vec<f64>,
    target: Vec<f64>,
    content: Vec<f64>,
}

impl Gram {
    pub fn new(seed: u64) -> Self {
        let mut next = noise(seed);
        let mix = (0..CHANNELS * 3).map(|_| 2.0 * next() - 1.0).collect();
        let bias = (0..CHANNELS).map(|_| 0.4 * next() - 0.1).collect();
        let mut gram = Self { mix, bias, target: vec![], content: vec![] };
        // A style of strong contrast: saturated colours.
        let style: Vec<f64> = picture(seed + 1).iter().map(|&v| if v > 0.5 { 1.0 } else { 0.1 }).collect();
        gram.target = gram.product(&gram.features(&style).0);
        gram.content = picture(seed + 2).iter().map(|&v| f64::from(v)).collect();
        gram
    }

    /// The features and where the ReLU lets through.
    fn features(&self, x: &[f64]) -> (Vec<f64>, Vec<bool>) {
        let mut f = vec![0.0; CHANNELS * POSITIONS];
        for c in 0..CHANNELS {
            for p in 0..POSITIONS {
                f[c * POSITIONS + p] =
                    self.bias[c] + (0..3).map(|k| self.mix[c * 3 + k] * x[k * POSITIONS + p]).sum::<f64>();
            }
        }
        (f.iter().map(|v| v.max(0.0)).collect(), f.iter().map(|&v| v > 0.0).collect())
    }

    fn product(&self, f: &[f64]) -> Vec<f64> {
        let row = |c: usize| &f[c * POSITIONS..(c + 1) * POSITIONS];
        let dot = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum();
        (0..CHANNELS * CHANNELS).map(|i| dot(i / CHANNELS, i % CHANNELS)).collect()
    }

    /// The loss and its gradient.
    pub fn at(&self, x: &[f32]) -> (f64, Vec<f64>) {
        let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let (f, through) = self.features(&x);
        let gram = self.product(&f);
        let scale: f64 = self.target.iter().map(|v| v * v).sum();
        let difference: Vec<f64> = gram.iter().zip(&self.target).map(|(a, b)| a - b).collect();
        let mut loss = difference.iter().map(|d| d * d).sum::<f64>() / scale;
        let mut g = vec![0.0; x.len()];
        for p in 0..POSITIONS {
            for c in 0..CHANNELS {
                if through[c * POSITIONS + p] {
                    let df: f64 =
                        (0..CHANNELS).map(|b| difference[c * CHANNELS + b] * f[b * POSITIONS + p]).sum();
                    for k in 0..3 {
                        g[k * POSITIONS + p] += 4.0 * df / scale * self.mix[c * 3 + k];
                    }
                }
            }
        }
        let weight = 1e-3 / x.len() as f64;
        for (i, g) in g.iter_mut().enumerate() {
            let d = x[i] - self.content[i];
            loss += weight * d * d;
            *g += 2.0 * weight * d;
        }
        (loss, g)
    }
}

impl LossFunction for Gram {
    fn length(&self) -> usize {
        3 * POSITIONS
    }

    fn evaluate(&mut self, x: &[f32], gradient: &mut [f32]) -> Result<f64> {
        let (loss, g) = self.at(x);
        gradient.iter_mut().zip(&g).for_each(|(o, &v)| *o = v as f32);
        Ok(loss)
    }
}

/// [`Gram`] behind a wall of NaN, which makes line searches shorten and Adam retreat.
pub fn walled() -> impl LossFunction {
    let gram = Gram::new(2);
    Of(3 * POSITIONS, move |x: &[f32], g: &mut [f32]| {
        let (loss, exact) = gram.at(x);
        g.iter_mut().zip(&exact).for_each(|(o, &v)| *o = v as f32);
        if x.iter().any(|v| *v > 1.15) { f64::NAN } else { loss }
    })
}
