//! `impasto frames`: the frames of a sequence in their order, each painted on from the one before.
//!
//! A frame starts from the file of the frame before, so that a sequence that goes on where it was stopped has the bytes of
//! one that was never stopped.

mod order;

use std::path::{Path, PathBuf};

use clap::Args;

use super::args::EveryOptionArgs;
use super::batch::done::{self, Hashes};
use super::batch::painter::Fate;
use super::batch::telling::Telling;
use super::batch::{Planned, describe};
use super::inputs::{InputFile, Inputs, Shelf, is_stream, told};
use super::notices::Notices;
use super::options::refuse;
use super::receipt::{self, Outcome, Receipt};
use super::saving::SavingArgs;
use super::values::{InitValue, StyleValue};
use super::work::{Prepared, Work};
use super::{Ending, interrupt, settings_file, spelling, transfer};
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::picture::{Format, Picture};
use crate::run::options::{FrameOptions, Options};
use crate::run::values::{Method, Preset, Strength};
use crate::run::{Cancel, Progress, Start, StyleTransfer};

/// A sequence.
#[derive(Debug, Args)]
#[command(mut_arg("output", |output| output
    .required(true)
    .value_name("DIR")
    .help("The folder of the results, made if it is not there; each is called like its frame")))]
pub(super) struct FramesArgs {
    /// The folder of the frames, pictures of one size; their names give their order, in which frame2 is before frame10
    pub folder: PathBuf,
    /// One or more pictures whose style is taken, each as FILE[:weight=0.7][:scale=1.5][:sizes=coarse|fine]; several
    /// are mixed
    #[arg(required = true)]
    pub style: Vec<StyleValue>,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// JSON on stdout: one object for each frame, and a last one for all
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub saving: SavingArgs,
    #[command(flatten)]
    pub frames: FrameOptions,
    #[command(flatten)]
    pub every: EveryOptionArgs,
}

/// Paints all of them.
pub(super) fn run(args: &FramesArgs) -> Result<Ending> {
    if args.saving.no_receipt || args.saving.no_metadata {
        let option = if args.saving.no_receipt { "no_receipt" } else { "no_metadata" };
        return refuse(option, "a sequence knows by their receipts which frames are done; leave it out");
    }
    let options = settings_file::under(&args.options(), args.every.settings.as_deref())?;
    check(args, &options)?;
    let planned = planned(args, &options)?;
    let Some(first) = planned.first() else { return Ok(Ending::Done) };
    let (network, id) = receipt::network(args.every.network.weights.as_deref())?;
    let builder = StyleTransfer::builder().options(first.work.library_options()).network(network);
    let transfer = std::sync::Arc::new(builder.build()?);
    let folder = first.file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::output(folder, format!("the folder cannot be made ({error})")).because(error)
    })?;
    let cancel = interrupt::install();
    let mut sequence = Sequence {
        args,
        cancel: &cancel,
        shelf: Shelf::new(args.style.len()),
        hashes: Hashes::default(),
        before: None,
    };
    let mut telling = Telling::new(planned.len(), args.quiet, args.json);
    for (number, planned) in (1..).zip(&planned) {
        if cancel.is_cancelled() {
            break;
        }
        let prepared = planned.work.prepared_by(transfer.clone(), id.clone());
        let fate = sequence
            .paint(planned, &prepared)
            .unwrap_or_else(|error| Fate::Failed(format!("frame {number}: {}", spelling::spelled(&error))));
        telling.told(planned, &fate);
        // What comes after begins with this one.
        if matches!(fate, Fate::Failed(_) | Fate::Interrupted) {
            break;
        }
    }
    telling.finish(cancel.is_cancelled())
}

/// Refuses options that a sequence cannot have.
fn check(args: &FramesArgs, options: &Options) -> Result<()> {
    if args.saving.output.as_deref().is_some_and(is_stream) {
        return refuse("output", "a sequence does not write to stdout (-); give a folder");
    }
    if options.paint.method == Some(Method::Strokes) {
        return refuse(
            "method",
            "strokes has no temporal term, so that frames would not hang together; leave it out",
        );
    }
    if matches!(options.picture.strength, Some(Strength::Mask(_))) {
        return refuse(
            "strength",
            "a mask holds for one picture and not for those that follow; give a number",
        );
    }
    if args.style.iter().any(|style| style.at.is_some()) {
        return refuse("style", "`at` holds for one picture and not for those that follow; leave it out");
    }
    Ok(())
}

/// Every frame with its place, in order.
fn planned(args: &FramesArgs, options: &Options) -> Result<Vec<Planned>> {
    let frames = order::frames(&args.folder)?;
    let output = args.saving.output.clone().unwrap_or_default();
    let format = args.saving.format.unwrap_or(Format::Png);
    let start = options.loss.preset.map(Preset::start);
    let mut all: Vec<Planned> = Vec::with_capacity(frames.len());
    for frame in &frames {
        let work = Work {
            command: "frames",
            content: Some(frame.clone()),
            styles: args.style.clone(),
            init: if matches!(start, Some(Start::Noise)) { InitValue::Noise } else { InitValue::Content },
            regions: super::masks::RegionArgs::default(),
            options: options.clone(),
            weights: args.every.network.weights.clone(),
        };
        let stem = frame.file_stem().unwrap_or_default().to_string_lossy();
        let file = output.join(format!("{stem}.{}", format.extension()));
        if let Some(other) = all.iter().find(|other| other.file == file) {
            let message = format!(
                "is where both {} and {} would go; rename one",
                describe(&other.work),
                describe(&work)
            );
            return Err(Error::output(&file, message));
        }
        // Whether a file may be replaced is decided by its receipt.
        let saving = SavingArgs { output: Some(file.clone()), overwrite: true, ..args.saving.clone() };
        let mut inputs = work.files();
        inputs.extend(frames.iter().map(PathBuf::as_path));
        let target = saving.target(work.content(), &work.style_files(), &inputs)?;
        if !target.receipt {
            let message = format!(
                "{} files hold no receipt, by which a sequence knows what is done; use png, jpeg, webp or tiff",
                target.format
            );
            return Err(Error::output(&file, message));
        }
        all.push(Planned { work, target, file });
    }
    Ok(all)
}

impl FramesArgs {
    /// What was said, as the library takes it.
    fn options(&self) -> Options {
        let mut options = self.every.options();
        options.frames = self.frames.clone();
        options
    }
}

/// What frames are painted with, and how far it is.
struct Sequence<'a> {
    args: &'a FramesArgs,
    cancel: &'a Cancel,
    shelf: Shelf,
    hashes: Hashes,
    /// The frame before: its file and that of its result.
    before: Option<(PathBuf, PathBuf)>,
}

impl Sequence<'_> {
    /// Paints the next frame, unless it is there.
    fn paint(&mut self, planned: &Planned, prepared: &Prepared<'_>) -> Result<Fate> {
        let (work, target) = (&planned.work, &planned.target);
        let before = self.before.clone();
        let saved = self.args.saving.saved(target.format);
        let mut told_before = Vec::new();
        if let Some((content, result)) = &before {
            for (role, file) in [("content before", content), ("result before", result)] {
                let sha256 = self.hashes.of(file)?;
                told_before.push(InputFile { role: role.to_owned(), file: told(file), sha256 });
            }
        }
        let next = work.content().map(|content| (content.to_owned(), planned.file.clone()));
        if planned.file.exists() {
            let result =
                Outcome { width: 0, height: 0, evaluations: 0, loss: 0.0, stop: StopReason::Iterations };
            let mut inputs = self.hashes.inputs(work)?;
            inputs.extend(told_before.clone());
            let wanted = prepared.receipt_of(inputs, saved.clone(), vec![1], result);
            let there = Receipt::of(&planned.file);
            let difference = match there {
                Ok(there) => done::difference(&there, &wanted, work.options.paint.time.is_some()),
                Err(_) => Some("it has no receipt that can be read".to_owned()),
            };
            match difference {
                None => {
                    self.before = next;
                    return Ok(Fate::Skipped);
                }
                Some(why) => done::check_replacing(&planned.file, &why, self.args.saving.overwrite)?,
            }
        }
        let mut notices = Notices::new(true);
        let loaded = prepared.load_from(&mut self.shelf, &mut notices)?;
        let longest = work.longest();
        let mut read = |file: &Path| Inputs::default().picture("before", file, longest, &mut notices);
        let pictures: Option<(Picture, Picture)> = match &before {
            Some((content, result)) => Some((read(content)?, read(result)?)),
            None => None,
        };
        let mut request = loaded.request().cancelled_by(self.cancel);
        if let Some((content, result)) = &pictures {
            // A preset's noise is for the first frame.
            request = request.start(Start::Content).after(content, result);
        }
        let size = prepared.transfer.size(&request)?;
        prepared.size(&loaded, &mut notices)?;
        transfer::tell_what_is_lost(target, &loaded, &mut notices);
        let proved = target.clone().prove(size, loaded.content.as_ref())?;
        let go_on = |_: &Progress<'_>| std::ops::ControlFlow::Continue(());
        let stylized = prepared.transfer.run(&request, go_on)?;
        if stylized.report.stop == StopReason::Cancelled {
            return Ok(Fate::Interrupted);
        }
        transfer::tell_how_it_ended(&stylized, &mut notices);
        let mut receipt = prepared.receipt(&loaded, saved, &stylized.report);
        receipt.inputs.extend(told_before);
        proved.write(&stylized.picture, Some(receipt.text()), &mut notices)?;
        self.before = next;
        Ok(Fate::Painted(Box::new(stylized.report), notices.list().to_vec()))
    }
}
