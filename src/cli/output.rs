//! Lines to stdout and stderr. A stdout that takes no more is an error of the command, never a panic; what stderr cannot
//! take is nobody's loss.

use std::io::Write;

use crate::error::{Error, Result};

/// A line of results, to stdout.
///
/// # Errors
/// If stdout is closed or full.
pub(super) fn result(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|error| {
        Error::output("(stdout)", format!("the results could not be written ({error})")).because(error)
    })
}

/// A JSON object on a line of its own, to stdout.
///
/// # Errors
/// As [`result`].
pub(super) fn json(value: &impl serde::Serialize) -> Result<()> {
    // Numbers, strings and lists always have a JSON form.
    result(&serde_json::to_string(value).unwrap_or_default())
}

/// A line for the person, to stderr.
pub(super) fn message(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
