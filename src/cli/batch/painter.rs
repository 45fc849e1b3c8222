//! Paints one picture of a batch after the other, with what can be used again kept.

use std::path::Path;
use std::sync::Arc;

use super::done::{self, Hashes};
use super::{BatchArgs, Planned};
use crate::cli::inputs::Shelf;
use crate::cli::notices::{Notice, Notices};
use crate::cli::receipt::{NetworkId, Outcome, Receipt};
use crate::cli::spelling;
use crate::cli::transfer;
use crate::cli::work::Prepared;
use crate::error::Result;
use crate::network::Network;
use crate::optimize::StopReason;
use crate::run::options::Options;
use crate::run::{Cancel, Progress, Report, StyleTransfer};

/// Styles that are kept with what was measured of them.
const STYLES: usize = 8;
/// Sets of options whose threads and packed weights are kept.
const SETS: usize = 2;

/// What became of a picture.
pub(in crate::cli) enum Fate {
    /// It was painted and written.
    Painted(Box<Report>, Vec<Notice>),
    /// It was there.
    Skipped,
    /// It could not be painted, for this reason.
    Failed(String),
    /// The process was asked to stop; nothing is written.
    Interrupted,
}

/// What one thread of a batch paints with.
pub(super) struct Painter<'a> {
    network: &'a Network,
    id: &'a NetworkId,
    args: &'a BatchArgs,
    threads: Option<usize>,
    cancel: &'a Cancel,
    transfers: Vec<(Options, Arc<StyleTransfer>)>,
    shelf: Shelf,
    hashes: Hashes,
}

impl<'a> Painter<'a> {
    /// Paints with so many threads, if not as the options say.
    pub fn new(
        network: &'a Network,
        id: &'a NetworkId,
        args: &'a BatchArgs,
        threads: Option<usize>,
        cancel: &'a Cancel,
    ) -> Self {
        let (shelf, hashes) = (Shelf::new(STYLES), Hashes::default());
        Self { network, id, args, threads, cancel, transfers: Vec::new(), shelf, hashes }
    }

    /// Paints a picture, unless it is there.
    pub fn paint(&mut self, planned: &Planned) -> Fate {
        match self.painted(planned) {
            Ok(fate) => fate,
            Err(error) => Fate::Failed(spelling::spelled(&error)),
        }
    }

    /// Bytes that a picture takes, if it can be painted.
    pub fn memory(&mut self, planned: &Planned) -> Option<usize> {
        let prepared = self.prepared(planned).ok()?;
        let loaded = prepared.load(&mut Notices::new(true)).ok()?;
        let forecast = prepared.transfer.forecast(&loaded.request()).ok()?;
        usize::try_from(forecast.memory_bytes).ok()
    }

    fn prepared<'p>(&mut self, planned: &'p Planned) -> Result<Prepared<'p>> {
        let mut options = planned.work.library_options();
        options.network.threads = self.threads.or(options.network.threads);
        let found = self.transfers.iter().position(|(made, _)| *made == options);
        let made = match found {
            Some(at) => self.transfers.remove(at),
            None => {
                // Before the new one is made, so that there are never more.
                let over = (self.transfers.len() + 1).saturating_sub(SETS);
                self.transfers.drain(..over);
                let builder = StyleTransfer::builder().options(options.clone()).network(self.network.clone());
                (options, Arc::new(builder.build()?))
            }
        };
        let transfer = made.1.clone();
        self.transfers.push(made);
        Ok(planned.work.prepared_by(transfer, self.id.clone()))
    }

    fn painted(&mut self, planned: &Planned) -> Result<Fate> {
        let (work, target) = (&planned.work, &planned.target);
        let prepared = self.prepared(planned)?;
        let saved = self.args.saving.saved(target.format);
        if planned.file.exists() {
            let result =
                Outcome { width: 0, height: 0, evaluations: 0, loss: 0.0, stop: StopReason::Iterations };
            let inputs = self.hashes.inputs(work)?;
            let wanted = prepared.receipt_of(inputs, saved.clone(), vec![1], result);
            match self.difference(&planned.file, &wanted, work.options.paint.time.is_some()) {
                None => return Ok(Fate::Skipped),
                Some(why) => done::check_replacing(&planned.file, &why, self.args.saving.overwrite)?,
            }
        }
        let mut notices = Notices::new(true);
        let loaded = prepared.load_from(&mut self.shelf, &mut notices)?;
        let size = prepared.size(&loaded, &mut notices)?;
        transfer::tell_what_is_lost(target, &loaded, &mut notices);
        let proved = target.clone().prove(size, loaded.content.as_ref())?;
        let request = loaded.request().cancelled_by(self.cancel);
        let go_on = |_: &Progress<'_>| std::ops::ControlFlow::Continue(());
        let stylized = prepared.transfer.run(&request, go_on)?;
        if stylized.report.stop == StopReason::Cancelled {
            return Ok(Fate::Interrupted);
        }
        transfer::tell_how_it_ended(&stylized, &mut notices);
        let receipt = prepared.receipt(&loaded, saved, &stylized.report).text();
        proved.write(&stylized.picture, Some(receipt), &mut notices)?;
        Ok(Fate::Painted(Box::new(stylized.report), notices.list().to_vec()))
    }

    /// Why a file is not the picture that is wanted, if it is not.
    fn difference(&self, file: &Path, wanted: &Receipt, timed: bool) -> Option<String> {
        match Receipt::of(file) {
            Ok(there) => done::difference(&there, wanted, timed),
            Err(_) => Some("it has no receipt that can be read".to_owned()),
        }
    }
}
