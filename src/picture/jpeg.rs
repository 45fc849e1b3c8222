//! Whether a JPEG is all there: the decoder fills what is missing with grey and says nothing.

/// Walks the markers (ITU-T T.81, annex B) and tells whether the end-of-image marker is reached.
///
/// A thumbnail's own end inside a metadata segment does not count, nor does anything after the end.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    const END: u8 = 0xD9;
    const SCAN: u8 = 0xDA;
    let mut at = 2; // after the start-of-image marker
    while let (Some(0xFF), Some(&marker)) = (bytes.get(at), bytes.get(at + 1)) {
        match marker {
            END => return true,
            0xFF => at += 1,               // fill byte
            0x01 | 0xD0..=0xD8 => at += 2, // markers without a segment
            _ => {
                let (Some(&high), Some(&low)) = (bytes.get(at + 2), bytes.get(at + 3)) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
                if marker == SCAN {
                    at = after_scan(bytes, at);
                }
            }
        }
    }
    // Rubbish between segments is left to the decoder, as long as the file closes somewhere behind it.
    bytes.get(at..).is_some_and(|rest| rest.windows(2).any(|pair| pair == [0xFF, END]))
}

/// The first marker behind entropy-coded data that starts at `at` (stuffed bytes and restarts belong to it).
fn after_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&next) = bytes.get(at + 1) {
        if bytes[at] == 0xFF && !matches!(next, 0x00 | 0xD0..=0xD7) {
            break;
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn finds_the_end_and_only_the_end() {
        let thumbnail = [0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        let scan = [0xFF, 0xDA, 0, 3, 7, 1, 0xFF, 0x00, 2, 0xFF, 0xD0, 3];
        let file = [&[0xFF, 0xD8][..], &thumbnail, &scan, &[0xFF, 0xFF, 0xD9]].concat();
        assert!(is_complete(&file));
        assert!(is_complete(&[&file[..], b"trailing"].concat()));
        for cut in 0..file.len() {
            assert!(!is_complete(&file[..cut]), "{cut} of {} bytes", file.len());
        }
    }
}
