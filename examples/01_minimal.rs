//! The shortest way from two picture files to a third.
//!
//! `cargo run --release --example 01_minimal -- photo.jpg painting.jpg painted.png`

use std::path::Path;

use impasto::picture::{Picture, SaveOptions};
use impasto::{Request, Result, StyleTransfer};

/// Paints `photo` in the style of `painting`.
pub fn paint(photo: &Path, painting: &Path, painted: &Path) -> Result<()> {
    let (photo, painting) = (Picture::load(photo)?, Picture::load(painting)?);
    let transfer = StyleTransfer::builder().size(256).build()?;
    let result = transfer.run(&Request::picture(&photo, [painting]), ())?;
    for warning in result.picture.save(painted, &SaveOptions::default())? {
        eprintln!("{warning}");
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut files = std::env::args_os().skip(1);
    match (files.next(), files.next(), files.next()) {
        (Some(photo), Some(painting), Some(painted)) => {
            paint(photo.as_ref(), painting.as_ref(), painted.as_ref())
        }
        _ => {
            eprintln!("usage: 01_minimal PHOTO PAINTING PAINTED");
            std::process::exit(2);
        }
    }
}
