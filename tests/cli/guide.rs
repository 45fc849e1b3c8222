//! The guide: every command of docs/guide.md, run as it stands there, with smaller pictures and fewer iterations.

use std::fs;
use std::path::Path;

use super::{Workshop, picture};
use impasto::picture::SaveOptions;

/// The lines of the guide's shell blocks.
fn commands() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide.md");
    let text = fs::read_to_string(file).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// The same at a size at which it takes a moment.
fn quickly(command: &str) -> String {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    for at in 1..words.len() {
        match words[at - 1].as_str() {
            "--size" if words[at].contains('x') => words[at] = "48x48".to_owned(),
            "--size" => words[at] = "40".to_owned(),
            _ => {}
        }
    }
    let paints = ["transfer", "texture", "batch"].contains(&words[0].as_str());
    // `--settings` brings a size along, and a draft its own iterations.
    if paints && !words.iter().any(|word| word == "--size" || word == "--settings") {
        words.extend(["--size", "40"].map(str::to_owned));
    }
    if (paints || words[0] == "sheet")
        && !words.iter().any(|word| word == "--quality" || word == "--settings")
    {
        words.extend(["--iterations", "3"].map(str::to_owned));
    }
    if words[0] == "sheet" {
        words.extend(["--cell", "48"].map(str::to_owned));
    }
    words.join(" ")
}

#[test]
fn every_command_of_the_guide_does_what_it_says() {
    let workshop = Workshop::new();
    let save = |name: &str, kind: u32| {
        let file = workshop.path(name);
        picture(44, 36, kind).save(&file, &SaveOptions::default()).unwrap();
    };
    for folder in ["photos", "paintings"] {
        fs::create_dir(workshop.path(folder)).unwrap();
    }
    for (at, name) in ["photo.jpg", "painting.jpg", "drawing.jpg", "face.png", "sky.png"].iter().enumerate() {
        save(name, at as u32);
    }
    for (at, name) in ["photos/a.jpg", "photos/b.jpg", "paintings/c.jpg"].iter().enumerate() {
        save(name, at as u32);
    }
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    for command in &commands {
        let arguments = command.strip_prefix("impasto ").unwrap_or_else(|| panic!("{command}"));
        workshop.run(&quickly(arguments)).succeeds();
        let words: Vec<&str> = command.split_whitespace().collect();
        let output = words.windows(2).find(|pair| pair[0] == "-o").map(|pair| pair[1]);
        let written = output.is_none_or(|output| workshop.path(output).exists());
        assert_eq!(written, !command.contains("--dry-run"), "{command}");
    }
    assert!(workshop.path("photo--painting.png").exists());
    assert_eq!(fs::read_dir(workshop.path("painted")).unwrap().count(), 2);
}
