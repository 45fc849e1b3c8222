//! A PyTorch stream behind its magic number: the pickles of the machine, the state dict and the storages, then values.
#![no_main]

mod verdict;

/// The magic number, then the protocol of the stream.
const START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verdict::judge(&[START, bytes].concat()));
