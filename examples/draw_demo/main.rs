//! Draws the two pictures of the README: a landscape as a camera would see it, and a painting of thick strokes.
//!
//! `cargo run --release --example draw_demo -- FOLDER` writes scene.jpg and painting.jpg. Everything is computed
//! from noise with fixed seeds; no other picture is used.

mod noise;
mod painting;
mod scene;
mod vector;

use std::path::PathBuf;

use impasto::picture::{Picture, SaveOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| "docs/pictures".into()).into();
    std::fs::create_dir_all(&folder)?;
    let options = SaveOptions::default().quality(90);
    for (name, picture) in
        [("scene.jpg", scene::draw(640, 448)?), ("painting.jpg", painting::draw(640, 512)?)]
    {
        picture.save(&folder.join(name), &options)?;
        println!("wrote {}", folder.join(name).display());
    }
    Ok(())
}

/// A picture from one colour per pixel, drawn at twice the size and reduced.
fn reduced(width: usize, height: usize, pixels: &[vector::V3]) -> impasto::Result<Picture> {
    let plane = |c: usize| pixels.iter().map(move |pixel| [pixel.x, pixel.y, pixel.z][c]);
    let rgb = plane(0).chain(plane(1)).chain(plane(2)).collect();
    Picture::from_rgb(2 * width, 2 * height, rgb)?.resized(width, height)
}
