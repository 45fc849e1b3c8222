//! Files that show a run while it goes on: a preview picture and a log of the loss. Neither may stop the run: what cannot
//! be written is told once, at the end.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files::{Destination, Written};
use crate::picture::{Format, SaveOptions};
use crate::run::{Evaluated, Progress};

/// The time between two previews of one size.
const PAUSE: Duration = Duration::from_secs(2);

/// A picture file that is replaced while the work goes on, whole each time.
pub(super) struct Preview {
    destination: Destination,
    format: Format,
    pace: Pace,
    failed: Option<String>,
}

/// When a picture of the work so far is due: at every size, and every two seconds.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<(usize, Instant)>);

impl Pace {
    /// Whether it is now, at a size.
    pub fn is_due(&self, size_index: usize) -> bool {
        self.0.is_none_or(|(size, next)| size != size_index || Instant::now() >= next)
    }

    /// It was shown.
    pub fn shown(&mut self, size_index: usize) {
        self.0 = Some((size_index, Instant::now() + PAUSE));
    }
}

impl Preview {
    /// Proves the name.
    ///
    /// # Errors
    /// An extension that is no picture's; as [`Destination::prove`].
    pub fn new(file: &Path) -> Result<Self> {
        let (format, destination) = (Format::of(file)?, Destination::prove(file, 0)?);
        Ok(Self { destination, format, pace: Pace::default(), failed: None })
    }

    /// Writes the picture if it is due.
    pub fn show(&mut self, progress: &Progress<'_>) {
        if self.failed.is_some() || !self.pace.is_due(progress.size_index) {
            return;
        }
        let encoded =
            progress.picture().and_then(|picture| picture.encode(self.format, &SaveOptions::default()));
        self.failed = match encoded.and_then(|bytes| self.destination.write(&bytes)) {
            Ok(Written::KeptAt { path, why }) => {
                // A preview is not worth a file that nobody asked for.
                let _ = std::fs::remove_file(path);
                Some(why)
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        self.pace.shown(progress.size_index);
    }

    /// Its file, and what went wrong with it.
    pub fn failure(&self) -> Option<(&Path, &str)> {
        self.failed.as_deref().map(|why| (self.destination.path(), why))
    }
}

/// Every term of every evaluation.
pub(super) struct Log {
    file: PathBuf,
    writer: BufWriter<File>,
    json: bool,
    begun: bool,
    failed: Option<String>,
}

impl Log {
    /// Begins the file anew.
    ///
    /// # Errors
    /// Another extension than .csv and .jsonl, a file that cannot be written.
    pub fn new(file: &Path) -> Result<Self> {
        let json = match file.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => false,
            Some("jsonl") => true,
            _ => return Err(Error::output(file, "logs are written as .csv or .jsonl; name it so")),
        };
        let created = File::create(file);
        let opened = created.map_err(|error| Error::output(file, format!("cannot be written ({error})")))?;
        Ok(Self { file: file.to_owned(), writer: BufWriter::new(opened), json, begun: false, failed: None })
    }

    /// A line for an evaluation.
    pub fn note(&mut self, evaluated: &Evaluated<'_>) {
        if self.failed.is_some() {
            return;
        }
        let head = (!self.json && !std::mem::replace(&mut self.begun, true)).then(|| head(evaluated));
        let line =
            if self.json { serde_json::to_string(evaluated).unwrap_or_default() } else { row(evaluated) };
        let written = head.into_iter().chain([line]).try_for_each(|line| writeln!(self.writer, "{line}"));
        // A line at a time, for those who watch it grow.
        self.failed = written.and_then(|()| self.writer.flush()).err().map(|error| error.to_string());
    }

    /// Its file, and what went wrong with it.
    pub fn failure(&self) -> Option<(&Path, &str)> {
        self.failed.as_deref().map(|why| (self.file.as_path(), why))
    }
}

/// The names of the columns.
fn head(evaluated: &Evaluated<'_>) -> String {
    let terms = evaluated.terms;
    let fixed = ["evaluation", "size_index", "width", "height", "seconds", "total"].map(str::to_owned);
    let content = terms.content.iter().map(|(layer, _)| format!("content_{layer}"));
    let style = terms.style.iter().map(|(layer, _)| format!("style_{layer}"));
    let pixel = terms.pixel.iter().map(|(name, _)| name.clone());
    fixed.into_iter().chain(content).chain(style).chain(pixel).collect::<Vec<_>>().join(",")
}

fn row(evaluated: &Evaluated<'_>) -> String {
    let Evaluated { evaluation, size_index, width, height, seconds, terms, .. } = evaluated;
    let mut row = format!("{evaluation},{size_index},{width},{height},{seconds:.6},{:e}", terms.total);
    let layers = terms.content.iter().chain(&terms.style).map(|(_, value)| value);
    for value in layers.chain(terms.pixel.iter().map(|(_, value)| value)) {
        row += &format!(",{value:e}");
    }
    row
}
