//! PyTorch's files: the zip archive (since 1.6) and the stream before it, which torchvision's own VGG
//! downloads still are.
//!
//! Zip: `NAME/data.pkl` is the pickle, `NAME/data/KEY` the values of each storage, uncompressed.
//! Stream: five pickles (magic number, protocol, machine, state dict, storage keys), then for every key
//! the number of its values (int64) and the values. Layout: PyTorch's `torch/serialization.py`.

use super::container::{Array, Container, Format, MAX_ARRAYS, read_exactly};
use super::npz::damaged;
use super::pickle::{Node, Pickle, Tensor, Value, state_dict};
use crate::text::{Message, clip, plain};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Read, Seek, SeekFrom};
use zip::{CompressionMethod, ZipArchive};

/// Tensors as the rest of the room sees them.
fn arrays(tensors: &[(&str, &Tensor)]) -> Message<Vec<Array>> {
    if tensors.len() > MAX_ARRAYS {
        return Err(format!("it holds {} tensors; a network has at most {MAX_ARRAYS}", tensors.len()));
    }
    let mut names = HashSet::new();
    if let Some((name, _)) = tensors.iter().find(|(name, _)| !names.insert(*name)) {
        return Err(format!("it holds {} twice", clip(name)));
    }
    let array = |&(name, tensor): &(&str, &Tensor)| {
        let (shape, dtype) = (tensor.shape.clone(), tensor.storage.dtype.clone());
        Array { name: name.into(), shape, dtype }
    };
    Ok(tensors.iter().map(array).collect())
}

/// A zip archive whose pickle has been read.
pub(super) struct Archive<R> {
    archive: ZipArchive<R>,
    /// The folder inside the archive, with its slash.
    folder: String,
    arrays: Vec<Array>,
    tensors: Vec<Tensor>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the pickle of an archive in which `data.pkl` lies in `folder`.
    pub fn open(mut archive: ZipArchive<R>, folder: String) -> Message<Self> {
        if archive.index_for_name(&format!("{folder}constants.pkl")).is_some() {
            return Err("it is a TorchScript program, which is not run; \
                        save only the arrays with torch.save(model.state_dict(), FILE)"
                .into());
        }
        if let Some(index) = archive.index_for_name(&format!("{folder}byteorder")) {
            let mut order = Vec::new();
            let entry = archive.by_index(index).map_err(damaged)?;
            entry.take(16).read_to_end(&mut order).map_err(|error| damaged(error.into()))?;
            if order != b"little" {
                return Err(
                    "it was saved on a big-endian machine; save it again on a little-endian one".into()
                );
            }
        }
        let pickle = {
            let entry = archive.by_name(&format!("{folder}data.pkl")).map_err(damaged)?;
            Pickle::read(&mut std::io::BufReader::new(entry))?
        };
        let tensors = state_dict(&pickle)?;
        let arrays = arrays(&tensors)?;
        let tensors = tensors.into_iter().map(|(_, tensor)| tensor.clone()).collect();
        Ok(Self { archive, folder, arrays, tensors })
    }
}

impl<R: Read + Seek> Container for Archive<R> {
    fn format(&self) -> Format {
        Format::PyTorch
    }

    fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    fn bytes(&mut self, index: usize) -> Message<Vec<u8>> {
        let (array, tensor) = (&self.arrays[index], &self.tensors[index]);
        let (name, size) = (clip(&array.name), array.size()?);
        tensor.require_whole(&array.name)?;
        let path = format!("{}data/{}", self.folder, tensor.storage.key);
        let Some(place) = self.archive.index_for_name(&path) else {
            return Err(format!("the values of {name} are missing ({}); get the file again", clip(&path)));
        };
        let mut entry = self.archive.by_index(place).map_err(damaged)?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!(
                "the values of {name} are compressed, which torch.save never does; save it again"
            ));
        }
        let bytes = read_exactly(&mut entry, size, &array.name)?;
        match entry.read(&mut [0]) {
            Ok(0) => Ok(bytes),
            Ok(_) => Err(format!("{name} holds more than the {size} bytes of its shape")),
            Err(error) => Err(format!("{name} is damaged: {}; get the file again", plain(error))),
        }
    }
}

/// A stream whose pickles have been read.
pub(super) struct Stream<R> {
    reader: R,
    arrays: Vec<Array>,
    tensors: Vec<Tensor>,
    /// Where each storage's values start.
    starts: HashMap<String, u64>,
}

impl<R: BufRead + Seek> Stream<R> {
    /// Reads the pickles and finds the storages; `length` is the whole file's.
    pub fn open(mut reader: R, length: u64) -> Message<Self> {
        for _magic_and_protocol in 0..2 {
            Pickle::read(&mut reader)?;
        }
        require_little_endian(&Pickle::read(&mut reader)?)?;
        let pickle = Pickle::read(&mut reader)?;
        let keys = Pickle::read(&mut reader)?;
        let tensors = state_dict(&pickle)?;
        let arrays = arrays(&tensors)?;
        let storages: HashMap<&str, _> =
            pickle.storages().map(|storage| (storage.key.as_str(), storage)).collect();
        let Some(Node::List(keys_in_order)) = keys.root_node() else {
            return Err("its list of storages is missing; get the file again".into());
        };
        let lost = |error: std::io::Error| {
            format!("its storages cannot be read: {}; get the file again", plain(error))
        };
        let mut starts = HashMap::new();
        let mut place = reader.stream_position().map_err(lost)?;
        for &key in keys_in_order {
            let storage = keys.text(key).and_then(|key| storages.get(key).copied());
            let Some((storage, value)) = storage.and_then(|s| Some((s, s.value_size()?))) else {
                return Err("it holds a storage whose size is not known; \
                            save only the arrays with torch.save(model.state_dict(), FILE)"
                    .into());
            };
            let mut stated = [0; 8];
            reader.seek(SeekFrom::Start(place)).map_err(lost)?;
            reader.read_exact(&mut stated).map_err(lost)?;
            let end = storage.length.checked_mul(value).and_then(|size| size.checked_add(place + 8));
            let end = end.filter(|&end| end <= length && u64::from_le_bytes(stated) == storage.length);
            starts.insert(storage.key.clone(), place + 8);
            place = end.ok_or("its storages are cut short or damaged; get the file again")?;
        }
        let tensors = tensors.into_iter().map(|(_, tensor)| tensor.clone()).collect();
        Ok(Self { reader, arrays, tensors, starts })
    }
}

fn require_little_endian(machine: &Pickle) -> Message<()> {
    let Some(Node::Dict(facts)) = machine.root_node() else { return Ok(()) };
    let big = facts
        .iter()
        .any(|&(key, value)| machine.text(key) == Some("little_endian") && value == Value::Bool(false));
    if big {
        Err("it was saved on a big-endian machine; save it again on a little-endian one".into())
    } else {
        Ok(())
    }
}

impl<R: BufRead + Seek> Container for Stream<R> {
    fn format(&self) -> Format {
        Format::PyTorch
    }

    fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    fn bytes(&mut self, index: usize) -> Message<Vec<u8>> {
        let (array, tensor) = (&self.arrays[index], &self.tensors[index]);
        tensor.require_whole(&array.name)?;
        let start = self.starts.get(&tensor.storage.key);
        let &start = start.ok_or_else(|| format!("the values of {} are missing", clip(&array.name)))?;
        let sought = self.reader.seek(SeekFrom::Start(start));
        sought.map_err(|error| format!("{} cannot be read: {}", clip(&array.name), plain(error)))?;
        read_exactly(&mut self.reader, array.size()?, &array.name)
    }
}
