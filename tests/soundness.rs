//! Wrong calls that safe code can still write against the kernels and engines: each is refused by a panic, and none reads or
//! writes memory that it should not. `tools/sanitize.sh` runs these tests under AddressSanitizer too.
//!
//! What cannot be written any more needs no test: layouts, maps and instruction sets have private fields and checked
//! constructors; an epilogue is moved into its convolution, so that two threads never have one; sources and epilogues
//! are types, not traits to be implemented; an engine packs its own network.

mod common;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use common::{POOLINGS, Rng};
use impasto::internals::engine::backend::{Backend, BoxedEngine, ConvolutionAlgorithm};
use impasto::internals::engine::reference::Reference;
use impasto::internals::engine::{Affine, Engine, Fixed, Moments, Order, Products, Region, Seed};
use impasto::internals::kernels::blocked::epilogue::Epilogue;
use impasto::internals::kernels::blocked::first::{self, LastWeights, Planes};
use impasto::internals::kernels::blocked::gate::{self, Gate};
use impasto::internals::kernels::blocked::map::{Buffer, Layout, Map, MapMut};
use impasto::internals::kernels::blocked::mirror::Strips;
use impasto::internals::kernels::blocked::pack::{Packed, vectors};
use impasto::internals::kernels::blocked::scratch::Pool;
use impasto::internals::kernels::blocked::source::{Source, Unpooled};
use impasto::internals::kernels::blocked::tap::{PackedAffine, TapGradient};
use impasto::internals::kernels::blocked::winograd::{self, Tile};
use impasto::internals::kernels::blocked::{direct, fixed, moments, pool};
use impasto::internals::kernels::plain;
use impasto::internals::kernels::simd::{Isa, Level, ZERO};
use impasto::internals::network::plan::Plan;
use impasto::internals::tensor::{
    Factor, Padding, Pooling, PositionMap, PositionWeights, Scalar, Shape, Window,
};
use ndarray::Array3;

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Asserts that `work` panics; its text does not matter, that it ends does.
#[track_caller]
fn refused<T>(what: &str, work: impl FnOnce() -> T) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            // Threads of the pool have nothing to do but what may be refused.
            if !EXPECTED.get() && rayon::current_thread_index().is_none() {
                usual(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(false);
    assert!(result.is_err(), "was not refused: {what}");
}

const SHAPE: Shape = Shape::new(17, 9, 11);

fn buffer(shape: Shape) -> (Layout, Buffer) {
    let layout = Layout::new(shape);
    let mut buffer = Buffer::default();
    buffer.reserve(&layout);
    (layout, buffer)
}

/// Shapes that are like `SHAPE`, but another.
fn others() -> [Shape; 6] {
    let Shape { channels, height, width } = SHAPE;
    [
        Shape::new(channels, height, 40 * width),
        Shape::new(channels, 40 * height, width),
        Shape::new(16 * channels, height, width),
        Shape::new(1, height, width),
        Shape::new(channels, 1, width),
        Shape::new(channels, height, 1),
    ]
}

fn positions(shape: Shape) -> PositionMap {
    PositionMap::new(shape.height, shape.width, vec![1.0; shape.positions()]).unwrap()
}

fn weights(shape: Shape) -> PositionWeights {
    PositionWeights::new(shape.height, shape.width, vec![1.0; shape.positions()]).unwrap()
}

#[test]
fn an_instruction_set_that_is_missing_gives_no_right_to_run() {
    for (name, isa) in Isa::ALL {
        assert_eq!(isa.level().is_some(), isa.available(), "{name}");
        if let Some(level) = isa.level() {
            assert_eq!(level.isa(), isa);
        }
        let network = common::network(1, &[&[3]], Pooling::Max, Padding::Zeros);
        let backend = Backend::new(network, ConvolutionAlgorithm::Auto, Some(isa));
        assert_eq!(backend.is_ok(), isa.available(), "{name}");
    }
}

#[test]
fn maps_without_room_are_refused() {
    for shape in [
        Shape::new(0, 4, 4),
        Shape::new(4, 0, 4),
        Shape::new(4, 4, usize::MAX / 8),
        Shape::new(usize::MAX, 4, 4),
    ] {
        assert!(Layout::checked(shape).is_none());
        refused("an impossible layout", || Layout::new(shape));
    }
    let layout = Layout::new(SHAPE);
    let mut short = vec![ZERO; layout.len() - 1];
    refused("a short map", || Map::new(&short, layout));
    refused("a short map to write", || MapMut::new(&mut short, layout).shape());
    refused("a map of a buffer that was never reserved", || Buffer::default().map(&layout).shape());
    let (_, mut small) = buffer(Shape::new(3, 5, 5));
    refused("a map of a buffer for another", || small.map_mut(&layout).clear());
    let (layout, mut buffer) = buffer(SHAPE);
    refused("a plain map of another size", || buffer.map_mut(&layout).pack(&[0.0; 5]));
    let map = buffer.map(&layout);
    refused("a row outside", || map.line(0, SHAPE.height + 40));
    refused("a block outside", || map.line(9, 0));
    refused("padded coordinates outside", || map.from(1, usize::MAX / 2, 3).len());
    let thin = Layout::new(Shape::new(3, 1, 5));
    let mut one = Buffer::default();
    one.reserve(&thin);
    refused("a single row mirrored", || one.map_mut(&thin).fill_border(Padding::Reflect));
}

#[test]
fn convolutions_between_maps_that_do_not_fit_are_refused() {
    let level = Level::best();
    let (layout, input) = buffer(SHAPE);
    let outputs = 20;
    let weight = vec![0.5; outputs * SHAPE.channels * 9];
    let packed = direct::pack(&weight, outputs, SHAPE.channels);
    let (forward, _) = winograd::Weights::pair(&weight[..], outputs, SHAPE.channels, Tile::Six);
    let pool = Pool::default();
    let bias = vectors(&vec![0.0; outputs]);
    let right = SHAPE.with_channels(outputs);
    for other in
        others().map(|other| other.with_channels(if other.channels == 17 { outputs } else { other.channels }))
    {
        let (to, mut output) = buffer(other);
        let bias = vectors(&vec![0.0; other.channels]);
        refused("direct into another map", || {
            direct::convolve(
                level,
                input.map(&layout),
                &packed,
                Epilogue::rectify(&bias, output.map_mut(&to), None, None),
            );
        });
        refused("winograd into another map", || {
            let epilogue = Epilogue::rectify(&bias, output.map_mut(&to), None, None);
            winograd::convolve(level, &Source::Map(input.map(&layout)), &forward, epilogue, &pool);
        });
        refused("a gradient into another map", || {
            let epilogue = Epilogue::backward(output.map_mut(&to), Gate::OPEN, None, &[]);
            winograd::convolve(level, &Source::Map(input.map(&layout)), &forward, epilogue, &pool);
        });
    }
    for other in others() {
        let (from, input) = buffer(other);
        let (to, mut output) = buffer(right);
        refused("direct from another map", || {
            direct::convolve(
                level,
                input.map(&from),
                &packed,
                Epilogue::rectify(&bias, output.map_mut(&to), None, None),
            );
        });
        refused("winograd from another map", || {
            let epilogue = Epilogue::rectify(&bias, output.map_mut(&to), None, None);
            winograd::convolve(level, &Source::Map(input.map(&from)), &forward, epilogue, &pool);
        });
    }
    refused("weights of a wrong length", || direct::pack(&weight[1..], outputs, SHAPE.channels));
    refused("weights of a wrong length", || {
        winograd::Weights::pair(&weight[1..], outputs, SHAPE.channels, Tile::Four)
    });
    refused("the first layer's weights of a wrong length", || first::pack(&weight, outputs));
    refused("the last step's weights of a wrong length", || LastWeights::new(&weight, outputs));
    let four = Packed::new(SHAPE.channels, outputs, 4, |_, _, values| values.fill(1.0));
    let (to, mut output) = buffer(right);
    refused("weights with four taps", || {
        direct::convolve(
            level,
            input.map(&layout),
            &four,
            Epilogue::rectify(&bias, output.map_mut(&to), None, None),
        );
    });
    refused("weights of a slot or a group that is not there", || packed.part(9, (0, 1)).len());
    refused("weights of a slot or a group that is not there", || packed.part(8, (1, 5)).len());
}

#[test]
fn epilogues_of_parts_that_do_not_fit_are_refused() {
    let level = Level::best();
    let (layout, mut output) = buffer(SHAPE);
    let bias = vectors(&[0.0; SHAPE.channels]);
    let mut gates = vec![0; gate::words(SHAPE)];
    refused("too few biases", || Epilogue::rectify(&bias[1..], output.map_mut(&layout), None, None).shape());
    refused("no biases", || Epilogue::rectify(&[], output.map_mut(&layout), None, None).shape());
    refused("too few gates", || {
        Epilogue::rectify(&bias, output.map_mut(&layout), None, Some(&mut gates[1..])).shape()
    });
    let half = pool::pooled(SHAPE);
    let (small, mut pooled) = buffer(half);
    for other in others() {
        let (to, mut linear) = buffer(other);
        refused("two maps of two shapes", || {
            Epilogue::rectify(&bias, output.map_mut(&layout), Some(linear.map_mut(&to)), None).shape()
        });
        refused("gates of another map", || {
            let mut gates = vec![0; gate::words(other)];
            if gates.len() == gate::words(SHAPE) {
                panic!("as many");
            }
            Epilogue::rectify(&bias, output.map_mut(&layout), None, Some(&mut gates)).shape()
        });
        refused("half of another map", || {
            let mut gates = vec![0; gate::words(other)];
            let bias = vectors(&vec![0.0; other.channels]);
            Epilogue::pool(&bias, Pooling::Max, other, pooled.map_mut(&small), &mut gates).shape()
        });
        refused("a gate of another map", || {
            Epilogue::backward(output.map_mut(&layout), Gate::positive(linear.map(&to)), None, &[]).shape()
        });
        let bits = vec![0; gate::words(other)];
        refused("gates of another map", || {
            Epilogue::backward(output.map_mut(&layout), Gate::bits(&bits, other), None, &[]).shape()
        });
        let tap = TapGradient::new(
            linear.map(&to),
            Gate::OPEN,
            &[],
            &[],
            Some((Fixed::difference(1.0), linear.map(&to))),
        );
        refused("losses at another map", || {
            Epilogue::backward(output.map_mut(&layout), Gate::OPEN, None, &[tap]).shape()
        });
        refused("losses at another map", || tap.add(level, output.map_mut(&layout)));
    }
    refused("a gate with too few words", || Gate::bits(&gates[1..], SHAPE));
    refused("pooling with too few gates", || {
        Epilogue::pool(&bias, Pooling::Max, SHAPE, pooled.map_mut(&small), &mut gates[1..]).shape()
    });
    refused("pooling by a convolution without tiles", || {
        let packed = direct::pack(&vec![0.1; 17 * 17 * 9], 17, 17);
        let (from, input) = buffer(SHAPE);
        let epilogue = Epilogue::pool(&bias, Pooling::Max, SHAPE, pooled.map_mut(&small), &mut gates);
        direct::convolve(level, input.map(&from), &packed, epilogue);
    });
    refused("a border that was never computed", || {
        Epilogue::backward(output.map_mut(&layout), Gate::OPEN, Some(&Strips::default()), &[]).shape()
    });
}

#[test]
fn borders_of_other_maps_are_refused() {
    let (level, pool) = (Level::best(), Pool::default());
    let (layout, gradient) = buffer(SHAPE);
    let source = Source::Map(gradient.map(&layout));
    let turned = direct::pack(&vec![0.1; 5 * 17 * 9], 5, 17);
    let mut strips = Strips::default();
    strips.compute(level, &source, &turned, &pool);
    assert!(strips.fits(SHAPE.with_channels(5)));
    for other in others() {
        let (to, mut output) = buffer(other.with_channels(5));
        if other.with_channels(5) != SHAPE.with_channels(5) {
            refused("the border of another map", || {
                Epilogue::backward(output.map_mut(&to), Gate::OPEN, Some(&strips), &[]).shape()
            });
        }
    }
    refused("five channels added to three", || strips.add_plain(&mut vec![0.0; 3 * SHAPE.positions()]));
    refused("a border never computed", || Strips::default().add_plain(&mut [0.0; 3]));
    let other = direct::pack(&vec![0.1; 5 * 40 * 9], 5, 40);
    refused("weights of another layer", || strips.compute(level, &source, &other, &pool));
    let thin = Shape::new(17, 1, 8);
    let (layout, gradient) = buffer(thin);
    refused("nothing to mirror", || {
        strips.compute(level, &Source::Map(gradient.map(&layout)), &turned, &pool)
    });
}

#[test]
fn both_ends_of_the_network_refuse_what_does_not_fit() {
    let level = Level::best();
    let mut planes = Planes::new(9, 11);
    refused("an empty picture", || Planes::new(0, 4));
    refused("an endless picture", || Planes::new(usize::MAX, usize::MAX));
    let [weight, bias] = [[0.5; 9], [0.0; 9]];
    let bias = [bias[0], bias[1], bias[2]];
    refused("a short picture", || planes.fill(&[0.0; 296], &weight, &bias, Padding::Zeros));
    let mut thin = Planes::new(1, 4);
    refused("nothing to mirror", || thin.fill(&[0.0; 12], &weight, &bias, Padding::Reflect));
    let packed = first::pack(&[0.1; 17 * 27], 17);
    let wide = first::pack(&[0.1; 64 * 27], 64);
    let biases = vectors(&[0.0; 17]);
    let (layout, mut output) = buffer(SHAPE);
    refused("weights for more channels", || {
        let epilogue = Epilogue::rectify(&biases, output.map_mut(&layout), None, None);
        first::convolve(level, &planes, &wide, epilogue);
    });
    refused("another picture", || {
        let epilogue = Epilogue::rectify(&biases, output.map_mut(&layout), None, None);
        first::convolve(level, &Planes::new(5, 11), &packed, epilogue);
    });
    let last = LastWeights::new(&[0.1; 17 * 27], 17);
    refused("a short gradient of the picture", || {
        first::backward(level, output.map(&layout), &last, &mut vec![0.0; 3 * SHAPE.positions() - 1]);
    });
    let wide = LastWeights::new(&[0.1; 64 * 27], 64);
    refused("weights for more channels", || {
        first::backward(level, output.map(&layout), &wide, &mut vec![0.0; 3 * SHAPE.positions()]);
    });
}

#[test]
fn poolings_of_maps_that_do_not_fit_are_refused() {
    let level = Level::best();
    let half = pool::pooled(SHAPE);
    let ((layout, mut large), (small, mut pooled)) = (buffer(SHAPE), buffer(half));
    let mut gates = vec![0; gate::words(SHAPE)];
    for pooling in POOLINGS {
        refused("too few gates", || {
            pool::forward(level, large.map(&layout), pooling, pooled.map_mut(&small), &mut gates[1..]);
        });
        refused("too few gates", || {
            pool::backward(level, pooled.map(&small), pooling, &gates[1..], large.map_mut(&layout), &[]);
        });
        refused("too few gates", || Unpooled::new(pooled.map(&small), pooling, &gates[1..], SHAPE));
        for other in others() {
            let (from, mut map) = buffer(other);
            let mut words = vec![0; gate::words(other)];
            refused("half of another map", || {
                pool::forward(level, map.map(&from), pooling, pooled.map_mut(&small), &mut words);
            });
            refused("half of another map", || {
                pool::backward(level, pooled.map(&small), pooling, &words, map.map_mut(&from), &[]);
            });
            refused("half of another map", || Unpooled::new(pooled.map(&small), pooling, &words, other));
        }
    }
    let source = Source::Unpooled(Unpooled::new(pooled.map(&small), Pooling::Max, &gates, SHAPE));
    refused("outside the map", || source.vector(0, SHAPE.height, 0));
    refused("outside the map", || source.vector(0, usize::MAX, usize::MAX));
    refused("outside the map", || source.vector(5, 0, 0));
}

#[test]
fn moments_and_comparisons_of_other_maps_are_refused() {
    let level = Level::best();
    let (layout, features) = buffer(SHAPE);
    let (map, n) = (features.map(&layout), SHAPE.channels);
    let whole = Window::whole(SHAPE);
    let mut scratch = Vec::new();
    let (mut second, mut first) = (vec![0.0; n * n], vec![0.0; n]);
    refused("a short result", || {
        moments::forward(level, map, &whole, None, &mut scratch, &mut second[1..], None)
    });
    refused("a short result", || {
        moments::forward(level, map, &whole, None, &mut scratch, &mut second, Some(&mut first[1..]));
    });
    for (rows, columns) in [(0..10, 0..11), (0..9, 0..12), (usize::MAX - 1..usize::MAX, 0..1)] {
        let window = Window { rows, columns };
        refused("a window outside", || {
            moments::forward(level, map, &window, None, &mut scratch, &mut second, Some(&mut first));
        });
    }
    for other in others().into_iter().filter(|other| !positions(*other).fits(SHAPE)) {
        refused("weights of another map", || {
            let weights = weights(other);
            moments::forward(level, map, &whole, Some(&weights), &mut scratch, &mut second, None);
        });
        refused("weights of another map", || {
            fixed::distance(map, map, Some(&weights(other)), &mut Vec::new())
        });
        let wrong = Affine { weights: Some(&weights(other)), ..Affine::default() };
        refused("weights of another map", || {
            TapGradient::new(map, Gate::OPEN, &[wrong], &[PackedAffine::new(n)], None).shape()
        });
        let positions = positions(other);
        let factor = Factor { scale: 1.0, map: Some(&positions) };
        let wrong = Fixed { own: factor, target: Factor::constant(1.0) };
        refused("factors of another map", || TapGradient::new(map, Gate::OPEN, &[], &[], Some((wrong, map))));
    }
    for other in others() {
        let (to, buffer) = buffer(other);
        refused("two maps", || fixed::distance(map, buffer.map(&to), None, &mut Vec::new()));
        refused("two maps", || fixed::products(map, buffer.map(&to), &mut vec![0.0; SHAPE.positions()]));
        refused("F₀ of another map", || {
            TapGradient::new(map, Gate::OPEN, &[], &[], Some((Fixed::difference(1.0), buffer.map(&to))))
        });
        refused("a gate of another map", || {
            TapGradient::new(map, Gate::positive(buffer.map(&to)), &[], &[], None)
        });
    }
    refused("a short result", || fixed::products(map, map, &mut vec![0.0; SHAPE.positions() - 1]));
    let matrix = vec![0.0; n * n];
    let part = Affine { matrix: Some(&matrix), ..Affine::default() };
    refused("a part that was not packed", || TapGradient::new(map, Gate::OPEN, &[part], &[], None).shape());
    refused("a part packed for more channels", || {
        TapGradient::new(map, Gate::OPEN, &[part], &[PackedAffine::new(64)], None).shape()
    });
    refused("a matrix of another map", || PackedAffine::new(n + 1).set(&part));
    let offset = vec![0.0; n];
    refused("an offset of another map", || {
        PackedAffine::new(n + 1).set(&Affine { offset: Some(&offset), ..Affine::default() });
    });
    refused("a matrix that is not square", || direct::pack(&[0.0; 18], 2, 1).clone().set_square(&[0.0; 2]));
    // Packed, but not this part: what was packed has no D, and nothing is read that is not there.
    let mut packed = [PackedAffine::new(n)];
    packed[0].set(&Affine { offset: Some(&offset), ..Affine::default() });
    let (to, mut gradient) = buffer(SHAPE);
    TapGradient::new(map, Gate::OPEN, &[part], &packed, None).add(level, gradient.map_mut(&to));
}

#[test]
fn plain_kernels_refuse_wrong_lengths() {
    let shape = Shape::new(2, 4, 5);
    let (map, mut output) = (vec![0.5; shape.len()], vec![0.0; shape.len()]);
    let whole = Window::whole(shape);
    refused("conv", || plain::conv::forward(&map, shape, Padding::Zeros, &[0.1; 17], &[0.0], &mut [0.0; 20]));
    refused("conv", || {
        plain::conv::forward(&map[1..], shape, Padding::Zeros, &[0.1; 18], &[0.0], &mut [0.0; 20])
    });
    refused("conv", || plain::conv::forward(&map, shape, Padding::Zeros, &[0.1; 18], &[0.0], &mut [0.0; 19]));
    refused("conv back", || plain::conv::backward(&map, shape, Padding::Reflect, &[0.1; 18], 2, &mut output));
    refused("pool", || plain::pool::forward(&map, shape, Pooling::Max, &mut output));
    refused("relu", || plain::relu::backward(&map[1..], &mut output));
    refused("moments", || plain::moments::forward(&map, shape, &whole, None, &mut [0.0; 3], None));
    refused("moments", || {
        plain::moments::forward(&map, shape, &whole, None, &mut [0.0; 4], Some(&mut [0.0; 1]))
    });
    refused("distance", || plain::fixed::distance(&map, &map[1..], shape, None));
    refused("products", || plain::fixed::products(&map, &map, shape, &mut [0.0; 19]));
    refused("fixed", || plain::fixed::backward(&Fixed::difference(1.0), &map, &map, shape, &mut output[1..]));
    let a = Array3::<f32>::zeros((2, 3, 4));
    let (b, mut c) = (a.clone(), a.clone());
    refused("gemm", || {
        let view = |index| a.index_axis(ndarray::Axis(0), index);
        let _ = b;
        plain::gemm::gemm(1.0, view(0), view(1), 0.0, c.index_axis_mut(ndarray::Axis(0), 0));
    });
}

/// Every engine with two taps of different sizes.
fn engines() -> Vec<BoxedEngine> {
    let network = common::network(5, &[&[4, 5], &[6]], Pooling::Max, Padding::Reflect);
    let taps = ["relu1_2", "conv2_1"].map(|name| name.parse().unwrap());
    let engine = |(_, algorithm, isa)| {
        Backend::new(network.clone(), algorithm, isa).unwrap().engine(12, 15, &taps).unwrap()
    };
    common::engines().into_iter().map(engine).collect()
}

#[test]
fn engines_refuse_what_belongs_to_another_tap_or_picture() {
    for mut engine in engines() {
        refuse_all(&mut engine);
    }
    let network = common::network(5, &[&[4, 5], &[6]], Pooling::Max, Padding::Reflect);
    let taps = ["relu1_2", "conv2_1"].map(|name| name.parse().unwrap());
    refuse_all(&mut Reference::<f64>::new(Plan::new(network, 12, 15, &taps).unwrap()));
}

fn refuse_all<E: Engine>(engine: &mut E) {
    let number = E::Scalar::from_f64(0.5);
    let rgb = vec![number; 3 * 12 * 15];
    refused("a short picture", || engine.forward(&rgb[1..]));
    refused("no picture", || engine.forward(&[]));
    engine.forward(&rgb);
    let shape = engine.plan().tap_shape(0);
    assert_eq!(shape, Shape::new(5, 12, 15));
    let mut moments = Moments::new(5);
    refused("a third tap", || engine.moments(2, Region::WHOLE, Order::Second, &mut moments));
    refused("moments of another tap", || engine.moments(1, Region::WHOLE, Order::Second, &mut moments));
    refused("moments of another tap", || {
        engine.moments(
            0,
            Region::WHOLE,
            Order::FirstAndSecond,
            &mut Moments { first: vec![0.0; 4], ..Moments::new(5) },
        );
    });
    let window = Window { rows: 3..13, columns: 0..15 };
    refused("a window outside", || {
        engine.moments(0, Region { window: Some(&window), weights: None }, Order::Second, &mut moments);
    });
    let other = weights(Shape::new(5, 6, 7));
    refused("weights of another tap", || {
        engine.moments(0, Region { window: None, weights: Some(&other) }, Order::Second, &mut moments);
    });
    refused("nothing to compare with", || engine.distance(0, None));
    refused("nothing to compare with", || engine.products(0, &mut Products::default()));
    refused("a map of another tap", || engine.set_target(1, Array3::from_elem((5, 12, 15), number).view()));
    refused("weights of another tap", || {
        engine.remember(0);
        engine.distance(0, Some(&other))
    });

    let mut gradient = vec![number; rgb.len()];
    let none = [Seed::NONE; 2];
    refused("one seed for two taps", || engine.backward(&none[1..], &mut gradient));
    refused("a short gradient", || engine.backward(&none, &mut gradient[1..]));
    let matrix = vec![0.1; 25];
    let wrong = [
        Affine { matrix: Some(&matrix[1..]), ..Affine::default() },
        Affine { offset: Some(&matrix), ..Affine::default() },
        Affine { weights: Some(&other), ..Affine::default() },
    ];
    for part in wrong {
        let affine = [part];
        refused("an affine seed of another tap", || {
            engine.backward(&[Seed { affine: &affine, fixed: None }, Seed::NONE], &mut gradient);
        });
    }
    let factor = Factor { scale: 1.0, map: Some(other.map()) };
    let wrong = Fixed { own: Factor::constant(1.0), target: factor };
    refused("factors of another tap", || {
        engine.backward(&[Seed { affine: &[], fixed: Some(wrong) }, Seed::NONE], &mut gradient);
    });
    refused("a seed that looks at nothing", || {
        let seed = Seed { affine: &[], fixed: Some(Fixed::difference(1.0)) };
        engine.backward(&[Seed::NONE, seed], &mut gradient);
    });
}

/// What a refused call leaves behind in an engine is whole: it goes on, or refuses to.
#[test]
fn an_engine_that_refused_is_no_danger() {
    let mut rng = Rng::new(9);
    for mut engine in engines() {
        let rgb: Vec<f32> = rng.values(3 * 12 * 15, 0.0, 1.0);
        let mut gradient = vec![0.0; rgb.len()];
        engine.forward(&rgb);
        let seed = Seed { affine: &[], fixed: Some(Fixed::difference(1.0)) };
        refused("a seed that looks at nothing", || engine.backward(&[seed, seed], &mut gradient));
        let again = catch_unwind(AssertUnwindSafe(|| {
            engine.forward(&rgb);
            engine.backward(&[Seed::NONE; 2], &mut gradient);
        }));
        if again.is_ok() {
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
    }
}
