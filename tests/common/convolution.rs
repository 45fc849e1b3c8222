//! The test set that every implementation of the 3×3 convolution must pass, whatever its layout or
//! instruction set: wrap it in a [`Convolution`] and write `convolution_suite!(name, wrapped);`.

use impasto::internals::tensor::Padding;
use impasto::internals::tensor::Scalar;
use impasto::internals::tensor::Shape;
use proptest::prelude::*;

use super::{PADDINGS, Rng, assert_allclose, dot, largest, oracle, property, to_f64};

/// (input, its shape, padding, weight out×in×3×3, bias, output).
pub type Forward<T> = fn(&[T], Shape, Padding, &[T], &[T], &mut [T]);
/// (gradient of the output, shape of the *input*, padding, weight out×in×3×3, outputs, gradient of the input).
pub type Backward<T> = fn(&[T], Shape, Padding, &[T], usize, &mut [T]);

/// One implementation in the terms of plain C×H×W maps; adapters convert layouts and prepack weights.
pub struct Convolution<T> {
    /// Overwrites the output.
    pub forward: Forward<T>,
    /// Overwrites the gradient of the input.
    pub backward: Backward<T>,
    /// Which (input shape, outputs) it takes; the others are left to other implementations.
    pub accepts: fn(Shape, usize) -> bool,
    /// Largest error, relative to the largest value of the map.
    pub tolerance: f64,
}

/// Expands to a module of tests for one implementation.
macro_rules! convolution_suite {
    ($name:ident, $implementation:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn matches_the_naive_sum_on_random_shapes() {
                common::convolution::random_shapes(&$implementation);
            }

            #[test]
            fn matches_the_naive_sum_at_block_boundaries() {
                common::convolution::boundaries(&$implementation);
            }

            #[test]
            fn backward_is_the_adjoint_of_forward() {
                common::convolution::adjoint(&$implementation);
            }

            #[test]
            fn gives_the_same_bits_for_any_number_of_threads() {
                common::convolution::threads(&$implementation);
            }
        }
    };
}
pub(crate) use convolution_suite;

/// Random data of one shape.
struct Draw<T> {
    shape: Shape,
    outputs: usize,
    padding: Padding,
    input: Vec<T>,
    weight: Vec<T>,
    bias: Vec<T>,
    /// A gradient of the output.
    above: Vec<T>,
}

impl<T: Scalar> Draw<T> {
    /// `None` where the padding or the implementation has no answer.
    fn new(
        implementation: &Convolution<T>,
        shape: Shape,
        outputs: usize,
        padding: Padding,
        seed: u64,
    ) -> Option<Self> {
        let mirrors = padding != Padding::Reflect || shape.height.min(shape.width) >= 2;
        if !(mirrors && (implementation.accepts)(shape, outputs)) {
            return None;
        }
        let mut rng = Rng::new(seed);
        Some(Self {
            shape,
            outputs,
            padding,
            input: rng.values(shape.len(), -1.0, 1.0),
            weight: rng.values(outputs * shape.channels * 9, -1.0, 1.0),
            bias: rng.values(outputs, -1.0, 1.0),
            above: rng.values(outputs * shape.positions(), -1.0, 1.0),
        })
    }

    /// The outputs start as NaN: what was there before must not matter.
    fn forward(&self, implementation: &Convolution<T>) -> Vec<T> {
        let mut output = vec![T::from_f64(f64::NAN); self.outputs * self.shape.positions()];
        (implementation.forward)(
            &self.input,
            self.shape,
            self.padding,
            &self.weight,
            &self.bias,
            &mut output,
        );
        output
    }

    fn backward(&self, implementation: &Convolution<T>) -> Vec<T> {
        let mut output = vec![T::from_f64(f64::NAN); self.shape.len()];
        (implementation.backward)(
            &self.above,
            self.shape,
            self.padding,
            &self.weight,
            self.outputs,
            &mut output,
        );
        output
    }

    /// Both directions against the oracle.
    fn check(&self, implementation: &Convolution<T>) {
        let (weight, bias) = (to_f64(&self.weight), to_f64(&self.bias));
        let expected = oracle::convolve(&to_f64(&self.input), self.shape, self.padding, &weight, &bias);
        let absolute = implementation.tolerance * largest(&expected).max(1.0);
        assert_allclose(&self.forward(implementation), &expected, 0.0, absolute);
        let above = to_f64(&self.above);
        let expected = oracle::convolve_backward(&above, self.shape, self.padding, &weight, self.outputs);
        let absolute = implementation.tolerance * largest(&expected).max(1.0);
        assert_allclose(&self.backward(implementation), &expected, 0.0, absolute);
    }
}

/// Channels that surround the widths of SIMD registers, and sizes from a single point to a few blocks.
fn shapes() -> impl Strategy<Value = (Shape, usize, Padding, u64)> {
    let channels = || prop_oneof![1usize..=9, Just(16usize), 15usize..=18, Just(33usize)];
    let side = || prop_oneof![1usize..=5, 6usize..=21];
    let padding = prop_oneof![Just(Padding::Zeros), Just(Padding::Reflect), Just(Padding::Wrap)];
    (channels(), side(), side(), channels(), padding, any::<u64>())
        .prop_map(|(c, h, w, outputs, padding, seed)| (Shape::new(c, h, w), outputs, padding, seed))
}

pub fn random_shapes<T: Scalar>(implementation: &Convolution<T>) {
    property(96, shapes(), |(shape, outputs, padding, seed)| {
        if let Some(draw) = Draw::new(implementation, shape, outputs, padding, seed) {
            draw.check(implementation);
        }
    });
}

/// Single rows, columns and points, and sizes just below, at and above blocks of 256 positions, tiles of 4 and
/// 6, and channel blocks.
pub fn boundaries<T: Scalar>(implementation: &Convolution<T>) {
    let shapes = [
        (1, 1, 1, 1),
        (16, 1, 1, 16),
        (3, 1, 40, 5),
        (3, 40, 1, 5),
        (2, 1, 300, 3),
        (4, 2, 2, 4),
        (4, 2, 129, 3),
        (16, 4, 4, 16),
        (16, 3, 5, 16),
        (16, 6, 7, 32),
        (3, 15, 17, 8),
        (3, 16, 16, 8),
        (3, 257, 1, 2),
        (5, 23, 23, 7),
        (64, 9, 12, 48),
        (67, 5, 7, 35),
        (32, 13, 20, 64),
        (128, 4, 5, 16),
    ];
    for (inputs, height, width, outputs) in shapes {
        for padding in PADDINGS {
            let shape = Shape::new(inputs, height, width);
            if let Some(draw) = Draw::new(implementation, shape, outputs, padding, 7) {
                draw.check(implementation);
            }
        }
    }
}

/// `⟨conv(x) − b, y⟩ = ⟨x, convᵀ(y)⟩`: the two directions belong together, whatever the oracle says.
pub fn adjoint<T: Scalar>(implementation: &Convolution<T>) {
    property(48, shapes(), |(shape, outputs, padding, seed)| {
        let Some(mut draw) = Draw::new(implementation, shape, outputs, padding, seed) else { return };
        draw.bias.fill(T::ZERO);
        let (x, y) = (to_f64(&draw.input), to_f64(&draw.above));
        let (forward, backward) =
            (to_f64(&draw.forward(implementation)), to_f64(&draw.backward(implementation)));
        // Rounding grows with the size of the vectors, not with their inner product, which may be small.
        let bound = implementation.tolerance * (dot(&forward, &forward) * dot(&y, &y)).sqrt().max(1.0);
        assert_allclose(&[dot(&forward, &y)], &[dot(&x, &backward)], 0.0, bound);
    });
}

pub fn threads<T: Scalar>(implementation: &Convolution<T>) {
    for (inputs, height, width, outputs) in [(5, 37, 41, 7), (16, 26, 30, 32)] {
        for padding in PADDINGS {
            let shape = Shape::new(inputs, height, width);
            let Some(draw) = Draw::new(implementation, shape, outputs, padding, 11) else { continue };
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| (draw.forward(implementation), draw.backward(implementation)))
            };
            let expected = run(1);
            for threads in [2, 3, 8] {
                assert!(run(threads) == expected, "{threads} threads give other bits");
            }
        }
    }
}
