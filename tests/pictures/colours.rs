//! Colours as files tell them: chunks, profiles, calibrations.

use super::*;
use impasto::picture::WarningKind;

/// A 1×1 PNG of one colour with chunks behind its header.
fn png_with(rgb: [u8; 3], chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&rgb, 1, 1, ExtendedColorType::Rgb8).unwrap();
    let mut extra = Vec::new();
    for (name, data) in chunks {
        extra.extend((data.len() as u32).to_be_bytes());
        let chunk = [&name[..], data].concat();
        extra.extend(&chunk);
        extra.extend(crc(&chunk).to_be_bytes());
    }
    file.splice(33..33, extra);
    file
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

const LINEAR: u32 = 100_000;
/// Display P3's chromaticities, as cHRM has them.
const P3: [u32; 8] = [31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000];

#[test]
fn png_chunks_by_precedence() {
    let gamma = || (b"gAMA", words(&[LINEAR]));
    let p3 = || (b"cICP", vec![12, 13, 0, 1]);
    let srgb = || (b"sRGB", vec![0]);
    let of =
        |rgb: [u8; 3], chunks: &[(&[u8; 4], Vec<u8>)]| pixel(&decode(&png_with(rgb, chunks)).unwrap(), 0, 0);
    // The values are those of the book: linear 40, 200, 85 and P3's 153, 128, 102.
    assert_near(of([40, 200, 85], &[gamma()]), [110, 229, 156], 1.0);
    assert_near(of([153, 128, 102], &[p3()]), [158, 127, 98], 1.0);
    assert_near(of([255, 0, 0], &[p3()]), [255, 0, 0], 0.01);
    assert_near(of([153, 128, 102], &[(b"cHRM", words(&P3))]), [158, 127, 98], 1.0);
    assert_near(
        of([153, 128, 102], &[(b"cHRM", words(&P3)), (b"gAMA", words(&[45455]))]),
        [158, 127, 98],
        1.0,
    );
    // cICP before all, sRGB before gAMA; 1/2.2 is sRGB's own curve.
    assert_near(of([153, 128, 102], &[p3(), srgb(), gamma()]), [158, 127, 98], 1.0);
    assert_near(of([40, 200, 85], &[srgb(), gamma()]), [40, 200, 85], 0.01);
    assert_near(of([40, 200, 85], &[(b"gAMA", words(&[45455]))]), [40, 200, 85], 0.01);
    // Grey follows the curve alone.
    let grey = of([85; 3], &[gamma(), (b"cHRM", words(&P3))]);
    assert_near(grey, [156; 3], 1.0);
}

#[cfg(feature = "icc")]
#[test]
fn a_png_profile_counts_before_srgb_and_after_code_points() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile).unwrap();
    encoder.write_image(&[153, 128, 102], 1, 1, ExtendedColorType::Rgb8).unwrap();
    assert_near(pixel(&decode(&file).unwrap(), 0, 0), [158, 127, 98], 1.0);
    let mut with = file.clone();
    let chunk = |name: &[u8], data: &[u8]| {
        let body = [name, data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
    };
    with.splice(33..33, chunk(b"cICP", &[1, 13, 0, 1]));
    assert_near(pixel(&decode(&with).unwrap(), 0, 0), [153, 128, 102], 0.01);
}

#[test]
fn a_damaged_profile_is_ignored_with_a_warning_in_every_format() {
    let bytes = [153u8, 128, 102].repeat(64);
    let rubbish = [&[0; 16][..], b"RGB XYZ ", &[0; 150]].concat();
    let (mut png, mut jpeg, mut webp, mut tiff) =
        (Vec::new(), Vec::new(), Vec::new(), Cursor::new(Vec::new()));
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(rubbish.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    encoder.set_icc_profile(rubbish.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(rubbish.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = TiffEncoder::new(&mut tiff);
    encoder.set_icc_profile(rubbish.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let bmp = bmp_v5(b"MBED", &rubbish);
    // A chunk whose sum is wrong, and one that cannot be unpacked.
    let mut broken = png.clone();
    broken[60] ^= 0x55;
    let unpackable = png_with([153, 128, 102], &[(b"iCCP", b"name\0\0not deflated".to_vec())]);
    for file in [png, jpeg, webp, tiff.into_inner(), bmp, broken, unpackable] {
        let picture = decode(&file).unwrap();
        assert_eq!(picture.warnings()[0].kind(), WarningKind::Profile);
        assert_near(pixel(&picture, 0, 0), [153, 128, 102], 1.6);
    }
}

#[cfg(not(feature = "icc"))]
#[test]
fn a_whole_profile_needs_the_feature() {
    let profile =
        [&[0; 16][..], b"RGB XYZ ", &[0; 104], &words(&[1]), b"desc", &words(&[144, 4]), b"wide"].concat();
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile).unwrap();
    encoder.write_image(&[1, 2, 3], 1, 1, ExtendedColorType::Rgb8).unwrap();
    assert!(refusal(decode(&file)).contains("feature `icc`"));
}

/// A 1×1 BMP of version 5 of (153, 128, 102) with a colour space and a profile behind the pixels.
fn bmp_v5(space: &[u8; 4], profile: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 138];
    file[..2].copy_from_slice(b"BM");
    let mut put = |at: usize, v: u32| file[at..at + 4].copy_from_slice(&v.to_le_bytes());
    put(2, 142 + profile.len() as u32);
    put(10, 138);
    put(14, 124);
    put(18, 1);
    put(22, 1);
    put(26, 1 | 24 << 16);
    put(34, 4);
    put(70, u32::from_be_bytes(*space));
    put(122, 4); // perceptual
    put(126, 124 + 4);
    put(130, profile.len() as u32);
    [file, vec![102, 128, 153, 0], profile.to_vec()].concat()
}

#[test]
fn bmp_colours_of_every_kind() {
    for space in [b"sRGB", b"Win "] {
        let picture = decode(&bmp_v5(space, &[])).unwrap();
        assert_near(pixel(&picture, 0, 0), [153, 128, 102], 0.01);
        assert_eq!(picture.warnings(), []);
    }
    assert_eq!(decode(&bmp_v5(&[0; 4], &[])).unwrap().warnings(), [], "empty fields say nothing");
    let linked = decode(&bmp_v5(b"LINK", b"C:\\profile.icm\0")).unwrap();
    assert_eq!(linked.warnings()[0].kind(), WarningKind::Profile);
    // Calibrated: P3's endpoints with sRGB's curve as 2.2, near enough.
    let mut calibrated = bmp_v5(&[0; 4], &[]);
    for (i, (x, y)) in [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06)].into_iter().enumerate() {
        for (c, v) in [x, y, 1.0 - x - y].into_iter().enumerate() {
            let fixed = (v * f64::from(1 << 30)) as u32;
            calibrated[74 + 12 * i + 4 * c..][..4].copy_from_slice(&fixed.to_le_bytes());
        }
        calibrated[110 + 4 * i..][..4].copy_from_slice(&((2.2 * 65536.0) as u32).to_le_bytes());
    }
    assert_near(pixel(&decode(&calibrated).unwrap(), 0, 0), [158, 127, 98], 2.0);
    #[cfg(feature = "icc")]
    {
        let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        let picture = decode(&bmp_v5(b"MBED", &profile)).unwrap();
        assert_near(pixel(&picture, 0, 0), [158, 127, 98], 1.0);
    }
}

#[test]
fn a_qoi_that_says_linear() {
    let qoi = |space: u8| {
        let head = [&b"qoif"[..], &words(&[1, 1]), &[3, space]].concat();
        [head, vec![0xFE, 40, 200, 85], vec![0, 0, 0, 0, 0, 0, 0, 1]].concat()
    };
    assert_near(pixel(&decode(&qoi(0)).unwrap(), 0, 0), [40, 200, 85], 0.01);
    assert_eq!(decode(&qoi(0)).unwrap().warnings(), []);
    let linear = decode(&qoi(1)).unwrap();
    assert_near(pixel(&linear, 0, 0), [40, 200, 85], 0.01);
    assert_eq!(linear.warnings()[0].kind(), WarningKind::Profile);
}

#[test]
fn gif_frames_and_clear_pixels() {
    let plain = Picture::load(&fixture("plain.gif")).unwrap();
    assert_near(pixel(&plain, 1, 4), LEFT, 0.01);
    assert!(plain.alpha().is_none() && plain.warnings().is_empty());
    let clear = Picture::load(&fixture("clear.gif")).unwrap();
    assert_eq!((clear.alpha().unwrap()[0], clear.alpha().unwrap()[63]), (0.0, 1.0));
    assert_near(pixel(&clear, 6, 6), RIGHT, 0.01);
    let animated = Picture::load(&fixture("animated.gif")).unwrap();
    assert_near(pixel(&animated, 1, 4), LEFT, 0.01);
    assert_eq!(animated.warnings()[0].kind(), WarningKind::Frames);
}
