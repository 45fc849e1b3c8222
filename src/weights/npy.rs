//! The `.npy` format of NumPy: a strict check of its header, then `npyz` to read and to write.
//!
//! The header is a Python literal. A general parser of those is a danger with hostile files (nested
//! brackets take exponential time or the whole stack), so `npyz` sees a header only after it was found to be of the one
//! form that `numpy.save` writes: a flat dictionary of `descr`, `fortran_order` and `shape`, of at most 4 KiB.
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use super::dtype::Dtype;
use crate::text::{Message, clip, plain};
use npyz::WriterBuilder;
use std::io::{self, Read, Write};

/// What every `.npy` file starts with.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// No plain array's header comes near it.
const MAX_HEADER: usize = 4096;

/// A header that has been read and checked.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// As it stands in the file, from the magic to the last byte before the values.
    raw: Vec<u8>,
}

/// Reads the header and leaves the reader at the first value.
///
/// Refuses Fortran order, big-endian numbers and whatever is not a plain array.
pub(super) fn header(reader: &mut impl Read) -> Message<Header> {
    let mut raw = Vec::new();
    let start: [u8; 8] = take(reader, &mut raw)?;
    if !start.starts_with(MAGIC) {
        return Err("it is not in NumPy's .npy format; write the file with numpy.savez".into());
    }
    let length = match start[6] {
        1 => u16::from_le_bytes(take(reader, &mut raw)?).into(),
        2 | 3 => u32::from_le_bytes(take(reader, &mut raw)?) as usize,
        version => return Err(format!("its .npy version is {version}; 1 to 3 are read")),
    };
    if length > MAX_HEADER {
        return Err(format!("its .npy header has {length} bytes; a plain array's has at most {MAX_HEADER}"));
    }
    let start = raw.len();
    raw.resize(start + length, 0);
    reader.read_exact(&mut raw[start..]).map_err(cut_short)?;
    let text = std::str::from_utf8(&raw[start..]).map_err(|_| "its .npy header is not text".to_string())?;
    let (dtype, shape) = parse(text)?;
    Ok(Header { dtype, shape, raw })
}

/// Reads `N` bytes and notes them.
fn take<const N: usize>(reader: &mut impl Read, raw: &mut Vec<u8>) -> Message<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(cut_short)?;
    raw.extend(bytes);
    Ok(bytes)
}

fn cut_short(_: io::Error) -> String {
    "it ends inside its .npy header".into()
}

/// The values behind a header, rounded to float32.
pub(super) fn floats(header: &Header, values: &[u8]) -> Message<Vec<f32>> {
    fn read<T: npyz::Deserialize>(header: &Header, values: &[u8], to: fn(T) -> f32) -> io::Result<Vec<f32>> {
        let read = npyz::NpyFile::with_header(npyz::NpyHeader::from_reader(&header.raw[..])?, values);
        let values = read.data::<T>().map_err(io::Error::other)?;
        values.map(|value| value.map(to)).collect()
    }
    let floats = match header.dtype {
        Dtype::F16 => read(header, values, half::f16::to_f32),
        Dtype::F32 => read(header, values, |value: f32| value),
        Dtype::F64 => read(header, values, |value: f64| value as f32),
        _ => return Err(format!("it is stored as {}", header.dtype)),
    };
    floats.map_err(|error| format!("its values cannot be read: {}", plain(error)))
}

/// Parses the dictionary into type and shape.
fn parse(text: &str) -> Message<(Dtype, Vec<usize>)> {
    let unusable = || format!("its .npy header is not that of a plain array: {}", clip(text.trim()));
    let brackets: String = text.chars().filter(|c| "[]{}()".contains(*c)).collect();
    if brackets != "{()}" {
        return Err(unusable());
    }
    let body = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(unusable)?;
    let (before, rest) = body.split_once('(').ok_or_else(unusable)?;
    let (inside, after) = rest.split_once(')').ok_or_else(unusable)?;
    let shape = extents(inside).ok_or_else(unusable)?;
    let (mut descr, mut fortran, mut shapes) = (None, None, 0);
    let entries = before.split(',').chain(after.split(',')).map(str::trim);
    for entry in entries.filter(|entry| !entry.is_empty()) {
        let (key, value) = entry.split_once(':').ok_or_else(unusable)?;
        match (unquote(key.trim()), value.trim()) {
            (Some("descr"), value) if descr.is_none() => descr = Some(unquote(value).ok_or_else(unusable)?),
            (Some("fortran_order"), "True") if fortran.is_none() => fortran = Some(true),
            (Some("fortran_order"), "False") if fortran.is_none() => fortran = Some(false),
            (Some("shape"), "") => shapes += 1,
            _ => return Err(unusable()),
        }
    }
    let (Some(descr), Some(fortran), 1) = (descr, fortran, shapes) else { return Err(unusable()) };
    if fortran && shape.len() > 1 {
        return Err("it is stored in Fortran order; save numpy.ascontiguousarray(…) of it".into());
    }
    Ok((dtype(descr), shape))
}

/// `64, 3, 3, 3` or `64,` or nothing.
fn extents(text: &str) -> Option<Vec<usize>> {
    let mut parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.last() == Some(&"") {
        parts.pop();
    }
    let digits = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.iter().map(|part| if digits(part) { part.parse().ok() } else { None }).collect()
}

fn unquote(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| "'\"".contains(*c))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote)).then_some(inner)
}

fn dtype(descr: &str) -> Dtype {
    match descr {
        "<f2" => Dtype::F16,
        "<f4" => Dtype::F32,
        "<f8" => Dtype::F64,
        "|u1" | "<u1" | "u1" => Dtype::U8,
        other => Dtype::Other(other.into()),
    }
}

/// Writes a float32 array of row-major `values` as `.npy`, as `numpy.save` does.
///
/// # Panics
///
/// If `shape` does not hold exactly `values.len()` values.
pub fn write_f32(writer: impl Write, shape: &[usize], values: &[f32]) -> io::Result<()> {
    write(writer, shape, values.iter().copied())
}

/// Writes an array of any type that `npyz` knows.
pub(super) fn write<T: npyz::AutoSerialize>(
    writer: impl Write,
    shape: &[usize],
    values: impl ExactSizeIterator<Item = T>,
) -> io::Result<()> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "shape and values");
    let shape: Vec<u64> = shape.iter().map(|&extent| extent as u64).collect();
    let mut array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(writer).begin_nd()?;
    array.extend(values)?;
    array.finish()
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;
