//! What a run tells beside its result: before it, while it goes on, and how it ended.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::Workshop;
use impasto::picture::Picture;

const SMALL: &str = "--weights net.npz --size 80 --coarsest 20 --size-step 2 --iterations 5 --tolerance 0";

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let workshop = Workshop::new();
    let before = workshop.files();
    let arguments = format!("transfer content.png style.png -o out.jpg --dry-run {SMALL}");
    let said = workshop.run(&arguments).succeeds().stdout;
    assert!(
        said.starts_with("content content.png, style style.png\nsize 20x15: at most 5 iterations"),
        "{said}"
    );
    assert!(said.contains("MB of memory\nwould write out.jpg (80x60)\n"), "{said}");
    let report = workshop.run(&format!("{arguments} --json")).succeeds().json_lines().remove(0);
    let widths: Vec<_> =
        report["sizes"].as_array().unwrap().iter().map(|size| size["width"].clone()).collect();
    assert_eq!(widths, [20, 40, 80]);
    assert_eq!((&report["iterations"], &report["output"]), (&15.into(), &"out.jpg".into()));
    assert!(report["memory_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    // What is said is what is done.
    let done = workshop.run(&format!("transfer content.png style.png -o out.jpg --json --quiet {SMALL}"));
    let done = done.succeeds().json_lines().remove(0);
    for (size, planned) in done["sizes"].as_array().unwrap().iter().zip(report["sizes"].as_array().unwrap()) {
        assert_eq!(size["width"], planned["width"]);
        assert_eq!(size["iterations"], planned["iterations"]);
    }
    std::fs::remove_file(workshop.path("out.jpg")).unwrap();
    // Everything that a run refuses, a dry run refuses, too.
    for (options, code, needle) in [
        ("--size 0", 2, "--size"),
        ("-o nowhere/a.png", 1, "no folder nowhere"),
        ("-o content.png", 2, "also an input"),
    ] {
        let arguments = format!("transfer content.png style.png --dry-run --weights net.npz {options}");
        workshop.run(&arguments).fails(code, needle);
    }
    assert_eq!(workshop.files(), before);
}

#[test]
fn verbose_runs_say_more() {
    let workshop = Workshop::new();
    let run = |options: &str| {
        let arguments = format!("transfer content.png style.png -o out.png --overwrite {SMALL} {options}");
        workshop.run(&arguments).succeeds().stderr
    };
    let once = run("-v");
    assert!(once.contains("content content.png, style style.png\nnetwork net.npz ("), "{once}");
    assert!(once.contains("size 80x60: at most 5 iterations"), "{once}");
    let twice = run("-vv");
    let iterations: Vec<&str> = twice.lines().filter(|line| line.contains("iteration ")).collect();
    assert_eq!(iterations.len(), 15, "{twice}");
    assert!(iterations.iter().all(|line| line.contains("style relu1_1 ") && line.contains("tv ")), "{twice}");
    workshop.run(&format!("transfer content.png style.png -o out.png -q -v {SMALL}")).fails(2, "--quiet");
}

#[test]
fn a_log_has_every_term_of_every_evaluation() {
    let workshop = Workshop::new();
    let run = |options: &str| {
        let arguments = format!("transfer content.png style.png -o out.png --json -q --overwrite {SMALL}");
        workshop.run(&format!("{arguments} {options}")).succeeds().json_lines().remove(0)
    };
    let report = run("--log log.csv");
    let evaluations = report["evaluations"].as_u64().unwrap() as usize;
    let text = std::fs::read_to_string(workshop.path("log.csv")).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(head[..6], ["evaluation", "size_index", "width", "height", "seconds", "total"]);
    assert!(
        head.contains(&"content_relu2_2") && head.contains(&"style_relu1_1") && head.contains(&"tv"),
        "{head:?}"
    );
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect()).collect();
    assert_eq!(rows.len(), evaluations);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!((row[0] as usize, row.len()), (at + 1, head.len()));
        let sum: f64 = row[6..].iter().sum();
        assert!((sum / row[5] - 1.0).abs() < 1e-9, "{row:?}");
    }
    run("--log log.jsonl");
    let text = std::fs::read_to_string(workshop.path("log.jsonl")).unwrap();
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), evaluations);
    assert_eq!(objects[0]["loss"]["total"].as_f64().unwrap(), rows[0][5], "the same run");
    for (options, code, needle) in [
        ("--log log.txt --overwrite", 1, ".csv or .jsonl"),
        ("--log log.csv", 1, "output log.csv: is there already; give --overwrite"),
        ("--log nowhere/log.csv", 1, "cannot be written"),
    ] {
        let arguments = format!("transfer content.png style.png -o new.png {SMALL} {options}");
        workshop.run(&arguments).fails(code, needle);
    }
    assert!(!workshop.path("new.png").exists());
}

#[test]
fn a_preview_is_there_soon_and_always_whole() {
    let workshop = Workshop::new();
    let arguments = "transfer content.png style.png -o out.png --weights net.npz --size 400 --coarsest 50 --size-step 2 --tolerance 0 \
                     --iterations 30 --preview-file preview.png --json";
    let mut child = workshop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut widths = std::collections::BTreeSet::new();
    let mut line = String::new();
    while stdout.read_line(&mut line).unwrap() > 0 {
        let progress: serde_json::Value = serde_json::from_str(&line).unwrap();
        line.clear();
        // The first line comes after the first preview, and no reader ever sees a part of one.
        let preview = Picture::load(&workshop.path("preview.png")).expect("a whole picture");
        widths.insert(preview.width());
        if progress["iteration"] == 1 && progress["size_index"] == 1 {
            assert_eq!(preview.width(), 50);
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(widths.into_iter().collect::<Vec<_>>(), [50, 100, 200, 400]);
    let other = "transfer content.png style.png -o new.png --weights net.npz --preview-file";
    workshop.run(&format!("{other} nowhere/a.png")).fails(1, "no folder nowhere");
    workshop.run(&format!("{other} a.gif")).fails(1, "'.gif'");
    workshop.run(&format!("{other} preview.png")).fails(1, "is there already");
    workshop.run(&format!("{other} content.png --overwrite")).fails(2, "content.png is also an input");
    workshop.run(&format!("{other} new.png")).fails(2, "new.png is also the result");
}

/// A terminal shows every size in half blocks, each over the one before.
#[cfg(target_os = "linux")]
#[test]
fn a_preview_in_the_terminal_shows_every_size() {
    let workshop = Workshop::new();
    let plain = "transfer content.png style.png -o out.png --weights net.npz --size 64 --coarsest 32 --size-step 2 --iterations 3 \
                 --tolerance 0 --preview";
    workshop.run(plain).fails(2, "stdout is none; use --preview-file");
    workshop.run(&format!("{plain} --json")).fails(2, "--json");
    assert!(!workshop.path("out.png").exists());
    let program = env!("CARGO_BIN_EXE_impasto");
    // Runs in a terminal of its own, if the machine can make one.
    let in_terminal = |command: &str| {
        let mut script = std::process::Command::new("script");
        script.args(["-qec", command, "/dev/null"]).current_dir(workshop.folder()).stdin(Stdio::null());
        script.env("TERM", "xterm-256color").env("COLORTERM", "truecolor").output()
    };
    if !in_terminal("stty cols 60 rows 20").is_ok_and(|output| output.status.success()) {
        return eprintln!(
            "a_preview_in_the_terminal_shows_every_size: skipped, no terminal can be made with 'script'"
        );
    }
    let output = in_terminal(&format!("stty cols 60 rows 20; exec {program} {plain}")).unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && workshop.path("out.png").exists(), "{shown}");
    let back: Vec<usize> = shown
        .match_indices("\x1b[")
        .filter_map(|(at, _)| shown[at + 2..].split_once('F').and_then(|(count, _)| count.parse().ok()))
        .collect();
    assert_eq!(back, [17], "two sizes, each over the one before");
    assert_eq!(shown.matches('▀').count(), 2 * 17 * 45);
    // -vv writes lines between two pictures, so that none covers another.
    let output =
        in_terminal(&format!("stty cols 60 rows 20; exec {program} {plain} -vv --overwrite")).unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.matches('▀').count() == 2 * 17 * 45 && !shown.contains("\x1b[17F"), "{shown}");
    // A run that was begun in a terminal goes on without one.
    let long = plain.replace("out.png", "later.png").replace("--iterations 3", "--iterations 200");
    let begun = format!(
        "{program} {long} --checkpoint run.checkpoint --checkpoint-every 0 & \
         while [ ! -s run.checkpoint ] && kill -0 $!; do :; done; kill -KILL $!; wait"
    );
    in_terminal(&begun).unwrap();
    workshop.run("resume run.checkpoint").succeeds();
    assert!(workshop.path("later.png").exists());
}

#[test]
fn an_unusual_end_and_a_constant_result_are_told() {
    let workshop = Workshop::new();
    let grey = Picture::uniform(40, 30, [0.5; 3]).unwrap();
    for name in ["content.png", "style.png"] {
        grey.save(&workshop.path(name), &Default::default()).unwrap();
    }
    let ran = workshop
        .run("transfer content.png style.png -o out.png --weights net.npz --size 40 --init style.png --json")
        .succeeds();
    let report = ran.json_lines().pop().unwrap();
    let kinds: Vec<&str> =
        report["warnings"].as_array().unwrap().iter().map(|w| w["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"constant"), "{kinds:?}");
    assert!(ran.stderr.contains("impasto: warning: result: is nearly one colour"), "{}", ran.stderr);
    // Steps far too long.
    let waves = Workshop::new();
    let ran = waves.run(
        "transfer content.png style.png -o out.png --weights net.npz --size 40 --optimizer adam --learning-rate 1000 \
         --iterations 200 --json",
    );
    let report = ran.succeeds().json_lines().pop().unwrap();
    let stop = report["sizes"][0]["stop"].as_str().unwrap().to_owned();
    let told = report["warnings"].as_array().unwrap().iter().any(|warning| warning["kind"] == stop.as_str());
    assert_eq!(told, !["iterations", "converged"].contains(&stop.as_str()), "{report}");
}
