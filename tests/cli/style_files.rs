//! `style save` and `style inspect`: the picture that a style file makes is the picture of its paintings.

use super::Workshop;

const FAST: &str = "--weights net.npz --iterations 3 --tolerance 0 --quiet --no-receipt --overwrite";

#[test]
fn a_style_file_makes_the_bytes_of_its_paintings() {
    let workshop = Workshop::new();
    let ran = workshop
        .run("style save style.png other.jpg:weight=0.5 -o two.style --weights net.npz --size 40,24")
        .succeeds();
    assert!(ran.stderr.lines().last().unwrap().starts_with("wrote two.style ("), "{}", ran.stderr);
    for size in [24, 40] {
        let paint = |styles: &str| {
            workshop
                .run(&format!("transfer content.png {styles} -o out.png --size {size} {FAST}"))
                .succeeds();
            std::fs::read(workshop.path("out.png")).unwrap()
        };
        assert_eq!(paint("two.style"), paint("style.png other.jpg:weight=0.5"), "{size}");
        let texture = |styles: &str| {
            workshop.run(&format!("texture {styles} -o out.png --size {size}x20 {FAST}")).succeeds();
            std::fs::read(workshop.path("out.png")).unwrap()
        };
        assert_eq!(texture("two.style"), texture("style.png other.jpg:weight=0.5"), "{size}");
    }
    let ran = workshop.run("style inspect two.style").succeeds();
    assert_eq!(ran.stdout, "pictures   style.png, other.jpg\nstatistic  gram\nsizes      24, 40\n");
    let report = workshop.run("style inspect two.style --json").succeeds().json_lines().pop().unwrap();
    assert_eq!(report["sizes"], serde_json::json!([24, 40]));
}

#[test]
fn what_cannot_be_saved_or_used_is_refused() {
    let workshop = Workshop::new();
    workshop.run("style save style.png -o one.style --weights net.npz --size 24 --quiet").succeeds();
    let save = |arguments: &str| workshop.run(&format!("style save {arguments} --weights net.npz"));
    save("one.style -o two.style").fails(1, "one.style: is a style file already");
    save("style.png:scale=2 -o two.style").fails(2, "`scale` is said where the file is used");
    save("style.png -o style.png").fails(2, "style.png is also an input");
    save("style.png -o two.style --size 0").fails(2, "0 was given");
    save("style.png -o two.style --style-blend 1,2").fails(2, "2 weights were given for 1 style");
    save("missing.png -o two.style").fails(1, "missing.png");
    save("style.png -o missing/two.style").fails(1, "missing/two.style");
    assert!(!workshop.path("two.style").exists());
    let paint =
        |arguments: &str| workshop.run(&format!("transfer content.png -o out.png {FAST} {arguments}"));
    paint("one.style --size 40").fails(1, "one.style: was saved for results whose styles have 24 px");
    paint("one.style --size 24 --colour content")
        .fails(1, "one.style: has no picture whose colours --colour content");
    paint("one.style:mask=content.png --size 24").fails(1, "one.style: has no picture of which a part");
    paint("one.style:mask=alpha --size 24").fails(2, "no alpha");
    workshop.run("style inspect style.png").fails(1, "style.png: is no style file");
}
