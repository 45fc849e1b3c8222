//! The EXIF orientation: how the camera was held.

use image::metadata::Orientation;

/// `data`, `channels`×`h`×`w`, as it is to be seen, with its width and height.
pub(in crate::picture) fn apply(
    data: Vec<f32>,
    channels: usize,
    w: usize,
    h: usize,
    how: Orientation,
) -> (Vec<f32>, usize, usize) {
    // The upright picture at (x, y) is the stored one at (x, y) or, turned, at (y, x), then mirrored.
    let (turned, mirror_x, mirror_y) = match how {
        Orientation::NoTransforms => return (data, w, h),
        Orientation::FlipHorizontal => (false, true, false),
        Orientation::Rotate180 => (false, true, true),
        Orientation::FlipVertical => (false, false, true),
        Orientation::Rotate90FlipH => (true, false, false),
        Orientation::Rotate90 => (true, false, true),
        Orientation::Rotate270FlipH => (true, true, true),
        Orientation::Rotate270 => (true, true, false),
    };
    let (new_w, new_h) = if turned { (h, w) } else { (w, h) };
    let mut out = Vec::with_capacity(data.len());
    for c in 0..channels {
        let plane = &data[c * w * h..][..w * h];
        for y in 0..new_h {
            for x in 0..new_w {
                let (sx, sy) = if turned { (y, x) } else { (x, y) };
                let sx = if mirror_x { w - 1 - sx } else { sx };
                let sy = if mirror_y { h - 1 - sy } else { sy };
                out.push(plane[sy * w + sx]);
            }
        }
    }
    (out, new_w, new_h)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_image_crate() {
        let (w, h) = (5u32, 3u32);
        let stored = image::GrayImage::from_fn(w, h, |x, y| image::Luma([(y * w + x) as u8]));
        let values: Vec<f32> = stored.as_raw().iter().map(|v| f32::from(*v)).collect();
        let twice = [values.clone(), values.iter().map(|v| v + 100.0).collect()].concat();
        for exif in 1..=8 {
            let how = Orientation::from_exif(exif).unwrap();
            let mut seen = image::DynamicImage::ImageLuma8(stored.clone());
            seen.apply_orientation(how);
            let (got, got_w, got_h) = apply(twice.clone(), 2, w as usize, h as usize, how);
            assert_eq!((got_w as u32, got_h as u32), (seen.width(), seen.height()), "{how:?}");
            let want: Vec<f32> = seen.to_luma8().as_raw().iter().map(|v| f32::from(*v)).collect();
            assert_eq!(got[..15], want[..], "{how:?}");
            assert!(got[15..].iter().zip(&want).all(|(g, w)| *g == w + 100.0));
        }
    }
}
