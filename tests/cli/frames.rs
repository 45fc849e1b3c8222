//! `frames`: a sequence in its order, stopped and gone on with.

use super::{Workshop, picture};
use impasto::picture::{Picture, SaveOptions};

const FAST: &str =
    "--weights net.npz --size 40 --coarsest 20 --iterations 3 --frame-iterations 3 --tolerance 0 --threads 1";

/// Frames of a picture that moves, `film/f8.png` to `film/f11.png`.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("film")).unwrap();
    for k in 8..12 {
        let whole = picture(60, 30, 1);
        let moved = |at: usize| {
            let (x, y, c) = (at % 40, at / 40 % 30, at / 1200);
            whole.rgb()[c * 1800 + y * 60 + x + (k - 8)]
        };
        let frame = Picture::from_rgb(40, 30, (0..3600).map(moved).collect()).unwrap();
        frame.save(&workshop.path(&format!("film/f{k}.png")), &SaveOptions::default()).unwrap();
    }
    workshop
}

fn frames(options: &str) -> String {
    format!("frames film style.png -o out {FAST} {options}")
}

#[test]
fn a_sequence_that_goes_on_has_the_bytes_of_one_that_never_stopped() {
    let workshop = workshop();
    let ran = workshop.run(&frames("--json")).succeeds();
    let lines = ran.json_lines();
    let outputs: Vec<&str> = lines[..4].iter().map(|line| line["output"].as_str().unwrap()).collect();
    assert_eq!(outputs, ["out/f8.png", "out/f9.png", "out/f10.png", "out/f11.png"]);
    assert_eq!((lines[4]["painted"].as_u64(), lines[4]["skipped"].as_u64()), (Some(4), Some(0)));
    assert_eq!(lines[1]["sizes"].as_array().unwrap().len(), 2);
    let bytes = || -> Vec<Vec<u8>> {
        (8..12).map(|k| std::fs::read(workshop.path(&format!("out/f{k}.png"))).unwrap()).collect()
    };
    let whole = bytes();
    // The first is what `transfer` paints, but for its receipt.
    workshop
        .run(&format!(
            "transfer film/f8.png style.png -o one.png {}",
            FAST.replace("--frame-iterations 3", "")
        ))
        .succeeds();
    assert_eq!(
        Picture::load(&workshop.path("one.png")).unwrap(),
        Picture::load(&workshop.path("out/f8.png"))
            .unwrap()
            .with_metadata(Picture::load(&workshop.path("one.png")).unwrap().metadata().clone())
    );
    for k in [10, 11] {
        std::fs::remove_file(workshop.path(&format!("out/f{k}.png"))).unwrap();
    }
    let summary = workshop.run(&frames("--json")).succeeds().json_lines().pop().unwrap();
    assert_eq!((summary["painted"].as_u64(), summary["skipped"].as_u64()), (Some(2), Some(2)));
    assert!(bytes() == whole, "what is gone on with is the same");
}

#[test]
fn what_was_made_otherwise_or_cannot_be_read_stops_the_sequence_and_is_named() {
    let workshop = workshop();
    workshop.run(&frames("--quiet")).succeeds();
    let ran = workshop.run(&frames("--temporal-weight 3"));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("frame 1: output out/f8.png: is there already"), "{}", ran.stderr);
    workshop.run(&frames("--temporal-weight 3 --overwrite")).succeeds();
    std::fs::write(workshop.path("film/f10.png"), "no picture").unwrap();
    let ran = workshop.run(&frames("--temporal-weight 3"));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("film/f10.png") && ran.stderr.contains("frame 3"), "{}", ran.stderr);
    std::fs::remove_dir_all(workshop.path("out")).unwrap();
    picture(30, 40, 1).save(&workshop.path("film/f10.png"), &SaveOptions::default()).unwrap();
    let ran = workshop.run(&frames(""));
    assert!(
        ran.code == 1 && ran.stderr.contains("frame 3") && ran.stderr.contains("frames of one size"),
        "{}",
        ran.stderr
    );
    assert!(workshop.path("out/f9.png").exists() && !workshop.path("out/f11.png").exists());
}

#[test]
fn what_a_sequence_cannot_have_is_refused() {
    let workshop = workshop();
    workshop.run(&frames("--method strokes")).fails(2, "--method: strokes has no temporal term");
    workshop.run(&frames("--no-receipt")).fails(2, "receipt");
    workshop.run(&frames("--temporal-weight=-1")).fails(2, "--temporal-weight: -1 cannot be a weight");
    workshop.run("frames nothing style.png -o out").fails(1, "nothing");
    workshop.run(&format!("frames film style.png -o film {FAST}")).fails(2, "film/f8.png");
    std::fs::create_dir(workshop.path("empty")).unwrap();
    workshop.run("frames empty style.png -o out").fails(1, "has no pictures");
}

#[test]
fn pictures_of_one_colour_are_told() {
    let workshop = Workshop::new();
    Picture::uniform(40, 30, [0.5; 3])
        .unwrap()
        .save(&workshop.path("grey.png"), &SaveOptions::default())
        .unwrap();
    let ran = workshop
        .run("transfer content.png grey.png -o x.png --weights net.npz --size 40 --iterations 2 --json");
    let last = ran.succeeds().json_lines().pop().unwrap();
    let told = last["warnings"].as_array().unwrap().iter().any(|warning| {
        warning["kind"] == "flat"
            && warning["about"] == "grey.png"
            && warning["message"].as_str().unwrap().contains("no style in it")
    });
    assert!(told, "{last}");
    let ran = workshop.run("transfer grey.png style.png -o y.png --weights net.npz --size 40 --iterations 2");
    assert!(ran.succeeds().stderr.contains("grey.png: has one colour only"));
}
