//! `impasto transfer` and `impasto texture`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::{PaintingArgs, TextureArgs, TransferArgs};
use super::masks::MaskValue;
use super::options::{self, refuse};
use super::progress::Reporter;
use super::values::{InitValue, StyleValue};
use super::{Ending, interrupt, output, style};
use crate::engine::memory;
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::picture::{Format, Picture, SaveOptions, check_output};
use crate::run::masks::Mask;
use crate::run::sizes::SizeRule;
use crate::run::values::Strength;
use crate::run::{Progress, Report, Request, Start, Style, StyleTransfer, Stylized, defaults};

/// Paints a picture.
pub(super) fn transfer(args: &TransferArgs) -> Result<Ending> {
    let (painting, init) = (&args.painting, args.init());
    let styles = options::styles(&args.style, painting)?;
    let transfer = StyleTransfer::builder()
        .options(args.options())
        .network(options::network(painting.network.weights.as_deref())?)
        .build()?;
    let mut inputs = inputs(&styles, painting);
    inputs.push(&args.content);
    inputs.extend(args.keep.keep.as_ref().and_then(MaskValue::file));
    let strength = match &args.picture.strength {
        Some(Strength::Mask(file)) => Some(file),
        _ => None,
    };
    inputs.extend(strength.map(PathBuf::as_path));
    if let InitValue::File(file) = &init {
        inputs.push(file);
    }
    check_destination(painting, &inputs)?;
    let content = match longest(painting) {
        Some(longer) => Picture::load_at_most(&args.content, longer)?,
        None => Picture::load(&args.content)?,
    };
    let loaded = load_styles(&styles, painting, Some(&content))?;
    let mut request = Request::picture(&content, loaded).start(start(&init, painting)?);
    if let Some(keep) = &args.keep.keep {
        request = request.keep(keep.load("keep", Some(&content))?);
    }
    if let Some(file) = strength {
        request = request.strength(Mask::from_picture(&Picture::load(file)?));
    }
    run(&transfer, &request, painting, &inputs)
}

/// Makes a texture.
pub(super) fn texture(args: &TextureArgs) -> Result<Ending> {
    let painting = &args.painting;
    let styles = options::styles(&args.style, painting)?;
    if args.init == InitValue::Content {
        return refuse("init", "a texture has no content to start from; give noise or a file");
    }
    let transfer = StyleTransfer::builder()
        .options(painting.options())
        .network(options::network(painting.network.weights.as_deref())?)
        .build()?;
    let mut inputs = inputs(&styles, painting);
    if let InitValue::File(file) = &args.init {
        inputs.push(file);
    }
    check_destination(painting, &inputs)?;
    let loaded = load_styles(&styles, painting, None)?;
    let request = Request::texture(loaded).start(start(&args.init, painting)?);
    run(&transfer, &request, painting, &inputs)
}

/// Paints, reports, writes; `inputs` are the files that were read.
fn run(
    transfer: &StyleTransfer,
    request: &Request<'_>,
    painting: &PaintingArgs,
    inputs: &[&Path],
) -> Result<Ending> {
    let mut inputs = inputs.to_vec();
    inputs.extend(painting.network.weights.as_deref());
    let checkpoints = painting.checkpoint.checkpoints(&inputs, &painting.output)?;
    let mut request = request.clone().cancelled_by(&interrupt::install());
    request.checkpoints = checkpoints.clone();
    let mut reporter = Reporter::new(painting);
    let observer = |progress: &Progress<'_>| reporter.report(progress);
    let stylized = painting.checkpoint.run(transfer, &request, observer);
    let unreported = reporter.finish();
    let stylized = stylized?;
    let ending = finish(&stylized, painting)?;
    let silent = painting.quiet || painting.json;
    painting.checkpoint.end(checkpoints.as_ref(), stylized.report.stop, silent);
    unreported.map_or(Ok(ending), Err)
}

/// The longer side of the result where it is known before the content is read.
fn longest(painting: &PaintingArgs) -> Option<usize> {
    match painting.paint.size.unwrap_or(SizeRule::Longer(defaults::SIZE)) {
        SizeRule::Longer(longer) => Some(longer),
        SizeRule::Exact(width, height) => Some(width.max(height)),
        _ => None,
    }
}

/// The picture to start from.
fn start(init: &InitValue, painting: &PaintingArgs) -> Result<Start> {
    Ok(match init {
        InitValue::Content => Start::Content,
        InitValue::Noise => Start::Noise,
        InitValue::File(file) => Start::Picture(match longest(painting) {
            Some(longer) => Picture::load_at_most(file, longer)?,
            None => Picture::load(file)?,
        }),
    })
}

/// Finds out before the work whether the result can be written, and is not one of the inputs.
fn check_destination(painting: &PaintingArgs, inputs: &[&Path]) -> Result<()> {
    let output = &painting.output;
    options::check_distinct(output, inputs)?;
    check_output(output)?;
    let format = Format::of(output)?;
    if longest(painting).is_some_and(|longer| longer > format.longest_side()) {
        let message = format!(
            "{format:?} files have at most {} pixels a side; use another format",
            format.longest_side()
        );
        return Err(Error::output(output, message));
    }
    Ok(())
}

/// The files of styles and of their regions.
fn inputs<'a>(styles: &'a [StyleValue], painting: &'a PaintingArgs) -> Vec<&'a Path> {
    let masks = styles.iter().flat_map(|style| [&style.mask, &style.at]).flatten();
    let styles = styles.iter().map(|style| style.file.as_path());
    styles.chain(masks.filter_map(MaskValue::file)).chain(painting.guides.files()).collect()
}

/// The styles in their regions, their pictures no larger than they are needed.
fn load_styles(
    styles: &[StyleValue],
    painting: &PaintingArgs,
    content: Option<&Picture>,
) -> Result<Vec<Style>> {
    let scale = painting.paint.style_scale.unwrap_or(defaults::STYLE_SCALE);
    let load = |value: &StyleValue| {
        let needed = longest(painting).map(|longer| {
            let needed = (longer as f64 * scale * value.scale.unwrap_or(1.0)).ceil();
            (needed as usize).max(1)
        });
        options::style(style::load(&value.file, needed)?, value, content)
    };
    painting.guides.apply(styles.iter().map(load).collect::<Result<_>>()?, content)
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    output: String,
    #[serde(flatten)]
    report: &'a Report,
    seed: u64,
    peak_rss_bytes: Option<u64>,
}

/// Writes the picture and says so.
fn finish(stylized: &Stylized, painting: &PaintingArgs) -> Result<Ending> {
    let (file, report) = (&painting.output, &stylized.report);
    stylized.picture.save(file, &SaveOptions::default())?;
    let interrupted = report.stop == StopReason::Cancelled;
    if painting.json {
        output::json(&Line {
            output: file.display().to_string(),
            report,
            seed: painting.paint.seed.unwrap_or(defaults::SEED),
            peak_rss_bytes: memory::peak(),
        })?;
    } else if !painting.quiet {
        let what = if interrupted { "interrupted; the best picture so far is in" } else { "wrote" };
        output::message(&format!(
            "{what} {} ({}x{}, {:.1} s, {} evaluations, loss {:.4e})",
            file.display(),
            report.width,
            report.height,
            report.seconds,
            report.evaluations,
            report.loss.total
        ));
    }
    Ok(if interrupted { Ending::Interrupted } else { Ending::Done })
}
