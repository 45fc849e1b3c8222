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
    /// From the content's weight relative to its default, a ≥ 0:
    ///
    /// `share = 3a/(3a + 1)`, `κ = min(1, 1.6·(1 − share))`, `hold = max(0, 1 − a^(−1/4))`.
    ///
    /// So at the default three quarters of what is looked for are the content and κ is 0.4; with less, larger pieces of the
    /// style stay whole; with more, the style's features are mixed with the content's own.
    pub fn new(relative: f64) -> Self {
        let share = if relative.is_finite() { 3.0 * relative / (3.0 * relative + 1.0) } else { 1.0 };
        let hold = if relative > 1.0 { 1.0 - relative.powf(-0.25) } else { 0.0 };
        Self { share: share as f32, coherence: (1.6 * (1.0 - share)).min(1.0) as f32, hold: hold as f32 }
    }

    /// Of a texture, which has no content.
    pub const TEXTURE: Self = Self { share: 0.0, coherence: 0.4, hold: 0.0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_weight_holds_more_of_the_content() {
        let default = Balance::new(1.0);
        assert_eq!((default.share, default.hold), (0.75, 0.0));
        assert!((default.coherence - 0.4).abs() < 1e-6);
        let all: Vec<Balance> = [0.0, 0.1, 0.5, 1.0, 3.0, 80.0, 1e9].map(Balance::new).into();
        for pair in all.windows(2) {
            assert!(pair[0].share < pair[1].share && pair[0].coherence >= pair[1].coherence);
            assert!(pair[0].hold <= pair[1].hold);
        }
        assert_eq!(Balance::new(0.0).share, 0.0);
        assert!(Balance::new(1e9).hold > 0.99 && Balance::new(f64::INFINITY).hold == 1.0);
    }
}
