//! `weights`: every number that `inspect` prints, what `convert` writes, inputs that are no plain files, outputs that
//! take nothing.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Workshop;

/// The file whose numbers are known, and its SHA-256 as `sha256sum` prints it.
const FIXTURE: &str = "own_metadata.npz";
const SHA256: &str = "d499564818dac0356400dcb1bc82fcdfb13d952f5ff378f7d9ee4f4b64d2bf85";

/// A workshop with that file in it.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/networks/");
    std::fs::copy(format!("{fixtures}{FIXTURE}"), workshop.path(FIXTURE)).unwrap();
    workshop
}

fn inspect(workshop: &Workshop, file: &str) -> Value {
    workshop.run(&format!("weights inspect --json {file}")).succeeds().json_lines().remove(0)
}

#[test]
fn inspect_prints_the_numbers_of_the_file() {
    let line = |name: &str, inputs: usize, outputs: usize, parameters: usize| json!({"name": name, "inputs": inputs, "outputs": outputs, "parameters": parameters});
    let expected = json!({
        "file": FIXTURE,
        "sha256": SHA256,
        "bytes": 3170,
        "name": "tiny",
        "licence": "CC0",
        "description": "a fixture",
        "pooling": "average",
        "padding": "reflect",
        "input_weight": [0.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 0.0],
        "input_bias": [-1.0, -1.0, -1.0],
        // 9·inputs·outputs weights and a bias an output.
        "parameters": 56 + 38 + 57,
        "content_layers": {"conv1_2": 1.0},
        "style_layers": {"relu1_1": 1.0, "relu2_1": 0.5},
        "convolutions": [line("conv1_1", 3, 2, 56), line("conv1_2", 2, 2, 38), line("conv2_1", 2, 3, 57)],
    });
    let workshop = workshop();
    assert_eq!(inspect(&workshop, FIXTURE), expected);
    let table = workshop.run(&format!("weights inspect {FIXTURE}")).succeeds().stdout;
    let expected = format!(
        "file            {FIXTURE} (3170 bytes)
sha256          {SHA256}
name            tiny
licence         CC0
description     a fixture
pooling         average
padding         reflect
content layers  conv1_2:1
style layers    relu1_1:1, relu2_1:0.5
input           0 r +0 g +2 b -1
                0 r +2 g +0 b -1
                2 r +0 g +0 b -1

convolution     inputs  outputs  parameters
conv1_1              3        2          56
conv1_2              2        2          38
conv2_1              2        3          57
all                                     151
"
    );
    assert_eq!(table, expected);
}

/// What weights/README.md says of the embedded network.
#[cfg(feature = "embedded")]
#[test]
fn the_embedded_network_is_the_one_that_is_described() {
    let report = inspect(&Workshop::new(), "");
    let text = include_str!("../../weights/README.md");
    let thousands = |number: &Value| {
        let digits = number.to_string();
        let groups: Vec<_> =
            digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
        groups.join(",")
    };
    for needle in [
        format!("`{}`", report["sha256"].as_str().unwrap()),
        format!(
            "{}, stored as float16: {} bytes",
            thousands(&report["parameters"]),
            thousands(&report["bytes"])
        ),
    ] {
        assert!(text.contains(&needle), "{needle}");
    }
    assert_eq!((&report["file"], &report["padding"]), (&json!("(embedded)"), &json!("reflect")));
}

#[test]
fn a_converted_network_is_the_same_in_half_the_bytes() {
    let workshop = workshop();
    workshop.run("weights convert net.npz half.npz --precision f16").succeeds();
    let (original, half) = (inspect(&workshop, "net.npz"), inspect(&workshop, "half.npz"));
    assert!(half["bytes"].as_u64() < original["bytes"].as_u64());
    assert_ne!(half["sha256"], original["sha256"]);
    assert_eq!(half["convolutions"], original["convolutions"]);
    workshop.run("weights convert net.npz net.npz").fails(2, "also an input");
    workshop.run("weights convert net.npz net.pth").fails(1, "name it so");
}

#[test]
fn what_is_no_file_gets_one_sentence() {
    let workshop = workshop();
    std::fs::create_dir(workshop.path("folder")).unwrap();
    std::fs::write(workshop.path("empty.npz"), "").unwrap();
    let inspect =
        |file: &str, needle: &str| workshop.run(&format!("weights inspect {file}")).fails(1, needle);
    inspect("folder", "network folder: it is a folder");
    inspect("empty.npz", "network empty.npz: it is empty");
    inspect("nothing.npz", "network nothing.npz: there is no such file; check the name");
    #[cfg(target_os = "linux")]
    {
        inspect("/dev/zero", "network /dev/zero: it is a device, not a file");
        inspect("/dev/null", "it is a device, not a file");
        let made = Command::new("mkfifo").arg(workshop.path("fifo")).status().unwrap();
        assert!(made.success());
        inspect("fifo", "network fifo: it is a named pipe");
        let large = std::fs::File::create(workshop.path("large.npz")).unwrap();
        large.set_len((4 << 30) + 1).unwrap();
        inspect("large.npz", "it has 4294967297 bytes; network files of at most 4 GiB are read");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_is_read_like_the_file_behind_it() {
    let workshop = workshop();
    let run = |bytes: &[u8]| {
        let mut command = workshop.command("weights inspect --json /dev/stdin");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The command may stop reading what is no network.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        super::Ran::new("weights inspect /dev/stdin", child.wait_with_output().unwrap())
    };
    let report = run(&std::fs::read(workshop.path(FIXTURE)).unwrap()).succeeds().json_lines().remove(0);
    assert_eq!((&report["sha256"], &report["bytes"]), (&json!(SHA256), &json!(3170)));
    run(&vec![0; 1 << 20]).fails(1, "network /dev/stdin: it is neither .npz nor");
    run(b"").fails(1, "it is empty");
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_nobody_takes_are_an_error() {
    let workshop = workshop();
    let needle = "output (stdout): the results could not be written";
    for arguments in [
        format!("weights inspect {FIXTURE}"),
        format!("weights inspect --json {FIXTURE}"),
        "evaluate --content content.png --image content.png --weights net.npz --json".to_owned(),
        "--help".to_owned(),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = workshop.command(&arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        super::Ran::new(&arguments, output).fails(1, needle);
        // A pipe whose reader is gone.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = workshop.command(&arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        super::Ran::new(&arguments, output).fails(1, needle);
    }
}
