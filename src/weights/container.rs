//! What every kind of network file is to the rest of the room: named arrays whose shapes are known
//! before any value is read.
//!
//! A container's opening reads headers only. [`Container::bytes`] then reads one array, never more than
//! its checked shape says, and grows its buffer with the bytes that really arrive: a header cannot make
//! the reader allocate.

use super::dtype::Dtype;
use crate::text::{self, Message, clip, plain};
use std::io::Read;

/// The most arrays that a file may hold; a whole VGG-19 with its classifier has 38.
pub(super) const MAX_ARRAYS: usize = 1024;

/// An array of a container, as its header describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub name: String,
    /// Row-major, outermost first.
    pub shape: Vec<usize>,
    pub dtype: Dtype,
}

impl Array {
    /// The number of values; `None` if it overflows.
    pub fn values(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent))
    }

    /// The sentence for a type of number that no network is made of.
    pub fn unusable(&self) -> String {
        format!("{} is stored as {}; store it as float32 or float16", clip(&self.name), self.dtype)
    }

    /// The number of bytes, with a sentence for shapes and scalars that have none.
    pub fn size(&self) -> Message<usize> {
        let size = self.dtype.size().ok_or_else(|| self.unusable())?;
        self.values().and_then(|values| values.checked_mul(size)).ok_or_else(|| {
            let (name, shape) = (clip(&self.name), text::shape(&self.shape));
            format!("the shape of {name}, {shape}, is beyond any memory")
        })
    }
}

/// Named arrays behind headers that have been read.
pub(super) trait Container {
    /// What kind of file it is, for messages and for conventions that belong to a kind.
    fn format(&self) -> Format;

    /// Every array, in the file's order; names are unique.
    fn arrays(&self) -> &[Array];

    /// The bytes of one array, exactly [`Array::size`] of them, little-endian.
    fn bytes(&mut self, index: usize) -> Message<Vec<u8>>;

    /// The values of one array, rounded to float32; whether they are finite is left to the network's check.
    fn floats(&mut self, index: usize) -> Message<Vec<f32>> {
        let array = self.arrays()[index].clone();
        // A format that is not of floating point is refused before its bytes are read.
        array.dtype.floats(&[]).ok_or_else(|| array.unusable())?;
        let bytes = self.bytes(index)?;
        array.dtype.floats(&bytes).ok_or_else(|| array.unusable())
    }
}

/// The kinds of file that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npz,
    Safetensors,
    PyTorch,
}

/// Reads exactly `size` bytes of the array `name`, or says where they ended.
pub(super) fn read_exactly(reader: impl Read, size: usize, name: &str) -> Message<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(size as u64).read_to_end(&mut bytes);
    read.map_err(|error| format!("{} is damaged: {}", clip(name), plain(error)))?;
    if bytes.len() != size {
        let (name, got) = (clip(name), bytes.len());
        return Err(format!("{name} ends after {got} of {size} bytes; the file is cut short, get it again"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_overflow_have_no_size() {
        let array = Array { name: "a".into(), shape: vec![1 << 32, 1 << 32, 2], dtype: Dtype::F32 };
        assert_eq!(array.values(), None);
        assert!(array.size().unwrap_err().contains("beyond any memory"));
        let array = Array { name: "a".into(), shape: vec![usize::MAX], dtype: Dtype::F32 };
        assert!(array.size().is_err());
    }

    #[test]
    fn a_short_array_says_how_much_there_was() {
        let message = read_exactly(&[1u8, 2][..], 4, "conv1_1.bias").unwrap_err();
        assert!(message.contains("conv1_1.bias ends after 2 of 4 bytes"), "{message}");
        assert_eq!(read_exactly(&[1u8, 2, 3][..], 2, "a").unwrap(), [1, 2]);
    }
}
