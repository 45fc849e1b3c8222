//! `sheet`: small pictures with options varied, as `transfer` paints them.

use super::{Workshop, picture};
use impasto::picture::{Picture, SaveOptions};

const FAST: &str = "--weights net.npz --iterations 4 --tolerance 0 --threads 1 --cell 40";

/// A part of a picture.
fn part(sheet: &Picture, (x, y): (usize, usize), (width, height): (usize, usize)) -> Vec<f32> {
    let at = |c: usize, down: usize, across: usize| {
        sheet.rgb()[(c * sheet.height() + y + down) * sheet.width() + x + across]
    };
    (0..3 * width * height).map(|i| at(i / (width * height), i / width % height, i % width)).collect()
}

#[test]
fn every_cell_is_what_its_command_paints() {
    let workshop = Workshop::new();
    let vary = "--vary content-weight=0.005,0.5 --vary iterations=2;5;9";
    let ran = workshop.run(
        &format!("sheet content.png style.png {vary} -o sheet.png {FAST} --json")
            .replace("--iterations 4", ""),
    );
    let said = ran.succeeds().json_lines().remove(0);
    let cells = said["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    let sheet = Picture::load(&workshop.path("sheet.png")).unwrap();
    // Two columns of 40 px and three rows of 30 px with gaps of 8; 12 px for every line of text.
    assert_eq!((sheet.width(), sheet.height()), (8 + 2 * 48, 8 + 3 * 12 + 3 * (12 + 30 + 8)));
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for cell in cells {
        let number = |key: &str| cell[key].as_u64().unwrap() as usize;
        let run = cell["run"].as_str().unwrap().strip_prefix("impasto ").unwrap();
        workshop.run(&format!("{run} -o one.png --overwrite --quiet")).succeeds();
        let one = Picture::load(&workshop.path("one.png")).unwrap();
        assert_eq!((one.width(), one.height()), (number("width"), number("height")));
        let there = part(&sheet, (number("x"), number("y")), (one.width(), one.height()));
        assert_eq!(there, one.rgb(), "{run}");
        assert!(!seen.contains(&there), "{run}");
        seen.push(there);
    }
    let inspected = workshop.run("inspect sheet.png").succeeds().stdout;
    assert_eq!(inspected.lines().filter(|line| line.starts_with("  impasto transfer ")).count(), 6);
    let json = workshop.run("inspect sheet.png --json").succeeds().json_lines().remove(0);
    assert_eq!(json["cells"], said["cells"]);
}

#[test]
fn several_styles_are_a_direction() {
    let workshop = Workshop::new();
    picture(30, 30, 7).save(&workshop.path("third.png"), &SaveOptions::default()).unwrap();
    let styles = "style.png other.jpg third.png";
    let ran = workshop.run(&format!("sheet content.png {styles} {FAST} --json")).succeeds();
    let cells = ran.json_lines().remove(0)["cells"].clone();
    assert_eq!(cells.as_array().unwrap().len(), 3);
    assert!(cells[1]["label"] == "style other.jpg" && cells[1]["y"] == cells[0]["y"]);
    let sheet = Picture::load(&workshop.path("content--sheet.png")).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (8 + 3 * 48, 8 + 2 * 12 + 30 + 8));
    let ran =
        workshop.run(&format!("sheet content.png {styles} --vary seed=1,2 --init noise -o b.png {FAST}"));
    assert!(ran.succeeds().stderr.contains("6 of 6: seed 2, style third.png"));
}

#[test]
fn what_makes_no_sheet_is_refused_with_the_reason() {
    let workshop = Workshop::new();
    let sheet =
        |options: &str| workshop.run(&format!("sheet content.png style.png -o s.png {FAST} {options}"));
    for (options, needle) in [
        ("", "nothing is varied"),
        ("--vary wobble=1,2", "`wobble` is no setting"),
        ("--vary seed=1,x", "--seed cannot be used"),
        ("--vary content-weight=0.1,-1", "--content-weight"),
        ("--vary style-scale=1,,2", "is empty"),
        ("--vary style-scale", "write one like"),
        ("--vary seed=1 --vary seed=2", "varied twice"),
        ("--vary seed=1 --vary history=2 --vary tolerance=0", "two directions"),
        ("--vary history=2 --size 50", "--cell"),
        ("--vary history=2 --cell 0", "--cell"),
    ] {
        sheet(options).fails(2, needle);
    }
    assert!(!workshop.path("s.png").exists());
    workshop
        .run(&format!("sheet content.png style.png -o content.png {FAST} --vary history=1,2"))
        .fails(2, "is also an input");
}
