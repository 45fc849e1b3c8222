//! Control over how much, whose colours, which strokes: each option is held against what it must change.

use super::Workshop;
use impasto::picture::Picture;

/// Few iterations of a small picture.
const FAST: &str = "--weights net.npz --size 40 --iterations 12 --tolerance 0 --overwrite";

fn paint(workshop: &Workshop, options: &str) -> Picture {
    workshop.run(&format!("transfer content.png style.png -o out.png {FAST} {options}")).succeeds();
    Picture::load(&workshop.path("out.png")).unwrap()
}

fn distance(a: &Picture, b: &Picture) -> f64 {
    a.rgb().iter().zip(b.rgb()).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / a.rgb().len() as f64
}

/// The mean of each channel.
fn mean(picture: &Picture) -> [f64; 3] {
    let plane = picture.width() * picture.height();
    std::array::from_fn(|c| {
        picture.rgb()[c * plane..][..plane].iter().map(|&v| f64::from(v)).sum::<f64>() / plane as f64
    })
}

/// How far the mean colours of two pictures are apart, brightness aside.
fn tint(a: &Picture, b: &Picture) -> f64 {
    let chroma = |picture: &Picture| {
        let [r, g, b] = mean(picture);
        [r - g, b - g]
    };
    let (a, b) = (chroma(a), chroma(b));
    (a[0] - b[0]).hypot(a[1] - b[1])
}

#[test]
fn strength_goes_from_the_content_to_all_the_style() {
    let workshop = Workshop::new();
    let content = Picture::load(&workshop.path("content.png")).unwrap();
    let distances: Vec<f64> = ["0", "0.25", "0.5", "0.75", "1"]
        .map(|strength| distance(&paint(&workshop, &format!("--strength {strength}")), &content))
        .to_vec();
    assert!(distances[0] < 1e-5, "{distances:?}");
    assert!(distances[..4].windows(2).all(|pair| pair[0] < pair[1]), "{distances:?}");
    assert!(distances[4] > distances[2], "{distances:?}");
    assert_eq!(paint(&workshop, "--strength 0.5"), paint(&workshop, ""), "0.5 is the default");
}

#[test]
fn colours_are_the_style_s_or_the_content_s() {
    let workshop = Workshop::new();
    // Colours that nobody takes for the content's.
    let red: Vec<f32> = (0..3 * 36 * 36)
        .map(|at| if at < 36 * 36 { 0.8 } else { 0.1 } + 0.1 * ((at % 36) as f32).sin())
        .collect();
    Picture::from_rgb(36, 36, red).unwrap().save(&workshop.path("style.png"), &Default::default()).unwrap();
    let content = Picture::load(&workshop.path("content.png")).unwrap();
    let to_content = |options: &str| tint(&paint(&workshop, options), &content);
    let style = to_content("");
    assert!(style > 0.3, "{style}");
    for mode in ["content", "match", "luminance"] {
        let kept = to_content(&format!("--colour {mode}"));
        assert!(kept < 0.15 * style, "{mode}: {kept} of {style}");
    }
    let half = to_content("--colour match --colour-strength 0.5");
    assert!(half > 0.2 * style && half < 0.9 * style, "{half} of {style}");
    assert_eq!(paint(&workshop, "--color content"), paint(&workshop, "--original-colors"));
    assert_eq!(paint(&workshop, "--colour match --colour-strength 0"), paint(&workshop, ""));
}

#[test]
fn a_style_has_a_weight_a_scale_and_sizes_of_its_own() {
    let workshop = Workshop::new();
    let with = |styles: &str| {
        let arguments = format!(
            "transfer content.png {styles} -o out.png --size 80 --coarsest 20 --size-step 2 --style-scale 1 --weights net.npz --overwrite"
        );
        workshop.run(&format!("{arguments} --iterations 15 --content-weight 0.001 --tolerance 0")).succeeds();
        Picture::load(&workshop.path("out.png")).unwrap()
    };
    let alone = with("style.png");
    assert_eq!(with("style.png:weight=2 other.jpg:weight=0"), alone);
    assert_eq!(with("style.png:scale=1"), alone);
    assert_ne!(with("style.png:scale=0.5"), alone);
    let coarse_and_fine = with("style.png:sizes=coarse other.jpg:sizes=fine");
    assert_eq!(with("--style-coarse style.png --style-fine other.jpg"), coarse_and_fine);
    // The finest size has the last word: the statistics of the fine style are nearer than those of the coarse one, when
    // both are measured as large as they were painted.
    let swapped = with("--style-coarse other.jpg --style-fine style.png");
    let loss = |picture: &Picture, style: &str| {
        picture.save(&workshop.path("judged.png"), &Default::default()).unwrap();
        let arguments =
            format!("evaluate --image judged.png --style {style} --size 80 --weights net.npz --json");
        workshop.run(&arguments).succeeds().json_lines()[0]["total"].as_f64().unwrap()
    };
    assert!(loss(&coarse_and_fine, "other.jpg") < loss(&coarse_and_fine, "style.png"));
    assert!(loss(&swapped, "style.png") < loss(&swapped, "other.jpg"));
}

/// The mean difference of neighbours across the border of a tile, divided by that inside.
fn seam(tile: &Picture) -> f64 {
    let (width, height) = (tile.width(), tile.height());
    let at =
        |c: usize, y: usize, x: usize| f64::from(tile.rgb()[(c * height + y % height) * width + x % width]);
    let (mut across, mut inside) = ((0.0, 0), (0.0, 0));
    for (c, y, x) in (0..3 * height * width).map(|k| (k / (height * width), k / width % height, k % width)) {
        for (next_y, next_x) in [(y, x + 1), (y + 1, x)] {
            let difference = (at(c, next_y, next_x) - at(c, y, x)).abs();
            let to = if next_y == height || next_x == width { &mut across } else { &mut inside };
            *to = (to.0 + difference, to.1 + 1);
        }
    }
    (across.0 / f64::from(across.1)) / (inside.0 / f64::from(inside.1))
}

#[test]
fn a_tileable_texture_has_no_seam() {
    let workshop = Workshop::new();
    let texture = |options: &str| {
        let arguments =
            "texture style.png -o tile.png --weights net.npz --size 64x48 --coarsest 32 --iterations 60";
        workshop.run(&format!("{arguments} --tolerance 0 {options}")).succeeds();
        let tile = Picture::load(&workshop.path("tile.png")).unwrap();
        std::fs::remove_file(workshop.path("tile.png")).unwrap();
        tile
    };
    let (plain, tile) = (seam(&texture("")), seam(&texture("--tileable")));
    assert!(tile < 1.15 && plain > 1.5 * tile, "{tile} {plain}");
    workshop.run("texture style.png -o tile.png --weights net.npz --size 63x48 --tileable").fails(2, "64x48");
    workshop
        .run("transfer content.png style.png -o t.png --weights net.npz --tileable")
        .fails(2, "--tileable");
}

#[test]
fn noise_has_a_scale_and_starts_can_be_blended() {
    let workshop = Workshop::new();
    let start = |options: &str| {
        let arguments = "transfer content.png style.png -o out.png --weights net.npz --size 40 --coarsest 40";
        workshop
            .run(&format!(
                "{arguments} --iterations 1 --content-weight 1e-9 --style-weight 1e-9 --tv-weight 0 {options}"
            ))
            .succeeds();
        let picture = Picture::load(&workshop.path("out.png")).unwrap();
        std::fs::remove_file(workshop.path("out.png")).unwrap();
        picture
    };
    assert_eq!(start("--init noise --noise-scale 0.15"), start("--init noise"));
    assert_ne!(
        start("--init noise --noise-scale 0.3 --original-colors"),
        start("--init noise --original-colors")
    );
    let content = start("");
    let [none, half, whole] = ["0", "0.5", "1"]
        .map(|part| distance(&start(&format!("--init noise --init-blend {part}")), &content));
    assert!(whole < 1e-4 && half > 10.0 * whole && none > 2.0 * half, "{none} {half} {whole}");
    let refused = |options: &str, needle: &str| {
        workshop
            .run(&format!("transfer content.png style.png -o out.png --weights net.npz {options}"))
            .fails(2, needle);
    };
    refused("--init-blend 0.5", "--init-blend");
    refused("--init noise --init-blend 2", "--init-blend");
    refused("--noise-scale 0.1", "--noise-scale");
    refused("--init noise --noise-scale 0", "--noise-scale");
}
