//! `impasto bench`: how long one evaluation takes.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::engine::backend::Backend;
use crate::engine::memory::{self, Use};
use crate::engine::steps::Steps;
use crate::engine::{Engine, LayerTime};
use crate::error::Result;
use crate::kernels::peak;
use crate::kernels::simd::{Isa, Level};
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::measure;
use crate::network::Network;
use crate::run::settings::{Purpose, losses};
use crate::run::{defaults, start::noise, threads};
use crate::weights;

use super::args::BenchArgs;
use super::options::{self, refuse};
use super::values::SizeValue;
use super::{Ending, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    network: String,
    size: usize,
    threads: usize,
    repeats: usize,
    seconds_per_evaluation: f64,
    seconds_fastest: f64,
    gflops_direct_equivalent: f64,
    fma_peak_gflops: f64,
    copy_gbytes: f64,
    peak_rss_bytes: Option<u64>,
    /// Losses, total variation, and what of forward and backward belongs to no layer.
    milliseconds_elsewhere: f64,
    layers: Vec<LayerReport>,
}

/// One convolution in one evaluation, measured apart from the timed ones.
#[derive(Serialize)]
struct LayerReport {
    layer: String,
    /// Channels in, channels out, height, width.
    shape: [usize; 4],
    algorithm: &'static str,
    forward_milliseconds: f64,
    backward_milliseconds: f64,
    gram_milliseconds: f64,
    gflops_direct_equivalent: f64,
    share_of_peak: f64,
    roofline: Roofline,
}

/// The least time that one evaluation of a layer can take: by its multiply-adds at the machine's peak, and by its maps
/// at the rate of a memory copy (Williams, Waterman & Patterson, "Roofline", CACM 2009).
#[derive(Serialize)]
struct Roofline {
    /// Multiplications and additions in the time measured: of the products as the algorithm makes them, of the layer's
    /// Gram matrix, and of what the losses send back on its way.
    gflop: f64,
    /// The map before the convolution and the one behind it (behind the pooling, where only that is stored), once in
    /// each direction.
    megabytes: f64,
    multiply_milliseconds: f64,
    memory_milliseconds: f64,
    /// The larger of both as a part of the time measured.
    share: f64,
}

impl Roofline {
    fn new(steps: &Steps, at: usize, times: &[LayerTime], peak_gflops: f64, copy_gbytes: f64) -> Self {
        let flops = steps.flops_with_losses(at, |at| times[at].moments > 0.0);
        let bytes = steps.list()[at].traffic();
        let (multiply, memory) = (flops / peak_gflops / 1e6, bytes / copy_gbytes / 1e6);
        let time = &times[at];
        let measured = (time.forward + time.backward + time.moments) / PROFILED as f64 * 1e3;
        Self {
            gflop: flops / 1e9,
            megabytes: bytes / 1e6,
            multiply_milliseconds: multiply,
            memory_milliseconds: memory,
            share: multiply.max(memory) / measured,
        }
    }

    /// What sets the limit.
    fn bound(&self) -> &'static str {
        if self.multiply_milliseconds >= self.memory_milliseconds { "multiply" } else { "memory" }
    }
}

/// Seconds of the timed evaluations, and of the profiled ones by layer.
struct Measured {
    seconds: Vec<f64>,
    profiled: f64,
    layers: Vec<LayerTime>,
}

/// Evaluations that are profiled.
const PROFILED: usize = 3;

/// Times evaluations of a whole objective on noise.
pub(super) fn run(args: &BenchArgs) -> Result<Ending> {
    let size = match args.size {
        SizeValue::Longer(size) => size,
        SizeValue::Exact(width, height) if width == height => width,
        SizeValue::Exact(..) => return refuse("size", "the picture is square; give one number"),
    };
    if !(1..=10_000).contains(&args.repeats) {
        return refuse("repeats", format!("{} was given; give a number from 1 to 10000", args.repeats));
    }
    let purpose = Purpose::Numbers { content: true, style: true };
    let losses = |network: &Network| losses(&args.content_loss, &args.loss, network, purpose);
    let chosen = &args.network.options;
    let mut network = match &args.architecture {
        Some(architecture) => {
            let network = weights::random(architecture, 0)?;
            // Layers below the deepest tap would only take memory.
            let taps = losses(&network)?.taps();
            taps.iter().max().map_or(network.clone(), |&deepest| network.up_to(deepest))
        }
        None => options::network(args.network.weights.as_deref())?,
    };
    if let Some(pooling) = chosen.pooling {
        network = network.with_pooling(pooling);
    }
    let network = Arc::new(network);
    let losses = losses(&network)?;
    let backend = Backend::new(network.clone(), chosen.convolution.unwrap_or_default(), chosen.isa)?;
    let pool = threads::pool(chosen.threads)?;
    let steps = backend.steps(size, size, &losses.taps())?;
    let compared = losses.content_taps();
    pool.install(|| memory::require(steps.plan(), backend.kind(), &compared, Use::Evaluation))?;
    let measured = pool.install(|| -> Result<Measured> {
        let [content, style, image] = [1, 2, 3].map(|seed| noise(seed, defaults::NOISE_SCALE, (size, size)));
        let (content, style, image) = (content?, style?, image?);
        let layers: Vec<_> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        let mut engine = backend.engine(size, size, &layers)?;
        let styles = measure(&mut engine, style.rgb(), &layers, losses.statistic.order(), None);
        drop(engine);
        let engine = backend.engine(size, size, &losses.taps())?;
        let seen = ContentPicture { rgb: content.rgb(), weights: None };
        let mut objective = Objective::new(engine, &losses, Some(seen), &[StyleRegion::everywhere(styles)])?;
        let mut gradient = vec![0.0; image.rgb().len()];
        let mut time = |objective: &mut Objective<_>| {
            let start = Instant::now();
            objective.evaluate(image.rgb(), &mut gradient);
            start.elapsed().as_secs_f64()
        };
        time(&mut objective);
        let seconds = (0..args.repeats).map(|_| time(&mut objective)).collect();
        objective.engine_mut().profile(true);
        let profiled = (0..PROFILED).map(|_| time(&mut objective)).sum();
        Ok(Measured { seconds, profiled, layers: objective.engine().times().to_vec() })
    })?;
    // Before anything else takes memory.
    let peak_rss_bytes = memory::peak();
    let level = chosen.isa.and_then(Isa::level).unwrap_or_else(Level::best);
    let peaks = (peak::fma_peak_gflops(level, &pool), peak::copy_gbytes(&pool));
    let report = report(&steps, pool.current_num_threads(), measured, peaks, peak_rss_bytes);
    if args.json {
        output::json(&report)?;
    } else {
        output::result(&text(&report))?;
    }
    Ok(Ending::Done)
}

fn report(
    steps: &Steps,
    threads: usize,
    measured: Measured,
    (fma_peak_gflops, copy_gbytes): (f64, f64),
    peak_rss_bytes: Option<u64>,
) -> Report {
    let Measured { mut seconds, profiled, layers } = measured;
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    let median =
        if seconds.len() % 2 == 1 { seconds[middle] } else { (seconds[middle - 1] + seconds[middle]) / 2.0 };
    let known: f64 = layers.iter().map(|l| l.forward + l.backward + l.moments).sum();
    let milliseconds = |sum: f64| sum / PROFILED as f64 * 1e3;
    let reports = layers.iter().enumerate().map(|(at, time)| {
        let step = &steps.list()[at];
        let flops = step.direct_flops() * PROFILED as f64;
        let gflops = flops / (time.forward + time.backward) / 1e9;
        LayerReport {
            layer: step.layer.to_string(),
            shape: [step.input.channels, step.output.channels, step.output.height, step.output.width],
            algorithm: step.algorithm_name(),
            forward_milliseconds: milliseconds(time.forward),
            backward_milliseconds: milliseconds(time.backward),
            gram_milliseconds: milliseconds(time.moments),
            gflops_direct_equivalent: gflops,
            share_of_peak: gflops / fma_peak_gflops,
            roofline: Roofline::new(steps, at, &layers, fma_peak_gflops, copy_gbytes),
        }
    });
    Report {
        network: steps.plan().network().name().to_owned(),
        size: steps.plan().picture().width,
        threads,
        repeats: seconds.len(),
        seconds_per_evaluation: median,
        seconds_fastest: seconds[0],
        gflops_direct_equivalent: steps.direct_flops() / median / 1e9,
        fma_peak_gflops,
        copy_gbytes,
        peak_rss_bytes,
        layers: reports.collect(),
        milliseconds_elsewhere: milliseconds(profiled - known),
    }
}

/// The report as people read it.
fn text(report: &Report) -> String {
    let mut text = format!(
        "{}, {size}x{size}, {} threads: {:.4} s an evaluation (median of {}), {:.1} GFLOP/s of direct convolution, \
         {:.2} of the FMA peak of {:.1}; memory copies {:.1} GB/s",
        report.network,
        report.threads,
        report.seconds_per_evaluation,
        report.repeats,
        report.gflops_direct_equivalent,
        report.gflops_direct_equivalent / report.fma_peak_gflops,
        report.fma_peak_gflops,
        report.copy_gbytes,
        size = report.size,
    );
    if report.layers.is_empty() {
        return text;
    }
    text += "\n\nlayer    in→out, size            algorithm        forward  backward  Gram, ms   GFLOP/s  of peak   GFLOP     MB  of roofline";
    for layer in &report.layers {
        let [inputs, outputs, height, width] = layer.shape;
        text += &format!(
            "\n{:8} {:22} {:15} {:8.2} {:9.2} {:9.2} {:9.1} {:8.2} {:7.2} {:6.1} {:5.2} {}",
            layer.layer,
            format!("{inputs}→{outputs}, {height}x{width}"),
            layer.algorithm,
            layer.forward_milliseconds,
            layer.backward_milliseconds,
            layer.gram_milliseconds,
            layer.gflops_direct_equivalent,
            layer.share_of_peak,
            layer.roofline.gflop,
            layer.roofline.megabytes,
            layer.roofline.share,
            layer.roofline.bound(),
        );
    }
    text + &format!("\nlosses and the rest: {:.2} ms", report.milliseconds_elsewhere)
}
