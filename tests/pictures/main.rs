//! Picture files of every kind, good, odd and hostile; one file an idea.

mod colours;
mod destination;
mod formats;
mod jpeg;
mod metadata;
mod refusals;
mod tiff;
mod values;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageEncoder};
use impasto::Error;
use impasto::picture::{Depth, Format, Picture, SaveOptions, check_output, fit};

/// The colours of the fixtures' halves, see `fixtures/pictures/make.py`.
const LEFT: [u8; 3] = [200, 60, 30];
const RIGHT: [u8; 3] = [20, 120, 220];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures").join(name)
}

fn decode(bytes: &[u8]) -> impasto::Result<Picture> {
    Picture::decode(bytes, Path::new("test"))
}

/// What a refused picture's message says.
fn refusal(result: impasto::Result<Picture>) -> String {
    match result {
        Err(error @ Error::Picture { .. }) => {
            let text = error.to_string();
            assert!(!text.contains('\n'), "one sentence: {text}");
            text
        }
        other => panic!("expected a refusal, got {:?}", other.map(|p| (p.width(), p.height()))),
    }
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    let (w, plane) = (picture.width(), picture.width() * picture.height());
    std::array::from_fn(|c| picture.rgb()[c * plane + y * w + x])
}

#[track_caller]
fn assert_near(got: [f32; 3], want: [u8; 3], steps: f32) {
    let near = got.iter().zip(want).all(|(g, w)| (g * 255.0 - f32::from(w)).abs() <= steps);
    assert!(near, "{:?} for {want:?}", got.map(|v| v * 255.0));
}

/// Smooth, every value a whole number of 8-bit steps.
fn smooth(width: usize, height: usize) -> Picture {
    let value = |c: usize, x: usize, y: usize| {
        (128.0 + 90.0 * ((x + 2 * c) as f32 * 0.3 + y as f32 * 0.2).sin()).round()
    };
    let rgb = (0..3 * width * height)
        .map(|i| value(i / (width * height), i % width, i / width % height) / 255.0)
        .collect();
    Picture::from_rgb(width, height, rgb).unwrap()
}

/// A PNG of RGBA bytes.
fn rgba_png(width: u32, height: u32, rgba: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(rgba, width, height, ExtendedColorType::Rgba8).unwrap();
    file
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    })
}
