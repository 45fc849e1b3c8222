//! Whether a file can be put under a name, found out by asking the system and not by reading permissions.
//!
//! The proof of a rename onto an existing file is a rename that cannot succeed: a folder is renamed onto the file. The
//! kernel checks everything that a file's rename would be checked for (the folder's permissions, sticky bits, immutable
//! and append-only marks) and only then says that a folder cannot replace a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use super::{Way, folder_of, temporary};

/// Where `path` leads and how a file of up to `room` bytes gets there; the message, if it cannot.
pub(super) fn prove(path: &Path, room: u64) -> Result<(PathBuf, Way), String> {
    if path.is_dir() {
        return Err("is a folder; name a file in it".into());
    }
    if ends_in_separator(path) || path.file_name().is_none() {
        return Err("is the name of a folder; name a file".into());
    }
    let target = follow(path).map_err(|error| format!("cannot be found out ({error})"))?;
    let there = match fs::metadata(&target) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) if error.kind() == ErrorKind::InvalidFilename => {
            return Err(format!("the name is too long for this file system ({error}); use a shorter one"));
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => None,
        Err(error) => return Err(format!("cannot be found out ({error})")),
    };
    match &there {
        Some(there) if there.is_dir() => return Err("is a folder; name a file in it".into()),
        Some(there) if !there.is_file() => return Err("is a device or pipe; name a plain file".into()),
        Some(there) if there.permissions().readonly() => {
            return Err("is write-protected; name another file or allow writing".into());
        }
        _ => {}
    }
    let folder = folder_of(&target);
    check_folder(folder)?;
    let folder_marks = marks(folder);
    if folder_marks.append_only {
        // Files can be made here but never removed: a trial would stay for ever.
        if there.is_some() {
            openable(&target)?;
        }
        return Ok((target, Way::InPlace));
    }
    temporary::sweep(folder);
    let way = match (try_folder(folder, room), there.is_some()) {
        (Ok(()), false) => {
            new_name(&target)?;
            Way::Rename
        }
        (Ok(()), true) if marks(&target).mount_point => in_place(&target, room)?,
        (Ok(()), true) => match try_rename(folder, &target) {
            Ok(()) => Way::Rename,
            Err(why) => in_place(&target, room)
                .map_err(|_| format!("cannot be replaced ({why}{})", marks(&target)))?,
        },
        (Err(error), true) if !is_full(&error) => in_place(&target, room)?,
        (Err(error), _) if is_full(&error) => {
            let mib = room.div_ceil(1 << 20);
            return Err(format!("there is no room for {mib} MiB ({error}); free some space"));
        }
        (Err(error), _) => {
            let name = folder.display();
            return Err(format!(
                "no file can be created in the folder {name} ({error}{folder_marks}); choose another one"
            ));
        }
    };
    Ok((target, way))
}

/// `new.png/` means a folder, whether it exists or not; [`Path`] hides the slash.
fn ends_in_separator(path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    let separator = |byte: u8| byte == b'/' || byte == MAIN_SEPARATOR as u8;
    let name =
        name.strip_suffix(b".").filter(|rest| rest.last().is_some_and(|b| separator(*b))).unwrap_or(name);
    name.last().is_some_and(|byte| separator(*byte))
}

/// Where symbolic links lead, the last one possibly to a file that does not exist yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn check_folder(folder: &Path) -> Result<(), String> {
    let name = folder.display();
    match fs::metadata(folder) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(format!("{name} is not a folder")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("there is no folder {name}; create it first"))
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => Err(format!("{name} is not a folder")),
        Err(error) => Err(format!("the folder {name} cannot be used ({error})")),
    }
}

/// A file of `room` bytes is made in the folder, and removed.
fn try_folder(folder: &Path, room: u64) -> io::Result<()> {
    static BLOCK: [u8; 1 << 16] = [0; 1 << 16];
    let mut file = temporary::create(folder)?;
    let mut left = room.max(1);
    while left > 0 {
        let part = left.min(BLOCK.len() as u64);
        file.write_all(&BLOCK[..part as usize])?;
        left -= part;
    }
    file.as_file().sync_data()?;
    file.close()
}

/// The name can be given to a file: some file systems refuse characters only then.
fn new_name(target: &Path) -> Result<(), String> {
    let made = OpenOptions::new().write(true).create_new(true).open(target);
    match made.and_then(|_| fs::remove_file(target)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()), // somebody was faster; the name is good
        Err(error) => Err(format!("the name cannot be given to a file ({error}); use another one")),
    }
}

/// Asks for a rename onto an existing file that cannot succeed; see the top of this file.
#[cfg(unix)]
fn try_rename(folder: &Path, target: &Path) -> Result<(), io::Error> {
    let trial = temporary::create_folder(folder)?;
    match fs::rename(trial.path(), target) {
        Ok(()) => fs::remove_dir(target), // the file vanished meanwhile and the empty folder took its place
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::ResourceBusy
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::CrossesDevices => Err(error),
            _ => Ok(()),
        },
    }
}

/// Elsewhere the trial would not be harmless; the rename itself will tell.
#[cfg(not(unix))]
fn try_rename(_folder: &Path, _target: &Path) -> Result<(), io::Error> {
    Ok(())
}

/// An existing file can be overwritten, and there is room for it.
fn in_place(target: &Path, room: u64) -> Result<Way, String> {
    let file = openable(target)?;
    #[cfg(unix)]
    if let (Ok(disk), Ok(there)) = (rustix::fs::fstatvfs(&file), file.metadata()) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_add(there.len());
        if free < room {
            let mib = room.div_ceil(1 << 20);
            return Err(format!("there is no room for {mib} MiB; free some space"));
        }
    }
    #[cfg(not(unix))]
    let _ = (file, room);
    Ok(Way::InPlace)
}

/// Opens a file for writing and changes nothing.
fn openable(target: &Path) -> Result<File, String> {
    let opened = OpenOptions::new().write(true).open(target);
    opened.map_err(|error| format!("cannot be overwritten ({error}{}); name another file", marks(target)))
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

/// What a file system says of a file or folder beyond its mode.
#[derive(Debug, Default, Clone, Copy)]
struct Marks {
    immutable: bool,
    append_only: bool,
    mount_point: bool,
}

impl std::fmt::Display for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { immutable: true, .. } => write!(f, ": it is immutable, `chattr -i` ends that"),
            Self { append_only: true, .. } => {
                write!(f, ": it can only be appended to, `chattr -a` ends that")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(target_os = "linux")]
fn marks(path: &Path) -> Marks {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
    let Ok(there) = statx(CWD, path, AtFlags::empty(), StatxFlags::BASIC_STATS) else {
        return Marks::default();
    };
    let has = |attribute| there.stx_attributes.contains(attribute);
    Marks {
        immutable: has(StatxAttributes::IMMUTABLE),
        append_only: has(StatxAttributes::APPEND),
        mount_point: has(StatxAttributes::MOUNT_ROOT),
    }
}

#[cfg(not(target_os = "linux"))]
fn marks(_path: &Path) -> Marks {
    Marks::default()
}
