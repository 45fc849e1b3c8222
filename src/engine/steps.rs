//! A plan lowered to the steps that an engine takes, once: by which algorithm each convolution is computed, on which
//! shapes, what is kept, and where maps and gradients lie in between. Engines walk the steps; whoever wants to know the
//! work or the memory of an evaluation asks them.

use super::algorithm::{Algorithm, ConvolutionAlgorithm};
use crate::kernels::blocked::map::Layout;
use crate::kernels::blocked::scratch::Room;
use crate::kernels::blocked::{mirror, winograd};
use crate::network::plan::Plan;
use crate::network::{Layer, Stage};
use crate::tensor::{Padding, Shape};

/// One convolution with its ReLU and the pooling behind it, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The convolution, as a layer before its ReLU.
    pub layer: Layer,
    /// What computes it.
    pub algorithm: Algorithm,
    /// The map that it reads.
    pub input: Shape,
    /// The map that it makes.
    pub output: Shape,
    /// The pooling between it and the next step.
    pub pooling: PoolingStep,
    /// The tap that reads the rectified output, and the one that reads it before the ReLU.
    pub taps: Taps,
    /// Where the map lies that it reads; `None` for the picture.
    pub(super) reads: Option<Place>,
    /// Where its rectified map goes, or the pooled one where that is all there is.
    pub(super) writes: Place,
    /// Where the next step reads.
    pub(super) leaves: Place,
    /// The working buffer with the gradient of what the step leaves.
    pub(super) gradient: usize,
}

/// How the pooling behind a convolution is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingStep {
    /// There is none.
    None,
    /// While the results are in registers; the large map never exists.
    InRegisters,
    /// From the large map.
    Apart,
}

/// The taps at one convolution, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taps {
    /// Behind the ReLU.
    pub rectified: Option<usize>,
    /// Before it.
    pub linear: Option<usize>,
}

/// Where a map lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In one of the two buffers that every map passes through that no tap reads.
    Working(usize),
    /// Kept by a step, since a tap reads it.
    Kept(usize),
}

impl Place {
    /// A working buffer that is not this place.
    fn other(self) -> usize {
        match self {
            Self::Working(used) => 1 - used,
            Self::Kept(_) => 0,
        }
    }
}

impl Step {
    /// The map behind the pooling, or the output where there is none.
    pub fn behind(&self) -> Shape {
        match self.pooling {
            PoolingStep::None => self.output,
            _ => Shape::new(self.output.channels, self.output.height / 2, self.output.width / 2),
        }
    }

    /// Whether bits are kept that say where the gradient may pass: the map itself is not there, or it was pooled.
    pub(super) fn has_gates(&self) -> bool {
        self.pooling != PoolingStep::None || self.taps.rectified.is_none()
    }

    /// Whether kernels are transformed when they are needed, for chunks of tiles that all threads share.
    fn transforms_in_use(&self) -> bool {
        match self.algorithm {
            Algorithm::Winograd(tile) => {
                winograd::transforms_in_use(self.output.channels, self.input.channels, tile)
            }
            _ => false,
        }
    }

    /// What computes it, as profiles print it: `winograd4` or `winograd6` by the tile, `-shared` behind it where kernels are
    /// transformed in use.
    pub fn algorithm_name(&self) -> &'static str {
        match (self.algorithm, self.transforms_in_use()) {
            (Algorithm::Im2col, _) => "im2col",
            (Algorithm::First, _) => "first",
            (Algorithm::Direct, _) => "direct",
            (Algorithm::Winograd(winograd::Tile::Four), false) => "winograd4",
            (Algorithm::Winograd(winograd::Tile::Four), true) => "winograd4-shared",
            (Algorithm::Winograd(winograd::Tile::Six), false) => "winograd6",
            (Algorithm::Winograd(winograd::Tile::Six), true) => "winograd6-shared",
        }
    }

    /// Multiplications and additions of the products that one evaluation makes, in both directions.
    pub fn flops(&self) -> f64 {
        let pairs = (self.input.channels * self.output.channels) as f64;
        4.0 * self.algorithm.products(self.output) as f64 * pairs
    }

    /// The same if it were computed directly.
    pub fn direct_flops(&self) -> f64 {
        let pairs = (self.input.channels * self.output.channels) as f64;
        36.0 * self.output.positions() as f64 * pairs
    }

    /// Bytes of the map that it reads and of the one that it leaves (the pooled one, where only that is stored), once in
    /// each direction.
    pub fn traffic(&self) -> f64 {
        let left = if self.pooling == PoolingStep::InRegisters { self.behind() } else { self.output };
        (2 * size_of::<f32>() * (self.input.len() + left.len())) as f64
    }

    /// Multiplications and additions of the second moments of its output: half of a symmetric product.
    pub fn moment_flops(&self) -> f64 {
        self.output.len() as f64 * self.output.channels as f64
    }

    /// The same of what a loss of them sends back, `D·F`.
    pub fn feedback_flops(&self) -> f64 {
        2.0 * self.moment_flops()
    }

    /// Lowers convolution `at` of a plan.
    fn lower(plan: &Plan, choice: ConvolutionAlgorithm, at: usize, reads: Option<Place>) -> Self {
        let (network, output) = (plan.network(), plan.shape(at));
        let algorithm = Algorithm::of(choice, at, output);
        let tap = |stage| {
            let here = |tap: &Layer| tap.stage == stage && network.position(*tap) == Some(at);
            plan.taps().iter().position(here)
        };
        let taps = Taps { rectified: tap(Stage::Relu), linear: tap(Stage::Conv) };
        // What is pooled in registers has a border of zeros on the way back.
        let in_tiles = matches!(algorithm, Algorithm::Winograd(_)) && network.padding() != Padding::Wrap;
        let pooling = match at + 1 < plan.depth() && plan.pools_before(at + 1) {
            false => PoolingStep::None,
            true if in_tiles && taps.rectified.is_none() && taps.linear.is_none() => PoolingStep::InRegisters,
            true => PoolingStep::Apart,
        };
        let spare = Place::Working(reads.map_or(0, Place::other));
        let writes = if taps.rectified.is_some() { Place::Kept(at) } else { spare };
        let leaves = if pooling == PoolingStep::Apart { Place::Working(writes.other()) } else { writes };
        let convolution = &network.convolutions()[at];
        let layer = Layer { block: convolution.block(), index: convolution.index(), stage: Stage::Conv };
        let input = plan.input_shape(at);
        Self { layer, algorithm, input, output, pooling, taps, reads, writes, leaves, gradient: 0 }
    }

    /// Whether its gradient is spread over the whole map before the convolution reads it, into the other working buffer;
    /// otherwise what reads it spreads it.
    pub(super) fn spreads(&self) -> bool {
        self.pooling == PoolingStep::Apart
    }

    /// The working buffer that the gradient of its input goes to.
    pub(super) fn input_gradient(&self) -> usize {
        if self.spreads() { self.gradient } else { 1 - self.gradient }
    }

    /// What lies in which working buffer at some time.
    fn passing(&self) -> impl Iterator<Item = (usize, Shape)> {
        let forward = [
            (self.writes, if self.spreads() { self.output } else { self.behind() }),
            (self.leaves, self.behind()),
        ];
        let forward = forward.into_iter().filter_map(|(place, shape)| match place {
            Place::Working(buffer) => Some((buffer, shape)),
            Place::Kept(_) => None,
        });
        let spread = self.spreads().then_some((1 - self.gradient, self.output));
        // The first step's goes to the picture.
        let input = self.reads.map(|_| (self.input_gradient(), self.input));
        forward.chain([(self.gradient, self.behind())]).chain(spread).chain(input)
    }
}

/// See the module's text.
#[derive(Debug, Clone)]
pub struct Steps {
    plan: Plan,
    list: Vec<Step>,
}

impl Steps {
    /// Lowers a plan.
    pub fn new(plan: Plan, choice: ConvolutionAlgorithm) -> Self {
        let mut list: Vec<Step> = Vec::with_capacity(plan.depth());
        for at in 0..plan.depth() {
            let reads = list.last().map(|step| step.leaves);
            list.push(Step::lower(&plan, choice, at, reads));
        }
        let mut steps = Self { plan, list };
        // Gradients and maps pass through the same buffers: they take less where the large ones meet in one.
        let mut bytes = [0; 2];
        for first in [0, 1] {
            steps.place_gradients(first);
            bytes[first] = steps.working().iter().sum();
        }
        steps.place_gradients(usize::from(bytes[1] < bytes[0]));
        steps
    }

    /// Places the gradients, that of the deepest step in the working buffer `first`.
    fn place_gradients(&mut self, first: usize) {
        let mut buffer = first;
        for step in self.list.iter_mut().rev() {
            step.gradient = buffer;
            buffer = step.input_gradient();
        }
    }

    /// The plan that was lowered.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The steps, from the picture down.
    pub fn list(&self) -> &[Step] {
        &self.list
    }

    /// The number of the step whose output a tap reads.
    pub(super) fn of_tap(&self, tap: usize) -> usize {
        let reads = |step: &Step| [step.taps.rectified, step.taps.linear].contains(&Some(tap));
        self.list.iter().position(reads).expect("every tap belongs to a step")
    }

    /// Multiplications and additions of the convolutions' products in one evaluation.
    pub fn flops(&self) -> f64 {
        self.list.iter().map(Step::flops).sum()
    }

    /// The same if they were computed directly.
    pub fn direct_flops(&self) -> f64 {
        self.list.iter().map(Step::direct_flops).sum()
    }

    /// Multiplications and additions that one evaluation makes while step `at` runs: its products; where `measured` says that a
    /// loss measures the moments of a step's output, those of its own; and what such a loss sends back on its way, into the
    /// map that it reads, or into its own where the gradient comes through a pooling.
    pub fn flops_with_losses(&self, at: usize, measured: impl Fn(usize) -> bool) -> f64 {
        let step = &self.list[at];
        let mut flops = step.flops();
        if measured(at) {
            flops += step.moment_flops();
            flops += if step.pooling == PoolingStep::None { 0.0 } else { step.feedback_flops() };
        }
        if let Some(above) = at.checked_sub(1).map(|at| &self.list[at])
            && above.pooling == PoolingStep::None
            && measured(at - 1)
        {
            flops += above.feedback_flops();
        }
        flops
    }

    /// What the kernels of an evaluation on so many threads borrow.
    pub(super) fn room(&self, threads: usize) -> Room {
        let mirrors = self.plan.network().padding() == Padding::Reflect;
        let room = |step: &Step| {
            let (inputs, outputs) = (step.input.channels, step.output.channels);
            let strips = if mirrors { mirror::room(step.output, inputs) } else { Room::default() };
            match step.algorithm {
                Algorithm::Winograd(tile) => {
                    let forward = winograd::room(outputs, inputs, tile, step.output, threads);
                    strips.most(forward).most(winograd::room(inputs, outputs, tile, step.output, threads))
                }
                _ => strips,
            }
        };
        self.list.iter().map(room).fold(Room::default(), Room::most)
    }

    /// Vectors that each of the two working buffers holds at most.
    pub(super) fn working(&self) -> [usize; 2] {
        let mut most = [0; 2];
        for (buffer, shape) in self.list.iter().flat_map(Step::passing) {
            most[buffer] = most[buffer].max(Layout::new(shape).len());
        }
        most
    }
}
