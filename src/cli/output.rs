//! Lines to stdout and stderr; a reader that went away is no reason to panic, nor to stop painting.

use std::io::Write;
use std::sync::OnceLock;

use impasto::{Error, Result};

/// Why results could not be written, if so: the first reason.
static FAILURE: OnceLock<String> = OnceLock::new();

/// A line of results, to stdout; whether that works is asked at the end, by [`finish`].
pub(crate) fn result(line: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        // Later failures have the same cause.
        let _ = FAILURE.set(error.to_string());
    }
}

/// Fails if any result could not be written.
pub(crate) fn finish() -> Result<()> {
    match FAILURE.get() {
        None => Ok(()),
        Some(error) => {
            let message = format!(
                "the results could not be written ({error}); send them to a file or program that takes them all"
            );
            Err(Error::Output { file: "(standard output)".into(), message })
        }
    }
}

/// A JSON object on a line of its own, to stdout.
pub(crate) fn json(value: &impl serde::Serialize) {
    // Numbers, strings and lists always have a JSON form.
    result(&serde_json::to_string(value).unwrap_or_default());
}

/// A line for the person, to stderr.
pub(crate) fn message(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
