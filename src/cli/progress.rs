//! Progress on the terminal (a bar), in a log (lines) or for a program (JSON).

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use impasto::Progress;
use impasto::internals::loss::Terms;

use super::args::PaintArgs;
use super::interrupt::Interrupt;
use super::output;

/// Steps of the bar.
const BAR: u64 = 1000;
/// The least time between two lines about the same size.
const PAUSE: Duration = Duration::from_secs(5);

/// How progress is told.
enum Voice {
    Bar(ProgressBar),
    Lines { next: Option<(usize, Instant)> },
    Json,
    Nothing,
}

/// What the command does after every iteration: tells, and stops at Ctrl-C.
pub(crate) struct Teller {
    voice: Voice,
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

impl Teller {
    /// Chooses the voice by the options and by where stderr goes.
    pub fn new(args: &PaintArgs, interrupt: Interrupt) -> Self {
        let voice = match (args.quiet, args.json) {
            (true, _) => Voice::Nothing,
            (false, true) => Voice::Json,
            (false, false) if std::io::stderr().is_terminal() => Voice::Bar(bar()),
            (false, false) => Voice::Lines { next: None },
        };
        Self { voice, interrupt }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Voice::Bar(bar) = &self.voice {
            bar.finish_and_clear();
        }
    }
}

impl Teller {
    /// Tells, unless it is too soon, and answers whether to go on.
    pub fn tell(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        match &mut self.voice {
            Voice::Bar(bar) => {
                let whole = progress.seconds + progress.seconds_left;
                bar.set_position((BAR as f64 * progress.seconds / whole.max(1e-9)) as u64);
                bar.set_prefix(size(progress));
                bar.set_message(sentence(progress));
            }
            Voice::Lines { next } => {
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
            Voice::Json => output::json(&Line {
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
            Voice::Nothing => {}
        }
        if self.interrupt.came() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
