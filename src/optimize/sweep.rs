//! One idea: passes over whole pictures, parallel and with the same bits for any number of threads.
//!
//! Work is split at multiples of [`CHUNK`], never by the number of threads, and partial sums are added in the
//! order of the chunks. Data are f32 or [`Compact`], every sum is f64. Loops run on rayon's current pool.
//! The bits do not depend on the instruction set either: plain Rust, which is vectorised as it stands.

use super::compact::{self, BLOCK, Compact};
use crate::kernels::simd::{Work, widest};
use rayon::prelude::*;
use std::ops::Range;

/// Elements per parallel task: 64 KiB of f32, so that a task's share of one picture stays in the L2 cache.
pub(super) const CHUNK: usize = 1 << 14;
/// Independent partial sums in a dot product, a multiple of every SIMD width for f64.
const LANES: usize = 16;

/// The ranges of `0..length` that tasks take.
fn chunks(length: usize) -> impl IndexedParallelIterator<Item = Range<usize>> {
    (0..length.div_ceil(CHUNK)).into_par_iter().map(move |at| at * CHUNK..length.min((at + 1) * CHUNK))
}

/// The tiles of a task's range: where each lies, and the number of its scale.
#[inline(always)]
fn tiles(range: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> {
    let end = range.end;
    range.step_by(BLOCK).map(move |from| (from..end.min(from + BLOCK), from / BLOCK))
}

/// The dot products `⟨vectors[i], vectors[j]⟩` of the `pairs` (i, j), in one pass over all vectors.
///
/// A product has the same bits whatever it is grouped with, and `⟨a, b⟩` those of `⟨b, a⟩`. Pairs that share their
/// second vector should follow one another.
pub(super) fn products(vectors: &[&Compact], pairs: &[(usize, usize)]) -> Vec<f64> {
    let length = vectors.first().map_or(0, |v| v.values.len());
    assert!(vectors.iter().all(|v| v.values.len() == length), "pictures of one length");
    let partial: Vec<Vec<f64>> = chunks(length)
        .map(|range| {
            let mut sums = vec![0.0; pairs.len()];
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
    vectors: &'a [&'a Compact],
    pairs: &'a [(usize, usize)],
    range: Range<usize>,
    sums: &'a mut [f64],
}

impl Work for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { vectors, pairs, range, sums } = self;
        for (tile, block) in tiles(range) {
            for (sum, &(i, j)) in sums.iter_mut().zip(pairs) {
                let (a, b) = (vectors[i], vectors[j]);
                let scale = f64::from(a.scales[block]) * f64::from(b.scales[block]);
                *sum += dot_compact(&a.values[tile.clone()], &b.values[tile.clone()]) * scale;
            }
        }
    }
}

/// `⟨full, compact⟩`, for a gradient whose every bit counts.
pub(super) fn product(full: &[f32], compact: &Compact) -> f64 {
    assert!(full.len() == compact.values.len(), "pictures of one length");
    let partial: Vec<f64> =
        chunks(full.len()).map(|range| widest(Product { full, compact, range })).collect();
    partial.iter().sum()
}

/// [`product`] for one chunk.
struct Product<'a> {
    full: &'a [f32],
    compact: &'a Compact,
    range: Range<usize>,
}

impl Work for Product<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { full, compact, range } = self;
        let mut sum = 0.0;
        for (tile, block) in tiles(range) {
            sum += dot(&full[tile.clone()], &compact.values[tile]) * f64::from(compact.scales[block]);
        }
        sum
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

/// A step along `direction = c·g + Σ cᵢ·vᵢ`: `x = start + direction` and `step = x − start`, the displacement that
/// f32 allowed. Returns `‖step‖²`, summed before the step was compressed.
///
/// `start`, `g`, `x`, `step` and every `vᵢ` have one length; `x` and `step` are overwritten.
pub(super) fn advance(
    start: &[f32],
    gradient: (f32, &[f32]),
    terms: &[(f32, &Compact)],
    x: &mut [f32],
    step: &mut Compact,
) -> f64 {
    assert!([gradient.1.len(), x.len(), step.values.len()] == [start.len(); 3], "pictures of one length");
    assert!(terms.iter().all(|(_, v)| v.values.len() == start.len()), "pictures of one length");
    let partial: Vec<f64> = x
        .par_chunks_mut(CHUNK)
        .zip(step.values.par_chunks_mut(CHUNK).zip(step.scales.par_chunks_mut(CHUNK / BLOCK)))
        .zip(chunks(start.len()))
        .map(|((x, (step, scales)), range)| {
            widest(Advance { start, gradient, terms, range, x, step, scales })
        })
        .collect();
    partial.iter().sum()
}

/// [`advance`] for one chunk; `x`, `step` and `scales` are the chunk's, the others whole.
struct Advance<'a> {
    start: &'a [f32],
    gradient: (f32, &'a [f32]),
    terms: &'a [(f32, &'a Compact)],
    range: Range<usize>,
    x: &'a mut [f32],
    step: &'a mut [i16],
    scales: &'a mut [f32],
}

impl<'a> Work for Advance<'a> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let Self { start, gradient, terms, range, x, step, scales } = self;
        let first = range.start;
        let mut total = 0.0;
        let mut sum = [0.0f32; BLOCK];
        for ((tile, block), scale) in tiles(range).zip(scales) {
            let here = tile.start - first..tile.end - first;
            let (start, x, sum) = (&start[tile.clone()], &mut x[here.clone()], &mut sum[..here.len()]);
            sum.fill(0.0);
            add_one(sum, gradient.0, &gradient.1[tile.clone()]);
            let term = |&(c, v): &(f32, &'a Compact)| (c * v.scales[block], &v.values[tile.clone()]);
            let (fours, rest) = terms.as_chunks::<4>();
            for four in fours {
                add_four(sum, [term(&four[0]), term(&four[1]), term(&four[2]), term(&four[3])]);
            }
            for one in rest {
                let (c, v) = term(one);
                add_one(sum, c, v);
            }
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
        let mut total = 0.0;
        for tile in self.0.chunks_mut(BLOCK) {
            for j in 0..tile.len() {
                tile[j] = if tile[j].abs() < f32::MIN_POSITIVE { 0.0 } else { tile[j] };
            }
            total += dot(tile, tile);
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
        out.round(v);
        out
    }

    #[test]
    fn products_agree_with_the_plain_sum_at_every_length() {
        for length in [0, 1, 7, 8, 9, 511, 512, 513, CHUNK - 1, CHUNK + 5, 3 * CHUNK + 77] {
            let full: Vec<_> = (0..3).map(|k| wave(length, k as f64)).collect();
            let small: Vec<_> = full.iter().map(|v| compact(v)).collect();
            let plain: Vec<_> = small.iter().map(Compact::expand).collect();
            let views: Vec<_> = small.iter().collect();
            let pairs: Vec<_> = (0..9).map(|at| (at / 3, at % 3)).collect();
            for (&(i, j), value) in pairs.iter().zip(&products(&views, &pairs)) {
                let within = 1e-7 * (1.0 + length as f64);
                assert!((value - naive(&plain[i], &plain[j])).abs() <= within, "{length} {i} {j}");
                assert_eq!(value.to_bits(), products(&views, &[(j, i)])[0].to_bits());
                let value = product(&full[i], &small[j]);
                assert!((value - naive(&full[i], &plain[j])).abs() <= within, "{length} {i} {j}");
            }
        }
    }

    #[test]
    fn advance_agrees_with_the_plain_sum() {
        for (length, count) in [(1, 0), (5, 1), (1000, 3), (CHUNK + 513, 4), (2 * CHUNK + 3, 21)] {
            let (start, gradient) = (wave(length, 9.0), wave(length, 5.0));
            let v: Vec<_> = (0..count).map(|k| compact(&wave(length, k as f64))).collect();
            let terms: Vec<(f32, &Compact)> =
                v.iter().enumerate().map(|(k, v)| (0.1 * k as f32 - 0.3, v)).collect();
            let (mut x, mut step) = (vec![f32::NAN; length], Compact::zeros(length));
            let square = advance(&start, (0.7, &gradient), &terms, &mut x, &mut step);
            let plain: Vec<_> = v.iter().map(Compact::expand).collect();
            for j in 0..length {
                let sum: f64 =
                    terms.iter().zip(&plain).map(|((c, _), v)| f64::from(*c) * f64::from(v[j])).sum();
                let expected = f64::from(start[j]) + 0.7 * f64::from(gradient[j]) + sum;
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
