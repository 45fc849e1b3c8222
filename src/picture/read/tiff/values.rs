//! Stored bits to values: predictors, byte orders, depths.

use super::layout::{Format, Layout, Photometric};
use crate::picture::metadata::ifd::Order;

/// Undoes the differences of predictor 2 in a row, in the file's byte order.
pub(super) fn add_differences(row: &mut [u8], layout: &Layout) {
    let (size, step) = (layout.bits / 8, layout.interleaved());
    let order = layout.order;
    for at in (size * step..row.len() / size * size).step_by(size) {
        let (before, here) = (&row[at - size * step..][..size], &row[at..][..size]);
        let sum = number(before, order).wrapping_add(number(here, order));
        let bytes =
            if order == Order::Little { sum.to_le_bytes() } else { (sum << (64 - 8 * size)).to_be_bytes() };
        row[at..at + size].copy_from_slice(&bytes[..size]);
    }
}

/// Undoes predictor 3 in a row (Adobe's technical note of 2005): bytes were split by significance, then differences
/// taken; the result is in big-endian order.
pub(super) fn join_float_bytes(row: &mut [u8], layout: &Layout) {
    let (size, step) = (layout.bits / 8, layout.interleaved());
    for i in step..row.len() {
        row[i] = row[i].wrapping_add(row[i - step]);
    }
    let split = row.to_vec();
    let count = row.len() / size;
    for (i, value) in row.chunks_exact_mut(size).enumerate() {
        value.iter_mut().enumerate().for_each(|(b, byte)| *byte = split[b * count + i]);
    }
}

/// Up to eight bytes as a number.
fn number(bytes: &[u8], order: Order) -> u64 {
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    if order == Order::Big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// `count` values of a row, appended in the layout's store: unsigned ones over the whole range of the store, except that
/// a palette's indices stay as they are; floating-point and 24-, 32- and 64-bit ones as f32.
pub(super) fn convert(row: &[u8], layout: &Layout, order: Order, count: usize, out: &mut Vec<u8>) {
    let (bits, indices) = (layout.bits, layout.photometric == Photometric::Palette);
    let most = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
    match (layout.format, bits) {
        (Format::Unsigned, 8) => out.extend(&row[..count]),
        (Format::Unsigned, 16) => {
            let values = row.chunks_exact(2).take(count);
            values.for_each(|b| out.extend((number(b, order) as u16).to_ne_bytes()));
        }
        (Format::Unsigned, ..8) => (0..count).for_each(|i| {
            let v = packed(row, i, bits);
            out.push(if indices { v } else { (v * 255 + most / 2) / most } as u8);
        }),
        (Format::Unsigned, ..16) => (0..count).for_each(|i| {
            let v = packed(row, i, bits);
            out.extend((if indices { v } else { (v * 65535 + most / 2) / most } as u16).to_ne_bytes());
        }),
        (Format::Unsigned, _) => {
            let values = row.chunks_exact(bits / 8).take(count);
            values.for_each(|b| out.extend(((number(b, order) as f64 / most as f64) as f32).to_ne_bytes()));
        }
        (Format::Float, _) => {
            let values = row.chunks_exact(bits / 8).take(count);
            values.for_each(|b| out.extend(float(number(b, order), bits).to_ne_bytes()));
        }
    }
}

/// Value `i` of a row of values of fewer than 16 bits, the highest bit first.
fn packed(row: &[u8], i: usize, bits: usize) -> u64 {
    let first = i * bits;
    let bytes = &row[first / 8..(first + bits).div_ceil(8)];
    let all = number(bytes, Order::Big);
    all >> (bytes.len() * 8 - first % 8 - bits) & ((1 << bits) - 1)
}

fn float(value: u64, bits: usize) -> f32 {
    match bits {
        16 => half::f16::from_bits(value as u16).to_f32(),
        24 => {
            // Sign, seven bits of exponent with bias 63, sixteen of mantissa.
            let (sign, exponent, mantissa) = (value >> 23 & 1, value >> 16 & 127, value & 0xFFFF);
            let magnitude = match exponent {
                0 => mantissa as f32 / 65536.0 * 2f32.powi(-62),
                127 if mantissa == 0 => f32::INFINITY,
                127 => f32::NAN,
                _ => (1.0 + mantissa as f32 / 65536.0) * 2f32.powi(exponent as i32 - 63),
            };
            if sign == 1 { -magnitude } else { magnitude }
        }
        32 => f32::from_bits(value as u32),
        _ => f64::from_bits(value) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_of_any_depth() {
        // 3-bit values 0 … 7, then 12-bit ones.
        let row = [0b0000_0101, 0b0011_1001, 0b0111_0111];
        assert_eq!((0..8).map(|i| packed(&row, i, 3)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        let row = [0xAB, 0xC1, 0x23];
        assert_eq!((packed(&row, 0, 12), packed(&row, 1, 12)), (0xABC, 0x123));
        assert_eq!(packed(&[0b0100_0000], 1, 1), 1);
    }

    #[test]
    fn short_floats() {
        assert_eq!(float(0x3C00, 16), 1.0);
        assert_eq!(float(63 << 16, 24), 1.0);
        assert_eq!(float(1 << 23 | 62 << 16 | 0x8000, 24), -0.75);
        assert!(float(127 << 16 | 1, 24).is_nan());
        assert_eq!(float(0.25f64.to_bits(), 64), 0.25);
    }
}
