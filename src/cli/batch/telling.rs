//! What a batch says while it works and at its end.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::Planned;
use super::painter::Fate;
use crate::cli::notices::Notice;
use crate::cli::{Ending, output};
use crate::engine::memory;
use crate::error::{Error, Result};
use crate::run::Report;

/// One picture, for `--json`.
#[derive(Serialize)]
struct Line<'a> {
    output: String,
    content: Option<String>,
    styles: Vec<String>,
    /// `painted`, `skipped`, `failed` or `interrupted`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(flatten)]
    report: Option<&'a Report>,
    #[serde(skip_serializing_if = "<[Notice]>::is_empty")]
    warnings: &'a [Notice],
}

/// All of them, for `--json`.
#[derive(Serialize)]
struct Summary {
    pictures: usize,
    painted: usize,
    skipped: usize,
    failed: usize,
    interrupted: bool,
    seconds: f64,
    peak_rss_bytes: Option<u64>,
}

/// Counts, and tells each picture.
pub(in crate::cli) struct Telling {
    all: usize,
    painted: usize,
    skipped: usize,
    failed: Vec<String>,
    begun: Instant,
    quiet: bool,
    json: bool,
    bar: Option<ProgressBar>,
    warned: HashSet<String>,
    /// The first line that stdout did not take; pictures are more important.
    unreported: Option<Error>,
}

impl Telling {
    pub fn new(all: usize, quiet: bool, json: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| bar(all));
        let begun = Instant::now();
        let (failed, warned) = (Vec::new(), HashSet::new());
        Self { all, painted: 0, skipped: 0, failed, begun, quiet, json, bar, warned, unreported: None }
    }

    /// Tells what became of a picture.
    pub fn told(&mut self, planned: &Planned, fate: &Fate) {
        let name = planned.file.display().to_string();
        let mut line = Line {
            output: name.clone(),
            content: planned.work.content().map(|file| file.display().to_string()),
            styles: planned.work.styles.iter().map(ToString::to_string).collect(),
            status: "painted",
            error: None,
            report: None,
            warnings: &[],
        };
        let what = match fate {
            Fate::Painted(report, warnings) => {
                self.painted += 1;
                (line.report, line.warnings) = (Some(&**report), warnings);
                warnings.iter().for_each(|notice| self.warn(&notice.to_string()));
                Some(format!("{name} ({}x{}, {:.1} s)", report.width, report.height, report.seconds))
            }
            Fate::Skipped => {
                self.skipped += 1;
                line.status = "skipped";
                Some(format!("{name} is done already"))
            }
            Fate::Failed(why) => {
                self.failed.push(format!("{}: {why}", super::describe(&planned.work)));
                (line.status, line.error) = ("failed", Some(why.as_str()));
                self.say(&format!("impasto: error: {}: {why}", super::describe(&planned.work)));
                None
            }
            Fate::Interrupted => {
                line.status = "interrupted";
                None
            }
        };
        if self.json
            && let Err(error) = output::json(&line)
        {
            self.unreported.get_or_insert(error);
        }
        let done = self.painted + self.skipped + self.failed.len();
        let left = left(self.all - done, self.painted, self.begun.elapsed().as_secs_f64());
        match (&self.bar, what) {
            (Some(bar), _) => {
                bar.set_position(done as u64);
                bar.set_message(left.unwrap_or_default());
            }
            (None, Some(what)) if !self.quiet && !self.json => {
                let left = left.map(|left| format!(", {left}")).unwrap_or_default();
                output::message(&format!("{done} of {}: {what}{left}", self.all));
            }
            _ => {}
        }
    }

    /// Says a warning once, however many pictures it is about.
    fn warn(&mut self, warning: &str) {
        if !self.quiet && self.warned.insert(warning.to_owned()) {
            self.say(&format!("impasto: warning: {warning}"));
        }
    }

    /// A line for the person, above the bar.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::message(line)),
            None => output::message(line),
        }
    }

    /// Says what was done and how it ended.
    ///
    /// # Errors
    /// A stdout that did not take the JSON.
    pub fn finish(mut self, interrupted: bool) -> Result<Ending> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let failed = self.failed.len();
        let left = self.all - self.painted - self.skipped - failed;
        if self.json {
            let summary = Summary {
                pictures: self.all,
                painted: self.painted,
                skipped: self.skipped,
                failed,
                interrupted,
                seconds: self.begun.elapsed().as_secs_f64(),
                peak_rss_bytes: memory::peak(),
            };
            if let Err(error) = output::json(&summary) {
                self.unreported.get_or_insert(error);
            }
        } else if !self.quiet {
            let seconds = self.begun.elapsed().as_secs_f64();
            let interrupted = if interrupted {
                format!("; interrupted, {left} are left: the same command goes on with them")
            } else {
                String::new()
            };
            output::message(&format!(
                "{} pictures: {} painted, {} were done already, {failed} failed ({seconds:.1} s){interrupted}",
                self.all, self.painted, self.skipped
            ));
        }
        match self.unreported {
            Some(error) => Err(error),
            None if interrupted && left > 0 => Ok(Ending::Interrupted),
            None if failed > 0 => Ok(Ending::Bad),
            None => Ok(Ending::Done),
        }
    }
}

/// `1:05 left`, by the pictures that were painted.
fn left(pictures: usize, painted: usize, seconds: f64) -> Option<String> {
    if pictures == 0 || painted == 0 {
        return None;
    }
    let left = (seconds / painted as f64 * pictures as f64).ceil() as u64;
    Some(format!("{}:{:02} left", left / 60, left % 60))
}

fn bar(all: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(all as u64), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{pos} of {len} [{bar:24}] {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    bar
}
