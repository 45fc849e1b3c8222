//! Sealed files: a head in JSON and named arrays of numbers under one checksum, in which checkpoints and styles are kept.
//!
//! ```text
//! 8 bytes: what it is │ u32: version │ u64: bytes of the head │ head │ arrays, one after the other │ SHA-256 of all this
//! ```
//!
//! Numbers are little-endian. The head is `{"arrays": [[name, type, length], …], "about": …}`. A file is read only when its
//! checksum is right, and its lengths must add up to the file's own before anything is allocated.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::text::{Message, clip, plain};

/// Bytes before the head.
const FIXED: u64 = 20;
/// Bytes of the checksum.
const DIGEST: u64 = 32;
/// The longest head that is read.
const LONGEST_HEAD: u64 = 64 << 20;
/// Bytes that are converted at once.
const PART: usize = 1 << 16;

/// A kind of sealed file.
pub(crate) struct Kind {
    /// Its first bytes.
    pub magic: [u8; 8],
    /// The version of the layout that is written, and the only one that is read.
    pub version: u32,
    /// What messages call it, like `checkpoint`.
    pub name: &'static str,
    /// What to do when it cannot be used, like `begin anew`.
    pub advice: &'static str,
}

/// The numbers of one entry; a single number is an array of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Values<'a> {
    /// Pictures, gradients, moments, scales.
    F32(Cow<'a, [f32]>),
    /// Losses, lengths, statistics.
    F64(Cow<'a, [f64]>),
    /// Steps and changes, sixteen bits an element.
    I16(Cow<'a, [i16]>),
    /// Counts.
    I64(Cow<'a, [i64]>),
}

/// A named array.
pub type Entry<'a> = (String, Values<'a>);

/// The types as the head names them.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    F32,
    F64,
    I16,
    I64,
}

impl Type {
    fn bytes(self) -> u64 {
        match self {
            Self::I16 => 2,
            Self::F32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// What stands before the arrays.
#[derive(Serialize, Deserialize)]
struct Head<T> {
    arrays: Vec<(String, Type, u64)>,
    about: T,
}

/// Writes a sealed file.
pub(crate) fn write(
    out: impl Write,
    kind: &Kind,
    about: &impl Serialize,
    entries: &[Entry<'_>],
) -> io::Result<()> {
    let arrays = entries.iter().map(|(name, values)| {
        let (kind, length) = match values {
            Values::F32(v) => (Type::F32, v.len()),
            Values::F64(v) => (Type::F64, v.len()),
            Values::I16(v) => (Type::I16, v.len()),
            Values::I64(v) => (Type::I64, v.len()),
        };
        (name.clone(), kind, length as u64)
    });
    let head = serde_json::to_vec(&Head { arrays: arrays.collect(), about })?;
    let mut out = Sealing { out: BufWriter::with_capacity(1 << 20, out), digest: Sha256::new() };
    out.write_all(&kind.magic)?;
    out.write_all(&kind.version.to_le_bytes())?;
    out.write_all(&(head.len() as u64).to_le_bytes())?;
    out.write_all(&head)?;
    for (_, values) in entries {
        match values {
            Values::F32(v) => put(&mut out, v, |v| v.to_le_bytes())?,
            Values::F64(v) => put(&mut out, v, |v| v.to_le_bytes())?,
            Values::I16(v) => put(&mut out, v, |v| v.to_le_bytes())?,
            Values::I64(v) => put(&mut out, v, |v| v.to_le_bytes())?,
        }
    }
    let Sealing { mut out, digest } = out;
    out.write_all(&digest.finalize())?;
    out.flush()
}

fn put<T, const N: usize>(
    out: &mut impl Write,
    values: &[T],
    bytes: impl Fn(&T) -> [u8; N],
) -> io::Result<()> {
    let mut part = Vec::with_capacity(PART);
    for values in values.chunks(PART / N) {
        part.clear();
        values.iter().for_each(|value| part.extend(bytes(value)));
        out.write_all(&part)?;
    }
    Ok(())
}

/// Whether a file begins as files of this kind do.
pub(crate) fn is(path: &Path, kind: &Kind) -> bool {
    let mut magic = [0; 8];
    let plain = path.metadata().is_ok_and(|there| there.is_file());
    plain && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == kind.magic
}

/// Reads a sealed file; the message lacks the file's name.
///
/// # Errors
/// A file that cannot be read, is of another kind or version, is damaged or cut short.
pub(crate) fn load<T: DeserializeOwned>(path: &Path, kind: &Kind) -> Message<(T, Vec<Entry<'static>>)> {
    let unreadable = |error: io::Error| format!("cannot be read: {}", plain(error));
    if path.is_dir() {
        return Err(format!("is a folder; name a {} in it", kind.name));
    }
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(format!("is a device or pipe; name a {}", kind.name));
    }
    read(BufReader::with_capacity(1 << 20, file), kind)
}

/// As [`load`], from anything that can be read twice.
pub(crate) fn read<T: DeserializeOwned>(
    mut file: impl Read + Seek,
    kind: &Kind,
) -> Message<(T, Vec<Entry<'static>>)> {
    let unreadable = |error: io::Error| format!("cannot be read: {}", plain(error));
    let (name, advice) = (kind.name, kind.advice);
    let length = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let mut magic = [0; 8];
    if length < 8 || file.read_exact(&mut magic).is_err() || magic != kind.magic {
        return Err(format!("is no {name} of this program; name another file"));
    }
    let damaged = || format!("is damaged or cut short: its checksum is not that of what it holds; {advice}");
    if length < FIXED + DIGEST {
        return Err(damaged());
    }
    let mut digest = Sha256::new_with_prefix(magic);
    let mut part = vec![0; PART];
    let mut left = length - DIGEST - 8;
    while left > 0 {
        let part = &mut part[..left.min(PART as u64) as usize];
        file.read_exact(part).map_err(unreadable)?;
        digest.update(&*part);
        left -= part.len() as u64;
    }
    let mut seal = [0; DIGEST as usize];
    file.read_exact(&mut seal).map_err(unreadable)?;
    if digest.finalize()[..] != seal {
        return Err(damaged());
    }
    file.seek(SeekFrom::Start(8)).map_err(unreadable)?;
    let (mut version, mut head_length) = ([0; 4], [0; 8]);
    file.read_exact(&mut version).map_err(unreadable)?;
    file.read_exact(&mut head_length).map_err(unreadable)?;
    let (version, head_length) = (u32::from_le_bytes(version), u64::from_le_bytes(head_length));
    if version != kind.version {
        return Err(format!(
            "is a {name} of layout {version}, and this program reads layout {}; use the program that made it, or {advice}",
            kind.version
        ));
    }
    let wrong = || format!("holds other arrays than its head says; {advice}");
    if head_length > LONGEST_HEAD || head_length > length - FIXED - DIGEST {
        return Err(wrong());
    }
    let mut head = vec![0; head_length as usize];
    file.read_exact(&mut head).map_err(unreadable)?;
    let Head { arrays, about } = serde_json::from_slice::<Head<T>>(&head)
        .map_err(|error| format!("has a head that cannot be understood ({}); {advice}", plain(error)))?;
    let sizes = arrays.iter().map(|(_, kind, length)| length.checked_mul(kind.bytes()));
    let sum = sizes.into_iter().try_fold(0u64, |sum, size| sum.checked_add(size?));
    if sum != Some(length - FIXED - DIGEST - head_length) {
        return Err(wrong());
    }
    let mut entries = Vec::with_capacity(arrays.len());
    for (name, kind, length) in arrays {
        let length = usize::try_from(length).map_err(|_| wrong())?;
        let values = match kind {
            Type::F32 => take(&mut file, length, f32::from_le_bytes).map(|v| Values::F32(v.into())),
            Type::F64 => take(&mut file, length, f64::from_le_bytes).map(|v| Values::F64(v.into())),
            Type::I16 => take(&mut file, length, i16::from_le_bytes).map(|v| Values::I16(v.into())),
            Type::I64 => take(&mut file, length, i64::from_le_bytes).map(|v| Values::I64(v.into())),
        };
        entries.push((clip(&name), values.map_err(unreadable)?));
    }
    Ok((about, entries))
}

fn take<T, const N: usize>(
    file: &mut impl Read,
    length: usize,
    value: impl Fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    let mut values = Vec::with_capacity(length);
    let mut part = vec![0; PART];
    while values.len() < length {
        let part = &mut part[..(N * (length - values.len())).min(PART)];
        file.read_exact(part)?;
        values.extend(part.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)));
    }
    Ok(values)
}

/// Hashes what is written through it.
struct Sealing<W> {
    out: W,
    digest: Sha256,
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { magic: *b"impastoT", version: 3, name: "trial", advice: "make it again" };

    fn sample() -> (Vec<u8>, Vec<Entry<'static>>) {
        let entries = vec![
            ("a".to_owned(), Values::F32((0..20_000).map(|v| v as f32 * 0.3).collect())),
            ("empty".to_owned(), Values::F64(Cow::Owned(vec![]))),
            ("b".to_owned(), Values::F64(Cow::Owned(vec![0.1, f64::MIN_POSITIVE, -1e300]))),
            ("c".to_owned(), Values::I16(Cow::Owned(vec![-32_768, 5]))),
            ("d".to_owned(), Values::I64(Cow::Owned(vec![i64::MIN]))),
        ];
        let mut bytes = Vec::new();
        write(&mut bytes, &KIND, &"what it is about", &entries).unwrap();
        (bytes, entries)
    }

    fn reread(bytes: &[u8], kind: &Kind) -> Message<(String, Vec<Entry<'static>>)> {
        read(io::Cursor::new(bytes), kind)
    }

    /// The bytes with the right checksum, whatever they hold.
    fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - DIGEST as usize);
        let digest = Sha256::digest(&bytes);
        bytes.extend(digest);
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let (bytes, entries) = sample();
        assert_eq!(reread(&bytes, &KIND).unwrap(), ("what it is about".to_owned(), entries));
    }

    #[test]
    fn damage_anywhere_is_refused() {
        let (bytes, _) = sample();
        let places = (0..52).chain((0..400).map(|k| k * (bytes.len() - 1) / 399));
        for at in places {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(reread(&flipped, &KIND).is_err(), "bit flipped at {at}");
            assert!(reread(&bytes[..at], &KIND).is_err(), "cut at {at}");
        }
        assert!(reread(&[&bytes[..], b"x"].concat(), &KIND).is_err());
    }

    #[test]
    fn other_kinds_and_versions_are_told() {
        let (bytes, _) = sample();
        let other = Kind { magic: *b"impastoU", ..KIND };
        assert!(reread(&bytes, &other).unwrap_err().starts_with("is no trial"));
        let newer = Kind { version: 4, ..KIND };
        assert!(reread(&bytes, &newer).unwrap_err().contains("layout 3, and this program reads layout 4"));
        assert!(reread(b"", &KIND).unwrap_err().starts_with("is no trial"));
    }

    /// A right checksum on wrong lengths allocates nothing.
    #[test]
    fn lengths_that_lie_are_refused() {
        let (bytes, _) = sample();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = text.find("20000").unwrap();
        for lie in [b"99999", b"19999", b"2e999"] {
            let mut lying = bytes.clone();
            lying[at..at + 5].copy_from_slice(lie);
            assert!(reread(&resealed(lying), &KIND).is_err());
        }
        for length in [u64::MAX, 1 << 40, 0, 3] {
            let mut lying = bytes.clone();
            lying[12..20].copy_from_slice(&length.to_le_bytes());
            assert!(reread(&resealed(lying), &KIND).is_err(), "{length}");
        }
    }
}
