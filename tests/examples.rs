//! Every example does what it says, on small pictures.

#![allow(dead_code)] // each example's `main` is for people

#[path = "../examples/01_minimal.rs"]
mod minimal;

#[path = "../examples/02_in_memory.rs"]
mod in_memory;

#[path = "../examples/03_progress_and_cancel.rs"]
mod progress_and_cancel;

#[path = "../examples/04_many_contents.rs"]
mod many_contents;

#[path = "../examples/05_own_loss_term.rs"]
mod own_loss_term;

#[path = "../examples/06_own_network.rs"]
mod own_network;

#[path = "../examples/07_evaluate.rs"]
mod evaluation;

use impasto::picture::{Picture, SaveOptions};
use std::time::{Duration, Instant};

fn picture(width: usize, height: usize, kind: f32) -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % width) as f32, (at / width % height) as f32, (at / (width * height)) as f32);
        0.5 + 0.2 * (x * 0.29 * kind + c).sin() + 0.2 * (y * 0.37 - x * 0.1 * kind + 2.0 * c).cos()
    };
    Picture::from_rgb(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

fn pair() -> (Picture, Picture) {
    (picture(48, 36, 1.0), picture(40, 40, 2.3))
}

#[test]
fn the_minimal_one_paints_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let [photo, painting, painted] =
        ["photo.png", "painting.png", "painted.png"].map(|name| folder.path().join(name));
    let (content, style) = pair();
    content.save(&photo, &SaveOptions::default()).unwrap();
    style.save(&painting, &SaveOptions::default()).unwrap();
    // At the size that the example asks for; enlarged pictures of waves need few iterations.
    minimal::paint(&photo, &painting, &painted).unwrap();
    assert_eq!(Picture::load(&painted).unwrap().width(), 256);
}

#[test]
fn bytes_become_bytes_and_transparency_stays() {
    let frame = |kind: f32, clear: usize| {
        let picture = picture(48, 36, kind);
        let mut rgba = picture.to_rgba8();
        rgba.chunks_exact_mut(4).take(clear).for_each(|pixel| pixel[3] = 0);
        in_memory::Frame { width: 48, height: 36, rgba }
    };
    let (photo, painting) = (frame(1.0, 48 * 10), frame(2.3, 0));
    let painted = in_memory::paint(&photo, &painting).unwrap();
    assert_eq!((painted.width, painted.height, painted.rgba.len()), (48, 36, photo.rgba.len()));
    let alpha = |frame: &in_memory::Frame| frame.rgba.chunks_exact(4).map(|p| p[3]).collect::<Vec<u8>>();
    assert_eq!(alpha(&painted), alpha(&photo));
    assert_ne!(painted.rgba, photo.rgba);
}

#[test]
fn runs_are_watched_and_stopped() {
    let (photo, painting) = pair();
    let first = progress_and_cancel::until_good_enough(&photo, &painting, 48, f64::INFINITY).unwrap();
    let later = progress_and_cancel::until_good_enough(&photo, &painting, 48, 0.0).unwrap();
    assert_ne!(first, later);
    let begun = Instant::now();
    progress_and_cancel::for_so_long(&photo, &painting, 700, Duration::from_millis(100)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn many_contents_share_a_style() {
    let (photo, painting) = pair();
    let painted =
        many_contents::paint_all(&[photo.clone(), picture(36, 48, 1.4), photo], painting, 48).unwrap();
    assert_eq!(painted[0], painted[2]);
    assert_ne!(painted[0].width(), painted[1].width());
}

#[test]
fn a_term_of_ones_own_darkens_the_corners() {
    let (photo, painting) = pair();
    let corner = |weight| {
        let painted = own_loss_term::paint(&photo, &painting, 48, weight).unwrap();
        painted.rgb()[0] + painted.rgb()[47]
    };
    assert!(corner(5.0) < corner(0.0) - 0.2);
}

#[test]
fn a_network_of_ones_own_paints() {
    let (photo, painting) = pair();
    assert_ne!(own_network::paint(&photo, &painting, 48).unwrap(), photo);
}

#[test]
fn the_paper_s_loss_is_evaluated() {
    let (content, style) = pair();
    let evaluation = evaluation::as_in_the_paper(&content, &style, &content).unwrap();
    assert_eq!(evaluation.terms.content[0].1, 0.0);
    assert!(evaluation.terms.total > 0.0 && evaluation.gradient.iter().any(|slope| *slope != 0.0));
}
