//! What kind of file something is, by its first bytes.

use crate::text::{Message, clip};

/// Bytes of the beginning that [`recognise`] wants to see; fewer where the file ends before.
pub(super) const BEGINNING: u64 = 264;

/// The kinds of container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A zip archive: `.npz`, or PyTorch's since 1.6.
    Zip,
    /// PyTorch's stream of pickles before 1.6.
    Stream,
    Safetensors,
}

/// The number 0x1950a86a20f9469cfc6c as a pickle holds it, by which a PyTorch stream begins.
const STREAM_MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Other files that people take for a network's, by what they begin with.
const OTHERS: [(&[u8], &str); 10] = [
    (b"\x93NUMPY", "it is a single NumPy array; a network is many: numpy.savez(FILE, **arrays)"),
    (b"\x89HDF", "it is an HDF5 file (Keras), which is not read; convert it to .npz with Python"),
    (
        b"MATLAB 5.0",
        "it is a MATLAB file, which is not read; convert it to .npz with Python (scipy.io.loadmat)",
    ),
    (b"GGUF", "it is a GGUF file, which is not read; get the .safetensors or .pth file"),
    (b"\x1f\x8b", "it is packed by gzip; unpack it first: gunzip FILE"),
    (b"BZh", "it is packed by bzip2; unpack it first: bunzip2 FILE"),
    (b"\xfd7zXZ\0", "it is packed by xz; unpack it first: unxz FILE"),
    (
        b"version https://git-lfs",
        "it is only Git's pointer to a large file; get the file itself: git lfs pull",
    ),
    (b"<", "it is a web page or XML, not a network file; download the file itself"),
    (b"{", "it is JSON, not a network file; get the .safetensors or .npz file that belongs to it"),
];

/// Says what kind of container begins with `start`.
///
/// # Errors
/// A sentence about what it is instead, as far as that can be seen.
pub(super) fn recognise(start: &[u8]) -> Message<Kind> {
    if start.is_empty() {
        return Err("it is empty; get the file again".into());
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Zip);
    }
    if let Some(pickle) = start.strip_prefix(b"\x80") {
        // The protocol, and from 4 on a frame of nine bytes.
        let body = match pickle {
            [2..=3, body @ ..] => body,
            [4..=5, 0x95, _, _, _, _, _, _, _, _, body @ ..] => body,
            [_, body @ ..] => body,
            [] => &[],
        };
        return if body.starts_with(STREAM_MAGIC) {
            Ok(Kind::Stream)
        } else {
            Err("it is a Python pickle, but not PyTorch's; save it with torch.save(model.state_dict(), FILE)"
                .into())
        };
    }
    if start.get(8) == Some(&b'{') {
        return Ok(Kind::Safetensors);
    }
    if start.get(257..262) == Some(b"ustar") {
        return Err(
            "it is a tar archive, also PyTorch's form before 0.1.2, which is not read; load it with \
                    torch.load and save it again"
                .into(),
        );
    }
    if let Some((_, sentence)) = OTHERS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err((*sentence).into());
    }
    let start = beginning(start);
    Err(format!("it is neither .npz nor .safetensors nor a PyTorch state dict (it begins with {start})"))
}

/// The first bytes in a form that tells what the file may be instead.
fn beginning(start: &[u8]) -> String {
    let start = &start[..start.len().min(8)];
    match std::str::from_utf8(start) {
        Ok(text) if !text.contains('\0') => format!("`{}`", clip(text)),
        _ => start.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_recognised() {
        let magic = |head: &[u8]| [head, STREAM_MAGIC].concat();
        for (start, kind) in [
            (b"PK\x03\x04".to_vec(), Kind::Zip),
            (b"PK\x05\x06".to_vec(), Kind::Zip),
            (magic(b"\x80\x02"), Kind::Stream),
            (magic(b"\x80\x03"), Kind::Stream),
            (magic(b"\x80\x04\x95\x0d\0\0\0\0\0\0\0"), Kind::Stream),
            (magic(b"\x80\x05\x95\x0d\0\0\0\0\0\0\0"), Kind::Stream),
            (b"\x02\0\0\0\0\0\0\0{}".to_vec(), Kind::Safetensors),
        ] {
            assert_eq!(recognise(&start), Ok(kind), "{start:?}");
        }
    }

    #[test]
    fn other_files_are_named() {
        let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
        for (start, expected) in [
            (&b""[..], "it is empty"),
            (b"PK", "neither .npz nor"),
            (b"\x93NUMPY\x01\x00", "numpy.savez"),
            (b"\x89HDF\r\n\x1a\n", "HDF5"),
            (b"\x80\x04\x95....", "not PyTorch's"),
            (b"\x80", "not PyTorch's"),
            (b"MATLAB 5.0 MAT-file", "MATLAB"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
            (b"<!DOCTYPE html>", "web page"),
            (b"{\"metadata\": {", "JSON"),
            (&tar, "tar archive"),
            (b"\xff\xd8\xff\xe0 JFIF", "ff d8 ff e0"),
            (b"hello, world", "`hello, w`"),
            (&[0; 300], "00 00 00 00 00 00 00 00"),
        ] {
            let message = recognise(start).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
