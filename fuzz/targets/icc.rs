//! Any bytes as a colour profile of a grey, RGB or CMYK picture.

#![no_main]

use std::path::Path;

use impasto::picture::Picture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for (channels, photometric) in [(1, 1), (3, 2), (4, 5)] {
        let picture = Picture::decode(&tiff(channels, photometric, data), Path::new("fuzz"));
        if let Ok(picture) = picture {
            assert!(picture.rgb().iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }
});

/// A TIFF of 4×1 pixels with a profile.
fn tiff(channels: u16, photometric: u16, profile: &[u8]) -> Vec<u8> {
    let pixels: Vec<u8> = (0..4 * channels).map(|i| (i * 23) as u8).collect();
    let mut file = b"II*\0".to_vec();
    let bits = 8 + pixels.len() as u32;
    let at = bits + 2 * u32::from(channels);
    let start = at + profile.len() as u32 + profile.len() as u32 % 2;
    file.extend(start.to_le_bytes());
    file.extend(&pixels);
    (0..channels).for_each(|_| file.extend([8, 0]));
    file.extend(profile);
    file.resize(start as usize, 0);
    let bits_inline = if channels == 1 { 8 } else { bits };
    let entries: [(u16, u16, u32, u32); 10] = [
        (256, 3, 1, 4),
        (257, 3, 1, 1),
        (258, 3, u32::from(channels), bits_inline),
        (259, 3, 1, 1),
        (262, 3, 1, u32::from(photometric)),
        (273, 4, 1, 8),
        (277, 3, 1, u32::from(channels)),
        (278, 3, 1, 1),
        (279, 4, 1, pixels.len() as u32),
        (34675, 7, profile.len() as u32, if profile.len() > 4 { at } else { 0 }),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file
}
