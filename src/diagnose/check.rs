//! Whether this build computes right on this machine: hand-derived gradients against finite differences.

use std::sync::Arc;

use super::cast;
use crate::engine::Engine;
use crate::engine::backend::{Backend, ConvolutionAlgorithm};
use crate::engine::reference::Reference;
use crate::error::Result;
use crate::kernels::simd::Isa;
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::measure;
use crate::loss::{Losses, Normalisation};
use crate::network::{Network, plan::Plan};
use crate::random::Random;
use crate::run::options::{ContentOptions, LossOptions};
use crate::run::settings::{Purpose, losses};
use crate::tensor::Pooling;
use crate::tensor::Scalar;

/// The largest relative error of an f64 gradient against finite differences.
pub const DOUBLE_BAR: f64 = 1e-6;
/// The largest relative error of an f32 gradient against the f64 gradient.
pub const SINGLE_BAR: f64 = 1e-4;

/// Steps of the central differences; the best counts, since a ReLU or a maximum may switch within a large step and
/// rounding spoils a small one.
const STEPS: [f64; 3] = [1e-5, 1e-6, 1e-7];

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
/// pooling: f64 gradients with finite differences along four directions, and f32 gradients of every algorithm and
/// instruction set that this processor has with the f64 ones.
///
/// # Errors
/// A network or size that cannot be used.
pub fn check(network: &Network, (width, height): (usize, usize), seed: u64) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (pooling, pooling_name) in [(Pooling::Max, "max"), (Pooling::Average, "average")] {
        let network = Arc::new(network.with_pooling(pooling));
        let backends = backends(&network)?;
        for (name, normalisation) in Normalisation::ALL {
            let options = LossOptions {
                normalisation: Some(normalisation),
                tv_weight: Some(0.1),
                ..LossOptions::default()
            };
            let taps = resolve(&options, &network)?.taps();
            let question = Question::new(&options, &network, (width, height), seed);
            let engine = || Ok(Reference::<f64>::new(Plan::new(network.clone(), height, width, &taps)?));
            let mut objective = question.objective(&engine)?;
            let gradient = question.gradient(&mut objective);
            let mut note = |what: &str, error, bar| {
                let what = format!("{name}, {pooling_name} pooling: {what}");
                findings.push(Finding { what, error, bar });
            };
            let error = question.finite_differences(&mut objective, &gradient);
            note("f64 gradient against finite differences", error, DOUBLE_BAR);
            for (backend_name, backend) in &backends {
                let mut objective = question.objective(&|| backend.engine(height, width, &taps))?;
                let single = question.gradient(&mut objective);
                let difference =
                    gradient.iter().zip(&single).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                note(
                    &format!("f32 gradient ({backend_name}) against f64"),
                    difference / norm(&gradient),
                    SINGLE_BAR,
                );
            }
        }
    }
    Ok(findings)
}

/// The losses with content and style, as the options say.
fn resolve(options: &LossOptions, network: &Network) -> Result<Losses> {
    losses(&ContentOptions::default(), options, network, Purpose::Numbers { content: true, style: true })
}

/// Every f32 engine that this processor can run.
fn backends(network: &Arc<Network>) -> Result<Vec<(String, Backend)>> {
    let mut backends =
        vec![("im2col".to_owned(), Backend::new(network.clone(), ConvolutionAlgorithm::Im2col, None)?)];
    for convolution in
        [ConvolutionAlgorithm::Direct, ConvolutionAlgorithm::Winograd4, ConvolutionAlgorithm::Winograd6]
    {
        for (name, isa) in Isa::ALL.into_iter().filter(|(_, isa)| isa.available()) {
            let backend = Backend::new(network.clone(), convolution, Some(isa))?;
            backends.push((format!("{convolution}, {name}"), backend));
        }
    }
    Ok(backends)
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
        let [content, style, image] = [noise(2.0), noise(0.3), noise(1.0)];
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

    /// The largest error along the gradient and three random directions, relative to ‖g‖·‖d‖/√n, which is how
    /// large g·d is along a random one.
    fn finite_differences<E: Engine>(&self, objective: &mut Objective<E>, gradient: &[f64]) -> f64 {
        let mut ignored = vec![E::Scalar::ZERO; self.image.len()];
        let mut at = |direction: &[f64], step: f64| {
            let moved = self.image.iter().zip(direction).map(|(x, d)| E::Scalar::from_f64(x + step * d));
            objective.evaluate(&moved.collect::<Vec<_>>(), &mut ignored).total
        };
        let scale = 1.0 / norm(gradient);
        let along: Vec<f64> = gradient.iter().map(|g| g * scale * (gradient.len() as f64).sqrt()).collect();
        let error = |direction: &Vec<f64>| {
            let analytic: f64 = gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
            let usual = norm(gradient) * norm(direction) / (gradient.len() as f64).sqrt();
            let errors = STEPS.map(|h| {
                let difference = (at(direction, h) - at(direction, -h)) / (2.0 * h);
                (difference - analytic).abs() / usual.max(analytic.abs())
            });
            errors.into_iter().fold(f64::INFINITY, f64::min)
        };
        // Not `f64::max`, which would lose a NaN.
        let errors = std::iter::once(&along).chain(&self.directions).map(error);
        errors.fold(0.0, |worst, error| if error <= worst { worst } else { error })
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_build_passes() {
        let network = crate::weights::random("4,4|6", 1).unwrap();
        let findings = check(&network, (14, 11), 3).unwrap();
        assert!(findings.len() >= 2 * 4 * 4);
        for finding in findings {
            assert!(finding.passed(), "{finding:?}");
        }
    }

    #[test]
    fn a_gradient_wrong_by_a_hundred_thousandth_is_found() {
        let network = Arc::new(crate::weights::random("4,4|6", 1).unwrap());
        let options = LossOptions::default();
        let question = Question::new(&options, &network, (14, 11), 3);
        let taps = resolve(&options, &network).unwrap().taps();
        let engine = || Ok(Reference::<f64>::new(Plan::new(network.clone(), 11, 14, &taps)?));
        let mut objective = question.objective(&engine).unwrap();
        let mut gradient = question.gradient(&mut objective);
        assert!(question.finite_differences(&mut objective, &gradient) <= DOUBLE_BAR);
        gradient.iter_mut().for_each(|g| *g *= 1.0 + 1e-5);
        assert!(question.finite_differences(&mut objective, &gradient) > DOUBLE_BAR);
    }
}
