//! The receipt inside a picture: what it was made of and how, enough to make it again. It tells no time and no place, so
//! that the same run gives the same bytes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::inputs::{InputFile, sha256};
use super::masks::RegionArgs;
use super::saving::Saved;
use crate::error::{Error, Result};
use crate::kernels::simd::Isa;
use crate::network::Network;
use crate::optimize::StopReason;
use crate::picture;
use crate::run::Report;
use crate::run::options::Options;
use crate::weights;

/// What a picture says about its making.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Receipt {
    /// The version of the program.
    pub impasto: String,
    /// `transfer`, `texture` or `frames`.
    pub command: String,
    /// Every option that was said and changes the picture, as a settings file has it.
    pub settings: Options,
    /// Where the run started: `content`, `noise` or a file.
    pub init: String,
    /// The styles, each with what was said about it alone.
    pub styles: Vec<String>,
    /// Which style counts where, and what was kept.
    #[serde(default, skip_serializing_if = "RegionArgs::is_empty")]
    pub regions: RegionArgs,
    /// The files that were read.
    pub inputs: Vec<InputFile>,
    /// The network.
    pub network: NetworkId,
    /// The instruction set that it was computed with: others round differently.
    pub isa: String,
    /// How the file was written.
    pub saved: Saved,
    /// What came out.
    pub result: Outcome,
}

/// Which network looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NetworkId {
    /// Its name, as its file says it.
    pub name: String,
    /// Its file; none for the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub width: usize,
    pub height: usize,
    pub evaluations: usize,
    pub loss: f64,
    pub stop: StopReason,
}

impl From<&Report> for Outcome {
    fn from(report: &Report) -> Self {
        Self {
            width: report.width,
            height: report.height,
            evaluations: report.evaluations,
            loss: report.loss.total,
            stop: report.stop,
        }
    }
}

/// The network that the options name, and what identifies it.
///
/// # Errors
/// As [`weights::load`].
pub(super) fn network(file: Option<&Path>) -> Result<(Network, NetworkId)> {
    let (network, sha256) = match file {
        None => (weights::embedded()?, sha256(weights::embedded_file()?)),
        Some(file) => {
            let inspected = weights::inspect(file)?;
            (inspected.network, inspected.sha256)
        }
    };
    let id = NetworkId { name: network.name().to_owned(), file: file.map(super::inputs::told), sha256 };
    Ok((network, id))
}

/// The options that a receipt tells: threads change nothing.
pub(super) fn settings(options: &Options) -> Options {
    let mut settings = options.clone();
    settings.network.threads = None;
    settings
}

/// The instruction set that `options` compute with.
pub(super) fn isa(options: &Options) -> String {
    options.network.isa.unwrap_or_else(Isa::best).to_string()
}

impl Receipt {
    /// As it stands in the picture.
    pub fn text(&self) -> String {
        // Strings, numbers and lists always have a JSON form.
        let json = serde_json::to_string(self).unwrap_or_default();
        // Characters that XML cannot hold stand only inside strings, where JSON can write them otherwise.
        json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
            match c {
                '\u{FFFE}' | '\u{FFFF}' => text += &format!("\\u{:04x}", u32::from(c)),
                _ => text.push(c),
            }
            text
        })
    }

    /// The receipt inside a picture.
    ///
    /// # Errors
    /// A picture without one.
    pub fn of(file: &Path) -> Result<Self> {
        let Some(document) = picture::read_metadata(file)?.document else {
            let message = "has no receipt: it was made by another program, with --no-receipt or --no-metadata, or its \
                           metadata were removed";
            return Err(Error::picture(file, message));
        };
        serde_json::from_str(&document).map_err(|error| {
            Error::picture(file, format!("has a receipt that this version cannot read ({error})"))
        })
    }

    /// Where an input's file is: under its name from here, beside the picture, or under its name alone beside it; of
    /// several the one with the bytes that were painted, if one has.
    pub fn find(&self, picture: &Path, name: &str, role: &str) -> Option<PathBuf> {
        let beside = picture.parent().unwrap_or(Path::new(""));
        let alone = Path::new(name).file_name().map(|name| beside.join(name));
        let places = [Some(PathBuf::from(name)), Some(beside.join(name)), alone].into_iter().flatten();
        let found: Vec<PathBuf> = places.filter(|path| path.is_file()).collect();
        let input = self.inputs.iter().find(|input| input.role == role && input.file == name);
        let right = |path: &&PathBuf| {
            let bytes = std::fs::read(path).ok().filter(|_| found.len() > 1);
            input.zip(bytes).is_some_and(|(input, bytes)| input.sha256 == sha256(&bytes))
        };
        found.iter().find(right).or(found.first()).cloned()
    }
}
