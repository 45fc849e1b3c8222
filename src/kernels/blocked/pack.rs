//! Weights in the order in which the register tile reads them, made once per network.

use rayon::prelude::*;

use super::map::{Vector, ZERO, blocks};
use crate::kernels::simd::LANES;

/// Output blocks that one register tile computes together: (first block, number of blocks).
pub type Group = (usize, usize);

/// Splits output blocks into pairs, with one triple where the number is odd: the shapes that keep the
/// multiplier busier than single blocks do.
pub fn groups(blocks: usize) -> Vec<Group> {
    if blocks == 1 {
        return vec![(0, 1)];
    }
    let first = 2 + blocks % 2;
    std::iter::once((0, first)).chain((first..blocks).step_by(2).map(|at| (at, 2))).collect()
}

/// Weights for `slots` products that share input and output channels (the nine taps, the 36 frequencies).
#[derive(Clone)]
pub struct Packed {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// Products.
    pub slots: usize,
    /// How the output blocks are grouped.
    pub groups: Vec<Group>,
    /// `[slot][group][input channel][block of the group]`, a vector of output channels each.
    data: Vec<Vector>,
}

impl Packed {
    /// Packs `weight(output, slot values for one input)`: `fill(output, input, values)` writes the `slots`
    /// values that join an input channel to an output channel.
    pub fn new(
        inputs: usize,
        outputs: usize,
        slots: usize,
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) -> Self {
        let (rows, columns) = (blocks(inputs) * LANES, blocks(outputs));
        let groups = groups(columns);
        let mut data = vec![ZERO; slots * rows * columns];
        // Filled group by group through a plain [slot][row][block] scratch so that tasks own what they write.
        let mut parts: Vec<Vec<Vector>> = groups
            .par_iter()
            .map(|&(first, count)| {
                let mut part = vec![ZERO; slots * rows * count];
                let mut values = vec![0.0; slots];
                for o in first * LANES..((first + count) * LANES).min(outputs) {
                    for i in 0..inputs {
                        fill(o, i, &mut values);
                        for (slot, &value) in values.iter().enumerate() {
                            let at = (slot * rows + i) * count + o / LANES - first;
                            part[at].0[o % LANES] = value;
                        }
                    }
                }
                part
            })
            .collect();
        for slot in 0..slots {
            for (part, &(first, count)) in parts.iter_mut().zip(&groups) {
                let at = slot * rows * columns + rows * first;
                data[at..][..rows * count].copy_from_slice(&part[slot * rows * count..][..rows * count]);
            }
        }
        Self { inputs, outputs, slots, groups, data }
    }

    /// The weights of one slot for one group: `[input channel][block of the group]`.
    #[inline(always)]
    pub fn part(&self, slot: usize, group: Group) -> &[Vector] {
        let rows = blocks(self.inputs) * LANES;
        let at = rows * (slot * blocks(self.outputs) + group.0);
        &self.data[at..][..rows * group.1]
    }
}
