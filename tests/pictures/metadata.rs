//! What goes along with a picture: orientation, EXIF, XMP, resolution, documents.

use super::*;
use impasto::picture::{KeepMetadata, Metadata, WarningKind, read_metadata};

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
fn orientation_by_xmp_and_with_prefix() {
    let bytes = [10u8, 20, 30].repeat(6);
    let xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
        <rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF></x:xmpmeta>";
    let prefixed = [&b"Exif\0\0"[..], &exif(6)].concat();
    let chunks: [(&[u8; 4], &[u8]); 3] = [(b"EXIF", &prefixed), (b"EXIF", &exif(6)), (b"XMP ", xmp)];
    for (name, data) in chunks {
        let mut webp = Vec::new();
        WebPEncoder::new_lossless(&mut webp).write_image(&bytes, 3, 2, ExtendedColorType::Rgb8).unwrap();
        webp.extend([&name[..], &(data.len() as u32).to_le_bytes(), data, &vec![0; data.len() % 2]].concat());
        let length = webp.len() as u32 - 8;
        webp[4..8].copy_from_slice(&length.to_le_bytes());
        let picture = decode(&webp).unwrap();
        assert_eq!((picture.width(), picture.height()), (2, 3), "{name:?}");
    }
    // EXIF counts before XMP.
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif(1)).unwrap();
    encoder.write_image(&bytes, 3, 2, ExtendedColorType::Rgb8).unwrap();
    let text = [&b"XML:com.adobe.xmp\0\0\0\0\0"[..], xmp].concat();
    let body = [&b"iTXt"[..], &text].concat();
    let chunk = [&(text.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat();
    png.splice(33..33, chunk);
    assert_eq!(decode(&png).unwrap().width(), 3);
}

/// EXIF with a maker, an orientation, an exposure, a place and a thumbnail's directory.
fn camera() -> Vec<u8> {
    let mut file = b"MM\0*\0\0\0\x08".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let short = |v: u32| v << 16;
    // Five entries: 8 + 2 + 60 + 4 = 74 is where the values begin.
    file.extend(5u16.to_be_bytes());
    file.extend(entry(0x010F, 2, 8, 74));
    file.extend(entry(0x0112, 3, 1, short(6)));
    file.extend(entry(0x8298, 2, 6, 82));
    file.extend(entry(0x8769, 4, 1, 88));
    file.extend(entry(0x8825, 4, 1, 138));
    file.extend(156u32.to_be_bytes());
    file.extend(b"Impasto\0Mine!\0");
    file.extend(3u16.to_be_bytes());
    file.extend(entry(0x829A, 5, 1, 130));
    file.extend(entry(0x927C, 7, 4, 0x01020304));
    file.extend(entry(0xA002, 4, 1, 9999));
    file.extend(0u32.to_be_bytes());
    file.extend([0, 0, 0, 1, 0, 0, 0, 60]);
    file.extend(1u16.to_be_bytes());
    file.extend(entry(0x0001, 2, 2, u32::from_be_bytes(*b"N\0\0\0")));
    file.extend(0u32.to_be_bytes());
    file.extend(1u16.to_be_bytes());
    file.extend(entry(0x0201, 4, 1, 0));
    file.extend(0u32.to_be_bytes());
    file
}

const PACKET: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>\
    <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
    xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/' \
    exif:GPSLatitude='48,8N'><dc:title>A title</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>";

/// A picture that came with all of it.
fn photo() -> Picture {
    let mut metadata = Metadata::default();
    metadata.exif = Some(camera());
    metadata.xmp = Some(PACKET.as_bytes().to_vec());
    metadata.resolution = Some((300.0, 150.0));
    metadata.intent = Some(1);
    smooth(12, 10).with_metadata(metadata)
}

/// Whether `part` is somewhere in `file`.
fn holds(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|w| w == part)
}

#[test]
fn the_usual_metadata_goes_along_and_the_place_does_not() {
    for format in Format::ALL {
        let file = photo().encode(format, &SaveOptions::default()).unwrap();
        let again = decode(&file).unwrap();
        assert_eq!((again.width(), again.height()), (12, 10), "{format}: upright");
        assert_eq!(again.warnings(), [], "{format}");
        let (x, y) = again.metadata().resolution.unwrap_or_else(|| panic!("{format}"));
        assert!((x - 300.0).abs() < 0.1 && (y - 150.0).abs() < 0.1, "{format}: {x} {y}");
        let kept = format != Format::Bmp;
        for part in [&b"Impasto\0"[..], b"Mine!\0", b"A title"] {
            assert_eq!(holds(&file, part), kept, "{format}");
        }
        assert!(!holds(&file, b"GPS"), "{format}");
        assert!(!holds(&file, &[0x88, 0x25]) || format != Format::Png, "{format}");
        let exif = again.metadata().exif.clone().unwrap_or_default();
        if kept {
            assert!(again.metadata().xmp.is_some());
            // The new size, sRGB, no maker's note.
            for tag in [0xA002u16, 0xA003, 0xA001] {
                assert!(holds(&exif, &tag.to_be_bytes()), "{format} {tag:x}");
            }
            assert!(!holds(&exif, &0x927Cu16.to_be_bytes()) && !holds(&exif, &0x8825u16.to_be_bytes()));
        }
        // Once more, and nothing is lost on the way.
        let twice = decode(&again.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        assert_eq!(twice.metadata(), again.metadata(), "{format}");
    }
    let lost = photo().losses(Format::Bmp, &SaveOptions::default());
    assert_eq!(lost[0].kind(), WarningKind::Metadata);
    assert!(lost[0].message().contains("EXIF and XMP"));
}

#[test]
fn all_or_none_on_request() {
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        let all = SaveOptions::default().metadata(KeepMetadata::All);
        let file = photo().encode(format, &all).unwrap();
        assert!(holds(&file, b"GPSLatitude"), "{format}");
        let exif = decode(&file).unwrap().metadata().exif.clone().unwrap();
        assert!(holds(&exif, &0x8825u16.to_be_bytes()) && holds(&exif, &0x927Cu16.to_be_bytes()), "{format}");
        let none = SaveOptions::default().metadata(KeepMetadata::None);
        let plain = smooth(12, 10).encode(format, &SaveOptions::default()).unwrap();
        assert_eq!(photo().encode(format, &none).unwrap(), plain, "{format}: as if there had been none");
        assert_eq!(photo().losses(format, &none), []);
    }
}

#[cfg(feature = "icc")]
#[test]
fn colours_that_were_told_are_told_again_with_their_intent() {
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        let picture = photo();
        let again = decode(&picture.encode(format, &SaveOptions::default()).unwrap()).unwrap();
        assert_eq!(again.metadata().intent, Some(1), "{format}");
        let plain = decode(&smooth(3, 3).encode(format, &SaveOptions::default()).unwrap()).unwrap();
        assert_eq!(plain.metadata().intent, None, "{format}");
    }
}

#[test]
fn documents_are_stored_and_read_back() {
    let document = "{\"style\": \"<Starry & Night>\", \"π\": [1, 2]}\n";
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Png, Format::Jpeg, Format::WebP, Format::Tiff] {
        for keep in [KeepMetadata::Usual, KeepMetadata::None] {
            let options = SaveOptions::default().document(document).metadata(keep);
            let path = folder.path().join("out").with_extension(format.extension());
            photo().save(&path, &options).unwrap();
            assert_eq!(read_metadata(&path).unwrap().document.as_deref(), Some(document), "{format}");
            let picture = Picture::load(&path).unwrap();
            assert_eq!(picture.metadata().document.as_deref(), Some(document), "{format}");
            assert_eq!(holds(&fs::read(&path).unwrap(), b"A title"), keep == KeepMetadata::Usual, "{format}");
            // It belongs to the file, not to pictures that are made from it.
            assert_eq!(
                decode(&picture.encode(format, &SaveOptions::default()).unwrap())
                    .unwrap()
                    .metadata()
                    .document,
                None
            );
        }
    }
    let options = SaveOptions::default().document(document);
    assert!(
        photo().encode(Format::Bmp, &options).unwrap_err().to_string().contains("no place for a document")
    );
    let long = SaveOptions::default().document("x".repeat(100_000));
    assert!(photo().encode(Format::Jpeg, &long).unwrap_err().to_string().contains(".png"));
    for format in [Format::Png, Format::WebP, Format::Tiff] {
        let again = decode(&photo().encode(format, &long).unwrap()).unwrap();
        assert_eq!(again.metadata().document.as_ref().map(String::len), Some(100_000), "{format}");
    }
    let odd = SaveOptions::default().document("a\0b");
    assert!(photo().encode(Format::Png, &odd).is_err());
}

#[test]
fn damaged_metadata_is_left_out_with_a_warning() {
    let mut metadata = Metadata::default();
    metadata.exif = Some(b"not EXIF".to_vec());
    metadata.xmp = Some(b"<not><xmp>".to_vec());
    let picture = smooth(4, 4).with_metadata(metadata);
    for format in Format::ALL {
        let lost = picture.losses(format, &SaveOptions::default());
        assert_eq!(lost.len(), 1, "{format}");
        let plain = smooth(4, 4).encode(format, &SaveOptions::default()).unwrap();
        assert_eq!(picture.encode(format, &SaveOptions::default()).unwrap(), plain);
    }
    let mut metadata = Metadata::default();
    let long = PACKET.replace("A title", &"long ".repeat(20_000));
    metadata.xmp = Some(long.into_bytes());
    let picture = smooth(4, 4).with_metadata(metadata);
    assert_eq!(picture.losses(Format::Jpeg, &SaveOptions::default())[0].kind(), WarningKind::Metadata);
    assert_eq!(picture.losses(Format::Png, &SaveOptions::default()), []);
    decode(&picture.encode(Format::Jpeg, &SaveOptions::default()).unwrap()).unwrap();
}
