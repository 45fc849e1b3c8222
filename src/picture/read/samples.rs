//! Decoded values, row by row, as colour and alpha in [0, 1].

use crate::picture::Depth;
use crate::picture::colour::Model;

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::picture) enum Store {
    U8,
    U16,
    F32,
}

impl Store {
    pub(in crate::picture) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// What a pixel's last value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::picture) enum Alpha {
    None,
    /// Colours are as they would be without transparency.
    Straight,
    /// Colours are multiplied by alpha.
    Associated,
}

/// A decoded picture: interleaved values in native byte order, rows from the top.
#[derive(Debug)]
pub(in crate::picture) struct Samples {
    pub width: usize,
    pub height: usize,
    pub model: Model,
    pub alpha: Alpha,
    pub store: Store,
    pub bytes: Vec<u8>,
}

/// What a row had that a picture has not.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::picture) struct Cut {
    /// A value outside [0, 1].
    pub range: bool,
    /// A value that is no finite number.
    pub not_finite: bool,
}

impl Samples {
    /// Whether each pixel carries alpha.
    pub(in crate::picture) fn has_alpha(&self) -> bool {
        self.alpha != Alpha::None
    }

    /// How finely the file stores its values.
    pub(in crate::picture) fn depth(&self) -> Depth {
        if self.store == Store::U8 { Depth::Eight } else { Depth::Sixteen }
    }

    /// Values a pixel.
    pub(in crate::picture) fn channels(&self) -> usize {
        self.model.channels() + usize::from(self.has_alpha())
    }

    /// Row `y`: `colour` gets the model's values a pixel, interleaved, `alpha` one (untouched without alpha). Values
    /// are cut to [0, 1]; those that are no finite numbers become 0.
    pub(in crate::picture) fn row(&self, y: usize, colour: &mut Vec<f32>, alpha: &mut [f32]) -> Cut {
        let length = self.width * self.channels() * self.store.bytes();
        let row = &self.bytes[y * length..][..length];
        colour.clear();
        let mut cut = Cut::default();
        match self.store {
            Store::U8 => self.split(row.iter().map(|v| f32::from(*v) / 255.0), colour, alpha),
            Store::U16 => {
                let samples = row.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]]));
                self.split(samples.map(|v| f32::from(v) / 65535.0), colour, alpha);
            }
            Store::F32 => {
                let samples = row.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
                let samples = samples.map(|v| {
                    cut.not_finite |= !v.is_finite();
                    cut.range |= v.is_finite() && !(-1e-6..=1.0 + 1e-6).contains(&v);
                    if v.is_finite() { v.clamp(0.0, 1.0) } else { 0.0 }
                });
                self.split(samples, colour, alpha);
            }
        }
        if self.alpha == Alpha::Associated {
            let channels = self.model.channels();
            for (colour, a) in colour.chunks_exact_mut(channels).zip(alpha.iter()) {
                colour.iter_mut().for_each(|v| *v = if *a > 0.0 { (*v / a).min(1.0) } else { 0.0 });
            }
        }
        cut
    }

    fn split(&self, mut samples: impl Iterator<Item = f32>, colour: &mut Vec<f32>, alpha: &mut [f32]) {
        if !self.has_alpha() {
            return colour.extend(samples);
        }
        let colours = self.model.channels();
        for a in alpha.iter_mut() {
            colour.extend(samples.by_ref().take(colours));
            *a = samples.next().unwrap_or(1.0);
        }
    }
}
