//! How a picture is cut into tiles that together give exactly what the whole gives.
//!
//! A tile is a picture of its own for an engine. Its *own* part is what counts of it: the own parts of all tiles are the
//! whole, each position of each layer once. Around it the tile has a margin as wide as the deepest layer sees, so
//! that no feature of the own part, and nothing that such a feature depends on, has looked across a border where the tile
//! ends and the picture does not; what the features of the own part send back ends inside the margin, too, and is
//! added to what other tiles send there. At the picture's own borders the network's padding stands, as in the whole.
//!
//! Tiles begin and own parts end at multiples of the stride of the deepest layer, so that all poolings meet the same
//! positions. All tiles of a picture have one size, so that one engine walks them: they overlap as much as that takes.
//! With [`Padding::Wrap`] they lie around a ring.

use std::ops::Range;

use crate::network::plan::Plan;
use crate::tensor::{Padding, Window};

/// A tile along one side of the picture, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The tile's first row or column in the picture.
    pub start: usize,
    /// The own part, in the tile's rows or columns.
    pub own: Range<usize>,
}

/// The tiles of a planned picture.
#[derive(Debug, Clone)]
pub struct Tiling {
    whole: Plan,
    tile: Plan,
    rows: Vec<Span>,
    columns: Vec<Span>,
}

impl Tiling {
    /// The whole as one tile.
    pub fn whole(plan: Plan) -> Self {
        let span = |side| vec![Span { start: 0, own: 0..side }];
        let (rows, columns) = (span(plan.picture().height), span(plan.picture().width));
        Self { tile: plan.clone(), whole: plan, rows, columns }
    }

    /// So many rows of so many tiles each, if the picture can be cut so: not where tiles would hold little more than their
    /// margins, nor across a side that wraps and that poolings do not halve evenly.
    pub fn new(plan: &Plan, counts: (usize, usize)) -> Option<Self> {
        Self::with_margin(plan, counts, margin(plan))
    }

    /// The same with a margin of so many strides of the deepest layer, for who wants to see what too narrow a one spoils.
    pub fn with_margin(plan: &Plan, (rows, columns): (usize, usize), margin: usize) -> Option<Self> {
        let picture = plan.picture();
        let (height, rows) = spans(plan, picture.height, rows, margin)?;
        let (width, columns) = spans(plan, picture.width, columns, margin)?;
        let tile = Plan::new(plan.network().clone(), height, width, plan.taps()).ok()?;
        Some(Self { whole: plan.clone(), tile, rows, columns })
    }

    /// What the tiles are of.
    pub fn plan(&self) -> &Plan {
        &self.whole
    }

    /// What an engine computes of each tile.
    pub fn tile(&self) -> &Plan {
        &self.tile
    }

    /// Tiles.
    pub fn count(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// Whether there is one tile, the picture.
    pub fn is_whole(&self) -> bool {
        self.count() == 1
    }

    /// Where tile `at` lies, down and across; tiles are counted row by row.
    ///
    /// # Panics
    /// If there is no such tile.
    pub fn spans(&self, at: usize) -> (&Span, &Span) {
        (&self.rows[at / self.columns.len()], &self.columns[at % self.columns.len()])
    }

    /// The own part of a tile at a tap, in the tile's map.
    pub fn own(&self, at: usize, tap: usize) -> Window {
        let (rows, columns) = self.spans(at);
        let (step, shape) = (self.step(tap), self.tile.tap_shape(tap));
        // The picture's last rows and columns may fill no position.
        let part = |own: &Range<usize>, side: usize| own.start / step..(own.end / step).min(side);
        Window { rows: part(&rows.own, shape.height), columns: part(&columns.own, shape.width) }
    }

    /// Where the first position of a tile's map of a tap lies in the map of the whole.
    pub fn origin(&self, at: usize, tap: usize) -> (usize, usize) {
        let (rows, columns) = self.spans(at);
        let step = self.step(tap);
        (rows.start / step, columns.start / step)
    }

    /// Pixels from one position of a tap to the next.
    fn step(&self, tap: usize) -> usize {
        1 << (self.whole.taps()[tap].block - 1)
    }
}

/// Pixels from one position of the deepest layer to the next.
fn stride(plan: &Plan) -> usize {
    plan.taps().last().map_or(1, |deepest| 1 << (deepest.block - 1))
}

/// How far the deepest layer sees beyond the pixels that its positions stand for: each 3×3 convolution adds one position
/// of its block.
fn reach(plan: &Plan) -> usize {
    plan.network().convolutions()[..plan.depth()].iter().map(|c| 1 << (c.block() - 1)).sum()
}

/// The strides that a tile goes beyond its own part where the picture goes on.
pub fn margin(plan: &Plan) -> usize {
    reach(plan).div_ceil(stride(plan))
}

/// The most tiles along a side in which the own part is as wide as both margins at least.
pub fn most(plan: &Plan, side: usize) -> usize {
    let margin = margin(plan);
    (side / stride(plan)).saturating_sub(2 * margin).div_euclid(2 * margin).max(1)
}

/// The tiles along a side of so many pixels, and the pixels of each.
fn spans(plan: &Plan, side: usize, count: usize, margin: usize) -> Option<(usize, Vec<Span>)> {
    if count <= 1 {
        return (count == 1).then(|| (side, vec![Span { start: 0, own: 0..side }]));
    }
    let stride = stride(plan);
    // All that follows counts in strides; what a side has beyond its last whole one belongs to its last tile, and every
    // tile is so much longer for one size.
    let (strides, rest) = (side / stride, side % stride);
    if plan.network().padding() == Padding::Wrap {
        let length = strides.div_ceil(count) + 2 * margin;
        if rest > 0 || length >= strides {
            return None;
        }
        let start = |at: usize| at * strides / count;
        let span = |at: usize| Span {
            start: (start(at) + strides - margin) % strides * stride,
            own: margin * stride..(margin + start(at + 1) - start(at)) * stride,
        };
        return Some((length * stride, (0..count).map(span).collect()));
    }
    let length = (strides + 2 * margin * (count - 1)).div_ceil(count);
    if length <= 2 * margin || length + count > strides {
        return None;
    }
    let start = |at: usize| at * (strides - length) / (count - 1);
    // In the middle of what two tiles share.
    let border = |at: usize| match at {
        0 => 0,
        at if at == count => side,
        at => (start(at) + start(at - 1) + length) / 2 * stride,
    };
    let span = |at: usize| {
        let start = start(at) * stride;
        Span { start, own: border(at) - start..border(at + 1) - start }
    };
    Some((length * stride + rest, (0..count).map(span).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn plan(padding: Padding, height: usize, width: usize) -> Plan {
        let network = crate::weights::random("2,2|3,3|4", 1).unwrap().with_padding(padding);
        Plan::new(Arc::new(network), height, width, &["relu3_1".parse().unwrap()]).unwrap()
    }

    #[test]
    fn own_parts_are_the_whole_and_have_their_margins() {
        for padding in [Padding::Zeros, Padding::Reflect, Padding::Wrap] {
            for side in [64usize, 97, 130, 131, 196] {
                let plan = plan(padding, side, side);
                assert_eq!((stride(&plan), reach(&plan)), (4, 10));
                for count in 1..=most(&plan, side) {
                    let Some((length, spans)) = spans(&plan, side, count, margin(&plan)) else {
                        assert!(padding == Padding::Wrap && (side % 4 > 0 || side < 100), "{side} {count}");
                        continue;
                    };
                    assert_eq!(spans.len(), count);
                    let mut seen = vec![0; side];
                    for Span { start, own } in &spans {
                        assert!(padding == Padding::Wrap || start + length <= side);
                        own.clone().for_each(|at| seen[(start + at) % side] += 1);
                        let usable = length / 4 * 4;
                        let wraps = padding == Padding::Wrap && count > 1;
                        assert!(own.start >= 10 || !wraps && *start == 0, "{side} {count}: {start} {own:?}");
                        assert!(
                            own.end + 10 <= usable || !wraps && start + own.end == side,
                            "{side} {count}: {start} {own:?} of {length}"
                        );
                    }
                    assert!(seen.iter().all(|times| *times == 1), "{padding:?} {side} {count}: {spans:?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_cut_is_not() {
        assert!(Tiling::new(&plan(Padding::Zeros, 64, 64), (1, 0)).is_none());
        assert!(Tiling::new(&plan(Padding::Zeros, 30, 300), (2, 1)).is_none(), "only margins");
        assert!(Tiling::new(&plan(Padding::Wrap, 150, 152), (2, 1)).is_none(), "150 is no multiple of 4");
        let tiling = Tiling::new(&plan(Padding::Wrap, 150, 152), (1, 2)).unwrap();
        assert_eq!((tiling.count(), tiling.tile().picture().height), (2, 150));
    }
}
