//! Progress on the terminal (a bar), in a log (lines) or for a program (JSON).

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Error;
use crate::run::Progress;

use super::args::PaintingArgs;
use super::output;

/// Steps of the bar.
const BAR: u64 = 1000;
/// The least time between two lines about the same size.
const PAUSE: Duration = Duration::from_secs(5);

/// How progress is reported.
enum Form {
    Bar(ProgressBar),
    Lines { next: Option<(usize, Instant)> },
    Json,
    Silent,
}

/// What the command does after every iteration.
pub(super) struct Reporter {
    form: Form,
    /// The first line that could not be written; the picture is more important, and is finished.
    failed: Option<Error>,
}

impl Reporter {
    /// Chooses the form by the options and by where stderr goes.
    pub fn new(args: &PaintingArgs) -> Self {
        let form = match (args.quiet, args.json) {
            (true, _) => Form::Silent,
            (false, true) => Form::Json,
            (false, false) if std::io::stderr().is_terminal() => Form::Bar(bar()),
            (false, false) => Form::Lines { next: None },
        };
        Self { form, failed: None }
    }

    /// Takes the bar away; the error that a line met is to be told after the picture is written.
    pub fn finish(self) -> Option<Error> {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
        self.failed
    }

    /// Reports, unless it is too soon.
    pub fn report(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
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
            Form::Silent => {}
        }
        ControlFlow::Continue(())
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
