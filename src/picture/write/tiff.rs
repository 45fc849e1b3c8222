//! TIFF 6.0: uncompressed strips, the tags behind them, in the byte order of the EXIF that goes along.

use super::Image;
use crate::picture::colour::icc;
use crate::picture::metadata::ifd::{self, Ifd, Order, kind};
use crate::picture::metadata::{exif, xmp};

/// About the bytes of a strip that the specification asks for.
const STRIP: usize = 64 << 10;

pub(super) fn encode(image: Image<'_>) -> Result<Vec<u8>, String> {
    let native = if cfg!(target_endian = "little") { Order::Little } else { Order::Big };
    let (mut tags, children) =
        image.outgoing.exif.as_deref().and_then(exif::parts).unwrap_or((Ifd::new(native), Vec::new()));
    let order = tags.order;
    let mut file = ifd::head_bytes(order);
    if image.sixteen && order != native {
        file.extend(image.bytes.chunks_exact(2).flat_map(|b| [b[1], b[0]]));
    } else {
        file.extend(&image.bytes);
    }

    let (width, height) = (image.width, image.height);
    let row = width as usize * image.channels() * if image.sixteen { 2 } else { 1 };
    let rows = (STRIP / row).clamp(1, height as usize);
    let starts = (0..height as usize).step_by(rows);
    let offsets: Vec<u32> = starts.clone().map(|y| (8 + y * row) as u32).collect();
    let counts: Vec<u32> = starts.map(|y| (rows.min(height as usize - y) * row) as u32).collect();
    let bits = if image.sixteen { 16 } else { 8 };
    tags.set_long(256, &[width]);
    tags.set_long(257, &[height]);
    tags.set_short(258, &vec![bits; image.channels()]);
    tags.set_short(259, &[1]); // no compression
    tags.set_short(262, &[2]); // RGB
    tags.set_long(273, &offsets);
    tags.set_short(274, &[1]);
    tags.set_short(277, &[image.channels() as u16]);
    tags.set_long(278, &[rows as u32]);
    tags.set_long(279, &counts);
    tags.set_short(284, &[1]);
    if image.alpha {
        tags.set_short(338, &[2]); // not multiplied into the colours
    }
    if let Some(resolution) = image.outgoing.resolution {
        exif::add_resolution(&mut tags, resolution);
    }
    if let Some(packet) = xmp::merged(image.outgoing.xmp.as_deref(), image.document, usize::MAX)? {
        tags.set(700, kind::BYTE, packet);
    }
    if let Some(profile) = image.outgoing.intent.and_then(icc::srgb) {
        tags.set(34675, kind::UNDEFINED, profile);
    }
    if u32::try_from(file.len()).is_err() {
        return Err("it would take more than 4 GiB".into());
    }
    let start = tags.append(&mut file, &children);
    ifd::set_first(&mut file, order, start);
    Ok(file)
}
