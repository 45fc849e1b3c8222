//! One idea: passes over whole pictures, parallel and with the same bits for any number of threads.
//!
//! Work is split at multiples of [`CHUNK`], never by the number of threads, and partial sums are added in the
//! order of the chunks. Data are f32, every sum is f64. Loops run on rayon's current pool.
//! The bits do not depend on the instruction set either: plain Rust, which is vectorised as it stands.

use super::compact::{self, Compact};
use crate::kernels::simd::{Work, widest};
use rayon::prelude::*;
use std::ops::Range;

/// Elements per parallel task: 64 KiB of f32, so that a task's share of one picture stays in the L2 cache.
const CHUNK: usize = 1 << 14;
/// Elements per inner tile, and per scale of a compact vector: long enough for the processor to fetch each stream
/// ahead, short enough for four tiles to stay in the L2 cache.
pub(super) const BLOCK: usize = 1 << 13;
/// Independent partial sums in a dot product, a multiple of every SIMD width for f64.
const LANES: usize = 16;

/// A vector to read, in either form.
#[derive(Clone, Copy)]
pub(super) enum View<'a> {
    Full(&'a [f32]),
    Compact(&'a Compact),
}

impl View<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Full(v) => v.len(),
            Self::Compact(v) => v.values.len(),
        }
    }
}

/// The dot products `⟨vectors[i], vectors[j]⟩` of the `pairs` (i, j), in one pass over all vectors.
///
/// A product has the same bits whatever it is grouped with, and `⟨a, b⟩` those of `⟨b, a⟩`. Pairs that share their
/// second vector should follow one another.
pub(super) fn products(vectors: &[View<'_>], pairs: &[(usize, usize)]) -> Vec<f64> {
    let length = vectors.first().map_or(0, View::len);
    assert!(vectors.iter().all(|v| v.len() == length), "pictures of one length");
    let partial: Vec<Vec<f64>> = (0..length.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let mut sums = vec![0.0; pairs.len()];
            let range = chunk * CHUNK..length.min((chunk + 1) * CHUNK);
            widest(Products { vectors, pairs, range, sums: &mut sums });
            sums
        })
        .collect();
    let mut total = vec![0.0; pairs.len()];
    for sums in &partial {
        total.iter_mut().zip(sums).for_each(|(t, s)| *t += s);
    }
    total
}

/// Adds to `sums` the parts of the products of `pairs` that lie in `range`.
struct Products<'a> {
    vectors: &'a [View<'a>],
    pairs: &'a [(usize, usize)],
    range: Range<usize>,
    sums: &'a mut [f64],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { vectors, pairs, range, sums } = self;
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + BLOCK);
            let block = start / BLOCK;
            for (sum, &(i, j)) in sums.iter_mut().zip(pairs) {
                *sum += match (vectors[i], vectors[j]) {
                    (View::Full(a), View::Full(b)) => dot(&a[start..end], &b[start..end]),
                    (View::Full(a), View::Compact(b)) | (View::Compact(b), View::Full(a)) => {
                        dot(&a[start..end], &b.values[start..end]) * f64::from(b.scales[block])
                    }
                    (View::Compact(a), View::Compact(b)) => {
                        let scale = f64::from(a.scales[block]) * f64::from(b.scales[block]);
                        dot_compact(&a.values[start..end], &b.values[start..end]) * scale
                    }
                };
            }
            start = end;
        }
    }
}

/// ⟨a, b⟩ for two tiles of one length: [`LANES`] sums, added up in order, then the rest.
///
/// `lanes` is indexed by constants only, or the compiler would keep it in memory.
#[inline(always)]
fn dot<A: Copy + Into<f64>, B: Copy + Into<f64>>(a: &[A], b: &[B]) -> f64 {
    let (a_parts, a_rest) = a.as_chunks::<LANES>();
    let (b_parts, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0f64; LANES];
    for (a, b) in a_parts.iter().zip(b_parts) {
        for l in 0..LANES {
            lanes[l] += a[l].into() * b[l].into();
        }
    }
    let mut sum = 0.0;
    for l in 0..LANES {
        sum += lanes[l];
    }
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum += a.into() * b.into();
    }
    sum
}

/// The same for integers in f32, three times as fast: over the elements of a block that fall to one of the 64 sums
/// rounding adds less than sixteen bits left out.
#[inline(always)]
fn dot_compact(a: &[i16], b: &[i16]) -> f64 {
    let (a_parts, a_rest) = a.as_chunks::<{ 4 * LANES }>();
    let (b_parts, b_rest) = b.as_chunks::<{ 4 * LANES }>();
    let (mut p, mut q, mut r, mut s) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
    let product = |a: i16, b: i16| f32::from(a) * f32::from(b);
    for (a, b) in a_parts.iter().zip(b_parts) {
        for l in 0..LANES {
            p[l] += product(a[l], b[l]);
            q[l] += product(a[LANES + l], b[LANES + l]);
            r[l] += product(a[2 * LANES + l], b[2 * LANES + l]);
            s[l] += product(a[3 * LANES + l], b[3 * LANES + l]);
        }
    }
    let mut sum = 0.0;
    for l in 0..LANES {
        sum += f64::from(p[l] + q[l]) + f64::from(r[l] + s[l]);
    }
    sum + dot(a_rest, b_rest)
}

/// A step along a sum of terms: `x = start + Σ c·v` and `step = x − start`, the displacement that f32 allowed.
/// Returns `‖step‖²`, summed before the step was compressed.
///
/// `start`, `x`, `step` and every `v` have one length; `x` and `step` are overwritten.
pub(super) fn advance(start: &[f32], terms: &[(f32, View<'_>)], x: &mut [f32], step: &mut Compact) -> f64 {
    assert!(start.len() == x.len() && x.len() == step.values.len());
    assert!(terms.iter().all(|(_, v)| v.len() == start.len()), "pictures of one length");
    let partial: Vec<f64> = x
        .par_chunks_mut(CHUNK)
        .zip(step.values.par_chunks_mut(CHUNK).zip(step.scales.par_chunks_mut(CHUNK / BLOCK)))
        .zip(start.par_chunks(CHUNK))
        .enumerate()
        .map(|(chunk, ((x, (step, scales)), start))| {
            widest(Advance { from: chunk * CHUNK, start, terms, x, step, scales })
        })
        .collect();
    partial.iter().sum()
}

/// [`advance`] for the chunk that begins at element `from` of every `v`.
struct Advance<'a> {
    from: usize,
    start: &'a [f32],
    terms: &'a [(f32, View<'a>)],
    x: &'a mut [f32],
    step: &'a mut [i16],
    scales: &'a mut [f32],
}

impl Work for Advance<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { from, start, terms, x, step, scales } = self;
        let mut total = 0.0;
        let mut sum = [0.0f32; BLOCK];
        for (at, scale) in (0..start.len()).step_by(BLOCK).zip(scales) {
            let here = at..start.len().min(at + BLOCK);
            let (start, x, sum) = (&start[here.clone()], &mut x[here.clone()], &mut sum[..here.len()]);
            let there = from + here.start..from + here.end;
            sum.fill(0.0);
            let mut waiting: [(f32, &[i16]); 3] = [(0.0, &[]); 3];
            let mut count = 0;
            for &(c, v) in terms {
                match v {
                    View::Full(v) => add_one(sum, c, &v[there.clone()]),
                    View::Compact(v) => {
                        let term = (c * v.scales[there.start / BLOCK], &v.values[there.clone()]);
                        if count == waiting.len() {
                            add_four(sum, [waiting[0], waiting[1], waiting[2], term]);
                            count = 0;
                        } else {
                            waiting[count] = term;
                            count += 1;
                        }
                    }
                }
            }
            waiting[..count].iter().for_each(|&(c, v)| add_one(sum, c, v));
            for j in 0..sum.len() {
                x[j] = start[j] + sum[j];
                sum[j] = x[j] - start[j];
            }
            total += dot(sum, sum);
            *scale = compact::compress(sum, &mut step[here]);
        }
        total
    }
}

/// `sum += c·v`.
#[inline(always)]
fn add_one<T: Copy + Into<f32>>(sum: &mut [f32], c: f32, v: &[T]) {
    for (sum, &v) in sum.iter_mut().zip(v) {
        *sum += c * v.into();
    }
}

/// The same for four terms in one pass over the sum.
#[inline(always)]
fn add_four(sum: &mut [f32], [(a, p), (b, q), (c, r), (d, s)]: [(f32, &[i16]); 4]) {
    let length = sum.len();
    let (p, q, r, s) = (&p[..length], &q[..length], &r[..length], &s[..length]);
    for j in 0..length {
        let first = a * f32::from(p[j]) + b * f32::from(q[j]);
        sum[j] += first + (c * f32::from(r[j]) + d * f32::from(s[j]));
    }
}

/// `out = v`, rounded.
pub(super) fn compress(v: &[f32], out: &mut Compact) {
    assert!(v.len() == out.values.len(), "pictures of one length");
    let out = out.values.par_chunks_mut(BLOCK).zip(&mut out.scales);
    out.zip(v.par_chunks(BLOCK))
        .for_each(|((values, scale), block)| *scale = widest(Compress { block, values }));
}

/// [`compress`] for one block; its result is the scale.
struct Compress<'a> {
    block: &'a [f32],
    values: &'a mut [i16],
}

impl Work for Compress<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        compact::compress(self.block, self.values)
    }
}

/// `out = a − b`, element by element, rounded.
pub(super) fn subtract(a: &[f32], b: &[f32], out: &mut Compact) {
    assert!(a.len() == b.len() && b.len() == out.values.len(), "pictures of one length");
    let out = out.values.par_chunks_mut(BLOCK).zip(&mut out.scales);
    out.zip(a.par_chunks(BLOCK).zip(b.par_chunks(BLOCK)))
        .for_each(|((values, scale), (a, b))| *scale = widest(Subtract { a, b, values }));
}

/// [`subtract`] for one block; its result is the scale.
struct Subtract<'a> {
    a: &'a [f32],
    b: &'a [f32],
    values: &'a mut [i16],
}

impl Work for Subtract<'_> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let Self { a, b, values } = self;
        let mut difference = [0.0f32; BLOCK];
        let difference = &mut difference[..a.len()];
        for (d, (a, b)) in difference.iter_mut().zip(a.iter().zip(b)) {
            *d = a - b;
        }
        compact::compress(difference, values)
    }
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
            let end = chunk.len().min(at + BLOCK);
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

    fn compact(v: &[f32]) -> Compact {
        let mut out = Compact::zeros(v.len());
        compress(v, &mut out);
        out
    }

    #[test]
    fn products_agree_with_the_plain_sum_at_every_length_and_in_both_forms() {
        for length in [0, 1, 7, 8, 9, 511, 512, 513, CHUNK - 1, CHUNK + 5, 3 * CHUNK + 77] {
            let full: Vec<_> = (0..3).map(|k| wave(length, k as f64)).collect();
            let small: Vec<_> = full.iter().map(|v| compact(v)).collect();
            let plain: Vec<Vec<f32>> =
                full.iter().cloned().chain(small.iter().map(Compact::expand)).collect();
            let views: Vec<View<'_>> =
                full.iter().map(|v| View::Full(v)).chain(small.iter().map(View::Compact)).collect();
            let pairs: Vec<_> = (0..36).map(|at| (at / 6, at % 6)).collect();
            let found = products(&views, &pairs);
            for (&(i, j), value) in pairs.iter().zip(&found) {
                let expected = naive(&plain[i], &plain[j]);
                assert!((value - expected).abs() <= 1e-7 * (1.0 + length as f64), "{length} {i} {j}");
                assert_eq!(value.to_bits(), products(&views, &[(j, i)])[0].to_bits());
            }
        }
    }

    #[test]
    fn advance_agrees_with_the_plain_sum() {
        for (length, count) in [(1, 0), (5, 1), (1000, 3), (CHUNK + 513, 4), (2 * CHUNK + 3, 21)] {
            let start = wave(length, 9.0);
            let v: Vec<_> = (0..count).map(|k| compact(&wave(length, k as f64))).collect();
            let mut terms: Vec<(f32, View<'_>)> =
                v.iter().enumerate().map(|(k, v)| (0.1 * k as f32 - 0.3, View::Compact(v))).collect();
            terms.push((0.7, View::Full(&start)));
            let (mut x, mut step) = (vec![f32::NAN; length], Compact::zeros(length));
            let square = advance(&start, &terms, &mut x, &mut step);
            let plain: Vec<_> = v.iter().map(Compact::expand).chain([start.clone()]).collect();
            for j in 0..length {
                let expected: f64 = f64::from(start[j])
                    + terms
                        .iter()
                        .zip(&plain)
                        .map(|((c, _), v)| f64::from(*c) * f64::from(v[j]))
                        .sum::<f64>();
                assert!((f64::from(x[j]) - expected).abs() < 1e-5, "{length} {j}");
            }
            let exact: Vec<f32> = x.iter().zip(&start).map(|(x, start)| x - start).collect();
            assert!((square - naive(&exact, &exact)).abs() <= 1e-9 * (1.0 + square));
            for (a, b) in step.expand().iter().zip(&exact) {
                assert!((a - b).abs() < 1e-4, "{length}: {a} {b}");
            }
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
