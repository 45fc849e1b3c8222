//! Strips and tiles, unpacked: never more bytes than the layout says, never fewer.

use std::io::Read;

use super::super::jpeg;
use super::layout::{Compression, Layout, Photometric};
use super::{damaged, values};
use crate::picture::metadata::ifd::Order;

/// A strip or tile.
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    pub row_bytes: usize,
    pub rows: usize,
    /// Byte order of its values.
    pub order: Order,
}

/// The chunk `index` of a file.
pub(super) fn chunk(file: &[u8], layout: &Layout, index: usize) -> Result<Chunk, String> {
    let rows = layout.rows(index);
    let stored = stored(file, layout, index)?;
    if layout.compression == Compression::Jpeg {
        return by_jpeg(stored, layout, rows);
    }
    let row_bytes = (layout.chunk_width * layout.interleaved() * layout.bits).div_ceil(8);
    let (h, v) = layout.subsampling;
    let blocks = layout.chunk_width.div_ceil(h) * rows.div_ceil(v);
    let want = if layout.subsampling == (1, 1) { row_bytes * rows } else { blocks * (h * v + 2) };
    let reverse = layout.reversed && !matches!(layout.compression, Compression::Lzw | Compression::Deflate);
    let turned: Vec<u8>;
    let stored = if reverse {
        turned = stored.iter().map(|b| b.reverse_bits()).collect();
        &turned
    } else {
        stored
    };
    let mut bytes = match layout.compression {
        Compression::None => stored.get(..want).map(<[u8]>::to_vec).ok_or_else(early)?,
        Compression::Lzw => lzw(stored, want)?,
        Compression::Deflate => {
            let mut bytes = Vec::new();
            let taken = flate2::read::ZlibDecoder::new(stored).take(want as u64).read_to_end(&mut bytes);
            taken.map_err(|error| damaged(&error.to_string()))?;
            bytes
        }
        Compression::PackBits => pack_bits(stored, want),
        Compression::Fax3 | Compression::Fax4 => fax(stored, layout, rows, row_bytes)?,
        Compression::Jpeg => Vec::new(),
    };
    if bytes.len() < want {
        return Err(early());
    }
    bytes.truncate(want);
    if layout.subsampling != (1, 1) {
        bytes = full_chroma(&bytes, layout, rows);
    }
    match layout.predictor {
        2 => bytes.chunks_exact_mut(row_bytes).for_each(|row| values::add_differences(row, layout)),
        3 => {
            bytes.chunks_exact_mut(row_bytes).for_each(|row| values::join_float_bytes(row, layout));
            return Ok(Chunk { bytes, row_bytes, rows, order: Order::Big });
        }
        _ => {}
    }
    Ok(Chunk { bytes, row_bytes, rows, order: layout.order })
}

/// The bytes of a chunk as they are in the file; an uncompressed strip may say more than there is.
fn stored<'a>(file: &'a [u8], layout: &Layout, index: usize) -> Result<&'a [u8], String> {
    let from = usize::try_from(layout.offsets[index]).unwrap_or(usize::MAX);
    let rest = file.get(from..).ok_or_else(early)?;
    let count = usize::try_from(layout.counts[index]).unwrap_or(usize::MAX);
    if count > rest.len() && layout.compression != Compression::None {
        return Err(early());
    }
    Ok(&rest[..count.min(rest.len())])
}

fn early() -> String {
    "the TIFF ends too early; get a complete copy".into()
}

fn lzw(stored: &[u8], want: usize) -> Result<Vec<u8>, String> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut out, mut at) = (Vec::new(), 0);
    let mut block = vec![0; want.min(1 << 16)];
    while out.len() < want {
        let done = decoder.decode_bytes(&stored[at..], &mut block);
        at += done.consumed_in;
        out.extend(&block[..done.consumed_out]);
        match done.status {
            Ok(weezl::LzwStatus::Ok) => {}
            Ok(_) => break,
            Err(error) => return Err(damaged(&error.to_string())),
        }
    }
    Ok(out)
}

/// Apple's run lengths (TIFF 6.0, section 9).
fn pack_bits(stored: &[u8], want: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = stored;
    while let Some((&count, after)) = rest.split_first() {
        if out.len() >= want {
            break;
        }
        match count {
            0..=127 => {
                let (literal, after) = after.split_at(after.len().min(usize::from(count) + 1));
                out.extend(literal);
                rest = after;
            }
            128 => rest = after,
            _ => {
                let Some((&value, after)) = after.split_first() else { break };
                out.extend(std::iter::repeat_n(value, 257 - usize::from(count)));
                rest = after;
            }
        }
    }
    out
}

/// ITU-T T.4 (one-dimensional) and T.6; black is 1.
fn fax(stored: &[u8], layout: &Layout, rows: usize, row_bytes: usize) -> Result<Vec<u8>, String> {
    let width = u16::try_from(layout.chunk_width).map_err(|_| damaged("a fax that is too wide"))?;
    let height = u16::try_from(rows).map_err(|_| damaged("a fax that is too long"))?;
    let mut bytes = Vec::new();
    let line = |transitions: &[u16]| {
        if bytes.len() >= rows * row_bytes {
            return;
        }
        let mut row = vec![0u8; row_bytes];
        for (x, colour) in fax::decoder::pels(transitions, width).enumerate() {
            if colour == fax::Color::Black {
                row[x / 8] |= 0x80 >> (x % 8);
            }
        }
        bytes.extend(row);
    };
    if layout.compression == Compression::Fax4 {
        fax::decoder::decode_g4(stored.iter().copied(), width, Some(height), line);
    } else {
        // Each line ends where the next begins; most programs leave out the mark that ends the last one.
        const ENDS: [u8; 9] = [0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01];
        fax::decoder::decode_g3(stored.iter().copied().chain(ENDS), line);
    }
    Ok(bytes)
}

/// A JPEG stream, with the tables that all chunks share put before it.
fn by_jpeg(stored: &[u8], layout: &Layout, rows: usize) -> Result<Chunk, String> {
    let tables = layout.jpeg_tables.as_deref().filter(|tables| tables.len() > 4);
    let joined = match tables {
        Some(tables) if stored.len() > 2 => [&tables[..tables.len() - 2], &stored[2..]].concat(),
        _ => stored.to_vec(),
    };
    let channels = layout.interleaved();
    let ycc = layout.photometric == Photometric::YCbCr && !layout.planar;
    let (bytes, width, height) = jpeg::part(&joined, channels, ycc)?;
    if width < layout.chunk_width || height < rows {
        return Err(damaged("a JPEG in it is smaller than its strip or tile"));
    }
    Ok(Chunk { bytes, row_bytes: width * channels, rows, order: layout.order })
}

/// YCbCr with shared chroma (section 21) to three values a pixel.
fn full_chroma(bytes: &[u8], layout: &Layout, rows: usize) -> Vec<u8> {
    let (h, v) = layout.subsampling;
    let across = layout.chunk_width.div_ceil(h);
    let mut out = vec![0; layout.chunk_width * rows * 3];
    for (i, block) in bytes.chunks_exact(h * v + 2).enumerate() {
        let (left, top) = (i % across * h, i / across * v);
        for (k, luma) in block[..h * v].iter().enumerate() {
            let (x, y) = (left + k % h, top + k / h);
            if x < layout.chunk_width && y < rows {
                out[(y * layout.chunk_width + x) * 3..][..3].copy_from_slice(&[
                    *luma,
                    block[h * v],
                    block[h * v + 1],
                ]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_by_the_book() {
        // The example of the specification of PackBits.
        let packed =
            [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let plain = [
            0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0x22, 0xAA, 0xAA,
            0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
        ];
        assert_eq!(pack_bits(&packed, 24), plain);
        for cut in 0..packed.len() {
            assert!(pack_bits(&packed[..cut], 24).len() < 24);
        }
    }
}
