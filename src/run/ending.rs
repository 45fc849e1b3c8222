//! The end of every run, whatever its method: the picture at its full size, and the report.

use super::checkpoint::Behind;
use super::sizes::Size;
use super::start::StartPictures;
use super::{Report, StyleTransfer, Stylized};
use crate::error::Result;
use crate::loss::Terms;
use crate::picture::Picture;

/// What a run has come to after its last size, or where it was cancelled.
pub(super) struct Ending<'a> {
    pub transfer: &'a StyleTransfer,
    pub start: &'a StartPictures,
    /// The size that the run was to have.
    pub target: Size,
    /// The last picture and its size.
    pub painted: (Size, Vec<f32>),
    pub behind: Behind,
    /// The terms of the best evaluation of the last size.
    pub loss: Terms,
}

impl Ending<'_> {
    /// The result: a picture that was cancelled at a coarser size is enlarged.
    pub fn stylized(self) -> Result<Stylized> {
        let ((size, pixels), (width, height), reports) = (self.painted, self.target, self.behind.reports);
        let pixels =
            if size == (width, height) { pixels } else { self.start.carry(&pixels, size, (width, height)) };
        let report = Report {
            width,
            height,
            seconds: self.behind.seconds,
            evaluation_seconds: self.behind.evaluation_seconds,
            evaluations: self.behind.evaluations,
            loss: self.loss,
            stop: reports[reports.len() - 1].stop,
            sizes: reports,
            threads: self.transfer.threads(),
        };
        Ok(Stylized { picture: Picture::from_rgb(width, height, pixels)?, report })
    }
}
