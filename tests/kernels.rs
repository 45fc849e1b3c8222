//! Every kernel against a naive f64 version of itself, over seeded random shapes.

mod common;

use common::convolution::{Convolution, convolution_suite};
use common::{POOLINGS, Rng, assert_allclose, oracle, property, to_f64};
use impasto::internals::engine::{Affine, Fixed};
use impasto::internals::kernels::plain::gemm::gemm;
use impasto::internals::kernels::plain::{conv, fixed, moments, pool, relu};
use impasto::internals::loss::variation;
use impasto::internals::tensor::{Factor, Padding, PositionMap, Scalar, Shape, Window};
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};
use proptest::prelude::*;

/// The im2col convolution in either precision.
fn im2col<T: Scalar>(tolerance: f64) -> Convolution<T> {
    fn backward<T: Scalar>(
        gradient: &[T],
        shape: Shape,
        padding: Padding,
        weight: &[T],
        outputs: usize,
        output: &mut [T],
    ) {
        let rotated = conv::rotated(weight, outputs, shape.channels);
        conv::backward(gradient, shape.with_channels(outputs), padding, &rotated, shape.channels, output);
    }
    Convolution { forward: conv::forward, backward, accepts: |_, _| true, tolerance }
}

convolution_suite!(im2col_f64, im2col::<f64>(1e-14));
convolution_suite!(im2col_f32, im2col::<f32>(2e-6));

/// Shapes of a map, and a seed for its data.
fn maps(channels: usize, side: usize) -> impl Strategy<Value = (Shape, u64)> {
    (1..=channels, 1..=side, 1..=side, any::<u64>()).prop_map(|(c, h, w, seed)| (Shape::new(c, h, w), seed))
}

#[test]
#[should_panic(expected = "nothing to mirror")]
fn reflection_of_a_single_row_is_refused() {
    let mut output = [0.0; 4];
    conv::forward(&[1.0; 4], Shape::new(1, 1, 4), Padding::Reflect, &[0.5; 9], &[0.0], &mut output);
}

#[test]
fn the_rectifier_and_its_gradient_match_their_definition() {
    property(64, (1usize..40_000, any::<u64>()), |(n, seed)| {
        let mut rng = Rng::new(seed);
        let mut input: Vec<f32> = rng.values(n, -1.0, 1.0);
        input[n / 2] = 0.0; // the kink itself
        let above: Vec<f32> = rng.values(n, -1.0, 1.0);
        let mut output = input.clone();
        relu::rectify(&mut output);
        let mut gradient = above.clone();
        relu::backward(&output, &mut gradient);
        for at in 0..n {
            assert_eq!(output[at], input[at].max(0.0), "forward at {at}");
            assert_eq!(gradient[at], if input[at] > 0.0 { above[at] } else { 0.0 }, "backward at {at}");
        }
    });
}

#[test]
fn the_rectifier_does_not_hide_broken_numbers() {
    let mut map = [f32::NAN, -1.0, f32::INFINITY, f32::NEG_INFINITY];
    relu::rectify(&mut map);
    assert!(map[0].is_nan());
    assert_eq!(map[1..], [0.0, f32::INFINITY, 0.0]);
}

/// Both poolings, sizes from 1 (nothing comes out) on; every second draw has many ties.
fn check_pool<T: Scalar>(tolerance: f64) {
    property(200, (maps(5, 9), any::<bool>()), |((shape, seed), ties)| {
        let mut rng = Rng::new(seed);
        let mut input: Vec<T> = rng.values(shape.len(), -1.0, 1.0);
        if ties {
            input = input.iter().map(|x| T::from_f64((2.0 * x.to_f64()).round())).collect();
        }
        let wide = to_f64(&input);
        let out = pool::pooled(shape);
        assert_eq!((out.height, out.width), (shape.height / 2, shape.width / 2));
        let above: Vec<T> = rng.values(out.len(), -1.0, 1.0);
        for pooling in POOLINGS {
            let mut output = vec![T::from_f64(f64::NAN); out.len()];
            pool::forward(&input, shape, pooling, &mut output);
            assert_allclose(&output, &oracle::pool(&wide, shape, pooling), 0.0, tolerance);
            let mut gradient = vec![T::from_f64(f64::NAN); shape.len()];
            pool::backward(&input, shape, pooling, &above, &mut gradient);
            let expected = oracle::pool_backward(&wide, shape, pooling, &to_f64(&above));
            assert_allclose(&gradient, &expected, 0.0, tolerance);
        }
    });
}

#[test]
fn pooling_matches_the_naive_version() {
    check_pool::<f64>(1e-15);
    check_pool::<f32>(2e-7);
}

/// Channels beyond one block of rows, positions beyond one run; windows and weights or none.
fn check_moments<T: Scalar>(tolerance: f64) {
    let sizes = prop_oneof![
        (1usize..=9, 1usize..=60, 1usize..=3),
        (30usize..=70, 1usize..=20, Just(1usize)),
        (1usize..=4, prop_oneof![4090usize..=4100, 8190usize..=8200], Just(1usize)),
        (1usize..=4, 60usize..=80, 60usize..=70),
    ];
    property(48, (sizes, any::<(bool, bool)>(), any::<u64>()), |((channels, height, width), parts, seed)| {
        let (mut rng, shape) = (Rng::new(seed), Shape::new(channels, height, width));
        let features: Vec<T> = rng.values(shape.len(), -1.0, 1.0);
        let wide = to_f64(&features);
        let window = if parts.0 { rng.window(shape) } else { Window::whole(shape) };
        let weights = parts.1.then(|| rng.weights(shape));
        let plain = weights.as_ref().map(|weights| weights.map().values());
        let mut second = vec![f64::NAN; channels * channels];
        let mut first = vec![f64::NAN; channels];
        moments::forward(&features, shape, &window, weights.as_ref(), &mut second, Some(&mut first));
        let expected = oracle::moments(&wide, shape, &window, plain);
        let absolute = tolerance * shape.positions() as f64;
        assert_allclose(&second, &expected.0, 0.0, absolute);
        assert_allclose(&first, &expected.1, 0.0, absolute);

        let matrix: Vec<f64> = rng.values(channels * channels, -1.0, 1.0);
        let offset: Vec<f64> = rng.values(channels, -1.0, 1.0);
        let before: Vec<T> = rng.values(shape.len(), -1.0, 1.0);
        let [matrix, offset] = [(Some(&matrix[..]), 1), (Some(&offset[..]), 2)]
            .map(|(list, kind)| list.filter(|_| seed % 3 != kind));
        let mut gradient = before.clone();
        let part = Affine { weights: weights.as_ref(), matrix, offset };
        moments::backward(&part, &features, shape, &mut gradient);
        let mut expected = oracle::affine(matrix, offset, plain, &wide, shape);
        expected.iter_mut().zip(&before).for_each(|(e, b)| *e += b.to_f64());
        assert_allclose(&gradient, &expected, 0.0, 2.0 * tolerance * (channels + 1) as f64);
    });
}

#[test]
fn moments_match_the_naive_sums_and_their_gradient_is_added() {
    check_moments::<f64>(1e-14); // the naive sum of 8200 squares itself rounds by 1e-14
    check_moments::<f32>(3e-7);
}

/// Distances and inner products with a fixed map, and their adjoint.
fn check_fixed<T: Scalar>(tolerance: f64) {
    property(60, (maps(9, 70), any::<(bool, bool)>()), |((shape, seed), parts)| {
        let mut rng = Rng::new(seed);
        let [map, target, before]: [Vec<T>; 3] = std::array::from_fn(|_| rng.values(shape.len(), -1.0, 1.0));
        let positions = shape.positions();
        let weights = parts.0.then(|| rng.weights(shape));
        let at = |at: usize| (map[at].to_f64(), target[at].to_f64());
        let weight = |p: usize| weights.as_ref().map_or(1.0, |w| f64::from(w.map().values()[p % positions]));
        let sum = |term: &dyn Fn(usize) -> f64| (0..shape.len()).map(term).sum::<f64>();
        let (distance, norm) = fixed::distance(&map, &target, shape, weights.as_ref());
        assert_allclose(&[distance], &[sum(&|k| weight(k) * (at(k).0 - at(k).1).powi(2))], 1e-13, 0.0);
        assert_allclose(&[norm], &[sum(&|k| weight(k) * at(k).1.powi(2))], 1e-13, 0.0);

        let mut products = vec![f64::NAN; positions];
        fixed::products(&map, &target, shape, &mut products);
        let place = |p: usize| (0..shape.channels).map(move |channel| channel * positions + p);
        let expected: Vec<f64> = (0..positions).map(|p| place(p).map(|k| at(k).0 * at(k).1).sum()).collect();
        assert_allclose(&products, &expected, 1e-13, 1e-13);

        let [u_map, v_map] = [(); 2]
            .map(|()| PositionMap::new(shape.height, shape.width, rng.values(positions, -1.0, 1.0)).unwrap());
        let u = Factor { scale: 0.75, map: parts.0.then_some(&u_map) };
        let v = if parts.1 { Factor { scale: -0.5, map: Some(&v_map) } } else { u };
        let mut gradient = before.clone();
        fixed::backward(&Fixed { own: u, target: v }, &map, &target, shape, &mut gradient);
        let value = |k: usize| u.at(k % positions) * at(k).0 - v.at(k % positions) * at(k).1;
        let expected: Vec<f64> = (0..shape.len()).map(|k| before[k].to_f64() + value(k)).collect();
        assert_allclose(&gradient, &expected, 0.0, 8.0 * tolerance);
    });
}

#[test]
fn comparisons_with_a_fixed_map_match_their_definition_and_their_gradient_is_added() {
    check_fixed::<f64>(1e-15);
    check_fixed::<f32>(3e-7);
}

fn check_variation<T: Scalar>(tolerance: f64) {
    property(100, maps(4, 9), |(shape, seed)| {
        let mut rng = Rng::new(seed);
        let picture: Vec<T> = rng.values(shape.len(), 0.0, 1.0);
        let before: Vec<T> = rng.values(shape.len(), -1.0, 1.0);
        let wraps = seed % 2 == 0;
        let (value, slope) = oracle::variation(&to_f64(&picture), shape, wraps);
        let mut gradient = before.clone();
        let actual = variation::add(&picture, shape, 1.75, wraps, &mut gradient);
        assert_allclose(&[actual], &[value], tolerance, tolerance);
        let expected: Vec<f64> = before.iter().zip(&slope).map(|(b, s)| b.to_f64() + 1.75 * s).collect();
        assert_allclose(&gradient, &expected, 0.0, 4.0 * tolerance);
    });
}

#[test]
fn variation_matches_the_naive_sum_and_its_gradient_is_added() {
    check_variation::<f64>(1e-15);
    check_variation::<f32>(3e-7);
}

/// `c = α·a·b + β·c` in all four orientations, with rows that lie apart, and β = 0 over NaN.
fn check_gemm<T: Scalar>(tolerance: f64) {
    let sizes = (1usize..=20, 1usize..=20, 1usize..=20, 0usize..=3);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<u64>());
    property(150, (sizes, flags), |((m, k, n, gap), (turn_a, turn_b, keep, seed))| {
        let mut rng = Rng::new(seed);
        let mut matrix = |rows: usize, columns: usize, turned: bool| {
            let (r, c) = if turned { (columns, rows) } else { (rows, columns) };
            let data: Vec<T> = rng.values(r * (c + gap), -1.0, 1.0);
            let at = |i: usize, j: usize| if turned { j * (c + gap) + i } else { i * (c + gap) + j };
            let plain: Vec<f64> =
                (0..rows * columns).map(|p| data[at(p / columns, p % columns)].to_f64()).collect();
            (data, plain, r, c)
        };
        let (a, plain_a, ..) = matrix(m, k, turn_a);
        let (b, plain_b, ..) = matrix(k, n, turn_b);
        let (alpha, beta) = (0.75, if keep { -0.5 } else { 0.0 });
        let mut c: Vec<T> = rng.values(m * (n + gap), -1.0, 1.0);
        if !keep {
            c.fill(T::from_f64(f64::NAN));
        }
        let mut expected = to_f64(&c);
        for i in 0..m {
            for j in 0..n {
                let sum: f64 = (0..k).map(|l| plain_a[i * k + l] * plain_b[l * n + j]).sum();
                let old = if keep { beta * expected[i * (n + gap) + j] } else { 0.0 };
                expected[i * (n + gap) + j] = alpha * sum + old;
            }
        }
        let view = |data, rows, columns, turned: bool| {
            if turned {
                ArrayView2::from_shape((rows, columns).strides((1, rows + gap)), data).unwrap()
            } else {
                ArrayView2::from_shape((rows, columns).strides((columns + gap, 1)), data).unwrap()
            }
        };
        let (left, right) = (view(&a, m, k, turn_a), view(&b, k, n, turn_b));
        let view = ArrayViewMut2::from_shape((m, n).strides((n + gap, 1)), &mut c).unwrap();
        gemm(T::from_f64(alpha), left, right, T::from_f64(beta), view);
        for i in 0..m {
            let row = i * (n + gap)..i * (n + gap) + n;
            assert_allclose(&c[row.clone()], &expected[row], 0.0, tolerance * (k + 1) as f64);
            for at in i * (n + gap) + n..(i + 1) * (n + gap) {
                let (now, before) = (c[at].to_f64(), expected[at]);
                assert!(now == before || now.is_nan() && before.is_nan(), "wrote between the rows");
            }
        }
    });
}

#[test]
fn gemm_matches_the_naive_product() {
    check_gemm::<f64>(1e-15);
    check_gemm::<f32>(3e-7);
}
