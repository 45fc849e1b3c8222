//! Where a finished file goes: names, marks and mounts that stand in its way. What only the superuser can set up is
//! skipped by name elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use impasto::{Destination, Written};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[track_caller]
fn refused(path: &Path, room: u64) -> String {
    match Destination::prove(path, room) {
        Err(error @ impasto::Error::Output { .. }) => error.to_string(),
        other => panic!("{}: {other:?}", path.display()),
    }
}

/// Runs a program; whether it could and said yes.
fn can(program: &str, arguments: &[&Path]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn skipped(test: &str, why: &str) {
    eprintln!("SKIPPED {test}: {why}");
}

/// Undoes a mark or mount when a test ends, however it ends.
struct Undo(&'static str, Vec<PathBuf>);

impl Drop for Undo {
    fn drop(&mut self) {
        let arguments: Vec<&Path> = self.1.iter().map(PathBuf::as_path).collect();
        can(self.0, &arguments);
    }
}

/// `chattr +MARK path`, until the guard is dropped; none where that is not possible.
fn marked(mark: &str, path: &Path) -> Option<Undo> {
    let set = can("chattr", &[Path::new(&format!("+{mark}")), path]);
    set.then(|| Undo("chattr", vec![format!("-{mark}").into(), path.to_owned()]))
}

#[test]
fn names_that_are_no_file_s() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("ex.png")).unwrap();
    fs::write(at("plain"), b"").unwrap();
    for name in ["new.png/", "new.png/.", "ex.png", "ex.png/", "", "..", "plain/"] {
        assert!(refused(&at(name), 0).contains("folder"), "{name}");
    }
    assert!(refused(&at(&format!("{}.png", "x".repeat(300))), 0).contains("too long"));
    assert!(refused(&at("missing/out.png"), 0).contains("create it first"));
    assert!(refused(&at("plain/out.png"), 0).contains("not a folder"));
    assert_eq!(names(folder.path()), ["ex.png", "plain"]);
}

#[test]
fn a_proof_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.png");
    fs::write(&path, b"old").unwrap();
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let destination = Destination::prove(&path, 10_000).unwrap();
    assert!(!destination.is_in_place());
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["out.png"]);
    assert_eq!(destination.write(b"new").unwrap(), Written::AsAsked);
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["out.png"]);
}

#[test]
fn immutable_and_append_only_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (mark, word) in [("i", "immutable"), ("a", "appended")] {
        fs::write(at("file.png"), b"old").unwrap();
        let Some(undo) = marked(mark, &at("file.png")) else {
            return skipped("immutable_and_append_only_files_and_folders", "chattr is not possible here");
        };
        let text = refused(&at("file.png"), 0);
        assert!(text.contains(word), "{text}");
        drop(undo);
        // A folder that takes no new file may still hold one that can be overwritten.
        let inner = at(&format!("folder-{mark}"));
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("old.png"), b"something longer").unwrap();
        let undo = marked(mark, &inner).unwrap();
        let destination = Destination::prove(&inner.join("old.png"), 0).unwrap();
        assert!(destination.is_in_place());
        assert_eq!(destination.write(b"new").unwrap(), Written::InPlace);
        assert_eq!(fs::read(inner.join("old.png")).unwrap(), b"new");
        if mark == "i" {
            assert!(refused(&inner.join("new.png"), 0).contains("immutable"));
            assert_eq!(names(&inner), ["old.png"]);
        } else {
            let destination = Destination::prove(&inner.join("new.png"), 0).unwrap();
            assert_eq!(names(&inner), ["old.png"], "a trial could not be removed again");
            assert_eq!(destination.write(b"new").unwrap(), Written::InPlace);
            assert_eq!(names(&inner), ["new.png", "old.png"]);
        }
        drop(undo);
    }
}

#[test]
fn a_folder_that_becomes_immutable_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("impasto-test-meanwhile.png");
    let destination = Destination::prove(&path, 0).unwrap();
    let Some(undo) = marked("i", folder.path()) else {
        return skipped("a_folder_that_becomes_immutable_meanwhile", "chattr is not possible here");
    };
    let Written::KeptAt { path: kept, .. } = destination.write(b"finished").unwrap() else {
        panic!("it cannot be where it was asked for");
    };
    assert_eq!(fs::read(&kept).unwrap(), b"finished");
    fs::remove_file(kept).unwrap();
    drop(undo);
    // The same with a file that can be overwritten.
    fs::write(&path, b"old").unwrap();
    let destination = Destination::prove(&path, 0).unwrap();
    let _undo = marked("i", folder.path()).unwrap();
    assert_eq!(destination.write(b"finished").unwrap(), Written::InPlace);
    assert_eq!(fs::read(&path).unwrap(), b"finished");
}

#[test]
fn a_file_that_is_a_mount_point_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (source, path) = (folder.path().join("source"), folder.path().join("mounted.png"));
    fs::write(&source, b"a longer old file").unwrap();
    fs::write(&path, b"").unwrap();
    if !can("mount", &[Path::new("--bind"), &source, &path]) {
        return skipped("a_file_that_is_a_mount_point_is_overwritten", "mount is not possible here");
    }
    let _undo = Undo("umount", vec![path.clone()]);
    let destination = Destination::prove(&path, 100).unwrap();
    assert!(destination.is_in_place());
    assert_eq!(destination.write(b"new").unwrap(), Written::InPlace);
    assert_eq!(fs::read(&source).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["mounted.png", "source"]);
}

/// What `attempt` gives once it succeeds. The room of a removed file comes back late where a child
/// process that another test starts at that moment holds it open between its fork and its exec.
fn in_the_end<T, E: std::fmt::Debug>(attempt: impl Fn() -> Result<T, E>) -> T {
    for _ in 0..100 {
        match attempt() {
            Ok(value) => return value,
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    attempt().unwrap()
}

#[test]
fn a_full_disk_is_found_out_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        [Path::new("-t"), Path::new("tmpfs"), Path::new("-o"), Path::new("size=256k"), Path::new("none")];
    if !can("mount", &[&mounted[..], &[folder.path()]].concat()) {
        return skipped("a_full_disk_is_found_out_and_costs_nothing", "mount is not possible here");
    }
    let _undo = Undo("umount", vec![folder.path().to_owned()]);
    let path = folder.path().join("impasto-test-full.png");
    assert!(refused(&path, 1 << 20).contains("no room"));
    assert_eq!(names(folder.path()), [""; 0]);
    fs::write(&path, b"old").unwrap();
    assert!(refused(&path, 1 << 20).contains("no room"));
    // It fills while the work goes on.
    let destination = in_the_end(|| Destination::prove(&path, 100_000));
    in_the_end(|| fs::write(folder.path().join("other"), vec![0; 200_000]));
    let Written::KeptAt { path: kept, why } = destination.write(&[7; 100_000]).unwrap() else {
        panic!("there is no room");
    };
    assert!(why.contains("no room"), "{why}");
    assert_eq!(fs::read(&kept).unwrap(), [7; 100_000]);
    fs::remove_file(kept).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["impasto-test-full.png", "other"]);
}

/// What [`somebody_else_s_file_in_a_sticky_folder`] runs as another user.
#[test]
#[ignore = "run by somebody_else_s_file_in_a_sticky_folder"]
fn as_another_user() {
    let path = PathBuf::from(std::env::var_os("IMPASTO_TEST_STICKY").unwrap());
    assert!(refused(&path, 0).contains("cannot be replaced"));
    let open = Destination::prove(&path.with_file_name("open.png"), 0).unwrap();
    assert!(open.is_in_place());
    assert_eq!(open.write(b"new").unwrap(), Written::InPlace);
    let free = Destination::prove(&path.with_file_name("free.png"), 0).unwrap();
    assert_eq!(free.write(b"new").unwrap(), Written::AsAsked);
}

#[cfg(unix)]
#[test]
fn somebody_else_s_file_in_a_sticky_folder() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o1777);
    for (name, bits) in [("closed.png", 0o644), ("open.png", 0o666)] {
        fs::write(folder.path().join(name), b"old").unwrap();
        mode(&folder.path().join(name), bits);
    }
    let program = folder.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--exact", "destination::as_another_user", "--ignored", "--nocapture"])
        .current_dir(folder.path())
        .env("IMPASTO_TEST_STICKY", folder.path().join("closed.png"))
        .output();
    let Ok(output) = output else {
        return skipped("somebody_else_s_file_in_a_sticky_folder", "there is no setpriv");
    };
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if text.contains("Operation not permitted") && text.contains("setpriv") {
        return skipped("somebody_else_s_file_in_a_sticky_folder", "only the superuser becomes another user");
    }
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(fs::read(folder.path().join("closed.png")).unwrap(), b"old");
    assert_eq!(fs::read(folder.path().join("free.png")).unwrap(), b"new");
}
