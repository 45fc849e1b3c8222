//! What happens to a convolution's results while they are still in registers: bias, ReLU, pooling and storing on the
//! way forward; the mirrored border and the ReLU's gate on the way back, and, while the results are in the cache, what the
//! losses add.

use super::gate::{self, Gate, GateLine};
use super::map::{MapMut, blocks};
use super::mirror::Strips;
use super::pack::Group;
use super::part::{Grid, Part, Place, Rectangle};
use super::pool::join;
use super::tap::TapGradient;
use crate::kernels::simd::{Level, Simd, Vector};
use crate::tensor::{Pooling, Shape};

/// Takes the results of one convolution. It is given up to the convolution, which cuts it into tiles for its tasks.
pub struct Epilogue<'a> {
    /// The map that is computed.
    shape: Shape,
    work: Work<'a>,
    map: MapMut<'a>,
    linear: Option<MapMut<'a>>,
    gates: Option<&'a mut [u16]>,
}

/// What is done, and what is read for it.
#[derive(Clone, Copy)]
enum Work<'a> {
    Rectify { bias: &'a [Vector] },
    Pool { bias: &'a [Vector], pooling: Pooling },
    Return { gate: Gate<'a>, strips: Option<&'a Strips>, taps: &'a [TapGradient<'a>] },
}

impl<'a> Epilogue<'a> {
    /// Forward: adds the bias (one vector a block), rectifies, stores into `output`; also the values before the ReLU into
    /// `linear`, and one bit a lane, whether it is positive, into `gates` (see [`gate::words`]).
    ///
    /// # Panics
    /// If anything has another shape than `output`.
    pub fn rectify(
        bias: &'a [Vector],
        output: MapMut<'a>,
        linear: Option<MapMut<'a>>,
        gates: Option<&'a mut [u16]>,
    ) -> Self {
        let shape = output.shape();
        assert_eq!(bias.len(), blocks(shape.channels), "biases of another map");
        assert!(linear.as_ref().is_none_or(|map| map.layout() == output.layout()), "maps of two shapes");
        assert!(gates.as_ref().is_none_or(|words| words.len() == gate::words(shape)), "gates of another map");
        Self { shape, work: Work::Rectify { bias }, map: output, linear, gates }
    }

    /// Forward, where nothing else reads the map (of `shape`) before a pooling: adds the bias, rectifies, pools into
    /// `output` and stores through which values of each window the gradient may come back into `gates` (see
    /// [`gate::words`] of the large map). Bits of a last odd row or column, which no window has, are left alone.
    ///
    /// # Panics
    /// If `output` is not half as large, or anything else has another shape.
    pub fn pool(
        bias: &'a [Vector],
        pooling: Pooling,
        shape: Shape,
        output: MapMut<'a>,
        gates: &'a mut [u16],
    ) -> Self {
        assert_eq!(bias.len(), blocks(shape.channels), "biases of another map");
        assert_eq!(
            output.shape(),
            Shape::new(shape.channels, shape.height / 2, shape.width / 2),
            "half a map"
        );
        assert_eq!(gates.len(), gate::words(shape), "gates of another map");
        Self { shape, work: Work::Pool { bias, pooling }, map: output, linear: None, gates: Some(gates) }
    }

    /// Backward: adds what a mirrored border sends back, passes the gate of the ReLU that made the convolution's input,
    /// stores into `output`; then adds what the losses at that input add.
    ///
    /// # Panics
    /// If anything has another shape than `output`.
    pub fn backward(
        output: MapMut<'a>,
        gate: Gate<'a>,
        strips: Option<&'a Strips>,
        taps: &'a [TapGradient<'a>],
    ) -> Self {
        let shape = output.shape();
        assert!(gate.fits(shape), "a gate of another map");
        assert!(strips.is_none_or(|strips| strips.fits(shape)), "a border of another map");
        assert!(taps.iter().all(|tap| tap.shape() == shape), "losses at another map");
        Self { shape, work: Work::Return { gate, strips, taps }, map: output, linear: None, gates: None }
    }

    /// The shape of the map that the convolution is to compute.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Cuts it into tiles of `side` positions.
    ///
    /// # Panics
    /// If windows of a pooling would straddle tiles.
    pub(super) fn into_tiles(self, side: (usize, usize)) -> EpiloguePart<'a> {
        let Self { shape, work, map, linear, gates } = self;
        let grid = Grid::new(shape, side);
        let map = map.into_part(if matches!(work, Work::Pool { .. }) { grid.halved() } else { grid });
        let linear = linear.map(|map| map.into_part(grid));
        let gates = gates.map(|words| gate::into_part(words, shape, grid));
        EpiloguePart { grid, work, map, linear, gates }
    }
}

/// An [`Epilogue`] cut into tiles, or a part of one.
pub(super) struct EpiloguePart<'a> {
    grid: Grid,
    work: Work<'a>,
    /// Receives the rectified map, the pooled one or the gradient.
    map: Part<'a, Vector>,
    /// Receives the map before the ReLU.
    linear: Option<Part<'a, Vector>>,
    gates: Option<Part<'a, u16>>,
}

/// Both halves of what was cut, if there was anything.
fn halves<T>(pair: Option<(T, T)>) -> (Option<T>, Option<T>) {
    pair.map_or((None, None), |(first, second)| (Some(first), Some(second)))
}

impl<'a> EpiloguePart<'a> {
    /// How the map is cut.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The tiles of this part.
    pub fn tiles(&self) -> std::ops::Range<usize> {
        self.map.tiles()
    }

    /// The same part for a shorter time.
    pub fn borrow(&mut self) -> EpiloguePart<'_> {
        EpiloguePart {
            grid: self.grid,
            work: self.work,
            map: self.map.borrow(),
            linear: self.linear.as_mut().map(Part::borrow),
            gates: self.gates.as_mut().map(Part::borrow),
        }
    }

    /// The tiles before `tile`, and the others.
    pub fn split(self, tile: usize) -> (Self, Self) {
        let Self { grid, work, map, linear, gates } = self;
        let map = map.split(tile);
        let linear = halves(linear.map(|part| part.split(tile)));
        let gates = halves(gates.map(|part| part.split(tile)));
        (
            Self { grid, work, map: map.0, linear: linear.0, gates: gates.0 },
            Self { grid, work, map: map.1, linear: linear.1, gates: gates.1 },
        )
    }

    /// The blocks before `block`, and the others.
    fn split_blocks(self, block: usize) -> (Self, Self) {
        let Self { grid, work, map, linear, gates } = self;
        let map = map.split_blocks(block);
        let linear = halves(linear.map(|part| part.split_blocks(block)));
        let gates = halves(gates.map(|part| part.split_blocks(block)));
        (
            Self { grid, work, map: map.0, linear: linear.0, gates: gates.0 },
            Self { grid, work, map: map.1, linear: linear.1, gates: gates.1 },
        )
    }

    /// Hands every run of `size` tiles to `work`, over all threads.
    pub fn for_each_run(self, size: usize, work: &(impl Fn(Self) + Sync)) {
        let runs = self.tiles().len().div_ceil(size);
        if runs <= 1 {
            return work(self);
        }
        let (first, second) = {
            let middle = self.tiles().start + runs / 2 * size;
            self.split(middle)
        };
        rayon::join(|| first.for_each_run(size, work), || second.for_each_run(size, work));
    }

    /// Hands every group of blocks to `work`, over all threads.
    pub fn for_each_group(self, groups: &[Group], work: &(impl Fn(Group, Self) + Sync)) {
        match groups {
            [] => (),
            [group] => work(*group, self),
            _ => {
                let (head, tail) = groups.split_at(groups.len() / 2);
                let (first, second) = self.split_blocks(tail[0].0);
                rayon::join(|| first.for_each_group(head, work), || second.for_each_group(tail, work));
            }
        }
    }

    /// Adds what the losses add, when all blocks of this part have been put.
    pub fn complete(&mut self, level: Level) {
        let Work::Return { taps, .. } = self.work else { return };
        if self.tiles().is_empty() {
            return;
        }
        for place in self.grid.places(self.map.tiles()) {
            for tap in taps {
                tap.add_at(level, &mut self.map, &place);
            }
        }
    }

    /// The same over all threads.
    pub fn complete_side_by_side(self, level: Level) {
        if matches!(self.work, Work::Return { taps: [_, ..], .. }) {
            let columns = self.grid.columns();
            // Runs begin with whole rows of tiles, where the first tile does not.
            let next = self.tiles().start.next_multiple_of(columns).min(self.tiles().end);
            let (mut head, tail) = self.split(next);
            rayon::join(
                || head.complete(level),
                || tail.for_each_run(columns, &|mut part| part.complete(level)),
            );
        }
    }

    /// Puts the results of a tile of M×M positions.
    ///
    /// # Panics
    /// If the tile or the block belongs to another part.
    #[inline(always)]
    pub fn put_tile<S: Simd, const M: usize>(
        &mut self,
        simd: S,
        block: usize,
        place: &Place,
        values: &[[S::V; M]; M],
    ) {
        let mut map = self.map.at(block, place);
        match self.work {
            Work::Rectify { bias } => {
                let bias = simd.load(&bias[block].0);
                let mut linear = self.linear.as_mut().map(|part| part.at(block, place));
                let mut gates = self.gates.as_mut().map(|part| part.at(block, place));
                for i in 0..M {
                    if i < map.height() {
                        let output = map.line(i);
                        let linear = linear.as_mut().map(|linear| &mut linear.line(i)[..output.len()]);
                        let gates = gates.as_mut().map(|gates| &mut gates.line(i)[..output.len()]);
                        rectify(simd, bias, (output, linear, gates), M, |j| values[i][j]);
                    }
                }
            }
            Work::Return { gate, strips, .. } => {
                let (y, x) = self.grid.corner(place);
                for i in 0..M {
                    if i < map.height() {
                        let output = map.line(i);
                        let gate = gate.line(block, y + i, x..x + output.len());
                        pass(simd, (gate, strips), (block, y + i, x), output, M, |j| values[i][j]);
                    }
                }
            }
            Work::Pool { bias, pooling } => {
                let gates = self.gates.as_mut().expect("made with the pooling").at(block, place);
                pool(simd, simd.load(&bias[block].0), pooling, map, gates, values);
            }
        }
    }

    /// Puts values, or as many as the place has left, into a row of a place from column `start` of it on.
    ///
    /// # Panics
    /// If the place or the block belongs to another part, and if results are to be pooled: windows come in tiles.
    #[inline(always)]
    pub fn put_line<S: Simd>(
        &mut self,
        simd: S,
        block: usize,
        place: &Place,
        row: usize,
        start: usize,
        values: &[Vector],
    ) {
        let (count, values) = (values.len(), |j: usize| simd.load(&values[j].0));
        let output = &mut self.map.at(block, place).into_line(row)[start..];
        match self.work {
            Work::Rectify { bias } => {
                let part = start..start + output.len();
                let linear = self.linear.as_mut().map(|linear| linear.at(block, place).into_line(row));
                let gates = self.gates.as_mut().map(|gates| gates.at(block, place).into_line(row));
                let linear = linear.map(|linear| &mut linear[part.clone()]);
                let gates = gates.map(|gates| &mut gates[part.clone()]);
                rectify(simd, simd.load(&bias[block].0), (output, linear, gates), count, values);
            }
            Work::Return { gate, strips, .. } => {
                let (y, x) = self.grid.corner(place);
                let (y, x) = (y + row, x + start);
                let gate = gate.line(block, y, x..x + output.len());
                pass(simd, (gate, strips), (block, y, x), output, count, values);
            }
            Work::Pool { .. } => unreachable!("windows come in tiles"),
        }
    }
}

/// Adds the bias to `count` values or as many as there is room for, rectifies and stores.
#[inline(always)]
fn rectify<S: Simd>(
    simd: S,
    bias: S::V,
    (output, mut linear, mut gates): (&mut [Vector], Option<&mut [Vector]>, Option<&mut [u16]>),
    count: usize,
    values: impl Fn(usize) -> S::V,
) {
    for j in 0..count {
        if j < output.len() {
            let value = simd.add(values(j), bias);
            if let Some(linear) = &mut linear {
                simd.store(&mut linear[j].0, value);
            }
            let value = simd.relu(value);
            simd.store(&mut output[j].0, value);
            if let Some(gates) = &mut gates {
                gates[j] = simd.greater(value, simd.splat(0.0));
            }
        }
    }
}

/// Passes `count` gradients, or as many as there is room for, through a gate and stores them.
#[inline(always)]
fn pass<S: Simd>(
    simd: S,
    (gate, strips): (GateLine<'_>, Option<&Strips>),
    (block, y, x): (usize, usize, usize),
    output: &mut [Vector],
    count: usize,
    values: impl Fn(usize) -> S::V,
) {
    for j in 0..count {
        if j < output.len() {
            let mut value = values(j);
            if let Some(strips) = strips {
                value = strips.add(simd, block, y, x + j, value);
            }
            simd.store(&mut output[j].0, gate.pass(simd, j, value));
        }
    }
}

/// Adds the bias to a tile, rectifies and pools it.
#[inline(always)]
fn pool<S: Simd, const M: usize>(
    simd: S,
    bias: S::V,
    pooling: Pooling,
    mut output: Rectangle<'_, Vector>,
    mut gates: Rectangle<'_, u16>,
    values: &[[S::V; M]; M],
) {
    for i in 0..M / 2 {
        if i < output.height() {
            let line = output.line(i);
            let rectified = |y: usize, x: usize| simd.relu(simd.add(values[2 * i + y][x], bias));
            let mut bits = [[[0; 2]; M]; 2];
            for j in 0..M / 2 {
                if j < line.len() {
                    let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| rectified(y, 2 * j + x));
                    let (value, [a, b, c, d]) = join(simd, window, pooling);
                    simd.store(&mut line[j].0, value);
                    (bits[0][j], bits[1][j]) = ([a, b], [c, d]);
                }
            }
            for (y, bits) in bits.iter().enumerate() {
                gates.line(2 * i + y)[..2 * line.len()]
                    .as_chunks_mut::<2>()
                    .0
                    .iter_mut()
                    .zip(bits)
                    .for_each(|(gates, &bits)| *gates = bits);
            }
        }
    }
}
