//! What a run would do, known before it is done.

use serde::Serialize;

/// What a run would do; made by [`StyleTransfer::forecast`](crate::StyleTransfer::forecast).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Forecast {
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
    /// Every size, from the coarsest.
    pub sizes: Vec<SizeForecast>,
    /// Bytes of memory that the run takes, rounded up.
    pub memory_bytes: u64,
    /// Threads that would work.
    pub threads: usize,
}

/// What would be done at one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SizeForecast {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Tiles that an evaluation is made in; 1 for the whole picture at once.
    pub tiles: usize,
    /// Iterations at most; a size may end earlier.
    pub iterations: usize,
    /// Seconds that they take if none is left out, by the speed of the machine at the coarsest size.
    pub seconds: f64,
}

impl Forecast {
    /// Iterations at every size together, at most.
    pub fn iterations(&self) -> usize {
        self.sizes.iter().map(|size| size.iterations).sum()
    }

    /// Seconds of all iterations.
    pub fn seconds(&self) -> f64 {
        self.sizes.iter().map(|size| size.seconds).sum()
    }
}
