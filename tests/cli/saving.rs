//! Where results go: streams, folders, patterns, names that are made, files that are there already; what is kept of the
//! content's metadata; and that finished work is never lost.

use std::io::Write;
use std::process::Stdio;

use super::{Workshop, picture};
use impasto::picture::{Depth, Picture, SaveOptions};

const FAST: &str = "--weights net.npz --size 40 --iterations 2 --tolerance 0";

/// Runs the command with `input` as stdin; its stdout is not text.
fn piped(workshop: &Workshop, arguments: &str, input: &[u8]) -> std::process::Output {
    let mut command = workshop.command(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[test]
fn pictures_come_from_stdin_and_go_to_stdout() {
    let workshop = Workshop::new();
    let read = |name: &str| std::fs::read(workshop.path(name)).unwrap();
    workshop.run(&format!("transfer content.png style.png -o out.png --no-receipt {FAST}")).succeeds();
    let content =
        piped(&workshop, &format!("transfer - style.png -o - --no-receipt {FAST}"), &read("content.png"));
    assert!(content.status.success());
    assert!(content.stdout == read("out.png"), "the same bytes as through files");
    let style =
        piped(&workshop, &format!("transfer content.png - -o - --format jpeg {FAST}"), &read("style.png"));
    assert!(style.status.success(), "{}", String::from_utf8_lossy(&style.stderr));
    assert!(style.stdout.starts_with(b"\xFF\xD8\xFF"), "a JPEG");
    for (arguments, needle) in [
        (format!("transfer - - -o out2.png {FAST}"), "stdin (-) can be read once"),
        (format!("transfer - style.png {FAST}"), "--output: say where the result goes"),
        (format!("transfer - style.png -o - --json {FAST}"), "--json: stdout is taken by the picture"),
    ] {
        let ran = super::Ran::new(&arguments, piped(&workshop, &arguments, &read("content.png")));
        ran.fails(2, needle);
    }
    let empty = piped(&workshop, &format!("transfer - style.png -o out2.png {FAST}"), b"");
    super::Ran::new("empty stdin", empty).fails(1, "picture (stdin): the file is empty");
}

#[test]
fn names_are_made_and_nothing_is_overwritten_unasked() {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("out")).unwrap();
    std::fs::create_dir(workshop.path("photos")).unwrap();
    std::fs::copy(workshop.path("content.png"), workshop.path("photos/view.png")).unwrap();
    for (arguments, made) in [
        ("transfer photos/view.png style.png", "photos/view--style.png"),
        ("transfer photos/view.png style.png --format webp", "photos/view--style.webp"),
        ("transfer content.png style.png other.jpg -o out", "out/content--style+other.png"),
        ("transfer content.png style.png -o out/", "out/content--style.png"),
        ("transfer content.png style.png -o {style}-{content}.tiff", "style-content.tiff"),
        ("transfer content.png style.png -o bare --format bmp", "bare"),
        ("texture style.png", "style--texture.png"),
    ] {
        let ran = workshop.run(&format!("{arguments} {FAST}")).succeeds();
        assert!(ran.stderr.lines().last().unwrap().starts_with(&format!("wrote {made} (")), "{}", ran.stderr);
        assert!(Picture::load(&workshop.path(made)).is_ok(), "{made}");
        workshop.run(&format!("{arguments} {FAST}")).fails(1, "is there already; give --overwrite");
        workshop.run(&format!("{arguments} {FAST} --overwrite")).succeeds();
    }
    let before = workshop.files();
    for (arguments, code, needle) in [
        ("-o content.png --overwrite", 2, "content.png is also an input"),
        ("-o x.png --format jpeg", 2, "JPEG was asked for, but x.png is named like a PNG"),
        ("-o {contents}.png", 2, "use {content} and {style}"),
        ("-o nowhere/", 1, "there is no folder nowhere"),
        ("-o new.png/", 1, "is the name of a folder"),
    ] {
        workshop.run(&format!("transfer content.png style.png {arguments} {FAST}")).fails(code, needle);
    }
    assert_eq!(workshop.files(), before);
}

#[test]
fn several_files_are_told_apart_on_stderr() {
    let workshop = Workshop::new();
    let ran = workshop.run(&format!("transfer content.png style.png other.jpg:weight=2 -o out.png {FAST}"));
    let said = ran.succeeds().stderr;
    assert!(said.contains("content content.png, styles style.png, other.jpg:weight=2\n"), "{said}");
    let one = workshop.run(&format!("transfer content.png style.png -o one.png {FAST}")).succeeds();
    assert!(!one.stderr.contains("content content.png"), "{}", one.stderr);
}

#[test]
fn options_of_a_format_are_used_or_refused() {
    let workshop = Workshop::new();
    let size = |options: &str, name: &str| {
        workshop.run(&format!("transfer content.png style.png -o {name} {FAST} {options}")).succeeds();
        std::fs::metadata(workshop.path(name)).unwrap().len()
    };
    assert!(size("--compression-quality 30", "low.jpg") < size("--compression-quality 100", "high.jpg"));
    size("--progressive", "progressive.jpg");
    let progressive = std::fs::read(workshop.path("progressive.jpg")).unwrap();
    assert!(progressive.windows(2).any(|marker| marker == [0xFF, 0xC2]), "the marker of a progressive frame");
    size("--depth 16 --lossless", "deep.png");
    assert_eq!(Picture::load(&workshop.path("deep.png")).unwrap().depth(), Depth::Sixteen);
    for (options, needle) in [
        ("-o a.png --compression-quality 90", "--compression-quality: PNG is written without loss"),
        ("-o a.jpg --compression-quality 0", "--compression-quality: 0 came"),
        ("-o a.jpg --depth 16", "--depth: JPEG has 8 bits"),
        ("-o a.png --depth 12", "give 8 or 16"),
        ("-o a.png --progressive", "--progressive: only JPEG"),
        ("-o a.jpg --lossless", "--lossless: JPEG always loses"),
        ("-o a.png --keep-metadata some", "usual, all, none"),
        ("-o a.png --keep-metadata all --no-metadata", "--no-metadata"),
    ] {
        workshop.run(&format!("transfer content.png style.png {options} {FAST}")).fails(2, needle);
    }
}

#[test]
fn what_a_format_cannot_keep_is_told() {
    let workshop = Workshop::new();
    let glass: Vec<u8> = (0..40 * 30 * 4).map(|at| (at * 7 % 251) as u8).collect();
    let glass = Picture::from_rgba8(40, 30, &glass).unwrap().with_depth(Depth::Sixteen);
    glass.save(&workshop.path("glass.png"), &SaveOptions::default()).unwrap();
    let ran = workshop.run(&format!("transfer glass.png style.png -o out.jpg --json {FAST}")).succeeds();
    let report = ran.json_lines().pop().unwrap();
    let kinds: Vec<&str> =
        report["warnings"].as_array().unwrap().iter().map(|w| w["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["enlarged", "transparency", "depth"]);
    assert!(ran.stderr.contains("impasto: warning: out.jpg: JPEG has no transparency"), "{}", ran.stderr);
}

/// EXIF that says an orientation, a maker and a place.
fn exif() -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x03".to_vec();
    exif.extend(b"\x01\x0F\0\x02\0\0\0\x04Abc\0"); // maker
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"); // turned by 180°
    exif.extend(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x32\0\0\0\0"); // the place, at 50
    exif.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0");
    exif
}

#[test]
fn the_content_s_metadata_go_along_as_asked() {
    let workshop = Workshop::new();
    let mut metadata = impasto::picture::Metadata::default();
    metadata.exif = Some(exif());
    metadata.resolution = Some((300.0, 300.0));
    let content = picture(40, 30, 1).with_metadata(metadata);
    // Kept whole, so that the file has an orientation and a place for the command to deal with.
    let options = SaveOptions::default().metadata(impasto::picture::KeepMetadata::All);
    content.save(&workshop.path("camera.jpg"), &options).unwrap();
    let paint = |options: &str| {
        let name = "out.png";
        let arguments = format!("transfer camera.jpg style.png -o {name} --overwrite {FAST} {options}");
        workshop.run(&arguments).succeeds();
        impasto::picture::read_metadata(&workshop.path(name)).unwrap()
    };
    let has = |exif: &Option<Vec<u8>>, bytes: &[u8]| {
        exif.as_ref().is_some_and(|exif| exif.windows(bytes.len()).any(|window| window == bytes))
    };
    let place = b"\x88\x25\0\x04";
    let usual = paint("");
    assert!(has(&usual.exif, b"Abc\0") && !has(&usual.exif, place));
    assert!(has(&usual.exif, b"\x01\x12\0\x03\0\0\0\x01\0\x01"), "upright");
    assert!((usual.resolution.unwrap().0 - 300.0).abs() < 0.1 && usual.document.is_some());
    let all = paint("--keep-metadata all");
    assert!(has(&all.exif, b"Abc\0") && has(&all.exif, place));
    let none = paint("--keep-metadata none");
    assert!(none.exif.is_none() && none.resolution.is_none() && none.document.is_some());
    let nothing = paint("--no-metadata");
    assert_eq!(nothing, impasto::picture::Metadata::default());
    let no_receipt = paint("--no-receipt");
    assert!(no_receipt.document.is_none() && no_receipt.exif.is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_cannot_get_its_name_is_kept_and_the_place_told() {
    use std::io::{BufRead, BufReader, Read};
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("out")).unwrap();
    let arguments = "transfer content.png style.png -o out/painted.png --weights net.npz --size 200 --json \
                     --iterations 400 --tolerance 0";
    let mut child =
        workshop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    // The folder goes while the work goes on.
    std::fs::remove_dir(workshop.path("out")).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("impasto: error: output out/painted.png: cannot be written"), "{said}");
    let kept = workshop.path("painted-kept.png");
    assert!(said.contains("the finished picture is kept as") && said.contains("painted-kept.png"), "{said}");
    assert_eq!(Picture::load(&kept).unwrap().width(), 200);
}
