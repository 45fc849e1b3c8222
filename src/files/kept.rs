//! Where a finished file goes that cannot get its name.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Puts `bytes` under a free name made from `asked` in the working folder, else in the system's folder for temporary
/// files; none if neither takes them.
pub(super) fn keep(asked: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let folders = [std::env::current_dir().ok(), Some(std::env::temp_dir())];
    folders.into_iter().flatten().find_map(|folder| keep_in(&folder, asked, bytes))
}

/// As [`keep`], in one folder.
pub(super) fn keep_in(folder: &Path, asked: &Path, bytes: &[u8]) -> Option<PathBuf> {
    for number in 1..1000 {
        let path = folder.join(name(asked, number));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
            Err(_) => return None,
        };
        if file.write_all(bytes).and_then(|()| file.sync_all()).is_ok() {
            return Some(path);
        }
        drop(file);
        let _ = fs::remove_file(&path);
        return None;
    }
    None
}

/// `out.png` → `out-kept.png`, `out-kept-2.png`, …; a stem that is too long is given up.
fn name(asked: &Path, number: usize) -> OsString {
    let mut name =
        asked.file_stem().filter(|stem| stem.len() < 200).unwrap_or("impasto".as_ref()).to_os_string();
    name.push("-kept");
    if number > 1 {
        name.push(format!("-{number}"));
    }
    if let Some(extension) = asked.extension().filter(|extension| extension.len() < 20) {
        name.push(".");
        name.push(extension);
    }
    name
}
