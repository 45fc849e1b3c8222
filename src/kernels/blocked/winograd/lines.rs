//! Where transformed tiles lie: a line of vectors for each of the N² frequencies, `[frequency][block][tile]`.
//!
//! A transform reads or writes one vector of every line at once. Its place is checked against the end of the last line
//! once, not N² times, which is what this file is for.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use crate::kernels::simd::{Simd, Vector};

/// Vectors from one line to the next: an odd number, or else the N² places that a transform writes at once would
/// lie at multiples of a power of two and drive one another out of the same few sets of the cache.
pub(super) const fn apart(vectors: usize) -> usize {
    vectors | 1
}

/// N² lines to read.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a, const N: usize> {
    vectors: &'a [Vector],
    step: usize,
    length: usize,
}

impl<'a, const N: usize> Lines<'a, N> {
    /// Lines of `length` vectors, `step` apart.
    ///
    /// # Panics
    /// If vectors are missing.
    pub fn new(vectors: &'a [Vector], step: usize, length: usize) -> Self {
        assert!(last::<N>(step, length) <= vectors.len(), "lines are missing");
        Self { vectors, step, length }
    }

    /// Column `j` of the N×N vectors at one place of the lines.
    ///
    /// # Panics
    /// If there is no such place or column.
    #[inline(always)]
    pub fn column<S: Simd>(&self, simd: S, place: usize, j: usize) -> [S::V; N] {
        assert!(place < self.length && j < N, "outside the lines");
        let mut column = [simd.splat(0.0); N];
        for i in 0..N {
            // SAFETY: `new` made sure that the last of the N² lines has `length` vectors.
            column[i] = simd.load(unsafe { &self.vectors.get_unchecked((N * i + j) * self.step + place).0 });
        }
        column
    }
}

/// N² lines to write, or a part of each.
pub(super) struct LinesMut<'a, const N: usize> {
    first: *mut Vector,
    step: usize,
    length: usize,
    life: PhantomData<&'a mut [Vector]>,
}

// SAFETY: it is as good as a mutable borrow of its own vectors, which no other has.
unsafe impl<const N: usize> Send for LinesMut<'_, N> {}

impl<'a, const N: usize> LinesMut<'a, N> {
    /// Lines of `length` vectors, `step` apart.
    ///
    /// # Panics
    /// If lines overlap or vectors are missing.
    pub fn new(vectors: &'a mut [Vector], step: usize, length: usize) -> Self {
        assert!(length <= step, "lines overlap");
        assert!(last::<N>(step, length) <= vectors.len(), "lines are missing");
        Self { first: vectors.as_mut_ptr(), step, length, life: PhantomData }
    }

    /// The first `at` vectors of every line, and the others.
    ///
    /// # Panics
    /// If lines are shorter.
    pub fn split(self, at: usize) -> (Self, Self) {
        assert!(at <= self.length, "outside the lines");
        // Even where nothing is left the address is that of the end of the first line.
        let rest = self.first.wrapping_add(at);
        let part = |first, length| Self { first, step: self.step, length, life: PhantomData };
        (part(self.first, at), part(rest, self.length - at))
    }

    /// Hands parts of `size` vectors of every line with their numbers to `work`, over all threads.
    pub fn for_each_part(self, size: usize, first: usize, work: &(impl Fn(usize, Self) + Sync)) {
        let parts = self.length / size;
        if parts <= 1 {
            return work(first, self);
        }
        let (head, tail) = self.split(parts / 2 * size);
        rayon::join(
            || head.for_each_part(size, first, work),
            || tail.for_each_part(size, first + parts / 2, work),
        );
    }

    /// Writes row `i` of the N×N vectors at one place of the lines.
    ///
    /// # Panics
    /// If there is no such place or row.
    #[inline(always)]
    pub fn set_row<S: Simd>(&mut self, simd: S, place: usize, i: usize, row: [S::V; N]) {
        assert!(place < self.length && i < N, "outside the lines");
        for j in 0..N {
            // SAFETY: `new` made sure that the last of the N² lines has `length` vectors, and these are borrowed mutably
            // by this alone.
            let to = unsafe { &mut *self.first.add((N * i + j) * self.step + place) };
            simd.store(&mut to.0, row[j]);
        }
    }
}

/// The vectors up to the end of the last line.
fn last<const N: usize>(step: usize, length: usize) -> usize {
    let end = (N * N - 1).checked_mul(step).and_then(|start| start.checked_add(length));
    end.expect("lines within the address space")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{Kernel, Level, ZERO};

    struct Fill<'a>(LinesMut<'a, 2>, f32);

    impl Kernel for Fill<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(mut self, simd: S) {
            for place in 0..self.0.length {
                for i in 0..2 {
                    self.0.set_row(simd, place, i, [simd.splat(self.1); 2]);
                }
            }
        }
    }

    #[test]
    fn parts_of_lines_share_nothing() {
        let mut vectors = [ZERO; 4 * 7];
        let lines = LinesMut::<2>::new(&mut vectors, 7, 6);
        lines.for_each_part(2, 0, &|part, lines| Level::best().run(Fill(lines, 1.0 + part as f32)));
        for line in vectors.chunks(7) {
            let values: Vec<f32> = line.iter().map(|vector| vector.0[3]).collect();
            assert_eq!(values, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 0.0]);
        }
    }

    #[test]
    fn lines_that_are_missing_or_overlap_are_refused() {
        let new = |vectors: usize, step: usize, length: usize| {
            std::panic::catch_unwind(|| {
                Lines::<2>::new(&vec![ZERO; vectors], step, length);
                LinesMut::<2>::new(&mut vec![ZERO; vectors], step, length);
            })
        };
        assert!(new(27, 7, 6).is_ok());
        assert!(new(26, 7, 6).is_err());
        assert!(new(27, 5, 6).is_err());
        assert!(new(27, usize::MAX, 6).is_err());
    }
}
