//! How much of the content a picture of strokes keeps, from the one weight that both methods share.

/// What the weight of the content means for strokes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    /// The content's share in what is looked for in the styles; the rest is the picture as it is painted. From 0 to 1.
    pub share: f32,
    /// How much it counts that neighbouring cells come from neighbouring places: κ of the coherence pass.
    pub coherence: f32,
    /// The content's share in the features that the pixels are changed towards: from 0 to 1.
    pub hold: f32,
}

impl Balance {
    /// From the content's weight relative to its default, a ≥ 0, in a place that counts b times as much as others:
    ///
    /// `share = 5ab/(5ab + 3)`, `κ = min(1, 1.6·(1 − share))` but not more than for b = 1, `hold = max(0, 1 − (ab)^(−1/4))`.
    ///
    /// So at the default five eighths of what is looked for are the content and κ is 0.6; with less, larger pieces of the
    /// style stay whole; with more, the style's features are mixed with the content's own.
    pub fn new(relative: f64, place: f64) -> Self {
        let share = |a: f64| if a.is_finite() { 5.0 * a / (5.0 * a + 3.0) } else { 1.0 };
        let here = relative * place;
        let hold = if here > 1.0 { 1.0 - here.powf(-0.25) } else { 0.0 };
        let coherence = (1.6 * (1.0 - share(relative * place.max(1.0)))).min(1.0);
        Self { share: share(here) as f32, coherence: coherence as f32, hold: hold as f32 }
    }

    /// Of a texture, which has no content.
    pub const TEXTURE: Self = Self { share: 0.0, coherence: 0.6, hold: 0.0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_weight_holds_more_of_the_content() {
        let default = Balance::new(1.0, 1.0);
        assert_eq!((default.share, default.hold), (0.625, 0.0));
        assert!((default.coherence - 0.6).abs() < 1e-6);
        let all: Vec<Balance> =
            [0.0, 0.1, 0.5, 1.0, 3.0, 80.0, 1e9].map(|weight| Balance::new(weight, 1.0)).into();
        for pair in all.windows(2) {
            assert!(pair[0].share < pair[1].share && pair[0].coherence >= pair[1].coherence);
            assert!(pair[0].hold <= pair[1].hold);
        }
        let (plain, formed) = (Balance::new(1.0, 0.25), Balance::new(1.0, 4.0));
        assert!(plain.share < default.share && default.share < formed.share && formed.hold > 0.0);
        assert!(plain.coherence == default.coherence && formed.coherence < default.coherence);
        assert_eq!(Balance::new(0.0, 1.0).share, 0.0);
        assert!(Balance::new(1e9, 1.0).hold > 0.99 && Balance::new(f64::INFINITY, 1.0).hold == 1.0);
    }
}
