//! Whether this build computes right on this machine: hand-derived gradients against finite differences, and every f32
//! engine against the f64 one.
//!
//! ReLUs and maxima have kinks: two engines that round differently may stand on two sides of one, and then both gradients
//! are right and differ. So gradients are compared under one activation pattern, and the patterns by themselves. The
//! f64 engine takes over the decisions of the f32 engine; where it would have decided otherwise, the value must be as near
//! to the kink as rounding explains. Under a fixed pattern the loss is a polynomial of degree four, and finite differences
//! are exact.

use std::sync::Arc;

use super::cast;
use crate::engine::backend::{Backend, BoxedEngine, ConvolutionAlgorithm};
use crate::engine::reference::Reference;
use crate::engine::{Disagreement, Engine, Pattern};
use crate::error::Result;
use crate::kernels::simd::Isa;
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::measure;
use crate::loss::{Losses, Normalisation};
use crate::network::{Layer, Network, plan::Plan};
use crate::random::Random;
use crate::run::options::{ContentOptions, LossOptions};
use crate::run::settings::{Purpose, losses};
use crate::tensor::Pooling;
use crate::tensor::Scalar;

/// The largest relative error of an f64 gradient against finite differences.
pub const DOUBLE_BAR: f64 = 1e-9;
/// The largest relative error of an f32 gradient against the f64 gradient under the same activation pattern.
pub const SINGLE_BAR: f64 = 1e-4;
/// The farthest from a kink that rounding to f32 may decide otherwise, as a part of the root mean square of the layer's
/// values before the ReLU.
pub const DECISION_BAR: f64 = 1e-4;

/// The largest change of a pixel in a finite difference.
const STEP: f64 = 0.05;

/// One comparison.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was compared.
    pub what: String,
    /// The relative error found.
    pub error: f64,
    /// The largest that is accepted.
    pub bar: f64,
}

impl Finding {
    /// Whether the error is within the bar (an error that is no number is not).
    pub fn passed(&self) -> bool {
        self.error <= self.bar
    }
}

/// Compares gradients of `network`'s losses on pictures of noise (`width`×`height`), for every normalisation and
/// pooling: f64 gradients with finite differences along four directions, and gradients and decisions (see the module's
/// text) of every f32 engine, by algorithm and instruction set, that this processor can run with the f64 ones.
///
/// # Errors
/// A network or size that cannot be used.
pub fn check(network: &Network, size: (usize, usize), seed: u64) -> Result<Vec<Finding>> {
    compare(network, size, seed, &candidates)
}

/// An f32 engine that is to be compared.
struct Candidate {
    name: String,
    make: Box<MakeEngine>,
}

/// Makes an engine for a picture of some height and width that keeps some layers.
type MakeEngine = dyn Fn(usize, usize, &[Layer]) -> Result<BoxedEngine>;

/// Every f32 engine that this processor can run.
fn candidates(network: &Arc<Network>) -> Result<Vec<Candidate>> {
    let mut choices = vec![("im2col".to_owned(), ConvolutionAlgorithm::Im2col, None)];
    for convolution in
        [ConvolutionAlgorithm::Direct, ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6]
    {
        for (name, isa) in Isa::ALL.into_iter().filter(|(_, isa)| isa.available()) {
            choices.push((format!("{convolution}, {name}"), convolution, Some(isa)));
        }
    }
    let candidate = |(name, convolution, isa)| {
        let backend = Backend::new(network.clone(), convolution, isa)?;
        let make = Box::new(move |height, width, taps: &[Layer]| backend.engine(height, width, taps));
        Ok(Candidate { name, make })
    };
    choices.into_iter().map(candidate).collect()
}

/// [`check`] with the engines that `candidates` gives for a network.
fn compare(
    network: &Network,
    (width, height): (usize, usize),
    seed: u64,
    candidates: &dyn Fn(&Arc<Network>) -> Result<Vec<Candidate>>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (pooling, pooling_name) in [(Pooling::Max, "max"), (Pooling::Average, "average")] {
        let network = Arc::new(network.with_pooling(pooling));
        let candidates = candidates(&network)?;
        let mut disagreements = vec![Disagreement::default(); candidates.len()];
        for (name, normalisation) in Normalisation::ALL {
            let options = LossOptions {
                normalisation: Some(normalisation),
                tv_weight: Some(0.1),
                ..LossOptions::default()
            };
            let taps = resolve(&options, &network)?.taps();
            let question = Question::new(&options, &network, (width, height), seed);
            let engine = || Ok(Reference::<f64>::new(Plan::new(network.clone(), height, width, &taps)?));
            let mut truth = Truth::new(&question, question.objective(&engine)?);
            let mut note = |what: &str, error, bar| {
                let what = format!("{name}, {pooling_name} pooling: {what}");
                findings.push(Finding { what, error, bar });
            };
            note("f64 gradient against finite differences", truth.finite_differences(), DOUBLE_BAR);
            for (Candidate { name, make }, worst) in candidates.iter().zip(&mut disagreements) {
                let mut objective = question.objective(&|| make(height, width, &taps))?;
                let gradient = question.gradient(&mut objective);
                let (expected, disagreement) = truth.under(objective.engine().pattern());
                let squares = expected.iter().zip(&gradient).map(|(a, b)| (a - b).powi(2));
                let error = squares.sum::<f64>().sqrt() / norm(expected);
                note(&format!("f32 gradient ({name}) against f64"), error, SINGLE_BAR);
                *worst += disagreement;
            }
        }
        for (Candidate { name, .. }, found) in candidates.iter().zip(disagreements) {
            let Disagreement { decisions, differing, farthest } = found;
            let excuse = if farthest <= DECISION_BAR { "each" } else { "not all" };
            let excuse =
                if differing > 0 { format!(", {excuse} by rounding next to a tie") } else { String::new() };
            let what = format!(
                "{pooling_name} pooling: {differing} of {decisions} decisions ({name}) differ from f64{excuse}"
            );
            findings.push(Finding { what, error: farthest, bar: DECISION_BAR });
        }
    }
    Ok(findings)
}

/// The losses with content and style, as the options say.
fn resolve(options: &LossOptions, network: &Network) -> Result<Losses> {
    losses(&ContentOptions::default(), options, network, Purpose::Numbers { content: true, style: true })
}

/// Pictures of noise and the losses to compare them by.
struct Question<'a> {
    options: &'a LossOptions,
    network: &'a Network,
    content: Vec<f64>,
    style: Vec<f64>,
    image: Vec<f64>,
    directions: Vec<Vec<f64>>,
}

impl<'a> Question<'a> {
    fn new(
        options: &'a LossOptions,
        network: &'a Network,
        (width, height): (usize, usize),
        seed: u64,
    ) -> Self {
        let mut random = Random::new(seed);
        // Values that f32 holds, so that both precisions see the same picture; powers of noise differ in
        // brightness and contrast as pictures do, so that differences of features are not all rounding.
        let mut noise = |power: f64| -> Vec<f64> {
            (0..3 * width * height).map(|_| f64::from(random.uniform().powf(power) as f32)).collect()
        };
        let [content, style] = [noise(2.0), noise(0.3)];
        // Away from 0 and 1, where the range term has a kink.
        let image = noise(1.0).iter().map(|value| f64::from((0.1 + 0.8 * value) as f32)).collect();
        let directions = (0..3).map(|_| noise(1.0).iter().map(|value| 2.0 * value - 1.0).collect()).collect();
        Self { options, network, content, style, image, directions }
    }

    fn objective<E: Engine>(&self, engine: &dyn Fn() -> Result<E>) -> Result<Objective<E>> {
        let losses = resolve(self.options, self.network)?;
        let single =
            |values: &[f64]| cast::<E::Scalar>(&values.iter().map(|&v| v as f32).collect::<Vec<_>>());
        let layers: Vec<_> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        let styles = measure(&mut engine()?, &single(&self.style), &layers, losses.statistic.order(), None);
        let content = single(&self.content);
        let content = ContentPicture { rgb: &content, weights: None };
        Objective::new(engine()?, &losses, Some(content), &[StyleRegion::everywhere(styles)])
    }

    /// The gradient at the image.
    fn gradient<E: Engine>(&self, objective: &mut Objective<E>) -> Vec<f64> {
        let image: Vec<E::Scalar> = self.image.iter().map(|&value| E::Scalar::from_f64(value)).collect();
        let mut gradient = vec![E::Scalar::ZERO; image.len()];
        objective.evaluate(&image, &mut gradient);
        gradient.iter().map(|value| value.to_f64()).collect()
    }
}

/// The f64 gradients at the image.
struct Truth<'a> {
    question: &'a Question<'a>,
    objective: Objective<Reference<f64>>,
    /// Under the activation patterns that were asked for, the engine's own first.
    known: Vec<(Vec<Pattern>, Vec<f64>, Disagreement)>,
}

impl<'a> Truth<'a> {
    fn new(question: &'a Question<'a>, mut objective: Objective<Reference<f64>>) -> Self {
        question.gradient(&mut objective);
        let own = objective.engine().pattern();
        let mut truth = Self { question, objective, known: Vec::new() };
        truth.under(own);
        truth
    }

    /// The gradient under an activation pattern, and how far that is from what the engine would have decided.
    fn under(&mut self, pattern: Vec<Pattern>) -> (&[f64], Disagreement) {
        let known = self.known.iter().position(|(known, ..)| *known == pattern);
        let at = known.unwrap_or_else(|| {
            self.objective.engine_mut().freeze(pattern.clone());
            let gradient = self.question.gradient(&mut self.objective);
            self.known.push((pattern, gradient, self.objective.engine().disagreement()));
            self.known.len() - 1
        });
        let (_, gradient, disagreement) = &self.known[at];
        (gradient, *disagreement)
    }

    /// The largest error of the gradient under the engine's own pattern along itself and three random directions, relative
    /// to ‖g‖·‖d‖/√n, which is how large g·d is along a random one.
    fn finite_differences(&mut self) -> f64 {
        let Self { question, objective, known } = self;
        let (own, gradient, _) = &known[0];
        objective.engine_mut().freeze(own.clone());
        largest_error(question, objective, gradient)
    }
}

/// See [`Truth::finite_differences`].
fn largest_error(
    question: &Question<'_>,
    objective: &mut Objective<Reference<f64>>,
    gradient: &[f64],
) -> f64 {
    let mut ignored = vec![0.0; question.image.len()];
    let mut at = |direction: &[f64], step: f64| {
        let moved = question.image.iter().zip(direction).map(|(x, d)| x + step * d);
        objective.evaluate(&moved.collect::<Vec<_>>(), &mut ignored).total
    };
    let scale = 1.0 / norm(gradient);
    let along: Vec<f64> = gradient.iter().map(|g| g * scale * (gradient.len() as f64).sqrt()).collect();
    let error = |direction: &Vec<f64>| {
        let analytic: f64 = gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
        let usual = norm(gradient) * norm(direction) / (gradient.len() as f64).sqrt();
        let largest = direction.iter().fold(0.0f64, |largest, d| largest.max(d.abs()));
        let h = STEP / (2.0 * largest);
        let mut difference = |h: f64| at(direction, h) - at(direction, -h);
        // Exact for polynomials up to degree four.
        let slope = (8.0 * difference(h) - difference(2.0 * h)) / (12.0 * h);
        (slope - analytic).abs() / usual.max(analytic.abs())
    };
    // Not `f64::max`, which would lose a NaN.
    let errors = std::iter::once(&along).chain(&question.directions).map(error);
    errors.fold(0.0, |worst, error| if error <= worst { worst } else { error })
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests;
