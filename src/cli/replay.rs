//! `impasto replay`: makes a picture again by its receipt, and says whether it is the same.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::args::ReplayArgs;
use super::masks::MaskValue;
use super::notices::Notices;
use super::progress::Reporter;
use super::receipt::Receipt;
use super::running::RunningArgs;
use super::saving::SavingArgs;
use super::values::{InitValue, StyleValue};
use super::work::Work;
use super::{Ending, interrupt, output};
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::picture::{Format, Picture};
use crate::run::values::Strength;

/// What `--json` prints.
#[derive(Serialize)]
struct Verdict {
    identical: bool,
    /// Whether the whole file has the same bytes, its metadata too.
    same_bytes: bool,
    /// What is not as it was when the picture was made.
    differences: Vec<String>,
    pixels: Difference,
}

/// How far two pictures are apart.
#[derive(Debug, Default, Serialize)]
struct Difference {
    different: usize,
    of: usize,
    /// Both in steps of 8 bits.
    largest: f32,
    mean: f32,
}

/// Paints again, compares, reports.
pub(super) fn run(args: &ReplayArgs) -> Result<Ending> {
    let receipt = Receipt::of(&args.picture)?;
    let work = work(&receipt, args)?;
    let saving =
        SavingArgs { output: args.output.clone(), overwrite: args.overwrite, ..receipt.saved.args() };
    let format = Format::named(&receipt.saved.format).ok_or_else(|| {
        Error::picture(&args.picture, "was written in a format that this version does not know")
    })?;
    let mut inputs = work.files();
    inputs.push(&args.picture);
    let mut notices = Notices::new(args.quiet);
    let prepared = work.prepare()?;
    let target = match &args.output {
        Some(_) => Some(saving.target(work.content(), &work.style_files(), &inputs)?),
        None => None,
    };
    let loaded = prepared.load(&mut notices)?;
    let size = prepared.size(&loaded, &mut notices)?;
    let proved = target.map(|target| target.prove(size, loaded.content.as_ref())).transpose()?;
    let running = RunningArgs { quiet: args.quiet || args.json, ..RunningArgs::default() };
    let mut reporter = Reporter::new(&running, false, notices.release())?;
    let request = loaded.request().cancelled_by(&interrupt::install());
    let stylized = prepared.transfer.run(&request, &mut reporter);
    reporter.finish(&mut notices);
    let stylized = stylized?;
    let again = prepared.receipt(&loaded, receipt.saved.clone(), &stylized.report);
    if let Some(proved) = proved {
        proved.write(&stylized.picture, proved.target().receipt.then(|| again.text()), &mut notices)?;
    }
    if stylized.report.stop == StopReason::Cancelled {
        return Err(Error::Cancelled);
    }
    let options = saving.options(format)?.document(receipt.text());
    let bytes = stylized.picture.encode(format, &options)?;
    let pixels = difference(&Picture::load(&args.picture)?, &Picture::decode(&bytes, "(again)".as_ref())?);
    let verdict = Verdict {
        identical: pixels.different == 0,
        same_bytes: std::fs::read(&args.picture).is_ok_and(|file| file == bytes),
        differences: changes(&receipt, &again),
        pixels,
    };
    tell(&verdict, args.json)?;
    Ok(if verdict.identical { Ending::Done } else { Ending::Bad })
}

/// The run that a receipt tells of, with the files where they are now.
fn work(receipt: &Receipt, args: &ReplayArgs) -> Result<Work> {
    let command = match receipt.command.as_str() {
        "transfer" => "transfer",
        "texture" => "texture",
        other => {
            let message = format!("was made by `{other}`, which this version cannot repeat");
            return Err(Error::picture(&args.picture, message));
        }
    };
    let find = |name: &str, role: &str, given: Option<&PathBuf>| match given {
        Some(file) => Ok(file.clone()),
        None => Receipt::find(&args.picture, name).ok_or_else(|| {
            let message = format!("was painted of {name} ({role}), which is not found here; give `{role}`");
            Error::picture(&args.picture, message)
        }),
    };
    let content = match receipt.inputs.iter().find(|input| input.role == "content") {
        Some(input) => Some(find(&input.file, "content", args.content.as_ref())?),
        None => None,
    };
    let mut styles = Vec::new();
    for (at, text) in receipt.styles.iter().enumerate() {
        let style: StyleValue = text.parse().map_err(|error: String| Error::picture(&args.picture, error))?;
        let file = find(&style.file.to_string_lossy(), "style", args.style.get(at))?;
        let mask = |file: &Path| find(&file.to_string_lossy(), "mask", None);
        let found = |value: Option<MaskValue>| value.map(|value| value.found(&mask)).transpose();
        styles.push(StyleValue {
            file,
            mask: found(style.mask.clone())?,
            at: found(style.at.clone())?,
            ..style
        });
    }
    if args.style.len() > styles.len() {
        let message = format!("{} were given, but the picture has {}", args.style.len(), styles.len());
        return Err(Error::option("style", message));
    }
    let has_start = receipt.inputs.iter().any(|input| input.role == "init");
    let init = match receipt.init.as_str() {
        "noise" if !has_start => InitValue::Noise,
        "content" if !has_start => InitValue::Content,
        file => InitValue::File(find(file, "init", args.init.as_ref())?),
    };
    let weights = match (&receipt.network.file, &args.weights) {
        (_, Some(given)) => Some(given.clone()),
        (Some(name), None) => Some(find(name, "weights", None)?),
        (None, None) => None,
    };
    let mask = |file: &Path| find(&file.to_string_lossy(), "mask", None);
    let regions = receipt.regions.found(&mask)?;
    let mut options = receipt.settings.clone();
    if let Some(Strength::Mask(file)) = &mut options.picture.strength {
        *file = mask(file)?;
    }
    Ok(Work { command, content, styles, init, regions, options, weights })
}

/// What is not as it was.
fn changes(then: &Receipt, now: &Receipt) -> Vec<String> {
    let mut changes = Vec::new();
    for (then, now) in then.inputs.iter().zip(&now.inputs).filter(|(then, now)| then.sha256 != now.sha256) {
        changes.push(format!(
            "{} {} has other bytes (sha256 {}) than {} had ({})",
            now.role,
            now.file,
            short(&now.sha256),
            then.file,
            short(&then.sha256)
        ));
    }
    if then.network.sha256 != now.network.sha256 {
        let (then, now) = (short(&then.network.sha256), short(&now.network.sha256));
        changes.push(format!("the network is another one (sha256 {now}, it was {then})"));
    }
    if then.impasto != now.impasto {
        changes.push(format!("this is version {}, it was painted by {}", now.impasto, then.impasto));
    }
    if then.isa != now.isa {
        changes.push(format!("this computes with {}, it was painted with {}", now.isa, then.isa));
    }
    if then.result.stop == StopReason::Cancelled {
        changes.push("the run was interrupted, this one was not".to_owned());
    }
    changes
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Compares the values that two files hold.
fn difference(one: &Picture, other: &Picture) -> Difference {
    let of = one.width() * one.height();
    if (one.width(), one.height()) != (other.width(), other.height()) {
        return Difference { different: of, of, largest: 255.0, mean: 255.0 };
    }
    let apart = |at: usize| {
        let colour = (0..3).map(|c| (one.rgb()[c * of + at] - other.rgb()[c * of + at]).abs());
        let alpha = |picture: &Picture| picture.alpha().map_or(1.0, |alpha| alpha[at]);
        colour.fold((alpha(one) - alpha(other)).abs(), f32::max) * 255.0
    };
    let apart: Vec<f32> = (0..of).map(apart).collect();
    Difference {
        different: apart.iter().filter(|value| **value > 0.0).count(),
        of,
        largest: apart.iter().copied().fold(0.0, f32::max),
        mean: (apart.iter().map(|value| f64::from(*value)).sum::<f64>() / of as f64) as f32,
    }
}

fn tell(verdict: &Verdict, json: bool) -> Result<()> {
    if json {
        return output::json(verdict);
    }
    let Difference { different, of, largest, mean } = verdict.pixels;
    match (verdict.identical, verdict.same_bytes) {
        (true, true) => output::result("identical")?,
        (true, false) => {
            output::result("identical in every pixel; the file's metadata are not as they were")?
        }
        (false, _) => output::result(&format!(
            "different: {different} of {of} pixels, by at most {largest:.1} of 255 steps ({mean:.2} on average)"
        ))?,
    }
    verdict.differences.iter().try_for_each(|line| output::result(line))
}
