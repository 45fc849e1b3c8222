//! Noise to start from: the same for a seed on every machine, up to the last bit of `ln` and `cos`.

use crate::error::Result;
use crate::picture::Picture;
use crate::pyramid::Size;

/// SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for every seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normal with mean 0 and variance 1 (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// White noise around middle grey.
///
/// # Errors
/// If a side is 0.
pub fn picture(seed: u64, (width, height): Size) -> Result<Picture> {
    let mut random = Random::new(seed);
    let rgb = (0..3 * width * height).map(|_| (0.5 + 0.15 * random.normal()) as f32).collect();
    Picture::from_rgb(width, height, rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_and_the_moments_are_right() {
        let (one, same, other) = (picture(1, (64, 64)), picture(1, (64, 64)), picture(2, (64, 64)));
        let (one, same, other) = (one.unwrap(), same.unwrap(), other.unwrap());
        assert_eq!(one, same);
        assert_ne!(one, other);
        let n = one.rgb().len() as f64;
        let mean = one.rgb().iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = one.rgb().iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
        assert!((mean - 0.5).abs() < 0.01 && (variance.sqrt() - 0.15).abs() < 0.01, "{mean} {variance}");
    }
}
