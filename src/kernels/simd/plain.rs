//! Plain safe Rust, compiled for the widest instruction set of the processor that runs it.

use super::{Isa, Kernel, Simd};

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

    // SAFETY: nothing here depends on the instruction set; the work is safe code.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> W::Output {
        self.0.run()
    }
}

/// Runs `work` in code that the compiler vectorises for the best set of this processor.
///
/// The bits do not depend on the set: Rust never contracts `a * b + c` and never reorders sums.
pub fn widest<W: Work>(work: W) -> W::Output {
    Isa::best().run(Plain(work))
}
