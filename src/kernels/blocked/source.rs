//! What a backward convolution reads: a gradient in memory, or one that a pooling spreads when it is asked for.

use super::gate;
use super::map::Map;
use crate::kernels::simd::{LANES, Simd, Vector, ZERO};
use crate::tensor::{Pooling, Shape};

/// Where a convolution by tiles gets its input from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// A map whose border is filled.
    Map(Map<'a>),
    /// The gradient of a map that was pooled; zeros around it.
    Unpooled(Unpooled<'a>),
}

impl Source<'_> {
    /// The map's shape.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Map(map) => map.shape(),
            Self::Unpooled(source) => source.shape,
        }
    }

    /// The vector at the map's own coordinates.
    ///
    /// # Panics
    /// If they lie outside.
    pub fn vector(&self, block: usize, y: usize, x: usize) -> Vector {
        match self {
            Self::Map(map) => map.line(block, y)[x],
            Self::Unpooled(source) => source.vector(block, y, x),
        }
    }
}

/// The gradient of a large map, made from the pooled one's when it is asked for; zeros around it.
#[derive(Clone, Copy)]
pub struct Unpooled<'a> {
    pooled: Map<'a>,
    gates: &'a [u16],
    shape: Shape,
    share: f32,
}

impl<'a> Unpooled<'a> {
    /// Spreads `pooled` through `gates` over a map of `shape`.
    ///
    /// # Panics
    /// If `pooled` is not half as large, or the gates belong to another map.
    pub fn new(pooled: Map<'a>, pooling: Pooling, gates: &'a [u16], shape: Shape) -> Self {
        let half = Shape::new(shape.channels, shape.height / 2, shape.width / 2);
        assert_eq!(pooled.shape(), half, "half a map");
        assert_eq!(gates.len(), gate::words(shape), "gates of another map");
        let share = match pooling {
            Pooling::Max => 1.0,
            Pooling::Average => 0.25,
        };
        Self { pooled, gates, shape, share }
    }

    /// The gates of a row of the map, and the pooled row behind it; `None` where no pooled one is.
    #[inline(always)]
    pub(super) fn line(&self, block: usize, y: usize) -> Option<(&'a [u16], &'a [Vector])> {
        let inside = y / 2 < self.pooled.shape().height;
        inside.then(|| {
            let gates = &self.gates[(block * self.shape.height + y) * self.shape.width..][..self.shape.width];
            (gates, self.pooled.line(block, y / 2))
        })
    }

    /// The vector at column x of a row from [`Unpooled::line`]; 0 beyond it.
    #[inline(always)]
    pub(super) fn spread<S: Simd>(&self, simd: S, line: Option<(&'a [u16], &'a [Vector])>, x: usize) -> S::V {
        match line {
            Some((gates, pooled)) if x / 2 < pooled.len() => {
                let value = simd.mul(simd.load(&pooled[x / 2].0), simd.splat(self.share));
                simd.keep(value, gates[x])
            }
            _ => simd.splat(0.0),
        }
    }

    fn vector(&self, block: usize, y: usize, x: usize) -> Vector {
        assert!(y < self.shape.height && x < self.shape.width, "outside");
        let Some((gates, pooled)) = self.line(block, y) else { return ZERO };
        let Some(pooled) = pooled.get(x / 2) else { return ZERO };
        let lane = |lane: usize| if gates[x] >> lane & 1 == 1 { pooled.0[lane] * self.share } else { 0.0 };
        const { assert!(LANES == 16) };
        Vector(std::array::from_fn(lane))
    }
}
