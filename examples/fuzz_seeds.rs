//! Writes seeds for the fuzz targets: `cargo run --example fuzz_seeds -- fuzz/corpus` fills a folder for each.
//!
//! Pictures in every format that is written, with everything that can go along, and the small files of the tests.

use std::fs;
use std::path::Path;

use impasto::picture::{Depth, Format, Metadata, Picture, SaveOptions};

/// EXIF of an orientation, a maker, an exposure and a place, in either byte order.
fn exif(big: bool) -> Vec<u8> {
    let n16 = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let n32 = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&n16(tag)[..], &n16(kind), &n32(count), &value].concat()
    };
    let short = |v: u16| [n16(v)[0], n16(v)[1], 0, 0];
    let mut file = if big { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
    file.extend(n32(8));
    file.extend(n16(4));
    file.extend(entry(0x010F, 2, 8, n32(62)));
    file.extend(entry(0x0112, 3, 1, short(6)));
    file.extend(entry(0x8769, 4, 1, n32(70)));
    file.extend(entry(0x8825, 4, 1, n32(88)));
    file.extend(n32(0));
    file.extend(b"Impasto\0");
    file.extend(n16(1));
    file.extend(entry(0xA002, 4, 1, n32(100)));
    file.extend(n32(0));
    file.extend(n16(1));
    file.extend(entry(0x0001, 2, 2, *b"N\0\0\0"));
    file.extend(n32(0));
    file
}

const PACKET: &str = "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
    <rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' \
    xmlns:exif='http://ns.adobe.com/exif/1.0/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6' \
    xmlns:dc='http://purl.org/dc/elements/1.1/' exif:GPSLatitude='48,8N'><dc:title>A &amp; title</dc:title>\
    <tiff:Orientation>8</tiff:Orientation></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "corpus".into());
    let at = |target: &str| Path::new(&folder).join(target);
    for target in ["pictures", "metadata", "icc"] {
        fs::create_dir_all(at(target))?;
    }
    let mut metadata = Metadata::default();
    metadata.exif = Some(exif(true));
    metadata.xmp = Some(PACKET.as_bytes().to_vec());
    metadata.resolution = Some((300.0, 150.0));
    metadata.intent = Some(1);
    let bytes: Vec<u8> = (0..4 * 12 * 9).map(|i| (i * 29 % 251) as u8).collect();
    let clear = Picture::from_rgba8(12, 9, &bytes)?.with_metadata(metadata);
    let plain = Picture::from_rgb8(12, 12, &bytes)?;
    for format in Format::ALL {
        let name = |kind: &str| at("pictures").join(format!("{kind}.{}", format.extension()));
        fs::write(name("plain"), plain.encode(format, &SaveOptions::default())?)?;
        fs::write(name("clear"), clear.encode(format, &SaveOptions::default())?)?;
        if format.has_sixteen_bits() {
            let deep = clear.clone().with_depth(Depth::Sixteen);
            fs::write(name("deep"), deep.encode(format, &SaveOptions::default())?)?;
        }
    }
    let progressive = SaveOptions::default().progressive(true);
    fs::write(at("pictures").join("progressive.jpg"), plain.encode(Format::Jpeg, &progressive)?)?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pictures");
    for entry in fs::read_dir(fixtures)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension != "py") {
            fs::copy(&path, at("pictures").join(path.file_name().unwrap_or_default()))?;
        }
    }
    for choice in 0..8u8 {
        let content = if choice & 1 == 0 { exif(choice & 2 == 0) } else { PACKET.as_bytes().to_vec() };
        fs::write(at("metadata").join(format!("seed{choice}")), [&[choice][..], &content].concat())?;
    }
    for (name, profile) in [
        ("srgb", moxcms::ColorProfile::new_srgb()),
        ("p3", moxcms::ColorProfile::new_display_p3()),
        ("adobe", moxcms::ColorProfile::new_adobe_rgb()),
        ("prophoto", moxcms::ColorProfile::new_pro_photo_rgb()),
        ("grey", moxcms::ColorProfile::new_gray_with_gamma(1.8)),
        ("pq", moxcms::ColorProfile::new_bt2020_pq()),
    ] {
        fs::write(at("icc").join(name), profile.encode().map_err(|error| format!("{error:?}"))?)?;
    }
    fs::write(at("icc").join("cmyk"), cmyk())?;
    Ok(())
}

/// A CMYK profile with a table of two points an ink.
fn cmyk() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    (0..9).for_each(|i| table.extend(if i % 4 == 0 { 65536u32 } else { 0 }.to_be_bytes()));
    (0..4).for_each(|_| table.extend(0..=255u8));
    (0..16u8).for_each(|i| table.extend([255 - 16 * i, 128, 128]));
    (0..3).for_each(|_| table.extend(0..=255u8));
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    profile.extend(1u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend(144u32.to_be_bytes());
    profile.extend((table.len() as u32).to_be_bytes());
    profile.extend(table);
    let length = profile.len() as u32;
    profile[..4].copy_from_slice(&length.to_be_bytes());
    profile
}
