//! From options to what the library takes; options that contradict each other are refused here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use impasto::internals::network::Network;
use impasto::internals::optimize::Optimizer;
use impasto::internals::run::losses::LossOptions;
use impasto::internals::tensor::Pooling;
use impasto::{Builder, Error, Result, StyleTransfer, defaults, weights};

use super::args::{ContentLossArgs, LossArgs, NetworkArgs, OptimizerValue, PaintArgs, PoolingValue};

/// A mistake in the options, as the library words its own.
pub(crate) fn refuse<T>(option: &'static str, message: impl Into<String>) -> Result<T> {
    Err(Error::Option { option, message: message.into() })
}

/// The network that the options name, with their pooling.
pub(crate) fn network(weights: Option<&Path>, pooling: Option<PoolingValue>) -> Result<Arc<Network>> {
    let mut network = match weights {
        Some(file) => weights::load(file)?,
        None => weights::embedded()?.clone(),
    };
    if let Some(value) = pooling {
        network.pooling = pooling_of(value);
    }
    Ok(Arc::new(network))
}

/// The pooling that the option names.
pub(crate) fn pooling_of(value: PoolingValue) -> Pooling {
    match value {
        PoolingValue::Max => Pooling::Max,
        PoolingValue::Average => Pooling::Average,
    }
}

/// The losses that the options describe.
pub(crate) fn losses(content: Option<&ContentLossArgs>, style: &LossArgs) -> LossOptions {
    LossOptions {
        normalisation: style.preset,
        content_weight: content.and_then(|c| c.content_weight),
        style_weight: style.style_weight,
        tv_weight: style.tv_weight,
        range_weight: style.range_weight,
        content_layers: content.and_then(|c| c.content_layers.clone()).map(|layers| layers.0),
        style_layers: style.style_layers.clone().map(|layers| layers.0),
    }
}

/// The optimiser that the options name.
fn method(args: &PaintArgs) -> Result<Optimizer> {
    match (args.optimizer, args.learning_rate) {
        (OptimizerValue::Lbfgs, None) => Ok(defaults::method()),
        (OptimizerValue::Lbfgs, Some(_)) => refuse(
            "--learning-rate",
            "belongs to --optimizer adam, but the optimizer is lbfgs, which finds its own steps; leave one out",
        ),
        (OptimizerValue::Adam, rate) => {
            Ok(Optimizer::Adam { learning_rate: rate.unwrap_or(defaults::LEARNING_RATE) })
        }
    }
}

/// A builder with everything that transfers and textures share.
pub(crate) fn builder(
    content: Option<&ContentLossArgs>,
    loss: &LossArgs,
    paint: &PaintArgs,
    network_args: &NetworkArgs,
) -> Result<Builder> {
    let method = method(paint)?;
    let losses = losses(content, loss);
    let mut builder = StyleTransfer::builder()
        .network(network(network_args.weights.as_deref(), network_args.pooling)?)
        .convolution(network_args.convolution)
        .losses(losses)
        .iterations(paint.iterations.clone())
        .method(method)
        .seed(paint.seed);
    if let Some(isa) = network_args.isa {
        builder = builder.isa(isa);
    }
    if let Some(blend) = &loss.style_blend {
        builder = builder.style_blend(blend.0.clone());
    }
    if let Some(scale) = paint.style_scale {
        builder = builder.style_scale(scale);
    }
    if let Some(coarsest) = paint.coarsest {
        builder = builder.coarsest(coarsest);
    }
    if let Some(tolerance) = paint.tolerance {
        builder = builder.tolerance(tolerance);
    }
    if let Some(threads) = network_args.threads {
        builder = builder.threads(threads);
    }
    Ok(builder)
}

/// Refuses a number of blend weights that is not the number of styles.
pub(crate) fn check_blend(loss: &LossArgs, styles: &[PathBuf]) -> Result<()> {
    match &loss.style_blend {
        Some(blend) if blend.0.len() != styles.len() => refuse(
            "--style-blend",
            format!("{} weights came for {} style pictures; give one for each", blend.0.len(), styles.len()),
        ),
        _ => Ok(()),
    }
}

/// Refuses an output that would overwrite one of the inputs.
pub(crate) fn check_distinct(output: &Path, inputs: &[&Path]) -> Result<()> {
    let same = |input: &&&Path| match (output.canonicalize(), input.canonicalize()) {
        (Ok(output), Ok(input)) => output == input,
        _ => false,
    };
    match inputs.iter().find(same) {
        Some(input) => refuse("--output", format!("{} is also an input; name another file", input.display())),
        None => Ok(()),
    }
}
