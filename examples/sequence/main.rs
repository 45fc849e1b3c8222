//! Draws a sequence whose motion is known, and measures how well painted frames hang together:
//!
//! ```sh
//! cargo run --release --example sequence -- draw FOLDER 320x240 12
//! cargo run --release --example sequence -- measure PAINTED
//! ```
//!
//! `measure` prints the warping error of each pair of results (mean square of what differs where both show the same), and the
//! mean of all. The results must have the size that was drawn.

mod drawing;

use std::error::Error;
use std::path::Path;

use drawing::Drawn;
use impasto::picture::{Picture, SaveOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["draw", folder, size, count] => {
            let (width, height) = size.split_once('x').ok_or("a size is like 320x240")?;
            let drawn = Drawn { width: width.parse()?, height: height.parse()? };
            std::fs::create_dir_all(folder)?;
            for k in 0..count.parse()? {
                drawn.frame(k).save(&file(folder, k), &SaveOptions::default())?;
            }
            Ok(())
        }
        ["measure", folder] => {
            let mut before = Picture::load(&file(folder, 0))?;
            let drawn = Drawn { width: before.width(), height: before.height() };
            let (mut sum, mut count) = (0.0, 0);
            while file(folder, count + 1).exists() {
                let now = Picture::load(&file(folder, count + 1))?;
                let error = drawn.warping_error(count + 1, &before, &now);
                println!("{} {error:.6}", count + 1);
                (sum, count, before) = (sum + error, count + 1, now);
            }
            println!("mean {:.6}", sum / count as f64);
            Ok(())
        }
        _ => Err("give `draw FOLDER WIDTHxHEIGHT COUNT` or `measure FOLDER`".into()),
    }
}

fn file(folder: impl AsRef<Path>, k: usize) -> std::path::PathBuf {
    folder.as_ref().join(format!("frame{k}.png"))
}
