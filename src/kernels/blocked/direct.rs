//! The 3×3 convolution without any unrolled matrix: the register tile reads the map where it lies.

use super::epilogue::{Epilogue, EpiloguePart};
use super::map::Map;
use super::pack::{Group, Packed};
use super::part::Place;
use super::tile::{self, Results, by_vectors};
use crate::kernels::simd::{Kernel, LANES, Level, Simd, ZERO};

/// Rows that one task computes.
pub(super) const ROWS: usize = 4;

/// Packs out×in×3×3 weights as nine products, one a tap.
///
/// # Panics
/// On a wrong length.
pub fn pack(weight: &[f32], outputs: usize, inputs: usize) -> Packed {
    assert_eq!(weight.len(), outputs * inputs * 9, "length");
    Packed::new(inputs, outputs, 9, |o, i, values| {
        values.copy_from_slice(&weight[(o * inputs + i) * 9..][..9]);
    })
}

/// Convolves `input` (its border filled) with packed weights.
///
/// # Panics
/// If weights or results belong to another layer, or results are to be pooled: windows come in tiles.
pub fn convolve(level: Level, input: Map<'_>, weights: &Packed, epilogue: Epilogue<'_>) {
    let shape = input.shape();
    assert_eq!((weights.inputs(), weights.slots()), (shape.channels, 9), "weights of another layer");
    assert_eq!(epilogue.shape(), shape.with_channels(weights.outputs()), "results of another layer");
    epilogue.into_tiles((ROWS, shape.width)).for_each_run(1, &|mut part| {
        for place in part.grid().places(part.tiles()) {
            let (rows, _) = part.grid().extent(&place);
            for (row, y) in rows.enumerate() {
                level.run(Row { input, weights, output: &mut part, place: &place, row, y });
            }
        }
        part.complete(level);
    });
}

/// One row of the general convolution.
struct Row<'a, 'p, 'm> {
    input: Map<'a>,
    weights: &'a Packed,
    output: &'p mut EpiloguePart<'m>,
    place: &'p Place,
    /// In the place.
    row: usize,
    /// In the map.
    y: usize,
}

impl Kernel for Row<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut results: Results = [[ZERO; tile::MOST]; 3];
        for &group in self.weights.groups() {
            let length = S::TILE[group.1 - 1];
            for start in (0..self.input.shape().width).step_by(length) {
                by_vectors!(group.1, self.tile::<S>(simd, group, start, &mut results));
                for (o, values) in results.iter().take(group.1).enumerate() {
                    let values = &values[..length];
                    self.output.put_line(simd, group.0 + o, self.place, self.row, start, values);
                }
            }
        }
    }
}

impl Row<'_, '_, '_> {
    /// A tile reads `length` + 2 positions from the start of a row; where that passes the row's end it meets the next row or
    /// the room behind the map.
    #[inline(always)]
    fn tile<S: Simd, const OB: usize>(&self, simd: S, group: Group, start: usize, results: &mut Results) {
        let mut sums = tile::zero::<S, OB>(simd);
        for tap in 0..9 {
            let weights = self.weights.part(tap, group);
            for b in 0..self.input.layout().blocks() {
                let values = self.input.from(b, self.y + tap / 3, start + tap % 3);
                tile::block::<S, OB>(simd, &mut sums, values, &weights[b * LANES * OB..]);
            }
        }
        tile::write(simd, &sums, results);
    }
}
