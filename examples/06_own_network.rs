//! A network of your own: made in memory here; `weights::load` reads files of any VGG shape.

use impasto::picture::Picture;
use impasto::{InputColours, Network, Padding, Pooling, Request, Result, StyleTransfer};

/// Two blocks of 3×3 convolutions whose weights are waves: enough to see textures, if not much more.
pub fn waves() -> Result<Network> {
    let layer = |outputs: usize, inputs: usize| {
        let scale = (2.0 / (9 * inputs) as f32).sqrt();
        let weight = (0..outputs * inputs * 9).map(|at| scale * (at as f32 * 1.7).sin()).collect::<Vec<_>>();
        (outputs, weight, vec![0.1; outputs])
    };
    Network::builder("waves")
        .colours(InputColours::Torchvision)
        .pooling(Pooling::Average)
        .padding(Padding::Reflect)
        .block([layer(16, 3), layer(16, 16)])
        .block([layer(24, 16)])
        .build()
}

/// Paints with it.
pub fn paint(photo: &Picture, painting: &Picture, size: usize) -> Result<Picture> {
    let transfer = StyleTransfer::builder().network(waves()?).size(size).build()?;
    Ok(transfer.run(&Request::picture(photo, [painting.clone()]), ())?.picture)
}

fn main() -> Result<()> {
    let photo = Picture::load("docs/pictures/scene.jpg".as_ref())?;
    let painting = Picture::load("docs/pictures/painting.jpg".as_ref())?;
    paint(&photo, &painting, 256).map(drop)
}
