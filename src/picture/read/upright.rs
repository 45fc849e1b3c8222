//! From a file's samples to a [`Picture`]: to sRGB, onto white, resampled on the way, then turned upright.

use image::metadata::Orientation;

use super::Source;
use super::samples::Cut;
use crate::picture::colour::Conversion;
use crate::picture::metadata::{exif, orientation, xmp};
use crate::picture::resize::Resampler;
use crate::picture::warning::{Warning, WarningKind};
use crate::picture::{Picture, alpha, clamp, fit};

/// The picture, its longer side brought to `longer` px if that is given and smaller.
pub(super) fn picture(source: Source, longer: Option<usize>) -> Result<Picture, String> {
    let Source { samples, colours, orientation, metadata, mut warnings } = source;
    let conversion = Conversion::choose(&colours, samples.model, &mut warnings)?;
    let stored = orientation
        .or_else(|| metadata.exif.as_deref().and_then(exif::orientation))
        .or_else(|| metadata.xmp.as_deref().and_then(xmp::orientation));
    let turn = stored.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);

    let (w, h) = (samples.width, samples.height);
    let channels = if samples.has_alpha() { 4 } else { 3 };
    let size = longer.filter(|longer| *longer < w.max(h)).map(|longer| fit(w, h, longer));
    let mut resampler = size.map(|size| Resampler::new(channels, (w, h), size));
    let mut whole = Vec::new();
    if resampler.is_none() {
        whole
            .try_reserve_exact(channels * w * h)
            .map_err(|_| format!("{w}×{h} px are more than the memory there is; make it smaller first"))?;
        whole.resize(channels * w * h, 0.0);
    }

    let (mut colour, mut rgb) = (Vec::with_capacity(4 * w), vec![0.0; 3 * w]);
    let (mut a, mut row) = (vec![1.0; w], vec![0.0; channels * w]);
    let (mut cut, mut highlights) = (Cut::default(), false);
    for y in 0..h {
        let here = samples.row(y, &mut colour, &mut a);
        if here.not_finite {
            return Err(format!("row {y} holds a value that is not a finite number; repair the file"));
        }
        cut.range |= here.range;
        highlights |= conversion.apply(&colour, samples.model, &mut rgb)?;
        for (c, plane) in row.chunks_exact_mut(w).enumerate() {
            match (c, channels) {
                (3, _) => plane.copy_from_slice(&a),
                (_, 3) => plane.iter_mut().zip(rgb.chunks_exact(3)).for_each(|(v, rgb)| *v = rgb[c]),
                _ => plane
                    .iter_mut()
                    .zip(rgb.chunks_exact(3).zip(&a))
                    .for_each(|(v, (rgb, a))| *v = alpha::onto_white(rgb[c], *a)),
            }
        }
        match &mut resampler {
            Some(resampler) => resampler.push(&row),
            None => {
                for (c, plane) in row.chunks_exact(w).enumerate() {
                    whole[(c * h + y) * w..][..w].copy_from_slice(plane);
                }
            }
        }
    }
    if cut.range {
        warnings.push(Warning::new(WarningKind::Range, "it holds values outside 0 to 1, which are cut"));
    }
    if highlights {
        let text = "it has a high dynamic range; what is brighter than paper white (203 cd/m²) is cut";
        warnings.push(Warning::new(WarningKind::Colour, text));
    }
    let depth = samples.depth();
    drop(samples);
    let (w, h) = size.unwrap_or((w, h));
    let mut planes = resampler.map_or(whole, Resampler::finish);
    clamp(&mut planes);
    let (mut rgb, width, height) = orientation::apply(planes, channels, w, h, turn);
    let alpha = (channels == 4).then(|| rgb.split_off(3 * width * height));
    Ok(Picture { width, height, rgb, alpha, depth, metadata, warnings })
}
