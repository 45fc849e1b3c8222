//! One idea: Adam (Kingma & Ba, ICLR 2015, algorithm 1), for objectives that a line search cannot follow.
//!
//! `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`, `x ← x − η·m̂/(√v̂ + ε)` with `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
//! β₂ is 0.99, not the paper's 0.999: a run has a few hundred steps (Crowson's style-transfer-pytorch). Pixels are not
//! clamped to [0, 1] on the way: the loss is defined outside, and a clamped pixel would keep a moment that no longer
//! describes it; the caller clamps the end result. Gradients are divided by their root mean square at the start, since
//! losses come in any scale and g² and ε are f32. A step to where the loss is not finite is undone: back to the best
//! picture, moments at zero, η halved.

use super::progress::Progress;
use super::sweep;
use super::{Limits, Objective, Outcome, Step, StopReason};
use crate::{Error, Result};
use rayon::prelude::*;
use std::ops::ControlFlow;

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.99;
const EPSILON: f32 = 1e-8;
/// Halvings of the learning rate without a step between them before the run gives up.
const HALVINGS: usize = 20;
/// Elements per parallel task; elements are independent, so it changes no bits.
const CHUNK: usize = 1 << 14;

/// A run of Adam between two steps.
#[derive(Debug)]
pub(super) struct Run {
    learning_rate: f64,
    /// One over the root mean square of the gradient at the start.
    scale: f64,
    /// Steps since the moments were zero.
    age: i32,
    x: Vec<f32>,
    gradient: Vec<f32>,
    /// ‖gradient‖².
    square: f64,
    loss: f64,
    /// m: running mean of the scaled gradient.
    mean: Vec<f32>,
    /// v: running mean of its square.
    variance: Vec<f32>,
    best: Vec<f32>,
    best_loss: f64,
    evaluations: usize,
    /// None until the start is evaluated.
    progress: Option<Progress>,
    next: Next,
    halvings: usize,
}

/// What is to be done with `x`; a cancelled evaluation leaves it so.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Its gradient is known: step from it.
    Leave,
    /// It was stepped to: evaluate it.
    Arrive,
    /// It is the best picture again, after a step that failed: get its gradient back.
    Retreat,
}

impl Run {
    pub(super) fn new(learning_rate: f64, start: Vec<f32>) -> Self {
        Self {
            learning_rate,
            scale: 0.0,
            age: 0,
            gradient: vec![0.0; start.len()],
            square: 0.0,
            loss: f64::INFINITY,
            mean: vec![0.0; start.len()],
            variance: vec![0.0; start.len()],
            best: start.clone(),
            x: start,
            best_loss: f64::INFINITY,
            evaluations: 0,
            progress: None,
            next: Next::Leave,
            halvings: 0,
        }
    }

    pub(super) fn go(
        mut self: Box<Self>,
        objective: &mut dyn Objective,
        limits: &Limits,
        on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>,
    ) -> Result<Outcome> {
        let stop = match self.run(objective, limits, on_step) {
            Ok(stop) => stop,
            Err(Error::Cancelled) => StopReason::Cancelled,
            Err(error) => return Err(error),
        };
        Ok(Outcome {
            pixels: self.best.clone(),
            loss: self.best_loss,
            iterations: self.progress.as_ref().map_or(0, |progress| progress.iterations),
            evaluations: self.evaluations,
            stop,
            state: super::State(super::Run::Adam(self)),
        })
    }

    fn run(
        &mut self,
        objective: &mut dyn Objective,
        limits: &Limits,
        on_step: &mut dyn FnMut(&Step) -> ControlFlow<()>,
    ) -> Result<StopReason> {
        if self.progress.is_none() {
            if !self.evaluate(objective)? {
                return Err(super::not_finite_at_start(self.loss));
            }
            self.scale = (self.x.len() as f64 / self.square.max(f64::MIN_POSITIVE)).sqrt();
            self.progress = Some(Progress::new(self.loss));
        }
        loop {
            let progress = self.progress.as_mut().expect("begun");
            if let Some(stop) = progress.reached(limits) {
                return Ok(stop);
            }
            if !self.step(objective)? {
                return Ok(if self.square == 0.0 { StopReason::Converged } else { StopReason::NoDescent });
            }
            let progress = self.progress.as_mut().expect("begun");
            progress.step(self.best_loss);
            let step = Step {
                iteration: progress.iterations,
                evaluations: self.evaluations,
                loss: self.loss,
                best_loss: self.best_loss,
                gradient_norm: self.square.sqrt(),
                pixels: &self.x,
            };
            if on_step(&step).is_break() {
                return Ok(StopReason::Cancelled);
            }
        }
    }

    /// One step to a finite loss; false when there is none.
    fn step(&mut self, objective: &mut dyn Objective) -> Result<bool> {
        loop {
            match self.next {
                Next::Leave if self.square == 0.0 || self.halvings > HALVINGS => return Ok(false),
                Next::Leave => {
                    self.update();
                    self.next = Next::Arrive;
                }
                Next::Arrive => {
                    let finite = self.evaluate(objective)?;
                    if finite {
                        self.next = Next::Leave;
                        self.halvings = 0;
                        return Ok(true);
                    }
                    self.retreat();
                }
                Next::Retreat => {
                    self.evaluate(objective)?;
                    self.next = Next::Leave;
                }
            }
        }
    }

    fn retreat(&mut self) {
        self.halvings += 1;
        self.learning_rate *= 0.5;
        self.age = 0;
        self.mean.fill(0.0);
        self.variance.fill(0.0);
        self.x.copy_from_slice(&self.best);
        self.next = Next::Retreat;
    }

    /// Evaluates `x`; false when the loss or the gradient is not finite.
    fn evaluate(&mut self, objective: &mut dyn Objective) -> Result<bool> {
        self.loss = objective.evaluate(&self.x, &mut self.gradient)?;
        self.evaluations += 1;
        self.square = sweep::clean(&mut self.gradient);
        let finite = self.loss.is_finite() && self.square.is_finite();
        if finite && self.loss < self.best_loss {
            self.best_loss = self.loss;
            self.best.copy_from_slice(&self.x);
        }
        Ok(finite)
    }

    fn update(&mut self) {
        self.age += 1;
        let bias1 = 1.0 - BETA1.powi(self.age);
        let bias2 = 1.0 - BETA2.powi(self.age);
        let rate = (self.learning_rate * bias2.sqrt() / bias1) as f32;
        let epsilon = EPSILON * bias2.sqrt() as f32;
        let (beta1, beta2, scale) = (BETA1 as f32, BETA2 as f32, self.scale as f32);
        let moments = self.mean.par_chunks_mut(CHUNK).zip(self.variance.par_chunks_mut(CHUNK));
        let chunks = self.x.par_chunks_mut(CHUNK).zip(self.gradient.par_chunks(CHUNK)).zip(moments);
        chunks.for_each(|((x, gradient), (mean, variance))| {
            for j in 0..x.len() {
                let g = scale * gradient[j];
                mean[j] = beta1 * mean[j] + (1.0 - beta1) * g;
                variance[j] = beta2 * variance[j] + (1.0 - beta2) * g * g;
                let change = rate * mean[j] / (variance[j].sqrt() + epsilon);
                x[j] -= if change.is_finite() { change } else { 0.0 };
            }
        });
    }
}
