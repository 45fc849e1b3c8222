//! Files that cannot be used, and results that cannot be written.

use super::{Workshop, picture};
use impasto::picture::{Format, SaveOptions};

#[test]
fn files_that_are_no_pictures_get_a_sentence() {
    let workshop = Workshop::new();
    let png = std::fs::read(workshop.path("content.png")).unwrap();
    std::fs::write(workshop.path("empty.png"), b"").unwrap();
    std::fs::write(workshop.path("text.png"), b"Dear reader, this is a letter.").unwrap();
    std::fs::write(workshop.path("cut.png"), &png[..40]).unwrap();
    for name in ["missing.png", "empty.png", "text.png", "cut.png", "net.npz", "."] {
        for command in [
            format!("transfer {name} style.png -o out.png --weights net.npz"),
            format!("transfer content.png {name} -o out.png --weights net.npz"),
            format!("texture {name} -o out.png --size 32 --weights net.npz"),
            format!("evaluate --content content.png --style {name} --image content.png --weights net.npz"),
        ] {
            workshop.run(&command).fails(1, "impasto: error: picture ");
        }
        let transfer = "transfer content.png style.png -o out.png --weights net.npz";
        workshop.run(&format!("{transfer} --init ./{name}")).fails(1, name);
    }
    assert!(!workshop.path("out.png").exists());
}

#[test]
fn a_picture_is_recognised_by_its_content() {
    let workshop = Workshop::new();
    let jpeg = picture(32, 24, 4).encode(Format::Jpeg, &SaveOptions::default()).unwrap();
    std::fs::write(workshop.path("really-a-jpeg.png"), jpeg).unwrap();
    let arguments =
        "transfer really-a-jpeg.png style.png -o out.png --size 32 --iterations 1 --weights net.npz";
    workshop.run(arguments).succeeds();
}

#[test]
fn pictures_too_small_or_too_narrow_are_refused() {
    let workshop = Workshop::new();
    picture(1, 1, 1).save(&workshop.path("dot.png"), &SaveOptions::default()).unwrap();
    picture(1, 2000, 1).save(&workshop.path("line.png"), &SaveOptions::default()).unwrap();
    let run =
        |pictures: &str| workshop.run(&format!("transfer {pictures} -o out.png --size 64 --weights net.npz"));
    run("line.png style.png").fails(2, "1x64 pixels cannot be used with");
    run("content.png line.png").fails(2, "for the style, a picture of 1x64 pixels");
    // A dot is resized like any other square.
    run("dot.png style.png --iterations 1").succeeds();
}

#[test]
fn files_that_are_no_networks_get_a_sentence() {
    let workshop = Workshop::new();
    let network = std::fs::read(workshop.path("net.npz")).unwrap();
    std::fs::write(workshop.path("cut.npz"), &network[..network.len() / 2]).unwrap();
    std::fs::write(workshop.path("empty.npz"), b"").unwrap();
    for name in ["missing.npz", "cut.npz", "empty.npz", "style.png", "."] {
        for command in [
            format!("transfer content.png style.png -o out.png --weights {name}"),
            format!("evaluate --content content.png --image content.png --weights {name}"),
            format!("check --weights {name}"),
            format!("bench --weights {name}"),
            format!("weights inspect {name}"),
            format!("weights convert {name} out.npz"),
        ] {
            workshop.run(&command).fails(1, "impasto: error: network ");
        }
    }
    assert!(!workshop.path("out.npz").exists());
}

#[test]
fn outputs_that_cannot_be_written_are_found_out_before_the_work() {
    let workshop = Workshop::new();
    std::fs::create_dir(workshop.path("folder.png")).unwrap();
    let before = workshop.files();
    for (output, needle) in [
        ("nowhere/out.png", "no folder nowhere"),
        ("folder.png", "is a folder"),
        ("out", "no extension"),
        ("out.gif", ".png, .jpg"),
        ("content.png/out.png", "content.png"),
    ] {
        // So many iterations that a check after the work would never be reached.
        let much = "--iterations 1000000 --tolerance 0 --weights net.npz";
        workshop.run(&format!("transfer content.png style.png -o {output} {much}")).fails(1, needle);
        workshop.run(&format!("texture style.png --size 32 -o {output} {much}")).fails(1, needle);
    }
    workshop
        .run("transfer content.png style.png -o out.webp --size 17000 --weights net.npz")
        .fails(1, "16383");
    let evaluate = "evaluate --content content.png --image content.png --weights net.npz --gradient";
    workshop.run(&format!("{evaluate} nowhere/g.npy")).fails(1, "no folder nowhere");
    workshop.run(&format!("{evaluate} g.txt")).fails(1, ".npy");
    workshop.run("weights convert net.npz nowhere/out.npz").fails(1, "nowhere");
    workshop.run("weights convert net.npz out.pth").fails(1, ".npz");
    assert_eq!(workshop.files(), before);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_found_out_before_the_work() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = Workshop::new();
    let folder = workshop.path("locked");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(folder.join("probe"), b"").is_ok() {
        eprintln!("skipped: this user may write into read-only folders");
        return;
    }
    let much = "--iterations 1000000 --tolerance 0 --weights net.npz";
    workshop.run(&format!("transfer content.png style.png -o locked/out.png {much}")).fails(1, "locked");
}

#[test]
fn a_failed_run_leaves_an_existing_output_and_nothing_else() {
    let workshop = Workshop::new();
    std::fs::write(workshop.path("out.png"), b"precious").unwrap();
    let before = workshop.files();
    for arguments in [
        "transfer content.png missing.png -o out.png --weights net.npz",
        "transfer content.png style.png -o out.png --weights net.npz --size 1",
        "transfer content.png style.png -o out.png --weights missing.npz",
    ] {
        assert_ne!(workshop.run(arguments).code, 0);
        assert_eq!(std::fs::read(workshop.path("out.png")).unwrap(), b"precious");
    }
    assert_eq!(workshop.files(), before);
    let paint = "transfer content.png style.png -o out.png --weights net.npz --size 40 --iterations 1";
    workshop.run(paint).fails(1, "output out.png: is there already; give --overwrite to replace it");
    assert_eq!(std::fs::read(workshop.path("out.png")).unwrap(), b"precious");
    workshop.run(&format!("{paint} --overwrite")).succeeds();
    assert!(std::fs::read(workshop.path("out.png")).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(workshop.files(), before);
}
