//! Kept places: where a `keep` mask is 1, the result has exactly the content's pixels, with a soft edge outside.

use super::masks::Mask;
use crate::picture::Picture;

/// What counts as 1: files round, and JPEG files ring.
const WHOLE: f32 = 0.99;
/// The width of the soft edge, as a part of the longer side.
const EDGE: f64 = 0.012;

/// `painted` with the content's pixels put back wherever `mask` is 1; beyond the edge of these places one fades into the
/// other.
pub(super) fn put_back(painted: &Picture, content: &Picture, mask: &Mask) -> Picture {
    let (width, height) = (painted.width(), painted.height());
    let (content, share) = (content.at_size(width, height), shares(&mask.at_size(width, height)));
    let plane = width * height;
    let mixed = painted.rgb().iter().zip(content.rgb()).enumerate().map(|(at, (&painted, &content))| {
        let share = share.values()[at % plane];
        // Exact at both ends.
        if share == 1.0 { content } else { painted + share * (content - painted) }
    });
    Picture::from_rgb(width, height, mixed.collect()).expect("a mixture of two pictures of one size")
}

/// How much of each pixel is the content's: 1 where the mask is, and falling to 0 over an edge outside.
fn shares(mask: &Mask) -> Mask {
    let whole = mask.map(|value| if value >= WHOLE { 1.0 } else { 0.0 });
    let edge = ((mask.width().max(mask.height()) as f64 * EDGE).round() as usize).max(1);
    // What is grown by the edge and then averaged over as much is still 1 where it was.
    whole.grown(edge).averaged(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_pixels_are_the_content_s_and_the_edge_is_soft() {
        let (width, height) = (120, 50);
        let painted = Picture::uniform(width, height, [0.9, 0.2, 0.1]).unwrap();
        let noise = crate::run::start::noise(3, 0.15, (width, height)).unwrap();
        let left = (0..width * height).map(|at| if at % width < 40 { 1.0 } else { 0.0 }).collect();
        let kept = put_back(&painted, &noise, &Mask::new(width, height, left).unwrap());
        let at = |picture: &Picture, x: usize| picture.rgb()[20 * width + x];
        let share = |x: usize| (at(&kept, x) - 0.9) / (at(&noise, x) - 0.9);
        for x in 0..40 {
            assert_eq!(at(&kept, x), at(&noise, x), "{x}");
        }
        assert!(share(40) > 0.5 && share(41) < share(40) && share(43) < 0.001, "{} {}", share(40), share(41));
        assert_eq!(at(&kept, 60), 0.9);
    }
}
