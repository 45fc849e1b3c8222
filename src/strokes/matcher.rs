//! Finds for each cell of a picture the place of the styles that it is to look like, and fetches the features from there.

use ndarray::Array3;

use super::balance::Balance;
use super::coherence::cohere;
use super::grid::{Grid, layers};
use super::hypercolumn::{Hypercolumns, normalise};
use super::pool::{Pool, turned};
use super::projection::Projection;
use super::targets::Origins;
use crate::engine::Engine;
use crate::engine::backend::{Backend, BoxedEngine};
use crate::engine::memory::{self, Use};
use crate::error::Result;
use crate::kernels::plain::nearest::nearest;
use crate::network::plan::Plan;
use crate::random::Random;

/// Numbers in a vector that is matched.
const DIMS: usize = 96;
/// Vectors from which the projection is made, about.
const SAMPLE: usize = 4096;
/// Quarter turns in which each style is offered: strokes turn with the forms.
const TURNS: usize = 4;

/// A style at the size at which it is taken.
#[derive(Debug, Clone)]
pub struct StylePicture {
    /// 3×H×W, RGB in [0, 1].
    pub rgb: Vec<f32>,
    /// Width and height.
    pub size: (usize, usize),
    /// How much it counts beside others, above 0.
    pub share: f64,
}

/// See the module's text.
pub struct Matcher<'a> {
    backend: &'a Backend,
    styles: Vec<StylePicture>,
    pool: Pool,
}

impl<'a> Matcher<'a> {
    /// Looks at the styles, at least one.
    ///
    /// # Errors
    /// A style that the network cannot look at.
    pub fn new(backend: &'a Backend, styles: Vec<StylePicture>) -> Result<Self> {
        let mut sample = Vec::new();
        let mut channels = 0;
        for style in &styles {
            let mut columns = Hypercolumns::new(&seen(backend, style, 0)?);
            channels = columns.channels;
            normalise(&mut columns.values, channels);
            let step = (columns.grid.cells() * styles.len()).div_ceil(SAMPLE).max(1);
            columns.values.chunks_exact(channels).step_by(step).for_each(|vector| sample.extend(vector));
        }
        let mut pool = Pool::new(Projection::new(&sample, channels, DIMS));
        drop(sample);
        let most = styles.iter().map(|style| style.share).fold(0.0, f64::max);
        for (at, style) in styles.iter().enumerate() {
            for turns in 0..TURNS {
                let columns = Hypercolumns::new(&seen(backend, style, turns)?);
                pool.add(at, turns, &columns, style.share / most);
            }
        }
        Ok(Self { backend, styles, pool })
    }

    /// What the last picture of `engine` looks like, for [`Matcher::places`].
    pub fn look(&self, engine: &BoxedEngine) -> Vec<f32> {
        self.pool.project(&Hypercolumns::new(engine))
    }

    /// The place for each cell of a picture; `content` and `painted` are how the two look, one of them at least.
    ///
    /// # Panics
    /// If there is neither, or they belong to another grid.
    pub fn places(
        &self,
        content: Option<&[f32]>,
        painted: Option<&[f32]>,
        balance: Balance,
        grid: Grid,
    ) -> Vec<u32> {
        let queries = match (content, painted) {
            (Some(content), Some(painted)) => {
                let mixed = content.iter().zip(painted);
                let mixed: Vec<f32> =
                    mixed.map(|(c, p)| balance.share * c + (1.0 - balance.share) * p).collect();
                self.pool.queries(&mixed)
            }
            (Some(one), None) | (None, Some(one)) => self.pool.queries(one),
            (None, None) => panic!("nothing is looked for"),
        };
        let mut places = vec![0; grid.cells()];
        nearest(&queries, self.pool.all(), self.pool.dims(), &mut places);
        cohere(&mut places, &queries, &self.pool, grid, balance.coherence);
        places
    }

    /// Places by chance, from which a texture begins.
    pub fn random_places(&self, seed: u64, grid: Grid) -> Vec<u32> {
        let mut random = Random::new(seed);
        let count = self.pool.places();
        (0..grid.cells())
            .map(|_| ((random.uniform() * count as f64) as usize).min(count - 1) as u32)
            .collect()
    }

    /// The features at `places`, one map for each tap of `plan`.
    ///
    /// # Errors
    /// As [`Matcher::new`].
    pub fn targets(&self, places: &[u32], plan: &Plan) -> Result<Vec<Array3<f32>>> {
        let grid = Grid::of(plan.picture().height, plan.picture().width);
        let shapes = (0..plan.taps().len()).map(|tap| plan.tap_shape(tap));
        let mut targets: Vec<_> =
            shapes.map(|shape| Array3::zeros((shape.channels, shape.height, shape.width))).collect();
        let cells: Vec<_> = places.iter().map(|&place| self.pool.cell(place)).collect();
        for (at, source) in self.pool.sources().iter().enumerate() {
            let of = cells.iter().map(|cell| (cell.source == at).then_some((cell.y, cell.x))).collect();
            let origins = Origins { grid, of };
            if !origins.any() {
                continue;
            }
            let engine = seen(self.backend, &self.styles[source.style], source.turns)?;
            for (tap, target) in targets.iter_mut().enumerate() {
                origins.copy(plan.taps()[tap].block, engine.features(tap).view(), target);
            }
        }
        Ok(targets)
    }
}

/// An engine that has seen a style, turned.
fn seen(backend: &Backend, style: &StylePicture, turns: usize) -> Result<BoxedEngine> {
    let (rgb, (width, height)) = turned(&style.rgb, style.size, turns);
    let mut engine = backend.engine(height, width, &layers(backend.network()))?;
    engine.forward(&rgb);
    Ok(engine)
}

/// Bytes that matching takes beside the engine of a picture of `plan`, with styles of these plans.
pub fn memory(backend: &Backend, plan: &Plan, styles: &[Plan]) -> usize {
    let float = size_of::<f32>();
    let floats = |plan: &Plan| (0..plan.taps().len()).map(|tap| plan.tap_shape(tap).len()).sum::<usize>();
    let channels = (0..plan.taps().len()).map(|tap| plan.tap_shape(tap).channels).sum::<usize>();
    let cells = |plan: &Plan| Grid::of(plan.picture().height, plan.picture().width).cells();
    let seen =
        |plan: &Plan| memory::estimate(plan, backend.kind(), &[], Use::Evaluation) + float * floats(plan) / 2;
    let largest = styles.iter().map(seen).max().unwrap_or(0);
    let columns = styles.iter().chain([plan]).map(cells).max().unwrap_or(0) * channels;
    let vectors = styles.iter().map(|plan| TURNS * cells(plan)).sum::<usize>() + 4 * cells(plan);
    float * (floats(plan) + columns + vectors * (DIMS + 1)) + largest
}
