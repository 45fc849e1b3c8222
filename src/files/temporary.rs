//! Temporary files: recognisable names, removed when the process that made them is gone.
//!
//! `.impasto-PID-RANDOM.tmp`, locked as long as its process works on it. A file is left over when nobody holds its lock
//! and no process has its number: both are asked, since numbers mean nothing between containers and machines that share
//! a folder, and locks mean nothing on some network file systems.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

const PREFIX: &str = ".impasto-";
const SUFFIX: &str = ".tmp";

/// A locked temporary file in `folder`, with the permissions that any new file gets. It vanishes unless persisted.
pub(super) fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let prefix = prefix();
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    let file = builder.tempfile_in(folder)?;
    let _ = file.as_file().try_lock(); // where locks do not exist, the process number has to do
    Ok(file)
}

/// An empty temporary folder in `folder`.
pub(super) fn create_folder(folder: &Path) -> io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(&prefix()).suffix(SUFFIX).tempdir_in(folder)
}

fn prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Removes what processes that are gone left in `folder`; what cannot be removed stays.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(process) = name.to_str().and_then(maker) else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && process != std::process::id() && is_gone(process) {
            let _ = fs::remove_dir(entry.path()); // only ever an empty one
        } else if kind.is_file()
            && (process == std::process::id() || is_gone(process))
            && is_free(&entry.path())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The number of the process that made a temporary file of this name.
fn maker(name: &str) -> Option<u32> {
    let (process, random) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    let ours = random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric());
    process.parse().ok().filter(|_| ours)
}

/// Whether no process has this number.
#[cfg(unix)]
fn is_gone(process: u32) -> bool {
    let number = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    number.is_none_or(|number| rustix::process::test_kill_process(number) == Err(rustix::io::Errno::SRCH))
}

/// Numbers are not asked here; the lock decides.
#[cfg(not(unix))]
fn is_gone(_process: u32) -> bool {
    true
}

/// Whether nobody holds the file's lock. Where locks do not exist: whether it has not been written to for an hour.
fn is_free(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => {
            let age =
                file.metadata().and_then(|there| there.modified()).ok().and_then(|then| then.elapsed().ok());
            age.is_some_and(|age| age.as_secs() > 3600)
        }
    }
}

/// Gives `file` the owner and permissions of the file that it replaces, as far as that is allowed: some file systems
/// know neither, and a finished file is worth more than its mode.
pub(super) fn take_over(file: &File, there: &Metadata) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
        let mine = file.metadata().map(|mine| (mine.uid(), mine.gid())).ok();
        let theirs = (there.uid(), there.gid());
        if mine != Some(theirs) && fchown(file, Some(theirs.0), Some(theirs.1)).is_err() {
            let _ = fchown(file, None, Some(theirs.1));
        }
        let _ = file.set_permissions(fs::Permissions::from_mode(there.permissions().mode() & 0o777));
    }
    #[cfg(not(unix))]
    let _ = file.set_permissions(there.permissions());
}

/// Takes room for `length` bytes without changing the file; where the file system cannot say, it is not asked.
pub(super) fn reserve(file: &File, length: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if length > 0 {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
            Err(error) if [Errno::NOSPC, Errno::DQUOT, Errno::FBIG].contains(&error) => {
                return Err(error.into());
            }
            _ => {}
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, length);
    Ok(())
}
