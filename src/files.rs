//! Output files: checked before the work starts, written whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Fails at once if a file cannot be written to `path` later.
///
/// Tries it out with a temporary file beside `path` and leaves nothing behind.
pub(crate) fn check_writable(path: &Path) -> Result<()> {
    beside(path).map(drop)
}

/// Puts `bytes` in place of `path` at once, when they are all on disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |file| file.write_all(bytes))
}

/// As [`write`], with the content from `fill`.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<()> {
    let (mut file, target) = beside(path)?;
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::output(path, format!("the disk is full ({error}); free some space")).because(error)
        }
        _ => Error::output(path, format!("cannot be written ({error})")).because(error),
    };
    fill(file.as_file_mut()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    if let Ok(there) = fs::metadata(&target) {
        file.as_file().set_permissions(there.permissions()).map_err(failed)?;
    }
    file.persist(&target).map_err(|error| failed(error.error))?;
    sync_folder(&target);
    Ok(())
}

/// A temporary file in the folder of the file that `path` means, and that file; it vanishes unless persisted.
fn beside(path: &Path) -> Result<(NamedTempFile, PathBuf)> {
    let refuse = |message: String| Error::output(path, message);
    let target = follow(path).map_err(|error| refuse(format!("cannot be found out ({error})")))?;
    match fs::metadata(&target) {
        Ok(there) if there.is_dir() => return Err(refuse("is a folder; name a file in it".into())),
        Ok(there) if !there.is_file() => return Err(refuse("is a device or pipe; name a plain file".into())),
        Ok(there) if there.permissions().readonly() => {
            return Err(refuse("is write-protected; name another file or allow writing".into()));
        }
        _ => {}
    }
    let folder = match target.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(refuse("is a folder; name a file in it".into())),
    };
    let name = folder.display();
    match fs::metadata(folder) {
        Ok(there) if there.is_dir() => {}
        Ok(_) => return Err(refuse(format!("{name} is not a folder"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(refuse(format!("there is no folder {name}; create it first")));
        }
        Err(error) => return Err(refuse(format!("the folder {name} cannot be used ({error})"))),
    }
    let file = create(folder).map_err(|error| {
        refuse(format!("no file can be created in the folder {name} ({error}); choose another one"))
    })?;
    Ok((file, target))
}

/// The temporary file, with the permissions that any new file gets (tempfile's own are 0600).
fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".impasto-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666)); // less the umask
    }
    builder.tempfile_in(folder)
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

/// Makes the new name last; where folders cannot be synchronised there is nothing to do.
fn sync_folder(target: &Path) {
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_failure_half_way_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.png");
        fs::write(&path, b"old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half of the")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(error.unwrap_err().to_string().contains("disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out.png"]);
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_a_new_file_or_of_the_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let (plain, ours) = (folder.path().join("plain"), folder.path().join("ours.png"));
        fs::File::create(&plain).unwrap();
        write(&ours, b"x").unwrap();
        assert_eq!(mode(&ours), mode(&plain));
        fs::set_permissions(&ours, fs::Permissions::from_mode(0o640)).unwrap();
        write(&ours, b"y").unwrap();
        assert_eq!(mode(&ours), 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_devices_refused() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        symlink("elsewhere/real.png", at("link.png")).unwrap();
        for content in [b"new", b"old"] {
            write(&at("link.png"), content).unwrap(); // first dangling, then not
            assert_eq!(fs::read(at("elsewhere/real.png")).unwrap(), content);
            assert!(fs::symlink_metadata(at("link.png")).unwrap().is_symlink());
        }
        symlink("/dev/null", at("null.png")).unwrap();
        assert!(check_writable(&at("null.png")).unwrap_err().to_string().contains("plain file"));
        symlink("loop.png", at("loop.png")).unwrap();
        assert!(check_writable(&at("loop.png")).is_err());
    }
}
