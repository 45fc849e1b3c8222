//! Pictures from values and to values: every public function with sizes of 0, 1 and far too many.

use super::*;
use image::DynamicImage;
use impasto::picture::{MAX_PIXELS, MAX_SIDE, WarningKind, keep_colours, match_colours};

const SIZES: [usize; 9] = [0, 1, 2, 65_535, 65_536, 200_000_001, 1 << 32, usize::MAX / 2, usize::MAX];

fn is_within(width: usize, height: usize) -> bool {
    let sides = (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height);
    sides && width * height <= MAX_PIXELS
}

#[test]
fn no_size_panics() {
    let picture = smooth(3, 2);
    let clear = Picture::from_rgba8(1, 1, &[1, 2, 3, 4]).unwrap();
    for width in SIZES {
        for height in SIZES {
            let small = width.saturating_mul(height) <= 1 << 20;
            assert!(Picture::from_rgb(width, height, vec![0.0; 3]).is_ok() == ((width, height) == (1, 1)));
            assert!(Picture::from_rgb8(width, height, &[0; 3]).is_ok() == ((width, height) == (1, 1)));
            assert!(Picture::from_rgba8(width, height, &[0; 4]).is_ok() == ((width, height) == (1, 1)));
            fit(width, height, width);
            fit(width, height, 512);
            assert!(Format::ALL.iter().all(|format| format.room(width, height, Depth::Sixteen, true) > 0));
            if !small && is_within(width, height) {
                continue; // it would work, and take its time
            }
            assert_eq!(Picture::uniform(width, height, [0.5; 3]).is_ok(), is_within(width, height));
            assert_eq!(picture.resized(width, height).is_ok(), is_within(width, height));
            assert_eq!(clear.resized(width, height).is_ok(), is_within(width, height));
        }
        let longer = width.max(1);
        if longer <= 65_536 {
            assert_eq!(smooth(300, 1).fitted(width).is_ok(), longer <= MAX_SIDE);
        } else {
            assert!(smooth(300, 1).fitted(width).is_err());
        }
        let file = picture.encode(Format::Png, &SaveOptions::default()).unwrap();
        assert!(Picture::decode_at_most(&file, Path::new("x"), width).is_ok());
    }
}

#[test]
fn no_value_panics() {
    for v in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(Picture::uniform(2, 2, [0.5, v, 0.5]).is_err());
        assert!(Picture::from_rgb(1, 1, vec![v; 3]).is_err());
    }
    let huge = Picture::uniform(1, 1, [f32::MAX, f32::MIN, 0.25]).unwrap();
    assert_eq!(huge.rgb(), [1.0, 0.0, 0.25]);
    let dot = Picture::uniform(1, 1, [0.0; 3]).unwrap();
    for other in [&huge, &smooth(5, 1), &smooth(1, 9)] {
        for result in [keep_colours(&dot, other), match_colours(&dot, other), dot.clone().inheriting(other)] {
            assert!(result.rgb().iter().all(|v| (0.0..=1.0).contains(v)));
            assert_eq!(result.width(), 1);
        }
    }
    for quality in [0, 1, 100, 101, 255] {
        let options = SaveOptions::default().quality(quality);
        assert_eq!(dot.encode(Format::Jpeg, &options).is_ok(), (1..=100).contains(&quality));
    }
}

#[test]
fn bytes_there_and_back() {
    let rgb: Vec<u8> = (0..3 * 35).map(|i| (i * 7) as u8).collect();
    let picture = Picture::from_rgb8(7, 5, &rgb).unwrap();
    assert_eq!(picture.to_rgb8(), rgb);
    assert_eq!((picture.depth(), picture.alpha()), (Depth::Eight, None));
    assert_eq!(pixel(&picture, 1, 0), [21.0 / 255.0, 28.0 / 255.0, 35.0 / 255.0]);
    assert_eq!(picture.to_rgba8()[3], 255);
    // What is all clear has no colour of its own; the rest comes back.
    let rgba: Vec<u8> = (0..256).flat_map(|a| [a as u8 / 2, 200, 17, a as u8]).collect();
    let picture = Picture::from_rgba8(16, 16, &rgba).unwrap();
    let again = picture.to_rgba8();
    assert!(again[4..].iter().zip(&rgba[4..]).all(|(g, w)| g.abs_diff(*w) <= 1));
    assert_eq!(picture.to_rgb8()[..3], [255; 3]);
    assert!(Picture::from_rgb8(2, 2, &[0; 11]).is_err() && Picture::from_rgba8(2, 2, &[0; 12]).is_err());
}

#[test]
fn the_image_crate_s_pictures() {
    let rgb: Vec<u8> = (0..3 * 6).map(|i| i * 13).collect();
    let eight = DynamicImage::from(image::RgbImage::from_raw(3, 2, rgb.clone()).unwrap());
    let picture = Picture::try_from(eight.clone()).unwrap();
    assert_eq!(picture.to_rgb8(), rgb);
    assert_eq!(DynamicImage::from(&picture), eight);
    let words: Vec<u16> = (0..4 * 2).map(|i| i * 8000 + 3).collect();
    let sixteen = DynamicImage::ImageRgba16(image::ImageBuffer::from_raw(2, 1, words.clone()).unwrap());
    let picture = Picture::try_from(sixteen).unwrap();
    assert_eq!(picture.depth(), Depth::Sixteen);
    let DynamicImage::ImageRgba16(again) = DynamicImage::from(&picture) else { panic!("16-bit RGBA") };
    assert!(again.as_raw().iter().zip(&words).all(|(g, w)| g.abs_diff(*w) <= 8));
    assert!(Picture::try_from(DynamicImage::new_rgb8(0, 0)).is_err());
    let grey = DynamicImage::new_luma_a8(2, 2);
    assert!(Picture::try_from(grey).unwrap().alpha().is_some());
}

#[cfg(feature = "ndarray")]
#[test]
fn arrays() {
    let picture = smooth(5, 4);
    let array = picture.as_array();
    assert_eq!(array.dim(), (3, 4, 5));
    assert_eq!(Picture::from_array(array).unwrap(), picture);
    let flipped = array.slice(ndarray::s![.., ..;-1, ..]);
    assert_eq!(pixel(&Picture::from_array(flipped).unwrap(), 2, 0), pixel(&picture, 2, 3));
    assert!(Picture::from_array(ndarray::Array3::zeros((4, 2, 2)).view()).is_err());
}

#[test]
fn formats_by_name() {
    for format in Format::ALL {
        assert_eq!(Format::named(format.extension()), Some(format));
        assert_eq!(Format::named(&format.to_string()), Some(format));
    }
    assert_eq!(Format::named("gif"), None);
    let mut bytes = Vec::new();
    let picture = smooth(4, 3);
    picture.encode_to(&mut bytes, Path::new("-"), Format::Tiff, &SaveOptions::default()).unwrap();
    assert_eq!(decode(&bytes).unwrap(), picture);
    let full = picture.encode_to(&mut [0u8; 10][..], Path::new("-"), Format::Png, &SaveOptions::default());
    assert!(matches!(full, Err(Error::Output { .. })));
}

#[test]
fn an_option_is_used_or_refused() {
    let picture = smooth(40, 30);
    for format in Format::ALL {
        let jpeg = format == Format::Jpeg;
        for (options, allowed) in [
            (SaveOptions::default().quality(70), jpeg),
            (SaveOptions::default().progressive(true), jpeg),
            (SaveOptions::default().lossless(true), !jpeg),
            (SaveOptions::default().depth(Depth::Sixteen), format.has_sixteen_bits()),
            (SaveOptions::default().depth(Depth::Eight), true),
        ] {
            assert_eq!(options.check(format).is_ok(), allowed, "{format} {options:?}");
            assert_eq!(picture.encode(format, &options).is_ok(), allowed, "{format} {options:?}");
        }
    }
    let size = |options: SaveOptions| picture.encode(Format::Jpeg, &options).unwrap();
    let (low, usual) = (size(SaveOptions::default().quality(30)), size(SaveOptions::default()));
    assert!(low.len() < usual.len());
    let progressive = size(SaveOptions::default().progressive(true));
    assert!(progressive.windows(2).any(|w| w == [0xFF, 0xC2]), "its frame is a progressive one");
    let (a, b) = (decode(&progressive).unwrap(), decode(&usual).unwrap());
    assert!(a.rgb().iter().zip(b.rgb()).all(|(x, y)| (x - y).abs() < 0.02));
}

#[test]
fn losses_are_told_before_and_after() {
    let clear = Picture::from_rgba8(1, 1, &[200, 100, 0, 128]).unwrap().with_depth(Depth::Sixteen);
    let kinds = |picture: &Picture, format: Format, options: &SaveOptions| -> Vec<WarningKind> {
        picture.losses(format, options).iter().map(|warning| warning.kind()).collect()
    };
    let usual = SaveOptions::default();
    assert_eq!(kinds(&clear, Format::Jpeg, &usual), [WarningKind::Transparency, WarningKind::Depth]);
    assert_eq!(kinds(&clear, Format::WebP, &usual), [WarningKind::Depth]);
    assert_eq!(kinds(&clear, Format::Png, &usual), []);
    let asked = SaveOptions::default().alpha(false).depth(Depth::Eight);
    assert_eq!(kinds(&clear, Format::Jpeg, &asked), [], "what was asked for is no loss");
    let opaque = Picture::from_rgba8(1, 1, &[200, 100, 0, 255]).unwrap();
    assert_eq!(kinds(&opaque, Format::Jpeg, &usual), []);
    let folder = tempfile::tempdir().unwrap();
    let saved = clear.save(&folder.path().join("out.jpg"), &usual).unwrap();
    assert_eq!(saved.len(), 2);
}
