//! JPEGs that decoders disagree about; docs/formats.md has the table of what was tried.

use super::*;
use impasto::picture::WarningKind;

/// 32×24, halves as in `fixtures/pictures/make.py`.
#[track_caller]
fn assert_halves(picture: &Picture, steps: f32) {
    assert_eq!((picture.width(), picture.height()), (32, 24));
    for y in [0, 11, 23] {
        for x in [0, 7, 12] {
            assert_near(pixel(picture, x, y), LEFT, steps);
            assert_near(pixel(picture, 31 - x, y), RIGHT, steps);
        }
    }
}

#[test]
fn scans_and_samplings_of_every_kind() {
    for name in [
        "apart-420",
        "luma-first-422",
        "finer-chroma",
        "finer-chroma-progressive",
        "thirds",
        "rgb",
        "progressive-420",
    ] {
        let picture =
            Picture::load(&fixture(&format!("jpeg-{name}.jpg"))).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(picture.warnings(), [], "{name}");
        assert_halves(&picture, 6.0);
    }
}

#[test]
fn what_is_not_read_is_named_and_not_called_damaged() {
    for (name, words) in [
        ("12bit", "12-bit JPEG"),
        ("arithmetic", "arithmetic coding"),
        ("lossless", "lossless JPEG"),
        ("four-to-two", "sampled 4:2"),
    ] {
        let text = refusal(Picture::load(&fixture(&format!("jpeg-{name}.jpg"))));
        assert!(text.contains(words) && text.contains("first") && !text.contains("damaged"), "{text}");
    }
}

#[test]
fn a_missing_end_is_told_only_if_every_pixel_is_there() {
    for name in ["rgb", "progressive-420", "apart-420"] {
        let file = fs::read(fixture(&format!("jpeg-{name}.jpg"))).unwrap();
        let whole = decode(&file).unwrap();
        for length in [file.len() - 2, file.len() - 1] {
            let picture = decode(&file[..length]).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(picture, whole);
            assert_eq!(picture.warnings()[0].kind(), WarningKind::Incomplete);
        }
        for length in (600..file.len() - 8).step_by(7) {
            assert!(
                refusal(decode(&file[..length])).contains("too early"),
                "{name} {length} of {}",
                file.len()
            );
        }
    }
}

#[test]
fn colours_by_markers_as_libjpeg_has_them() {
    // The same three components, told apart by their marker (Adobe's) or by their ids alone.
    let file = fs::read(fixture("jpeg-rgb.jpg")).unwrap();
    let adobe = file.windows(7).position(|w| w == b"\xFF\xEE\0\x0EAdo").expect("Adobe's marker");
    let mut bare = file.clone();
    bare.drain(adobe..adobe + 16);
    assert_halves(&decode(&bare).unwrap(), 6.0);
    // Transform 1 says YCbCr, whatever the ids say.
    let mut other = file.clone();
    other[adobe + 15] = 1;
    assert!((pixel(&decode(&other).unwrap(), 3, 3)[0] * 255.0 - f32::from(LEFT[0])).abs() > 20.0);
}

#[test]
fn damage_in_the_middle_is_told() {
    let file = fs::read(fixture("jpeg-rgb.jpg")).unwrap();
    let scan = file.windows(2).position(|w| w == b"\xFF\xDA").unwrap() + 14;
    // The file closes early: what is missing is not there, and that is said.
    let cut = [&file[..scan + (file.len() - scan) / 2], &[0xFF, 0xD9]].concat();
    match decode(&cut) {
        Ok(picture) => assert_eq!(picture.warnings()[0].kind(), WarningKind::Damaged),
        Err(error) => assert!(error.to_string().contains("damaged")),
    }
}

#[test]
fn cmyk_is_converted_with_a_warning() {
    let picture = Picture::load(&fixture("cmyk.jpg")).unwrap();
    assert_eq!(picture.warnings()[0].kind(), WarningKind::Colour);
    assert_near(pixel(&picture, 1, 4), LEFT, 4.0);
    // A header that says CMYK and nothing behind it: told, and the formula taken.
    let picture = Picture::load(&fixture("cmyk-profile.jpg")).unwrap();
    let kinds: Vec<_> = picture.warnings().iter().map(|warning| warning.kind()).collect();
    assert_eq!(kinds, [WarningKind::Profile, WarningKind::Colour]);
    assert_near(pixel(&picture, 1, 4), LEFT, 4.0);
}
