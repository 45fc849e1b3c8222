//! The fast engine: blocked maps, direct or Winograd convolutions, SIMD chosen at run time, f32.
//!
//! Only the maps that taps read are kept; every other map lives in one of two buffers in turn and leaves one
//! bit an element behind: the gate through which its gradient will come back. [`Steps`] says what lies where.

use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array3, ArrayView3};

use super::algorithm::Algorithm;
use super::packed::PackedNetwork;
use super::reference::unmap_colours;
use super::steps::{Place, PoolingStep, Step, Steps};
use super::{Engine, LayerTime, Moments, Order, Products, Region, Seed};
use crate::error::Result;
use crate::kernels::blocked::epilogue::Epilogue;
use crate::kernels::blocked::first::{self, Planes};
use crate::kernels::blocked::gate::{self, Gate};
use crate::kernels::blocked::map::{Buffer, Layout, Map};
use crate::kernels::blocked::mirror::Strips;
use crate::kernels::blocked::scratch::Pool;
use crate::kernels::blocked::source::{Source, Unpooled};
use crate::kernels::blocked::tap::{PackedAffine, TapGradient};
use crate::kernels::blocked::{direct, fixed, moments, pool, winograd};
use crate::kernels::simd::Level;
use crate::network::plan::Plan;
use crate::network::{Layer, Network};
use crate::tensor::{Padding, PositionWeights, Shape};

/// See the module's text.
pub struct Fast {
    steps: Steps,
    weights: Arc<PackedNetwork>,
    level: Level,
    picture: Planes,
    maps: Maps,
    /// F₀ of each tap.
    targets: Vec<Option<Buffer>>,
    /// What the losses send back into each tap, packed: one a region.
    affine: Vec<Vec<PackedAffine>>,
    /// What mirrored borders send back.
    strips: Strips,
    /// The gradient of the colour-mapped picture, 3×H×W.
    mapped: Vec<f32>,
    moment_sums: Vec<f32>,
    distance_sums: Vec<(f64, f64)>,
    scratch: Pool,
    /// Empty unless profiling.
    times: Vec<LayerTime>,
}

/// The maps of all steps.
struct Maps {
    kept: Vec<Kept>,
    /// Where maps and gradients pass through.
    working: [Buffer; 2],
}

/// What of one step outlives the forward pass.
#[derive(Default)]
struct Kept {
    /// The rectified output, where a tap reads it.
    rectified: Buffer,
    /// The output before the ReLU, where a tap reads it.
    linear: Buffer,
    /// Where the gradient may pass: through the ReLU, and the pooling behind it if there is one.
    gates: Vec<u16>,
}

impl Maps {
    fn at(&mut self, place: Place) -> &mut Buffer {
        match place {
            Place::Working(buffer) => &mut self.working[buffer],
            Place::Kept(step) => &mut self.kept[step].rectified,
        }
    }

    fn map(&self, place: Place, shape: Shape) -> Map<'_> {
        let buffer = match place {
            Place::Working(buffer) => &self.working[buffer],
            Place::Kept(step) => &self.kept[step].rectified,
        };
        buffer.map(&Layout::new(shape))
    }
}

impl Fast {
    /// An engine for a 3×`height`×`width` picture that keeps `taps` of the network that was packed.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn new(
        weights: Arc<PackedNetwork>,
        height: usize,
        width: usize,
        taps: &[Layer],
        level: Level,
    ) -> Result<Self> {
        let plan = Plan::new(weights.network().clone(), height, width, taps)?;
        let steps = Steps::new(plan, weights.choice());
        let kept = |step: &Step| {
            let map = |tap: Option<usize>| {
                let mut buffer = Buffer::default();
                if tap.is_some() {
                    buffer.reserve(&Layout::new(step.output));
                }
                buffer
            };
            let words = if step.has_gates() { gate::words(step.output) } else { 0 };
            Kept { rectified: map(step.taps.rectified), linear: map(step.taps.linear), gates: vec![0; words] }
        };
        let maps = Maps { kept: steps.list().iter().map(kept).collect(), working: Default::default() };
        let taps = steps.plan().taps();
        Ok(Self {
            picture: Planes::new(height, width),
            maps,
            targets: taps.iter().map(|_| None).collect(),
            affine: taps.iter().map(|_| Vec::new()).collect(),
            strips: Strips::default(),
            mapped: vec![0.0; steps.plan().picture().len()],
            moment_sums: Vec::new(),
            distance_sums: Vec::new(),
            scratch: Pool::default(),
            times: Vec::new(),
            steps,
            weights,
            level,
        })
    }

    fn network(&self) -> &Network {
        self.steps.plan().network()
    }

    fn step(&self, at: usize) -> Step {
        self.steps.list()[at]
    }

    /// The map that a tap reads.
    fn tapped(&self, tap: usize) -> Map<'_> {
        let at = self.steps.of_tap(tap);
        let (step, kept) = (self.step(at), &self.maps.kept[at]);
        let buffer = if step.taps.rectified == Some(tap) { &kept.rectified } else { &kept.linear };
        buffer.map(&Layout::new(step.output))
    }

    /// F₀ of a tap.
    fn target(&self, tap: usize) -> Map<'_> {
        let plan = self.steps.plan();
        let Some(buffer) = &self.targets[tap] else {
            panic!("{} has nothing to be compared with", plan.taps()[tap]);
        };
        buffer.map(&Layout::new(plan.tap_shape(tap)))
    }

    /// Makes all room that an evaluation takes in one go, on the threads that it will run on.
    fn reserve(&mut self) {
        let threads = rayon::current_num_threads();
        self.scratch.reserve(threads, self.steps.room(threads));
        for (buffer, length) in self.maps.working.iter_mut().zip(self.steps.working()) {
            buffer.vectors_mut(length);
        }
    }

    /// The time, if profiling.
    fn clock(&self) -> Option<Instant> {
        (!self.times.is_empty()).then(Instant::now)
    }

    /// The forward pass of one step: convolution, bias, ReLU, pooling, borders.
    fn step_forward(&mut self, at: usize) {
        let (step, level, weights) = (self.step(at), self.level, self.weights.clone());
        let (pooling, padding) = (self.network().pooling(), self.network().padding());
        // Out of their places, to be written beside the map that is read.
        let mut output = std::mem::take(self.maps.at(step.writes));
        let mut linear = std::mem::take(&mut self.maps.kept[at].linear);
        let mut gates = std::mem::take(&mut self.maps.kept[at].gates);
        let (large, behind) = (Layout::new(step.output), Layout::new(step.behind()));
        let bias = weights.bias(at);
        let epilogue = if step.pooling == PoolingStep::InRegisters {
            Epilogue::pool(bias, pooling, step.output, output.map_mut(&behind), &mut gates)
        } else {
            let linear = step.taps.linear.map(|_| linear.map_mut(&large));
            // Where the pooling is apart, it makes the gates.
            let gates = (step.has_gates() && !step.spreads()).then_some(&mut gates[..]);
            Epilogue::rectify(bias, output.map_mut(&large), linear, gates)
        };
        let input = || self.maps.map(step.reads.expect("only the first step reads the picture"), step.input);
        match step.algorithm {
            Algorithm::First => first::convolve(level, &self.picture, weights.first(), epilogue),
            Algorithm::Direct => direct::convolve(level, input(), weights.direct(at), epilogue),
            Algorithm::Winograd(tile) => {
                let forward = &weights.winograd(at, tile).0;
                winograd::convolve(level, &Source::Map(input()), forward, epilogue, &self.scratch);
            }
            Algorithm::Im2col => unreachable!("the reference engine's"),
        }
        if step.spreads() {
            let mut small = std::mem::take(self.maps.at(step.leaves));
            pool::forward(level, output.map(&large), pooling, small.map_mut(&behind), &mut gates);
            *self.maps.at(step.leaves) = small;
        }
        *self.maps.at(step.writes) = output;
        self.maps.kept[at].linear = linear;
        self.maps.kept[at].gates = gates;
        if at + 1 < self.steps.list().len() {
            self.maps.at(step.leaves).map_mut(&behind).fill_border(padding);
        }
    }

    /// The backward pass of one step: carries the gradient of what it left to the gradient of its input.
    fn step_backward(&mut self, at: usize, seeds: &[Seed<'_>]) {
        let (step, pooling) = (self.step(at), self.network().pooling());
        let (behind, large) = (Layout::new(step.behind()), Layout::new(step.output));
        if step.pooling == PoolingStep::InRegisters {
            let buffer = std::mem::take(&mut self.maps.working[step.gradient]);
            let gates = std::mem::take(&mut self.maps.kept[at].gates);
            let source = Unpooled::new(buffer.map(&behind), pooling, &gates, step.output);
            self.convolve_back(at, &Source::Unpooled(source), seeds);
            self.maps.working[step.gradient] = buffer;
            self.maps.kept[at].gates = gates;
            return;
        }
        let gradient = if step.spreads() { 1 - step.gradient } else { step.gradient };
        let mut buffer = std::mem::take(&mut self.maps.working[gradient]);
        if step.spreads() {
            let small = self.maps.map(Place::Working(step.gradient), step.behind());
            let gates = &self.maps.kept[at].gates;
            self.with_tap_gradients(at, seeds, |taps| {
                pool::backward(self.level, small, pooling, gates, buffer.map_mut(&large), taps);
            });
        }
        // What mirrored borders send back comes as strips; what wrapped ones do, from the other side.
        buffer.map_mut(&large).fill_border(match self.network().padding() {
            Padding::Zeros | Padding::Reflect => Padding::Zeros,
            Padding::Wrap => Padding::Wrap,
        });
        self.convolve_back(at, &Source::Map(buffer.map(&large)), seeds);
        self.maps.working[gradient] = buffer;
    }

    /// The convolution of [`Fast::step_backward`], from the gradient of its output; also the gate of the ReLU before it, and
    /// what the losses add there.
    fn convolve_back(&mut self, at: usize, source: &Source<'_>, seeds: &[Seed<'_>]) {
        let (step, level, weights) = (self.step(at), self.level, self.weights.clone());
        let mut strips = std::mem::take(&mut self.strips);
        let mirrors = self.network().padding() == Padding::Reflect;
        if mirrors {
            strips.compute(level, source, weights.turned(at), &self.scratch);
        }
        if at == 0 {
            let Source::Map(gradient) = source else {
                unreachable!("the first step is not pooled in registers")
            };
            first::backward(level, *gradient, weights.last(), &mut self.mapped);
            if mirrors {
                strips.add_plain(&mut self.mapped);
            }
            self.strips = strips;
            return;
        }
        let mut below = std::mem::take(&mut self.maps.working[step.input_gradient()]);
        let into = Layout::new(step.input);
        let (above, kept) = (self.step(at - 1), &self.maps.kept[at - 1]);
        let pooled = above.pooling != PoolingStep::None;
        let gate = match above.taps.rectified {
            // Pooling and ReLU share their gates, which open when the gradient is spread.
            _ if pooled => Gate::OPEN,
            Some(_) => Gate::positive(kept.rectified.map(&into)),
            None => Gate::bits(&kept.gates, step.input),
        };
        let mirrored = mirrors.then_some(&strips);
        let mut convolve = |taps: &[TapGradient<'_>]| {
            let epilogue = Epilogue::backward(below.map_mut(&into), gate, mirrored, taps);
            match (step.algorithm, source) {
                (Algorithm::Winograd(tile), _) => {
                    let backward = &weights.winograd(at, tile).1;
                    winograd::convolve(level, source, backward, epilogue, &self.scratch);
                }
                (_, Source::Map(gradient)) => {
                    direct::convolve(level, *gradient, weights.turned(at), epilogue);
                }
                (_, Source::Unpooled(_)) => unreachable!("only Winograd's tiles are pooled in registers"),
            }
        };
        if pooled {
            convolve(&[])
        } else {
            self.with_tap_gradients(at - 1, seeds, convolve)
        }
        self.maps.working[step.input_gradient()] = below;
        self.strips = strips;
    }

    /// Calls `work` with what the losses add to the gradient of a step's output, in front of its ReLU (for a rectified tap,
    /// through its gate) and behind it.
    fn with_tap_gradients(&self, at: usize, seeds: &[Seed<'_>], work: impl FnOnce(&[TapGradient<'_>])) {
        let taps = self.step(at).taps;
        let gradient = |tap: Option<usize>| {
            let (tap, map) = tap.filter(|tap| !seeds[*tap].is_none()).map(|tap| (tap, self.tapped(tap)))?;
            let gate = if taps.rectified == Some(tap) { Gate::positive(map) } else { Gate::OPEN };
            let fixed = seeds[tap].fixed.map(|fixed| (fixed, self.target(tap)));
            Some(TapGradient::new(map, gate, seeds[tap].affine, &self.affine[tap], fixed))
        };
        match (gradient(taps.rectified), gradient(taps.linear)) {
            (Some(rectified), Some(linear)) => work(&[rectified, linear]),
            (Some(one), None) | (None, Some(one)) => work(&[one]),
            (None, None) => work(&[]),
        }
    }
}

impl Engine for Fast {
    type Scalar = f32;

    fn plan(&self) -> &Plan {
        self.steps.plan()
    }

    fn forward(&mut self, rgb: &[f32]) {
        self.reserve();
        let network = self.steps.plan().network();
        self.picture.fill(rgb, &network.input_weight(), &network.input_bias(), network.padding());
        for at in 0..self.steps.list().len() {
            let begin = self.clock();
            self.step_forward(at);
            if let Some(begin) = begin {
                self.times[at].forward += begin.elapsed().as_secs_f64();
            }
        }
    }

    fn moments(&mut self, tap: usize, region: Region<'_>, order: Order, output: &mut Moments) {
        let begin = self.clock();
        let mut sums = std::mem::take(&mut self.moment_sums);
        let map = self.tapped(tap);
        let window = region.window_of(map.shape());
        output.first.fill(0.0);
        let first = (order == Order::FirstAndSecond).then_some(&mut output.first[..]);
        moments::forward(self.level, map, &window, region.weights, &mut sums, &mut output.second, first);
        output.mass = region.mass(map.shape());
        self.moment_sums = sums;
        if let Some(begin) = begin {
            let at = self.steps.of_tap(tap);
            self.times[at].moments += begin.elapsed().as_secs_f64();
        }
    }

    fn remember(&mut self, tap: usize) {
        let mut buffer = self.targets[tap].take().unwrap_or_default();
        let map = self.tapped(tap);
        buffer.reserve(map.layout());
        buffer.map_mut(map.layout()).vectors_mut().copy_from_slice(map.vectors());
        self.targets[tap] = Some(buffer);
    }

    fn set_target(&mut self, tap: usize, map: ArrayView3<'_, f32>) {
        let shape = self.steps.plan().tap_shape(tap);
        assert_eq!(map.dim(), (shape.channels, shape.height, shape.width), "a map of another tap");
        let (layout, map) = (Layout::new(shape), map.as_standard_layout());
        let buffer = self.targets[tap].get_or_insert_default();
        buffer.reserve(&layout);
        buffer.map_mut(&layout).pack(map.as_slice().expect("in standard layout"));
    }

    fn distance(&mut self, tap: usize, weights: Option<&PositionWeights>) -> (f64, f64) {
        let mut sums = std::mem::take(&mut self.distance_sums);
        let result = fixed::distance(self.tapped(tap), self.target(tap), weights, &mut sums);
        self.distance_sums = sums;
        result
    }

    fn products(&mut self, tap: usize, output: &mut Products) {
        let (map, target) = (self.tapped(tap), self.target(tap));
        output.resize(map.shape().positions());
        fixed::products(map, target, &mut output.cross);
        fixed::products(map, map, &mut output.own);
        fixed::products(target, target, &mut output.target);
    }

    fn features(&self, tap: usize) -> Array3<f32> {
        let map = self.tapped(tap);
        let Shape { channels, height, width } = map.shape();
        Array3::from_shape_vec((channels, height, width), map.unpack()).expect("a map fills its shape")
    }

    fn backward(&mut self, seeds: &[Seed], gradient: &mut [f32]) {
        assert_eq!(seeds.len(), self.targets.len(), "one seed per tap");
        for (tap, seed) in seeds.iter().enumerate() {
            let shape = self.steps.plan().tap_shape(tap);
            seed.check(shape);
            let packed = &mut self.affine[tap];
            while packed.len() < seed.affine.len() {
                packed.push(PackedAffine::new(shape.channels));
            }
            seed.affine.iter().zip(packed).for_each(|(part, packed)| packed.set(part));
        }
        self.reserve();
        let last = self.steps.list().len() - 1;
        let (step, layout) = (self.step(last), Layout::new(self.step(last).output));
        let mut top = std::mem::take(&mut self.maps.working[step.gradient]);
        top.map_mut(&layout).clear();
        self.with_tap_gradients(last, seeds, |taps| {
            taps.iter().for_each(|tap| tap.add(self.level, top.map_mut(&layout)));
        });
        self.maps.working[step.gradient] = top;
        for at in (0..=last).rev() {
            let begin = self.clock();
            self.step_backward(at, seeds);
            if let Some(begin) = begin {
                self.times[at].backward += begin.elapsed().as_secs_f64();
            }
        }
        unmap_colours(&self.network().input_weight(), &self.mapped, gradient);
    }

    fn profile(&mut self, on: bool) {
        let count = if on { self.steps.list().len() } else { 0 };
        self.times = vec![LayerTime::default(); count];
    }

    fn times(&self) -> &[LayerTime] {
        &self.times
    }
}
