//! Decodes pictures and writes what came of them, for comparison with other programs.
//!
//! `cargo run --release --example decode -- FOLDER FILE...` writes, for each file, `FOLDER/NAME.ppm` (16-bit RGB on
//! white) and prints a line of JSON: the file, its size, its warnings, or the error.

use std::path::{Path, PathBuf};

use impasto::picture::Picture;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: decode FOLDER FILE...");
        std::process::exit(2);
    };
    for file in arguments {
        let line = match Picture::load(&file) {
            Ok(picture) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".ppm";
                std::fs::write(folder.join(name), ppm(&picture))?;
                serde_json::json!({
                    "file": name_of(&file), "width": picture.width(), "height": picture.height(),
                    "alpha": picture.alpha().is_some(), "warnings": picture.warnings(),
                })
            }
            Err(error) => serde_json::json!({ "file": name_of(&file), "error": error.to_string() }),
        };
        println!("{line}");
    }
    Ok(())
}

fn name_of(file: &Path) -> String {
    file.display().to_string()
}

/// 16-bit RGB in netpbm's format.
fn ppm(picture: &Picture) -> Vec<u8> {
    let plane = picture.width() * picture.height();
    let mut bytes = format!("P6\n{} {}\n65535\n", picture.width(), picture.height()).into_bytes();
    for i in 0..plane {
        for c in 0..3 {
            let v = (picture.rgb()[c * plane + i] * 65535.0).round() as u16;
            bytes.extend(v.to_be_bytes());
        }
    }
    bytes
}
