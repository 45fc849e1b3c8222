//! What a file is, by its content alone, and what to do with those that are not read.

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    WebP,
    Tiff,
    Bmp,
    Gif,
    Qoi,
    #[cfg(feature = "jxl")]
    Jxl,
}

/// The formats that are read, for messages.
pub(in crate::picture) const KNOWN: &str = "PNG, JPEG, WebP, TIFF, BMP, GIF or QOI";

/// Bytes at the beginning that are enough to recognise every kind here.
pub(super) const HEAD: usize = 4096;

const CONVERT: &str = "convert it to PNG, TIFF or JPEG first";
const DEVELOP: &str = "develop it to TIFF or PNG with a raw converter first";
const RENDER: &str = "render it to PNG first, at the size that you want";
const FLATTEN: &str = "export it flattened to PNG or TIFF from its program first";
const STILL: &str = "take a still out of it first";

/// Formats with a signature: its place, its bytes, the format's name, what to do.
const OTHERS: [(usize, &[u8], &str, &str); 48] = [
    (0, b"II*\0\x10\0\0\0CR", "a camera's RAW (CR2)", DEVELOP),
    (4, b"ftypcrx ", "a camera's RAW (CR3)", DEVELOP),
    (0, b"IIRO", "a camera's RAW (ORF)", DEVELOP),
    (0, b"IIRS", "a camera's RAW (ORF)", DEVELOP),
    (0, b"MMOR", "a camera's RAW (ORF)", DEVELOP),
    (0, b"IIU\0", "a camera's RAW (RW2)", DEVELOP),
    (0, b"FUJIFILMCCD-RAW", "a camera's RAW (RAF)", DEVELOP),
    (0, b"FOVb", "a camera's RAW (X3F)", DEVELOP),
    (0, b"\0MRM", "a camera's RAW (MRW)", DEVELOP),
    (6, b"HEAPCCDR", "a camera's RAW (CRW)", DEVELOP),
    (4, b"ftypavif", "AVIF", CONVERT),
    (4, b"ftypavis", "AVIF", CONVERT),
    (4, b"ftyphei", "HEIC", CONVERT),
    (4, b"ftyphev", "HEIC", CONVERT),
    (4, b"ftypmif1", "HEIF (HEIC or AVIF)", CONVERT),
    (4, b"ftypmsf1", "HEIF (HEIC or AVIF)", CONVERT),
    (4, b"ftyp", "a film (MP4 or MOV)", STILL),
    (0, b"\xFF\x0A", "JPEG XL", CONVERT),
    (0, b"\0\0\0\x0CJXL \r\n\x87\n", "JPEG XL", CONVERT),
    (0, b"\0\0\0\x0CjP  \r\n\x87\n", "JPEG 2000", CONVERT),
    (0, b"\xFF\x4F\xFF\x51", "JPEG 2000", CONVERT),
    (0, b"II\xBC", "JPEG XR", CONVERT),
    (0, b"%PDF", "PDF", RENDER),
    (0, b"%!PS", "PostScript", RENDER),
    (0, b"\xC5\xD0\xD3\xC6", "PostScript (EPS)", RENDER),
    (0, b"\xD7\xCD\xC6\x9A", "a Windows metafile", RENDER),
    (40, b" EMF", "a Windows metafile", RENDER),
    (0, b"8BPS", "a Photoshop file (PSD)", FLATTEN),
    (0, b"gimp xcf", "a GIMP file (XCF)", FLATTEN),
    (0, b"AT&TFORM", "DjVu", RENDER),
    (0, b"\x76\x2F\x31\x01", "OpenEXR", "convert it to a 16-bit PNG or TIFF in sRGB first"),
    (0, b"#?RADIANCE", "Radiance HDR", "convert it to a 16-bit PNG or TIFF in sRGB first"),
    (0, b"#?RGBE", "Radiance HDR", "convert it to a 16-bit PNG or TIFF in sRGB first"),
    (0, b"SIMPLE  =", "FITS", "convert it to a 16-bit PNG or TIFF first"),
    (0, b"\0\0\x01\0", "an icon (ICO)", CONVERT),
    (0, b"icns", "an icon (ICNS)", CONVERT),
    (0, b"DDS ", "DDS", CONVERT),
    (0, b"farbfeld", "farbfeld", CONVERT),
    (0, b"FLIF", "FLIF", CONVERT),
    (0, b"BPG\xFB", "BPG", CONVERT),
    (0, b"\x0A\x05\x01", "PCX", CONVERT),
    (0, b"\x59\xA6\x6A\x95", "a Sun raster", CONVERT),
    (0, b"\x01\xDA", "an SGI picture", CONVERT),
    (0, b"\x1A\x45\xDF\xA3", "a film (WebM or Matroska)", STILL),
    (8, b"AVI ", "a film (AVI)", STILL),
    (0, b"PK\x03\x04", "a ZIP archive (or a Krita or OpenRaster file)", FLATTEN),
    (0, b"\x1F\x8B", "packed with gzip", "unpack it first"),
    (0, b"\x93NUMPY", "a NumPy array", "save it as a PNG or TIFF first"),
];

/// The format of a file; the message with what to do if it is not read.
pub(super) fn recognise(bytes: &[u8]) -> Result<Kind, String> {
    if bytes.is_empty() {
        return Err(format!("the file is empty; expected {KNOWN}"));
    }
    #[cfg(feature = "jxl")]
    if bytes.starts_with(b"\xFF\x0A") || bytes.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n") {
        return Ok(Kind::Jxl);
    }
    let is = |at: usize, signature: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(signature));
    let other = |from_start: bool| {
        let found =
            OTHERS.iter().find(|(at, signature, _, _)| (*at == 0) == from_start && is(*at, signature));
        found.map_or(Ok(()), |(_, _, name, todo)| Err(refusal(name, todo)))
    };
    other(true)?;
    let known: [(&[u8], Kind); 9] = [
        (b"\x89PNG\r\n\x1A\n", Kind::Png),
        (b"\xFF\xD8\xFF", Kind::Jpeg),
        (b"II*\0", Kind::Tiff),
        (b"MM\0*", Kind::Tiff),
        (b"II+\0", Kind::Tiff),
        (b"MM\0+", Kind::Tiff),
        (b"BM", Kind::Bmp),
        (b"GIF8", Kind::Gif),
        (b"qoif", Kind::Qoi),
    ];
    if let Some((_, kind)) = known.into_iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return Ok(kind);
    }
    if bytes.starts_with(b"RIFF") && is(8, b"WEBP") {
        return Ok(Kind::WebP);
    }
    // What lies deeper is asked last: there, a picture that is read may hold anything.
    other(false)?;
    Err(text(bytes).unwrap_or_else(|| format!("is no picture that can be recognised; expected {KNOWN}")))
}

/// Formats that are written as text.
fn text(bytes: &[u8]) -> Option<String> {
    let pnm = bytes.len() > 2 && bytes[0] == b'P' && (b'1'..=b'7').contains(&bytes[1]);
    if pnm && bytes[2].is_ascii_whitespace() {
        return Some(refusal("PNM (PBM, PGM, PPM or PAM)", CONVERT));
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let has = |word: &[u8]| head.windows(word.len()).any(|w| w.eq_ignore_ascii_case(word));
    if !head.starts_with(b"<") {
        return None;
    }
    Some(match () {
        () if has(b"<svg") => refusal("SVG", RENDER),
        () if has(b"<html") => refusal("a web page", "save the picture itself"),
        () => refusal("XML", RENDER),
    })
}

/// One sentence for a format that is not read.
pub(super) fn refusal(name: &str, todo: &str) -> String {
    format!("is {name}, which is not read; {todo} (expected {KNOWN})")
}

/// The sentence for a camera's RAW in TIFF's clothes.
pub(super) fn raw(name: &str) -> String {
    refusal(&format!("a camera's RAW ({name})"), DEVELOP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_told_apart() {
        for (at, signature, name, todo) in OTHERS {
            let file = [vec![b'x'; at], signature.to_vec(), vec![0; 40]].concat();
            let picture = [&b"\x89PNG\r\n\x1A\n"[..], &vec![b'x'; at.saturating_sub(8)], signature].concat();
            assert!(at < 8 || recognise(&picture) == Ok(Kind::Png), "{name}");
            let Err(text) = recognise(&file) else { continue };
            assert!(text.contains(name) && text.contains(todo), "{text} for {name}");
        }
        for (file, word) in [
            (&b"\xEF\xBB\xBF <?xml version='1.0'?>\n<!-- --><svg width='1'/>"[..], "SVG"),
            (b"<!DOCTYPE html><html>", "web page"),
            (b"<note/>", "XML"),
            (b"P6\n1 1\n255\nabc", "PNM"),
            (b"Pass on", "recognised"),
            (b"RIFF\0\0\0\0WAVE", "recognised"),
        ] {
            assert!(recognise(file).unwrap_err().contains(word), "{word}");
        }
    }
}
