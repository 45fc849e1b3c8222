//! No allocation inside an evaluation after the first: every allocation of this test's process is counted.
#![allow(unsafe_code)] // `GlobalAlloc` is an unsafe trait

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{PADDINGS, Rng, layers};
use impasto::internals::engine::Tiling;
use impasto::internals::engine::backend::Backend;
use impasto::internals::engine::tiles::Tiles;
use impasto::internals::loss::objective::{ContentPicture, Objective, StyleRegion};
use impasto::internals::loss::targets::measure;
use impasto::internals::loss::{Losses, Normalisation, StyleStatistic};
use impasto::internals::network::plan::Plan;
use impasto::internals::tensor::{PositionWeights, Shape};
use impasto::{Layer, Network, Pooling};

/// The system's allocator, counting.
struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
/// `ALLOCATIONS=1` shows where the first one was.
static TRACE: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicUsize = AtomicUsize::new(0);

fn note(bytes: usize) {
    if ON.load(Ordering::Relaxed) {
        BYTES.fetch_add(bytes, Ordering::Relaxed);
        if TRACE.load(Ordering::Relaxed) && ON.swap(false, Ordering::Relaxed) {
            eprintln!("{}", Backtrace::force_capture());
        }
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that the third of three runs takes, on two threads.
fn third(mut run: impl FnMut() + Send) -> usize {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| {
        run();
        run();
        BYTES.store(0, Ordering::Relaxed);
        ON.store(true, Ordering::Relaxed);
        run();
        ON.store(false, Ordering::Relaxed);
        BYTES.load(Ordering::Relaxed)
    })
}

/// Everything stands in one test: tests side by side would count each other's.
#[test]
fn the_third_evaluation_allocates_nothing() {
    TRACE.store(std::env::var_os("ALLOCATIONS").is_some(), Ordering::Relaxed);
    let taken = third(|| drop(std::hint::black_box(vec![0u8; 100])));
    assert_eq!(taken, 100, "allocations are counted");
    for padding in PADDINGS {
        let network = common::network(1, &[&[16, 20], &[24, 24], &[8]], Pooling::Max, padding);
        for algorithm in ["auto", "direct", "winograd4", "winograd6"] {
            for statistic in [StyleStatistic::Gram, StyleStatistic::Covariance] {
                for (masked, tiles) in [(false, (1, 1)), (true, (1, 1)), (false, (2, 1)), (true, (1, 2))] {
                    let what = format!("{algorithm}, {padding}, {statistic:?}, masks: {masked}, {tiles:?}");
                    assert_eq!(evaluation(&network, algorithm, statistic, masked, tiles), 0, "{what}");
                }
            }
        }
    }
}

/// Bytes that the third evaluation of a whole objective takes.
fn evaluation(
    network: &Arc<Network>,
    algorithm: &str,
    statistic: StyleStatistic,
    masked: bool,
    tiles: (usize, usize),
) -> usize {
    // Where tiles wrap, poolings must halve a side evenly.
    const ODD: (usize, usize) = (45, 38);
    const EVEN: (usize, usize) = (64, 64);
    let size = if tiles == (1, 1) { ODD } else { EVEN };
    let mut rng = Rng::new(2);
    let backend = Backend::new(network.clone(), algorithm.parse().unwrap(), None).unwrap();
    let losses = Losses {
        normalisation: Normalisation::Relative,
        statistic,
        content_weight: 1.0,
        style_weight: 10.0,
        tv_weight: 0.1,
        range_weight: 1.0,
        content_layers: layers("conv2_2"),
        style_layers: layers("relu1_1,relu1_2,relu2_1,relu3_1"),
        terms: Vec::new(),
    };
    let losses = losses.normalised().unwrap();
    let engine = || backend.engine(size.0, size.1, &losses.taps()).unwrap();
    let plan = Plan::new(network.clone(), size.0, size.1, &losses.taps()).unwrap();
    let tiling = Tiling::new(&plan, tiles).unwrap();
    let Shape { height, width, .. } = tiling.tile().picture();
    let tiles = Tiles::new(backend.engine(height, width, &losses.taps()).unwrap(), tiling);
    let [picture, content, style] = [(); 3].map(|()| rng.values::<f32>(3 * size.0 * size.1, 0.0, 1.0));
    let style_layers: Vec<Layer> = losses.style_layers.iter().map(|&(layer, _)| layer).collect();
    let targets = || measure(&mut engine(), &style, &style_layers, statistic.order(), None);
    // Half of the map each.
    let half = |layer: Layer, left: bool| {
        let plan = Plan::new(network.clone(), size.0, size.1, &[layer]).unwrap();
        let Shape { height, width, .. } = plan.tap_shape(0);
        let inside = |at: usize| if (at % width < width / 2) == left { 1.0 } else { 0.0 };
        PositionWeights::new(height, width, (0..height * width).map(inside).collect()).unwrap()
    };
    let [left, right] = [true, false].map(|left| move |layer: Layer| (half(layer, left), 0.5));
    let keep = |layer: Layer| half(layer, true);
    let region = |weights| StyleRegion { targets: targets(), weight: 1.0, weights };
    let styles =
        if masked { vec![region(Some(&left as _)), region(Some(&right as _))] } else { vec![region(None)] };
    let content = ContentPicture { rgb: &content, weights: masked.then_some(&keep as _) };
    let mut objective = Objective::in_tiles(tiles, &losses, Some(content), &styles).unwrap();
    let mut gradient = vec![0.0; picture.len()];
    third(|| {
        objective.evaluate(&picture, &mut gradient);
    })
}
