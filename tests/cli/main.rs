//! The command as a person or a program meets it: what it says, where, and with which exit status.
//!
//! Pictures and networks are made here, tiny, so that every run takes moments.

mod batch;
mod control;
mod frames;
mod guide;
mod inputs;
mod interrupt;
mod numbers;
mod painting;
mod receipts;
mod regions;
mod resume;
mod saving;
mod sheet;
mod style_files;
mod usage;
mod watching;
mod weights_command;
mod words;

use std::path::{Path, PathBuf};
use std::process::Output;

use impasto::picture::{Picture, SaveOptions};
use impasto::weights::{self, Storage};

/// A folder with a content picture, two styles and a small network.
struct Workshop(tempfile::TempDir);

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = weights::random("8,8|12,12", 5).unwrap();
        weights::save(&network, &folder.path().join("net.npz"), Storage::F32).unwrap();
        let workshop = Self(folder);
        picture(40, 30, 1).save(&workshop.path("content.png"), &SaveOptions::default()).unwrap();
        picture(36, 36, 2).save(&workshop.path("style.png"), &SaveOptions::default()).unwrap();
        picture(30, 44, 3).save(&workshop.path("other.jpg"), &SaveOptions::default()).unwrap();
        workshop
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the command in the folder; arguments are split at spaces.
    fn run(&self, arguments: &str) -> Ran {
        let output = self.command(arguments).output().unwrap();
        Ran::new(arguments, output)
    }

    fn command(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.current_dir(self.folder()).args(arguments.split_whitespace());
        command
    }

    /// The names of the files in the folder.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }
}

/// What a run left behind.
struct Ran {
    arguments: String,
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn new(arguments: &str, output: Output) -> Self {
        Self {
            arguments: arguments.to_owned(),
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert_eq!(self.code, 0, "{}: {}", self.arguments, self.stderr);
        self
    }

    /// Fails with this status and one sentence on stderr that contains `needle`, and nothing on stdout.
    #[track_caller]
    fn fails(self, code: i32, needle: &str) {
        let (arguments, stderr) = (&self.arguments, &self.stderr);
        assert_eq!(self.code, code, "{arguments}: {stderr}");
        assert_eq!(self.stdout, "", "{arguments}");
        assert!(stderr.starts_with("impasto: error: "), "{arguments}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments}: {stderr}");
        assert!(stderr.contains(needle), "{arguments}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments}: {stderr}");
    }

    #[track_caller]
    fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// A picture of waves, different for every `kind`.
fn picture(width: usize, height: usize, kind: u32) -> Picture {
    let phase = f64::from(kind);
    let value = |c: usize, y: usize, x: usize| {
        let (x, y, c) = (x as f64, y as f64, c as f64);
        let wave =
            ((x * 0.31 * phase + y * 0.17 + c).sin() + (y * 0.43 - x * 0.11 * phase + 2.0 * c).cos()) / 2.0;
        (0.5 + 0.35 * wave) as f32
    };
    let rgb = (0..3 * width * height)
        .map(|at| value(at / (width * height), at / width % height, at % width))
        .collect();
    Picture::from_rgb(width, height, rgb).unwrap()
}
