//! Pictures that are no files: interleaved bytes in, interleaved bytes out, as cameras, canvases and web services have them.
//!
//! `cargo run --release --example 02_in_memory`

use impasto::picture::Picture;
use impasto::{Request, Result, StyleTransfer};

/// RGBA, 8 bits a value, row by row.
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 4·width·height bytes.
    pub rgba: Vec<u8>,
}

/// Paints one frame in the style of another; its transparency stays.
pub fn paint(photo: &Frame, painting: &Frame) -> Result<Frame> {
    let picture = |frame: &Frame| Picture::from_rgba8(frame.width, frame.height, &frame.rgba);
    let (photo, painting) = (picture(photo)?, picture(painting)?);
    let transfer = StyleTransfer::builder().size(photo.width().max(photo.height())).build()?;
    let painted = transfer.run(&Request::picture(&photo, [painting]), ())?.picture;
    Ok(Frame { width: painted.width(), height: painted.height(), rgba: painted.to_rgba8() })
}

fn main() -> Result<()> {
    let frame = |hue: u8| {
        let pixel = |at: usize| [hue, (at % 96 * 2) as u8, (at / 96 * 3) as u8, 255];
        Frame { width: 96, height: 64, rgba: (0..96 * 64).flat_map(pixel).collect() }
    };
    let painted = paint(&frame(40), &frame(200))?;
    println!("{}x{}, {} bytes", painted.width, painted.height, painted.rgba.len());
    Ok(())
}
