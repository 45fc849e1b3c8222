//! How much memory an evaluation takes, counted from its steps.

use super::algorithm::{Algorithm, ConvolutionAlgorithm};
use super::steps::{Step, Steps};
use crate::kernels::blocked::first::{LastWeights, Planes};
use crate::kernels::blocked::map::{Layout, blocks};
use crate::kernels::blocked::pack::Packed;
use crate::kernels::blocked::{gate, mirror, moments, winograd};
use crate::kernels::plain;
use crate::kernels::simd::Vector;
use crate::network::plan::Plan;
use crate::network::{Convolution, Layer};
use crate::tensor::{Padding, Shape};

/// Which engine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// In f32 by these algorithms.
    Single(ConvolutionAlgorithm),
    /// The reference engine in f64.
    Double,
}

impl EngineKind {
    /// The steps that it takes.
    pub fn steps(self, plan: Plan) -> Steps {
        match self {
            Self::Single(convolution) => Steps::new(plan, convolution),
            Self::Double => Steps::new(plan, ConvolutionAlgorithm::Im2col),
        }
    }
}

/// Bytes that an engine and what belongs to it take once it has evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// The network as it was read.
    pub network: usize,
    /// Its weights as the engine reads them.
    pub weights: usize,
    /// Maps, gates, and the maps that they are compared with.
    pub maps: usize,
    /// What tasks borrow.
    pub scratch: usize,
    /// Moments, their targets, and what the losses send back.
    pub losses: usize,
}

impl Demand {
    /// Of `steps` on so many threads, where the features at the layers `compared` have an F₀.
    pub fn new(steps: &Steps, kind: EngineKind, compared: &[Layer], threads: usize) -> Self {
        let network = &steps.plan().network().convolutions();
        let floats = |c: &Convolution| c.weight().len() + c.bias().len();
        let demand = Self {
            network: size_of::<f32>() * network.iter().map(floats).sum::<usize>(),
            losses: (0..steps.plan().taps().len()).map(|tap| of_losses(steps.plan().tap_shape(tap))).sum(),
            ..Self::default()
        };
        match kind {
            EngineKind::Single(ConvolutionAlgorithm::Im2col) => {
                demand.reference(steps, compared, threads, size_of::<f32>())
            }
            EngineKind::Double => demand.reference(steps, compared, threads, size_of::<f64>()),
            EngineKind::Single(_) => demand.fast(steps, compared, threads),
        }
    }

    /// All of it.
    pub fn total(&self) -> usize {
        self.network + self.weights + self.maps + self.scratch + self.losses
    }

    fn fast(self, steps: &Steps, compared: &[Layer], threads: usize) -> Self {
        let (plan, list) = (steps.plan(), steps.list());
        let mirrors = plan.network().padding() == Padding::Reflect;
        let Shape { height, width, .. } = plan.picture();
        let map = |shape: Shape| Layout::new(shape).len() * size_of::<Vector>();
        let kept = |step: &Step| {
            let taps = [step.taps.rectified, step.taps.linear].into_iter().flatten();
            let maps: usize = taps
                .map(|tap| if compared.contains(&plan.taps()[tap]) { 2 } else { 1 } * map(step.output))
                .sum();
            maps + if step.has_gates() { gate::words(step.output) * size_of::<u16>() } else { 0 }
        };
        let working = steps.working().iter().sum::<usize>() * size_of::<Vector>();
        let room = steps.room(threads);
        let strips = list.iter().map(|step| mirror::vectors(step.input)).max().unwrap_or(0);
        let sums = (0..plan.taps().len()).map(|tap| moments::scratch_floats(plan.tap_shape(tap))).max();
        Self {
            weights: list.iter().enumerate().map(|(at, step)| packed(step, at == 0, mirrors)).sum(),
            maps: list.iter().map(kept).sum::<usize>()
                + working
                + Planes::bytes(height, width)
                + plan.picture().len() * size_of::<f32>(),
            scratch: (room.task * threads + room.shared) * size_of::<Vector>()
                + if mirrors { strips * size_of::<Vector>() } else { 0 }
                + sums.unwrap_or(0) * size_of::<f32>(),
            ..self
        }
    }

    fn reference(self, steps: &Steps, compared: &[Layer], threads: usize, width: usize) -> Self {
        let (plan, list) = (steps.plan(), steps.list());
        let weights = |step: &Step| 2 * 9 * step.input.channels * step.output.channels + step.output.channels;
        let kept = |step: &Step| {
            let linear = if step.taps.linear.is_some() { step.output.len() } else { 0 };
            step.input.len() + step.output.len() + linear
        };
        let targets = compared.iter().filter_map(|layer| plan.tap(*layer));
        let targets: usize = targets.map(|tap| plan.tap_shape(tap).len()).sum();
        // On the way back the gradients of a convolution's output and input, or of a pooling's, exist together.
        let passing = |step: &Step| {
            let spread =
                if step.behind() == step.output { 0 } else { step.output.len() + step.behind().len() };
            spread.max(step.output.len() + step.input.len())
        };
        let passing = list.iter().map(passing).max().unwrap_or(0);
        let panel =
            |step: &Step| plain::conv::panel_floats(step.input).max(plain::conv::panel_floats(step.output));
        let panels = threads * list.iter().map(panel).max().unwrap_or(0);
        Self {
            weights: width * list.iter().map(weights).sum::<usize>(),
            maps: width * (list.iter().map(kept).sum::<usize>() + targets + passing),
            scratch: width * panels,
            ..self
        }
    }
}

/// Moments of a tap and what they are compared with, in f64, and D in f32.
fn of_losses(shape: Shape) -> usize {
    let n = shape.channels;
    2 * size_of::<f64>() * (n * n + n) + Packed::bytes(n, n, 1)
}

/// Bytes of the weights of a step.
fn packed(step: &Step, first: bool, mirrors: bool) -> usize {
    let (inputs, outputs) = (step.input.channels, step.output.channels);
    let turned = Packed::bytes(outputs, inputs, 9);
    let bias = blocks(outputs) * size_of::<Vector>();
    let weights = match step.algorithm {
        _ if first => Packed::bytes(27, outputs, 1) + LastWeights::bytes(outputs),
        Algorithm::Winograd(tile) => winograd::packed_bytes(outputs, inputs, tile),
        Algorithm::Direct if mirrors => Packed::bytes(inputs, outputs, 9),
        _ => Packed::bytes(inputs, outputs, 9) + turned,
    };
    bias + weights + if mirrors { turned } else { 0 }
}

impl Demand {
    /// Bytes of packed weights that coarser sizes of the same picture leave behind: theirs may have other tiles.
    pub fn of_coarser(steps: &Steps) -> usize {
        let of = |step: &Step, at: usize| {
            let Algorithm::Winograd(tile) = step.algorithm else { return 0 };
            let halved = |by: u32| {
                let Shape { channels, height, width } = step.output;
                Shape::new(channels, (height >> by).max(1), (width >> by).max(1))
            };
            let coarser = (1..16).map(halved).take_while(|map| map.height.max(map.width) > 1);
            let algorithm = |map| Algorithm::of(ConvolutionAlgorithm::Auto, at, map);
            let other = coarser.map(algorithm).find(|algorithm| *algorithm != Algorithm::Winograd(tile));
            match other {
                Some(Algorithm::Winograd(other)) => {
                    winograd::packed_bytes(step.output.channels, step.input.channels, other)
                }
                _ => 0,
            }
        };
        steps.list().iter().enumerate().map(|(at, step)| of(step, at)).sum()
    }
}
