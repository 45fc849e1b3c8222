//! One `.npy` array of a good archive, which the first byte chooses, replaced: so no checksum stands before its header.
#![no_main]

mod verdict;

use std::io::{Cursor, Write};

use impasto::weights::npy::write_f32;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// The arrays of a network of one convolution.
const ARRAYS: [(&str, &[usize]); 5] = [
    ("input.weight", &[3, 3]),
    ("input.bias", &[3]),
    ("conv1_1.weight", &[2, 3, 3, 3]),
    ("conv1_1.bias", &[2]),
    ("metadata", &[]),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, array @ ..] = bytes else { return };
    let chosen = usize::from(*choice) % ARRAYS.len();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (at, (name, shape)) in ARRAYS.into_iter().enumerate() {
        if at == chosen {
            archive.start_file(format!("{name}.npy"), options).expect("in memory");
            archive.write_all(array).expect("in memory");
        } else if !shape.is_empty() {
            archive.start_file(format!("{name}.npy"), options).expect("in memory");
            write_f32(&mut archive, shape, &vec![0.5; shape.iter().product()]).expect("in memory");
        }
    }
    verdict::judge(&archive.finish().expect("in memory").into_inner());
});
