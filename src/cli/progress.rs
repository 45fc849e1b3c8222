//! Progress on the terminal (a bar), in a log (lines) or for a program (JSON).

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::loss::Terms;
use crate::run::Progress;

use super::args::PaintingArgs;
use super::interrupt::Interrupt;
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

/// What the command does after every iteration: reports, and stops at Ctrl-C.
pub(super) struct Reporter {
    form: Form,
    interrupt: Interrupt,
}

/// A progress line in JSON.
#[derive(Serialize)]
struct Line<'a> {
    width: usize,
    height: usize,
    size_index: usize,
    size_count: usize,
    iteration: usize,
    iterations: usize,
    evaluations: usize,
    loss: &'a Terms,
    seconds: f64,
    seconds_left: f64,
}

impl Reporter {
    /// Chooses the form by the options and by where stderr goes.
    pub fn new(args: &PaintingArgs, interrupt: Interrupt) -> Self {
        let form = match (args.quiet, args.json) {
            (true, _) => Form::Silent,
            (false, true) => Form::Json,
            (false, false) if std::io::stderr().is_terminal() => Form::Bar(bar()),
            (false, false) => Form::Lines { next: None },
        };
        Self { form, interrupt }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    /// Reports, unless it is too soon, and answers whether to go on.
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
            Form::Json => output::json(&Line {
                width: progress.width,
                height: progress.height,
                size_index: progress.size_index,
                size_count: progress.size_count,
                iteration: progress.iteration,
                iterations: progress.iterations,
                evaluations: progress.evaluations,
                loss: progress.terms,
                seconds: progress.seconds,
                seconds_left: progress.seconds_left,
            }),
            Form::Silent => {}
        }
        if self.interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
