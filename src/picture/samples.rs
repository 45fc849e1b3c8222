//! Decoded bytes, row by row, as colour and alpha in [0, 1].

use image::ColorType;

use super::Depth;

/// A decoded picture as the `image` crate hands it out: interleaved samples in native byte order.
pub(super) struct Samples {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) colour_type: ColorType,
    pub(super) bytes: Vec<u8>,
}

impl Samples {
    /// Whether a pixel has one colour value instead of three.
    pub(super) fn is_grey(&self) -> bool {
        !self.colour_type.has_color()
    }

    /// Whether each pixel carries alpha.
    pub(super) fn has_alpha(&self) -> bool {
        self.colour_type.has_alpha()
    }

    /// How finely the file stores its values.
    pub(super) fn depth(&self) -> Depth {
        if self.bytes_per_sample() == 1 { Depth::Eight } else { Depth::Sixteen }
    }

    fn bytes_per_sample(&self) -> usize {
        usize::from(self.colour_type.bytes_per_pixel() / self.colour_type.channel_count())
    }

    /// Row `y`: `colour` gets 1 or 3 values a pixel, interleaved, `alpha` one (untouched without alpha).
    ///
    /// Floating-point samples are cut to [0, 1].
    ///
    /// # Errors
    ///
    /// The message, when a floating-point sample is not finite.
    pub(super) fn row(&self, y: usize, colour: &mut Vec<f32>, alpha: &mut [f32]) -> Result<(), String> {
        let length = self.width * usize::from(self.colour_type.bytes_per_pixel());
        let row = &self.bytes[y * length..][..length];
        colour.clear();
        match self.bytes_per_sample() {
            1 => self.split(row.iter().map(|v| f32::from(*v) / 255.0), colour, alpha),
            2 => {
                let samples = row.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]]));
                self.split(samples.map(|v| f32::from(v) / 65535.0), colour, alpha);
            }
            _ => {
                let samples = row.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
                if samples.clone().any(|v| !v.is_finite()) {
                    return Err(format!(
                        "row {y} holds a value that is not a finite number; repair the file"
                    ));
                }
                self.split(samples.map(|v| v.clamp(0.0, 1.0)), colour, alpha);
            }
        }
        Ok(())
    }

    fn split(&self, mut samples: impl Iterator<Item = f32>, colour: &mut Vec<f32>, alpha: &mut [f32]) {
        if !self.has_alpha() {
            return colour.extend(samples);
        }
        let colours = usize::from(self.colour_type.channel_count()) - 1;
        for a in alpha.iter_mut() {
            colour.extend(samples.by_ref().take(colours));
            *a = samples.next().unwrap_or(1.0);
        }
    }
}
