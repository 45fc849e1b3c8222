//! What [`super::Destination`] promises wherever the tests run; the file systems' oddities are in `tests/pictures`.

use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_failure_half_way_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npy");
    fs::write(&path, b"old").unwrap();
    let error = replace(&path, |file| {
        file.extend(b"half of the");
        Err(io::ErrorKind::InvalidData.into())
    });
    assert!(error.unwrap_err().to_string().contains("cannot be written"));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    replace(&path, |file| file.write_all(b"new")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["out.npy"]);
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
    // A hard link keeps the old content under its other name.
    fs::write(at("one.png"), b"one").unwrap();
    fs::hard_link(at("one.png"), at("two.png")).unwrap();
    write(&at("one.png"), b"changed").unwrap();
    assert_eq!(fs::read(at("two.png")).unwrap(), b"one");
}

#[test]
fn left_over_files_are_swept_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // No process has the largest number; this process's own files are told by their lock.
    let gone = format!(".impasto-{}-abc123.tmp", i32::MAX);
    let own_stale = format!(".impasto-{}-abc123.tmp", std::process::id());
    for name in
        [gone.as_str(), &own_stale, ".impasto-x-abc123.tmp", ".impasto-1-abc1234.tmp", "impasto-1-abc123.tmp"]
    {
        fs::write(at(name), b"").unwrap();
    }
    let alive = temporary::create(folder.path()).unwrap();
    let alive_name = alive.path().file_name().unwrap().to_str().unwrap().to_owned();
    Destination::prove(&at("out.png"), 0).unwrap();
    let mut want = vec![
        alive_name.clone(),
        ".impasto-x-abc123.tmp".into(),
        ".impasto-1-abc1234.tmp".into(),
        "impasto-1-abc123.tmp".into(),
    ];
    want.sort();
    assert_eq!(names(folder.path()), want);
    drop(alive);
    assert!(!names(folder.path()).contains(&alive_name));
}

#[test]
fn a_folder_that_vanishes_does_not_cost_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("gone");
    fs::create_dir(&inner).unwrap();
    let asked = inner.join("impasto-unit-test-gone.png");
    let destination = Destination::prove(&asked, 100).unwrap();
    fs::remove_dir(&inner).unwrap();
    match destination.write(b"finished").unwrap() {
        Written::KeptAt { path, why } => {
            assert_eq!(fs::read(&path).unwrap(), b"finished");
            assert!(why.contains("cannot be written"), "{why}");
            assert!(path.file_name().unwrap().to_str().unwrap().starts_with("impasto-unit-test-gone-kept"));
            fs::remove_file(path).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kept_file_never_replaces_another() {
    let folder = tempfile::tempdir().unwrap();
    let keep = |content: &[u8]| kept::keep_in(folder.path(), Path::new("some/out.png"), content).unwrap();
    keep(b"1");
    keep(b"2");
    assert_eq!(names(folder.path()), ["out-kept-2.png", "out-kept.png"]);
    assert_eq!(fs::read(folder.path().join("out-kept.png")).unwrap(), b"1");
    let long = "x".repeat(250);
    let path = kept::keep_in(folder.path(), Path::new(&long), b"3").unwrap();
    assert_eq!(path.file_name().unwrap(), "impasto-kept");
    assert_eq!(kept::keep_in(&folder.path().join("missing"), Path::new("out.png"), b""), None);
}

/// What [`a_killed_run_s_file_is_removed_by_the_next`] kills.
#[test]
#[ignore = "run by a_killed_run_s_file_is_removed_by_the_next"]
fn holding_a_file() {
    let folder = std::env::var_os("IMPASTO_TEST_HOLD").unwrap();
    let _file = temporary::create(Path::new(&folder)).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[cfg(unix)]
#[test]
fn a_killed_run_s_file_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "files::tests::holding_a_file", "--ignored"])
        .env("IMPASTO_TEST_HOLD", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..600 {
        if !names(folder.path()).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let prove = || Destination::prove(&folder.path().join("out.png"), 0).unwrap();
    prove();
    assert_eq!(names(folder.path()).len(), 1, "a run that goes on keeps its file");
    child.kill().unwrap(); // SIGKILL: nothing is cleaned up
    child.wait().unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    prove();
    assert_eq!(names(folder.path()), [""; 0]);
}
