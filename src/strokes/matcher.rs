//! Finds for each cell of a picture the place of the styles that it is to look like, and fetches the features from there.

use std::ops::Range;

use ndarray::Array3;

use super::coherence::cohere;
use super::grid::{Grid, layers};
use super::guidance::Guidance;
use super::hypercolumn::{Hypercolumns, normalise};
use super::palette::{self, CLASSES, Palette};
use super::pool::{Cell, Pool, Source, turned};
use super::projection::Projection;
use super::targets::Origins;
use crate::engine::Engine;
use crate::engine::backend::{Backend, BoxedEngine};
use crate::engine::memory::{self, Use};
use crate::error::Result;
use crate::kernels::plain::nearest::nearest;
use crate::network::Layer;
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
    /// How much each cell of it may be taken from, from 0 to 1; all of them if that is left out.
    pub mask: Option<Vec<f32>>,
}

/// See the module's text.
pub struct Matcher<'a> {
    backend: &'a Backend,
    styles: Vec<StylePicture>,
    pool: Pool,
    palette: Palette,
}

impl<'a> Matcher<'a> {
    /// Looks at the styles, at least one.
    ///
    /// # Errors
    /// A style that the network cannot look at.
    pub fn new(backend: &'a Backend, styles: Vec<StylePicture>) -> Result<Self> {
        let layers = layers(backend.network());
        let mut sample = Vec::new();
        let mut channels = 0;
        for style in &styles {
            let mut columns = Hypercolumns::new(&seen(backend, style, 0, &layers)?);
            channels = columns.channels;
            normalise(&mut columns.values, channels);
            let step = (columns.grid.cells() * styles.len()).div_ceil(SAMPLE).max(1);
            columns.values.chunks_exact(channels).step_by(step).for_each(|vector| sample.extend(vector));
        }
        let mut pool = Pool::new(Projection::new(&sample, channels, DIMS));
        drop(sample);
        let most = styles.iter().map(|style| style.share).fold(0.0, f64::max);
        let mut colours = Vec::new();
        for (at, style) in styles.iter().enumerate() {
            for turns in 0..TURNS {
                let columns = Hypercolumns::new(&seen(backend, style, turns, &layers)?);
                pool.add(at, turns, &columns, style.share / most);
                let (rgb, (width, _)) = turned(&style.rgb, style.size, turns);
                colours.extend(columns.grid.means(&rgb, width));
            }
        }
        let vectors = (0..pool.places() as u32).map(|place| pool.vector(place));
        let palette = Palette::new(vectors, pool.dims() - 1, &colours);
        Ok(Self { backend, styles, pool, palette })
    }

    /// What the last picture of `engine` looks like, for [`Matcher::places`].
    pub fn look(&self, engine: &BoxedEngine) -> Vec<f32> {
        self.pool.project(&Hypercolumns::new(engine))
    }

    /// Which places may serve a region that these styles paint: those that are at least half as much inside the style's mask
    /// as its most inner place. Nothing if all may.
    pub fn serving(&self, styles: &[usize]) -> Option<Vec<bool>> {
        let masks: Vec<_> = self.pool.sources().iter().map(|source| self.mask(*source)).collect();
        let serves = |place| {
            let Cell { source, y, x } = self.pool.cell(place);
            let Source { style, grid, .. } = self.pool.sources()[source];
            let inside =
                masks[source].as_ref().is_none_or(|(mask, least)| mask[y * grid.width + x] >= *least);
            styles.contains(&style) && inside
        };
        let served: Vec<bool> = (0..self.pool.places() as u32).map(serves).collect();
        served.iter().any(|served| !served).then_some(served)
    }

    /// The mask of a source, turned as it is, and the least value that counts.
    fn mask(&self, source: Source) -> Option<(Vec<f32>, f32)> {
        let mask = self.styles[source.style].mask.as_ref()?;
        let upright = if source.turns.is_multiple_of(2) {
            (source.grid.width, source.grid.height)
        } else {
            (source.grid.height, source.grid.width)
        };
        let (mask, _) = turned(mask, upright, source.turns);
        let most = mask.iter().copied().fold(0.0, f32::max);
        Some((mask, most / 2.0))
    }

    /// The place for each cell of a picture; `content` and `painted` are how the two look, one of them at least.
    ///
    /// # Panics
    /// If there is neither, they belong to another grid, or a region is served by no place.
    pub fn places(&self, content: Option<&[f32]>, painted: Option<&[f32]>, guidance: &Guidance) -> Vec<u32> {
        let queries = match (content, painted) {
            (Some(content), Some(painted)) => {
                let dims = content.len() / guidance.grid.cells();
                let mixed = content.iter().zip(painted).enumerate().map(|(at, (c, p))| {
                    let share = guidance.balances[at / dims].share;
                    share * c + (1.0 - share) * p
                });
                self.pool.queries(&mixed.collect::<Vec<f32>>())
            }
            (Some(one), None) | (None, Some(one)) => self.pool.queries(one),
            (None, None) => panic!("nothing is looked for"),
        };
        let mut places = vec![0; guidance.grid.cells()];
        let regions = guidance.served.iter().enumerate();
        let prices: Vec<_> = regions
            .map(|(region, served)| self.nearest(&queries, guidance, region, served.as_deref(), &mut places))
            .collect();
        let price = |cell: usize, place: u32| prices[guidance.regions[cell]][self.palette.class(place)];
        cohere(&mut places, &queries, &self.pool, guidance, &price);
        places
    }

    /// The best of the served places for each cell of a region: the most similar one of each class, and of these the one with
    /// the largest cosine less its price. The prices are returned.
    fn nearest(
        &self,
        queries: &[f32],
        guidance: &Guidance,
        region: usize,
        served: Option<&[bool]>,
        places: &mut [u32],
    ) -> [f32; CLASSES] {
        let dims = self.pool.dims();
        let cells: Vec<usize> = (0..places.len()).filter(|cell| guidance.regions[*cell] == region).collect();
        let own;
        let queries = if cells.len() == places.len() {
            queries
        } else {
            own =
                cells.iter().flat_map(|cell| &queries[cell * dims..][..dims]).copied().collect::<Vec<f32>>();
            &own
        };
        let mut members = vec![Vec::new(); CLASSES];
        self.of(served).into_iter().for_each(|place| members[self.palette.class(place)].push(place));
        let serving: usize = members.iter().map(Vec::len).sum();
        let mut best = vec![0; CLASSES * cells.len()];
        let mut cosines = vec![f32::NEG_INFINITY; CLASSES * cells.len()];
        for (class, members) in members.iter().enumerate().filter(|(_, members)| !members.is_empty()) {
            let references: Vec<f32> =
                members.iter().flat_map(|place| self.pool.vector(*place)).copied().collect();
            let mut found = vec![0; cells.len()];
            nearest(queries, &references, dims, &mut found);
            for (at, (query, found)) in queries.chunks_exact(dims).zip(found).enumerate() {
                let place = members[found as usize];
                best[at * CLASSES + class] = place;
                cosines[at * CLASSES + class] = self.pool.cosine(query, place);
            }
        }
        let there = std::array::from_fn(|class| members[class].len() as f64 / serving as f64);
        let prices = palette::prices(&cosines, &there);
        for (at, cell) in cells.into_iter().enumerate() {
            let mut most = (f32::NEG_INFINITY, 0);
            for class in 0..CLASSES {
                let gets = cosines[at * CLASSES + class] - prices[class];
                if gets > most.0 {
                    most = (gets, best[at * CLASSES + class]);
                }
            }
            places[cell] = most.1;
        }
        prices
    }

    /// Places by chance, from which a texture begins.
    pub fn random_places(&self, seed: u64, guidance: &Guidance) -> Vec<u32> {
        let mut random = Random::new(seed);
        let pools: Vec<Vec<u32>> = guidance.served.iter().map(|served| self.of(served.as_deref())).collect();
        let mut one = |region: usize| {
            let places = &pools[region];
            places[((random.uniform() * places.len() as f64) as usize).min(places.len() - 1)]
        };
        guidance.regions.iter().map(|region| one(*region)).collect()
    }

    /// The served places, all if nothing says which.
    fn of(&self, served: Option<&[bool]>) -> Vec<u32> {
        let all = 0..self.pool.places() as u32;
        all.filter(|place| served.is_none_or(|served| served[*place as usize])).collect()
    }

    /// The features at `places`, one map for each of some taps of `plan`, see [`parts`].
    ///
    /// # Errors
    /// As [`Matcher::new`].
    pub fn targets(&self, places: &[u32], plan: &Plan, taps: Range<usize>) -> Result<Vec<Array3<f32>>> {
        let grid = Grid::of(plan.picture().height, plan.picture().width);
        let shapes = taps.clone().map(|tap| plan.tap_shape(tap));
        let mut targets: Vec<_> =
            shapes.map(|shape| Array3::zeros((shape.channels, shape.height, shape.width))).collect();
        let layers = &plan.taps()[taps];
        let cells: Vec<_> = places.iter().map(|&place| self.pool.cell(place)).collect();
        for (at, source) in self.pool.sources().iter().enumerate() {
            let of = cells.iter().map(|cell| (cell.source == at).then_some((cell.y, cell.x))).collect();
            let origins = Origins { grid, of };
            if !origins.any() {
                continue;
            }
            let engine = seen(self.backend, &self.styles[source.style], source.turns, layers)?;
            for (tap, (layer, target)) in layers.iter().zip(&mut targets).enumerate() {
                origins.copy(layer.block, engine.features(tap).view(), target);
            }
        }
        Ok(targets)
    }
}

/// The taps of a plan in parts whose features are fetched together: the first block, which is as large as all others, and
/// these. So no more than half of the features stand in memory beside the engine's own.
pub fn parts(plan: &Plan) -> Vec<Range<usize>> {
    let first = plan.taps().iter().take_while(|layer| layer.block == 1).count();
    let parts = [0..first, first..plan.taps().len()];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// An engine that has seen a style, turned.
fn seen(backend: &Backend, style: &StylePicture, turns: usize, layers: &[Layer]) -> Result<BoxedEngine> {
    let (rgb, (width, height)) = turned(&style.rgb, style.size, turns);
    let mut engine = backend.engine(height, width, layers)?;
    engine.forward(&rgb);
    Ok(engine)
}

/// Bytes that matching and fetching take beside the engine of a picture of `plan`, with styles of these plans.
pub fn memory(backend: &Backend, plan: &Plan, styles: &[Plan]) -> usize {
    let float = size_of::<f32>();
    let floats = |plan: &Plan, taps: Range<usize>| taps.map(|tap| plan.tap_shape(tap).len()).sum::<usize>();
    // Of an engine that keeps only these taps: all maps pass through it, but those of others are not kept.
    let engine = |plan: &Plan, taps: Range<usize>| {
        let all = memory::estimate(plan, backend.kind(), &[], Use::Evaluation);
        all.saturating_sub(float * (floats(plan, 0..plan.taps().len()) - floats(plan, taps)))
    };
    let fetching = |style: &Plan| {
        let fetching = |part: Range<usize>| engine(style, part.clone()) + float * floats(style, part) / 2;
        parts(style).into_iter().map(fetching).max().unwrap_or(0)
    };
    let targets = parts(plan).into_iter().map(|part| float * floats(plan, part)).max().unwrap_or(0);
    let fetching = targets + styles.iter().map(fetching).max().unwrap_or(0);
    // When the styles are looked at, the picture's engine is not yet there.
    let own = memory::estimate(plan, backend.kind(), plan.taps(), Use::Evaluation);
    let looking = |style: &Plan| engine(style, 0..style.taps().len()).saturating_sub(own);
    let looking = styles.iter().map(looking).max().unwrap_or(0);
    let channels = (0..plan.taps().len()).map(|tap| plan.tap_shape(tap).channels).sum::<usize>();
    let cells = |plan: &Plan| Grid::of(plan.picture().height, plan.picture().width).cells();
    let columns = styles.iter().chain([plan]).map(cells).max().unwrap_or(0) * channels;
    // Those of one class are copied, to stand beside each other: all of them at worst.
    let vectors = 2 * (styles.iter().map(|plan| TURNS * cells(plan)).sum::<usize>() + 4 * cells(plan));
    // The best place of each class for each cell, with its cosine.
    let classes = 2 * float * CLASSES * cells(plan);
    float * vectors * (DIMS + 1) + (float * columns + looking).max(fetching).max(classes)
}

#[cfg(test)]
mod tests {
    use super::super::balance::Balance;
    use super::*;
    use crate::random::Random;
    use crate::weights;
    use std::sync::Arc;

    #[test]
    fn what_the_style_has_is_used_more_evenly_than_by_likeness_alone() {
        let network = Arc::new(weights::random("6,6|8|6|5", 3).unwrap());
        let backend = Backend::new(network.clone(), Default::default(), None).unwrap();
        let mut random = Random::new(2);
        // Noise of one strength, and a painting of stripes that become stronger from left to right.
        let content: Vec<f32> = (0..3 * 64 * 64).map(|_| 0.5 + 0.1 * random.normal() as f32).collect();
        let stripe = |at: usize| {
            let (c, x, y) = (at / 4096, (at % 64) as f32, (at / 64 % 64) as f32);
            0.5 + 0.4 * x / 64.0 * (0.9 * y + 0.2 * x + c as f32).sin()
        };
        let picture = |rgb| StylePicture { rgb, size: (64, 64), share: 1.0, mask: None };
        let style = picture((0..3 * 64 * 64).map(stripe).collect());
        let matcher = Matcher::new(&backend, vec![style]).unwrap();
        let looks = matcher.look(&seen(&backend, &picture(content), 0, &layers(&network)).unwrap());
        let balance = Balance { share: 1.0, coherence: 0.0, hold: 0.0 };
        let priced = matcher.places(Some(&looks), None, &Guidance::even(balance, Grid::of(64, 64)));
        let pool = &matcher.pool;
        let all: Vec<f32> = (0..pool.places() as u32).flat_map(|place| pool.vector(place)).copied().collect();
        let mut alike = vec![0; priced.len()];
        nearest(&pool.queries(&looks), &all, pool.dims(), &mut alike);
        // Half of the sum of differences between what is used of each class and what there is of it.
        let shares = |places: &[u32]| {
            let mut shares = [0.0; CLASSES];
            places
                .iter()
                .for_each(|place| shares[matcher.palette.class(*place)] += 1.0 / places.len() as f64);
            shares
        };
        let there = shares(&(0..pool.places() as u32).collect::<Vec<_>>());
        let uneven = |places: &[u32]| {
            shares(places).iter().zip(there).map(|(used, there)| (used - there).abs()).sum::<f64>() / 2.0
        };
        let (priced, alike) = (uneven(&priced), uneven(&alike));
        assert!(priced < 0.8 * alike, "{priced} {alike}");
    }
}
