//! Alpha: a picture stands on white while it is worked on, and the white is taken off in the file.
//!
//! A clear pixel has no colour of its own, so the network needs a ground; white is what a page shows,
//! and a format without alpha then simply keeps it. Taking it off again, `c = (v − (1 − a))/a`, is what
//! makes the saved picture look on white exactly as it was painted, and on any other ground without a pale seam.

use super::{clamp, resize};

/// `colour` with alpha `a` on white.
pub(super) fn onto_white(colour: f32, a: f32) -> f32 {
    a * colour + (1.0 - a)
}

/// The colour that gives `value` on white under alpha `a`, cut to [0, 1]; `value` itself where all is clear.
pub(super) fn off_white(value: f32, a: f32) -> f32 {
    if a > 0.0 { ((value - (1.0 - a)) / a).clamp(0.0, 1.0) } else { value }
}

/// H×W alpha at another size (width, height), cut to [0, 1].
pub(super) fn resized(alpha: &[f32], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
    let mut alpha = resize::planes(alpha, 1, from.0, from.1, to.0, to.1);
    clamp(&mut alpha);
    alpha
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_goes_on_and_off() {
        for a in [0.004, 0.3, 0.99, 1.0] {
            for colour in [0.0, 0.2, 1.0] {
                assert!((off_white(onto_white(colour, a), a) - colour).abs() < 1e-4);
            }
        }
        assert_eq!(onto_white(0.1, 0.0), 1.0);
        assert_eq!(off_white(0.7, 0.0), 0.7);
        assert_eq!(off_white(0.1, 0.5), 0.0); // darker than alpha lets it be
    }
}
