//! `transfer` and `texture`: the picture, the progress and the report.

use super::Workshop;
use impasto::picture::Picture;

/// Few iterations of a small picture.
const FAST: &str = "--weights net.npz --size 40 --iterations 4 --tolerance 0 --overwrite";

#[test]
fn a_picture_is_painted_in_the_content_s_shape_and_reported_on_stderr() {
    let workshop = Workshop::new();
    let ran = workshop.run(&format!("transfer content.png style.png -o out.png {FAST}")).succeeds();
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("40x30 (1 of 1) iteration 1 of 4, loss"), "{}", ran.stderr);
    assert!(ran.stderr.lines().last().unwrap().starts_with("wrote out.png (40x30, "), "{}", ran.stderr);
    let picture = Picture::load(&workshop.path("out.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (40, 30));
    assert_ne!(picture, Picture::load(&workshop.path("content.png")).unwrap());
}

#[test]
fn quiet_says_nothing() {
    let workshop = Workshop::new();
    let ran = workshop.run(&format!("transfer content.png style.png -o out.jpg --quiet {FAST}")).succeeds();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(workshop.path("out.jpg").exists());
}

#[test]
fn json_has_a_line_for_every_iteration_and_a_report() {
    let workshop = Workshop::new();
    let ran = workshop.run(&format!("transfer content.png style.png -o out.png --json {FAST}")).succeeds();
    let lines = ran.json_lines();
    assert_eq!(lines.len(), 5);
    let (report, progress) = lines.split_last().unwrap();
    for (at, line) in progress.iter().enumerate() {
        assert_eq!(line["iteration"], at + 1);
        assert_eq!(
            (&line["width"], &line["height"], &line["iterations"]),
            (&40.into(), &30.into(), &4.into())
        );
        for field in ["size_index", "size_count", "evaluations", "seconds", "seconds_left"] {
            assert!(line[field].is_number(), "{field}: {line}");
        }
        assert!(line["loss"]["total"].as_f64().unwrap() > 0.0);
    }
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert!(report["evaluations"].as_u64().unwrap() >= 4);
    assert_eq!(report["stop"], "iterations");
    assert_eq!(report["sizes"][0]["iterations"], 4);
    assert_eq!(
        (&report["content"], &report["styles"]),
        (&"content.png".into(), &serde_json::json!(["style.png"]))
    );
    // Warnings are there for people as well as for programs, and nothing else is.
    let warnings = report["warnings"].as_array().unwrap();
    let told =
        warnings.iter().map(|w| [&w["about"], &w["message"]].map(|text| text.as_str().unwrap()).join(": "));
    let told: String = told.map(|text| format!("impasto: warning: {text}\n")).collect();
    assert!(told.contains("style.png: its 36x36 pixels are enlarged to 40x40"), "{told}");
    assert_eq!(ran.stderr, told);
    let loss = &report["loss"];
    let sum = |terms: &serde_json::Value| {
        terms.as_object().unwrap().values().map(|v| v.as_f64().unwrap()).sum::<f64>()
    };
    let parts = sum(&loss["content"])
        + sum(&loss["style"])
        + loss["tv"].as_f64().unwrap()
        + loss["range"].as_f64().unwrap_or(0.0);
    assert!((parts / loss["total"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    assert!(loss["style"]["relu2_1"].is_number() && loss["content"]["relu2_2"].is_number(), "{loss}");
    if cfg!(target_os = "linux") {
        assert!(report["peak_rss_bytes"].as_u64().unwrap() > 1_000_000);
    }
    let quiet = workshop.run(&format!("transfer content.png style.png -o out.png --json --quiet {FAST}"));
    assert_eq!(quiet.succeeds().json_lines().len(), 1);
}

#[test]
fn the_same_bytes_come_out_for_any_number_of_threads() {
    let workshop = Workshop::new();
    let mut first = None;
    for threads in [1, 2, 3, 8] {
        let arguments = format!(
            "transfer content.png style.png other.jpg -o out.png --weights net.npz --size 100 --coarsest 50 --size-step 2 \
             --iterations 3 --init noise --seed 7 --tv-weight 0.1 --threads {threads} --overwrite"
        );
        workshop.run(&arguments).succeeds();
        let bytes = std::fs::read(workshop.path("out.png")).unwrap();
        assert_eq!(&bytes, first.get_or_insert(bytes.clone()), "{threads} threads");
    }
}

#[test]
fn every_option_has_its_way() {
    let workshop = Workshop::new();
    let paint = |options: &str| {
        workshop.run(&format!("transfer content.png style.png -o out.png {FAST} {options}")).succeeds();
        Picture::load(&workshop.path("out.png")).unwrap()
    };
    let plain = paint("");
    assert_ne!(paint("--init noise"), paint("--init noise --seed 9"));
    for options in [
        "--normalisation gatys",
        "--normalisation johnson",
        "--normalisation frobenius",
        "--content-weight 3",
        "--style-weight 9",
        "--tv-weight 5",
        "--content-layers conv1_2",
        "--style-layers relu1_1:0.2,conv2_1",
        "--pooling average",
        "--init other.png",
        "--style-scale 0.7",
        "--optimizer adam",
        "--optimizer adam --learning-rate 0.1",
        "--original-colours",
        "--style-statistic covariance",
        "--history 1",
    ] {
        super::picture(40, 30, 9).save(&workshop.path("other.png"), &Default::default()).unwrap();
        assert_ne!(plain, paint(options), "{options}");
    }
}

#[test]
fn the_range_weight_counts_where_colours_go_to_their_ends() {
    let workshop = Workshop::new();
    // Black and white, so that strokes of more contrast would need more than there is.
    let hard = (0..3 * 40 * 30).map(|at| (at / 7 % 2) as f32).collect();
    let hard = Picture::from_rgb(40, 30, hard).unwrap();
    for name in ["content.png", "style.png"] {
        hard.save(&workshop.path(name), &Default::default()).unwrap();
    }
    let paint = |options: &str| {
        workshop.run(&format!("transfer content.png style.png -o out.png {FAST} {options}")).succeeds();
        Picture::load(&workshop.path("out.png")).unwrap()
    };
    assert_eq!(paint("--range-weight 10"), paint(""));
    assert_ne!(paint("--range-weight 0.001"), paint(""));
}

#[test]
fn original_colours_are_kept() {
    let workshop = Workshop::new();
    let arguments = format!("transfer content.png style.png -o out.png --original-colours {FAST}");
    workshop.run(&arguments).succeeds();
    let chroma = |name: &str| -> Vec<f32> {
        let picture = Picture::load(&workshop.path(name)).unwrap();
        let (n, rgb) = (picture.width() * picture.height(), picture.rgb().to_vec());
        (0..n).map(|i| rgb[i] - rgb[n + i]).collect()
    };
    let (kept, content) = (chroma("out.png"), chroma("content.png"));
    let scale: f32 = content.iter().map(|v| v.abs()).sum();
    let moved: f32 = kept.iter().zip(&content).map(|(a, b)| (a - b).abs()).sum();
    assert!(moved < 0.1 * scale, "{moved} of {scale}");
}

#[test]
fn transparency_and_depth_of_the_content_are_kept() {
    let workshop = Workshop::new();
    let mut pixels = Vec::new();
    for at in 0..40 * 30u16 {
        pixels.extend([at * 50, 30_000, 60_000 - at * 40, if at % 40 < 20 { 0 } else { 65_535 }]);
    }
    let image = image::ImageBuffer::<image::Rgba<u16>, _>::from_raw(40, 30, pixels).unwrap();
    image.save(workshop.path("clear.png")).unwrap();
    workshop.run(&format!("transfer clear.png style.png -o out.png {FAST}")).succeeds();
    let out = image::open(workshop.path("out.png")).unwrap();
    assert_eq!(out.color(), image::ColorType::Rgba16);
    let out = out.into_rgba16();
    assert_eq!((out.get_pixel(3, 9).0[3], out.get_pixel(33, 9).0[3]), (0, 65_535));
}

#[test]
fn styles_blend() {
    let workshop = Workshop::new();
    let paint = |styles: &str| {
        workshop.run(&format!("transfer content.png {styles} -o out.png {FAST}")).succeeds();
        Picture::load(&workshop.path("out.png")).unwrap()
    };
    let (one, other) = (paint("style.png"), paint("other.jpg"));
    let both = paint("style.png other.jpg");
    assert!(both != one && both != other);
    assert_eq!(one, paint("style.png other.jpg --style-blend 1,0"));
    assert_eq!(both, paint("style.png other.jpg --style-blend 0.5,0.5"));
}

#[test]
fn a_texture_has_its_own_size_and_seed() {
    let workshop = Workshop::new();
    let paint = |seed: u32| {
        let arguments = format!(
            "texture style.png -o out.png --size 48x20 --iterations 3 --weights net.npz --json --overwrite --seed {seed}"
        );
        let report = workshop.run(&arguments).succeeds().json_lines().pop().unwrap();
        assert_eq!((&report["width"], &report["height"]), (&48.into(), &20.into()));
        assert_eq!(report["loss"]["content"], serde_json::json!({}));
        Picture::load(&workshop.path("out.png")).unwrap()
    };
    assert_eq!(paint(1), paint(1));
    assert_ne!(paint(1), paint(2));
}

#[cfg(feature = "embedded")]
#[test]
fn the_embedded_network_needs_no_file() {
    let workshop = Workshop::new();
    workshop.run("transfer content.png style.png -o out.png --size 64 --iterations 1").succeeds();
}
