//! `impasto sheet`: small pictures with options varied, on one labelled sheet to choose from.

mod drawing;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::args::EveryOptionArgs;
use super::inputs::{STREAM, Shelf, is_stream};
use super::masks::RegionArgs;
use super::notices::Notices;
use super::options::refuse;
use super::saving::SavingArgs;
use super::values::{InitValue, StyleValue};
use super::work::Work;
use super::{Ending, interrupt, output, receipt, settings_file};
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::picture;
use crate::run::options::Options;
use crate::run::settings::Settings;
use crate::run::sizes::SizeRule;
use crate::run::values::Preset;
use crate::run::{Progress, Start, StyleTransfer};
use drawing::Drawing;

/// Variations on one sheet.
#[derive(Debug, Args)]
pub(super) struct SheetArgs {
    /// The picture to paint
    pub content: PathBuf,
    /// One or more styles, each in pictures of its own
    #[arg(required = true)]
    pub style: Vec<StyleValue>,
    /// An option by its name and its values, like style-scale=0.5,1,2; with ; between values that have commas. At most two;
    /// several styles count as one
    #[arg(long, value_name = "OPTION=VALUE,...")]
    pub vary: Vec<VaryValue>,
    /// The longer side of each picture in pixels
    #[arg(long, value_name = "N", default_value_t = 192)]
    pub cell: usize,
    /// Start from the content, from noise, or from a picture [default: content; noise with a preset]
    #[arg(long, value_name = "content|noise|FILE", help_heading = "Painting")]
    pub init: Option<InitValue>,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Print a JSON object with the command of every picture
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub saving: SavingArgs,
    #[command(flatten)]
    pub every: EveryOptionArgs,
}

/// `style-scale=0.5,1,2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VaryValue {
    key: String,
    values: Vec<String>,
}

impl FromStr for VaryValue {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let Some((key, values)) = text.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(format!("`{text}` names no option and values; write one like style-scale=0.5,1,2"));
        };
        let between = if values.contains(';') { ';' } else { ',' };
        let values: Vec<String> = values.split(between).map(|value| value.trim().to_owned()).collect();
        if values.iter().any(String::is_empty) {
            return Err(format!("a value of `{key}` is empty, in `{text}`"));
        }
        Ok(Self { key: key.trim_start_matches('-').replace('_', "-"), values })
    }
}

/// What a sheet says about its making.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sheet {
    /// The version of the program.
    pub impasto: String,
    /// `sheet`.
    pub command: String,
    /// Row by row.
    pub cells: Vec<Cell>,
}

/// One picture of a sheet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    /// What is special about it, like `style-scale 2`.
    pub label: String,
    /// The left upper corner.
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    pub loss: f64,
    /// The command that paints it; its result is `--output`'s or named by the pictures.
    pub run: String,
}

impl Sheet {
    /// What is in a picture, if it is a sheet.
    pub fn of(file: &Path) -> Option<Self> {
        let document = picture::read_metadata(file).ok()?.document?;
        serde_json::from_str(&document).ok().filter(|sheet: &Self| sheet.command == "sheet")
    }
}

/// One direction of the sheet.
enum Axis {
    Styles(Vec<StyleValue>),
    Option(VaryValue),
}

impl Axis {
    fn name(&self) -> &str {
        match self {
            Self::Styles(_) => "style",
            Self::Option(vary) => &vary.key,
        }
    }

    fn labels(&self) -> Vec<String> {
        match self {
            Self::Styles(styles) => styles
                .iter()
                .map(|style| {
                    style.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into())
                })
                .collect(),
            Self::Option(vary) => vary.values.clone(),
        }
    }
}

/// A picture to be painted, with what is special about it.
struct Planned {
    label: String,
    work: Work,
}

/// Paints the sheet.
pub(super) fn run(args: &SheetArgs) -> Result<Ending> {
    if args.cell == 0 {
        return refuse("cell", "0 pixels cannot be painted; give the longer side, such as 192");
    }
    if is_stream(&args.content) || args.style.iter().any(|style| is_stream(&style.file)) {
        return refuse(
            "content",
            "a sheet reads its pictures again and again; name files in place of stdin (-)",
        );
    }
    let (columns, rows) = axes(args)?;
    let base = settings_file::under(&args.every.options(), args.every.settings.as_deref())?;
    let planned = planned(args, &base, &columns, rows.as_ref())?;
    let files: Vec<&Path> = planned.iter().flat_map(|planned| planned.work.files()).collect();
    let styles: Vec<&Path> = args.style.iter().map(|style| style.file.as_path()).collect();
    let saving = args.saving();
    let target = saving.target(Some(&args.content), &styles, &files)?;
    if target.is_stdout() && args.json {
        return refuse("json", "stdout is taken by the sheet; name a file for one of them");
    }
    let (network, id) = receipt::network(args.every.network.weights.as_deref())?;
    for planned in &planned {
        // What cannot be used is refused before the first picture is painted.
        Settings::new(&planned.work.library_options().with_bundles(), &network)?;
    }
    // That it can be put there; how large it will be is known at the end.
    let proved = target.prove((1, 1), None)?;
    let cancel = interrupt::install();
    let (mut shelf, mut notices) = (Shelf::new(args.style.len()), Notices::new(args.quiet));
    let (mut pictures, mut losses) = (Vec::new(), Vec::new());
    let mut transfer: Option<(Options, Arc<StyleTransfer>)> = None;
    let count = planned.len();
    for (index, planned) in planned.iter().enumerate() {
        let options = planned.work.library_options();
        let made = match transfer.take().filter(|(made, _)| *made == options) {
            Some((_, made)) => made,
            None => {
                let builder = StyleTransfer::builder().options(options.clone()).network(network.clone());
                Arc::new(builder.build()?)
            }
        };
        transfer = Some((options, made.clone()));
        let prepared = planned.work.prepared_by(made, id.clone());
        let loaded = prepared.load_from(&mut shelf, &mut notices)?;
        prepared.size(&loaded, &mut notices)?;
        notices.release().iter().for_each(|line| output::message(line));
        let go_on = |_: &Progress<'_>| std::ops::ControlFlow::Continue(());
        let stylized = prepared.transfer.run(&loaded.request().cancelled_by(&cancel), go_on)?;
        if stylized.report.stop == StopReason::Cancelled {
            output::message("interrupted; no sheet was written");
            return Ok(Ending::Interrupted);
        }
        if !args.quiet && !args.json {
            let (label, seconds) = (&planned.label, stylized.report.seconds);
            output::message(&format!("{} of {}: {label} ({seconds:.1} s)", index + 1, count));
        }
        losses.push(stylized.report.loss.total);
        pictures.push(stylized.picture);
    }
    let drawing = Drawing {
        title: std::iter::once(format!("across: {}", columns.name()))
            .chain(rows.iter().map(|rows| format!("down: {}", rows.name())))
            .collect(),
        columns: columns.labels(),
        rows: rows.as_ref().map_or_else(Vec::new, Axis::labels),
        pictures,
    };
    let layout = drawing.layout();
    let cells = planned.iter().zip(&drawing.pictures).zip(losses).enumerate();
    let cells = cells.map(|(index, ((planned, picture), loss))| {
        let ((x, y), (width, height)) = (layout.place(index), (picture.width(), picture.height()));
        Cell { label: planned.label.clone(), x, y, width, height, loss, run: command(&planned.work) }
    });
    let (impasto, command) = (env!("CARGO_PKG_VERSION").to_owned(), "sheet".to_owned());
    let sheet = Sheet { impasto, command, cells: cells.collect() };
    let drawn = drawing.draw()?;
    proved.target().check_side(drawn.width().max(drawn.height()))?;
    let document = proved.target().receipt.then(|| serde_json::to_string(&sheet).unwrap_or_default());
    proved.write(&drawn, document, &mut notices)?;
    if args.json {
        output::json(&sheet)?;
    } else if !args.quiet {
        let name = proved.target().name();
        output::message(&format!("wrote {name}; `impasto inspect {name}` has the command of every picture"));
    }
    Ok(Ending::Done)
}

impl SheetArgs {
    /// A sheet that is named by its pictures is called so.
    fn saving(&self) -> SavingArgs {
        let stem = self.content.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        let extension = self.saving.format.map_or("png", picture::Format::extension);
        let named = || self.content.with_file_name(format!("{stem}--sheet.{extension}"));
        let output = self.saving.output.clone().unwrap_or_else(named);
        SavingArgs { output: Some(output), ..self.saving.clone() }
    }
}

/// What goes across and what goes down.
fn axes(args: &SheetArgs) -> Result<(Axis, Option<Axis>)> {
    let mut axes: Vec<Axis> = args.vary.iter().cloned().map(Axis::Option).collect();
    if let [first, second] = &args.vary[..]
        && first.key == second.key
    {
        return refuse("vary", format!("`{}` is varied twice; give all its values at once", first.key));
    }
    if args.style.len() > 1 {
        axes.push(Axis::Styles(args.style.clone()));
    }
    let count = axes.len();
    let mut axes = axes.into_iter();
    match (axes.next(), axes.next(), count) {
        (Some(columns), rows, 1 | 2) => Ok((columns, rows)),
        (None, ..) => {
            refuse("vary", "nothing is varied; give an option like style-scale=0.5,1,2, or several styles")
        }
        _ => refuse(
            "vary",
            format!(
                "a sheet has two directions, {count} were given (several styles are one); leave some out"
            ),
        ),
    }
}

/// Every picture, row by row.
fn planned(args: &SheetArgs, base: &Options, columns: &Axis, rows: Option<&Axis>) -> Result<Vec<Planned>> {
    if args.every.paint.size.is_some() {
        return refuse("size", "`cell` says how large the pictures of a sheet are; leave it out");
    }
    let mut planned = Vec::new();
    for row in 0..rows.map_or(1, |rows| rows.labels().len()) {
        for column in 0..columns.labels().len() {
            let mut options = base.clone();
            options.paint.size = Some(SizeRule::Longer(args.cell));
            let mut styles = args.style.clone();
            let mut label = Vec::new();
            for (axis, at) in [(Some(columns), column), (rows, row)] {
                let Some(axis) = axis else { continue };
                label.push(format!("{} {}", axis.name(), axis.labels()[at]));
                match axis {
                    Axis::Styles(all) => styles = vec![all[at].clone()],
                    Axis::Option(vary) => {
                        let said =
                            Map::from_iter([(vary.key.clone(), settings_file::value(&vary.values[at]))]);
                        options = settings_file::with(&options, said)
                            .map_err(|message| Error::option("vary", message))?;
                    }
                }
            }
            let start = options.loss.preset.map(Preset::start);
            let init = match (&args.init, start) {
                (Some(init), _) => init.clone(),
                (None, Some(Start::Noise)) => InitValue::Noise,
                (None, _) => InitValue::Content,
            };
            let work = Work {
                command: "transfer",
                content: Some(args.content.clone()),
                styles,
                init,
                regions: RegionArgs::default(),
                options,
                weights: args.every.network.weights.clone(),
            };
            planned.push(Planned { label: label.join(", "), work });
        }
    }
    Ok(planned)
}

/// The command that paints a work.
fn command(work: &Work) -> String {
    let mut words = vec!["impasto".to_owned(), work.command.to_owned()];
    words.extend(work.content().map(|file| file.display().to_string()));
    words.extend(work.styles.iter().map(ToString::to_string));
    words.extend([("--init".to_owned()), work.init.to_string()]);
    if let Some(file) = &work.weights {
        words.extend(["--weights".to_owned(), file.display().to_string()]);
    }
    for (key, value) in settings_file::known(&work.options) {
        match value {
            Value::Bool(false) | Value::Null => {}
            Value::Bool(true) => words.push(format!("--{key}")),
            Value::String(text) => words.push(format!("--{key}={text}")),
            other => words.push(format!("--{key}={other}")),
        }
    }
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+%".contains(c);
    match !word.is_empty() && word.chars().all(plain) && word != STREAM {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_varied_is_read_and_refused() {
        let vary: VaryValue = "--style_scale=1, 2".parse().unwrap();
        assert_eq!((vary.key.as_str(), vary.values.len()), ("style-scale", 2));
        assert_eq!("iterations=5,3;6".parse::<VaryValue>().unwrap().values, ["5,3", "6"]);
        for bad in ["", "a", "=1", "a=", "a=1,,2"] {
            assert!(bad.parse::<VaryValue>().is_err(), "{bad}");
        }
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("a.png:weight=2"), "a.png:weight=2");
    }
}
