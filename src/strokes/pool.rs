//! The places of the styles that a picture may take its features from: the cells of every style picture, upright and turned.

use super::grid::Grid;
use super::hypercolumn::{Hypercolumns, normalise};
use super::projection::Projection;

/// A style that counts half as much as another must match better by so much, for each halving.
const HALVING: f64 = 0.05;

/// One picture of the pool: a style, turned by so many quarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Which style, by its place in the list.
    pub style: usize,
    /// Quarter turns.
    pub turns: usize,
    /// Its cells.
    pub grid: Grid,
    /// The place of its first cell.
    pub first: usize,
}

/// A cell of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The source, by its place in the pool.
    pub source: usize,
    /// Row.
    pub y: usize,
    /// Column.
    pub x: usize,
}

/// All places, counted through all sources, each with its vector.
#[derive(Debug, Clone)]
pub struct Pool {
    projection: Projection,
    sources: Vec<Source>,
    vectors: Vec<f32>,
}

impl Pool {
    /// An empty pool of vectors that are projected so.
    pub fn new(projection: Projection) -> Self {
        Self { projection, sources: Vec::new(), vectors: Vec::new() }
    }

    /// Numbers in a vector: those that are projected to, and one by which styles are preferred.
    pub fn dims(&self) -> usize {
        self.projection.dims() + 1
    }

    /// Adds a picture; `share` is that of its style, above 0 and at most 1 for the style that counts most.
    pub fn add(&mut self, style: usize, turns: usize, columns: &Hypercolumns, share: f64) {
        let first = self.vectors.len() / self.dims();
        self.sources.push(Source { style, turns, grid: columns.grid, first });
        let vectors = self.vectors(&self.projection.apply(&columns.values), (HALVING * share.log2()) as f32);
        self.vectors.extend(vectors);
    }

    /// The hypercolumns of a picture in the pool's coordinates, to be mixed and made into [`Pool::queries`].
    pub fn project(&self, columns: &Hypercolumns) -> Vec<f32> {
        self.projection.apply(&columns.values)
    }

    /// The vectors that are looked for, from projected hypercolumns.
    pub fn queries(&self, projected: &[f32]) -> Vec<f32> {
        self.vectors(projected, 1.0)
    }

    /// Vectors of length 1, and one number behind each.
    fn vectors(&self, projected: &[f32], last: f32) -> Vec<f32> {
        let mut projected = projected.to_vec();
        normalise(&mut projected, self.projection.dims());
        let extended = projected.chunks_exact(self.projection.dims());
        extended.flat_map(|vector| vector.iter().copied().chain([last])).collect()
    }

    /// The vector of a place.
    pub fn vector(&self, place: u32) -> &[f32] {
        &self.vectors[place as usize * self.dims()..][..self.dims()]
    }

    /// How similar a place is to a query, the preference for its style included.
    pub fn cosine(&self, query: &[f32], place: u32) -> f32 {
        query.iter().zip(self.vector(place)).map(|(a, b)| a * b).sum()
    }

    /// Places.
    pub fn places(&self) -> usize {
        self.vectors.len() / self.dims()
    }

    /// The pictures.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The cell at a place.
    pub fn cell(&self, place: u32) -> Cell {
        let place = place as usize;
        let source = self.sources.partition_point(|source| source.first <= place) - 1;
        let Source { grid, first, .. } = self.sources[source];
        Cell { source, y: (place - first) / grid.width, x: (place - first) % grid.width }
    }

    /// The place so many cells further in the same picture, if it is there.
    pub fn shifted(&self, place: u32, down: isize, right: isize) -> Option<u32> {
        let Cell { source, y, x } = self.cell(place);
        let Source { grid, first, .. } = self.sources[source];
        let (y, x) = (y.checked_add_signed(down)?, x.checked_add_signed(right)?);
        (y < grid.height && x < grid.width).then(|| (first + y * grid.width + x) as u32)
    }
}

/// A planar picture of `width` × `height` turned clockwise by so many quarters, with its new width and height.
pub fn turned(planes: &[f32], (width, height): (usize, usize), turns: usize) -> (Vec<f32>, (usize, usize)) {
    let (mut planes, mut size) = (planes.to_vec(), (width, height));
    for _ in 0..turns % 4 {
        let (width, height) = size;
        let plane = width * height;
        planes = (0..planes.len())
            .map(|at| {
                let (c, y, x) = (at / plane, at % plane / height, at % height);
                planes[c * plane + (height - 1 - x) * width + y]
            })
            .collect();
        size = (height, width);
    }
    (planes, size)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Random;

    /// A pool of two pictures of noise.
    pub fn noise(dims: usize) -> Pool {
        let mut random = Random::new(7);
        let mut columns = |height: usize, width: usize| {
            let grid = Grid { height, width };
            let values = (0..grid.cells() * dims).map(|_| random.normal() as f32).collect();
            Hypercolumns { grid, channels: dims, values }
        };
        let (a, b) = (columns(5, 7), columns(7, 5));
        let mut pool = Pool::new(Projection::new(&a.values, dims, dims));
        pool.add(0, 0, &a, 1.0);
        pool.add(1, 1, &b, 0.5);
        pool
    }

    #[test]
    fn places_and_cells_are_each_other_s() {
        let pool = noise(6);
        assert_eq!((pool.places(), pool.dims()), (70, 7));
        assert_eq!(pool.cell(36), Cell { source: 1, y: 0, x: 1 });
        assert_eq!(pool.shifted(8, 1, -1), Some(14));
        assert_eq!(pool.shifted(8, 0, -2), None);
        assert_eq!(pool.shifted(34, 1, 0), None, "the next picture is another");
        assert!((pool.vector(40)[6] + 0.05).abs() < 1e-6 && pool.vector(3)[6] == 0.0);
    }

    #[test]
    fn turns_are_clockwise_and_four_are_none() {
        let planes: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let (once, size) = turned(&planes, (3, 2), 1);
        assert_eq!(size, (2, 3));
        assert_eq!(once[..6], [3.0, 0.0, 4.0, 1.0, 5.0, 2.0]);
        assert_eq!(turned(&once, size, 3), (planes.clone(), (3, 2)));
        assert_eq!(turned(&planes, (3, 2), 2).0[..6], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
    }
}
