//! Any bytes as EXIF or XMP: carried into every format, and read back.

#![no_main]

use std::path::Path;

use impasto::picture::{Format, KeepMetadata, Metadata, Picture, SaveOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, rest)) = data.split_first() else { return };
    let mut metadata = Metadata::default();
    if choice & 1 == 0 {
        metadata.exif = Some(rest.to_vec());
    } else {
        metadata.xmp = Some(rest.to_vec());
    }
    let keep = if choice & 2 == 0 { KeepMetadata::Usual } else { KeepMetadata::All };
    let mut options = SaveOptions::default().metadata(keep);
    if choice & 4 == 0 {
        options = options.document("{\"a\": 1}");
    }
    let picture = Picture::uniform(3, 2, [0.2, 0.4, 0.6]).unwrap().with_metadata(metadata);
    for format in Format::ALL {
        let Ok(file) = picture.encode(format, &options) else { continue };
        let again = Picture::decode(&file, Path::new("fuzz")).unwrap();
        // The picture is upright, whatever was carried along.
        assert_eq!((again.width(), again.height()), (3, 2));
        if choice & 4 == 0 {
            assert_eq!(again.metadata().document.as_deref(), Some("{\"a\": 1}"));
        }
        let _ = picture.losses(format, &options);
    }
});
