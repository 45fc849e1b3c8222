//! Writing a network as `.npz`, uncompressed, whole or not at all.

use super::archive::Archive;
use super::{metadata, metadata::MAX_SIZE};
use crate::error::{Error, Result};
use crate::files;
use crate::network::Network;
use half::f16;
use std::io::{self, Seek, Write};
use std::path::Path;

/// How the convolutions' weights are stored; everything else is small and stays float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As they are.
    F32,
    /// Rounded to half: half the size, relative error 5·10⁻⁴ at most.
    F16,
}

/// Writes `network` to `path`, which is replaced only when the new file is complete.
///
/// # Errors
///
/// [`Error::Network`] if a weight is beyond the range of float16 or the texts are beyond 64 KiB; [`Error::Output`] if
/// the file cannot be written.
pub fn save(network: &Network, path: &Path, storage: Storage) -> Result<()> {
    let json = metadata::to_json(network).map_err(|message| Error::network(network.source(), message))?;
    if json.len() > MAX_SIZE {
        let message =
            format!("name, licence and description have {} bytes; at most {MAX_SIZE} fit", json.len());
        return Err(Error::network(network.source(), message));
    }
    if storage == Storage::F16 {
        require_half_range(network)?;
    }
    files::replace(path, |bytes| write(network, &json, storage, io::Cursor::new(bytes)))
}

fn require_half_range(network: &Network) -> Result<()> {
    for c in network.convolutions() {
        if let Some(value) = c.weight().iter().find(|&&value| !f16::from_f32(value).is_finite()) {
            let message = format!(
                "{}.weight holds {value}, beyond the range of float16 (65504); store float32",
                c.name()
            );
            return Err(Error::network(network.source(), message));
        }
    }
    Ok(())
}

/// Writes the archive; equal networks give equal bytes.
fn write(network: &Network, json: &[u8], storage: Storage, writer: impl Write + Seek) -> io::Result<()> {
    let mut archive = Archive::new(writer);
    archive.array("input.weight", &[3, 3], network.input_weight().iter().copied())?;
    archive.array("input.bias", &[3], network.input_bias().iter().copied())?;
    for c in network.convolutions() {
        let name = c.name();
        let (weight, shape) = (format!("{name}.weight"), [c.outputs(), c.inputs(), 3, 3]);
        match storage {
            Storage::F32 => archive.array(&weight, &shape, c.weight().iter().copied())?,
            Storage::F16 => {
                archive.array(&weight, &shape, c.weight().iter().map(|&value| f16::from_f32(value)))?;
            }
        }
        archive.array(&format!("{name}.bias"), &[c.outputs()], c.bias().iter().copied())?;
    }
    archive.array("metadata", &[json.len()], json.iter().copied())?;
    archive.finish()
}
