//! What the losses at a tap add to the gradient of its map, best while that is still in the cache.
//!
//! `gradient += gate∘(Σ_r w_r·(D_r·F + b_r) + u·F − v·F₀)`: the adjoint of [`moments`](super::moments) and of the
//! comparisons in [`fixed`](super::fixed). `D·F` is a 1×1 convolution, so it runs on the register tile.

use std::ops::Range;

use super::gate::Gate;
use super::map::{Map, MapMut};
use super::pack::{Group, Packed, vectors};
use super::part::{Grid, Part, Place};
use super::tile::{self, Results, by_vectors};
use crate::kernels::seed::{Affine, Fixed};
use crate::kernels::simd::{Kernel, LANES, Level, Simd, Vector, ZERO};
use crate::tensor::Shape;

/// Rows of a map that one task takes.
const ROWS: usize = 4;

/// D and b of one affine part as the kernels read them; reused from one evaluation to the next.
pub struct PackedAffine {
    channels: usize,
    /// Empty until there is a D.
    matrix: Option<Packed>,
    offset: Vec<Vector>,
    /// Whether the last part had a D, and a b.
    has: (bool, bool),
}

impl PackedAffine {
    /// Room for parts of a map of so many channels.
    pub fn new(channels: usize) -> Self {
        Self { channels, matrix: None, offset: Vec::new(), has: (false, false) }
    }

    /// Packs a part in place of what was there.
    ///
    /// # Panics
    /// If it is of another map.
    pub fn set(&mut self, part: &Affine<'_>) {
        self.has = (part.matrix.is_some(), part.offset.is_some());
        if let Some(matrix) = part.matrix {
            self.matrix.get_or_insert_with(|| Packed::square(self.channels)).set_square(matrix);
        }
        if let Some(offset) = part.offset {
            assert_eq!(offset.len(), self.channels, "an offset of another map");
            if self.offset.is_empty() {
                self.offset = vectors(&vec![0.0; self.channels]);
            }
            for (c, &b) in offset.iter().enumerate() {
                self.offset[c / LANES].0[c % LANES] = b as f32;
            }
        }
    }

    fn matrix(&self) -> Option<&Packed> {
        self.matrix.as_ref().filter(|_| self.has.0)
    }

    fn offset(&self) -> Option<&[Vector]> {
        self.has.1.then_some(&self.offset[..])
    }
}

/// What the losses at one tap add.
#[derive(Clone, Copy)]
pub struct TapGradient<'a> {
    map: Map<'a>,
    gate: Gate<'a>,
    affine: &'a [Affine<'a>],
    packed: &'a [PackedAffine],
    fixed: Option<(Fixed<'a>, Map<'a>)>,
}

impl<'a> TapGradient<'a> {
    /// Of the features `map`: affine parts with what [`PackedAffine::set`] made of each, and what looks at a fixed map,
    /// which it comes with; all through `gate`.
    ///
    /// # Panics
    /// If anything is of another map.
    pub fn new(
        map: Map<'a>,
        gate: Gate<'a>,
        affine: &'a [Affine<'a>],
        packed: &'a [PackedAffine],
        fixed: Option<(Fixed<'a>, Map<'a>)>,
    ) -> Self {
        let shape = map.shape();
        assert!(gate.fits(shape), "a gate of another map");
        assert!(affine.iter().all(|part| part.fits(shape)), "an affine part of another map");
        assert!(packed.len() >= affine.len(), "a part that was not packed");
        let packed = &packed[..affine.len()];
        assert!(packed.iter().all(|part| part.channels == shape.channels), "a part packed for another map");
        if let Some((factors, target)) = &fixed {
            assert!(factors.fits(shape), "factors of another map");
            assert_eq!(target.layout(), map.layout(), "a fixed map of another shape");
        }
        Self { map, gate, affine, packed, fixed }
    }

    /// The shape of the features.
    pub fn shape(&self) -> Shape {
        self.map.shape()
    }

    /// Adds to the whole `gradient`.
    ///
    /// # Panics
    /// If it has another shape than the features.
    pub fn add(&self, level: Level, gradient: MapMut<'_>) {
        assert_eq!(gradient.layout(), self.map.layout(), "the gradient of another map");
        let grid = Grid::new(self.map.shape(), (ROWS, self.map.shape().width));
        gradient.into_part(grid).for_each_run(1, &|mut part: Part<'_, Vector>| {
            for place in grid.places(part.tiles()) {
                self.add_at(level, &mut part, &place);
            }
        });
    }

    /// Adds to one place of a gradient.
    ///
    /// # Panics
    /// If the gradient is of another map, or the part does not have all blocks of the place.
    pub(super) fn add_at(&self, level: Level, gradient: &mut Part<'_, Vector>, place: &Place) {
        assert!(gradient.grid().covers(self.map.shape()), "the gradient of another map");
        let (rows, columns) = gradient.grid().extent(place);
        for y in rows.clone() {
            let (row, columns) = (y - rows.start, columns.clone());
            level.run(AddRow { tap: self, gradient, place, row, y, columns });
        }
    }

    /// The fixed part, if an affine part is the one to be added together with it: the first.
    #[inline(always)]
    fn fixed_with(&self, part: usize) -> Option<&(Fixed<'a>, Map<'a>)> {
        self.fixed.as_ref().filter(|_| part == 0)
    }
}

/// One row of a place.
struct AddRow<'t, 'p, 'm> {
    tap: &'t TapGradient<'t>,
    gradient: &'p mut Part<'m, Vector>,
    place: &'p Place,
    /// In the place.
    row: usize,
    /// In the map.
    y: usize,
    columns: Range<usize>,
}

impl Kernel for AddRow<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        // Without an affine part there may still be a fixed one.
        for part in 0..self.tap.affine.len().max(1) {
            match self.tap.packed.get(part).and_then(PackedAffine::matrix) {
                Some(matrix) => {
                    for &group in matrix.groups() {
                        self.group(simd, part, matrix, group);
                    }
                }
                None => {
                    for block in self.gradient.blocks() {
                        for start in self.columns.clone().step_by(tile::MOST) {
                            let columns = start..(start + tile::MOST).min(self.columns.end);
                            self.line(simd, part, block, columns, &[ZERO; tile::MOST]);
                        }
                    }
                }
            }
        }
    }
}

impl AddRow<'_, '_, '_> {
    /// Adds a part that has a matrix to one group of blocks.
    #[inline(always)]
    fn group<S: Simd>(&mut self, simd: S, part: usize, matrix: &Packed, group: Group) {
        let tap = self.tap;
        let plain = tap.affine[part].weights.is_none()
            && tap.packed[part].offset().is_none()
            && tap.fixed_with(part).is_none();
        let length = S::TILE[group.1 - 1];
        let mut products: Results = [[ZERO; tile::MOST]; 3];
        for start in self.columns.clone().step_by(length) {
            let columns = start..(start + length).min(self.columns.end);
            if self.is_weightless(part, columns.clone()) {
                continue;
            }
            let to = (!plain).then_some(&mut products);
            by_vectors!(group.1, self.products::<S>(simd, matrix, group, columns.clone(), to));
            if !plain {
                for (o, products) in products.iter().take(group.1).enumerate() {
                    self.line(simd, part, group.0 + o, columns.clone(), products);
                }
            }
        }
    }

    /// Computes D·F at some columns of a group of blocks, and adds it to the gradient or writes it to `to`.
    #[inline(always)]
    fn products<S: Simd, const OB: usize>(
        &mut self,
        simd: S,
        matrix: &Packed,
        group: Group,
        columns: Range<usize>,
        to: Option<&mut Results>,
    ) {
        let (tap, length, weights) = (self.tap, S::TILE[OB - 1], matrix.part(0, group));
        // A tile reads `length` positions from inside a row; past the row's end lies the next one or the room behind
        // the map.
        let mut sums = tile::zero::<S, OB>(simd);
        for b in 0..tap.map.layout().blocks() {
            let values = tap.map.from(b, self.y + 1, columns.start + 1);
            tile::block::<S, OB>(simd, &mut sums, values, &weights[b * LANES * OB..]);
        }
        if let Some(to) = to {
            return tile::write(simd, &sums, to);
        }
        for o in 0..OB {
            let gate = tap.gate.line(group.0 + o, self.y, columns.clone());
            let gradient = self.gradient(group.0 + o, columns.clone());
            for p in 0..length {
                if p < gradient.len() {
                    let sum = simd.add(simd.load(&gradient[p].0), gate.pass(simd, p, sums[p][o]));
                    simd.store(&mut gradient[p].0, sum);
                }
            }
        }
    }

    /// Some columns of the gradient's row in a block.
    #[inline(always)]
    fn gradient(&mut self, block: usize, columns: Range<usize>) -> &mut [Vector] {
        let first = self.columns.start;
        let line = self.gradient.at(block, self.place).into_line(self.row);
        &mut line[columns.start - first..columns.end - first]
    }

    /// Whether a part adds nothing at some columns of this row.
    #[inline(always)]
    fn is_weightless(&self, part: usize, columns: Range<usize>) -> bool {
        let Some(weights) = self.tap.affine[part].weights else { return false };
        let weightless = weights.map().row(self.y)[columns].iter().all(|weight| *weight == 0.0);
        weightless && self.tap.fixed_with(part).is_none()
    }

    /// Adds a part at some columns of a block: `products` (D·F) with its offset and weights, and the fixed part where that
    /// goes with it.
    ///
    /// A position without weight is left alone, not given 0, so that it does not matter which tiles are left out.
    #[inline(always)]
    fn line<S: Simd>(
        &mut self,
        simd: S,
        part: usize,
        block: usize,
        columns: Range<usize>,
        products: &[Vector; tile::MOST],
    ) {
        let (tap, y) = (self.tap, self.y);
        let affine = tap.affine.get(part);
        let offset =
            tap.packed.get(part).and_then(PackedAffine::offset).map_or(&ZERO, |offset| &offset[block]);
        let offset = simd.load(&offset.0);
        let weights = affine.and_then(|part| part.weights).map(|w| &w.map().row(y)[columns.clone()]);
        let own = &tap.map.line(block, y)[columns.clone()];
        let fixed = tap.fixed_with(part).map(|(factors, target)| {
            (factors, factors.is_difference(), &target.line(block, y)[columns.clone()])
        });
        let gate = tap.gate.line(block, y, columns.clone());
        let first = y * tap.map.shape().width + columns.start;
        for (x, to) in self.gradient(block, columns).iter_mut().enumerate() {
            let mut value = simd.add(simd.load(&products[x].0), offset);
            if let Some(weights) = weights {
                value = simd.mul(value, simd.splat(weights[x]));
            }
            if let Some((Fixed { own: u, target: v }, difference, target)) = fixed {
                let (map, target) = (simd.load(&own[x].0), simd.load(&target[x].0));
                let u = simd.splat(u.at(first + x) as f32);
                value = if difference {
                    simd.fma(u, simd.sub(map, target), value)
                } else {
                    simd.fnma(simd.splat(v.at(first + x) as f32), target, simd.fma(u, map, value))
                };
            } else if weights.is_some_and(|weights| weights[x] == 0.0) {
                continue;
            }
            let value = gate.pass(simd, x, value);
            let sum = simd.add(simd.load(&to.0), value);
            simd.store(&mut to.0, sum);
        }
    }
}
