//! Picture files of every kind, good, odd and hostile.

mod destination;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{ExtendedColorType, ImageEncoder};
use impasto::Error;
use impasto::picture::{Depth, Format, Picture, SaveOptions, check_output, fit};

const FORMATS: [(Format, &str); 5] = [
    (Format::Png, "png"),
    (Format::Jpeg, "jpg"),
    (Format::WebP, "webp"),
    (Format::Tiff, "tiff"),
    (Format::Bmp, "bmp"),
];

/// The colours of the fixtures' halves, see `fixtures/pictures/make.py`.
const LEFT: [u8; 3] = [200, 60, 30];
const RIGHT: [u8; 3] = [20, 120, 220];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures").join(name)
}

fn decode(bytes: &[u8]) -> impasto::Result<Picture> {
    Picture::decode(bytes, Path::new("test"))
}

/// What a refused picture's message says.
fn refusal(result: impasto::Result<Picture>) -> String {
    match result {
        Err(error @ Error::Picture { .. }) => {
            let text = error.to_string();
            assert!(!text.contains('\n'), "one sentence: {text}");
            text
        }
        other => panic!("expected a refusal, got {:?}", other.map(|p| (p.width(), p.height()))),
    }
}

fn pixel(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    let (w, plane) = (picture.width(), picture.width() * picture.height());
    std::array::from_fn(|c| picture.rgb()[c * plane + y * w + x])
}

#[track_caller]
fn assert_near(got: [f32; 3], want: [u8; 3], steps: f32) {
    let near = got.iter().zip(want).all(|(g, w)| (g * 255.0 - f32::from(w)).abs() <= steps);
    assert!(near, "{:?} for {want:?}", got.map(|v| v * 255.0));
}

/// Smooth, every value a whole number of 8-bit steps.
fn smooth(width: usize, height: usize) -> Picture {
    let value = |c: usize, x: usize, y: usize| {
        (128.0 + 90.0 * ((x + 2 * c) as f32 * 0.3 + y as f32 * 0.2).sin()).round()
    };
    let rgb = (0..3 * width * height)
        .map(|i| value(i / (width * height), i % width, i / width % height) / 255.0)
        .collect();
    Picture::from_rgb(width, height, rgb).unwrap()
}

/// A PNG of RGBA bytes.
fn rgba_png(width: u32, height: u32, rgba: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(rgba, width, height, ExtendedColorType::Rgba8).unwrap();
    file
}

#[test]
fn every_format_there_and_back() {
    let picture = smooth(37, 23);
    for (format, _) in FORMATS {
        let again = decode(&picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        assert_eq!((again.width(), again.height(), again.depth()), (37, 23, Depth::Eight));
        assert!(again.alpha().is_none());
        let worst = picture.rgb().iter().zip(again.rgb()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let allowed = if format == Format::Jpeg { 8.0 / 255.0 } else { 1e-6 };
        assert!(worst <= allowed, "{format:?}: {worst}");
    }
}

#[test]
fn jpeg_keeps_full_colour_resolution() {
    // Red and blue columns: chroma subsampling would smear them into one purple.
    let rgb = (0..3 * 32 * 32).map(|i| [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]][i / 1024][i % 2]).collect();
    let picture = Picture::from_rgb(32, 32, rgb).unwrap();
    let again = decode(&picture.encode(Format::Jpeg, &SaveOptions::default()).unwrap()).unwrap();
    assert_near(pixel(&again, 10, 10), [255, 0, 0], 12.0);
    assert_near(pixel(&again, 11, 10), [0, 0, 255], 12.0);
}

#[test]
fn content_wins_over_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let picture = smooth(9, 7);
    for (format, _) in FORMATS {
        for (_, extension) in FORMATS.into_iter().chain([(Format::Png, "txt"), (Format::Png, "")]) {
            let path = folder.path().join("picture").with_extension(extension);
            fs::write(&path, picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
            assert_eq!(Picture::load(&path).unwrap().width(), 9, "{format:?} as .{extension}");
        }
    }
}

#[test]
fn sixteen_bits_stay_sixteen() {
    let rgb: Vec<f32> = (0..3 * 50).map(|i| (i * 431 % 65536) as f32 / 65535.0).collect();
    let fine = Picture::from_rgb(10, 5, rgb.clone()).unwrap().with_depth(Depth::Sixteen);
    for (format, _) in FORMATS {
        let again = decode(&fine.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        let expected = if format.has_sixteen_bits() { Depth::Sixteen } else { Depth::Eight };
        assert_eq!(again.depth(), expected, "{format:?}");
        if expected == Depth::Sixteen {
            assert!(rgb.iter().zip(again.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        // Asked for 8 it gives 8; asked for what it cannot do it refuses.
        let eight = SaveOptions { depth: Some(Depth::Eight), ..SaveOptions::default() };
        assert_eq!(decode(&fine.encode(format, &eight).unwrap()).unwrap().depth(), Depth::Eight);
        let sixteen = SaveOptions { depth: Some(Depth::Sixteen), ..SaveOptions::default() };
        assert_eq!(fine.encode(format, &sixteen).is_ok(), format.has_sixteen_bits());
    }
}

#[test]
fn grey_of_both_depths() {
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&[0, 51, 255, 102], 2, 2, ExtendedColorType::L8).unwrap();
    let eight = decode(&file).unwrap();
    assert_eq!(pixel(&eight, 1, 0), [0.2; 3]);
    assert_eq!((pixel(&eight, 0, 1), pixel(&eight, 1, 1)), ([1.0; 3], [0.4; 3]));
    let mut file = Cursor::new(Vec::new());
    let samples: Vec<u8> = [0u16, 13107, 65535].iter().flat_map(|v| v.to_ne_bytes()).collect();
    TiffEncoder::new(&mut file).write_image(&samples, 3, 1, ExtendedColorType::L16).unwrap();
    let sixteen = decode(file.get_ref()).unwrap();
    assert_eq!((pixel(&sixteen, 1, 0), sixteen.depth()), ([0.2; 3], Depth::Sixteen));
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&[102, 51], 1, 1, ExtendedColorType::La8).unwrap();
    let clear = decode(&file).unwrap();
    assert_eq!(clear.alpha(), Some(&[0.2][..]));
    assert!((pixel(&clear, 0, 0)[0] - (0.2 * 0.4 + 0.8)).abs() < 1e-6);
}

#[test]
fn float_tiff_is_cut_and_nan_refused() {
    let tiff = |values: [f32; 3]| {
        let mut file = Cursor::new(Vec::new());
        let samples: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        TiffEncoder::new(&mut file).write_image(&samples, 1, 1, ExtendedColorType::Rgb32F).unwrap();
        decode(file.get_ref())
    };
    assert_eq!(pixel(&tiff([-1.0, 0.25, 7.0]).unwrap(), 0, 0), [0.0, 0.25, 1.0]);
    assert!(refusal(tiff([0.0, f32::NAN, 0.0])).contains("finite"));
}

#[test]
fn kinds_that_other_programs_write() {
    for (name, steps) in [
        ("palette.png", 0.01),
        ("animated.png", 0.01),
        ("animated.webp", 0.01),
        ("pages.tif", 0.01),
        ("cmyk.jpg", 4.0),
        ("progressive.jpg", 25.0),
        ("lossy.webp", 12.0),
    ] {
        let picture = Picture::load(&fixture(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((picture.width(), picture.height()), (8, 8), "{name}");
        assert_near(pixel(&picture, 1, 4), LEFT, steps);
        assert_near(pixel(&picture, 6, 4), RIGHT, steps);
    }
    let clear = Picture::load(&fixture("palette-clear.png")).unwrap();
    assert_eq!((clear.alpha().unwrap()[0], clear.alpha().unwrap()[7]), (0.0, 1.0));
    assert_eq!(pixel(&clear, 0, 0), [1.0; 3]);
    assert_near(pixel(&clear, 6, 4), RIGHT, 0.01);
    let grey = Picture::load(&fixture("grey.jpg")).unwrap();
    assert_near(pixel(&grey, 1, 1), [98; 3], 3.0); // 0.299·200 + 0.587·60 + 0.114·30
    assert!(Picture::load(&fixture("bilevel.png")).unwrap().rgb().iter().all(|v| *v == 0.0 || *v == 1.0));
    assert!(refusal(Picture::load(&fixture("animated.gif"))).contains("is GIF"));
    assert!(refusal(Picture::load(&fixture("cmyk-profile.jpg"))).contains("CMYK"));
}

#[test]
fn alpha_is_kept_where_the_format_has_it() {
    let (clear, half, full) = ([9, 9, 9, 0], [200, 100, 0, 128], [10, 20, 30, 255]);
    let picture = decode(&rgba_png(3, 1, &[clear, half, full].concat())).unwrap();
    assert_eq!(pixel(&picture, 0, 0), [1.0; 3]);
    let on_white = [200, 100, 0].map(|v: u8| (f32::from(v) * 128.0 + 255.0 * 127.0) / 255.0);
    assert!((pixel(&picture, 1, 0)[0] * 255.0 - on_white[0]).abs() < 1e-3);
    for (format, _) in FORMATS {
        let file = picture.encode(format, &SaveOptions::default()).unwrap();
        let stored = image::load_from_memory(&file).unwrap();
        assert_eq!(stored.color().has_alpha(), format.has_alpha(), "{format:?}");
        if format.has_alpha() {
            let rgba = stored.to_rgba8();
            assert_eq!((rgba.get_pixel(1, 0).0, rgba.get_pixel(2, 0).0), (half, full), "{format:?}");
            assert_eq!(rgba.get_pixel(0, 0).0[3], 0);
        }
        let flat = SaveOptions { alpha: false, ..SaveOptions::default() };
        let flat = image::load_from_memory(&picture.encode(format, &flat).unwrap()).unwrap();
        assert!(!flat.color().has_alpha());
        if format != Format::Jpeg {
            assert_eq!(flat.to_rgb8().get_pixel(0, 0).0, [255; 3]);
        }
    }
}

#[test]
fn a_cut_out_gets_no_seam_from_its_clear_colour() {
    // Opaque red on clear green: no trace of green after shrinking.
    let rgba: Vec<u8> =
        (0..64 * 64).flat_map(|i| if i % 64 < 31 { [255, 0, 0, 255] } else { [0, 255, 0, 0] }).collect();
    let small = decode(&rgba_png(64, 64, &rgba)).unwrap().resized(16, 16);
    let stored =
        image::load_from_memory(&small.encode(Format::Png, &SaveOptions::default()).unwrap()).unwrap();
    for pixel in stored.to_rgba8().pixels().filter(|p| p.0[3] > 25) {
        assert!(pixel.0[0] > 250 && pixel.0[1] < 5, "{pixel:?}");
    }
}

/// EXIF with nothing but the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut chunk = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    chunk.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    chunk
}

#[test]
fn orientation_is_applied() {
    // Stored: red, green / blue, white / black, grey, as blocks of 8×8 on a 16×24 picture.
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255; 3], [0; 3], [128; 3]];
    let bytes: Vec<u8> = (0..16 * 24).flat_map(|i| colours[i / 16 / 8 * 2 + i % 16 / 8]).collect();
    // What is seen top left and, beside it, top right, for each value of the tag (EXIF 2.3, table 6).
    let seen = [(0, 1), (1, 0), (5, 4), (4, 5), (0, 4), (4, 0), (5, 1), (1, 5)];
    for (value, (left, right)) in (1..=8).zip(seen) {
        let (mut jpeg, mut png, mut webp) = (Vec::new(), Vec::new(), Vec::new());
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
        encoder.set_exif_metadata(exif(value)).unwrap();
        encoder.write_image(&bytes, 16, 24, ExtendedColorType::Rgb8).unwrap();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(exif(value)).unwrap();
        encoder.write_image(&bytes, 16, 24, ExtendedColorType::Rgb8).unwrap();
        let mut encoder = WebPEncoder::new_lossless(&mut webp);
        encoder.set_exif_metadata(exif(value)).unwrap();
        encoder.write_image(&bytes, 16, 24, ExtendedColorType::Rgb8).unwrap();
        for file in [jpeg, png, webp] {
            let picture = decode(&file).unwrap();
            let (w, h) = if value < 5 { (16, 24) } else { (24, 16) };
            assert_eq!((picture.width(), picture.height()), (w, h), "{value}");
            assert_near(pixel(&picture, 3, 3), colours[left], 3.0);
            assert_near(pixel(&picture, w - 4, 3), colours[right], 3.0);
            let small = Picture::decode_at_most(&file, Path::new("test"), 12).unwrap();
            assert_eq!((small.width(), small.height()), if value < 5 { (8, 12) } else { (12, 8) });
            assert_near(pixel(&small, 1, 1), colours[left], 20.0);
        }
    }
}

#[cfg(feature = "icc")]
#[test]
fn profiles_are_converted_in_every_format() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let (bytes, want) = ([153u8, 128, 102].repeat(64), [158, 127, 98]); // computed from the primaries
    let (mut png, mut jpeg, mut webp, mut tiff) =
        (Vec::new(), Vec::new(), Vec::new(), Cursor::new(Vec::new()));
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    let mut encoder = TiffEncoder::new(&mut tiff);
    encoder.set_icc_profile(profile).unwrap();
    encoder.write_image(&bytes, 8, 8, ExtendedColorType::Rgb8).unwrap();
    for file in [png, jpeg, webp, tiff.into_inner()] {
        assert_near(pixel(&decode(&file).unwrap(), 4, 4), want, 1.6);
    }
}

#[test]
fn a_profile_is_never_ignored() {
    let with = |profile: &[u8]| {
        let mut file = Vec::new();
        let mut encoder = PngEncoder::new(&mut file);
        encoder.set_icc_profile(profile.to_vec()).unwrap();
        encoder.write_image(&[1, 2, 3], 1, 1, ExtendedColorType::Rgb8).unwrap();
        decode(&file)
    };
    assert!(refusal(with(b"not a profile")).contains("profile"));
    // A header that says RGB and nothing behind it: damaged, or (without the feature) not known to be sRGB.
    let hollow = [&[0; 16][..], b"RGB XYZ ", &[0; 150]].concat();
    let text = refusal(with(&hollow));
    assert!(text.contains("profile"), "{text}");
    #[cfg(not(feature = "icc"))]
    assert!(text.contains("feature `icc`"), "{text}");
}

#[test]
fn odd_shapes() {
    for (w, h) in [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (17, 1)] {
        let picture = smooth(w, h);
        for (format, _) in FORMATS {
            let again = decode(&picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
            assert_eq!((again.width(), again.height()), (w, h), "{format:?}");
        }
        let small = picture.fitted(512);
        assert_eq!((small.width(), small.height()), fit(w, h, 512));
        assert!(small.rgb().iter().all(|v| (0.0..=1.0).contains(v)));
    }
    assert_eq!(smooth(3, 3).resized(0, 2).width(), 1);
}

#[test]
fn shrinking_while_reading_is_shrinking_after_reading() {
    for (w, h, longer) in [(97, 61, 40), (61, 97, 1), (50, 50, 50), (50, 20, 400)] {
        let file = smooth(w, h).encode(Format::Png, &SaveOptions::default()).unwrap();
        let during = Picture::decode_at_most(&file, Path::new("test"), longer).unwrap();
        let whole = decode(&file).unwrap();
        let after = whole.fitted(longer.min(w.max(h)));
        assert_eq!((during.width(), during.height()), (after.width(), after.height()));
        assert!(during.rgb().iter().zip(after.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn what_is_no_picture_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = |content: &[u8]| {
        let path = folder.path().join("file.png");
        fs::write(&path, content).unwrap();
        refusal(Picture::load(&path))
    };
    assert!(refusal(Picture::load(&folder.path().join("missing.png"))).contains("no such file"));
    assert!(refusal(Picture::load(folder.path())).contains("is a folder"));
    assert!(file(b"").contains("empty"));
    assert!(file(b"Just some text.").contains("no picture"));
    assert!(file(b"<svg xmlns='http://www.w3.org/2000/svg'/>").contains("SVG"));
    assert!(file(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").contains("HEIC"));
    assert!(file(b"P6 1 1 255 abc").contains("expected PNG, JPEG, WebP, TIFF or BMP"));
    assert!(file(b"\x89PNG\r\n\x1a\n").contains("PNG"));
}

#[test]
fn cut_files_are_refused_and_never_panic() {
    let picture = smooth(24, 18);
    for (format, _) in FORMATS {
        let whole = picture.encode(format, &SaveOptions::default()).unwrap();
        for length in 0..whole.len() {
            // A few bytes at the end of a file may be dispensable, half of it never.
            let result = decode(&whole[..length]);
            if length < whole.len() * 3 / 4 || format == Format::Jpeg {
                let text = refusal(result);
                assert!(!text.contains("does not survive"), "{format:?} panicked at {length}");
            }
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let picture = smooth(24, 18);
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    let fixtures =
        ["animated.webp", "animated.png", "cmyk.jpg", "progressive.jpg", "pages.tif", "lossy.webp"];
    let ours = FORMATS.iter().map(|(format, _)| picture.encode(*format, &SaveOptions::default()).unwrap());
    for whole in ours.chain(fixtures.iter().map(|name| fs::read(fixture(name)).unwrap())) {
        for _ in 0..150 {
            let mut file = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % file.len();
                file[at] = random() as u8;
            }
            // Whatever comes is a picture or a refusal; a caught panic is a refusal, too.
            match Picture::decode_at_most(&file, Path::new("test"), 64) {
                Ok(picture) => assert!(picture.rgb().iter().all(|v| (0.0..=1.0).contains(v))),
                Err(error) => assert!(matches!(error, Error::Picture { .. })),
            }
        }
    }
}

/// CRC-32 as PNG wants it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let png = |width: u32, height: u32| {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in [
            (b"IHDR", [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat()),
            (b"IDAT", vec![0x78, 0x9C, 0x63]),
            (b"IEND", vec![]),
        ] {
            file.extend((data.len() as u32).to_be_bytes());
            let chunk = [&kind[..], &data].concat();
            file.extend(&chunk);
            file.extend(crc(&chunk).to_be_bytes());
        }
        file
    };
    for (width, height) in [(40_000, 40_000), (65_535, 65_535), (2_000_000_000, 2_000_000_000), (70_000, 1)] {
        let text = refusal(decode(&png(width, height)));
        assert!(text.contains("make it smaller"), "{text}");
    }
    // Within the limits, but not all there.
    assert!(!refusal(decode(&png(100, 100))).contains("make it smaller"));
    let mut bmp = smooth(2, 2).encode(Format::Bmp, &SaveOptions::default()).unwrap();
    bmp[18..26].copy_from_slice(&[0x60, 0xEA, 0, 0, 0x60, 0xEA, 0, 0]); // 60 000 × 60 000
    assert!(refusal(decode(&bmp)).contains("make it smaller"));
}

#[test]
fn outputs_are_checked_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str| check_output(&folder.path().join(name));
    let message = |name: &str| match check(name) {
        Err(error @ Error::Output { .. }) => error.to_string(),
        other => panic!("{name}: {other:?}"),
    };
    for (_, extension) in FORMATS {
        check(&format!("out.{extension}")).unwrap();
        check(&format!("OUT.{}", extension.to_uppercase())).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a check leaves nothing behind");
    assert!(message("missing/out.png").contains("no folder"));
    for name in ["out.gif", "out", ".png", "out.png.txt"] {
        assert!(message(name).contains(Format::EXTENSIONS), "{name}");
    }
    assert!(message("").contains("is a folder"));
    fs::create_dir(folder.path().join("taken.png")).unwrap();
    assert!(message("taken.png").contains("is a folder"));
    fs::write(folder.path().join("plain"), b"").unwrap();
    assert!(message("plain/out.png").contains("not a folder"));
    let path = folder.path().join("protected.png");
    fs::write(&path, b"").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert!(message("protected.png").contains("write-protected"));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_found_out() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let path = folder.path().join("out.png");
    // The superuser may write everywhere; then there is nothing to find out.
    let allowed = fs::write(folder.path().join("probe"), b"").is_ok();
    assert_eq!(check_output(&path).is_ok(), allowed);
    assert_eq!(smooth(2, 2).save(&path, &SaveOptions::default()).is_ok(), allowed);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn saving_replaces_and_leaves_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    for (_, extension) in FORMATS {
        let path = folder.path().join("out").with_extension(extension);
        fs::write(&path, b"something older and longer than nothing").unwrap();
        smooth(5, 4).save(&path, &SaveOptions::default()).unwrap();
        assert_eq!(Picture::load(&path).unwrap().width(), 5);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), FORMATS.len());
    // What the format cannot hold is refused, and the file that was there stays.
    let wide = Picture::uniform(16_384, 1, [0.5; 3]).unwrap();
    let path = folder.path().join("out.webp");
    assert!(matches!(wide.save(&path, &SaveOptions::default()), Err(Error::Output { .. })));
    assert_eq!(Picture::load(&path).unwrap().width(), 5);
    let zero = SaveOptions { jpeg_quality: 0, ..SaveOptions::default() };
    assert!(smooth(2, 2).encode(Format::Jpeg, &zero).is_err());
}
