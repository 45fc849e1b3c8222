//! `.npz`: a zip archive of `.npy` arrays, stored or deflated.

use super::container::{Array, Container, Format, MAX_ARRAYS, read_exactly};
use super::npy;
use crate::text::{Message, clip, plain};
use std::collections::HashSet;
use std::io::{Read, Seek};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// An archive whose array headers have been read.
pub(super) struct Npz<R> {
    archive: ZipArchive<R>,
    arrays: Vec<Array>,
    /// The archive's entry of each array, and what its header says.
    entries: Vec<(usize, npy::Header)>,
}

impl<R: Read + Seek> Npz<R> {
    /// Reads the header of every array.
    pub fn open(mut archive: ZipArchive<R>) -> Message<Self> {
        let (mut arrays, mut entries, mut names) = (Vec::new(), Vec::new(), HashSet::new());
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(damaged)?;
            let file = entry.name().map_err(damaged)?.into_owned();
            let Some(name) = file.strip_suffix(".npy") else {
                return Err(format!("it holds {}, which is no .npy array", clip(&file)));
            };
            let header =
                npy::header(&mut entry).map_err(|text| format!("{} cannot be read: {text}", clip(name)))?;
            if !names.insert(name.to_string()) {
                return Err(format!("it holds the array {} twice", clip(name)));
            }
            arrays.push(Array {
                name: name.into(),
                shape: header.shape.clone(),
                dtype: header.dtype.clone(),
            });
            entries.push((index, header));
        }
        Ok(Self { archive, arrays, entries })
    }
}

/// Opens the zip archive itself, for this format and for PyTorch's.
pub(super) fn unzip<R: Read + Seek>(reader: R) -> Message<ZipArchive<R>> {
    // An archive starts where its file does. Left to search for the start, zip 9.8 refuses some files of
    // torch.save (the fixture refused_channels_last.pth is one).
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, reader).map_err(damaged)?;
    if archive.len() > MAX_ARRAYS {
        return Err(format!("it holds {} entries; a network has at most {MAX_ARRAYS}", archive.len()));
    }
    if archive.has_duplicate_names() {
        return Err("its zip archive holds two entries of the same name".into());
    }
    Ok(archive)
}

/// The sentence for an archive that the zip reader refuses.
pub(super) fn damaged(error: zip::result::ZipError) -> String {
    format!("its zip archive is damaged or cut short: {}; get the file again", plain(error))
}

impl<R: Read + Seek> Container for Npz<R> {
    fn format(&self) -> Format {
        Format::Npz
    }

    fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    fn bytes(&mut self, index: usize) -> Message<Vec<u8>> {
        let array = &self.arrays[index];
        let (name, size) = (clip(&array.name), array.size()?);
        let mut entry = self.archive.by_index(self.entries[index].0).map_err(damaged)?;
        npy::header(&mut entry).map_err(|text| format!("{name} cannot be read: {text}"))?;
        let bytes = read_exactly(&mut entry, size, &array.name)?;
        // The checksum is compared where the entry ends.
        match entry.read(&mut [0]) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(format!("{name} holds more than the {size} bytes of its shape")),
            Err(error) => Err(format!("{name} is damaged: {}; get the file again", plain(error))),
        }
    }

    fn floats(&mut self, index: usize) -> Message<Vec<f32>> {
        let array = &self.arrays[index];
        array.dtype.floats(&[]).ok_or_else(|| array.unusable())?;
        let bytes = self.bytes(index)?;
        let name = clip(&self.arrays[index].name);
        npy::floats(&self.entries[index].1, &bytes).map_err(|text| format!("{name} cannot be read: {text}"))
    }
}
