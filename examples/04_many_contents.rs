//! One style for many contents: the network is packed once, and the style is measured once at each size.

use impasto::picture::Picture;
use impasto::{Request, Result, Style, StyleTransfer};

/// Paints every photo in the style of `painting`.
pub fn paint_all(photos: &[Picture], painting: Picture, size: usize) -> Result<Vec<Picture>> {
    let transfer = StyleTransfer::builder().size(size).build()?;
    let style = Style::new(painting);
    // Clones of a style are cheap and share what was measured.
    let paint = |photo| Ok(transfer.run(&Request::picture(photo, [style.clone()]), ())?.picture);
    photos.iter().map(paint).collect()
}

fn main() -> Result<()> {
    let photos = ["docs/pictures/scene.jpg", "docs/pictures/painted.jpg"];
    let photos = photos.iter().map(|file| Picture::load(file.as_ref())).collect::<Result<Vec<_>>>()?;
    let painting = Picture::load("docs/pictures/painting.jpg".as_ref())?;
    for picture in paint_all(&photos, painting, 256)? {
        println!("{}x{}", picture.width(), picture.height());
    }
    Ok(())
}
