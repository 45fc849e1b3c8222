//! Bugs to plant into the fast engine, of the kinds that kernels have: who says that an engine computes right must find
//! each of them. Only tests have this.

use super::{Fast, Layout, Place, PoolingStep, Step};
use crate::engine::{Affine, Seed};
use crate::kernels::simd::LANES;
use crate::network::Layer;
use crate::tensor::{Pooling, Shape};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A step's map has in one lane what belongs into another.
    Lane,
    /// The last row of a step's map was not written.
    LastRow,
    /// One channel of a step's map is rounded to bfloat16.
    Bfloat16,
    /// The border beside a step's map repeats its edge, whatever the padding.
    Halo,
    /// One window of a pooling hands on a smaller element.
    PooledValue,
    /// The gradient of one window of a maximum goes to another element.
    PooledPlace,
    /// One bit of a gate is turned round.
    GateBit,
    /// The last column of the gradient of what a step left is missing.
    GradientColumn,
    /// What the losses send into a tap's affine part is missing.
    MissingTap,
    /// D's blocks of sixteen are transposed, but stay in their places.
    TransposedBlocks,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::Lane,
        Self::LastRow,
        Self::Bfloat16,
        Self::Halo,
        Self::PooledValue,
        Self::PooledPlace,
        Self::GateBit,
        Self::GradientColumn,
        Self::MissingTap,
        Self::TransposedBlocks,
    ];

    /// Whether only a step with a pooling behind can have it.
    pub(crate) fn is_at_pooling(self) -> bool {
        matches!(self, Self::PooledValue | Self::PooledPlace | Self::GateBit)
    }
}

impl Fast {
    /// Plants a bug at convolution `layer`, or at the tap of this name.
    pub(crate) fn plant(&mut self, fault: Fault, layer: Layer) {
        self.fault = Some((fault, layer));
    }

    /// The bug, if it is at step `at`.
    fn fault_at(&self, at: usize) -> Option<Fault> {
        let step = self.step(at).layer;
        let is_here = |(_, layer): &(_, Layer)| (layer.block, layer.index) == (step.block, step.index);
        self.fault.filter(is_here).map(|(fault, _)| fault)
    }

    /// Spoils what a step made on the way forward.
    pub(super) fn spoil_forward(&mut self, at: usize) {
        let Some(fault) = self.fault_at(at) else { return };
        let step = self.step(at);
        let layout = Layout::new(step.behind());
        let Shape { height, width, .. } = step.behind();
        let mut buffer = std::mem::take(self.maps.at(step.leaves));
        let mut map = buffer.map_mut(&layout);
        let map = map.vectors_mut();
        let inside = |y: usize| layout.inside(0, y, 0)..layout.inside(0, y, width);
        match fault {
            Fault::Lane => (0..height).flat_map(inside).for_each(|at| map[at].0[5] = map[at].0[4]),
            Fault::LastRow => map[inside(height - 1)].iter_mut().for_each(|vector| vector.0 = [0.0; LANES]),
            Fault::Bfloat16 => (0..height).flat_map(inside).for_each(|at| {
                let value = &mut map[at].0[3];
                *value = half::bf16::from_f32(*value).to_f32();
            }),
            Fault::Halo => (0..height).for_each(|y| map[inside(y).start - 1] = map[inside(y).start]),
            Fault::PooledValue => {
                assert_ne!(step.pooling, PoolingStep::None, "a step that is pooled");
                let largest = map[inside(height / 2).start + width / 2].0.iter_mut();
                *largest.max_by(|a, b| a.total_cmp(b)).unwrap() *= 0.7;
            }
            _ => (),
        }
        *self.maps.at(step.leaves) = buffer;
        let gates = &mut self.maps.kept[at].gates;
        let Shape { height, width, .. } = step.output;
        match fault {
            Fault::GateBit => gates[height / 2 * width + width / 2] ^= 1 << 3,
            Fault::PooledPlace if self.steps.plan().network().pooling() == Pooling::Max => {
                assert_ne!(step.pooling, PoolingStep::None, "a step that is pooled");
                let open = gates.iter().position(|&gate| gate != 0).unwrap();
                let bit = 1 << gates[open].trailing_zeros();
                gates[open] ^= bit;
                gates[open / width * width + ((open % width) ^ 1)] ^= bit;
            }
            _ => (),
        }
    }

    /// Spoils the gradient that a step is given.
    pub(super) fn spoil_backward(&mut self, at: usize) {
        if self.fault_at(at) != Some(Fault::GradientColumn) {
            return;
        }
        let step: Step = self.step(at);
        let (layout, shape) = (Layout::new(step.behind()), step.behind());
        let mut map = self.maps.at(Place::Working(step.gradient)).map_mut(&layout);
        let map = map.vectors_mut();
        (0..shape.height).for_each(|y| map[layout.inside(0, y, shape.width - 1)].0 = [0.0; LANES]);
    }

    /// Spoils what the losses send into the taps.
    pub(super) fn spoil_seeds(&mut self, seeds: &[Seed]) {
        let Some((fault, layer)) = self.fault else { return };
        let Some(tap) = self.steps.plan().tap(layer) else { return };
        for (part, packed) in seeds[tap].affine.iter().zip(&mut self.affine[tap]) {
            let (n, matrix) = (self.steps.plan().tap_shape(tap).channels, part.matrix.unwrap());
            let place = |at: usize| {
                let (row, column) = (at / n, at % n);
                let turned = (row / LANES * LANES + column % LANES, column / LANES * LANES + row % LANES);
                if turned.0 < n && turned.1 < n { turned.0 * n + turned.1 } else { at }
            };
            let changed: Vec<f64> = match fault {
                Fault::MissingTap => vec![0.0; n * n],
                Fault::TransposedBlocks => (0..n * n).map(|at| matrix[place(at)]).collect(),
                _ => return,
            };
            packed.set(&Affine { matrix: Some(&changed), ..*part });
        }
    }
}
