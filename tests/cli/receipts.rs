//! Receipts: what a picture says about its making, and making it again.

use serde_json::{Value, json};

use super::{Workshop, picture};
use impasto::picture::{Picture, SaveOptions, read_metadata};

const FAST: &str = "--weights net.npz --size 40 --iterations 3 --tolerance 0";

fn inspect(workshop: &Workshop, file: &str) -> Value {
    workshop.run(&format!("inspect {file} --json")).succeeds().json_lines().remove(0)
}

#[test]
fn an_evaluation_says_what_the_run_had_reported() {
    let workshop = Workshop::new();
    workshop.run(&format!("transfer content.png style.png -o out.png {FAST}")).succeeds();
    let reported = inspect(&workshop, "out.png")["result"]["loss"].as_f64().unwrap();
    let evaluate = "evaluate --content content.png --style style.png --size 40 --weights net.npz --image";
    let run = workshop.run(&format!("{evaluate} out.png")).succeeds();
    assert!(run.stderr.contains(&format!("reported {reported:.9e}")), "{}", run.stderr);
    let plain = workshop.run(&format!("{evaluate} content.png")).succeeds();
    assert_eq!(plain.stderr, "", "nobody painted it");
}

/// Tiles round otherwise than the whole picture, so the limit that made them belongs to the picture's receipt.
#[test]
fn a_picture_painted_within_a_limit_of_memory_is_repeated_within_it() {
    let workshop = Workshop::new();
    let large = "--weights net.npz --size 160 --coarsest 160 --iterations 2 --tolerance 0";
    let whole = workshop
        .run(&format!("transfer content.png style.png -o out.png {large} --dry-run --json"))
        .succeeds();
    let bytes = whole.json_lines()[0]["memory_bytes"].as_u64().unwrap();
    let limit = format!("{}M", bytes / 1_000_000 - 2);
    workshop
        .run(&format!("transfer content.png style.png -o out.png {large} --max-memory {limit}"))
        .succeeds();
    assert_eq!(inspect(&workshop, "out.png")["settings"]["max-memory"], json!(limit));
    let again = workshop.run("replay out.png --json").succeeds().json_lines().remove(0);
    assert_eq!(again["identical"], true, "{again}");
}

#[test]
fn a_picture_says_what_it_was_made_of_and_how() {
    let workshop = Workshop::new();
    let sha256 = |name: &str| {
        let output = std::process::Command::new("sha256sum").arg(workshop.path(name)).output();
        output.map(|output| String::from_utf8(output.stdout).unwrap()[..64].to_owned())
    };
    for file in ["out.png", "out.jpg", "out.webp", "out.tiff"] {
        let options = "--content-weight 0.1 --colour match --threads 1";
        workshop
            .run(&format!("transfer content.png style.png:weight=2 -o {file} {FAST} {options}"))
            .succeeds();
        let receipt = inspect(&workshop, file);
        assert_eq!(receipt["command"], "transfer");
        let settings = json!({
            "size": "40", "iterations": "3", "tolerance": 0.0, "content-weight": 0.1, "colour": "match"
        });
        assert_eq!(receipt["settings"], settings, "threads change nothing");
        assert_eq!(receipt["styles"], json!(["style.png:weight=2"]));
        assert_eq!(receipt["result"]["stop"], "iterations");
        for (at, name) in [(0, "content.png"), (1, "style.png")] {
            assert_eq!(receipt["inputs"][at]["file"], name);
            if let Ok(expected) = sha256(name) {
                assert_eq!(receipt["inputs"][at]["sha256"], expected);
            }
        }
        let network = workshop.run("weights inspect net.npz --json").succeeds().json_lines().remove(0);
        assert_eq!(receipt["network"]["sha256"], network["sha256"]);
        let table = workshop.run(&format!("inspect {file}")).succeeds().stdout;
        assert!(table.contains("setting    content-weight 0.1\n"), "{table}");
    }
    workshop.run("inspect content.png").fails(1, "picture content.png: has no receipt");
    workshop.run("inspect missing.png").fails(1, "there is no such file");
}

#[test]
fn a_receipt_changes_no_pixel_and_tells_no_time_and_no_folder() {
    let workshop = Workshop::new();
    let content = workshop.path("content.png");
    let paint = |name: &str, options: &str| {
        let content = content.display();
        workshop.run(&format!("transfer {content} style.png -o {name} {FAST} {options}")).succeeds();
        std::fs::read(workshop.path(name)).unwrap()
    };
    let (one, other, bare) =
        (paint("a.png", ""), paint("b.png", "--threads 2"), paint("c.png", "--no-metadata"));
    assert_eq!(one, other);
    assert!(one.len() > bare.len());
    let load = |name: &str| Picture::load(&workshop.path(name)).unwrap();
    assert_eq!(load("a.png"), load("c.png"));
    let document = read_metadata(&workshop.path("a.png")).unwrap().document.unwrap();
    assert!(!document.contains(workshop.folder().to_str().unwrap()), "{document}");
    // What is left without the receipt's chunk are the bytes without metadata.
    let at = one.windows(12).position(|window| window == b"iTXtimpasto\0").unwrap() - 4;
    let length = u32::from_be_bytes(one[at..at + 4].try_into().unwrap()) as usize + 12;
    assert_eq!([&one[..at], &one[at + length..]].concat(), bare);
}

#[test]
fn a_replay_is_identical_or_says_what_differs() {
    let workshop = Workshop::new();
    picture(40, 30, 5).save(&workshop.path("start.png"), &SaveOptions::default()).unwrap();
    for (arguments, file) in [
        ("transfer content.png style.png other.jpg:weight=0.5:scale=0.8", "a.png"),
        ("transfer content.png style.png --init start.png --depth 16", "b.tiff"),
        ("transfer content.png style.png --init noise --seed 4 --compression-quality 60", "c.jpg"),
        ("texture style.png --seed 3", "d.webp"),
    ] {
        workshop.run(&format!("{arguments} -o {file} {FAST}")).succeeds();
        let ran = workshop.run(&format!("replay {file} --quiet")).succeeds();
        assert_eq!(ran.stdout, "identical\n", "{file}");
    }
    // Somewhere else, with the pictures beside it.
    std::fs::create_dir(workshop.path("moved")).unwrap();
    for name in ["a.png", "content.png", "style.png", "other.jpg", "net.npz"] {
        std::fs::rename(workshop.path(name), workshop.path("moved").join(name)).unwrap();
    }
    assert_eq!(workshop.run("replay moved/a.png -q").succeeds().stdout, "identical\n");
    // Another picture of the same name here: the one that was painted is beside the result.
    picture(40, 30, 9).save(&workshop.path("content.png"), &SaveOptions::default()).unwrap();
    assert_eq!(workshop.run("replay moved/a.png -q").succeeds().stdout, "identical\n");
    std::fs::remove_file(workshop.path("content.png")).unwrap();
    // A file that is gone.
    std::fs::rename(workshop.path("moved/content.png"), workshop.path("renamed.png")).unwrap();
    workshop
        .run("replay moved/a.png -q")
        .fails(1, "was painted of content.png (content), which is not found here");
    let given = workshop.run("replay moved/a.png -q --content renamed.png").succeeds();
    assert_eq!(given.stdout, "identical\n");
    // Another content, and the new picture written.
    picture(40, 30, 9).save(&workshop.path("another.png"), &SaveOptions::default()).unwrap();
    let other = workshop.run("replay moved/a.png -q --content another.png -o new.png");
    assert_eq!(other.code, 1);
    assert!(other.stdout.starts_with("different: "), "{}", other.stdout);
    assert!(other.stdout.contains("content another.png has other bytes (sha256 "), "{}", other.stdout);
    assert_eq!(inspect(&workshop, "new.png")["inputs"][0]["file"], "another.png");
    let verdict = workshop.run("replay moved/a.png --json --content another.png").json_lines().remove(0);
    assert_eq!((&verdict["identical"], &verdict["pixels"]["of"]), (&json!(false), &json!(1200)));
    // A pixel changed by hand, the receipt kept.
    let painted = Picture::load(&workshop.path("moved/a.png")).unwrap();
    let document = painted.metadata().document.clone().unwrap();
    let mut rgb = painted.rgb().to_vec();
    rgb[7] = 1.0 - rgb[7];
    let touched = Picture::from_rgb(40, 30, rgb).unwrap();
    touched.save(&workshop.path("moved/touched.png"), &SaveOptions::default().document(document)).unwrap();
    let ran = workshop.run("replay moved/touched.png -q --content renamed.png");
    assert!(ran.code == 1 && ran.stdout.starts_with("different: 1 of 1200 pixels"), "{}", ran.stdout);
    workshop.run("replay renamed.png").fails(1, "has no receipt");
}

#[test]
fn settings_come_from_a_file_or_a_picture_and_the_command_line_is_above_them() {
    let workshop = Workshop::new();
    std::fs::write(
        workshop.path("mine.json"),
        r#"{"size": 40, "iterations": "3", "tolerance": 0, "seed": null}"#,
    )
    .unwrap();
    let paint = |name: &str, options: &str| {
        let arguments = format!("transfer content.png style.png -o {name} --weights net.npz {options}");
        workshop.run(&arguments).succeeds();
        inspect(&workshop, name)["settings"].clone()
    };
    let by_flags = paint("a.png", "--size 40 --iterations 3 --tolerance 0");
    assert_eq!(paint("b.png", "--settings mine.json"), by_flags);
    assert_eq!(paint("c.png", "--settings a.png"), by_flags);
    let over = paint("d.png", "--settings mine.json --size 32 --content-weight 0.5");
    assert_eq!(
        (&over["size"], &over["iterations"], &over["content-weight"]),
        (&json!("32"), &json!("3"), &json!(0.5))
    );
    let receipt = workshop.run("inspect a.png --json").succeeds().stdout;
    std::fs::write(workshop.path("receipt.json"), receipt).unwrap();
    assert_eq!(paint("e.png", "--settings receipt.json"), by_flags);
    for (text, needle) in [
        (r#"{"size": 40, "sizze": 50}"#, "`sizze` is no setting"),
        (r#"{"size": "big"}"#, "--size cannot be used"),
        (r#"{"seed": "many"}"#, "--seed cannot be used"),
        (r#"{"size": 40"#, "is no JSON"),
        ("[1, 2]", "holds no object"),
        ("size 40", "is neither JSON nor a picture"),
    ] {
        std::fs::write(workshop.path("bad.json"), text).unwrap();
        workshop
            .run("transfer content.png style.png -o x.png --weights net.npz --settings bad.json")
            .fails(1, needle);
    }
    workshop
        .run("transfer content.png style.png -o x.png --settings none.json")
        .fails(1, "there is no such file");
}
