//! Losses that compare a map F with a fixed one, F₀, position by position: the sums that they are made of, and their
//! adjoint `u·F − v·F₀`.

use rayon::prelude::*;

use crate::tensor::{Factor, PositionWeights, Scalar, Shape};

/// Elements whose squares one task sums; fixed, so that the sums do not depend on the threads.
const CHUNK: usize = 1 << 14;

/// `(Σw(F − F₀)², ΣwF₀²)` in f64, in a fixed order; w is 1 without `weights`.
///
/// # Panics
/// On wrong lengths, and weights of another map.
pub fn distance<T: Scalar>(
    map: &[T],
    target: &[T],
    shape: Shape,
    weights: Option<&PositionWeights>,
) -> (f64, f64) {
    assert_eq!((map.len(), target.len()), (shape.len(), shape.len()), "maps of different plans");
    assert!(weights.is_none_or(|weights| weights.map().fits(shape)), "weights of another map");
    let sums = |(index, (map, target)): (usize, (&[T], &[T]))| {
        let weight = |at: usize| match weights {
            Some(weights) => f64::from(weights.map().values()[(index * CHUNK + at) % shape.positions()]),
            None => 1.0,
        };
        map.iter().zip(target).enumerate().fold((0.0, 0.0), |(distance, norm), (at, (&x, &y))| {
            let (difference, y, w) = (x.to_f64() - y.to_f64(), y.to_f64(), weight(at));
            (distance + w * (difference * difference), norm + w * (y * y))
        })
    };
    let chunks = map.par_chunks(CHUNK).zip(target.par_chunks(CHUNK)).enumerate();
    let parts: Vec<(f64, f64)> = chunks.map(sums).collect();
    parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1))
}

/// `output[p] = Σ_i a[i, p]·b[i, p]` in f64 for two maps of `shape`.
///
/// # Panics
/// On wrong lengths.
pub fn products<T: Scalar>(a: &[T], b: &[T], shape: Shape, output: &mut [f64]) {
    let positions = shape.positions();
    assert_eq!((a.len(), b.len(), output.len()), (shape.len(), shape.len(), positions), "lengths");
    output.par_iter_mut().enumerate().for_each(|(p, sum)| {
        let places = (0..shape.channels).map(|channel| channel * positions + p);
        *sum = places.map(|at| a[at].to_f64() * b[at].to_f64()).sum();
    });
}

/// `gradient += u·F − v·F₀`.
///
/// Where u and v are one and the same, the difference is taken first, so that it is exact where F and F₀ are close.
///
/// # Panics
/// On wrong lengths, and factors of another map.
pub fn backward<T: Scalar>(
    u: Factor<'_>,
    v: Factor<'_>,
    map: &[T],
    target: &[T],
    shape: Shape,
    gradient: &mut [T],
) {
    let (positions, same) = (shape.positions(), u.is(&v));
    let lengths = (map.len(), target.len(), gradient.len());
    assert_eq!(lengths, (shape.len(), shape.len(), shape.len()), "lengths");
    assert!(u.fits(shape) && v.fits(shape), "factors of another map");
    let maps = map.par_chunks_exact(positions).zip(target.par_chunks_exact(positions));
    gradient.par_chunks_exact_mut(positions).zip(maps).for_each(|(gradient, (map, target))| {
        for (p, g) in gradient.iter_mut().enumerate() {
            let own = T::from_f64(u.at(p));
            *g += if same {
                own * (map[p] - target[p])
            } else {
                own * map[p] - T::from_f64(v.at(p)) * target[p]
            };
        }
    });
}
