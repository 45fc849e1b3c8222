//! `.safetensors`: a JSON header with names, types, shapes and places, then the values.
//!
//! The `safetensors` crate reads and validates the header (places without gaps or overlaps, sizes as the
//! shapes say); only the header is held in memory, not the file.

use super::container::{Array, Container, Format, MAX_ARRAYS, read_exactly};
use super::dtype::Dtype;
use crate::text::{Message, clip, plain};
use safetensors::tensor::Metadata;
use std::io::{Read, Seek, SeekFrom};

/// A whole VGG-19's header has 4 KB; the limit leaves room for notes in it.
const MAX_HEADER: u64 = 1 << 20;

/// A file whose header has been read.
pub(super) struct Safetensors<R> {
    reader: R,
    arrays: Vec<Array>,
    /// Where each array's values start, from the start of the file.
    starts: Vec<u64>,
}

impl<R: Read + Seek> Safetensors<R> {
    /// Reads the header; `length` is the whole file's.
    pub fn open(mut reader: R, length: u64) -> Message<Self> {
        let mut prefix = [0u8; 8];
        reader.read_exact(&mut prefix).map_err(|_| "it ends inside its header".to_string())?;
        let size = u64::from_le_bytes(prefix);
        if size > MAX_HEADER || size + 8 > length {
            return Err(format!(
                "its safetensors header claims {size} bytes; the file is damaged or cut short"
            ));
        }
        let header = read_exactly(&mut reader, size as usize, "the safetensors header")?;
        let metadata: Metadata = serde_json::from_slice(&header)
            .map_err(|error| format!("its safetensors header cannot be read: {}", plain(error)))?;
        let start = 8 + size;
        if start.checked_add(metadata.data_len() as u64) != Some(length) {
            let (expected, got) = (metadata.data_len(), length - start);
            return Err(format!(
                "it holds {got} bytes of values, its header describes {expected}; get it again"
            ));
        }
        let names = metadata.offset_keys();
        if names.len() > MAX_ARRAYS {
            return Err(format!("it holds {} arrays; a network has at most {MAX_ARRAYS}", names.len()));
        }
        let (mut arrays, mut starts) = (Vec::new(), Vec::new());
        for name in names {
            let Some(info) = metadata.info(&name) else { continue };
            let dtype = dtype(info.dtype);
            starts.push(start + info.data_offsets.0 as u64);
            arrays.push(Array { name, shape: info.shape.clone(), dtype });
        }
        Ok(Self { reader, arrays, starts })
    }
}

/// The header's word for a number format.
fn dtype(stated: safetensors::Dtype) -> Dtype {
    use safetensors::Dtype as Stated;
    match stated {
        Stated::F16 => Dtype::F16,
        Stated::BF16 => Dtype::BF16,
        Stated::F32 => Dtype::F32,
        Stated::F64 => Dtype::F64,
        Stated::U8 => Dtype::U8,
        other => Dtype::Other(format!("{other:?}")),
    }
}

impl<R: Read + Seek> Container for Safetensors<R> {
    fn format(&self) -> Format {
        Format::Safetensors
    }

    fn arrays(&self) -> &[Array] {
        &self.arrays
    }

    fn bytes(&mut self, index: usize) -> Message<Vec<u8>> {
        let array = &self.arrays[index];
        let sought = self.reader.seek(SeekFrom::Start(self.starts[index]));
        sought.map_err(|error| format!("{} cannot be read: {}", clip(&array.name), plain(error)))?;
        read_exactly(&mut self.reader, array.size()?, &array.name)
    }
}
