//! Sentences for errors, and foreign text made fit for them.

/// A result whose error is a sentence that still lacks its subject: the file's or network's name goes before it.
pub(crate) type Message<T> = std::result::Result<T, String>;

/// Foreign text fit for a message: control characters escaped, no longer than 64 characters.
pub(crate) fn clip(text: &str) -> String {
    clip_to(text, 64)
}

fn clip_to(text: &str, length: usize) -> String {
    let mut characters = text.chars();
    let mut clipped = String::new();
    for character in characters.by_ref().take(length) {
        if character.is_control() {
            clipped.extend(character.escape_default());
        } else {
            clipped.push(character);
        }
    }
    if characters.next().is_some() {
        clipped.push('…');
    }
    clipped
}

/// Another library's error in one clipped line, for the second half of a sentence.
pub(crate) fn plain(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    clip_to(line, 200)
}

/// The shape of an array: `64×3×3×3`, or `()` for a single value.
pub(crate) fn shape(extents: &[usize]) -> String {
    match extents {
        [] => "()".into(),
        _ => clip(&extents.iter().map(usize::to_string).collect::<Vec<_>>().join("×")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_clipped_and_escaped() {
        assert_eq!(clip("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clip(&"x".repeat(1000)).chars().count(), 65);
        assert_eq!(plain("one.\ntwo"), "one");
        assert_eq!(shape(&[2, 3]), "2×3");
        assert_eq!(shape(&[]), "()");
    }
}
