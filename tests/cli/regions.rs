//! Where which style is painted and where the content stays: each way to say it is held against what it must change.

use super::Workshop;
use impasto::picture::Picture;

/// Few iterations of a small picture.
const FAST: &str = "--weights net.npz --size 40 --iterations 20 --tolerance 0 --content-weight 0.002";

/// A content of one grey texture, a style whose left half is red and whose right half is blue, and masks of both halves.
fn workshop() -> Workshop {
    let workshop = Workshop::new();
    let save = |name: &str, width: usize, height: usize, value: &dyn Fn(usize, usize, usize) -> f32| {
        let plane = width * height;
        let value = |at: usize| value(at / plane, at / width % height, at % width);
        let picture = Picture::from_rgb(width, height, (0..3 * plane).map(value).collect()).unwrap();
        picture.save(&workshop.path(name), &Default::default()).unwrap();
    };
    let grain = |y: usize, x: usize| 0.15 * ((x as f32 * 1.3).sin() * (y as f32 * 0.9).cos());
    save("content.png", 40, 30, &|_, y, x| 0.5 + grain(y, x));
    save("two.png", 40, 30, &|c, y, x| match (x < 20, c) {
        (true, 0) | (false, 2) => 0.75 + grain(y, x),
        _ => 0.2 + grain(y, x),
    });
    save("left.png", 40, 30, &|_, _, x| if x < 20 { 1.0 } else { 0.0 });
    save("right.png", 40, 30, &|_, _, x| if x < 20 { 0.0 } else { 1.0 });
    save("shade.png", 40, 30, &|_, _, x| x as f32 / 39.0);
    save("black.png", 40, 30, &|_, _, _| 0.0);
    save("tall.png", 20, 60, &|_, _, _| 1.0);
    save("map.png", 40, 30, &|c, _, x| if (c == 0) == (x < 20) { 1.0 } else { 0.0 });
    save("mirrored.png", 40, 30, &|c, _, x| if (c == 0) == (x >= 20) { 1.0 } else { 0.0 });
    save("odd.png", 40, 30, &|c, _, x| if (c == 1) == (x >= 20) { 1.0 } else { 0.0 });
    workshop
}

fn paint(workshop: &Workshop, arguments: &str) -> Picture {
    workshop.run(&format!("transfer content.png {arguments} -o out.png --overwrite {FAST}")).succeeds();
    Picture::load(&workshop.path("out.png")).unwrap()
}

/// How much redder than blue the left half and the right half are.
fn redness(picture: &Picture) -> [f64; 2] {
    let (width, plane) = (picture.width(), picture.width() * picture.height());
    let half = |left: bool| {
        let inside = (0..plane).filter(|at| (at % width < width / 2) == left);
        let sum: f64 = inside.map(|at| f64::from(picture.rgb()[at] - picture.rgb()[2 * plane + at])).sum();
        sum / (plane / 2) as f64
    };
    [half(true), half(false)]
}

#[test]
fn a_guide_takes_each_region_from_its_part_of_the_style() {
    let workshop = workshop();
    let [left, right] =
        redness(&paint(&workshop, "two.png --guide left.png:left.png --guide right.png:right.png"));
    assert!(left > 0.2 && right < -0.2, "{left} {right}");
    let [left, right] =
        redness(&paint(&workshop, "two.png --guide left.png:right.png --guide right.png:left.png"));
    assert!(left < -0.2 && right > 0.2, "{left} {right}");
    let [left, right] = redness(&paint(&workshop, "two.png"));
    assert!((left - right).abs() < 0.1, "no guide, no side: {left} {right}");
    // What no guide covers follows the whole style.
    let [guided, whole] = redness(&paint(&workshop, "two.png --guide left.png:left.png"));
    assert!(guided > left + 0.1 && (whole - right).abs() < 0.2, "{guided} {whole}, without {left} {right}");
}

#[test]
fn a_guide_weighs_and_can_be_said_in_three_ways() {
    let workshop = workshop();
    let guides = paint(&workshop, "two.png --guide right.png:left.png --guide left.png:right.png");
    assert_eq!(paint(&workshop, "two.png --guide-map map.png:mirrored.png"), guides);
    let named = paint(&workshop, "two.png:at=right.png:mask=left.png two.png:at=left.png:mask=right.png");
    let [left, right] = redness(&named);
    assert!(left < -0.2 && right > 0.2, "{left} {right}");
    let none = redness(&paint(&workshop, "two.png --guide left.png:left.png:0"))[0];
    let some = redness(&paint(&workshop, "two.png --guide left.png:left.png:0.01"))[0];
    let full = redness(&paint(&workshop, "two.png --guide left.png:left.png:1"))[0];
    assert!(none < some && some < full, "{none} {some} {full}");
}

#[test]
fn kept_places_have_the_content_s_pixels() {
    let workshop = workshop();
    let content = Picture::load(&workshop.path("content.png")).unwrap();
    let kept = paint(&workshop, "two.png --keep left.png");
    let plane = 40 * 30;
    let difference = |picture: &Picture, at: usize| (picture.rgb()[at] - content.rgb()[at]).abs();
    assert!((0..3 * plane).filter(|at| at % 40 < 20).all(|at| difference(&kept, at) == 0.0));
    let painted: f32 = (0..3 * plane).filter(|at| at % 40 > 24).map(|at| difference(&kept, at)).sum();
    assert!(painted / plane as f32 > 0.1, "{painted}");
    // A receipt tells of masks.
    let replayed = workshop.run("replay out.png").succeeds();
    assert!(replayed.stdout.starts_with("identical"), "{}", replayed.stdout);
    // In between, the more is kept, the less is painted.
    let plain = paint(&workshop, "two.png");
    let shaded = paint(&workshop, "two.png --keep shade.png");
    let far = |picture: &Picture, columns: std::ops::Range<usize>| -> f32 {
        (0..3 * plane).filter(|at| columns.contains(&(at % 40))).map(|at| difference(picture, at)).sum()
    };
    assert!(far(&shaded, 26..36) < 0.7 * far(&plain, 26..36));
    assert!(far(&shaded, 0..6) > 0.7 * far(&plain, 0..6));
}

#[test]
fn strength_may_differ_from_place_to_place() {
    let workshop = workshop();
    let content = Picture::load(&workshop.path("content.png")).unwrap();
    let arguments = "transfer content.png two.png -o out.png --overwrite --weights net.npz --size 40 --iterations 20 --tolerance 0";
    workshop.run(&format!("{arguments} --strength shade.png")).succeeds();
    let shaded = Picture::load(&workshop.path("out.png")).unwrap();
    let far = |columns: std::ops::Range<usize>| -> f32 {
        let inside = (0..3 * 40 * 30).filter(|at| columns.contains(&(at % 40)));
        inside.map(|at| (shaded.rgb()[at] - content.rgb()[at]).abs()).sum()
    };
    assert!(
        far(0..8) < 0.6 * far(16..24) && far(16..24) < far(32..40),
        "{} {} {}",
        far(0..8),
        far(16..24),
        far(32..40)
    );
}

#[test]
fn masks_that_mean_nothing_are_refused() {
    let workshop = workshop();
    let refused = |arguments: &str, needle: &str| {
        workshop.run(&format!("transfer content.png two.png -o out.png {FAST} {arguments}")).fails(2, needle);
    };
    refused("--guide tall.png:left.png", "20x60");
    refused("--guide left.png:tall.png", "20x60");
    refused("--guide black.png:left.png", "black everywhere");
    refused("--guide left.png:alpha", "no alpha channel");
    refused("--keep tall.png", "--keep");
    refused("--keep alpha", "no alpha channel");
    refused("--guide-map map.png:odd.png", "the same colours in both");
    refused("--strength shade.png", "--content-weight");
    refused("--guide left.png:left.png --style-weight 0", "--guide");
    refused(
        "other.jpg --guide left.png:left.png --guide left.png:left.png --guide left.png:left.png",
        "3 guides",
    );
    workshop
        .run(&format!(
            "transfer content.png two.png:mask=left.png -o out.png --guide left.png:left.png {FAST}"
        ))
        .fails(2, "at=");
    workshop
        .run(
            "texture two.png -o out.png --weights net.npz --size 40x30 --guide left.png:left.png --iterations 3",
        )
        .succeeds();
    for missing in
        ["--guide none.png:left.png", "--keep none.png", "--strength none.png", "two.png:mask=none.png"]
    {
        workshop
            .run(&format!("transfer content.png two.png -o other.png {FAST} {missing}"))
            .fails(1, "none.png");
    }
}
