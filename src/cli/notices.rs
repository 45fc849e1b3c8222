//! What people should know about a run besides its result: told on stderr when it is found, and in the JSON at the end.

use std::path::Path;

use serde::Serialize;

use super::output;
use crate::picture::{Picture, Warning};

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Notice {
    /// The file or option that it is about.
    about: String,
    /// What kind of thing, one word.
    kind: String,
    /// The sentence.
    message: String,
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.about, self.message)
    }
}

/// All of them, in the order in which they were found. Until the work begins they are held back, since a run that is
/// refused has one thing to say.
#[derive(Debug, Default)]
pub(super) struct Notices {
    quiet: bool,
    held: Option<Vec<String>>,
    list: Vec<Notice>,
}

impl Notices {
    /// None yet; with `quiet`, none goes to stderr.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, held: Some(Vec::new()), list: Vec::new() }
    }

    /// Keeps one and tells it; the same one is told once.
    pub fn add(&mut self, about: impl Into<String>, kind: &str, message: impl Into<String>) {
        let notice = Notice { about: about.into(), kind: kind.to_owned(), message: message.into() };
        if self.list.contains(&notice) {
            return;
        }
        let line = format!("impasto: warning: {}: {}", notice.about, notice.message);
        match &mut self.held {
            _ if self.quiet => {}
            Some(held) => held.push(line),
            None => output::message(&line),
        }
        self.list.push(notice);
    }

    /// What was held back, for stderr as soon as the work has begun; nothing is held back from now on.
    pub fn release(&mut self) -> Vec<String> {
        self.held.take().unwrap_or_default()
    }

    /// What a reader or writer of pictures warned of.
    pub fn warnings(&mut self, file: &Path, warnings: &[Warning]) {
        for warning in warnings {
            // The kind's name as JSON has it.
            let kind = serde_json::to_value(warning.kind()).ok();
            let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or("picture");
            self.add(file.display().to_string(), kind, warning.message());
        }
    }

    /// Says that a picture has fewer pixels than it is used with.
    pub fn enlarged(&mut self, file: &Path, picture: &Picture, used: (usize, usize)) {
        let own = (picture.width(), picture.height());
        if used.0 > own.0 || used.1 > own.1 {
            let message = format!(
                "its {}x{} pixels are enlarged to {}x{}, which adds no detail; a smaller result or a larger picture \
                 would be sharper",
                own.0, own.1, used.0, used.1
            );
            self.add(file.display().to_string(), "enlarged", message);
        }
    }

    /// Says that a picture has one colour, and what follows from that.
    pub fn flat(&mut self, file: &Path, consequence: &str) {
        self.add(file.display().to_string(), "flat", format!("has one colour only, {consequence}"));
    }

    /// Everything so far.
    pub fn list(&self) -> &[Notice] {
        &self.list
    }
}
