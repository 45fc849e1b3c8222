//! Keeping the content's colours: the luminance of one picture, the colours of another.
//!
//! Gatys et al. (2016), "Preserving color in neural artistic style transfer", §4, in YIQ: Y from the styled
//! picture, I and Q from the content. I and Q depend on RGB − Y alone, so no matrix is needed:
//! out = Y_styled + (RGB_content − Y_content).

use crate::picture::Picture;

/// Rec. 601 luma, YIQ's Y.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The luminance (YIQ's Y) of `styled` with the colours (I and Q) of `content`.
///
/// `content` is resized to the size of `styled` if need be; the result keeps the alpha and depth of `styled`.
/// Where a colour would leave [0, 1] at its new luminance it is made paler until it fits, so Y and the hue stay.
#[must_use]
pub fn keep_colours(styled: &Picture, content: &Picture) -> Picture {
    let content = content.at_size(styled.width, styled.height);
    let plane = styled.width * styled.height;
    let mut result = styled.clone();
    for i in 0..plane {
        let at = |picture: &Picture| std::array::from_fn(|c| picture.rgb[c * plane + i]);
        let (painted, colour): ([f32; 3], [f32; 3]) = (at(styled), at(&content));
        let (y, from) = (luma(painted), luma(colour));
        let chroma = colour.map(|v| v - from);
        let strength = chroma.iter().fold(1.0f32, |most, d| {
            if *d > 0.0 {
                most.min((1.0 - y) / d)
            } else if *d < 0.0 {
                most.min(y / -d)
            } else {
                most
            }
        });
        for c in 0..3 {
            result.rgb[c * plane + i] = (y + strength.max(0.0) * chroma[c]).clamp(0.0, 1.0);
        }
    }
    result
}

/// The picture without its colours: YIQ's Y in all three channels.
#[must_use]
pub fn grey(picture: &Picture) -> Picture {
    let plane = picture.width * picture.height;
    let mut result = picture.clone();
    for i in 0..plane {
        let y = luma(std::array::from_fn(|c| picture.rgb[c * plane + i]));
        (0..3).for_each(|c| result.rgb[c * plane + i] = y);
    }
    result
}

/// `(1 − share)·one + share·other`, value by value, of two pictures of one size; alpha and depth are those of `one`.
///
/// # Panics
/// If the sizes differ.
pub(crate) fn mixed(one: &Picture, other: &Picture, share: f64) -> Picture {
    assert_eq!((one.width, one.height), (other.width, other.height), "pictures of one size");
    if share == 1.0 {
        return Picture { rgb: other.rgb.clone(), ..one.clone() };
    }
    let mut result = one.clone();
    for (value, other) in result.rgb.iter_mut().zip(&other.rgb) {
        *value += share as f32 * (other - *value);
    }
    result
}

fn luma(rgb: [f32; 3]) -> f32 {
    LUMA.iter().zip(rgb).map(|(l, v)| l * v).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luminance_is_the_painting_s_and_hue_the_content_s() {
        let n = 12;
        let values = |seed: f32| -> Vec<f32> {
            (0..3 * n * n).map(|i| ((i as f32 * seed).sin() * 0.5 + 0.5).clamp(0.0, 1.0)).collect()
        };
        let styled = Picture::from_rgb(n, n, values(12.9)).unwrap();
        let content = Picture::from_rgb(n, n, values(7.7)).unwrap();
        let got = keep_colours(&styled, &content);
        let pixel = |p: &Picture, i: usize| -> [f32; 3] { std::array::from_fn(|c| p.rgb()[c * n * n + i]) };
        for i in 0..n * n {
            let (out, paint, colour) = (pixel(&got, i), pixel(&styled, i), pixel(&content, i));
            assert!((luma(out) - luma(paint)).abs() < 1e-5);
            // The chroma is the content's, times one factor in [0, 1].
            let (d, e) = (out.map(|v| v - luma(out)), colour.map(|v| v - luma(colour)));
            let factor = (0..3).map(|c| d[c] * e[c]).sum::<f32>() / e.iter().map(|v| v * v).sum::<f32>();
            assert!((-1e-4..=1.0001).contains(&factor), "{factor}");
            assert!((0..3).all(|c| (d[c] - factor * e[c]).abs() < 1e-4));
        }
    }

    #[test]
    fn its_own_colours_change_nothing_and_grey_content_makes_grey() {
        let styled = Picture::uniform(2, 2, [0.8, 0.3, 0.1]).unwrap();
        let same = keep_colours(&styled, &styled);
        assert!(same.rgb().iter().zip(styled.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
        let grey = keep_colours(&styled, &Picture::uniform(5, 9, [0.4; 3]).unwrap());
        assert!(grey.rgb().iter().all(|v| (v - luma([0.8, 0.3, 0.1])).abs() < 1e-5));
    }
}
