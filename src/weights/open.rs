//! Opening a network file by its content.

use super::container::Container;
use super::input::{self, Input};
use super::recognise::{BEGINNING, Kind, recognise};
use super::{assemble, npz, pth, safetensors};
use crate::error::{Error, Result};
use crate::network::{InputColours, Network};
use crate::text::{Message, plain};
use sha2::{Digest, Sha256};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// Reads the network in a file of at most 4 GiB or an unnamed pipe of at most 1 GiB: `.npz`, `.safetensors` or PyTorch,
/// whatever its name says.
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
pub fn load_as(path: &Path, colours: Option<InputColours>) -> Result<Network> {
    let network = input::open(path).and_then(|mut input| read(&mut input, path, colours));
    network.map_err(|message| Error::network(path, message))
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
pub fn decode_as(bytes: &[u8], name: &Path, colours: Option<InputColours>) -> Result<Network> {
    let network = read(&mut Cursor::new(bytes), name, colours);
    network.map_err(|message| Error::network(name, message))
}

/// A network with what identifies its file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspected {
    /// What the file holds.
    pub network: Network,
    /// The SHA-256 of the file's bytes (FIPS 180-4), in hexadecimal.
    pub sha256: String,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// Like [`load`], with what identifies the file.
///
/// # Errors
///
/// As [`load`].
pub fn inspect(path: &Path) -> Result<Inspected> {
    let inspected = input::open(path).and_then(|mut input| inspected(&mut input, path));
    inspected.map_err(|message| Error::network(path, message))
}

/// Like [`decode`], with what identifies the bytes.
///
/// # Errors
///
/// As [`decode`].
pub fn inspect_bytes(bytes: &[u8], name: &Path) -> Result<Inspected> {
    inspected(&mut Cursor::new(bytes), name).map_err(|message| Error::network(name, message))
}

fn inspected(input: &mut impl Input, name: &Path) -> Message<Inspected> {
    let network = read(input, name, None)?;
    let (bytes, sha256) = digest(input).map_err(unreadable)?;
    Ok(Inspected { network, sha256, bytes })
}

fn unreadable(error: io::Error) -> String {
    format!("it cannot be read: {}", plain(error))
}

/// The number of bytes and their SHA-256.
fn digest(input: &mut (impl Read + Seek)) -> io::Result<(u64, String)> {
    input.rewind()?;
    let (mut digest, mut length, mut part) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = input.read(&mut part)?;
        if read == 0 {
            let digest = digest.finalize();
            return Ok((length, digest.iter().map(|byte| format!("{byte:02x}")).collect()));
        }
        digest.update(&part[..read]);
        length += read as u64;
    }
}

fn read(input: &mut impl Input, name: &Path, colours: Option<InputColours>) -> Message<Network> {
    assemble::network(&mut *container(input)?, name, colours)
}

/// Opens the right kind of container.
fn container<'r>(input: &'r mut impl Input) -> Message<Box<dyn Container + 'r>> {
    let length = input.seek(SeekFrom::End(0)).map_err(unreadable)?;
    input.rewind().map_err(unreadable)?;
    let mut start = Vec::new();
    input.by_ref().take(BEGINNING).read_to_end(&mut start).map_err(unreadable)?;
    input.rewind().map_err(unreadable)?;
    Ok(match recognise(&start)? {
        Kind::Stream => Box::new(pth::Stream::open(input, length)?),
        Kind::Safetensors => Box::new(safetensors::Safetensors::open(input, length)?),
        Kind::Zip => {
            let archive = npz::unzip(input)?;
            let names = archive.file_names().filter_map(|name| name.ok());
            let folder = names.filter_map(|name| name.strip_suffix("data.pkl").map(str::to_string)).next();
            match folder {
                Some(folder) if folder.is_empty() || folder.ends_with('/') => {
                    Box::new(pth::Archive::open(archive, folder)?)
                }
                _ => Box::new(npz::Npz::open(archive)?),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        // FIPS 180-2, appendices B.1 and B.3.
        for (bytes, expected) in [
            (b"abc".to_vec(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (vec![b'a'; 1_000_000], "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
        ] {
            let mut input = Cursor::new(&bytes);
            input.set_position(2);
            assert_eq!(digest(&mut input).unwrap(), (bytes.len() as u64, expected.into()));
        }
    }
}
