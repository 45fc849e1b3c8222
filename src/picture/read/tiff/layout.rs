//! What the tags say of how pixels are stored.

use super::super::samples::{Alpha, Store};
use super::{damaged, unread};
use crate::picture::limits;
use crate::picture::metadata::ifd::{Ifd, Order};

/// What the first channels mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
    Lab,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Unsigned,
    Float,
}

/// How chunks are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Fax3,
    Fax4,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
}

#[derive(Debug)]
pub(super) struct Layout {
    pub order: Order,
    pub width: usize,
    pub height: usize,
    /// Channels a pixel.
    pub samples: usize,
    pub bits: usize,
    pub format: Format,
    pub photometric: Photometric,
    pub compression: Compression,
    /// 1 none, 2 differences, 3 differences of a float's bytes.
    pub predictor: u64,
    /// Each channel in chunks of its own.
    pub planar: bool,
    /// Bits of a byte from the lowest.
    pub reversed: bool,
    pub chunk_width: usize,
    pub chunk_height: usize,
    pub tiled: bool,
    across: usize,
    down: usize,
    pub offsets: Vec<u64>,
    pub counts: Vec<u64>,
    extra: Vec<u64>,
    /// Pixels that share a chroma value, across and down; (1, 1) where the compression takes care of it.
    pub subsampling: (usize, usize),
    pub jpeg_tables: Option<Vec<u8>>,
}

impl Layout {
    pub(super) fn new(ifd: &Ifd) -> Result<Self, String> {
        let side = |tag: u16| {
            let side = ifd.number(tag).and_then(|v| usize::try_from(v).ok());
            side.ok_or_else(|| damaged("it says no size"))
        };
        let (width, height) = (side(256)?, side(257)?);
        limits::check(width, height, 0)?;
        let samples = ifd.number(277).unwrap_or(1) as usize;
        if !(1..=64).contains(&samples) {
            return Err(unread(&format!("{samples} channels")));
        }
        let photometric = photometric(ifd)?;
        let (bits, format) = (bits(ifd)?, format(ifd)?);
        let compression = compression(ifd)?;
        let base = Self::base(photometric);
        if samples < base {
            return Err(damaged("it has fewer channels than colours"));
        }
        if photometric == Photometric::Cmyk && ifd.number(332).unwrap_or(1) != 1 {
            return Err(unread("inks other than CMYK"));
        }
        let planar = ifd.number(284) == Some(2) && samples > 1;
        let tiled = ifd.find(324).is_some() || ifd.find(322).is_some();
        let (chunk_width, chunk_height) = if tiled {
            (side(322)?, side(323)?)
        } else {
            let rows = ifd.number(278).unwrap_or(u64::MAX).min(height as u64);
            (width, rows as usize)
        };
        if chunk_width == 0 || chunk_height == 0 {
            return Err(damaged("its strips or tiles are empty"));
        }
        let (across, down) = (width.div_ceil(chunk_width), height.div_ceil(chunk_height));
        let (offsets, counts) = if tiled { (324, 325) } else { (273, 279) };
        let offsets = ifd.numbers(offsets).ok_or_else(|| damaged("it does not say where its pixels are"))?;
        let compressed = compression != Compression::None;
        // Some old programs leave out the length of the only strip.
        let counts = match ifd.numbers(counts) {
            Some(counts) => counts,
            None if offsets.len() == 1 && !compressed => vec![u64::MAX],
            None => return Err(damaged("it does not say how long its strips are")),
        };
        let subsampling = match ifd.numbers(530).as_deref() {
            _ if photometric != Photometric::YCbCr || compression == Compression::Jpeg => (1, 1),
            Some([h, v]) if matches!(h, 1 | 2 | 4) && matches!(v, 1 | 2 | 4) => (*h as usize, *v as usize),
            None => (2, 2),
            _ => return Err(damaged("its chroma is sampled in an impossible way")),
        };
        let layout = Self {
            order: ifd.order,
            width,
            height,
            samples,
            bits,
            format,
            photometric,
            compression,
            predictor: if matches!(compression, Compression::Lzw | Compression::Deflate) {
                ifd.number(317).unwrap_or(1)
            } else {
                1
            },
            planar,
            reversed: ifd.number(266) == Some(2),
            chunk_width,
            chunk_height,
            tiled,
            across,
            down,
            offsets,
            counts,
            extra: ifd.numbers(338).unwrap_or_default(),
            subsampling,
            jpeg_tables: ifd.find(347).map(|entry| entry.value.clone()),
        };
        layout.checked()
    }

    fn checked(self) -> Result<Self, String> {
        let chunks = self.chunks();
        if self.offsets.len() < chunks || self.counts.len() < chunks {
            return Err(damaged("strips or tiles are missing"));
        }
        let area = (self.across as u64 * self.chunk_width as u64)
            .saturating_mul(self.down as u64 * self.chunk_height as u64)
            .saturating_mul((self.samples * self.bits).div_ceil(8) as u64);
        if area > 4 * limits::MAX_BYTES || self.chunk_width > 1 << 20 || self.chunk_height > 1 << 20 {
            return Err(limits::too_large(self.width, self.height));
        }
        let eight_only = matches!(self.photometric, Photometric::YCbCr | Photometric::Lab);
        if eight_only && (self.format != Format::Unsigned || !matches!(self.bits, 8 | 16)) {
            return Err(unread(&format!("{}-bit YCbCr or Lab values", self.bits)));
        }
        if self.subsampling != (1, 1)
            && (self.bits != 8 || self.planar || self.samples != 3 || self.predictor != 1)
        {
            return Err(unread("coarser chroma in this layout"));
        }
        if self.photometric == Photometric::Palette && (self.format != Format::Unsigned || self.bits > 16) {
            return Err(unread(&format!("a palette of {}-bit indices", self.bits)));
        }
        let one_bit = self.bits == 1 && self.samples == 1;
        if matches!(self.compression, Compression::Fax3 | Compression::Fax4) && !one_bit {
            return Err(damaged("fax compression of something that is not black and white"));
        }
        if self.compression == Compression::Jpeg && self.bits != 8 {
            return Err(unread(&format!("{}-bit JPEG compression", self.bits)));
        }
        match self.predictor {
            1 => {}
            2 if self.bits.is_multiple_of(8) => {}
            3 if self.format == Format::Float => {}
            other => return Err(unread(&format!("predictor {other} of {}-bit values", self.bits))),
        }
        Ok(self)
    }

    /// Colour channels a pixel.
    fn base(photometric: Photometric) -> usize {
        match photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette => 1,
            Photometric::Rgb | Photometric::YCbCr | Photometric::Lab => 3,
            Photometric::Cmyk => 4,
        }
    }

    /// The channel with alpha and what kind it is.
    fn alpha_channel(&self) -> Option<(usize, Alpha)> {
        let base = Self::base(self.photometric);
        let extra = self.extra.iter().take(self.samples - base).enumerate();
        extra.into_iter().find_map(|(i, kind)| match kind {
            1 => Some((base + i, Alpha::Associated)),
            2 => Some((base + i, Alpha::Straight)),
            _ => None,
        })
    }

    pub(super) fn alpha(&self) -> Alpha {
        self.alpha_channel().map_or(Alpha::None, |(_, kind)| kind)
    }

    /// The channels that make the picture: colours, then alpha.
    pub(super) fn kept_channels(&self) -> Vec<usize> {
        (0..Self::base(self.photometric)).chain(self.alpha_channel().map(|(channel, _)| channel)).collect()
    }

    pub(super) fn ignored_channels(&self) -> usize {
        self.samples - self.kept_channels().len()
    }

    /// How values are held while they are read.
    pub(super) fn store(&self) -> Store {
        match (self.format, self.bits) {
            (Format::Unsigned, ..=8) => Store::U8,
            (Format::Unsigned, ..=16) => Store::U16,
            _ => Store::F32,
        }
    }

    /// Channels side by side in a chunk.
    pub(super) fn interleaved(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// How many strips or tiles there are.
    pub(super) fn chunks(&self) -> usize {
        self.across * self.down * if self.planar { self.samples } else { 1 }
    }

    /// Plane, first column and first row of a chunk.
    pub(super) fn place(&self, index: usize) -> (usize, usize, usize) {
        let in_plane = index % (self.across * self.down);
        let (row, column) = (in_plane / self.across, in_plane % self.across);
        (index / (self.across * self.down), column * self.chunk_width, row * self.chunk_height)
    }

    /// Rows that a chunk stores: the last strip is shorter, tiles are whole.
    pub(super) fn rows(&self, index: usize) -> usize {
        let top = self.place(index).2;
        if self.tiled { self.chunk_height } else { self.chunk_height.min(self.height - top) }
    }
}

fn photometric(ifd: &Ifd) -> Result<Photometric, String> {
    Ok(match ifd.number(262) {
        Some(0) => Photometric::WhiteIsZero,
        Some(1) => Photometric::BlackIsZero,
        Some(2) => Photometric::Rgb,
        Some(3) => Photometric::Palette,
        Some(5) => Photometric::Cmyk,
        Some(6) => Photometric::YCbCr,
        Some(8) => Photometric::Lab,
        Some(32803 | 34892) => return Err(super::recognise::raw("sensor data in a TIFF")),
        Some(other) => return Err(unread(&format!("colours of kind {other}"))),
        None => return Err(damaged("it does not say what its values mean")),
    })
}

fn bits(ifd: &Ifd) -> Result<usize, String> {
    let bits = ifd.numbers(258).unwrap_or_else(|| vec![1]);
    let first = bits.first().copied().unwrap_or(1) as usize;
    if bits.iter().any(|b| *b as usize != first) {
        return Err(unread("channels of different depths"));
    }
    if !(1..=16).contains(&first) && !matches!(first, 24 | 32 | 64) {
        return Err(unread(&format!("{first}-bit values")));
    }
    Ok(first)
}

fn format(ifd: &Ifd) -> Result<Format, String> {
    let formats = ifd.numbers(339).unwrap_or_else(|| vec![1]);
    let bits = bits(ifd)?;
    match formats.first() {
        Some(first) if formats.iter().any(|f| f != first) => Err(unread("channels of different kinds")),
        Some(1 | 4) | None => Ok(Format::Unsigned),
        Some(2) => Err(unread("signed values")),
        Some(3) if matches!(bits, 16 | 24 | 32 | 64) => Ok(Format::Float),
        Some(3) => Err(damaged("floating-point values of an impossible size")),
        Some(_) => Err(unread("complex values")),
    }
}

fn compression(ifd: &Ifd) -> Result<Compression, String> {
    Ok(match ifd.number(259).unwrap_or(1) {
        1 => Compression::None,
        2 => return Err(unread("CCITT run-length compression")),
        3 if ifd.number(292).unwrap_or(0) & 1 == 1 => {
            return Err(unread("two-dimensional fax compression (T.4)"));
        }
        3 => Compression::Fax3,
        4 => Compression::Fax4,
        5 => Compression::Lzw,
        6 => return Err(unread("old-style JPEG compression")),
        7 => Compression::Jpeg,
        8 | 32946 => Compression::Deflate,
        32773 => Compression::PackBits,
        34712 | 33003 | 33005 => return Err(unread("JPEG 2000 compression")),
        34887 => return Err(unread("LERC compression")),
        34925 => return Err(unread("LZMA compression")),
        50000 | 34926 => return Err(unread("Zstandard compression")),
        50001 | 34927 => return Err(unread("WebP compression")),
        50002 | 52546 => return Err(unread("JPEG XL compression")),
        other => return Err(unread(&format!("compression {other}"))),
    })
}
