//! Output files: proved before the work starts, written whole or not at all, and never lost when they are done.
//!
//! ```text
//! Destination::prove → (the work) → Destination::write → temporary file, fsync, rename onto the name
//!                                                       ↳ else in place ↳ else kept elsewhere, under a told name
//! ```
//!
//! What a rename keeps and what it does not: symbolic links are followed and stay links, the old file's owner and
//! permissions are taken over where that is allowed, other hard links keep the old content, and access lists and
//! extended attributes of the old file are lost.

mod kept;
mod probe;
pub(crate) mod sealed;
mod temporary;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file name that was tried out: a whole file can be put there later.
///
/// ```
/// use impasto::{Destination, Written};
///
/// # let folder = tempfile::tempdir().map_err(|error| impasto::Error::Numeric(error.to_string()))?;
/// # let path = folder.path().join("out.png");
/// let destination = Destination::prove(&path, 0)?; // before the work
/// let written = destination.write(b"the finished file")?; // after it
/// assert_eq!(written, Written::AsAsked);
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Destination {
    /// The name as it was given.
    asked: PathBuf,
    /// Where symbolic links lead from there.
    target: PathBuf,
    way: Way,
}

/// How the file gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Written beside it and renamed.
    Rename,
    /// The file itself is overwritten: a mount point, or a folder that takes no other file.
    InPlace,
}

/// What became of a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub enum Written {
    /// It stands under its name, put there at once.
    AsAsked,
    /// It stands under its name, but was written over the old file piece by piece, since nothing can be renamed there.
    InPlace,
    /// It could not get its name and stands at `path` instead.
    KeptAt {
        /// Where the finished file is.
        path: PathBuf,
        /// Why it is not where it was asked for, without the file's name.
        why: String,
    },
}

impl Destination {
    /// Finds out, before any work, whether a file of up to `room` bytes can be put at `path`, by trying: a file of
    /// that size is written beside it, and the system is asked for every permission that the rename will need. Nothing
    /// is left behind and an existing file is not touched. Temporary files that a killed run of this program left in
    /// the folder are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Output`]: a folder, device or pipe, a name that ends in a slash or is too long, a missing or
    /// write-protected folder or file, somebody else's file in a sticky folder, an immutable or append-only file, too
    /// little room.
    pub fn prove(path: &Path, room: u64) -> Result<Self> {
        let (target, way) = probe::prove(path, room).map_err(|message| Error::output(path, message))?;
        Ok(Self { asked: path.to_owned(), target, way })
    }

    /// The name as it was given.
    pub fn path(&self) -> &Path {
        &self.asked
    }

    /// Whether the file will have to be overwritten piece by piece, since nothing can be renamed there.
    pub fn is_in_place(&self) -> bool {
        self.way == Way::InPlace
    }

    /// Puts a whole file there: beside it, on disk, then renamed; where that fails, over the old file if it can be
    /// held whole; where that fails, under a free name (`NAME-kept.EXT`) in the working folder or the system's
    /// folder for temporary files, which [`Written::KeptAt`] tells.
    ///
    /// # Errors
    ///
    /// [`Error::Output`] when the bytes can be put nowhere.
    pub fn write(&self, bytes: &[u8]) -> Result<Written> {
        let mut why = None;
        if self.way == Way::Rename {
            match self.renamed(bytes) {
                Ok(()) => return Ok(Written::AsAsked),
                Err(error) => why = Some(error),
            }
        }
        let error = match self.in_place(bytes) {
            Ok(()) => return Ok(Written::InPlace),
            Err(error) => why.unwrap_or(error),
        };
        let why = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("there is no room left ({error}); free some space")
            }
            _ => format!("cannot be written ({error})"),
        };
        match kept::keep(&self.asked, bytes) {
            Some(path) => Ok(Written::KeptAt { path, why }),
            None => Err(Error::output(&self.asked, format!("{why}, nor can it be kept anywhere else"))),
        }
    }

    /// Beside the target, with the old file's owner and permissions, then renamed onto it.
    fn renamed(&self, bytes: &[u8]) -> io::Result<()> {
        self.replace(|file| file.write_all(bytes))
    }

    /// Puts there what `fill` writes, piece by piece, and renames it onto the old file, which stays if anything fails.
    ///
    /// # Errors
    /// Those of writing and renaming.
    pub(crate) fn replace(&self, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let mut file = temporary::create(folder_of(&self.target))?;
        fill(file.as_file_mut())?;
        if let Ok(there) = fs::metadata(&self.target) {
            temporary::take_over(file.as_file(), &there);
        }
        file.as_file().sync_all()?;
        file.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(&self.target);
        Ok(())
    }

    /// Over the old file; its room is reserved first, so that a full disk does not cost the old content.
    fn in_place(&self, bytes: &[u8]) -> io::Result<()> {
        let exists = self.target.symlink_metadata().is_ok();
        let mut file = OpenOptions::new().write(true).create_new(!exists).open(&self.target)?;
        let filled = temporary::reserve(&file, bytes.len() as u64)
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.set_len(bytes.len() as u64))
            .and_then(|()| file.sync_all());
        if filled.is_err() && !exists {
            drop(file);
            let _ = fs::remove_file(&self.target);
        }
        filled
    }
}

/// Puts the bytes of a finished file that nothing takes under a free name made from `asked`, in the working folder or the
/// system's folder for temporary files; none if neither takes them.
#[cfg(feature = "cli")]
pub(crate) fn keep(asked: &Path, bytes: &[u8]) -> Option<PathBuf> {
    kept::keep(asked, bytes)
}

/// Fails at once if a file cannot be written to `path` later; see [`Destination::prove`].
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    Destination::prove(path, 0).map(drop)
}

/// Puts what `fill` writes at `path`, whole; a file that had to be kept elsewhere is an error that names the place.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<()> {
    let mut bytes = Vec::new();
    fill(&mut bytes)
        .map_err(|error| Error::output(path, format!("cannot be written ({error})")).because(error))?;
    write(path, &bytes).map(drop)
}

/// Puts `bytes` at `path`, whole, and tells whether it was overwritten in place; a file that had to be kept elsewhere
/// is an error that names the place.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<bool> {
    match Destination::prove(path, 0)?.write(bytes)? {
        Written::AsAsked => Ok(false),
        Written::InPlace => Ok(true),
        Written::KeptAt { path: kept, why } => {
            Err(Error::output(path, format!("{why}; the finished file is kept as {}", kept.display())))
        }
    }
}

/// The folder of a file, `.` where its name has none.
fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the new name last; where folders cannot be synchronised there is nothing to do.
fn sync_folder(target: &Path) {
    let _ = File::open(folder_of(target)).and_then(|folder| folder.sync_all());
}
