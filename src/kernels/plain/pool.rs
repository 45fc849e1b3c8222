//! The 2×2 pooling of stride 2, by maximum or by mean; an odd last row or column is dropped.

use rayon::prelude::*;

use crate::tensor::Pooling;
use crate::tensor::Scalar;
use crate::tensor::Shape;

/// The shape after pooling.
pub const fn pooled(shape: Shape) -> Shape {
    Shape::new(shape.channels, shape.height / 2, shape.width / 2)
}

/// The four inputs of a pooled position, in the order in which ties are decided (the first wins).
pub(crate) fn window(width: usize, row: usize, column: usize) -> [usize; 4] {
    let corner = 2 * row * width + 2 * column;
    [corner, corner + 1, corner + width, corner + width + 1]
}

/// The place of the first largest value, as PyTorch chooses it.
pub(crate) fn largest<T: Scalar>(map: &[T], places: [usize; 4]) -> usize {
    places[1..].iter().fold(places[0], |best, &place| if map[place] > map[best] { place } else { best })
}

/// Pools every channel of `input` (C×H×W) into `output` (C×⌊H/2⌋×⌊W/2⌋).
pub fn forward<T: Scalar>(input: &[T], shape: Shape, pooling: Pooling, output: &mut [T]) {
    let out = pooled(shape);
    assert_eq!((input.len(), output.len()), (shape.len(), out.len()));
    if out.is_empty() {
        return;
    }
    let maps = input.par_chunks_exact(shape.positions());
    output.par_chunks_exact_mut(out.positions()).zip(maps).for_each(|(output, map)| {
        for (place, value) in output.iter_mut().enumerate() {
            let places = window(shape.width, place / out.width, place % out.width);
            *value = match pooling {
                Pooling::Max => map[largest(map, places)],
                Pooling::Average => places.iter().map(|&p| map[p]).sum::<T>() * T::from_f64(0.25),
            };
        }
    });
}

/// Spreads the gradient of the pooled map over the positions it came from; the others become 0.
pub fn backward<T: Scalar>(
    input: &[T],
    shape: Shape,
    pooling: Pooling,
    pooled_gradient: &[T],
    gradient: &mut [T],
) {
    let out = pooled(shape);
    assert_eq!((input.len(), gradient.len(), pooled_gradient.len()), (shape.len(), shape.len(), out.len()));
    gradient.fill(T::ZERO);
    if out.is_empty() {
        return;
    }
    let maps = input.par_chunks_exact(shape.positions());
    let sources = pooled_gradient.par_chunks_exact(out.positions());
    gradient.par_chunks_exact_mut(shape.positions()).zip(maps).zip(sources).for_each(
        |((gradient, map), source)| {
            for (place, &value) in source.iter().enumerate() {
                let places = window(shape.width, place / out.width, place % out.width);
                match pooling {
                    Pooling::Max => gradient[largest(map, places)] += value,
                    Pooling::Average => {
                        for p in places {
                            gradient[p] += value * T::from_f64(0.25);
                        }
                    }
                }
            }
        },
    );
}
