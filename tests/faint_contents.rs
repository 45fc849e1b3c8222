//! Contents that give the method little or nothing to hold: pale, flat, white.

#![cfg(feature = "embedded")]

use impasto::evaluate::{Precision, evaluate};
use impasto::picture::Picture;
use impasto::{Normalisation, Request, StyleTransfer, Stylized};

/// A scene of soft shapes, its contrast scaled about `around`.
fn content(contrast: f32, around: f32) -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % 64) as f32, (at / 64 % 48) as f32, (at / 3072) as f32);
        let hill = if y > 26.0 + 7.0 * (0.11 * x).sin() { -0.35 } else { 0.2 };
        let ball = if (x - 40.0).hypot(y - 20.0) < 11.0 { 0.3 - 0.3 * c } else { 0.0 };
        around + contrast * (hill + ball + 0.1 * (0.8 * x + 0.4 * y + c).sin())
    };
    Picture::from_rgb(64, 48, (0..3 * 3072).map(value).collect()).unwrap()
}

fn style() -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % 64) as f32, (at / 64 % 64) as f32, (at / 4096) as f32);
        (0.5 + 0.3 * (0.9 * x + 0.5 * y + c).sin() + 0.25 * (0.35 * y - 0.6 * x + 2.0 * c).sin())
            .clamp(0.0, 1.0)
    };
    Picture::from_rgb(64, 64, (0..3 * 4096).map(value).collect()).unwrap()
}

fn painted(content: &Picture) -> Stylized {
    let transfer = StyleTransfer::builder().size(64).coarsest(64).iterations(60).build().unwrap();
    transfer.run(&Request::picture(content, [style()]), ()).unwrap()
}

fn style_loss(stylized: &Stylized) -> f64 {
    stylized.report.loss.style.iter().map(|(_, value)| value).sum()
}

/// The standard deviation of the channels.
fn contrast(picture: &Picture) -> f64 {
    let channel = |values: &[f32]| {
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
        values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / values.len() as f64
    };
    let plane = picture.width() * picture.height();
    (picture.rgb().chunks_exact(plane).map(channel).sum::<f64>() / 3.0).sqrt()
}

#[test]
fn a_tenth_of_the_contrast_costs_a_small_factor_of_the_style() {
    let full = style_loss(&painted(&content(1.0, 0.5)));
    for (contrast, around) in [(0.1, 0.5), (0.03, 0.5), (0.1, 0.85)] {
        let faint = style_loss(&painted(&content(contrast, around)));
        assert!(faint < 5.0 * full, "{contrast} around {around}: {faint}, at full contrast {full}");
    }
}

#[test]
fn one_colour_is_painted() {
    let wanted = contrast(&style());
    for colour in [[0.5; 3], [1.0; 3], [0.0; 3], [0.8, 0.2, 0.3]] {
        let result = painted(&Picture::uniform(64, 48, colour).unwrap());
        assert!(result.report.sizes[0].iterations > 10, "{colour:?}: {:?}", result.report.sizes);
        let got = contrast(&result.picture);
        assert!(got > 0.4 * wanted, "{colour:?}: {got} of {wanted}");
    }
}

#[test]
fn ordinary_contents_are_divided_by_their_own_size_alone() {
    let (ordinary, faint) = (content(1.0, 0.5), content(0.1, 0.5));
    let other = content(0.7, 0.4);
    // frobenius ÷ relative is what relative divides by; against white noise's features it grows for the faint alone.
    let divisor = |content: &Picture| {
        let term = |normalisation| {
            let builder = StyleTransfer::builder().normalisation(normalisation).content_weight(1.0);
            let request = Request::picture(content, [] as [Picture; 0]);
            evaluate(&builder, &request, &other, Precision::Double).unwrap().terms.content[0].1
        };
        term(Normalisation::Frobenius) / term(Normalisation::Relative)
    };
    // F(0) = the biases' answer; features of a content themselves: ‖F_C‖² from the distance to nothing is not at hand, so
    // doubled contrast stands in: the divisor of an ordinary content grows with its contrast, that of a faint one hardly.
    let (once, less) = (divisor(&ordinary), divisor(&content(0.8, 0.5)));
    assert!(less < 0.85 * once, "{less} {once}");
    let (pale, paler) = (divisor(&faint), divisor(&content(0.05, 0.5)));
    assert!((pale / paler - 1.0).abs() < 0.15, "{pale} {paler}");
}
