//! What stored values mean: inverted grey, palettes, YCbCr and Lab become grey or RGB.

use super::super::room;
use super::super::samples::{Alpha, Samples, Store};
use super::damaged;
use super::layout::{Compression, Layout, Photometric};
use crate::picture::colour::Model;
use crate::picture::metadata::ifd::Ifd;

/// Grey, RGB or CMYK from the channels as they are stored.
pub(super) fn finish(ifd: &Ifd, layout: &Layout, mut samples: Samples) -> Result<Samples, String> {
    match layout.photometric {
        Photometric::BlackIsZero | Photometric::Rgb | Photometric::Cmyk => {}
        Photometric::WhiteIsZero => invert(&mut samples),
        Photometric::Palette => return palette(ifd, layout, samples),
        // A JPEG's decoder has done it, but for planes of their own.
        Photometric::YCbCr if layout.compression == Compression::Jpeg && !layout.planar => {}
        Photometric::YCbCr => in_threes(&mut samples, ycbcr(ifd)),
        Photometric::Lab => in_threes(&mut samples, lab(layout.bits)),
    }
    Ok(samples)
}

/// The first channel from white to black.
fn invert(samples: &mut Samples) {
    let (pixel, store) = (samples.channels() * samples.store.bytes(), samples.store);
    for values in samples.bytes.chunks_exact_mut(pixel) {
        match store {
            Store::U8 => values[0] = !values[0],
            Store::U16 => values[..2].iter_mut().for_each(|b| *b = !*b),
            Store::F32 => {
                let v = f32::from_ne_bytes([values[0], values[1], values[2], values[3]]);
                values[..4].copy_from_slice(&(1.0 - v).to_ne_bytes());
            }
        }
    }
}

/// Indices to colours (tag 320: all reds, greens, blues, 16 bits each; some programs store 8).
fn palette(ifd: &Ifd, layout: &Layout, samples: Samples) -> Result<Samples, String> {
    let map = ifd.numbers(320).ok_or_else(|| damaged("its palette is missing"))?;
    let size = 1usize << layout.bits;
    if map.len() < 3 * size {
        return Err(damaged("its palette is too short"));
    }
    let eight = map.iter().all(|v| *v < 256);
    let colour = |index: usize, c: usize| {
        let v = map[c * size + index] as u16;
        if eight { v as u8 } else { (v >> 8) as u8 } // programs store 256 or 257 times the value
    };
    let has_alpha = samples.has_alpha();
    let (step, channels) = (samples.store.bytes(), samples.channels());
    let mut bytes =
        room(samples.width * samples.height * (3 + usize::from(has_alpha)), samples.width, samples.height)?;
    let pixels = samples.bytes.chunks_exact(channels * step);
    for (out, stored) in bytes.chunks_exact_mut(3 + usize::from(has_alpha)).zip(pixels) {
        let value = |at: usize| match samples.store {
            Store::U8 => usize::from(stored[at * step]),
            _ => usize::from(u16::from_ne_bytes([stored[at * step], stored[at * step + 1]])),
        };
        (0..3).for_each(|c| out[c] = colour(value(0).min(size - 1), c));
        if has_alpha {
            out[3] = (value(1) * 255 / (size - 1)) as u8;
        }
    }
    let alpha = if has_alpha { samples.alpha } else { Alpha::None };
    Ok(Samples { model: Model::Rgb, alpha, store: Store::U8, bytes, ..samples })
}

/// Applies `convert` to the three colours of each pixel, 8- or 16-bit, as parts of their range.
fn in_threes(samples: &mut Samples, convert: impl Fn([f64; 3]) -> [f64; 3]) {
    let (pixel, store) = (samples.channels() * samples.store.bytes(), samples.store);
    for values in samples.bytes.chunks_exact_mut(pixel) {
        match store {
            Store::U8 => {
                let rgb = convert([0, 1, 2].map(|c| f64::from(values[c]) / 255.0));
                (0..3).for_each(|c| values[c] = (rgb[c].clamp(0.0, 1.0) * 255.0).round() as u8);
            }
            _ => {
                let word =
                    |c: usize| f64::from(u16::from_ne_bytes([values[2 * c], values[2 * c + 1]])) / 65535.0;
                let rgb = convert([0, 1, 2].map(word));
                for (c, v) in rgb.iter().enumerate() {
                    let v = (v.clamp(0.0, 1.0) * 65535.0).round() as u16;
                    values[2 * c..2 * c + 2].copy_from_slice(&v.to_ne_bytes());
                }
            }
        }
    }
}

/// YCbCr by the file's coefficients and ranges (TIFF 6.0, section 21).
fn ycbcr(ifd: &Ifd) -> impl Fn([f64; 3]) -> [f64; 3] {
    let fractions = |tag: u16, default: &[f64]| -> Vec<f64> {
        let order = ifd.order;
        let entry = ifd.find(tag).filter(|entry| entry.kind == 5 && entry.value.len() == 8 * default.len());
        let values = entry.map(|entry| {
            let parts = entry.value.chunks_exact(8);
            parts.map(|b| f64::from(order.u32(&b[..4])) / f64::from(order.u32(&b[4..]))).collect::<Vec<f64>>()
        });
        values.filter(|values| values.iter().all(|v| v.is_finite())).unwrap_or_else(|| default.to_vec())
    };
    let luma = fractions(529, &[0.299, 0.587, 0.114]);
    let range = fractions(532, &[0.0, 255.0, 128.0, 255.0, 128.0, 255.0]);
    let depth = ifd.number(258).unwrap_or(8);
    let most = if depth == 16 && range[1] > 256.0 { 65535.0 } else { 255.0 };
    move |v| {
        let part = |i: usize, coded: f64| {
            (v[i] * most - range[2 * i]) * coded / (range[2 * i + 1] - range[2 * i]).max(1e-6)
        };
        let (y, cb, cr) = (part(0, 1.0), part(1, 127.0 / 255.0), part(2, 127.0 / 255.0));
        let r = cr * (2.0 - 2.0 * luma[0]) + y;
        let b = cb * (2.0 - 2.0 * luma[2]) + y;
        let g = if luma[1] == 0.0 { y } else { (y - luma[2] * b - luma[0] * r) / luma[1] };
        [r, g, b]
    }
}

/// CIE L*a*b* of white point D50 to sRGB: L over the range of the value, a and b signed.
fn lab(bits: usize) -> impl Fn([f64; 3]) -> [f64; 3] {
    let signed = move |part: f64| {
        if bits == 8 {
            f64::from((part * 255.0).round() as u8 as i8)
        } else {
            f64::from((part * 65535.0).round() as u16 as i16) / 256.0
        }
    };
    move |[l, a, b]| {
        let fy = (l * 100.0 + 16.0) / 116.0;
        let (fx, fz) = (fy + signed(a) / 500.0, fy - signed(b) / 200.0);
        let back = |f: f64| {
            if f > 6.0 / 29.0 { f.powi(3) } else { 3.0 * (6.0f64 / 29.0).powi(2) * (f - 4.0 / 29.0) }
        };
        let (x, y, z) = (0.9642 * back(fx), back(fy), 0.8249 * back(fz));
        // XYZ of D50 to linear sRGB, by Bradford's adaptation.
        const M: [[f64; 3]; 3] = [
            [3.1338561, -1.6168667, -0.4906146],
            [-0.9787684, 1.9161415, 0.0334540],
            [0.0719453, -0.2289914, 1.4052427],
        ];
        M.map(|row| {
            let v: f64 = row[0] * x + row[1] * y + row[2] * z;
            if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
        })
    }
}
