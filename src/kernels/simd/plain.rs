//! Plain safe Rust, compiled for the widest instruction set of the processor that runs it.

use super::{Kernel, Level, Simd};

/// Work for [`widest`]. A trait, since a closure cannot be made `#[inline(always)]`.
pub trait Work {
    /// What it returns.
    type Output;
    /// The work. Unless it and all it calls are `#[inline(always)]`, it keeps the instructions of the baseline.
    fn run(self) -> Self::Output;
}

struct Plain<W>(W);

impl<W: Work> Kernel for Plain<W> {
    type Output = W::Output;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> W::Output {
        self.0.run()
    }
}

/// Runs `work` in code that the compiler vectorises for the best set of this processor.
///
/// The bits do not depend on the set: Rust never contracts `a * b + c` and never reorders sums.
pub fn widest<W: Work>(work: W) -> W::Output {
    Level::best().run(Plain(work))
}
