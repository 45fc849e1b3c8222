//! Which pictures a batch paints: contents × styles from folders, globs and files, or the rows of a jobs file.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::cli::inputs::is_stream;
use crate::cli::options::refuse;
use crate::cli::settings_file;
use crate::cli::values::{InitValue, StyleValue};
use crate::error::{Error, Result};
use crate::run::SavedStyle;
use crate::run::options::Options;
use crate::text::Message;

/// What files in a folder are taken as pictures by.
const EXTENSIONS: [&str; 9] = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif", "qoi"];

/// One picture to paint.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Task {
    pub content: PathBuf,
    pub styles: Vec<StyleValue>,
    pub init: Option<InitValue>,
    /// Where it goes, if not where all go.
    pub output: Option<PathBuf>,
    pub options: Options,
}

/// Every content in every style. All contents of a style follow each other, since what was measured of it is then used
/// again.
///
/// # Errors
/// Names that match nothing, patterns that cannot be read.
pub(super) fn pairs(contents: &[String], styles: &[String], options: &Options) -> Result<Vec<Task>> {
    let contents = found("contents", contents, false)?;
    let styles = found("styles", styles, true)?;
    let task = |style: &PathBuf, content: &PathBuf| Task {
        content: content.clone(),
        styles: vec![StyleValue {
            file: style.clone(),
            weight: None,
            scale: None,
            sizes: None,
            mask: None,
            at: None,
        }],
        init: None,
        output: None,
        options: options.clone(),
    };
    Ok(styles.iter().flat_map(|style| contents.iter().map(move |content| task(style, content))).collect())
}

/// The files that names stand for, each once: a folder's pictures, what a pattern matches, the file itself; sorted within
/// a name, so that every process that is given the same names has the same list.
fn found(option: &'static str, names: &[String], with_style_files: bool) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for name in names {
        let path = Path::new(name);
        let mut here = if path.is_dir() {
            let failed = |error: std::io::Error| {
                Error::option(option, format!("the folder {name} cannot be read ({error})"))
            };
            let entries = std::fs::read_dir(path).map_err(failed)?;
            let mut here = Vec::new();
            for entry in entries {
                let file = entry.map_err(failed)?.path();
                let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                if file.is_file()
                    && !hidden
                    && (is_picture(&file) || with_style_files && SavedStyle::is_in(&file))
                {
                    here.push(file);
                }
            }
            here
        } else if path.exists() {
            vec![path.to_owned()]
        } else if name.contains(['*', '?', '[']) {
            let matched = glob::glob(name)
                .map_err(|error| Error::option(option, format!("{name} is no pattern ({error})")))?;
            matched.filter_map(std::result::Result::ok).filter(|file| file.is_file()).collect()
        } else {
            return refuse(option, format!("there is no file or folder {name}; check the name"));
        };
        if here.is_empty() {
            return refuse(option, format!("{name} has no pictures; give a folder, a pattern or files"));
        }
        here.sort();
        here.retain(|file| !files.contains(file));
        files.append(&mut here);
    }
    if files.is_empty() {
        return refuse(option, "no picture was named; give a folder, a pattern or files, or a --jobs-file");
    }
    Ok(files)
}

/// Whether a file is called like a picture.
pub(in crate::cli) fn is_picture(file: &Path) -> bool {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// The rows of a jobs file: JSON lines, or CSV with a line of names first. `content`, `style`, `output` and `init` say what
/// is painted; every other key is an option's, and goes before what holds for all.
///
/// # Errors
/// A file that cannot be read, and rows that cannot be understood, with their line.
pub(super) fn rows(file: &Path, options: &Options) -> Result<Vec<Task>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::file(file, format!("cannot be read ({error})")).because(error))?;
    let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { csv_rows(&text) } else { json_rows(&text) };
    let tasks = rows.and_then(|rows| {
        let task = |(line, row)| task(row, options).map_err(|error| format!("line {line}: {error}"));
        rows.into_iter().map(task).collect::<Message<Vec<_>>>()
    });
    match tasks {
        Ok(tasks) if tasks.is_empty() => Err(Error::file(file, "has no row that says what to paint")),
        Ok(tasks) => Ok(tasks),
        Err(message) => Err(Error::file(file, message)),
    }
}

/// A row with its line, from 1.
type Row = (u64, Map<String, Value>);

fn json_rows(text: &str) -> Message<Vec<Row>> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let row = |(line, text): (u64, &str)| match serde_json::from_str(text) {
        Ok(Value::Object(row)) => Ok((line, row)),
        Ok(_) => {
            Err(format!("line {line}: is no object; write {{\"content\": \"a.jpg\", \"style\": \"b.jpg\"}}"))
        }
        Err(error) => Err(format!("line {line}: is no JSON ({error})")),
    };
    lines.map(row).collect()
}

fn csv_rows(text: &str) -> Message<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let failed = |error: csv::Error| format!("is no CSV with as many cells in every row ({error})");
    let names = reader.headers().map_err(failed)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(failed)?;
        let line = record.position().map_or(0, csv::Position::line);
        let said = names.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let value = |name: &str, cell: &str| match name {
            "style" => Value::from(cell.split(';').map(str::trim).collect::<Vec<_>>()),
            "content" | "output" | "init" => cell.into(),
            _ => settings_file::value(cell),
        };
        rows.push((line, said.map(|(name, cell)| (name.to_owned(), value(name, cell))).collect()));
    }
    Ok(rows)
}

fn task(mut row: Map<String, Value>, options: &Options) -> Message<Task> {
    let mut text = |key: &str| match row.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{key}` is {other}; give a file's name")),
    };
    let content = PathBuf::from(text("content")?.ok_or("there is no `content`; give the picture's file")?);
    let output = text("output")?.map(PathBuf::from);
    // A file's name never fails.
    let init = text("init")?.and_then(|init| init.parse().ok());
    let styles: Vec<StyleValue> = match row.remove("style") {
        Some(Value::String(style)) => vec![style.parse()?],
        Some(Value::Array(styles)) if !styles.is_empty() => {
            let style = |style: &Value| match style {
                Value::String(style) => style.parse(),
                other => Err(format!("`style` is {other}; give a file's name, or a list of them")),
            };
            styles.iter().map(style).collect::<Message<_>>()?
        }
        None | Some(Value::Null) => {
            return Err("there is no `style`; give the style picture's file".to_owned());
        }
        Some(other) => return Err(format!("`style` is {other}; give a file's name, or a list of them")),
    };
    if is_stream(&content) || styles.iter().any(|style| is_stream(&style.file)) {
        return Err("a batch does not read stdin (-); name a file".to_owned());
    }
    Ok(Task { content, styles, init, output, options: settings_file::with(options, row)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_the_same_in_both_forms() {
        let json = "{\"content\": \"a.png\", \"style\": [\"b.png\", \"c.png:weight=2\"], \"seed\": 3, \"size\": 64}\n\n\
                    {\"content\": \"a.png\", \"style\": \"b.png\", \"output\": \"x.png\", \"iterations\": \"5,3\"}\n";
        let csv = "content,style,seed,size,output,iterations\na.png,b.png; c.png:weight=2,3,64,,\n\
                   a.png,b.png,,,x.png,\"5,3\"\n";
        let tasks = |rows: Message<Vec<Row>>| -> Vec<Task> {
            rows.unwrap().into_iter().map(|(_, row)| task(row, &Options::default()).unwrap()).collect()
        };
        let (json, csv) = (tasks(json_rows(json)), tasks(csv_rows(csv)));
        assert_eq!(json, csv);
        assert_eq!(json[0].options.paint.seed, Some(3));
        assert_eq!((json[0].styles.len(), json[1].output.as_deref()), (2, Some("x.png".as_ref())));
    }

    #[test]
    fn rows_that_make_no_sense_are_refused() {
        for (row, needle) in [
            ("[]", "no object"),
            ("{", "no JSON"),
            ("{\"style\": \"b\"}", "`content`"),
            ("{\"content\": \"a\"}", "`style`"),
            ("{\"content\": \"a\", \"style\": 3}", "`style` is 3"),
            ("{\"content\": \"a\", \"style\": \"b\", \"sise\": 3}", "`sise` is no setting"),
            ("{\"content\": \"a\", \"style\": \"b\", \"seed\": \"x\"}", "`seed` cannot be used"),
            ("{\"content\": \"-\", \"style\": \"b\"}", "stdin"),
        ] {
            let tasks = json_rows(row).and_then(|rows| task(rows[0].1.clone(), &Options::default()));
            let error = tasks.unwrap_err();
            assert!(error.contains(needle), "{row}: {error}");
        }
        assert!(csv_rows("content,style\na\n").is_err());
    }
}
