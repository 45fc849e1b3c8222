//! Which files of a folder are frames, and in which order.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use crate::cli::batch::list::is_picture;
use crate::error::{Error, Result};

/// The pictures of a folder in the order of their names.
///
/// # Errors
/// A folder that cannot be read or has no pictures.
pub(super) fn frames(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        Error::file(folder, format!("the folder of the frames cannot be read ({error})"))
    };
    let mut frames = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if file.is_file() && !hidden && is_picture(&file) {
            frames.push(file);
        }
    }
    if frames.is_empty() {
        return Err(Error::file(folder, "has no pictures; give the folder of the frames"));
    }
    let name = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    frames.sort_by(|a, b| natural(&name(a), &name(b)));
    Ok(frames)
}

/// Numbers in names by their value, everything else letter by letter; names that are equal so by all their letters.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (m, n) = (digits(left), digits(right));
        let order = if m > 0 && n > 0 {
            let (one, other) = (left[..m].trim_start_matches('0'), right[..n].trim_start_matches('0'));
            (left, right) = (&left[m..], &right[n..]);
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = [
            "f10.png",
            "f9.png",
            "f1.png",
            "f010.png",
            "a-2-b.png",
            "a-2-a.png",
            "f.png",
            "é2.png",
            "f1a.png",
        ];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            [
                "a-2-a.png",
                "a-2-b.png",
                "f.png",
                "f1.png",
                "f1a.png",
                "f9.png",
                "f010.png",
                "f10.png",
                "é2.png"
            ]
        );
        let huge = ["9".repeat(400), format!("1{}", "0".repeat(400))];
        assert_eq!(natural(&huge[0], &huge[1]), Ordering::Less);
    }
}
