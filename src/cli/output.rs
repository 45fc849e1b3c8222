//! Lines to stdout and stderr; a reader that went away is no reason to panic.

use std::io::Write;

/// A line of results, to stdout.
pub(super) fn result(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// A JSON object on a line of its own, to stdout.
pub(super) fn json(value: &impl serde::Serialize) {
    // Numbers, strings and lists always have a JSON form.
    result(&serde_json::to_string(value).unwrap_or_default());
}

/// A line for the person, to stderr.
pub(super) fn message(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
