//! Opening a network file by its content.

use super::assemble;
use super::container::Container;
use super::{npz, pth, safetensors};
use crate::error::{Error, Result};
use crate::network::{InputColours, Network};
use crate::text::{Message, clip, plain};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek, SeekFrom};
use std::path::Path;

/// Reads the network in a file: `.npz`, `.safetensors` or PyTorch, whatever its name says.
///
/// # Errors
///
/// [`Error::Network`] if the file cannot be read or does not hold a usable network.
pub fn load(path: &Path) -> Result<Network> {
    load_as(path, None)
}

/// Like [`load`], for a file that does not state its colour map: the caller does.
///
/// # Errors
///
/// As [`load`]; also if the file states its colour map itself.
pub fn load_as(path: &Path, input: Option<InputColours>) -> Result<Network> {
    let unreadable = |error: std::io::Error| Error::network(path, format!("it cannot be read: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::network(path, "it is not a file; name the network file itself"));
    }
    let file = File::open(path).map_err(unreadable)?;
    read(BufReader::new(file), path, input)
}

/// Reads a network from bytes; `name` stands for the file in messages.
///
/// # Errors
///
/// [`Error::Network`] if the bytes do not hold a usable network.
pub fn decode(bytes: &[u8], name: &Path) -> Result<Network> {
    decode_as(bytes, name, None)
}

/// Like [`decode`], for bytes that do not state their colour map: the caller does.
///
/// # Errors
///
/// As [`decode`]; also if the bytes state their colour map themselves.
pub fn decode_as(bytes: &[u8], name: &Path, input: Option<InputColours>) -> Result<Network> {
    read(Cursor::new(bytes), name, input)
}

/// The SHA-256 of a file's bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(reader: impl BufRead + Seek, name: &Path, input: Option<InputColours>) -> Result<Network> {
    let network = container(reader).and_then(|mut container| assemble::network(&mut *container, name, input));
    network.map_err(|message| Error::network(name, message))
}

/// Opens the right kind of container.
fn container<'r>(mut reader: impl BufRead + Seek + 'r) -> Message<Box<dyn Container + 'r>> {
    let failed = |error: std::io::Error| format!("it cannot be read: {}", plain(error));
    let length = reader.seek(SeekFrom::End(0)).map_err(failed)?;
    reader.rewind().map_err(failed)?;
    let mut start = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(&mut reader, 16), &mut start).map_err(failed)?;
    reader.rewind().map_err(failed)?;
    if start.is_empty() {
        return Err("it is empty; get the file again".into());
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        let archive = npz::unzip(reader)?;
        let names = archive.file_names().filter_map(|name| name.ok());
        let folder = names.filter_map(|name| name.strip_suffix("data.pkl").map(str::to_string)).next();
        return match folder {
            Some(folder) if folder.is_empty() || folder.ends_with('/') => {
                Ok(Box::new(pth::Archive::open(archive, folder)?))
            }
            _ => Ok(Box::new(npz::Npz::open(archive)?)),
        };
    }
    if start.starts_with(pth::STREAM_MAGIC) {
        return Ok(Box::new(pth::Stream::open(reader, length)?));
    }
    if start.get(8) == Some(&b'{') {
        return Ok(Box::new(safetensors::Safetensors::open(reader, length)?));
    }
    let hint = match &start[..] {
        [0x93, b'N', b'U', b'M', ..] => {
            "it is a single NumPy array; a network is many: numpy.savez(FILE, **arrays)"
        }
        [0x80, ..] => {
            "it is a Python pickle, but not PyTorch's; save it with torch.save(model.state_dict(), FILE)"
        }
        [0x89, b'H', b'D', b'F', ..] => {
            "it is an HDF5 file, which is not read; convert it to .npz with Python"
        }
        _ => "it is neither .npz nor .safetensors nor a PyTorch state dict",
    };
    Err(if hint.ends_with("dict") {
        format!("{hint} (it begins with {})", beginning(&start))
    } else {
        hint.into()
    })
}

/// The first bytes in a form that tells what the file may be instead.
fn beginning(start: &[u8]) -> String {
    let start = &start[..start.len().min(8)];
    match std::str::from_utf8(start) {
        Ok(text) => format!("`{}`", clip(text)),
        Err(_) => start.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::sha256(b"abc"), expected);
    }
}
