//! Writing arrays as `.npz`, uncompressed; equal arrays give equal bytes.

use std::io::{self, Seek, Write};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::npy;

/// An archive that grows array by array.
pub(crate) struct Archive<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Archive<W> {
    /// Begins one.
    pub fn new(writer: W) -> Self {
        Self(ZipWriter::new(writer))
    }

    /// Adds an array of any type that `npyz` knows.
    ///
    /// # Errors
    /// What the writer says.
    pub fn array<T: npyz::AutoSerialize>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl ExactSizeIterator<Item = T>,
    ) -> io::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644);
        self.0.start_file(format!("{name}.npy"), options)?;
        npy::write(&mut self.0, shape, values)
    }

    /// Ends it.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(self) -> io::Result<()> {
        self.0.finish()?.flush()
    }
}
