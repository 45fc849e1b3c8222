//! The nearest of a list of vectors by inner product: a blocked matrix product whose results are looked at, not kept.

use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::gemm::gemm;

/// Queries that one task takes; fixed, so that the sums do not depend on the threads.
const QUERIES: usize = 192;
/// References whose products stand in the cache at a time.
const REFERENCES: usize = 512;
/// Maxima that are searched side by side.
const LANES: usize = 16;

/// For each query, the place of the reference with the largest inner product; of equal ones the first.
///
/// Both lists are vectors of `dims` numbers one behind the other. The numbers should be finite: a product that is none is
/// never the largest.
///
/// # Panics
/// If a length does not fit, there is no reference, or there are more than a `u32` counts.
pub fn nearest(queries: &[f32], references: &[f32], dims: usize, places: &mut [u32]) {
    assert!(dims > 0 && !references.is_empty() && references.len().is_multiple_of(dims), "whole references");
    assert_eq!(queries.len(), places.len() * dims, "one place a query");
    let count = references.len() / dims;
    assert!(u32::try_from(count).is_ok(), "places are counted in 32 bits");
    let references = ArrayView2::from_shape((count, dims), references).expect("asserted");
    let tasks = places.par_chunks_mut(QUERIES).zip(queries.par_chunks(QUERIES * dims));
    tasks.for_each_init(
        || vec![0.0f32; QUERIES * REFERENCES],
        |products, (places, queries)| {
            let rows = places.len();
            let queries = ArrayView2::from_shape((rows, dims), queries).expect("one place a query");
            let mut best = vec![f32::NEG_INFINITY; rows];
            places.fill(0);
            for start in (0..count).step_by(REFERENCES) {
                let columns = REFERENCES.min(count - start);
                let part = references.slice(ndarray::s![start..start + columns, ..]);
                let products = &mut products[..rows * columns];
                let view = ArrayViewMut2::from_shape((rows, columns), &mut *products).expect("sized above");
                gemm(1.0, queries, part.reversed_axes(), 0.0, view);
                for ((row, best), place) in products.chunks_exact(columns).zip(&mut best).zip(&mut *places) {
                    let most = largest(row);
                    if most > *best {
                        *best = most;
                        let at = row.iter().position(|value| *value == most).expect("it is in the row");
                        *place = (start + at) as u32;
                    }
                }
            }
        },
    );
}

/// The largest of some numbers; −∞ if there is none.
fn largest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], chunk[lane]);
        }
    }
    lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// The definition, in f64.
    fn naive(queries: &[f32], references: &[f32], dims: usize) -> Vec<u32> {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        let place = |query: &[f32]| {
            let mut best = (f64::NEG_INFINITY, 0);
            for (at, reference) in references.chunks(dims).enumerate() {
                let value = product(query, reference);
                if value > best.0 {
                    best = (value, at as u32);
                }
            }
            best.1
        };
        queries.chunks(dims).map(place).collect()
    }

    fn noise(seed: u64, count: usize) -> Vec<f32> {
        let mut random = Random::new(seed);
        (0..count).map(|_| random.normal() as f32).collect()
    }

    #[test]
    fn agrees_with_the_definition_for_any_number_of_threads() {
        for (queries, references, dims) in [(1, 1, 1), (193, 513, 7), (400, 1300, 33), (17, 511, 64)] {
            let (a, b) = (noise(1, queries * dims), noise(2, references * dims));
            let expected = naive(&a, &b, dims);
            for threads in 1..=3 {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut places = vec![u32::MAX; queries];
                pool.install(|| nearest(&a, &b, dims, &mut places));
                assert_eq!(places, expected, "{queries} {references} {dims}, {threads} threads");
            }
        }
    }

    #[test]
    fn of_equal_ones_the_first_is_taken_in_and_across_blocks() {
        let one = [1.0f32, 2.0];
        let references: Vec<f32> = one.repeat(1500);
        let mut places = [9; 3];
        nearest(&one.repeat(3), &references, 2, &mut places);
        assert_eq!(places, [0; 3]);
        let mut references = vec![0.0f32; 2 * 1500];
        for at in [700, 1300] {
            references[2 * at..2 * at + 2].copy_from_slice(&one);
        }
        nearest(&one.repeat(3), &references, 2, &mut places);
        assert_eq!(places, [700; 3]);
    }
}
