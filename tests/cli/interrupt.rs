//! Ctrl-C: the best picture so far is written, and the exit status says so.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::Workshop;
use impasto::picture::Picture;

#[test]
fn ctrl_c_writes_the_best_picture_so_far() {
    let workshop = Workshop::new();
    let arguments = "transfer content.png style.png -o out.png --weights net.npz --size 200 --iterations 1000000 \
                     --tolerance 0 --json";
    let mut child =
        workshop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..3 {
        line.clear();
        stdout.read_line(&mut line).unwrap();
    }
    let first: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(first["iteration"], 3);
    assert_eq!(first["width"], 142, "the coarser of two sizes");
    assert!(!workshop.path("out.png").exists());
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_str(rest.lines().last().unwrap()).unwrap();
    assert_eq!(report["stop"], "cancelled");
    let picture = Picture::load(&workshop.path("out.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (200, 150), "the size that was asked for");
}

/// A run that would go on for hours, stopped once it has begun; its exit status and what it said.
fn stopped(workshop: &Workshop, shell: &str, stop: impl FnOnce(u32)) -> (Option<i32>, String) {
    let arguments = "transfer content.png style.png -o out.png --weights net.npz --size 200 --iterations 1000000 \
                     --tolerance 0 --json";
    let command = workshop.command(arguments);
    let line = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<_> = line.map(|part| part.to_str().unwrap().to_owned()).collect();
    let mut child = Command::new("sh")
        .current_dir(workshop.folder())
        .args(["-c", &format!("{shell}exec {}", line.join(" "))])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..3 {
        stdout.read_line(&mut line).unwrap();
    }
    stop(child.id());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

fn signal(name: &str, process: u32) {
    assert!(
        Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap().success()
    );
}

#[test]
fn a_signal_that_comes_twice_at_once_is_one_wish() {
    let workshop = Workshop::new();
    for name in ["INT", "TERM", "HUP"] {
        let (code, _) = stopped(&workshop, "", |process| (0..4).for_each(|_| signal(name, process)));
        assert_eq!(code, Some(130), "{name}");
        assert!(Picture::load(&workshop.path("out.png")).is_ok(), "{name}");
        std::fs::remove_file(workshop.path("out.png")).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    let workshop = Workshop::new();
    let (code, _) = stopped(&workshop, "trap '' HUP; ", |process| {
        signal("HUP", process);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert!(!workshop.path("out.png").exists(), "it must still be at work");
        signal("TERM", process);
    });
    assert_eq!(code, Some(130));
    assert!(Picture::load(&workshop.path("out.png")).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_takes_nothing_is_an_error_and_the_picture_is_there() {
    let workshop = Workshop::new();
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let arguments =
        "transfer content.png style.png -o out.png --weights net.npz --size 40 --iterations 2 --json";
    let output = workshop.command(arguments).stdout(full()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("impasto: error: output (stdout): the results could not be written"), "{said}");
    assert!(Picture::load(&workshop.path("out.png")).is_ok());
    for arguments in [
        "weights inspect net.npz",
        "weights inspect net.npz --json",
        "evaluate --image content.png --content content.png --weights net.npz",
        "evaluate --image content.png --content content.png --weights net.npz --json",
        "--help",
    ] {
        assert_eq!(
            workshop.command(arguments).stdout(full()).output().unwrap().status.code(),
            Some(1),
            "{arguments}"
        );
    }
}
