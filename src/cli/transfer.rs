//! `impasto transfer` and `impasto texture`.

use serde::Serialize;

use super::args::{PaintingArgs, TextureArgs, TransferArgs};
use super::notices::{Notice, Notices};
use super::options::{self, refuse};
use super::progress::Reporter;
use super::saving::{Proved, Target};
use super::values::InitValue;
use super::work::{Loaded, Work};
use super::{Ending, dry_run, interrupt, output, settings_file};
use crate::engine::memory;
use crate::error::Result;
use crate::optimize::StopReason;
use crate::run::{Report, Stylized, defaults};

/// Paints a picture.
pub(super) fn transfer(args: &TransferArgs) -> Result<Ending> {
    let painting = &args.painting;
    let work = Work {
        command: "transfer",
        content: Some(args.content.clone()),
        styles: options::styles(&args.style, painting)?,
        init: args.init(),
        regions: painting.regions.clone(),
        options: settings_file::under(&args.options(), painting.running.settings.as_deref())?,
        weights: painting.network.weights.clone(),
    };
    run(&work, painting)
}

/// Makes a texture.
pub(super) fn texture(args: &TextureArgs) -> Result<Ending> {
    let painting = &args.painting;
    if args.init == InitValue::Content {
        return refuse("init", "a texture has no content to start from; give noise or a file");
    }
    let work = Work {
        command: "texture",
        content: None,
        styles: options::styles(&args.style, painting)?,
        init: args.init.clone(),
        regions: painting.regions.clone(),
        options: settings_file::under(&painting.options(), painting.running.settings.as_deref())?,
        weights: painting.network.weights.clone(),
    };
    run(&work, painting)
}

/// Checks, paints, reports, writes.
fn run(work: &Work, painting: &PaintingArgs) -> Result<Ending> {
    let running = &painting.running;
    let mut notices = Notices::new(running.quiet);
    let prepared = work.prepare()?;
    let target = painting.saving.target(work.content(), &work.style_files(), &work.files())?;
    if target.is_stdout() && running.json {
        return refuse("json", "stdout is taken by the picture; name a file for one of them");
    }
    for beside in [&running.preview_file, &running.log].into_iter().flatten() {
        painting.saving.check_beside(&target, &work.files(), beside)?;
    }
    target.check_side(work.longest().unwrap_or(1))?;
    let loaded = prepared.load(&mut notices)?;
    let size = prepared.size(&loaded, &mut notices)?;
    tell_what_is_lost(&target, &loaded, &mut notices);
    let proved = target.prove(size, loaded.content.as_ref())?;
    if running.dry_run {
        let forecast = prepared.transfer.forecast(&loaded.request())?;
        notices.release().iter().for_each(|line| output::message(line));
        dry_run::print(work, &proved.target().name(), &forecast, running.json, notices.list())?;
        return Ok(Ending::Done);
    }
    if work.styles.len() > 1 && !running.quiet && !running.json {
        output::message(&dry_run::roles(work));
    }
    if running.verbose > 0 {
        dry_run::tell(work, &prepared.network, &prepared.transfer.forecast(&loaded.request())?);
    }
    let checkpoint = &painting.checkpoint;
    let checkpoints = checkpoint.checkpoints(running, &work.files(), proved.target().name().as_ref())?;
    let mut request = loaded.request().cancelled_by(&interrupt::install());
    request.checkpoints = checkpoints.clone();
    let mut reporter = Reporter::new(running, notices.release())?;
    let stylized = checkpoint.run(&prepared.transfer, &request, &mut reporter);
    let unreported = reporter.finish(&mut notices);
    let stylized = stylized?;
    tell_how_it_ended(&stylized, &mut notices);
    checkpoint.tell(checkpoints.as_ref(), &mut notices);
    let receipt = proved.target().receipt.then(|| {
        let saved = painting.saving.saved(proved.target().format);
        prepared.receipt(&loaded, saved, &stylized.report).text()
    });
    proved.write(&stylized.picture, receipt, &mut notices)?;
    let ending = finish(work, &stylized.report, &proved, painting, notices.list())?;
    checkpoint.end(stylized.report.stop, running);
    unreported.map_or(Ok(ending), Err)
}

/// Says before the work what the file will not hold.
pub(super) fn tell_what_is_lost(target: &Target, loaded: &Loaded, notices: &mut Notices) {
    if let Some(content) = &loaded.content {
        notices.warnings(target.name().as_ref(), &target.losses(content));
    }
}

/// Says why a size ended, where it is not as usual, and when there is hardly a picture.
pub(super) fn tell_how_it_ended(stylized: &Stylized, notices: &mut Notices) {
    for size in &stylized.report.sizes {
        let about = format!("size {}x{}", size.width, size.height);
        let after = match size.iterations {
            1 => "1 iteration".to_owned(),
            count => format!("{count} iterations"),
        };
        let message = match size.stop {
            StopReason::NoDescent => Some(format!("ended after {after}: no step lowered the loss any more")),
            StopReason::Diverged => Some(format!(
                "ended after {after}: the loss grew without end, and the best picture before that is taken; smaller \
                 steps may help"
            )),
            StopReason::Iterations | StopReason::Converged if size.iterations == 0 => {
                Some("ended before its first iteration: there was nothing to lower the loss by".to_owned())
            }
            _ => None,
        };
        if let Some(message) = message {
            notices.add(about, size.stop.name(), message);
        }
    }
    if stylized.picture.is_flat() {
        let message = "is nearly one colour; the content or the style may give the method nothing to hold";
        notices.add("result", "constant", message);
    }
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    output: String,
    content: Option<String>,
    styles: Vec<String>,
    #[serde(flatten)]
    report: &'a Report,
    seed: u64,
    peak_rss_bytes: Option<u64>,
    warnings: &'a [Notice],
}

/// Says what was done.
fn finish(
    work: &Work,
    report: &Report,
    proved: &Proved,
    painting: &PaintingArgs,
    warnings: &[Notice],
) -> Result<Ending> {
    let running = &painting.running;
    let interrupted = report.stop == StopReason::Cancelled;
    let name = proved.target().name();
    if running.json {
        output::json(&Line {
            output: name,
            content: work.content().map(|file| file.display().to_string()),
            styles: work.styles.iter().map(ToString::to_string).collect(),
            report,
            seed: work.options.paint.seed.unwrap_or(defaults::SEED),
            peak_rss_bytes: memory::peak(),
            warnings,
        })?;
    } else if !running.quiet {
        let what = if interrupted { "interrupted; the best picture so far is in" } else { "wrote" };
        output::message(&format!(
            "{what} {name} ({}x{}, {:.1} s, {} evaluations, loss {:.4e})",
            report.width, report.height, report.seconds, report.evaluations, report.loss.total
        ));
    }
    Ok(if interrupted { Ending::Interrupted } else { Ending::Done })
}
