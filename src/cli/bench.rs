//! `pastiche bench`: how long one evaluation takes.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use pastiche::loss::style::measure;
use pastiche::memory::{self, Holder};
use pastiche::network::backend::Backend;
use pastiche::network::plan::Plan;
use pastiche::objective::Objective;
use pastiche::{Result, noise, threads, weights};

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
    fma_peak_gflops: Option<f64>,
    peak_rss_bytes: Option<u64>,
}

/// Times evaluations of a whole objective on noise.
pub(crate) fn run(args: &BenchArgs) -> Result<Ending> {
    let size = match args.size {
        SizeValue::Longer(size) => size,
        SizeValue::Exact(width, height) if width == height => width,
        SizeValue::Exact(..) => return refuse("--size", "the picture is square; give one number"),
    };
    if !(1..=10_000).contains(&args.repeats) {
        return refuse("--repeats", format!("{} came; give a number from 1 to 10000", args.repeats));
    }
    if args.loss.style_blend.is_some() {
        return refuse("--style-blend", "there is one style picture, of noise; leave it out");
    }
    let network = match &args.architecture {
        Some(architecture) => {
            let mut network = weights::random(architecture, 0)?;
            network.pooling = args.network.pooling.map_or(network.pooling, options::pooling_of);
            Arc::new(network)
        }
        None => options::network(args.network.weights.as_deref(), args.network.pooling)?,
    };
    let losses = options::losses(Some(&args.content_loss), &args.loss).resolve(&network)?;
    let plan = Plan::new(network.clone(), size, size, &losses.taps())?;
    let backend = Backend::new(network.clone(), args.network.convolution, args.network.isa)?;
    memory::require(&plan, Holder::of(&backend))?;
    let pool = threads::pool(args.network.threads)?;
    let seconds = pool.install(|| -> Result<Vec<f64>> {
        let [content, style, image] = [1, 2, 3].map(|seed| noise::picture(seed, (size, size)));
        let (content, style, image) = (content?, style?, image?);
        let layers: Vec<_> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
        let mut engine = backend.engine(size, size, &layers)?;
        let styles = measure(&mut engine, style.rgb(), &layers);
        drop(engine);
        let engine = backend.engine(size, size, &losses.taps())?;
        let mut objective = Objective::new(engine, losses.clone(), Some(content.rgb()), &styles)?;
        let mut gradient = vec![0.0; image.rgb().len()];
        let mut time = || {
            let start = Instant::now();
            objective.evaluate(image.rgb(), &mut gradient);
            start.elapsed().as_secs_f64()
        };
        time();
        Ok((0..args.repeats).map(|_| time()).collect())
    })?;
    let threads = pool.current_num_threads();
    let report = report(&network.name, size, threads, seconds, plan.direct_flops());
    if args.json {
        output::json(&report);
    } else {
        output::result(&format!(
            "{}, {size}x{size}, {threads} threads: {:.4} s an evaluation (median of {}), {:.1} GFLOP/s of direct \
             convolution{}",
            report.network,
            report.seconds_per_evaluation,
            report.repeats,
            report.gflops_direct_equivalent,
            report.fma_peak_gflops.map(|peak| format!(", {peak:.1} at most")).unwrap_or_default()
        ));
    }
    Ok(Ending::Done)
}

fn report(network: &str, size: usize, threads: usize, mut seconds: Vec<f64>, flops: f64) -> Report {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    let median =
        if seconds.len() % 2 == 1 { seconds[middle] } else { (seconds[middle - 1] + seconds[middle]) / 2.0 };
    Report {
        network: network.to_owned(),
        size,
        threads,
        repeats: seconds.len(),
        seconds_per_evaluation: median,
        seconds_fastest: seconds[0],
        gflops_direct_equivalent: flops / median / 1e9,
        fma_peak_gflops: fma_peak_gflops(threads),
        peak_rss_bytes: memory::peak(),
    }
}

/// The most that this machine's multiply-add units give on `threads` threads, where it can be measured.
fn fma_peak_gflops(_threads: usize) -> Option<f64> {
    None
}
