//! Numbers instead of a picture: the loss of a picture, term by term, and its gradient, in double precision.

use impasto::evaluate::{Evaluation, Precision, evaluate};
use impasto::picture::Picture;
use impasto::{Normalisation, Request, Result, StyleTransfer};

/// The loss of `image` as Gatys et al. (2016) define it, against `content` of the same size and `style` of any.
pub fn as_in_the_paper(content: &Picture, style: &Picture, image: &Picture) -> Result<Evaluation> {
    let builder = StyleTransfer::builder().normalisation(Normalisation::Gatys);
    evaluate(&builder, &Request::picture(content, [style.clone()]), image, Precision::Double)
}

fn main() -> Result<()> {
    let content = Picture::load("docs/pictures/scene.jpg".as_ref())?.fitted(128)?;
    let style = Picture::load("docs/pictures/painting.jpg".as_ref())?.fitted(128)?;
    let image = style.resized(content.width(), content.height())?;
    let evaluation = as_in_the_paper(&content, &style, &image)?;
    for (layer, value) in evaluation.terms.content.iter().chain(&evaluation.terms.style) {
        println!("{layer:<8} {value:.6e}");
    }
    let steepest = evaluation.gradient.iter().fold(0.0f64, |most, slope| most.max(slope.abs()));
    println!("total    {:.6e}, steepest slope {steepest:.3e}", evaluation.terms.total);
    Ok(())
}
