//! `impasto transfer` and `impasto texture`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use impasto::internals::engine::memory;
use impasto::internals::loss::Terms;
use impasto::picture::{Format, Picture, SaveOptions, check_output};
use impasto::{Error, Init, Progress, Result, StopReason, Stylized, defaults};

use super::args::{PaintArgs, TextureArgs, TransferArgs};
use super::interrupt::Interrupt;
use super::options::{self, refuse};
use super::progress::Teller;
use super::values::{InitValue, SizeValue};
use super::{Ending, output};

/// Paints a picture.
pub(crate) fn transfer(args: &TransferArgs) -> Result<Ending> {
    let size = match args.size {
        None => defaults::SIZE,
        Some(SizeValue::Longer(size)) => size,
        Some(SizeValue::Exact(width, height)) => {
            return refuse(
                "--size",
                format!(
                    "{width}x{height} came, but the aspect ratio is the content's; give the longer side alone"
                ),
            );
        }
    };
    options::check_blend(&args.loss, &args.style)?;
    let builder = options::builder(Some(&args.content_loss), &args.loss, &args.paint, &args.network)?;
    let mut builder = builder.size(size).original_colours(args.original_colours);
    builder = match &args.init {
        InitValue::Content => builder,
        InitValue::Noise => builder.init(Init::Noise),
        InitValue::File(file) => builder.init(Init::Picture(Picture::load_at_most(file, size.max(1))?)),
    };
    let transfer = builder.build()?;
    let inputs: Vec<&Path> = args.style.iter().chain([&args.content]).map(PathBuf::as_path).collect();
    check_destination(&args.output, size, &inputs, &args.init)?;
    let content = Picture::load_at_most(&args.content, size)?;
    let styles = load_styles(&args.style, size, &args.paint)?;
    let mut teller = Teller::new(&args.paint, Interrupt::install());
    let stylized = transfer.run(&content, &styles, |progress: &Progress<'_>| teller.tell(progress));
    teller.finish();
    finish(&stylized?, &args.output, &args.paint, transfer.threads())
}

/// Makes a texture.
pub(crate) fn texture(args: &TextureArgs) -> Result<Ending> {
    let (width, height) = match args.size {
        SizeValue::Longer(size) => (size, size),
        SizeValue::Exact(width, height) => (width, height),
    };
    options::check_blend(&args.loss, &args.style)?;
    let builder = options::builder(None, &args.loss, &args.paint, &args.network)?;
    let longer = width.max(height);
    let builder = match &args.init {
        InitValue::Noise => builder.init(Init::Noise),
        InitValue::File(file) => builder.init(Init::Picture(Picture::load_at_most(file, longer.max(1))?)),
        InitValue::Content => {
            return refuse("--init", "a texture has no content to start from; give noise or a file");
        }
    };
    let transfer = builder.build()?;
    let inputs: Vec<&Path> = args.style.iter().map(PathBuf::as_path).collect();
    check_destination(&args.output, longer, &inputs, &args.init)?;
    let styles = load_styles(&args.style, longer, &args.paint)?;
    let mut teller = Teller::new(&args.paint, Interrupt::install());
    let stylized =
        transfer.texture((width, height), &styles, |progress: &Progress<'_>| teller.tell(progress));
    teller.finish();
    finish(&stylized?, &args.output, &args.paint, transfer.threads())
}

/// Finds out before the work whether the result can be written, and is not one of the inputs.
fn check_destination(output: &Path, longer: usize, inputs: &[&Path], init: &InitValue) -> Result<()> {
    let mut inputs = inputs.to_vec();
    if let InitValue::File(file) = init {
        inputs.push(file);
    }
    options::check_distinct(output, &inputs)?;
    check_output(output)?;
    let format = Format::of(output)?;
    if longer > format.longest_side() {
        let message = format!(
            "{format:?} files have at most {} pixels a side; use another format",
            format.longest_side()
        );
        return Err(Error::Output { file: output.to_owned(), message });
    }
    Ok(())
}

/// The style pictures, no larger than they are needed.
fn load_styles(files: &[PathBuf], size: usize, paint: &PaintArgs) -> Result<Vec<Picture>> {
    let longer = (size as f64 * paint.style_scale.unwrap_or(defaults::STYLE_SCALE)).ceil() as usize;
    files.iter().map(|file| Picture::load_at_most(file, longer.max(1))).collect()
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Report<'a> {
    output: String,
    width: usize,
    height: usize,
    seconds: f64,
    evaluation_seconds: f64,
    evaluations: usize,
    loss: &'a Terms,
    stop: String,
    sizes: Vec<SizeLine>,
    threads: usize,
    seed: u64,
    peak_rss_bytes: Option<u64>,
}

/// One size in the last line.
#[derive(Serialize)]
struct SizeLine {
    width: usize,
    height: usize,
    iterations: usize,
    evaluations: usize,
    loss: f64,
    stop: String,
}

/// Writes the picture and says so.
fn finish(stylized: &Stylized, file: &Path, paint: &PaintArgs, threads: usize) -> Result<Ending> {
    let picture = &stylized.picture;
    picture.save(file, &SaveOptions::default())?;
    let interrupted = stylized.stop == StopReason::Cancelled;
    if paint.json {
        let line = |size: &impasto::SizeReport| SizeLine {
            width: size.width,
            height: size.height,
            iterations: size.iterations,
            evaluations: size.evaluations,
            loss: size.loss,
            stop: size.stop.to_string(),
        };
        output::json(&Report {
            output: file.display().to_string(),
            width: picture.width(),
            height: picture.height(),
            seconds: stylized.seconds,
            evaluation_seconds: stylized.evaluation_seconds,
            evaluations: stylized.evaluations,
            loss: &stylized.terms,
            stop: stylized.stop.to_string(),
            sizes: stylized.sizes.iter().map(line).collect(),
            threads,
            seed: paint.seed,
            peak_rss_bytes: memory::peak(),
        });
    } else if !paint.quiet {
        let what = if interrupted { "interrupted; the best picture so far is in" } else { "wrote" };
        output::message(&format!(
            "{what} {} ({}x{}, {:.1} s, {} evaluations, loss {:.4e})",
            file.display(),
            picture.width(),
            picture.height(),
            stylized.seconds,
            stylized.evaluations,
            stylized.terms.total
        ));
    }
    Ok(if interrupted { Ending::Interrupted } else { Ending::Done })
}
