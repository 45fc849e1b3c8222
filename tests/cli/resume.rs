//! `--checkpoint` and `resume`: runs that are killed or interrupted end with the bytes of a run that never was.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Workshop;

/// Two sizes and enough work to be killed in.
fn arguments(out: &str, options: &str) -> String {
    format!(
        "transfer content.png style.png other.jpg -o {out} --weights net.npz --size 64 --coarsest 32 --size-step 2 --iterations \
         40,25 --tolerance 0 --quiet {options}"
    )
}

/// Numbers from 0 to 1.
fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let workshop = Workshop::new();
    let mut next = random(42);
    let (mut kills, mut resumed) = (0, 0);
    for options in
        ["--threads 1", "--threads 2", "--optimizer adam --threads 1", "--optimizer adam --threads 2"]
    {
        let begun = Instant::now();
        workshop.run(&arguments("whole.png", &format!("{options} --overwrite"))).succeeds();
        let whole = begun.elapsed().as_secs_f64();
        let expected = std::fs::read(workshop.path("whole.png")).unwrap();
        // A run that is killed after its end leaves its result.
        let saved = format!("{options} --checkpoint run.checkpoint --checkpoint-every 0 --overwrite");
        let (mut here, checkpoint) = (0, workshop.path("run.checkpoint"));
        while here < 6 {
            let goes_on = std::fs::metadata(&checkpoint).is_ok_and(|file| file.len() > 0);
            let command =
                if goes_on { "resume run.checkpoint".to_owned() } else { arguments("out.png", &saved) };
            let mut child = workshop.command(&command).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(Duration::from_secs_f64(whole * 0.5 * next()));
            child.kill().unwrap();
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            let status = child.wait().unwrap();
            assert_eq!(said, "", "{command}");
            if status.success() {
                // It was done before the signal came.
                assert_eq!(std::fs::read(workshop.path("out.png")).unwrap(), expected, "{options}");
                std::fs::remove_file(workshop.path("out.png")).unwrap();
                continue;
            }
            (here, kills, resumed) = (here + 1, kills + 1, resumed + usize::from(goes_on));
        }
        if std::fs::metadata(&checkpoint).is_ok_and(|file| file.len() > 0) {
            workshop.run("resume run.checkpoint").succeeds();
        } else {
            workshop.run(&arguments("out.png", &saved)).succeeds();
        }
        assert!(std::fs::read(workshop.path("out.png")).unwrap() == expected, "{options}");
        assert!(!checkpoint.exists(), "removed once the result is written");
        std::fs::remove_file(workshop.path("out.png")).unwrap();
    }
    println!("{kills} kills, {resumed} of them of runs that had been resumed");
    assert!(kills >= 20 && resumed >= 6, "{kills} {resumed}");
}

/// Sends SIGINT after some lines of progress; the checkpoint is that of this moment, not of 30 seconds ago.
#[test]
fn a_run_that_is_interrupted_says_how_to_go_on_and_does() {
    let workshop = Workshop::new();
    for (lines, options) in [(3, ""), (50, "--optimizer adam")] {
        let long =
            |out: &str, more: &str| arguments(out, &format!("{options} {more}")).replace("--quiet", "");
        workshop.run(&long("whole.png", "--overwrite")).succeeds();
        let command = long("out.png", "--checkpoint run.checkpoint --json");
        let mut child =
            workshop.command(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        for _ in 0..lines {
            stdout.read_line(&mut line).unwrap();
        }
        assert!(!workshop.path("run.checkpoint").exists());
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(workshop.path("out.png").exists() && workshop.path("run.checkpoint").exists());
        // From another folder, too.
        let file = workshop.path("run.checkpoint");
        let output = Command::new(env!("CARGO_BIN_EXE_impasto")).arg("resume").arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: serde_json::Value =
            serde_json::from_str(String::from_utf8(output.stdout).unwrap().lines().last().unwrap()).unwrap();
        assert_eq!(report["sizes"][0]["iterations"], 40);
        assert_eq!(
            std::fs::read(workshop.path("out.png")).unwrap(),
            std::fs::read(workshop.path("whole.png")).unwrap()
        );
        assert!(!file.exists());
        std::fs::remove_file(workshop.path("out.png")).unwrap();
    }
}

/// A workshop in which a run was interrupted.
fn interrupted() -> Workshop {
    let workshop = Workshop::new();
    let command = arguments("out.png", "--checkpoint run.checkpoint --checkpoint-every 0");
    let mut child = workshop.command(&command).spawn().unwrap();
    // An empty file is the proof that it can be written.
    let length = || std::fs::metadata(workshop.path("run.checkpoint")).map_or(0, |file| file.len());
    while length() == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    workshop
}

#[test]
fn what_a_checkpoint_needs_is_asked_for() {
    let workshop = interrupted();
    let begin = arguments("out.png", "--checkpoint run.checkpoint");
    workshop
        .run(&begin)
        .fails(2, "run.checkpoint is there already; go on with its run by `impasto resume run.checkpoint`");
    workshop.run("resume missing.checkpoint").fails(1, "missing.checkpoint: cannot be read");
    workshop.run("resume style.png").fails(1, "style.png: is no checkpoint of this program");
    let style = std::fs::read(workshop.path("style.png")).unwrap();
    std::fs::copy(workshop.path("content.png"), workshop.path("style.png")).unwrap();
    workshop.run("resume run.checkpoint").fails(1, "was begun with other bytes in style.png");
    std::fs::remove_file(workshop.path("style.png")).unwrap();
    workshop.run("resume run.checkpoint").fails(1, "needs style.png, which cannot be read");
    std::fs::write(workshop.path("style.png"), style).unwrap();
    workshop.run("resume run.checkpoint").succeeds();
    for (options, needle) in [
        ("--checkpoint new.png", "is also the result's file"),
        ("--checkpoint new --log new.csv", "would be begun anew by `impasto resume`"),
        ("--checkpoint new --checkpoint-every -1", "at least 0"),
        ("--checkpoint new --checkpoint-every nan", "at least 0"),
        ("--checkpoint-every 5", "--checkpoint <FILE>"),
        ("--checkpoint content.png", "content.png is there already"),
    ] {
        workshop.run(&arguments("new.png", options)).fails(2, needle);
    }
    workshop
        .run(&arguments("new.png", "--checkpoint missing/run.checkpoint"))
        .fails(1, "missing/run.checkpoint");
}

#[test]
fn damaged_checkpoints_are_refused() {
    let workshop = interrupted();
    let bytes = std::fs::read(workshop.path("run.checkpoint")).unwrap();
    for at in (0..40).map(|k| k * (bytes.len() - 1) / 39) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        std::fs::write(workshop.path("run.checkpoint"), &flipped).unwrap();
        workshop.run("resume run.checkpoint").fails(1, "run.checkpoint: is ");
        std::fs::write(workshop.path("run.checkpoint"), &bytes[..at]).unwrap();
        workshop.run("resume run.checkpoint").fails(1, "run.checkpoint: is ");
    }
    std::fs::write(workshop.path("run.checkpoint"), &bytes).unwrap();
    workshop.run("resume run.checkpoint").succeeds();
}
