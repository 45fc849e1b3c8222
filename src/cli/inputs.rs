//! Pictures that a run reads, from files or stdin, each with the hash of its bytes for the receipt.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::notices::Notices;
use super::options::refuse;
use crate::error::{Error, Result};
use crate::picture::Picture;
use crate::run::{SavedStyle, Style};

/// The name that stands for stdin and stdout.
pub(super) const STREAM: &str = "-";

/// Whether a name means stdin or stdout.
pub(super) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == STREAM
}

/// A file that went into a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputFile {
    /// What it was: `content`, `style`, `init`.
    pub role: String,
    /// Its name, as far as it may be told.
    pub file: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// The files that a run has read so far.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    files: Vec<InputFile>,
    stdin: bool,
}

impl Inputs {
    /// Reads a picture, shrunk to `longer` px if that is given, and tells what its reader warned of.
    ///
    /// # Errors
    /// As [`Picture::load`]; stdin that was read before.
    pub fn picture(
        &mut self,
        role: &str,
        file: &Path,
        longer: Option<usize>,
        notices: &mut Notices,
    ) -> Result<Picture> {
        let (picture, sha256) = if is_stream(file) {
            if std::mem::replace(&mut self.stdin, true) {
                return refuse("content", "stdin (-) can be read once; name a file for the other picture");
            }
            read(io::stdin().lock(), Path::new("(stdin)"), longer)?
        } else {
            match File::open(file) {
                Ok(opened) if !file.is_dir() => read(opened, file, longer)?,
                // Its errors are the best there are.
                _ => (Picture::load(file)?, String::new()),
            }
        };
        notices.warnings(file, picture.warnings());
        self.files.push(InputFile { role: role.to_owned(), file: told(file), sha256 });
        Ok(picture)
    }

    /// Reads a style: a file of its own, or a picture as [`Inputs::picture`] does.
    ///
    /// # Errors
    /// As [`SavedStyle::load`] and [`Inputs::picture`].
    pub fn style(&mut self, file: &Path, longer: Option<usize>, notices: &mut Notices) -> Result<Style> {
        if !SavedStyle::is_in(file) {
            return Ok(self.picture("style", file, longer, notices)?.into());
        }
        let saved = SavedStyle::load(file)?;
        let sha256 = file_sha256(file)
            .map_err(|error| Error::file(file, format!("cannot be read ({error})")).because(error))?;
        self.files.push(InputFile { role: "style".to_owned(), file: told(file), sha256 });
        Ok(saved.into())
    }

    /// Notes a file that was read before.
    fn again(&mut self, file: InputFile) {
        self.files.push(file);
    }

    /// The files in the order in which they were read.
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }
}

/// Styles that were read, to be used for the next picture too, so that each is measured once at each size. Of more than
/// it has room for, those that were used longest ago go.
#[derive(Debug)]
pub(super) struct Shelf {
    room: usize,
    /// Most recently used last.
    styles: Vec<Shelved>,
}

/// A style on the shelf.
#[derive(Debug)]
struct Shelved {
    file: PathBuf,
    longer: Option<usize>,
    style: Style,
    input: InputFile,
    uses: usize,
}

/// A style is read anew after so many uses: one that is measured at another size for every content would grow.
const USES: usize = 64;

impl Shelf {
    /// An empty shelf for so many styles.
    pub fn new(room: usize) -> Self {
        Self { room, styles: Vec::new() }
    }

    /// A style, from the shelf or read as [`Inputs::style`] does.
    ///
    /// # Errors
    /// As [`Inputs::style`].
    pub fn style(
        &mut self,
        inputs: &mut Inputs,
        file: &Path,
        longer: Option<usize>,
        notices: &mut Notices,
    ) -> Result<Style> {
        let found = self.styles.iter().position(|kept| kept.file == file && kept.longer == longer);
        let mut kept = match found.map(|at| self.styles.remove(at)).filter(|kept| kept.uses < USES) {
            Some(kept) => {
                inputs.again(kept.input.clone());
                kept
            }
            None => {
                let style = inputs.style(file, longer, notices)?;
                let Some(input) = inputs.files().last().cloned() else { return Ok(style) };
                Shelved { file: file.to_owned(), longer, style, input, uses: 0 }
            }
        };
        kept.uses += 1;
        let style = kept.style.clone();
        self.styles.push(kept);
        let over = self.styles.len().saturating_sub(self.room);
        self.styles.drain(..over);
        Ok(style)
    }
}

/// A file's name for a receipt, which may travel: without the folders above an absolute path.
pub(super) fn told(file: &Path) -> String {
    match file.file_name().filter(|_| file.is_absolute()) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => file.display().to_string(),
    }
}

fn read(reader: impl Read, name: &Path, longer: Option<usize>) -> Result<(Picture, String)> {
    let mut hashing = Hashing { reader, digest: Sha256::new() };
    let picture = Picture::read(&mut hashing, name, longer)?;
    Ok((picture, hex(hashing.digest)))
}

/// The SHA-256 of bytes, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// The SHA-256 of a file's bytes, in hexadecimal.
pub(super) fn file_sha256(file: &Path) -> io::Result<String> {
    let mut hashing = Hashing { reader: File::open(file)?, digest: Sha256::new() };
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(hex(hashing.digest))
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes what is read through it.
struct Hashing<R> {
    reader: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}
