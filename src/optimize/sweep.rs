//! One idea: passes over whole pictures, parallel and with the same bits for any number of threads.
//!
//! Work is split at multiples of [`CHUNK`], never by the number of threads, and partial sums are added in the
//! order of the chunks. Data are f32, every sum is f64. Loops run on rayon's current pool.
//! The bits do not depend on the instruction set either: plain Rust, which is vectorised as it stands.

use crate::kernels::simd::{Work, widest};
use rayon::prelude::*;
use std::ops::Range;

/// Elements per parallel task: 64 KiB of f32, so that a task's share of one picture stays in the L2 cache.
const CHUNK: usize = 1 << 14;
/// Elements per inner tile: long enough for the processor to fetch each stream ahead, while four tiles (128 KiB) stay
/// in the L2 cache.
const TILE: usize = 1 << 13;
/// Independent partial sums in a dot product, a multiple of every SIMD width for f64.
const LANES: usize = 16;

/// All dot products `⟨fresh[i], others[j]⟩`, row-major by `i`, in one pass over `others`.
///
/// A product has the same bits whatever it is grouped with, and `⟨a, b⟩` those of `⟨b, a⟩`.
pub(super) fn products(fresh: &[&[f32]], others: &[&[f32]]) -> Vec<f64> {
    let length = fresh.first().map_or(0, |v| v.len());
    assert!(fresh.iter().chain(others).all(|v| v.len() == length), "pictures of one length");
    let partial: Vec<Vec<f64>> = (0..length.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut sums = vec![0.0; fresh.len() * others.len()];
            let range = chunk * CHUNK..length.min((chunk + 1) * CHUNK);
            widest(Products { fresh, others, range, sums: &mut sums });
            sums
        })
        .collect();
    let mut total = vec![0.0; fresh.len() * others.len()];
    for sums in &partial {
        total.iter_mut().zip(sums).for_each(|(t, s)| *t += s);
    }
    total
}

/// Adds to `sums[k·len(others) + j]` the part of `⟨fresh[k], others[j]⟩` that lies in `range`.
struct Products<'a> {
    fresh: &'a [&'a [f32]],
    others: &'a [&'a [f32]],
    range: Range<usize>,
    sums: &'a mut [f64],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { fresh, others, range, sums } = self;
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + TILE);
            for (j, other) in others.iter().enumerate() {
                for (k, fresh) in fresh.iter().enumerate() {
                    sums[k * others.len() + j] += dot(&fresh[start..end], &other[start..end]);
                }
            }
            start = end;
        }
    }
}

/// ⟨a, b⟩ for two tiles of one length: [`LANES`] sums, added up in order, then the rest.
///
/// `lanes` is indexed by constants only, or the compiler would keep it in memory.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let (a_parts, a_rest) = a.as_chunks::<LANES>();
    let (b_parts, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0f64; LANES];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for l in 0..LANES {
            lanes[l] += f64::from(a[l]) * f64::from(b[l]);
        }
    }
    let mut sum = 0.0;
    for l in 0..LANES {
        sum += lanes[l];
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum += f64::from(a) * f64::from(b);
    }
    sum
}

/// A step along a sum of terms: `x = start + Σ c·v` and `step = x − start`, the displacement that f32 allowed.
/// Returns `‖step‖²`.
///
/// `start`, `x`, `step` and every `v` have one length; `x` and `step` are overwritten.
pub(super) fn advance(start: &[f32], terms: &[(f32, &[f32])], x: &mut [f32], step: &mut [f32]) -> f64 {
    assert!(start.len() == x.len() && x.len() == step.len());
    assert!(terms.iter().all(|(_, v)| v.len() == start.len()), "pictures of one length");
    let partial: Vec<f64> = x
        .par_chunks_mut(CHUNK)
        .zip(step.par_chunks_mut(CHUNK))
        .zip(start.par_chunks(CHUNK))
        .enumerate()
        .map(|(chunk, ((x, step), start))| widest(Advance { from: chunk * CHUNK, start, terms, x, step }))
        .collect();
    partial.iter().sum()
}

/// [`advance`] for the chunk that begins at element `from` of every `v`.
struct Advance<'a> {
    from: usize,
    start: &'a [f32],
    terms: &'a [(f32, &'a [f32])],
    x: &'a mut [f32],
    step: &'a mut [f32],
}

impl Work for Advance<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { from, start, terms, x, step } = self;
        let mut total = 0.0;
        let mut at = 0;
        while at < start.len() {
            let end = start.len().min(at + TILE);
            let (start, x, step) = (&start[at..end], &mut x[at..end], &mut step[at..end]);
            let length = start.len();
            step.fill(0.0);
            let mut i = 0;
            while i < terms.len() {
                // Four terms for one pass over the sum; a missing one is zero times another.
                let tile = |k: usize| match terms.get(i + k) {
                    Some((c, v)) => (*c, &v[from + at..][..length]),
                    None => (0.0, start),
                };
                let ((a, p), (b, q), (c, r), (d, s)) = (tile(0), tile(1), tile(2), tile(3));
                for j in 0..length {
                    step[j] += (a * p[j] + b * q[j]) + (c * r[j] + d * s[j]);
                }
                i += 4;
            }
            for j in 0..length {
                x[j] = start[j] + step[j];
                step[j] = x[j] - start[j];
            }
            total += dot(step, step);
            at = end;
        }
        total
    }
}

/// `out = a − b`, element by element.
pub(super) fn subtract(a: &[f32], b: &[f32], out: &mut [f32]) {
    assert!(a.len() == b.len() && b.len() == out.len(), "pictures of one length");
    out.par_chunks_mut(CHUNK)
        .zip(a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)))
        .for_each(|(out, (a, b))| out.iter_mut().zip(a.iter().zip(b)).for_each(|(o, (a, b))| *o = a - b));
}

/// Replaces subnormal numbers by zero (arithmetic on them may be a hundred times slower) and returns `‖v‖²`,
/// which is finite exactly when every element is.
pub(super) fn clean(v: &mut [f32]) -> f64 {
    let partial: Vec<f64> = v.par_chunks_mut(CHUNK).map(|chunk| widest(Clean(chunk))).collect();
    partial.iter().sum()
}

/// [`clean`] for one chunk.
struct Clean<'a>(&'a mut [f32]);

impl Work for Clean<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let chunk = self.0;
        let mut total = 0.0;
        let mut at = 0;
        while at < chunk.len() {
            let end = chunk.len().min(at + TILE);
            let tile = &mut chunk[at..end];
            for j in 0..tile.len() {
                tile[j] = if tile[j].abs() < f32::MIN_POSITIVE { 0.0 } else { tile[j] };
            }
            total += dot(tile, tile);
            at = end;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(length: usize, phase: f64) -> Vec<f32> {
        (0..length).map(|i| (i as f64 * 0.37 + phase).sin() as f32).collect()
    }

    fn naive(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    #[test]
    fn products_agree_with_the_plain_sum_at_every_length() {
        for length in [0, 1, 7, 8, 9, 511, 512, 513, CHUNK - 1, CHUNK + 5, 3 * CHUNK + 77] {
            let v: Vec<_> = (0..6).map(|k| wave(length, k as f64)).collect();
            let views: Vec<&[f32]> = v.iter().map(|v| &v[..]).collect();
            for fresh in 1..=4 {
                let found = products(&views[..fresh], &views);
                for (at, value) in found.iter().enumerate() {
                    let expected = naive(views[at / 6], views[at % 6]);
                    assert!((value - expected).abs() <= 1e-12 * (1.0 + length as f64), "{length} {at}");
                }
                assert_eq!(found[0].to_bits(), products(&views[..1], &views[..1])[0].to_bits());
            }
        }
    }

    #[test]
    fn advance_agrees_with_the_plain_sum() {
        for (length, count) in [(1, 0), (5, 1), (1000, 3), (CHUNK + 513, 4), (2 * CHUNK + 3, 21)] {
            let start = wave(length, 9.0);
            let v: Vec<_> = (0..count).map(|k| wave(length, k as f64)).collect();
            let terms: Vec<(f32, &[f32])> =
                v.iter().enumerate().map(|(k, v)| (0.1 * k as f32 - 0.3, &v[..])).collect();
            let (mut x, mut step) = (vec![f32::NAN; length], vec![f32::NAN; length]);
            let square = advance(&start, &terms, &mut x, &mut step);
            for j in 0..length {
                let expected: f64 = f64::from(start[j])
                    + terms.iter().map(|(c, v)| f64::from(*c) * f64::from(v[j])).sum::<f64>();
                assert!((f64::from(x[j]) - expected).abs() < 1e-5, "{length} {j}");
                assert_eq!(step[j], x[j] - start[j]);
            }
            assert!((square - naive(&step, &step)).abs() <= 1e-9 * (1.0 + square));
        }
    }

    #[test]
    fn clean_removes_subnormals_and_shows_numbers_that_are_not_finite() {
        let mut v = vec![1e-40f32, -1e-40, 3.0, -4.0];
        assert_eq!(clean(&mut v), 25.0);
        assert_eq!(v, [0.0, 0.0, 3.0, -4.0]);
        assert_eq!(clean(&mut [1e38f32; 8]), 8.0 * f64::from(1e38f32).powi(2));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut v = vec![0.5; CHUNK + 700];
            v[CHUNK + 699] = bad;
            assert!(!clean(&mut v).is_finite());
        }
    }
}
