//! Where the result goes and how it is written: the options, the name made from a folder or pattern, the proof before the
//! work and the writing after it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::inputs::is_stream;
use super::notices::Notices;
use super::options::{check_distinct, refuse};
use crate::error::{Error, Result};
use crate::files::{self, Destination, Written};
use crate::picture::{Depth, Format, KeepMetadata, Picture, SaveOptions, Warning};

/// The options about the result's file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct SavingArgs {
    /// Where the result goes: a file whose extension names the format, a folder, a pattern like
    /// out/{content}--{style}.png, or - for stdout [default: CONTENT--STYLE.png beside the content]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The format where the name does not say it: png, jpeg, webp, tiff or bmp [default: png]
    #[arg(long, value_name = "NAME", value_parser = format)]
    pub format: Option<Format>,
    /// Replace an existing file
    #[arg(long)]
    pub overwrite: bool,
    /// Bits a value: 8 or 16 [default: as the content, where the format can]
    #[arg(long, value_name = "BITS", value_parser = depth)]
    pub depth: Option<Depth>,
    /// JPEG's quality, from 1 to 100: 90 to 95 for the web, 100 for print [default: 95]
    #[arg(long, value_name = "N")]
    pub compression_quality: Option<u8>,
    /// A JPEG that appears coarse first
    #[arg(long)]
    pub progressive: bool,
    /// Refuse a format that loses something
    #[arg(long)]
    pub lossless: bool,
    /// What of the content's metadata goes along: usual (camera, author, dates; not the place), all or none
    /// [default: usual]
    #[arg(long, value_name = "WHAT", value_parser = keep)]
    pub keep_metadata: Option<KeepMetadata>,
    /// Nothing in the file but the picture: neither metadata nor a receipt
    #[arg(long, conflicts_with = "keep_metadata")]
    pub no_metadata: bool,
    /// No settings and hashes in the file; `inspect` and `replay` need them
    #[arg(long)]
    pub no_receipt: bool,
}

fn format(text: &str) -> std::result::Result<Format, String> {
    Format::named(text).ok_or_else(|| "give one of png, jpeg, webp, tiff, bmp".to_owned())
}

fn depth(text: &str) -> std::result::Result<Depth, String> {
    match text {
        "8" => Ok(Depth::Eight),
        "16" => Ok(Depth::Sixteen),
        _ => Err("give 8 or 16".to_owned()),
    }
}

fn keep(text: &str) -> std::result::Result<KeepMetadata, String> {
    match text {
        "usual" => Ok(KeepMetadata::Usual),
        "all" => Ok(KeepMetadata::All),
        "none" => Ok(KeepMetadata::None),
        _ => Err("give one of usual, all, none".to_owned()),
    }
}

/// How a picture was written, as its receipt says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Saved {
    /// Its extension.
    pub format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compression_quality: Option<u8>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    progressive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep_metadata: Option<String>,
}

impl Saved {
    /// The options that write so.
    pub fn args(&self) -> SavingArgs {
        SavingArgs {
            format: Format::named(&self.format),
            depth: self.depth.map(|bits| if bits == 16 { Depth::Sixteen } else { Depth::Eight }),
            compression_quality: self.compression_quality,
            progressive: self.progressive,
            keep_metadata: self.keep_metadata.as_deref().and_then(|what| keep(what).ok()),
            ..SavingArgs::default()
        }
    }
}

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Stdout,
}

/// A place and a format that suit each other and the options.
#[derive(Debug, Clone)]
pub(super) struct Target {
    place: Place,
    pub format: Format,
    /// Whether there is to be a receipt in the file.
    pub receipt: bool,
    options: SaveOptions,
    /// The name that the pictures give it.
    made: PathBuf,
}

impl SavingArgs {
    /// The target of a picture made of `content` in `styles`; refuses what can be seen before a picture is read.
    ///
    /// # Errors
    /// An unknown format or one that the options do not suit, an input as output, an existing file without
    /// `overwrite`, a terminal as stdout.
    pub fn target(&self, content: Option<&Path>, styles: &[&Path], inputs: &[&Path]) -> Result<Target> {
        let (place, format) = self.place(content, styles)?;
        let options = self.options(format)?;
        match &place {
            Place::File(path) => {
                check_distinct(path, inputs)?;
                self.check_new(path)?;
            }
            Place::Stdout if std::io::stdout().is_terminal() => {
                return refuse(
                    "output",
                    "a picture would fill the terminal; send stdout to a file or program",
                );
            }
            Place::Stdout => {}
        }
        let receipt = !self.no_metadata && !self.no_receipt && format.has_documents();
        let made = format!("{}.{}", made_name(content, styles), format.extension()).into();
        Ok(Target { place, format, receipt, options, made })
    }

    /// Refuses an existing file, unless it may be replaced.
    fn check_new(&self, path: &Path) -> Result<()> {
        match path.is_file() && !self.overwrite {
            true => Err(Error::output(
                path,
                "is there already; give `overwrite` to replace it, or name another file",
            )),
            false => Ok(()),
        }
    }

    /// Refuses a file beside the result that is one of the inputs, the result itself, or there already.
    pub fn check_beside(&self, target: &Target, inputs: &[&Path], beside: &Path) -> Result<()> {
        check_distinct(beside, inputs)?;
        if matches!(&target.place, Place::File(path) if path == beside) {
            return refuse("output", format!("{} is also the result; name another file", beside.display()));
        }
        self.check_new(beside)
    }

    /// How the picture is written in `format`.
    pub fn options(&self, format: Format) -> Result<SaveOptions> {
        let keep = if self.no_metadata { Some(KeepMetadata::None) } else { self.keep_metadata };
        let mut options = SaveOptions::default()
            .progressive(self.progressive)
            .lossless(self.lossless)
            .metadata(keep.unwrap_or_default());
        if let Some(depth) = self.depth {
            options = options.depth(depth);
        }
        if let Some(quality) = self.compression_quality {
            options = options.quality(quality);
        }
        options.check(format).map_err(|error| match error {
            Error::Option { option, message } => Error::option(flag(option), message),
            other => other,
        })?;
        Ok(options)
    }

    /// What of this a receipt says.
    pub fn saved(&self, format: Format) -> Saved {
        let keep = self.keep_metadata.map(|keep| match keep {
            KeepMetadata::All => "all",
            KeepMetadata::None => "none",
            _ => "usual",
        });
        Saved {
            format: format.extension().to_owned(),
            depth: self.depth.map(|depth| if depth == Depth::Sixteen { 16 } else { 8 }),
            compression_quality: self.compression_quality,
            progressive: self.progressive,
            keep_metadata: keep.map(str::to_owned),
        }
    }

    fn place(&self, content: Option<&Path>, styles: &[&Path]) -> Result<(Place, Format)> {
        let format = self.format.unwrap_or(Format::Png);
        let name = || format!("{}.{}", made_name(content, styles), format.extension());
        let Some(output) = &self.output else {
            let beside = content.or(styles.first().copied()).unwrap_or(Path::new(""));
            if is_stream(beside) {
                let message = "say where the result goes, since its content comes from stdin; - is stdout";
                return refuse("output", message);
            }
            return Ok((Place::File(beside.with_file_name(name())), format));
        };
        if is_stream(output) {
            return Ok((Place::Stdout, format));
        }
        let text = output.to_string_lossy();
        if text.contains('{') {
            let path = PathBuf::from(filled(&text, content, styles)?);
            let format = self.format_of(&path)?;
            return Ok((Place::File(path), format));
        }
        // A folder that is called like a picture is somebody's mistake, and refused by the proof.
        let picture = output.extension().and_then(|e| e.to_str()).and_then(Format::named).is_some();
        if !picture && (output.is_dir() || text.ends_with(std::path::is_separator)) {
            return Ok((Place::File(output.join(name())), format));
        }
        if output.is_dir() {
            return Ok((Place::File(output.clone()), format));
        }
        Ok((Place::File(output.clone()), self.format_of(output)?))
    }

    /// The format that a name and `format` ask for.
    fn format_of(&self, path: &Path) -> Result<Format> {
        let named = Format::of(path);
        match (named, self.format) {
            (Ok(named), Some(asked)) if named != asked => refuse(
                "format",
                format!(
                    "{asked} was asked for, but {} is named like a {named}; leave one out",
                    path.display()
                ),
            ),
            (Err(_), Some(asked)) if path.extension().is_none() => Ok(asked),
            (named, _) => named,
        }
    }
}

/// The command's name of an option of [`SaveOptions`].
fn flag(option: &'static str) -> &'static str {
    match option.trim_start_matches('-') {
        "quality" => "compression_quality",
        "depth" => "depth",
        "progressive" => "progressive",
        "lossless" => "lossless",
        _ => option,
    }
}

/// `CONTENT--STYLE`, or `STYLE--texture`.
fn made_name(content: Option<&Path>, styles: &[&Path]) -> String {
    match content {
        Some(content) => format!("{}--{}", stem(content), stems(styles)),
        None => format!("{}--texture", stems(styles)),
    }
}

/// A pattern with the stems of the pictures in it.
fn filled(pattern: &str, content: Option<&Path>, styles: &[&Path]) -> Result<String> {
    let content = content.map_or("texture".to_owned(), stem);
    let filled = pattern.replace("{content}", &content).replace("{style}", &stems(styles));
    let unknown = filled.find('{').filter(|_| !content.contains('{') && !stems(styles).contains('{'));
    match unknown {
        Some(_) => {
            refuse("output", format!("{pattern} is no pattern that is known; use {{content}} and {{style}}"))
        }
        None => Ok(filled),
    }
}

fn stem(path: &Path) -> String {
    if is_stream(path) {
        return "stdin".to_owned();
    }
    path.file_stem().map_or_else(|| "picture".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Stems joined by `+`; of many styles the first three.
fn stems(styles: &[&Path]) -> String {
    let names: Vec<String> = styles.iter().take(3).map(|style| stem(style)).collect();
    names.join("+") + if styles.len() > 3 { "+more" } else { "" }
}

/// A target that was proved: a finished picture can be put there.
pub(super) struct Proved {
    target: Target,
    destination: Option<Destination>,
}

impl Target {
    /// Its name for people.
    pub fn name(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Stdout => "(stdout)".to_owned(),
        }
    }

    /// Its file, unless it is stdout.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Stdout => None,
        }
    }

    /// Whether stdout is taken by the picture.
    pub fn is_stdout(&self) -> bool {
        self.place == Place::Stdout
    }

    /// What the file will not keep of a picture like `picture`, which is also the depth and alpha of the result.
    pub fn losses(&self, picture: &Picture) -> Vec<Warning> {
        picture.losses(self.format, &self.options)
    }

    /// Refuses a side that is too long for the format.
    pub fn check_side(&self, longer: usize) -> Result<()> {
        let longest = self.format.longest_side();
        if longer > longest {
            let message =
                format!("{} files have at most {longest} pixels a side; use another format", self.format);
            return Err(Error::output(self.name(), message));
        }
        Ok(())
    }

    /// Finds out whether a result of this size can be put there.
    ///
    /// # Errors
    /// As [`Destination::prove`]; a side too long for the format.
    pub fn prove(self, (width, height): (usize, usize), content: Option<&Picture>) -> Result<Proved> {
        self.check_side(width.max(height))?;
        let depth = content.map_or(Depth::Eight, Picture::depth);
        let alpha = content.is_some_and(|content| content.alpha().is_some());
        let destination = match &self.place {
            Place::File(path) => {
                Some(Destination::prove(path, self.format.room(width, height, depth, alpha))?)
            }
            Place::Stdout => None,
        };
        Ok(Proved { target: self, destination })
    }
}

impl Proved {
    /// What was proved.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Encodes the picture with its receipt and puts it there.
    ///
    /// # Errors
    /// A picture that had to be kept elsewhere, which the message tells; a stdout that does not take it.
    pub fn write(&self, picture: &Picture, receipt: Option<String>, notices: &mut Notices) -> Result<()> {
        let (format, options, name) = (self.target.format, &self.target.options, self.target.name());
        let with_receipt = receipt.map(|receipt| picture.encode(format, &options.clone().document(receipt)));
        let bytes = match with_receipt {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => {
                // The picture is worth more than what it says about itself.
                notices.add(&name, "receipt", format!("has no receipt, since it does not fit in ({error})"));
                picture.encode(format, options)?
            }
            None => picture.encode(format, options)?,
        };
        let Some(destination) = &self.destination else {
            let mut stdout = std::io::stdout().lock();
            return stdout.write_all(&bytes).and_then(|()| stdout.flush()).map_err(|error| {
                let kept = match files::keep(&self.target.made, &bytes) {
                    Some(path) => format!("; the finished picture is kept as {}", path.display()),
                    None => ", nor can it be kept anywhere else".to_owned(),
                };
                Error::output(name, format!("the picture could not be written ({error}){kept}"))
                    .because(error)
            });
        };
        match destination.write(&bytes)? {
            Written::AsAsked => Ok(()),
            Written::InPlace => {
                let message = "the file was written over piece by piece, since nothing can be renamed there";
                notices.add(name, "in-place", message);
                Ok(())
            }
            Written::KeptAt { path, why } => {
                let message = format!("{why}; the finished picture is kept as {}", path.display());
                Err(Error::output(name, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_from_the_pictures() {
        let (content, styles) = (Path::new("a/photo.jpg"), [Path::new("b/waves.png"), Path::new("-")]);
        let place = |output: &str, format: Option<Format>| {
            let output = Some(output).filter(|output| !output.is_empty()).map(PathBuf::from);
            let args = SavingArgs { output, format, ..SavingArgs::default() };
            match args.place(Some(content), &styles) {
                Ok((Place::File(path), format)) => (path.to_str().unwrap().to_owned(), format),
                Ok((Place::Stdout, format)) => ("stdout".to_owned(), format),
                Err(error) => (error.to_string(), Format::Bmp),
            }
        };
        for (output, format, expected) in [
            ("", None, ("a/photo--waves+stdin.png", Format::Png)),
            ("", Some(Format::Jpeg), ("a/photo--waves+stdin.jpg", Format::Jpeg)),
            ("-", None, ("stdout", Format::Png)),
            ("-", Some(Format::Tiff), ("stdout", Format::Tiff)),
            ("x/", Some(Format::WebP), ("x/photo--waves+stdin.webp", Format::WebP)),
            ("{style}/{content}.jpg", None, ("waves+stdin/photo.jpg", Format::Jpeg)),
            ("name", Some(Format::Tiff), ("name", Format::Tiff)),
            ("new.png/", None, ("new.png/", Format::Png)),
        ] {
            let (path, format) = place(output, format);
            assert_eq!((path.as_str(), format), expected, "{output}");
        }
        assert!(place("{styles}.png", None).0.contains("no pattern"));
        assert!(place("x.png", Some(Format::Jpeg)).0.contains("leave one out"));
        assert!(place("x.gif", None).0.contains("'.gif'"));
        let texture = SavingArgs::default().place(None, &styles[..1]).unwrap().0;
        assert_eq!(texture, Place::File("b/waves--texture.png".into()));
    }
}
