//! A term of your own in the loss: this one draws a vignette, by asking for dark corners.

use impasto::picture::Picture;
use impasto::{PixelTerm, Request, Result, StyleTransfer};

/// `weight/n · Σ d(p)²·x(p)²`, where d is a position's distance from the middle, 1 in the corners.
pub struct Vignette {
    /// How firmly the corners are held dark.
    pub weight: f64,
}

impl PixelTerm for Vignette {
    fn name(&self) -> &str {
        "vignette"
    }

    fn add(&self, rgb: &[f64], width: usize, height: usize, gradient: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        for (at, (&x, slope)) in rgb.iter().zip(gradient).enumerate() {
            let (row, column) = ((at / width % height) as f64, (at % width) as f64);
            let vertical = 2.0 * row / (height.max(2) - 1) as f64 - 1.0;
            let horizontal = 2.0 * column / (width.max(2) - 1) as f64 - 1.0;
            let darkness =
                self.weight / rgb.len() as f64 * (vertical * vertical + horizontal * horizontal) / 2.0;
            sum += darkness * x * x;
            *slope += 2.0 * darkness * x;
        }
        sum
    }
}

/// Paints with the vignette.
pub fn paint(photo: &Picture, painting: &Picture, size: usize, weight: f64) -> Result<Picture> {
    let transfer = StyleTransfer::builder().size(size).term(Vignette { weight }).build()?;
    let result = transfer.run(&Request::picture(photo, [painting.clone()]), ())?;
    println!(
        "the vignette is {:.4} of a loss of {:.4}",
        result.report.loss.pixel("vignette"),
        result.report.loss.total
    );
    Ok(result.picture)
}

fn main() -> Result<()> {
    let photo = Picture::load("docs/pictures/scene.jpg".as_ref())?;
    let painting = Picture::load("docs/pictures/painting.jpg".as_ref())?;
    paint(&photo, &painting, 256, 0.2).map(drop)
}
