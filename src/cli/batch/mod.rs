//! `impasto batch`: many pictures in one process, with one network; a picture that is there already is left alone, one that
//! cannot be painted does not stop the others.

pub(super) mod done;
pub(super) mod list;
pub(super) mod painter;
mod shard;
pub(super) mod telling;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Args;

use super::args::EveryOptionArgs;
use super::inputs::is_stream;
use super::options::refuse;
use super::receipt;
use super::saving::{SavingArgs, Target};
use super::values::InitValue;
use super::work::Work;
use super::{Ending, interrupt, output, settings_file};
use crate::engine::memory;
use crate::error::{Error, Result};
use crate::picture::Format;
use crate::run::Start;
use crate::run::options::Options;
use crate::run::settings::Settings;
use crate::run::values::Preset;
use list::Task;
use painter::{Fate, Painter};
use shard::ShardValue;
use telling::Telling;

/// Many pictures.
#[derive(Debug, Args)]
#[command(mut_arg("output", |output| output
    .alias("out")
    .required(true)
    .value_name("DIR|PATTERN")
    .help("The folder of the results, made if it is not there, or a pattern like out/{style}/{content}.jpg")))]
pub(super) struct BatchArgs {
    /// The pictures to paint: folders, patterns in quotes like 'photos/*.jpg', or files
    #[arg(long, value_name = "DIR|GLOB", num_args = 1.., conflicts_with = "jobs_file")]
    pub contents: Vec<String>,
    /// The styles, each of which every content is painted in: folders, patterns or files
    #[arg(long, value_name = "DIR|GLOB", num_args = 1.., conflicts_with = "jobs_file")]
    pub styles: Vec<String>,
    /// What to paint from a file: JSON lines, or .csv with a line of names; content, style, output and init, and any
    /// option by its name
    #[arg(long, value_name = "FILE", required_unless_present_all = ["contents", "styles"])]
    pub jobs_file: Option<PathBuf>,
    /// Paint part I of N only, for N processes or machines; auto takes both from a Slurm array job
    #[arg(long, value_name = "I/N|auto")]
    pub shard: Option<ShardValue>,
    /// Pictures that are painted at once, as far as there is memory for them; the threads are shared out
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// JSON on stdout: one object for each picture, and a last one for all
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub saving: SavingArgs,
    #[command(flatten)]
    pub every: EveryOptionArgs,
}

/// One picture with its place.
pub(super) struct Planned {
    pub work: Work,
    pub target: Target,
    pub file: PathBuf,
}

/// Paints all of them.
pub(super) fn run(args: &BatchArgs) -> Result<Ending> {
    if args.jobs == 0 {
        return refuse("jobs", "0 pictures at once paint nothing; give at least 1");
    }
    if args.saving.no_receipt || args.saving.no_metadata {
        let option = if args.saving.no_receipt { "no_receipt" } else { "no_metadata" };
        return refuse(option, "a batch knows by their receipts which pictures are done; leave it out");
    }
    if args.saving.output.as_deref().is_some_and(is_stream) {
        return refuse("output", "a batch does not write to stdout (-); give a folder or a pattern");
    }
    let options = settings_file::under(&args.every.options(), args.every.settings.as_deref())?;
    let tasks = match &args.jobs_file {
        Some(file) => list::rows(file, &options)?,
        None => list::pairs(&args.contents, &args.styles, &options)?,
    };
    let mut planned = planned(args, tasks)?;
    let shard = args.shard.map(|shard| shard.resolve(|name| std::env::var(name).ok())).transpose();
    if let Some((index, count)) = shard.map_err(|message| Error::option("shard", message))? {
        // Neighbours stay together, since they have their style in common.
        let (begin, end) = (index * planned.len() / count, (index + 1) * planned.len() / count);
        planned = planned.drain(begin..end).collect();
    }
    let (network, id) = receipt::network(args.every.network.weights.as_deref())?;
    check_options(&planned, &network)?;
    for folder in planned.iter().filter_map(|planned| planned.file.parent()) {
        if !folder.as_os_str().is_empty() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Error::output(folder, format!("the folder cannot be made ({error})")).because(error)
            })?;
        }
    }
    let cancel = interrupt::install();
    let painter = |threads| Painter::new(&network, &id, args, threads, &cancel);
    let jobs = affordable(args, &planned, &mut painter(None))?;
    let threads = (jobs > 1).then(|| threads(args) / jobs).map(|threads| threads.max(1));
    let next = AtomicUsize::new(0);
    let telling = Mutex::new(Telling::new(planned.len(), args.quiet, args.json));
    let tell = || telling.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut painter = painter(threads);
                while let Some(planned) = planned.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if cancel.is_cancelled() {
                        break;
                    }
                    let fate = painter.paint(planned);
                    tell().told(planned, &fate);
                    if matches!(fate, Fate::Interrupted) {
                        break;
                    }
                }
            });
        }
    });
    let telling = telling.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    telling.finish(cancel.is_cancelled())
}

impl BatchArgs {
    /// Where a result goes: what its row says, else a folder or a pattern for all.
    fn saving(&self, own: Option<PathBuf>) -> SavingArgs {
        let output = own.or_else(|| self.saving.output.clone()).map(|output| {
            let text = output.to_string_lossy();
            let picture = output.extension().and_then(|e| e.to_str()).and_then(Format::named).is_some();
            // A name alone is a folder, which need not be there yet.
            if picture || text.contains('{') { output } else { output.join("") }
        });
        // Whether a file may be replaced is decided by its receipt.
        SavingArgs { output, overwrite: true, ..self.saving.clone() }
    }
}

/// Every picture with its place, no two of them in the same.
fn planned(args: &BatchArgs, tasks: Vec<Task>) -> Result<Vec<Planned>> {
    let mut places: HashMap<PathBuf, String> = HashMap::new();
    let mut all = Vec::with_capacity(tasks.len());
    for Task { content, styles, init, output, options } in tasks {
        let start = options.loss.preset.map(Preset::start);
        let init = init.unwrap_or(match start {
            Some(Start::Noise) => InitValue::Noise,
            _ => InitValue::Content,
        });
        let weights = args.every.network.weights.clone();
        let work = Work {
            command: "transfer",
            content: Some(content),
            styles,
            init,
            regions: super::masks::RegionArgs::default(),
            options,
            weights,
        };
        let target = args.saving(output).target(work.content(), &work.style_files(), &work.files())?;
        let Some(file) = target.path().map(Path::to_owned).filter(|file| !is_stream(file)) else {
            return refuse("output", "a batch does not write to stdout (-); give a folder or a pattern");
        };
        if !target.receipt {
            let message = format!(
                "{} files hold no receipt, by which a batch knows what is done; use png, jpeg, webp or tiff",
                target.format
            );
            return Err(Error::output(&file, message));
        }
        let what = describe(&work);
        if let Some(other) = places.insert(file.clone(), what.clone()) {
            let message = format!(
                "is where both {other} and {what} would go; use a pattern with {{content}} and {{style}}, other file \
                 names, or a jobs file with `output`"
            );
            return Err(Error::output(&file, message));
        }
        all.push(Planned { work, target, file });
    }
    Ok(all)
}

/// `a.jpg in b.jpg`.
pub(super) fn describe(work: &Work) -> String {
    let name = |file: &Path| file.display().to_string();
    let styles: Vec<String> = work.style_files().into_iter().map(name).collect();
    format!("{} in {}", work.content().map(name).unwrap_or_default(), styles.join(" + "))
}

/// Refuses options that cannot be used before anything is painted.
fn check_options(planned: &[Planned], network: &crate::network::Network) -> Result<()> {
    let mut checked: Option<Options> = None;
    for planned in planned {
        let options = planned.work.library_options();
        if checked.as_ref() != Some(&options) {
            Settings::new(&options.with_bundles(), network)?;
            checked = Some(options);
        }
    }
    Ok(())
}

/// Threads that all pictures share.
fn threads(args: &BatchArgs) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    args.every.network.options.threads.unwrap_or_else(all)
}

/// How many pictures there are memory and threads for at once, by the first that can be read.
fn affordable(args: &BatchArgs, planned: &[Planned], painter: &mut Painter<'_>) -> Result<usize> {
    let mut jobs = args.jobs.min(planned.len().max(1));
    if jobs == 1 {
        return Ok(1);
    }
    if threads(args) < jobs {
        let message = format!("{jobs} pictures at once need a thread each, there are {}", threads(args));
        return refuse("jobs", message);
    }
    let needed = planned.iter().find_map(|planned| painter.memory(planned));
    if let (Some(needed), Some(available)) = (needed, memory::available()) {
        let possible = (available / needed.max(1)).max(1);
        if possible < jobs {
            jobs = possible;
            if !args.quiet {
                output::message(&format!("impasto: warning: jobs: there is memory for {jobs} at once"));
            }
        }
    }
    Ok(jobs)
}
