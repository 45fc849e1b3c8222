//! Weights in the order in which the register tile reads them, made once per network.

use rayon::prelude::*;

use super::map::blocks;
use crate::kernels::simd::{LANES, Vector, ZERO};

/// Output blocks that one register tile computes together: (first block, number of blocks).
pub type Group = (usize, usize);

/// Splits output blocks into pairs, with one triple where the number is odd: the shapes that keep the
/// multiplier busier than single blocks do.
pub fn groups(blocks: usize) -> Vec<Group> {
    if blocks < 2 {
        return (0..blocks).map(|block| (block, 1)).collect();
    }
    let first = 2 + blocks % 2;
    std::iter::once((0, first)).chain((first..blocks).step_by(2).map(|at| (at, 2))).collect()
}

/// Weights for `slots` products that share input and output channels (the nine taps, the N² frequencies).
#[derive(Clone)]
pub struct Packed {
    inputs: usize,
    outputs: usize,
    slots: usize,
    /// How the output blocks are grouped.
    groups: Vec<Group>,
    /// `[slot][group][input channel][block of the group]`, a vector of output channels each.
    data: Vec<Vector>,
}

impl Packed {
    /// Packs weights: `fill(output, input, values)` writes the `slots` values that join an input channel to an output
    /// channel.
    pub fn new(
        inputs: usize,
        outputs: usize,
        slots: usize,
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) -> Self {
        let (rows, columns) = (blocks(inputs) * LANES, blocks(outputs));
        let groups = groups(columns);
        let mut data = vec![ZERO; slots * rows * columns];
        // The parts of each group, one a slot.
        let mut parts: Vec<Vec<&mut [Vector]>> = groups.iter().map(|_| Vec::with_capacity(slots)).collect();
        for mut rest in data.chunks_exact_mut((rows * columns).max(1)) {
            for (parts, group) in parts.iter_mut().zip(&groups) {
                let (part, behind) = rest.split_at_mut(rows * group.1);
                parts.push(part);
                rest = behind;
            }
        }
        parts.par_iter_mut().zip(&groups).for_each(|(parts, &(first, count))| {
            let mut values = vec![0.0; slots];
            for o in first * LANES..((first + count) * LANES).min(outputs) {
                for i in 0..inputs {
                    fill(o, i, &mut values);
                    for (part, &value) in parts.iter_mut().zip(&values) {
                        part[i * count + o / LANES - first].0[o % LANES] = value;
                    }
                }
            }
        });
        Self { inputs, outputs, slots, groups, data }
    }

    /// Room for a square matrix, the weights of a 1×1 convolution; all 0.
    pub fn square(channels: usize) -> Self {
        Self::new(channels, channels, 1, |_, _, _| ())
    }

    /// Packs a square matrix (row-major, outputs × inputs) in place of what was there.
    ///
    /// # Panics
    /// If it has another size.
    pub fn set_square(&mut self, matrix: &[f64]) {
        let channels = self.inputs;
        assert_eq!((self.slots, self.outputs, matrix.len()), (1, channels, channels * channels), "sizes");
        let rows = blocks(channels) * LANES;
        let fill = |part: &mut [Vector], (first, count): Group| {
            for (i, row) in part.chunks_exact_mut(count).take(channels).enumerate() {
                for (block, vector) in row.iter_mut().enumerate() {
                    for (lane, value) in vector.0.iter_mut().enumerate() {
                        let o = (first + block) * LANES + lane;
                        *value = if o < channels { matrix[o * channels + i] as f32 } else { 0.0 };
                    }
                }
            }
        };
        // All groups but the first are pairs.
        let (head, tail) = self.data.split_at_mut(rows * self.groups[0].1);
        rayon::join(
            || fill(head, self.groups[0]),
            || {
                let pairs = tail.par_chunks_exact_mut(2 * rows).zip(&self.groups[1..]);
                pairs.for_each(|(part, &group)| fill(part, group));
            },
        );
    }

    /// Channels in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels out.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Products.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// How the output blocks are grouped.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Bytes that weights of this size take.
    pub const fn bytes(inputs: usize, outputs: usize, slots: usize) -> usize {
        slots * blocks(inputs) * LANES * blocks(outputs) * size_of::<Vector>()
    }

    /// The weights of one slot for one group: `[input channel][block of the group]`.
    #[inline(always)]
    pub fn part(&self, slot: usize, group: Group) -> &[Vector] {
        let rows = blocks(self.inputs) * LANES;
        let at = rows * (slot * blocks(self.outputs) + group.0);
        &self.data[at..][..rows * group.1]
    }
}

/// One vector for each block, from one value a channel; missing channels are 0.
pub fn vectors(values: &[f32]) -> Vec<Vector> {
    values
        .chunks(LANES)
        .map(|chunk| Vector(std::array::from_fn(|lane| chunk.get(lane).copied().unwrap_or(0.0))))
        .collect()
}
