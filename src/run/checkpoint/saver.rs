//! When checkpoints are written, and where.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Behind, Binding, KIND, saved};
use crate::error::{Error, Result};
use crate::files::{Destination, sealed};
use crate::optimize::State;
use crate::run::sizes::Size;

/// The time between two checkpoints where nothing else is said.
const EVERY: Duration = Duration::from_secs(30);
/// A run works at least so many times as long as it takes to write a checkpoint.
const WORK: u32 = 9;

/// Where a run saves itself, and how often: from time to time and when it is cancelled.
///
/// A checkpoint replaces the one before it at once or not at all, so that a run that is killed at any moment leaves a whole
/// one. It holds the optimiser's memory: with L-BFGS about 12 times the picture in f32. It is bound to the network, the
/// options and everything in the request by their hashes. The file stays when the run ends: remove it when the result is safe.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    destination: Destination,
    every: Duration,
    note: String,
    failure: Arc<Mutex<Option<String>>>,
}

impl Checkpoints {
    /// In this file, every 30 seconds; an existing file will be replaced.
    ///
    /// # Errors
    /// [`Error::Output`] if no file can be put there and replaced at once.
    pub fn to(file: &Path) -> Result<Self> {
        let destination = Destination::prove(file, 0)?;
        if destination.is_in_place() {
            let message = "cannot be replaced at once there, so that a run that is killed could leave half of it; name a \
                           file in another folder";
            return Err(Error::output(file, message));
        }
        Ok(Self { destination, every: EVERY, note: String::new(), failure: Arc::default() })
    }

    /// So long after the last; zero for one after every iteration. Writing never takes more than a tenth of the time unless
    /// it is zero.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// Text that each checkpoint carries, for the program that goes on with it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Why the last checkpoint could not be written; the run goes on without. Clones share it.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The checkpoints of one run.
pub(in crate::run) struct Saver<'a> {
    checkpoints: &'a Checkpoints,
    binding: Binding,
    steps: Vec<(Size, usize)>,
    due: Instant,
}

impl<'a> Saver<'a> {
    /// For a run of these sizes and iterations; the first is due after the usual time.
    pub fn new(checkpoints: &'a Checkpoints, binding: Binding, steps: Vec<(Size, usize)>) -> Self {
        Self { checkpoints, binding, steps, due: Instant::now() + checkpoints.every }
    }

    /// Whether it is time for one.
    pub fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// Writes one.
    pub fn save(&mut self, behind: &Behind, state: &State) {
        let Checkpoints { destination, every, note, failure } = self.checkpoints;
        let begun = Instant::now();
        let (head, entries) = saved(&self.binding, &self.steps, behind, state, note);
        let written = destination.replace(|file| sealed::write(file, &KIND, &head, &entries));
        *failure.lock().unwrap_or_else(PoisonError::into_inner) =
            written.err().map(|error| format!("the checkpoint could not be written ({error})"));
        let pause = if every.is_zero() { Duration::ZERO } else { (begun.elapsed() * WORK).max(*every) };
        self.due = Instant::now() + pause;
    }
}
