//! `batch`: many pictures, some of them bad, some done, some begun by a process that was killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{Ran, Workshop, picture};
use impasto::picture::{Picture, SaveOptions};

const FAST: &str = "--weights net.npz --size 40 --iterations 3 --tolerance 0 --threads 1";

/// Contents `c0.png` … in `photos`, styles `s0.png` … in `paintings`.
fn workshop(contents: u32, styles: u32) -> Workshop {
    let workshop = Workshop::new();
    for (folder, letter, count) in [("photos", 'c', contents), ("paintings", 's', styles)] {
        std::fs::create_dir(workshop.path(folder)).unwrap();
        for kind in 0..count {
            let file = workshop.path(&format!("{folder}/{letter}{kind}.png"));
            picture(40, 30, kind + 1).save(&file, &SaveOptions::default()).unwrap();
        }
    }
    workshop
}

fn batch(options: &str) -> String {
    format!("batch --contents photos --styles paintings --out out {FAST} {options}")
}

/// The finished pictures of a folder, by name.
fn results(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The object of every picture, and the summary.
#[track_caller]
fn told(ran: &Ran) -> (Vec<Value>, Value) {
    let mut lines = ran.json_lines();
    let summary = lines.pop().unwrap();
    (lines, summary)
}

/// Painted, skipped, failed.
#[track_caller]
fn counts(ran: &Ran) -> [u64; 3] {
    let (lines, summary) = told(ran);
    let counts = ["painted", "skipped", "failed"].map(|key| summary[key].as_u64().unwrap());
    let listed = ["painted", "skipped", "failed"]
        .map(|status| lines.iter().filter(|line| line["status"] == status).count() as u64);
    assert_eq!(counts, listed);
    counts
}

#[test]
fn every_content_is_painted_in_every_style_as_transfer_paints_it_and_then_left_alone() {
    let workshop = workshop(3, 2);
    let ran = workshop.run(&batch("--json --quiet")).succeeds();
    assert_eq!(counts(&ran), [6, 0, 0]);
    assert_eq!(results(&workshop.path("out")).len(), 6);
    for (content, style) in [(0, 0), (2, 0), (1, 1)] {
        let pair = format!("photos/c{content}.png paintings/s{style}.png");
        workshop.run(&format!("transfer {pair} -o one.png --overwrite {FAST}")).succeeds();
        let many = workshop.path(&format!("out/c{content}--s{style}.png"));
        assert_eq!(std::fs::read(many).unwrap(), std::fs::read(workshop.path("one.png")).unwrap());
    }
    let times = || -> Vec<_> {
        let files = results(&workshop.path("out"));
        let time = |name: &String| workshop.path(&format!("out/{name}")).metadata().unwrap().modified();
        files.iter().map(|name| time(name).unwrap()).collect()
    };
    let before = times();
    assert_eq!(counts(&workshop.run(&batch("--json")).succeeds()), [0, 6, 0]);
    // Threads and pictures at once change nothing, and neither does another folder to stand in.
    assert_eq!(
        counts(&workshop.run(&batch("--json --jobs 1").replace("--threads 1", "")).succeeds()),
        [0, 6, 0]
    );
    assert_eq!(before, times());
    let ran = workshop.run(&batch("")).succeeds();
    assert!(ran.stderr.contains("6 pictures: 0 painted, 6 were done already, 0 failed"), "{}", ran.stderr);
}

#[test]
fn what_is_there_and_was_made_otherwise_is_replaced_only_when_that_is_said() {
    let workshop = workshop(2, 1);
    workshop.run(&batch("")).succeeds();
    let other = batch("--json --content-weight 0.3");
    let ran = workshop.run(&other);
    assert_eq!((ran.code, counts(&ran)), (1, [0, 0, 2]));
    let (lines, _) = told(&ran);
    let error = lines[0]["error"].as_str().unwrap();
    assert!(error.contains("--content-weight was another; give --overwrite"), "{error}");
    assert_eq!(counts(&workshop.run(&format!("{other} --overwrite")).succeeds()), [2, 0, 0]);
    assert_eq!(counts(&workshop.run(&format!("{other} --overwrite")).succeeds()), [0, 2, 0]);
    // The same name with other bytes is another picture.
    picture(40, 30, 9).save(&workshop.path("photos/c1.png"), &SaveOptions::default()).unwrap();
    let ran = workshop.run(&other);
    assert_eq!((ran.code, counts(&ran)), (1, [0, 1, 1]));
    // And what this program did not make stays.
    picture(40, 30, 9).save(&workshop.path("out/c0--s0.png"), &SaveOptions::default()).unwrap();
    let ran = workshop.run(&other);
    assert_eq!((ran.code, counts(&ran)), (1, [0, 0, 2]));
}

#[test]
fn a_bad_file_does_not_stop_the_others() {
    let workshop = workshop(3, 2);
    std::fs::write(workshop.path("photos/c1.png"), "no picture").unwrap();
    let ran = workshop.run(&batch(""));
    assert_eq!(ran.code, 1);
    assert_eq!(results(&workshop.path("out")).len(), 4);
    let errors: Vec<&str> =
        ran.stderr.lines().filter(|line| line.starts_with("impasto: error: photos/c1.png in ")).collect();
    assert_eq!(errors.len(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("4 painted, 0 were done already, 2 failed"), "{}", ran.stderr);
    picture(40, 30, 2).save(&workshop.path("photos/c1.png"), &SaveOptions::default()).unwrap();
    assert_eq!(counts(&workshop.run(&batch("--json")).succeeds()), [2, 4, 0]);
}

#[test]
fn shards_are_all_pictures_and_none_twice() {
    let workshop = workshop(5, 2);
    let mut painted = Vec::new();
    for shard in 1..=3 {
        let ran = workshop.run(&batch(&format!("--json --shard {shard}/3"))).succeeds();
        let (lines, _) = told(&ran);
        painted.extend(lines.iter().map(|line| line["output"].as_str().unwrap().to_owned()));
    }
    assert_eq!((painted.len(), painted.iter().collect::<BTreeSet<_>>().len()), (10, 10));
    assert_eq!(results(&workshop.path("out")).len(), 10);
    let slurm = |id: &str| {
        let mut command = workshop.command(&batch("--json --shard auto"));
        command.env("SLURM_ARRAY_TASK_COUNT", "3").env("SLURM_ARRAY_TASK_MIN", "1");
        Ran::new("--shard auto", command.env("SLURM_ARRAY_TASK_ID", id).output().unwrap())
    };
    assert_eq!(["1", "2", "3"].map(|id| counts(&slurm(id).succeeds())[1]).iter().sum::<u64>(), 10);
    slurm("4").fails(2, "--shard");
    workshop.run(&batch("--shard 4/3")).fails(2, "I/N");
}

#[test]
fn several_at_once_make_the_same_bytes() {
    let workshop = workshop(4, 2);
    workshop.run(&batch("")).succeeds();
    let at_once = batch("--jobs 2").replace("--out out", "--out two").replace("--threads 1", "--threads 2");
    workshop.run(&at_once).succeeds();
    assert_eq!(results(&workshop.path("two")), results(&workshop.path("out")));
    for name in results(&workshop.path("out")) {
        let read = |folder: &str| std::fs::read(workshop.path(&format!("{folder}/{name}"))).unwrap();
        assert_eq!(read("out"), read("two"), "{name}");
    }
}

#[test]
fn a_batch_that_is_killed_again_and_again_ends_with_all_pictures() {
    let workshop = workshop(4, 2);
    let slow = batch("")
        .replace("--size 40 --iterations 3", "--size 96 --iterations 20")
        .replace("--out out", "-o out");
    workshop.run(&slow.replace("-o out", "-o whole")).succeeds();
    let (mut kills, mut grown) = (0, 0);
    for wait in [60, 150, 90, 240, 120, 300, 60, 200] {
        let before = results(&workshop.path("out")).len();
        let mut child = workshop.command(&slow).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
        // Whatever has its name is whole.
        let pictures: Vec<String> =
            results(&workshop.path("out")).into_iter().filter(|name| !name.starts_with('.')).collect();
        for name in &pictures {
            Picture::load(&workshop.path(&format!("out/{name}"))).unwrap();
        }
        grown += usize::from(pictures.len() > before);
    }
    println!("{kills} kills, {grown} of them after a picture was finished");
    assert!(kills > 0);
    workshop.run(&slow).succeeds();
    assert_eq!(results(&workshop.path("out")), results(&workshop.path("whole")));
    for name in results(&workshop.path("whole")) {
        let read = |folder: &str| std::fs::read(workshop.path(&format!("{folder}/{name}"))).unwrap();
        assert_eq!(read("out"), read("whole"), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_batch_says_so_and_goes_on() {
    let workshop = workshop(4, 2);
    let slow = batch("--json").replace("--size 40 --iterations 3", "--size 96 --iterations 30");
    let child = workshop.command(&slow).stdout(std::process::Stdio::piped()).spawn().unwrap();
    while results(&workshop.path("out")).is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
    let ran = Ran::new(&slow, child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130);
    let (lines, summary) = told(&ran);
    let painted = summary["painted"].as_u64().unwrap();
    assert!(summary["interrupted"] == true && painted < 8);
    // None if the signal came between two pictures.
    assert!(lines.iter().filter(|line| line["status"] == "interrupted").count() <= 1);
    assert_eq!(counts(&workshop.run(&slow).succeeds()), [8 - painted, painted, 0]);
}

#[test]
fn a_jobs_file_says_what_is_painted() {
    let workshop = workshop(2, 2);
    let csv = "content,style,seed,init,content-weight,output\n\
               photos/c0.png,paintings/s0.png,,,0.1,\n\
               photos/c1.png,paintings/s0.png; paintings/s1.png:weight=2,3,noise,,named.jpg\n";
    let json = "{\"content\": \"photos/c0.png\", \"style\": \"paintings/s0.png\", \"content-weight\": 0.1}\n\
                {\"content\": \"photos/c1.png\", \"style\": [\"paintings/s0.png\", \"paintings/s1.png:weight=2\"], \
                \"seed\": 3, \"init\": \"noise\", \"output\": \"named.jpg\"}\n";
    std::fs::write(workshop.path("jobs.csv"), csv).unwrap();
    std::fs::write(workshop.path("jobs.jsonl"), json).unwrap();
    let jobs = |file: &str| format!("batch --jobs-file {file} --out out {FAST} --json");
    assert_eq!(counts(&workshop.run(&jobs("jobs.csv")).succeeds()), [2, 0, 0]);
    assert_eq!(counts(&workshop.run(&jobs("jobs.jsonl")).succeeds()), [0, 2, 0], "they say the same");
    let receipt =
        |file: &str| workshop.run(&format!("inspect {file} --json")).succeeds().json_lines().remove(0);
    assert_eq!(receipt("out/c0--s0.png")["settings"]["content-weight"], 0.1);
    assert_eq!(receipt("named.jpg")["settings"]["seed"], 3);
    assert_eq!(receipt("named.jpg")["inputs"].as_array().unwrap().len(), 3);
    for (text, needle) in [
        ("content,style,sise\na,b,3\n", "line 2: `sise` is no setting"),
        ("content,style,seed\na,b,x\n", "line 2: --seed cannot be used"),
        ("content,style\n", "no row"),
        ("content,style\na\n", "CSV"),
    ] {
        std::fs::write(workshop.path("bad.csv"), text).unwrap();
        workshop.run(&jobs("bad.csv")).fails(1, needle);
    }
    workshop.run(&jobs("missing.csv")).fails(1, "missing.csv");
}

#[test]
fn what_makes_no_batch_is_refused_before_anything_is_painted() {
    let workshop = workshop(2, 1);
    std::fs::copy(workshop.path("photos/c0.png"), workshop.path("photos/c0.bmp")).unwrap();
    workshop.run(&batch("")).fails(1, "out/c0--s0.png: is where both photos/c0.bmp");
    std::fs::remove_file(workshop.path("photos/c0.bmp")).unwrap();
    for (options, code, needle) in [
        ("--no-receipt", 2, "--no-receipt"),
        ("--format bmp", 1, "receipt"),
        ("--jobs 0", 2, "--jobs"),
        ("--content-weight -1", 2, "--content-weight"),
        ("--time -3s", 2, "--time"),
        ("--styles nothing", 2, "nothing"),
        ("--styles nothing/*.png", 2, "nothing/*.png has no pictures"),
    ] {
        workshop.run(&batch(options)).fails(code, needle);
    }
    assert!(!workshop.path("out").exists());
    workshop.run("batch --contents photos --out out").fails(2, "");
    workshop.run(&batch("").replace("--out out", "-o -")).fails(2, "stdout");
}
