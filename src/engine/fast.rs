//! The fast engine: blocked maps, direct or Winograd convolutions, SIMD chosen at run time, f32.
//!
//! Only the maps that taps read are kept; every other map lives in one of two buffers in turn and leaves one
//! bit an element behind: the gate through which its gradient will come back.

use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::packed::{Inner, PackedNetwork};
use super::reference::unmap_colours;
use super::{Engine, LayerTime, Moments, Order, Products, Region, Seed};
use crate::kernels::blocked::map::{Buffer, Layout, Vector, ZERO, fill_border, unpack};
use crate::kernels::blocked::mirror::Strips;
use crate::kernels::blocked::pack::Packed;
use crate::kernels::blocked::pool::{Pooled, Unpooled};
use crate::kernels::blocked::scratch::Pool;
use crate::kernels::blocked::sink::{Gate, InMemory, Rectify, Return, Shared, Source};
use crate::kernels::blocked::{direct, gram, pool, winograd};
use crate::kernels::simd::{Isa, LANES};
use crate::network::plan::Plan;
use crate::network::{self, Stage};
use crate::tensor::{Padding, PositionWeights, Shape};

/// The maps of one convolution that outlive the forward pass.
#[derive(Default)]
struct Kept {
    /// The rectified output, where a tap reads it.
    rectified: Option<Buffer>,
    /// The output before the ReLU, where a tap reads it.
    linear: Option<Buffer>,
    /// Where the gradient may pass: through the ReLU, and the pooling behind it if there is one.
    gates: Vec<u16>,
}

impl Kept {
    /// Whether no tap reads this convolution.
    fn is_empty(&self) -> bool {
        self.rectified.is_none() && self.linear.is_none()
    }
}

/// What the backward pass fills besides maps.
#[derive(Default)]
struct Border {
    /// What mirrored borders send back.
    strips: Strips,
    /// The gradient of the colour-mapped picture, 3×H×W.
    mapped: Vec<f32>,
}

/// See the module's text.
pub struct Fast {
    plan: Plan,
    weights: Arc<PackedNetwork>,
    isa: Isa,
    picture: direct::Planes,
    kept: Vec<Kept>,
    /// Where maps and gradients pass through.
    working: [Buffer; 2],
    /// F₀ of each tap.
    remembered: Vec<Option<Buffer>>,
    border: Border,
    gram_sums: Vec<f32>,
    scratch: Pool,
    /// Empty unless profiling.
    times: Vec<LayerTime>,
}

impl Fast {
    /// An engine for `plan` with weights packed for its network.
    pub fn new(plan: Plan, weights: Arc<PackedNetwork>, isa: Isa) -> Self {
        let network = plan.network().clone();
        let tapped = |at: usize, stage: Stage| {
            let layout = Layout::new(plan.shape(at));
            let wanted = |tap: &network::Layer| tap.stage == stage && network.position(*tap) == Some(at);
            plan.taps().iter().any(wanted).then(|| {
                let mut buffer = Buffer::default();
                buffer.reserve(&layout);
                buffer
            })
        };
        let kept: Vec<Kept> = (0..plan.depth())
            .map(|at| {
                let pooled = at + 1 < plan.depth() && plan.pools_before(at + 1);
                let rectified = tapped(at, Stage::Relu);
                let layout = Layout::new(plan.shape(at));
                let gated = pooled || rectified.is_none();
                let gates = vec![0; if gated { layout.blocks * layout.shape.positions() } else { 0 }];
                Kept { rectified, linear: tapped(at, Stage::Conv), gates }
            })
            .collect();
        let remembered = plan.taps().iter().map(|_| None).collect();
        Self {
            picture: direct::Planes::new(plan.picture()),
            border: Border { strips: Strips::default(), mapped: vec![0.0; plan.picture().len()] },
            plan,
            weights,
            isa,
            kept,
            working: Default::default(),
            remembered,
            gram_sums: Vec::new(),
            scratch: Pool::default(),
            times: Vec::new(),
        }
    }

    /// The map that a tap reads, with its layout.
    fn tapped(&self, tap: usize) -> (&[Vector], Layout) {
        let layer = self.plan.taps()[tap];
        let kept = &self.kept[self.plan.network().position(layer).expect("taps exist in the network")];
        let buffer = match layer.stage {
            Stage::Conv => &kept.linear,
            Stage::Relu => &kept.rectified,
        };
        let layout = Layout::new(self.plan.tap_shape(tap));
        (buffer.as_ref().expect("tapped maps are kept").map(&layout), layout)
    }

    /// The tap at convolution `at` on one side of its ReLU.
    fn tap_at(&self, at: usize, stage: Stage) -> Option<usize> {
        let network = self.plan.network();
        self.plan.taps().iter().position(|tap| tap.stage == stage && network.position(*tap) == Some(at))
    }

    /// The time, if profiling.
    fn clock(&self) -> Option<Instant> {
        (!self.times.is_empty()).then(Instant::now)
    }

    /// Writes the colour-mapped picture with its border.
    fn load(&mut self, rgb: &[f32]) {
        let (shape, row, plane) = (self.plan.picture(), self.picture.row(), self.picture.plane());
        let (height, width, positions) = (shape.height, shape.width, shape.positions());
        assert_eq!(rgb.len(), shape.len(), "picture length");
        let (network, padding) = (self.plan.network(), self.plan.network().padding());
        self.picture.data[..3 * plane].par_chunks_exact_mut(plane).enumerate().for_each(|(c, plane)| {
            let w = &network.input_weight()[3 * c..][..3];
            for y in 0..height {
                let line = &mut plane[(y + 1) * row..][..row];
                for x in 0..width {
                    let at = y * width + x;
                    let mapped = w[0] * rgb[at] + w[1] * rgb[positions + at] + w[2] * rgb[2 * positions + at];
                    line[x + 1] = mapped + network.input_bias()[c];
                }
                (line[0], line[width + 1]) = match padding {
                    Padding::Zeros => (0.0, 0.0),
                    Padding::Reflect => (line[2], line[width - 1]),
                };
            }
            for (border, from) in [(0, 2), (height + 1, height.saturating_sub(1))] {
                match padding {
                    Padding::Zeros => plane[border * row..][..row].fill(0.0),
                    Padding::Reflect => plane.copy_within(from * row..(from + 1) * row, border * row),
                }
            }
        });
    }

    /// Carries the gradient of convolution `at`'s output, given by `source` (and lying in `here`, unless the
    /// convolution is Winograd's), to its input's in `below`, or to the colour-mapped picture's.
    fn descend<I: Source>(
        &self,
        at: usize,
        source: &I,
        here: &Buffer,
        below: &mut Buffer,
        border: &mut Border,
        seeds: &Packs<'_>,
    ) {
        let weights = self.weights.clone();
        let layout = Layout::new(self.plan.shape(at));
        let mirrored = weights.mirrored(at);
        if let Some(mirrored) = mirrored {
            border.strips.compute(self.isa, source, &layout, mirrored, &self.scratch);
        }
        let strips = mirrored.is_some().then_some(&border.strips);
        let Some(inner) = weights.inner(at, layout.shape) else {
            direct::return_first(self.isa, here.map(&layout), &layout, &weights.last, &mut border.mapped);
            if let Some(strips) = strips {
                strips.add_plain(&mut border.mapped);
            }
            return;
        };
        let into = Layout::new(self.plan.input_shape(at));
        below.reserve(&into);
        let kept = &self.kept[at - 1];
        let gate = match &kept.rectified {
            // Pooling and ReLU share their gates, which open when the gradient is spread.
            _ if self.plan.pools_before(at) => Gate::Open,
            Some(buffer) => Gate::Map(buffer.map(&into)),
            None => Gate::Bits(&kept.gates),
        };
        let seeds = if self.plan.pools_before(at) { Vec::new() } else { self.seeds(at - 1, seeds) };
        let sink =
            Return { layout: into, output: Shared::new(below.map_mut(&into)), gate, strips, seeds: &seeds };
        match inner {
            Inner::Direct { backward, .. } => {
                direct::convolve(self.isa, here.map(&layout), &layout, backward, &sink);
            }
            Inner::Winograd { backward, .. } => {
                winograd::convolve(self.isa, source, &layout, backward, &sink, &self.scratch);
            }
        }
    }

    /// What the losses add to the gradient of convolution `at`'s output, in front of its ReLU (for `relu`, through
    /// its gate) and behind it (for `conv`).
    fn seeds<'a>(&'a self, at: usize, packs: &Packs<'a>) -> Vec<gram::Seeds<'a>> {
        let taps = [Stage::Relu, Stage::Conv].into_iter().filter_map(|stage| self.tap_at(at, stage));
        taps.filter_map(|tap| {
            let (seed, derivative) = (&packs.seeds[tap], packs.derivatives[tap].as_ref());
            let (map, layout) = self.tapped(tap);
            let content = seed.fixed.map(|fixed| {
                let u = fixed.common().filter(|u| u.map.is_none()).expect("not yet: factors by position");
                let target = self.remembered[tap].as_ref().expect("content taps are remembered");
                (u.scale as f32, target.map(&layout))
            });
            let gate = match self.plan.taps()[tap].stage {
                Stage::Relu => Gate::Map(map),
                Stage::Conv => Gate::Open,
            };
            let any = derivative.is_some() || content.is_some();
            any.then_some(gram::Seeds { map, layout, derivative, content, gate })
        })
        .collect()
    }
}

/// The losses' seeds with the derivatives by the Gram matrices as kernels want them, one each a tap.
struct Packs<'a> {
    seeds: &'a [Seed<'a>],
    derivatives: &'a [Option<Packed>],
}

impl Engine for Fast {
    type Scalar = f32;

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn forward(&mut self, rgb: &[f32]) {
        self.load(rgb);
        let network = self.plan.network().clone();
        let weights = self.weights.clone();
        // The map that the next convolution reads: in a working buffer, or kept by the level above.
        let mut current: Option<usize> = None;
        for at in 0..self.plan.depth() {
            let begin = self.clock();
            let layout = Layout::new(self.plan.shape(at));
            let (bias, inner) = (weights.bias(at), weights.inner(at, layout.shape));
            let mut kept = std::mem::take(&mut self.kept[at]);
            let spare = current.map_or(0, |used| 1 - used);
            let mut free = std::mem::take(&mut self.working[spare]);
            let from = Layout::new(self.plan.input_shape(at));
            let pooled = (at + 1 < self.plan.depth() && self.plan.pools_before(at + 1))
                .then(|| Layout::new(self.plan.input_shape(at + 1)));
            let input = || match current {
                Some(used) => self.working[used].map(&from),
                None => self.kept[at - 1].rectified.as_ref().expect("kept above").map(&from),
            };
            let isa = self.isa;
            if let (Some(out), Some(Inner::Winograd { forward, .. }), None, None) =
                (pooled, inner, &kept.rectified, &kept.linear)
            {
                free.reserve(&out);
                let sink = Pooled {
                    layout,
                    bias,
                    pooling: network.pooling(),
                    out,
                    output: Shared::new(free.map_mut(&out)),
                    gates: Shared::new(&mut kept.gates),
                };
                winograd::convolve(isa, &InMemory::new(input(), from), &from, forward, &sink, &self.scratch);
                fill_border(free.map_mut(&out), &out, network.padding());
                self.working[spare] = free;
                self.kept[at] = kept;
                current = Some(spare);
                if let Some(begin) = begin {
                    self.times[at].forward += begin.elapsed().as_secs_f64();
                }
                continue;
            }
            let gated = pooled.is_none() && kept.rectified.is_none();
            let output = kept.rectified.as_mut().unwrap_or_else(|| {
                free.reserve(&layout);
                &mut free
            });
            let sink = Rectify {
                layout,
                bias,
                linear: kept.linear.as_mut().map(|buffer| Shared::new(buffer.map_mut(&layout))),
                output: Shared::new(output.map_mut(&layout)),
                gate: gated.then(|| Shared::new(&mut kept.gates)),
            };
            match inner {
                None => direct::convolve_first(isa, &self.picture, &weights.first, &sink),
                Some(Inner::Direct { forward, .. }) => direct::convolve(isa, input(), &from, forward, &sink),
                Some(Inner::Winograd { forward, .. }) => {
                    let input = InMemory::new(input(), from);
                    winograd::convolve(isa, &input, &from, forward, &sink, &self.scratch);
                }
            }
            if pooled.is_none() && at + 1 < self.plan.depth() {
                fill_border(output.map_mut(&layout), &layout, network.padding());
            }
            let in_spare = kept.rectified.is_none();
            self.working[spare] = free;
            current = in_spare.then_some(spare);
            if let Some(out) = pooled {
                let target = current.map_or(0, |used| 1 - used);
                let mut small = std::mem::take(&mut self.working[target]);
                small.reserve(&out);
                let large = kept.rectified.as_ref().unwrap_or(&self.working[spare]).map(&layout);
                let pooling = network.pooling();
                pool::forward(isa, large, &layout, pooling, small.map_mut(&out), &out, &mut kept.gates);
                fill_border(small.map_mut(&out), &out, network.padding());
                self.working[target] = small;
                current = Some(target);
            }
            self.kept[at] = kept;
            if let Some(begin) = begin {
                self.times[at].forward += begin.elapsed().as_secs_f64();
            }
        }
    }

    fn moments(&mut self, tap: usize, region: Region<'_>, order: Order, output: &mut Moments) {
        assert!(region.window.is_none() && region.weights.is_none(), "not yet: parts of a map");
        assert!(order == Order::Second, "not yet: first moments");
        let begin = self.clock();
        let mut sums = std::mem::take(&mut self.gram_sums);
        let (map, layout) = self.tapped(tap);
        gram::forward(self.isa, map, &layout, &mut sums, &mut output.second);
        output.first.fill(0.0);
        output.mass = region.mass(layout.shape);
        self.gram_sums = sums;
        if let Some(begin) = begin {
            let at = self.plan.network().position(self.plan.taps()[tap]).expect("taps exist in the network");
            self.times[at].moments += begin.elapsed().as_secs_f64();
        }
    }

    fn remember(&mut self, tap: usize) {
        let mut buffer = self.remembered[tap].take().unwrap_or_default();
        let (map, layout) = self.tapped(tap);
        buffer.reserve(&layout);
        buffer.map_mut(&layout).copy_from_slice(map);
        self.remembered[tap] = Some(buffer);
    }

    fn set_target(&mut self, tap: usize, map: ArrayView3<'_, f32>) {
        let layout = Layout::new(self.plan.tap_shape(tap));
        let shape = layout.shape;
        assert_eq!(map.dim(), (shape.channels, shape.height, shape.width), "a map of another tap");
        let buffer = self.remembered[tap].get_or_insert_default();
        buffer.reserve(&layout);
        crate::kernels::blocked::map::pack(
            map.as_standard_layout().as_slice().expect("standard"),
            buffer.map_mut(&layout),
            &layout,
        );
    }

    fn products(&mut self, _: usize, _: &mut Products) {
        unimplemented!("not yet: products");
    }

    fn distance(&mut self, tap: usize, weights: Option<&PositionWeights>) -> (f64, f64) {
        assert!(weights.is_none(), "not yet: weighted distances");
        let (map, layout) = self.tapped(tap);
        let target = self.remembered[tap].as_ref().expect("the tap was remembered").map(&layout);
        let rows: Vec<(f64, f64)> = (0..layout.blocks * layout.shape.height)
            .into_par_iter()
            .map(|row| {
                let at = layout.inside(row / layout.shape.height, row % layout.shape.height, 0);
                let line = at..at + layout.shape.width;
                let pairs = map[line.clone()].iter().zip(&target[line]);
                pairs.fold((0.0, 0.0), |mut sum, (a, b)| {
                    let mut lanes = [0.0f64; 2];
                    for lane in 0..LANES {
                        let difference = f64::from(a.0[lane]) - f64::from(b.0[lane]);
                        lanes[0] += difference * difference;
                        lanes[1] += f64::from(b.0[lane]) * f64::from(b.0[lane]);
                    }
                    sum.0 += lanes[0];
                    sum.1 += lanes[1];
                    sum
                })
            })
            .collect();
        rows.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
    }

    fn features(&self, tap: usize) -> Array3<f32> {
        let (map, layout) = self.tapped(tap);
        let Shape { channels, height, width } = layout.shape;
        Array3::from_shape_vec((channels, height, width), unpack(map, &layout))
            .expect("a map fills its shape")
    }

    fn backward(&mut self, seeds: &[Seed], gradient: &mut [f32]) {
        assert_eq!(seeds.len(), self.plan.taps().len(), "one seed per tap");
        let network = self.plan.network().clone();
        let weights = self.weights.clone();
        let mut border = std::mem::take(&mut self.border);
        let [mut here, mut other] = std::mem::take(&mut self.working);
        let pack = |(tap, seed): (usize, &Seed)| {
            assert!(seed.affine.len() <= 1, "not yet: regions");
            seed.affine.first().map(|part| {
                assert!(part.weights.is_none() && part.offset.is_none(), "not yet: weights and offsets");
                gram::pack(part.matrix.expect("a matrix"), self.plan.tap_shape(tap).channels)
            })
        };
        let derivatives: Vec<_> = seeds.iter().enumerate().map(pack).collect();
        let packs = Packs { seeds, derivatives: &derivatives };
        let depth = self.plan.depth();
        let top = Layout::new(self.plan.shape(depth - 1));
        here.reserve(&top);
        here.map_mut(&top).par_chunks_mut(1 << 12).for_each(|part| part.fill(ZERO));
        self.seeds(depth - 1, &packs).iter().for_each(|seeds| seeds.sow(self.isa, here.map_mut(&top)));
        // Whether `here` holds the gradient of the map behind the pooling that follows level `at`.
        let mut behind_pooling = false;
        for at in (0..depth).rev() {
            let begin = self.clock();
            let layout = Layout::new(self.plan.shape(at));
            let winograd = matches!(weights.inner(at, layout.shape), Some(Inner::Winograd { .. }));
            let lazy = behind_pooling && winograd && self.kept[at].is_empty();
            if lazy {
                let out = Layout::new(self.plan.input_shape(at + 1));
                let gates = &self.kept[at].gates;
                let source = Unpooled::new(here.map(&out), out, network.pooling(), gates, layout);
                self.descend(at, &source, &here, &mut other, &mut border, &packs);
            } else {
                if behind_pooling {
                    let out = Layout::new(self.plan.input_shape(at + 1));
                    other.reserve(&layout);
                    let (gates, to, seeds) =
                        (&self.kept[at].gates, other.map_mut(&layout), self.seeds(at, &packs));
                    let small = here.map(&out);
                    pool::backward(self.isa, small, &out, network.pooling(), gates, to, &layout, &seeds);
                    std::mem::swap(&mut here, &mut other);
                }
                fill_border(here.map_mut(&layout), &layout, Padding::Zeros);
                let source = InMemory::new(here.map(&layout), layout);
                self.descend(at, &source, &here, &mut other, &mut border, &packs);
            }
            std::mem::swap(&mut here, &mut other);
            behind_pooling = self.plan.pools_before(at);
            if let Some(begin) = begin {
                self.times[at].backward += begin.elapsed().as_secs_f64();
            }
        }
        unmap_colours(network.input_weight(), &border.mapped, gradient);
        self.border = border;
        // Each buffer keeps its part in the next evaluation, or both would grow to the larger size.
        self.working = if depth.is_multiple_of(2) { [here, other] } else { [other, here] };
    }

    fn profile(&mut self, on: bool) {
        let count = if on { self.plan.depth() } else { 0 };
        let time = |at| {
            let (inputs, shape) = (self.plan.input_shape(at).channels, self.plan.shape(at));
            let inner = self.weights.inner(at, shape);
            let products = inner.map_or(9 * shape.positions(), |inner| inner.products(shape));
            // Forward and backward, a multiplication and an addition each.
            let flops = 4.0 * (products * inputs * shape.channels) as f64;
            LayerTime { algorithm: inner.map_or("first", Inner::name), flops, ..LayerTime::default() }
        };
        self.times = (0..count).map(time).collect();
    }

    fn times(&self) -> &[LayerTime] {
        &self.times
    }
}
