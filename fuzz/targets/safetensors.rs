//! A safetensors file: the header's length is set right, so that its JSON is reached.
#![no_main]

mod verdict;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first two bytes say how long the header is.
    let [low, high, rest @ ..] = bytes else { return };
    let length = u16::from_le_bytes([*low, *high]) as u64;
    verdict::judge(&[&length.to_le_bytes(), rest].concat());
});
