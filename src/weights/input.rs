//! Where a network's bytes come from: files, which are read at any place, and pipes, which are held in memory.
//!
//! Both are bounded, so that nothing endless is read.

use super::recognise::recognise;
use crate::text::{Message, plain};
use std::fs::{File, FileType, Metadata};
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
use std::path::Path;

/// The most bytes of a file: eight times a whole VGG-19 with its classifier in float32.
const MAX_FILE: u64 = 4 << 30;

/// The most bytes of a pipe.
const MAX_PIPE: u64 = 1 << 30;

/// Bytes that can be read at any place.
pub(super) trait Input: BufRead + Seek {}

impl<T: BufRead + Seek> Input for T {}

/// Opens a file, or reads a pipe to its end.
pub(super) fn open(path: &Path) -> Message<Box<dyn Input>> {
    let failed = |error: std::io::Error| format!("it cannot be read: {}", plain(error));
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file; check the name".into(),
        _ => failed(error),
    })?;
    if metadata.is_dir() {
        return Err("it is a folder; name the network file in it".into());
    }
    if is_pipe(metadata.file_type()) {
        if is_named(path) {
            return Err(
                "it is a named pipe, to which nobody may ever write; name the network file itself, or \
                        /dev/stdin and write to that"
                    .into(),
            );
        }
        return Ok(Box::new(Cursor::new(whole(File::open(path).map_err(failed)?, MAX_PIPE)?)));
    }
    require_file(&metadata)?;
    let file = File::open(path).map_err(failed)?;
    // What was looked at may not be what was opened.
    require_file(&file.metadata().map_err(failed)?)?;
    Ok(Box::new(BufReader::new(file)))
}

fn require_file(metadata: &Metadata) -> Message<()> {
    if !metadata.is_file() {
        return Err("it is a device, not a file; name the network file itself".into());
    }
    if metadata.len() > MAX_FILE {
        let (got, most) = (metadata.len(), MAX_FILE >> 30);
        return Err(format!("it has {got} bytes; network files of at most {most} GiB are read"));
    }
    Ok(())
}

/// Reads a pipe of at most `limit` bytes, and of one that holds no network no more than its beginning.
fn whole(mut pipe: impl Read, limit: u64) -> Message<Vec<u8>> {
    let failed = |error: std::io::Error| format!("it cannot be read: {}", plain(error));
    let mut bytes = Vec::new();
    pipe.by_ref().take(super::recognise::BEGINNING).read_to_end(&mut bytes).map_err(failed)?;
    recognise(&bytes)?;
    pipe.take((limit + 1).saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is a pipe of more than {limit} bytes, the most that is read; name a file"));
    }
    Ok(bytes)
}

#[cfg(unix)]
fn is_pipe(kind: FileType) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&kind)
}

#[cfg(not(unix))]
fn is_pipe(_kind: FileType) -> bool {
    false
}

/// Whether a pipe has a name of its own; the shell's `<(…)` and `/dev/stdin` have none.
fn is_named(pipe: &Path) -> bool {
    let own = |path: &Path| !["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    pipe.canonicalize().is_ok_and(|path| own(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_read_to_its_limit() {
        let zip = b"PK\x03\x04 and so on";
        assert_eq!(whole(&zip[..], zip.len() as u64).unwrap(), zip);
        let message = whole(&zip[..], zip.len() as u64 - 1).unwrap_err();
        assert!(message.contains("a pipe of more than 13 bytes"), "{message}");
        assert!(whole(zip.chain(std::io::repeat(0)), 1 << 16).unwrap_err().contains("more than 65536 bytes"));
    }

    #[test]
    fn what_is_no_network_is_not_read_on() {
        struct Beginning(usize);
        impl Read for Beginning {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.0 += buffer.len();
                assert!(self.0 <= 1024, "it reads on");
                buffer.fill(0);
                Ok(buffer.len())
            }
        }
        assert!(whole(Beginning(0), MAX_PIPE).unwrap_err().contains("neither .npz nor"));
    }
}
