//! Tests that need what not every machine has, such as the shared development data: never passed unseen.
//!
//! Rust's own harness cannot skip a test at run time, so such a test is a [`Trial`] of a binary without it, like
//! `tests/shared.rs`. Where its need is missing, the output has it by name as ignored, with the reason before it;
//! `--include-ignored` makes it fail.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

/// A file or folder of the shared development data, by its path inside (`networks/vgg19-slim16.npz`), or the sentence that
/// it is missing. The data lie in `$IMPASTO_SHARED`, or else in `shared` beside the repository.
pub fn shared(path: &str) -> Result<PathBuf, String> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("IMPASTO_SHARED").map_or_else(beside, PathBuf::from);
    let file = folder.join(path);
    if file.exists() { Ok(file) } else { Err(format!("shared/{path} is missing")) }
}

/// The test `name` with what it needs, or ignored with the sentence that says what is missing.
pub fn trial<T: Send + 'static>(
    name: &str,
    need: Result<T, String>,
    test: impl FnOnce(T) + Send + 'static,
) -> Trial {
    match need {
        Ok(need) => Trial::test(name, move || {
            test(need);
            Ok(())
        }),
        Err(missing) => Trial::test(name, || Err("what it needs is missing".into()))
            .with_kind(missing)
            .with_ignored_flag(true),
    }
}
