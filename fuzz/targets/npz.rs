//! Any bytes as a network file: zip archives of arrays, and of PyTorch.
#![no_main]

mod verdict;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| verdict::judge(bytes));
