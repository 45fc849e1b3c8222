//! One idea: passes over whole pictures, parallel and with the same bits for any number of threads.
//!
//! Work is split at multiples of [`CHUNK`], never by the number of threads, and partial sums are added in the
//! order of the chunks. Data are f32, every sum is f64. Loops run on rayon's current pool.
//! Nothing here is fused by the compiler (Rust never contracts `a * b + c`), so the bits do not depend on the
//! instruction set either.

use rayon::prelude::*;

/// Elements per parallel task: 64 KiB of f32, so that a task's share of one picture stays in the L2 cache.
const CHUNK: usize = 1 << 14;
/// Elements per inner tile: three fresh tiles in f64 (12 KiB) stay in the L1 cache while the others stream by.
const TILE: usize = 512;
/// Independent partial sums in a dot product, a multiple of every SIMD width for f64.
const LANES: usize = 8;

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
            let end = length.min((chunk + 1) * CHUNK);
            for start in (chunk * CHUNK..end).step_by(TILE) {
                let tile = start..end.min(start + TILE);
                for (group, three) in fresh.chunks(3).enumerate() {
                    let wide = |k: usize| widen(&three[k][tile.clone()]);
                    let sums = &mut sums[group * 3 * others.len()..];
                    match three.len() {
                        1 => accumulate([wide(0)], others, &tile, sums),
                        2 => accumulate([wide(0), wide(1)], others, &tile, sums),
                        _ => accumulate([wide(0), wide(1), wide(2)], others, &tile, sums),
                    }
                }
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; fresh.len() * others.len()];
    for sums in &partial {
        total.iter_mut().zip(sums).for_each(|(t, s)| *t += s);
    }
    total
}

/// A tile as f64, zero behind its end.
fn widen(tile: &[f32]) -> [f64; TILE] {
    let mut wide = [0.0; TILE];
    wide.iter_mut().zip(tile).for_each(|(w, &v)| *w = f64::from(v));
    wide
}

/// Adds to `sums[k·len(others) + j]` the part of `⟨fresh[k], others[j]⟩` that lies in `tile`.
fn accumulate<const K: usize>(
    fresh: [[f64; TILE]; K],
    others: &[&[f32]],
    tile: &std::ops::Range<usize>,
    sums: &mut [f64],
) {
    for (j, other) in others.iter().enumerate() {
        let dots = dot_tile(&fresh, &other[tile.clone()]);
        for k in 0..K {
            sums[k * others.len() + j] += dots[k];
        }
    }
}

/// `K` dot products with one tile, which is loaded and widened once for all.
fn dot_tile<const K: usize>(fresh: &[[f64; TILE]; K], tile: &[f32]) -> [f64; K] {
    let mut lanes = [[0.0f64; LANES]; K];
    let mut parts = tile.chunks_exact(LANES);
    for (i, part) in parts.by_ref().enumerate() {
        let wide: [f64; LANES] = std::array::from_fn(|l| f64::from(part[l]));
        for k in 0..K {
            let row = &fresh[k][i * LANES..(i + 1) * LANES];
            for l in 0..LANES {
                lanes[k][l] += wide[l] * row[l];
            }
        }
    }
    let done = tile.len() / LANES * LANES;
    for (l, &value) in parts.remainder().iter().enumerate() {
        for k in 0..K {
            lanes[k][l] += f64::from(value) * fresh[k][done + l];
        }
    }
    lanes.map(|lane| lane.iter().sum())
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
        .map(|(chunk, ((x, step), start))| {
            let mut total = 0.0;
            let tiles = x.chunks_mut(TILE).zip(step.chunks_mut(TILE)).zip(start.chunks(TILE));
            for (i, ((x, step), start)) in tiles.enumerate() {
                step.fill(0.0);
                let from = chunk * CHUNK + i * TILE;
                for group in terms.chunks(4) {
                    let tile = |k: usize| match group.get(k) {
                        Some((c, v)) => (*c, &v[from..from + start.len()]),
                        None => (0.0, start),
                    };
                    let [(a, p), (b, q), (c, r), (d, s)] = std::array::from_fn(tile);
                    for (j, sum) in step.iter_mut().enumerate() {
                        *sum += (a * p[j] + b * q[j]) + (c * r[j] + d * s[j]);
                    }
                }
                for j in 0..start.len() {
                    x[j] = start[j] + step[j];
                    step[j] = x[j] - start[j];
                }
                total += dot_tile(&[widen(step)], step)[0];
            }
            total
        })
        .collect();
    partial.iter().sum()
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
    let partial: Vec<f64> = v
        .par_chunks_mut(CHUNK)
        .map(|chunk| {
            let mut total = 0.0;
            for tile in chunk.chunks_mut(TILE) {
                for value in tile.iter_mut() {
                    *value = if value.abs() < f32::MIN_POSITIVE { 0.0 } else { *value };
                }
                total += dot_tile(&[widen(tile)], tile)[0];
            }
            total
        })
        .collect();
    partial.iter().sum()
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
