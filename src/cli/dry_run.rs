//! What a run would do: for `--dry-run` as its result, for `--verbose` before the work.

use serde::Serialize;

use super::notices::Notice;
use super::output;
use super::receipt::NetworkId;
use super::work::Work;
use crate::error::Result;
use crate::run::Forecast;

/// What `--dry-run --json` prints.
#[derive(Serialize)]
struct Line<'a> {
    dry_run: bool,
    output: &'a str,
    content: Option<String>,
    styles: Vec<String>,
    #[serde(flatten)]
    forecast: &'a Forecast,
    iterations: usize,
    seconds: f64,
    warnings: &'a [Notice],
}

/// Prints what would be done.
///
/// # Errors
/// If stdout takes nothing.
pub(super) fn print(
    work: &Work,
    target: &str,
    forecast: &Forecast,
    json: bool,
    warnings: &[Notice],
) -> Result<()> {
    if json {
        return output::json(&Line {
            dry_run: true,
            output: target,
            content: work.content().map(|file| file.display().to_string()),
            styles: work.styles.iter().map(ToString::to_string).collect(),
            forecast,
            iterations: forecast.iterations(),
            seconds: forecast.seconds(),
            warnings,
        });
    }
    output::result(&roles(work))?;
    lines(forecast).iter().try_for_each(|line| output::result(line))?;
    output::result(&format!("would write {target} ({}x{})", forecast.width, forecast.height))
}

/// Says before the work what will be done.
pub(super) fn tell(work: &Work, network: &NetworkId, forecast: &Forecast) {
    if work.styles.len() == 1 {
        output::message(&roles(work)); // with several it has been said
    }
    let file = network.file.as_deref().unwrap_or("embedded");
    output::message(&format!("network {file} ({}, sha256 {})", network.name, &network.sha256[..12]));
    lines(forecast).iter().for_each(|line| output::message(line));
}

/// Which file is what: `content photo.jpg, styles waves.jpg, sky.jpg:weight=2`.
pub(super) fn roles(work: &Work) -> String {
    let styles: Vec<String> = work.styles.iter().map(ToString::to_string).collect();
    let styles = format!("style{} {}", if styles.len() == 1 { "" } else { "s" }, styles.join(", "));
    match work.content() {
        Some(content) => format!("content {}, {styles}", content.display()),
        None => styles,
    }
}

/// The sizes, and what they take together.
fn lines(forecast: &Forecast) -> Vec<String> {
    let size = |size: &crate::run::SizeForecast| {
        let tiles = if size.tiles > 1 { format!(" in {} tiles", size.tiles) } else { String::new() };
        format!(
            "size {}x{}{tiles}: at most {} iterations, {}",
            size.width,
            size.height,
            size.iterations,
            time(size.seconds)
        )
    };
    let mut lines: Vec<String> = forecast.sizes.iter().map(size).collect();
    lines.push(format!(
        "together at most {} iterations and about as many evaluations, {} with {} threads; about {:.0} MB of memory",
        forecast.iterations(),
        time(forecast.seconds()),
        forecast.threads,
        forecast.memory_bytes as f64 / 1e6
    ));
    lines
}

fn time(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}
