//! Any bytes as a picture file: a picture or a refusal, whatever comes.

#![no_main]

use std::path::Path;

use impasto::picture::Picture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(picture) = Picture::decode_at_most(data, Path::new("fuzz"), 64) {
        assert!(picture.width() > 0 && picture.height() > 0);
        assert_eq!(picture.rgb().len(), 3 * picture.width() * picture.height());
        assert!(picture.rgb().iter().all(|v| (0.0..=1.0).contains(v)));
    }
});
