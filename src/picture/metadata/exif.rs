//! EXIF (CIPA DC-008): what of a camera's tags goes along with a picture that was made from it.

use super::ifd::{Head, Ifd, Order, head, kind};

const ORIENTATION: u16 = 0x0112;
const EXIF: u16 = 0x8769;
const GPS: u16 = 0x8825;
const INTEROPERABILITY: u16 = 0xA005;
const MAKER_NOTE: u16 = 0x927C;
const COLOUR_SPACE: u16 = 0xA001;
const PIXELS_ACROSS: u16 = 0xA002;
const PIXELS_DOWN: u16 = 0xA003;

/// Fields of the first directory that describe the picture and not how its file is laid out: description, make, model,
/// resolution, software, date, artist, host, rating, copyright, and Windows' title to subject.
const DESCRIPTIVE: [u16; 18] = [
    0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298,
    0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,
];

/// `bytes` without the `Exif\0\0` that JPEG has before the TIFF structure and some WebP and PNG files have, too.
pub(in crate::picture) fn without_prefix(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes)
}

/// Whether there is a directory that can be read.
pub(in crate::picture) fn is_readable(exif: &[u8]) -> bool {
    first(exif).is_some()
}

fn first(exif: &[u8]) -> Option<(Head, Ifd)> {
    let head = head(exif)?;
    let ifd = head.ifd(exif, head.first)?;
    Some((head, ifd))
}

/// The orientation, 1 to 8, whatever integer type it is stored as.
pub(in crate::picture) fn orientation(exif: &[u8]) -> Option<u8> {
    first(exif)?.1.number(ORIENTATION).filter(|v| (1..=8).contains(v)).map(|v| v as u8)
}

/// Horizontal and vertical resolution in pixels an inch.
pub(in crate::picture) fn resolution(exif: &[u8]) -> Option<(f64, f64)> {
    resolution_of(&first(exif)?.1)
}

/// As [`resolution`], of a directory.
pub(in crate::picture) fn resolution_of(ifd: &Ifd) -> Option<(f64, f64)> {
    let unit = match ifd.number(0x0128).unwrap_or(2) {
        2 => 1.0,
        3 => 2.54,
        _ => return None,
    };
    Some((ifd.real(0x011A)? * unit, ifd.real(0x011B)? * unit)).filter(|(x, y)| *x > 0.0 && *y > 0.0)
}

/// The tags that go along: upright, of `size` (width, height), in sRGB; without the place, thumbnails, previews and the
/// maker's own notes, which lose their meaning when they are moved; with `resolution` where they say none. None if
/// nothing is left.
pub(in crate::picture) fn usual(
    exif: &[u8],
    size: (usize, usize),
    resolution: Option<(f64, f64)>,
) -> Option<Vec<u8>> {
    let (head, mut ifd) = first(exif)?;
    if let Some(resolution) = resolution.filter(|_| resolution_of(&ifd).is_none()) {
        add_resolution(&mut ifd, resolution);
    }
    rebuilt(exif, &head, &ifd, size, false)
}

/// A TIFF file's own tags as EXIF, the place and the maker's notes among them.
pub(in crate::picture) fn of_tiff(file: &[u8], size: (usize, usize)) -> Option<Vec<u8>> {
    let (head, ifd) = first(file)?;
    rebuilt(file, &head, &ifd, size, true)
}

fn rebuilt(bytes: &[u8], head: &Head, ifd: &Ifd, size: (usize, usize), all: bool) -> Option<Vec<u8>> {
    let child = |tag: u16| head.ifd(bytes, usize::try_from(ifd.number(tag)?).ok()?);
    let mut top = Ifd::new(head.order);
    top.entries = ifd.entries.iter().filter(|entry| DESCRIPTIVE.contains(&entry.tag)).cloned().collect();
    let mut children = Vec::new();
    if let Some(mut below) = child(EXIF) {
        below.entries.retain(|entry| {
            entry.tag != INTEROPERABILITY
                && entry.tag != EXIF
                && entry.tag != GPS
                && (all || entry.tag != MAKER_NOTE)
        });
        set_size(&mut below, size);
        children.push((EXIF, below));
    }
    if let Some(place) = child(GPS).filter(|_| all) {
        children.push((GPS, place));
    }
    if top.entries.is_empty() && children.is_empty() {
        return None;
    }
    top.set_short(ORIENTATION, &[1]);
    Some(top.to_bytes(&children))
}

fn set_size(exif: &mut Ifd, (width, height): (usize, usize)) {
    exif.set_long(PIXELS_ACROSS, &[width as u32]);
    exif.set_long(PIXELS_DOWN, &[height as u32]);
    exif.set_short(COLOUR_SPACE, &[1]); // sRGB
}

/// Every tag where it was, only the orientation set to upright: what points into the structure, as makers' notes do,
/// stays right.
pub(in crate::picture) fn all(exif: &[u8]) -> Vec<u8> {
    let mut exif = exif.to_vec();
    if let Some((head, ifd)) = first(&exif)
        && let Some(entry) = ifd.find(ORIENTATION)
    {
        let (at, length) = (entry.at, entry.value.len());
        let mut upright = vec![0; length];
        let one = if head.order == Order::Little { 0 } else { bytes_of(entry.kind).saturating_sub(1) };
        if let Some(byte) = upright.get_mut(one) {
            *byte = 1;
        }
        exif[at..at + length].copy_from_slice(&upright);
    }
    exif
}

fn bytes_of(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 => 4,
        16 | 17 => 8,
        _ => 1,
    }
}

/// EXIF that says nothing but the resolution, for formats that have no other place for it.
pub(in crate::picture) fn only_resolution((x, y): (f64, f64)) -> Vec<u8> {
    let mut ifd = Ifd::new(Order::Big);
    add_resolution(&mut ifd, (x, y));
    ifd.to_bytes(&[])
}

/// Resolution in pixels an inch.
pub(in crate::picture) fn add_resolution(ifd: &mut Ifd, (x, y): (f64, f64)) {
    ifd.set_rational(0x011A, x);
    ifd.set_rational(0x011B, y);
    ifd.set(0x0128, kind::SHORT, if ifd.order == Order::Little { vec![2, 0] } else { vec![0, 2] });
}

/// The descriptive fields and the EXIF directory of EXIF that [`usual`], [`of_tiff`] or [`all`] made, in little-endian
/// order if it is in that, for a TIFF file to take in.
pub(in crate::picture) fn parts(exif: &[u8]) -> Option<(Ifd, Vec<(u16, Ifd)>)> {
    let (head, ifd) = first(exif)?;
    let child = |tag: u16| head.ifd(exif, usize::try_from(ifd.number(tag)?).ok()?);
    let children = [EXIF, GPS].into_iter().filter_map(|tag| Some((tag, child(tag)?))).collect();
    let mut top = Ifd::new(head.order);
    top.entries = ifd.entries.iter().filter(|entry| DESCRIPTIVE.contains(&entry.tag)).cloned().collect();
    Some((top, children))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(order: Order) -> Vec<u8> {
        let mut top = Ifd::new(order);
        top.set(0x010F, 2, b"Maker of cameras\0".to_vec());
        top.set_long(ORIENTATION, &[6]);
        top.set_short(0x0103, &[6]); // compression: of no use to a new file
        let mut exif = Ifd::new(order);
        exif.set(MAKER_NOTE, kind::UNDEFINED, vec![9; 40]);
        exif.set(0x829A, kind::RATIONAL, vec![1; 8]);
        let mut place = Ifd::new(order);
        place.set(0x0001, 2, b"N\0".to_vec());
        top.to_bytes(&[(EXIF, exif), (GPS, place)])
    }

    #[test]
    fn orientation_of_any_integer_type() {
        for order in [Order::Little, Order::Big] {
            for (kind, bytes) in [(1, 1), (6, 1), (3, 2), (8, 2), (4, 4), (9, 4)] {
                let mut value = vec![0u8; bytes];
                value[if order == Order::Little { 0 } else { bytes - 1 }] = 8;
                let mut ifd = Ifd::new(order);
                ifd.set(ORIENTATION, kind, value);
                let exif = ifd.to_bytes(&[]);
                assert_eq!(orientation(&exif), Some(8), "{order:?} {kind}");
                assert_eq!(orientation(&all(&exif)), Some(1), "{order:?} {kind}");
            }
            let mut ifd = Ifd::new(order);
            ifd.set_short(ORIENTATION, &[9]);
            assert_eq!(orientation(&ifd.to_bytes(&[])), None);
        }
        assert_eq!(orientation(b"Exif"), None);
    }

    #[test]
    fn the_usual_tags_leave_place_and_notes_behind() {
        for order in [Order::Little, Order::Big] {
            let exif = camera(order);
            let usual = usual(&exif, (30, 20), None).unwrap();
            let (top, children) = parts(&usual).unwrap();
            assert_eq!(top.find(0x010F).unwrap().value, b"Maker of cameras\0");
            assert!(top.find(0x0103).is_none() && first(&usual).unwrap().1.find(GPS).is_none());
            assert_eq!(orientation(&usual), Some(1));
            assert_eq!(children.len(), 1);
            let below = &children[0].1;
            assert!(below.find(MAKER_NOTE).is_none() && below.find(0x829A).is_some());
            assert_eq!((below.number(PIXELS_ACROSS), below.number(PIXELS_DOWN)), (Some(30), Some(20)));
            let everything = all(&exif);
            assert_eq!((everything.len(), orientation(&everything)), (exif.len(), Some(1)));
            let (_, children) = parts(&everything).unwrap();
            assert!(children.iter().any(|(tag, _)| *tag == GPS));
        }
        assert_eq!(super::usual(&Ifd::new(Order::Big).to_bytes(&[]), (1, 1), None), None);
    }

    #[test]
    fn resolution_in_pixels_an_inch() {
        let exif = only_resolution((300.0, 150.5));
        assert_eq!(resolution(&exif), Some((300.0, 150.5)));
        let mut metric = Ifd::new(Order::Little);
        metric.set_rational(0x011A, 100.0);
        metric.set_rational(0x011B, 100.0);
        metric.set_short(0x0128, &[3]);
        let (x, _) = resolution(&metric.to_bytes(&[])).unwrap();
        assert!((x - 254.0).abs() < 1e-9);
    }
}
