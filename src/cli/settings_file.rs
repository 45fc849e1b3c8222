//! `--settings FILE`: options from a file, under those of the command line.
//!
//! The file is the JSON of [`Options`], a receipt, or a picture with a receipt in it.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::picture;
use crate::run::options::Options;
use crate::text::Message;

/// No settings file is larger.
const MOST: u64 = 1 << 20;

/// `said` on top of what `file` says.
///
/// # Errors
/// A file that cannot be read, or holds a key or value that no option has.
pub(super) fn under(said: &Options, file: Option<&Path>) -> Result<Options> {
    let Some(file) = file else { return Ok(said.clone()) };
    let refuse = |message: String| Error::file(file, message);
    over(settings(file)?, said).map_err(refuse)
}

/// Options from a map of their keys, with what was `said` on top.
///
/// # Errors
/// A sentence about a key or value that no option has.
pub(super) fn over(mut settings: Map<String, Value>, said: &Options) -> Message<Options> {
    settings.retain(|_, value| !value.is_null());
    for (key, value) in &mut settings {
        let alone = |value: Value| read(&Map::from_iter([(key.clone(), value)]));
        if let Err(error) = alone(value.clone()) {
            // `"size": 1024` is what everybody writes, though sizes are text.
            let text = Value::String(value.to_string());
            if !value.is_number() || alone(text.clone()).is_err() {
                return Err(format!("`{key}` cannot be used: {error}"));
            }
            *value = text;
        }
    }
    let unusable = |error: serde_json::Error| format!("its settings cannot be used: {error}");
    let options = read(&settings).map_err(unusable)?;
    let taken = known(&options);
    if let Some(key) = settings.keys().find(|key| !taken.contains_key(*key)) {
        return Err(format!("`{key}` is no setting; the names are those of the options without dashes"));
    }
    settings.extend(known(said));
    read(&settings).map_err(unusable)
}

/// The options with those of `text`, keys and values as a command line has them, in their place.
///
/// # Errors
/// As [`over`].
pub(super) fn with(options: &Options, said: Map<String, Value>) -> Message<Options> {
    let said = over(said, &Options::default())?;
    let mut settings = known(options);
    settings.extend(known(&said));
    read(&settings).map_err(|error| format!("its settings cannot be used: {error}"))
}

/// A value as the JSON of settings has it, from text.
pub(super) fn value(text: &str) -> Value {
    let number = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
    match (text.parse::<bool>(), text.parse::<u64>(), number()) {
        (Ok(said), _, _) => said.into(),
        (_, Ok(count), _) => count.into(),
        (_, _, Some(number)) => number.into(),
        _ => text.into(),
    }
}

/// What was said, by key.
pub(super) fn known(options: &Options) -> Map<String, Value> {
    match serde_json::to_value(options) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn read(map: &Map<String, Value>) -> serde_json::Result<Options> {
    serde_json::from_value(Value::Object(map.clone()))
}

/// The object of settings that a file holds.
fn settings(file: &Path) -> Result<Map<String, Value>> {
    let refuse = |message: &str| Error::file(file, message);
    let text = text(file)?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Error::file(file, format!("is no JSON ({error}); write {{\"size\": \"1024\"}}")))?;
    match value {
        Value::Object(mut map) => match map.remove("settings") {
            Some(Value::Object(settings)) => Ok(settings),
            Some(_) => Err(refuse("its `settings` are no object")),
            None => Ok(map),
        },
        _ => Err(refuse("holds no object of settings; write {\"size\": \"1024\"}")),
    }
}

/// The text of a settings file, or the receipt of a picture.
fn text(file: &Path) -> Result<String> {
    use std::io::Read;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::file(file, "there is no such file; check the name"),
        _ => Error::file(file, format!("cannot be read ({error})")),
    };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    if let Some(start) = bytes.trim_ascii_start().first()
        && matches!(start, b'{' | b'[' | b'"')
    {
        return String::from_utf8(bytes).map_err(|_| Error::file(file, "is no text in UTF-8"));
    }
    match picture::read_metadata(file).ok().and_then(|metadata| metadata.document) {
        Some(document) => Ok(document),
        None => Err(Error::file(file, "is neither JSON nor a picture with settings in it")),
    }
}
