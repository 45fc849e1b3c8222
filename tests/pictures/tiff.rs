//! TIFF in all its layouts, written here tag by tag.

use super::*;
use impasto::picture::WarningKind;

/// Byte order and offsets of a TIFF.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Flavour {
    Little,
    Big,
    BigTiff,
}

const FLAVOURS: [Flavour; 3] = [Flavour::Little, Flavour::Big, Flavour::BigTiff];

/// A TIFF of tags with whole numbers (short, long) and chunks of pixels.
struct Tiff {
    flavour: Flavour,
    tags: Vec<(u16, u16, Vec<u64>)>,
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

impl Tiff {
    fn new(flavour: Flavour, width: u64, height: u64, bits: &[u64], photometric: u64) -> Self {
        let tags = vec![
            (256, LONG, vec![width]),
            (257, LONG, vec![height]),
            (258, SHORT, bits.to_vec()),
            (259, SHORT, vec![1]),
            (262, SHORT, vec![photometric]),
            (277, SHORT, vec![bits.len() as u64]),
        ];
        Self { flavour, tags }
    }

    fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Self {
        self.tags.retain(|(other, _, _)| *other != tag);
        self.tags.push((tag, kind, values.to_vec()));
        self
    }

    fn number(&self, v: u64, bytes: usize) -> Vec<u8> {
        if self.flavour == Flavour::Big {
            v.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            v.to_le_bytes()[..bytes].to_vec()
        }
    }

    /// Values of `bytes` bytes each in the file's order.
    fn values(&self, values: &[u64], bytes: usize) -> Vec<u8> {
        values.iter().flat_map(|v| self.number(*v, bytes)).collect()
    }

    /// The file, its chunks as strips or, if there are tile sizes among the tags, tiles.
    fn file(self, chunks: &[Vec<u8>]) -> Vec<u8> {
        let tiled = self.tags.iter().any(|(tag, _, _)| *tag == 322);
        let big = self.flavour == Flavour::BigTiff;
        let mut file = match self.flavour {
            Flavour::Little => b"II*\0\0\0\0\0".to_vec(),
            Flavour::Big => b"MM\0*\0\0\0\0".to_vec(),
            Flavour::BigTiff => b"II+\0\x08\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
        };
        let mut offsets = Vec::new();
        for chunk in chunks {
            offsets.push(file.len() as u64);
            file.extend(chunk);
        }
        let (at, length) = if tiled { (324, 325) } else { (273, 279) };
        let counts: Vec<u64> = chunks.iter().map(|chunk| chunk.len() as u64).collect();
        let mut this = self.with(at, LONG, &offsets).with(length, LONG, &counts);
        this.tags.sort_by_key(|(tag, _, _)| *tag);
        let inline = if big { 8 } else { 4 };
        let mut entries = Vec::new();
        for (tag, kind, values) in &this.tags {
            let bytes = this.values(
                values,
                match *kind {
                    1 | 6 => 1,
                    SHORT | 8 => 2,
                    5 | 10 => 4,
                    _ => 4,
                },
            );
            let count = if *kind == 5 { values.len() / 2 } else { values.len() };
            let mut entry = [this.number(u64::from(*tag), 2), this.number(u64::from(*kind), 2)].concat();
            entry.extend(this.number(count as u64, inline));
            if bytes.len() <= inline {
                let mut bytes = bytes;
                bytes.resize(inline, 0);
                entry.extend(bytes);
            } else {
                entry.extend(this.number(file.len() as u64, inline));
                file.extend(bytes);
            }
            entries.push(entry);
        }
        let start = file.len() as u64;
        file.extend(this.number(entries.len() as u64, if big { 8 } else { 2 }));
        file.extend(entries.concat());
        file.extend(vec![0; inline]);
        let head = this.number(start, inline);
        file[if big { 8 } else { 4 }..][..inline].copy_from_slice(&head);
        file
    }
}

/// The colour of pixel (x, y) of the test picture, 8 bits.
fn colour(x: usize, y: usize) -> [u8; 3] {
    [(20 * x) as u8, (30 * y) as u8, (10 * x + 10 * y) as u8]
}

const W: usize = 11;
const H: usize = 7;

/// Checks all pixels of an 11×7 picture.
#[track_caller]
fn assert_picture(file: &[u8], steps: f32, of: impl Fn(usize, usize) -> [u8; 3]) -> Picture {
    let picture = decode(file).unwrap();
    assert_eq!((picture.width(), picture.height()), (W, H));
    for y in 0..H {
        for x in 0..W {
            assert_near(pixel(&picture, x, y), of(x, y), steps);
        }
    }
    picture
}

fn all(channels: impl Fn(usize, usize) -> Vec<u64>) -> Vec<u64> {
    (0..W * H).flat_map(|i| channels(i % W, i / W)).collect()
}

fn wide(x: usize, y: usize) -> Vec<u64> {
    colour(x, y).iter().map(|v| u64::from(*v)).collect()
}

#[test]
fn unsigned_values_of_every_depth() {
    for flavour in FLAVOURS {
        for (bits, scale) in [(8, 1), (16, 257), (32, 16_843_009)] {
            let tiff = Tiff::new(flavour, W as u64, H as u64, &[bits; 3], 2);
            let pixels = all(|x, y| wide(x, y).iter().map(|v| v * scale).collect());
            let pixels = tiff.values(&pixels, bits as usize / 8);
            assert_picture(&tiff.file(&[pixels]), 0.01, colour);
        }
        // 12 bits, packed from the top whatever the byte order.
        let tiff = Tiff::new(flavour, W as u64, H as u64, &[12], 1);
        let mut rows = Vec::new();
        for y in 0..H {
            let values: Vec<u64> = (0..W).map(|x| u64::from(colour(x, y)[0]) * 4095 / 255).collect();
            let bits: String = values.iter().map(|v| format!("{v:012b}")).collect();
            let bits = format!("{bits:0<0$}", bits.len().next_multiple_of(8));
            rows.extend((0..bits.len() / 8).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).unwrap()));
        }
        assert_picture(&tiff.file(&[rows]), 0.6, |x, y| [colour(x, y)[0]; 3]);
    }
}

#[test]
fn floats_are_cut_with_a_warning() {
    for flavour in FLAVOURS {
        for bits in [32u64, 64] {
            let tiff = Tiff::new(flavour, 2, 1, &[bits; 3], 2).with(339, SHORT, &[3; 3]);
            let number = |v: f64| if bits == 32 { u64::from((v as f32).to_bits()) } else { v.to_bits() };
            let of = |values: [f64; 6]| tiff_values(flavour, &values.map(number), bits as usize / 8);
            let picture = decode(&tiff.file(&[of([0.25, 0.5, 1.0, -1.0, 7.0, 0.0])])).unwrap();
            assert_eq!(pixel(&picture, 0, 0), [0.25, 0.5, 1.0]);
            assert_eq!(pixel(&picture, 1, 0), [0.0, 1.0, 0.0]);
            assert_eq!(picture.warnings()[0].kind(), WarningKind::Range);
            let tiff = Tiff::new(flavour, 2, 1, &[bits; 3], 2).with(339, SHORT, &[3; 3]);
            assert!(
                refusal(decode(&tiff.file(&[of([0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0])]))).contains("finite")
            );
        }
    }
}

fn tiff_values(flavour: Flavour, values: &[u64], bytes: usize) -> Vec<u8> {
    Tiff::new(flavour, 1, 1, &[8], 1).values(values, bytes)
}

#[test]
fn planes_strips_and_tiles() {
    for flavour in FLAVOURS {
        for bits in [8, 16] {
            let scale = if bits == 8 { 1 } else { 257 };
            let bytes = bits as usize / 8;
            let value = |x: usize, y: usize, c: usize| -> u64 {
                if x < W && y < H { u64::from(colour(x, y)[c]) * scale } else { 99 }
            };
            let encode = |values: &[u64]| tiff_values(flavour, values, bytes);
            for planar in [false, true] {
                let channels: Vec<Vec<usize>> =
                    if planar { vec![vec![0], vec![1], vec![2]] } else { vec![vec![0, 1, 2]] };
                // Strips of three rows, the last one shorter.
                let mut strips = Vec::new();
                for plane in &channels {
                    for top in (0..H).step_by(3) {
                        let rows = top..H.min(top + 3);
                        let values: Vec<u64> = rows
                            .flat_map(|y| (0..W).map(move |x| (x, y)))
                            .flat_map(|(x, y)| plane.iter().map(move |c| value(x, y, *c)))
                            .collect();
                        strips.push(encode(&values));
                    }
                }
                let tiff = Tiff::new(flavour, W as u64, H as u64, &[bits; 3], 2).with(278, LONG, &[3]).with(
                    284,
                    SHORT,
                    &[if planar { 2 } else { 1 }],
                );
                assert_picture(&tiff.file(&strips), 0.01, colour);
                // Tiles of 4×2, padded at the right and the bottom.
                let mut tiles = Vec::new();
                for plane in &channels {
                    for top in (0..H).step_by(2) {
                        for left in (0..W).step_by(4) {
                            let values: Vec<u64> = (top..top + 2)
                                .flat_map(|y| (left..left + 4).map(move |x| (x, y)))
                                .flat_map(|(x, y)| plane.iter().map(move |c| value(x, y, *c)))
                                .collect();
                            tiles.push(encode(&values));
                        }
                    }
                }
                let tiff = Tiff::new(flavour, W as u64, H as u64, &[bits; 3], 2)
                    .with(322, SHORT, &[4])
                    .with(323, SHORT, &[2])
                    .with(284, SHORT, &[if planar { 2 } else { 1 }]);
                assert_picture(&tiff.file(&tiles), 0.01, colour);
            }
        }
    }
}

#[test]
fn palettes_of_every_size() {
    for bits in [1u64, 2, 4, 8, 16] {
        for scale in [257, 1] {
            let size = 1u64 << bits;
            let entry = |c: u64, i: u64| (i * 37 + c * 50) % 256;
            let map: Vec<u64> = (0..3 * size).map(|k| entry(k / size, k % size) * scale).collect();
            let index = |x: usize, y: usize| ((x + 3 * y) as u64) % size.min(64);
            let mut rows = Vec::new();
            for y in 0..H {
                let line: String = (0..W).map(|x| format!("{:01$b}", index(x, y), bits as usize)).collect();
                let line = format!("{line:0<0$}", line.len().next_multiple_of(8));
                rows.extend(
                    (0..line.len() / 8).map(|i| u8::from_str_radix(&line[8 * i..8 * i + 8], 2).unwrap()),
                );
            }
            if bits == 16 {
                rows = rows.chunks(2).flat_map(|b| [b[1], b[0]]).collect(); // little endian
            }
            let tiff = Tiff::new(Flavour::Little, W as u64, H as u64, &[bits], 3).with(320, SHORT, &map);
            assert_picture(&tiff.file(&[rows]), 0.01, |x, y| {
                std::array::from_fn(|c| entry(c as u64, index(x, y)) as u8)
            });
        }
    }
}

#[test]
fn grey_white_is_zero_and_alpha_of_both_kinds() {
    let grey = |x: usize, y: usize| colour(x, y)[2];
    for (photometric, bits) in [(0u64, 8u64), (1, 8), (0, 16), (1, 16)] {
        let scale = if bits == 8 { 1 } else { 257 };
        let stored = |x, y| if photometric == 0 { 255 - grey(x, y) } else { grey(x, y) };
        let tiff = Tiff::new(Flavour::Little, W as u64, H as u64, &[bits], photometric);
        let pixels = tiff.values(&all(|x, y| vec![u64::from(stored(x, y)) * scale]), bits as usize / 8);
        assert_picture(&tiff.file(&[pixels]), 0.01, |x, y| [grey(x, y); 3]);
    }
    // Half clear: straight colours stay, associated ones are divided by alpha; both stand on white.
    for (kind, stored) in [(2u64, 100u64), (1, 50)] {
        for (photometric, colours) in [(1u64, 1usize), (2, 3)] {
            let tiff =
                Tiff::new(Flavour::Big, 1, 1, &vec![8; colours + 1], photometric).with(338, SHORT, &[kind]);
            let pixels = [vec![stored as u8; colours], vec![128]].concat();
            let picture = decode(&tiff.file(&[pixels])).unwrap();
            assert!((picture.alpha().unwrap()[0] - 128.0 / 255.0).abs() < 1e-6);
            let of = image::load_from_memory(&picture.encode(Format::Png, &SaveOptions::default()).unwrap());
            let pixel = of.unwrap().to_rgba8().get_pixel(0, 0).0;
            assert!(pixel[0].abs_diff(100) <= 1 && pixel[3] == 128, "{pixel:?}");
        }
    }
    // A fourth channel of no said meaning is left out, and told.
    let tiff = Tiff::new(Flavour::Little, 1, 1, &[8; 4], 2).with(338, SHORT, &[0]);
    let picture = decode(&tiff.file(&[vec![10, 20, 30, 40]])).unwrap();
    assert!(picture.alpha().is_none() && picture.warnings()[0].kind() == WarningKind::Channel);
    assert_near(pixel(&picture, 0, 0), [10, 20, 30], 0.01);
}

#[test]
fn shared_chroma_and_cmyk() {
    // YCbCr, 2×2 pixels to one chroma, as blocks: four lumas, Cb, Cr. (81, 90, 240) is red in full range: 76, 85, 255.
    let blocks = [[76, 76, 76, 76, 85, 255], [29, 29, 29, 29, 255, 107]].concat();
    let tiff = Tiff::new(Flavour::Little, 3, 2, &[8; 3], 6).with(530, SHORT, &[2, 2]);
    let picture = decode(&tiff.file(&[blocks.iter().map(|v| *v as u8).collect()])).unwrap();
    assert_near(pixel(&picture, 1, 1), [254, 0, 0], 2.0);
    assert_near(pixel(&picture, 2, 1), [0, 0, 254], 2.0);
    let tiff = Tiff::new(Flavour::Little, 1, 1, &[8; 4], 5);
    let picture = decode(&tiff.file(&[vec![255, 0, 0, 0]])).unwrap();
    assert_near(pixel(&picture, 0, 0), [0, 255, 255], 0.01);
    assert_eq!(picture.warnings()[0].kind(), WarningKind::Colour);
}

#[test]
fn every_compression_that_programs_use() {
    for (name, steps) in [
        ("tiff-lzw.tif", 0.01),
        ("tiff-deflate.tif", 0.01),
        ("tiff-packbits.tif", 0.01),
        ("tiff-float-predictor.tif", 0.01),
        ("tiff-half.tif", 0.2),
        ("tiff-big.tif", 0.01),
        ("tiff-lab.tif", 14.0),
    ] {
        let picture = Picture::load(&fixture(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_near(pixel(&picture, 1, 4), LEFT, steps);
        assert_near(pixel(&picture, 6, 4), RIGHT, steps);
    }
    let picture = Picture::load(&fixture("tiff-jpeg.tif")).unwrap();
    assert_near(pixel(&picture, 5, 10), LEFT, 4.0);
    assert_near(pixel(&picture, 26, 10), RIGHT, 4.0);
    for name in ["tiff-group4.tif", "tiff-group3.tif"] {
        let picture = Picture::load(&fixture(name)).unwrap();
        assert_eq!((picture.width(), picture.height()), (33, 9));
        for (x, y, want) in [(0, 0, 1.0), (5, 2, 0.0), (19, 6, 0.0), (20, 6, 1.0), (32, 8, 1.0), (5, 7, 1.0)]
        {
            assert_eq!(pixel(&picture, x, y), [want; 3], "{name} {x} {y}");
        }
    }
    assert!(refusal(Picture::load(&fixture("tiff-zstd.tif"))).contains("Zstandard"));
}

#[test]
fn kinds_that_are_not_read_are_named() {
    let tiff = || Tiff::new(Flavour::Little, 1, 1, &[8; 3], 2);
    let text = |tiff: Tiff| refusal(decode(&tiff.file(&[vec![0; 100]])));
    assert!(text(tiff().with(339, SHORT, &[2; 3])).contains("signed"));
    assert!(text(tiff().with(258, SHORT, &[8, 8, 16])).contains("different depths"));
    assert!(text(tiff().with(259, SHORT, &[6])).contains("old-style JPEG"));
    assert!(text(tiff().with(259, SHORT, &[34712])).contains("JPEG 2000"));
    assert!(text(tiff().with(259, SHORT, &[777])).contains("777"));
    assert!(text(tiff().with(50706, 1, &[1, 4, 0, 0])).contains("DNG"));
    assert!(text(tiff().with(254, LONG, &[1]).with(330, LONG, &[8])).contains("RAW"));
    assert!(text(tiff().with(262, SHORT, &[32803])).contains("RAW"));
    assert!(text(tiff().with(262, SHORT, &[4])).contains("kind 4"));
}

#[test]
fn layouts_that_lie_are_refused() {
    let tiff = || Tiff::new(Flavour::Little, 4, 4, &[8; 3], 2);
    let text = |tiff: Tiff, bytes: usize| refusal(decode(&tiff.file(&[vec![0; bytes]])));
    assert!(text(tiff(), 47).contains("too early"));
    assert!(decode(&tiff().file(&[vec![0; 48]])).is_ok());
    assert!(text(tiff().with(278, LONG, &[0]), 48).contains("empty"));
    assert!(text(tiff().with(278, LONG, &[1]), 48).contains("missing"));
    assert!(
        text(tiff().with(256, LONG, &[60_000]).with(257, LONG, &[60_000]), 48).contains("make it smaller")
    );
    assert!(
        text(tiff().with(322, LONG, &[1 << 30]).with(323, LONG, &[1 << 30]), 48).contains("make it smaller")
    );
    assert!(text(tiff().with(322, LONG, &[0]).with(323, LONG, &[0]), 48).contains("empty"));
    assert!(text(tiff().with(277, SHORT, &[2]).with(258, SHORT, &[8, 8]), 48).contains("fewer channels"));
    assert!(text(tiff().with(262, SHORT, &[3]), 48).contains("palette"));
    assert!(text(tiff().with(259, SHORT, &[3]), 48).contains("fax"));
    assert!(text(tiff().with(259, SHORT, &[5]).with(317, SHORT, &[7]), 48).contains("predictor 7"));
}
