//! Whether a picture is there already: made by the same settings, of the same bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::inputs::{InputFile, file_sha256, told};
use crate::cli::receipt::Receipt;
use crate::cli::settings_file;
use crate::cli::values::{InitValue, StyleValue};
use crate::cli::work::Work;
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::run::options::Options;
use crate::run::values::Strength;

/// The hashes of files that were read before.
#[derive(Debug, Default)]
pub(in crate::cli) struct Hashes(HashMap<PathBuf, String>);

impl Hashes {
    /// The hash of a file's bytes.
    pub fn of(&mut self, file: &Path) -> Result<String> {
        if let Some(hash) = self.0.get(file) {
            return Ok(hash.clone());
        }
        let hash = file_sha256(file)
            .map_err(|error| Error::picture(file, format!("cannot be read ({error})")).because(error))?;
        self.0.insert(file.to_owned(), hash.clone());
        Ok(hash)
    }

    /// The files that a run of `work` reads, in the order in which a receipt has them.
    pub fn inputs(&mut self, work: &Work) -> Result<Vec<InputFile>> {
        let mut files: Vec<(&str, &Path)> =
            work.content().map(|file| ("content", file)).into_iter().collect();
        for style in &work.styles {
            files.push(("style", &style.file));
            let masks = [&style.mask, &style.at].into_iter().flatten().filter_map(|mask| mask.file());
            files.extend(masks.map(|file| ("mask", file)));
        }
        if let Some(Strength::Mask(file)) = &work.options.picture.strength {
            files.push(("mask", file));
        }
        if let InitValue::File(file) = &work.init {
            files.push(("init", file));
        }
        let input = |(role, file): (&str, &Path)| {
            Ok(InputFile { role: role.to_owned(), file: told(file), sha256: self.of(file)? })
        };
        files.into_iter().map(input).collect()
    }
}

/// Refuses to replace a file that was made otherwise, unless that was asked for.
///
/// # Errors
/// With what differs, `why`.
pub(in crate::cli) fn check_replacing(file: &Path, why: &str, overwrite: bool) -> Result<()> {
    match overwrite {
        true => Ok(()),
        false => {
            let message = format!("is there already, but {why}; give `overwrite` to replace it");
            Err(Error::output(file, message))
        }
    }
}

/// What of a finished picture is not as it would be, if anything; names of files may differ, their bytes may not.
/// A run that has time (`timed`) is not known by its iterations.
pub(in crate::cli) fn difference(there: &Receipt, wanted: &Receipt, timed: bool) -> Option<String> {
    let (old, new) = (comparable(&there.settings, timed), comparable(&wanted.settings, timed));
    let key = new.keys().chain(old.keys()).find(|key| old.get(*key) != new.get(*key));
    let bytes = |receipt: &Receipt| -> Vec<(String, String)> {
        receipt.inputs.iter().map(|input| (input.role.clone(), input.sha256.clone())).collect()
    };
    let styles = |receipt: &Receipt| -> Vec<Option<StyleValue>> {
        let nameless =
            |text: &String| text.parse().ok().map(|style| StyleValue { file: PathBuf::new(), ..style });
        receipt.styles.iter().map(nameless).collect()
    };
    let start = |receipt: &Receipt| match receipt.init.as_str() {
        said @ ("content" | "noise") => said.to_owned(),
        _ => "file".to_owned(),
    };
    if there.result.stop == StopReason::Cancelled {
        return Some("its run was interrupted".to_owned());
    }
    if there.impasto != wanted.impasto {
        return Some(format!("version {} made it", there.impasto));
    }
    if let Some(key) = key {
        return Some(format!("`{key}` was another"));
    }
    if there.network.sha256 != wanted.network.sha256 {
        return Some("the network was another".to_owned());
    }
    if bytes(there) != bytes(wanted) {
        return Some("its pictures had other bytes".to_owned());
    }
    if there.command != wanted.command || styles(there) != styles(wanted) || start(there) != start(wanted) {
        return Some("its styles or its start were said otherwise".to_owned());
    }
    (there.saved != wanted.saved).then(|| "it was written otherwise".to_owned())
}

/// Settings as they can be compared: a mask's name means nothing.
fn comparable(settings: &Options, timed: bool) -> serde_json::Map<String, Value> {
    let mut settings = settings.clone();
    if let Some(Strength::Mask(file)) = &mut settings.picture.strength {
        *file = PathBuf::from("mask");
    }
    // A receipt has no time, but what it came to.
    if timed {
        settings.paint.iterations = None;
        settings.paint.tolerance = None;
    }
    settings_file::known(&settings)
}
