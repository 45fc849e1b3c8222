//! What is refused, and how; hostile files.

use super::*;

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
    assert!(file(b"P6 1 1 255 abc").contains("PNM"));
    assert!(file(b"\x89PNG\r\n\x1a\n").contains("PNG"));
}

#[test]
fn cut_files_are_refused_and_never_panic() {
    let picture = smooth(24, 18);
    for format in Format::ALL {
        let whole = picture.encode(format, &SaveOptions::default()).unwrap();
        for length in 0..whole.len() {
            // A few bytes at the end of a file may be dispensable, half of it never.
            let result = decode(&whole[..length]);
            if length < whole.len() * 3 / 4 || format == Format::Jpeg && length < whole.len() - 2 {
                assert!(result.is_err(), "{format} {length} of {}", whole.len());
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
    let fixtures = [
        "animated.webp",
        "animated.png",
        "cmyk.jpg",
        "progressive.jpg",
        "pages.tif",
        "lossy.webp",
        "animated.gif",
        "jpeg-apart-420.jpg",
        "jpeg-thirds.jpg",
        "tiff-lzw.tif",
        "tiff-jpeg.tif",
        "tiff-group4.tif",
        "tiff-float-predictor.tif",
    ];
    let ours = Format::ALL.map(|format| picture.encode(format, &SaveOptions::default()).unwrap()).into_iter();
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
    for extension in Format::ALL.map(Format::extension) {
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
fn endless_files_and_pipes() {
    // Nothing but zeros is refused by its head.
    assert!(refusal(Picture::read(std::io::repeat(0), Path::new("zeros"), None)).contains("no picture"));
    let file = smooth(9, 7).encode(Format::Png, &SaveOptions::default()).unwrap();
    let picture = Picture::read(&file[..], Path::new("-"), Some(5)).unwrap();
    assert_eq!(picture.width(), 5);
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    assert!(refusal(Picture::read(Broken, Path::new("-"), None)).contains("cannot be read"));
}
