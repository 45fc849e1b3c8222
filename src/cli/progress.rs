//! Progress on the terminal (a bar), in a log (lines) or for a program (JSON).

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};
use crate::loss::Terms;
use crate::run::{Evaluated, Observer, Progress};

use super::notices::Notices;
use super::output;
use super::running::RunningArgs;
use super::terminal::Shown;
use super::watching::{Log, Preview};

/// Steps of the bar.
const BAR: u64 = 1000;
/// The least time between two lines about the same size.
const PAUSE: Duration = Duration::from_secs(5);

/// How progress is reported.
enum Form {
    Bar(ProgressBar),
    Lines { next: Option<(usize, Instant)> },
    Every,
    Json,
    Silent,
}

/// What the command does after every iteration.
pub(super) struct Reporter {
    form: Form,
    /// Every iteration with its terms, beside JSON.
    terms: bool,
    preview: Option<Preview>,
    shown: Option<Shown>,
    log: Option<Log>,
    first: Vec<String>,
    /// The first line that could not be written; the picture is more important, and is finished.
    failed: Option<Error>,
}

impl Reporter {
    /// Chooses the form by the options, by where stderr goes and by whether stdout is taken; begins the files that show
    /// the run. `first` are lines for stderr when the work has really begun.
    ///
    /// # Errors
    /// A preview or log that cannot be written, a preview without a terminal.
    pub fn new(args: &RunningArgs, first: Vec<String>) -> Result<Self> {
        let form = match (args.quiet, args.json) {
            (true, _) => Form::Silent,
            (false, true) => Form::Json,
            (false, false) if args.verbose > 1 => Form::Every,
            (false, false) if std::io::stderr().is_terminal() => Form::Bar(bar()),
            (false, false) => Form::Lines { next: None },
        };
        let preview = args.preview_file.as_deref().map(Preview::new).transpose()?;
        let shown = args.preview.then(|| Shown::new(args.verbose < 2)).transpose()?;
        let log = args.log.as_deref().map(Log::new).transpose()?;
        Ok(Self { form, terms: args.verbose > 1, preview, shown, log, first, failed: None })
    }

    /// Takes the bar away and tells what could not be shown; the error that a line met is to be told after the picture is
    /// written.
    pub fn finish(self, notices: &mut Notices) -> Option<Error> {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
        let preview = self.preview.as_ref().and_then(Preview::failure);
        let log = self.log.as_ref().and_then(Log::failure);
        for (file, why) in [preview, log].into_iter().flatten() {
            notices.add(
                file.display().to_string(),
                "output",
                format!("could not be written to its end ({why})"),
            );
        }
        if let Some(why) = self.shown.as_ref().and_then(Shown::failure) {
            notices.add("preview", "output", format!("could not be shown to its end ({why})"));
        }
        self.failed
    }

    /// Reports, unless it is too soon.
    fn report(&mut self, progress: &Progress<'_>) {
        if let Some(preview) = &mut self.preview {
            preview.show(progress);
        }
        if let Some(shown) = &mut self.shown {
            let bar = if let Form::Bar(bar) = &self.form { Some(bar) } else { None };
            shown.show(progress, bar);
        }
        if self.terms {
            output::message(&format!("{} {}; {}", size(progress), sentence(progress), terms(progress.terms)));
        }
        match &mut self.form {
            Form::Bar(bar) => {
                let whole = progress.seconds + progress.seconds_left;
                bar.set_position((BAR as f64 * progress.seconds / whole.max(1e-9)) as u64);
                bar.set_prefix(size(progress));
                bar.set_message(sentence(progress));
            }
            Form::Lines { next } => {
                let now = Instant::now();
                let due = match next {
                    Some((size, time)) => *size != progress.size_index || now >= *time,
                    None => true,
                };
                if due {
                    *next = Some((progress.size_index, now + PAUSE));
                    output::message(&format!("{} {}", size(progress), sentence(progress)));
                }
            }
            Form::Json => {
                if let Err(error) = output::json(progress) {
                    self.failed.get_or_insert(error);
                }
            }
            Form::Every | Form::Silent => {}
        }
    }
}

impl Observer for &mut Reporter {
    fn observe(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        self.report(progress);
        ControlFlow::Continue(())
    }

    fn evaluated(&mut self, evaluated: &Evaluated<'_>) {
        self.first.drain(..).for_each(|line| output::message(&line));
        if let Some(log) = &mut self.log {
            log.note(evaluated);
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(BAR), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}

/// `256x192 (2 of 3)`.
fn size(progress: &Progress<'_>) -> String {
    format!("{}x{} ({} of {})", progress.width, progress.height, progress.size_index, progress.size_count)
}

/// `iteration 13 of 100, loss 0.1234, 0:32 left`.
fn sentence(progress: &Progress<'_>) -> String {
    let left = progress.seconds_left.ceil() as u64;
    format!(
        "iteration {} of {}, loss {:.4e}, {}:{:02} left",
        progress.iteration,
        progress.iterations,
        progress.terms.total,
        left / 60,
        left % 60
    )
}

/// `content relu4_2 1.2e-2, style relu1_1 3.4e-3, tv 5.6e-4`.
fn terms(terms: &Terms) -> String {
    let layer = |kind: &str, terms: &[(crate::network::Layer, f64)]| -> Vec<String> {
        terms.iter().map(|(layer, value)| format!("{kind} {layer} {value:.2e}")).collect()
    };
    let pixel = terms.pixel.iter().map(|(name, value)| format!("{name} {value:.2e}"));
    let all = layer("content", &terms.content).into_iter().chain(layer("style", &terms.style)).chain(pixel);
    all.collect::<Vec<_>>().join(", ")
}
