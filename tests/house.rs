//! The house keeps its order: no room uses a room of a higher floor, and no files use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of `src`, from the ground up; a room may use those before it, and its own floor's where they stand together.
const FLOORS: [&[&str]; 14] = [
    &["error", "names", "text"],
    &["tensor", "random", "files"],
    &["kernels"],
    &["picture"],
    &["flow"],
    &["network"],
    &["weights"],
    &["engine"],
    &["loss"],
    &["optimize"],
    &["strokes"],
    &["run"],
    &["diagnose"],
    &["cli", "main", "lib"],
];

/// Every source file below `src`, by its path there, without its tests and comments.
fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
                let code: Vec<&str> =
                    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
                found.insert(path.strip_prefix(root).unwrap().to_owned(), code.join("\n"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found
}

/// The room of a file: the first part of its path.
fn room(file: &Path) -> &str {
    let first = file.components().next().unwrap().as_os_str().to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("`{room}` has no floor: give it one in this test, and in ARCHITECTURE.md"))
}

/// The paths that stand behind `prefix` in some code, with groups in braces spread out: `a::{b, c::d}` gives both.
fn paths(code: &str, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        spread(&code[at + prefix.len()..], String::new(), &mut found);
    }
    found
}

/// Reads one path, or a group of them, from the start of `code`; returns how much was read.
fn spread(code: &str, before: String, found: &mut Vec<String>) -> usize {
    if let Some(group) = code.strip_prefix('{') {
        let mut at = 1;
        loop {
            let rest = &code[at..];
            at += rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',').len();
            if code[at..].starts_with('}') || at > group.len() {
                return at + 1;
            }
            let read = spread(&code[at..], before.clone(), found);
            at += read.max(1);
        }
    }
    let length = code.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(code.len());
    let path =
        if before.is_empty() { code[..length].to_owned() } else { format!("{before}::{}", &code[..length]) };
    match code[length..].strip_prefix("::") {
        Some(rest) => length + 2 + spread(rest, path, found),
        None => {
            found.push(path);
            length
        }
    }
}

#[test]
fn paths_are_read_with_their_groups() {
    let code = "use crate::a::{b, c::{d, e}};\nlet x = crate::f::g(y); other_crate::h; use super::i;";
    assert_eq!(paths(code, "crate::"), ["a::b", "a::c::d", "a::c::e", "f::g"]);
    assert_eq!(paths(code, "super::"), ["i"]);
}

#[test]
fn no_arrow_goes_up() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for path in paths(&code, "crate::") {
            let target = path.split("::").next().unwrap();
            if matches!(target, "Error" | "Result") {
                continue;
            }
            if floor(target) > floor(room(&file)) {
                wrong.push(format!("{} uses crate::{path}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "a floor uses a higher one:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = sources();
    // A module's name → its file; `mod.rs` joins its folder and is no part of a circle.
    let module = |file: &Path| -> String {
        let parts: Vec<&str> = file.components().map(|part| part.as_os_str().to_str().unwrap()).collect();
        let joined = parts.join("::");
        joined.strip_suffix(".rs").unwrap_or(&joined).to_owned()
    };
    let files: BTreeMap<String, &PathBuf> = sources.keys().map(|file| (module(file), file)).collect();
    let mut uses: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = BTreeMap::new();
    for (file, code) in &sources {
        if file.ends_with("mod.rs") || floor(room(file)) == FLOORS.len() - 1 {
            continue;
        }
        let here = module(file);
        let parent = here.rsplit_once("::").map_or("", |(parent, _)| parent);
        let absolute = paths(code, "crate::").into_iter();
        let sibling = paths(code, "super::").into_iter().map(|path| format!("{parent}::{path}"));
        for path in absolute.chain(sibling) {
            // The longest part of the path that is a file.
            let mut name = path.as_str();
            loop {
                if let Some(target) = files.get(name).filter(|target| **target != file) {
                    uses.entry(file).or_default().insert(target);
                    break;
                }
                match name.rsplit_once("::") {
                    Some((shorter, _)) => name = shorter,
                    None => break,
                }
            }
        }
    }
    // Files that use nothing that is left are taken away until none is; what stays is in a circle or above one.
    let mut left: BTreeSet<&PathBuf> = sources.keys().collect();
    loop {
        let free: Vec<&PathBuf> = left
            .iter()
            .filter(|file| uses.get(**file).is_none_or(|targets| targets.iter().all(|t| !left.contains(t))))
            .copied()
            .collect();
        if free.is_empty() {
            break;
        }
        free.iter().for_each(|file| {
            left.remove(file);
        });
    }
    // Drop what merely stands above a circle.
    loop {
        let unused: Vec<&PathBuf> = left
            .iter()
            .filter(|file| {
                !left.iter().any(|other| uses.get(other).is_some_and(|targets| targets.contains(*file)))
            })
            .copied()
            .collect();
        if unused.is_empty() {
            break;
        }
        unused.iter().for_each(|file| {
            left.remove(file);
        });
    }
    let arrows = left.iter().map(|file| {
        let targets = uses[*file].iter().filter(|target| left.contains(**target));
        let targets: Vec<String> = targets.map(|target| target.display().to_string()).collect();
        format!("{} uses {}", file.display(), targets.join(", "))
    });
    let arrows: Vec<String> = arrows.collect();
    assert!(arrows.is_empty(), "files in a circle:\n{}", arrows.join("\n"));
}
