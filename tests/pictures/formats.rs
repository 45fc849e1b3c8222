//! Every format there and back, at every depth, with and without alpha.

use super::*;

#[test]
fn every_format_there_and_back() {
    let picture = smooth(37, 23);
    for format in Format::ALL {
        let again = decode(&picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        assert_eq!((again.width(), again.height(), again.depth()), (37, 23, Depth::Eight));
        assert!(again.alpha().is_none());
        let worst = picture.rgb().iter().zip(again.rgb()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let allowed = if format == Format::Jpeg { 10.0 / 255.0 } else { 1e-6 };
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
    for format in Format::ALL {
        for extension in Format::ALL.map(Format::extension).into_iter().chain(["txt", ""]) {
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
    for format in Format::ALL {
        let again = decode(&fine.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        let expected = if format.has_sixteen_bits() { Depth::Sixteen } else { Depth::Eight };
        assert_eq!(again.depth(), expected, "{format:?}");
        if expected == Depth::Sixteen {
            assert!(rgb.iter().zip(again.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
        }
        // Asked for 8 it gives 8; asked for what it cannot do it refuses.
        let eight = SaveOptions::default().depth(Depth::Eight);
        assert_eq!(decode(&fine.encode(format, &eight).unwrap()).unwrap().depth(), Depth::Eight);
        let sixteen = SaveOptions::default().depth(Depth::Sixteen);
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
}

#[test]
fn alpha_is_kept_where_the_format_has_it() {
    let (clear, half, full) = ([9, 9, 9, 0], [200, 100, 0, 128], [10, 20, 30, 255]);
    let picture = decode(&rgba_png(3, 1, &[clear, half, full].concat())).unwrap();
    assert_eq!(pixel(&picture, 0, 0), [1.0; 3]);
    let on_white = [200, 100, 0].map(|v: u8| (f32::from(v) * 128.0 + 255.0 * 127.0) / 255.0);
    assert!((pixel(&picture, 1, 0)[0] * 255.0 - on_white[0]).abs() < 1e-3);
    for format in Format::ALL {
        let file = picture.encode(format, &SaveOptions::default()).unwrap();
        let stored = image::load_from_memory(&file).unwrap();
        assert_eq!(stored.color().has_alpha(), format.has_alpha(), "{format:?}");
        if format.has_alpha() {
            let rgba = stored.to_rgba8();
            assert_eq!((rgba.get_pixel(1, 0).0, rgba.get_pixel(2, 0).0), (half, full), "{format:?}");
            assert_eq!(rgba.get_pixel(0, 0).0[3], 0);
        }
        let flat = SaveOptions::default().alpha(false);
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
    let small = decode(&rgba_png(64, 64, &rgba)).unwrap().resized(16, 16).unwrap();
    let stored =
        image::load_from_memory(&small.encode(Format::Png, &SaveOptions::default()).unwrap()).unwrap();
    for pixel in stored.to_rgba8().pixels().filter(|p| p.0[3] > 25) {
        assert!(pixel.0[0] > 250 && pixel.0[1] < 5, "{pixel:?}");
    }
}

#[test]
fn odd_shapes() {
    for (w, h) in [(1, 1), (1, 10_000), (10_000, 1), (2, 3), (17, 1)] {
        let picture = smooth(w, h);
        for format in Format::ALL {
            let again = decode(&picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
            assert_eq!((again.width(), again.height()), (w, h), "{format:?}");
        }
        let small = picture.fitted(512).unwrap();
        assert_eq!((small.width(), small.height()), fit(w, h, 512));
        assert!(small.rgb().iter().all(|v| (0.0..=1.0).contains(v)));
    }
}

#[test]
fn shrinking_while_reading_is_shrinking_after_reading() {
    for (w, h, longer) in [(97, 61, 40), (61, 97, 1), (50, 50, 50), (50, 20, 400)] {
        let file = smooth(w, h).encode(Format::Png, &SaveOptions::default()).unwrap();
        let during = Picture::decode_at_most(&file, Path::new("test"), longer).unwrap();
        let whole = decode(&file).unwrap();
        let after = whole.fitted(longer.min(w.max(h))).unwrap();
        assert_eq!((during.width(), during.height()), (after.width(), after.height()));
        assert!(during.rgb().iter().zip(after.rgb()).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn saving_replaces_and_leaves_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    for extension in Format::ALL.map(Format::extension) {
        let path = folder.path().join("out").with_extension(extension);
        fs::write(&path, b"something older and longer than nothing").unwrap();
        smooth(5, 4).save(&path, &SaveOptions::default()).unwrap();
        assert_eq!(Picture::load(&path).unwrap().width(), 5);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), Format::ALL.len());
    // What the format cannot hold is refused, and the file that was there stays.
    let wide = Picture::uniform(16_384, 1, [0.5; 3]).unwrap();
    let path = folder.path().join("out.webp");
    assert!(matches!(wide.save(&path, &SaveOptions::default()), Err(Error::Output { .. })));
    assert_eq!(Picture::load(&path).unwrap().width(), 5);
    let zero = SaveOptions::default().quality(0);
    assert!(smooth(2, 2).encode(Format::Jpeg, &zero).is_err());
}

#[test]
fn jpeg_xl_where_it_is_built_in() {
    let plain = Picture::load(&fixture("plain.jxl"));
    #[cfg(not(feature = "jxl"))]
    assert!(refusal(plain).contains("is JPEG XL"));
    #[cfg(feature = "jxl")]
    {
        let plain = plain.unwrap();
        assert_near(pixel(&plain, 1, 4), LEFT, 0.01);
        assert_near(pixel(&plain, 6, 4), RIGHT, 0.01);
        let deep = Picture::load(&fixture("deep.jxl")).unwrap();
        assert_eq!((deep.depth(), deep.width()), (Depth::Sixteen, 8));
        assert!((deep.alpha().unwrap()[9] - 128.0 / 255.0).abs() < 1e-4);
        let file = fs::read(fixture("plain.jxl")).unwrap();
        assert!((0..file.len()).all(|length| decode(&file[..length]).is_err()));
    }
}
