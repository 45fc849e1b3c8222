//! Checkpoints: a run between two iterations in a file, from which another process goes on with the same bits.
//!
//! `saver` writes them while the run works; `binding` knows whether a checkpoint belongs to a request. A file is a sealed one
//! (`files/sealed.rs`): the optimiser's state as its arrays, and the head beside it.

mod binding;
mod saver;

pub(super) use binding::Binding;
pub use saver::Checkpoints;
pub(super) use saver::Saver;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SizeReport;
use super::sizes::Size;
use crate::error::{Error, Result};
use crate::files::sealed::{self, Entry, Kind, Values};
use crate::loss::Terms;
use crate::network::Layer;
use crate::optimize::{State, StopReason};

const KIND: Kind = Kind { magic: *b"impastoC", version: 1, name: "checkpoint", advice: "begin anew" };

/// The arrays that are not the optimiser's.
const SIZE_LOSSES: &str = "sizes.loss";
const BEST_TERMS: &str = "terms.best";

/// A run that was saved between two iterations, see [`Checkpoints`]; [`StyleTransfer::resume`](super::StyleTransfer::resume)
/// goes on with it.
#[derive(Debug)]
pub struct Checkpoint {
    file: PathBuf,
    note: String,
    pub(super) binding: Binding,
    pub(super) steps: Vec<(Size, usize)>,
    pub(super) behind: Behind,
    pub(super) state: State,
}

/// What a run has behind it when it begins in the middle, beside the optimiser's state.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// The sizes that are done.
    pub reports: Vec<SizeReport>,
    /// Evaluations at these.
    pub evaluations: usize,
    /// Seconds since the run began, without those between its end and its continuation.
    pub seconds: f64,
    /// Of these, the evaluations'.
    pub evaluation_seconds: f64,
    /// The terms of the best picture at the size at work, if any was evaluated.
    pub best: Option<Terms>,
}

/// What a checkpoint says beside its arrays.
#[derive(Serialize, Deserialize)]
struct Head {
    binding: Binding,
    /// Width, height and iterations of every size of the run.
    steps: Vec<(Size, usize)>,
    /// The sizes that are done.
    done: Vec<Done>,
    evaluations: usize,
    seconds: f64,
    evaluation_seconds: f64,
    /// What the values of `terms.best` are behind the total: content layers, style layers, terms over the pixels.
    terms: Option<(Vec<Layer>, Vec<Layer>, Vec<String>)>,
    note: String,
}

/// A size that is done; its loss is in `sizes.loss`, since decimals may round.
#[derive(Serialize, Deserialize)]
struct Done {
    width: usize,
    height: usize,
    iterations: usize,
    evaluations: usize,
    stop: StopReason,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::File`] for a file that cannot be read, is no checkpoint, is damaged, or was written by another version of
    /// this library, whose numbers may be others.
    pub fn load(file: &Path) -> Result<Self> {
        let (head, entries) = sealed::load(file, &KIND).map_err(|message| Error::file(file, message))?;
        Self::new(file, head, entries).map_err(|message| Error::file(file, message))
    }

    /// What the program that wrote it noted ([`Checkpoints::note`]).
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The file it was read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn new(file: &Path, head: Head, entries: Vec<Entry<'static>>) -> std::result::Result<Self, String> {
        head.binding.check_program()?;
        let wrong = || format!("contradicts itself; {}", KIND.advice);
        let (ours, states): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(name, _)| name == SIZE_LOSSES || name == BEST_TERMS);
        let numbers = |wanted: &str| match ours.iter().find(|(name, _)| name == wanted) {
            Some((_, Values::F64(values))) => Ok(values.to_vec()),
            Some(_) => Err(wrong()),
            None => Ok(Vec::new()),
        };
        let losses = numbers(SIZE_LOSSES)?;
        if losses.len() != head.done.len() || head.done.len() >= head.steps.len() {
            return Err(wrong());
        }
        let report = |(done, loss): (Done, f64)| {
            let Done { width, height, iterations, evaluations, stop } = done;
            SizeReport { width, height, iterations, evaluations, loss, stop }
        };
        let reports: Vec<SizeReport> = head.done.into_iter().zip(losses).map(report).collect();
        let best = match head.terms {
            None => None,
            Some(names) => Some(terms(names, &numbers(BEST_TERMS)?).ok_or_else(wrong)?),
        };
        let behind = Behind {
            reports,
            evaluations: head.evaluations,
            seconds: head.seconds.max(0.0),
            evaluation_seconds: head.evaluation_seconds.max(0.0),
            best,
        };
        let state = State::restore(states).map_err(|error| error.to_string())?;
        let ((width, height), _) = head.steps[behind.reports.len()];
        if Some(state.pixels().len()) != width.checked_mul(height).and_then(|area| area.checked_mul(3)) {
            return Err(wrong());
        }
        Ok(Self {
            file: file.to_owned(),
            note: head.note,
            binding: head.binding,
            steps: head.steps,
            behind,
            state,
        })
    }
}

/// The terms whose total and parts are `values`.
fn terms((content, style, pixel): (Vec<Layer>, Vec<Layer>, Vec<String>), values: &[f64]) -> Option<Terms> {
    let (&total, mut values) = values.split_first()?;
    if values.len() != content.len() + style.len() + pixel.len() {
        return None;
    }
    let mut next = || values.split_off_first().copied().unwrap_or_default();
    let content = content.into_iter().map(|layer| (layer, next())).collect();
    let style = style.into_iter().map(|layer| (layer, next())).collect();
    let pixel = pixel.into_iter().map(|name| (name, next())).collect();
    Some(Terms { total, content, style, pixel })
}

/// What a checkpoint of this moment says, and its arrays.
fn saved<'a>(
    binding: &Binding,
    steps: &[(Size, usize)],
    behind: &Behind,
    state: &'a State,
    note: &str,
) -> (Head, Vec<Entry<'a>>) {
    let done = |report: &SizeReport| Done {
        width: report.width,
        height: report.height,
        iterations: report.iterations,
        evaluations: report.evaluations,
        stop: report.stop,
    };
    let layers = |list: &[(Layer, f64)]| list.iter().map(|(layer, _)| *layer).collect();
    let names = |terms: &Terms| {
        let pixel = terms.pixel.iter().map(|(name, _)| name.clone()).collect();
        (layers(&terms.content), layers(&terms.style), pixel)
    };
    let head = Head {
        binding: binding.clone(),
        steps: steps.to_vec(),
        done: behind.reports.iter().map(done).collect(),
        evaluations: behind.evaluations,
        seconds: behind.seconds,
        evaluation_seconds: behind.evaluation_seconds,
        terms: behind.best.as_ref().map(names),
        note: note.to_owned(),
    };
    let mut entries = state.save();
    let losses: Vec<f64> = behind.reports.iter().map(|report| report.loss).collect();
    entries.push((SIZE_LOSSES.to_owned(), Values::F64(losses.into())));
    if let Some(best) = &behind.best {
        let layers = best.content.iter().chain(&best.style).map(|(_, value)| *value);
        let pixel = best.pixel.iter().map(|(_, value)| *value);
        let values: Vec<f64> = [best.total].into_iter().chain(layers).chain(pixel).collect();
        entries.push((BEST_TERMS.to_owned(), Values::F64(values.into())));
    }
    (head, entries)
}
