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
    assert_eq!(first["width"], 100, "the coarser of two sizes");
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
