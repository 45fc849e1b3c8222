//! Neighbouring cells from neighbouring places, so that strokes stay whole.
//!
//! The candidates are those of k-coherence (Ashikhmin 2001, "Synthesizing natural textures"; Hertzmann et al. 2001, "Image
//! Analogies", §3.2): a cell may take over the place of each of its eight neighbours, shifted by the way between them. What
//! is compared is the cosine, less the place's price, plus κ times the share of the neighbours that propose the same place.

use rayon::prelude::*;

use super::guidance::Guidance;
use super::pool::Pool;

/// All cells change at once, so many times.
pub const PASSES: usize = 4;

/// The eight neighbours, as rows down and columns right.
const AROUND: [(isize, isize); 8] = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];

/// Moves the places of the cells towards coherence; `queries` are the cells' vectors, see [`Pool::queries`], and `price` is
/// what a place costs a cell. Of candidates that are equally good the cell's own is kept, then the first neighbour's, row by
/// row.
///
/// # Panics
/// If there is not one place and one query for each cell.
pub fn cohere(
    places: &mut Vec<u32>,
    queries: &[f32],
    pool: &Pool,
    guidance: &Guidance,
    price: &(dyn Fn(usize, u32) -> f32 + Sync),
) {
    let grid = guidance.grid;
    assert_eq!((places.len(), queries.len()), (grid.cells(), grid.cells() * pool.dims()), "one each a cell");
    if guidance.balances.iter().all(|balance| balance.coherence == 0.0) {
        return;
    }
    for _ in 0..PASSES {
        let mut next = vec![0; places.len()];
        next.par_chunks_mut(grid.width).enumerate().for_each(|(y, row)| {
            for (x, place) in row.iter_mut().enumerate() {
                let query = &queries[(y * grid.width + x) * pool.dims()..][..pool.dims()];
                *place = best(places, query, pool, guidance, price, (y, x));
            }
        });
        *places = next;
    }
}

/// The best candidate of a cell.
fn best(
    places: &[u32],
    query: &[f32],
    pool: &Pool,
    guidance: &Guidance,
    price: &(dyn Fn(usize, u32) -> f32 + Sync),
    (y, x): (usize, usize),
) -> u32 {
    let grid = guidance.grid;
    let cell = y * grid.width + x;
    let coherence = guidance.balances[cell].coherence;
    let proposals = AROUND.map(|(down, right)| {
        let (y, x) = (y.checked_add_signed(down)?, x.checked_add_signed(right)?);
        let inside = y < grid.height && x < grid.width;
        let place = if inside { pool.shifted(places[y * grid.width + x], -down, -right) } else { None };
        place.filter(|&place| guidance.allows(cell, place))
    });
    let score = |place: u32| {
        let agreeing = proposals.iter().filter(|proposal| **proposal == Some(place)).count();
        pool.cosine(query, place) - price(cell, place) + coherence * agreeing as f32 / AROUND.len() as f32
    };
    let own = places[cell];
    let mut best = (score(own), own);
    for (at, place) in proposals.iter().enumerate() {
        let Some(place) = *place else { continue };
        if place == own || proposals[..at].contains(&Some(place)) {
            continue;
        }
        let score = score(place);
        if score > best.0 {
            best = (score, place);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::super::balance::Balance;
    use super::super::grid::Grid;
    use super::super::pool::tests::noise;
    use super::*;
    use crate::kernels::plain::nearest::nearest;
    use crate::random::Random;

    fn guided(coherence: f32, grid: Grid) -> Guidance {
        Guidance::even(Balance { share: 1.0, coherence, hold: 0.0 }, grid)
    }

    /// The share of pairs of neighbours that come from neighbouring places.
    fn agreement(places: &[u32], pool: &Pool, grid: Grid) -> f64 {
        let pairs = (0..grid.cells()).filter(|cell| cell % grid.width + 1 < grid.width);
        let agree = pairs.clone().filter(|&cell| pool.shifted(places[cell], 0, 1) == Some(places[cell + 1]));
        agree.count() as f64 / pairs.count() as f64
    }

    #[test]
    fn neighbours_agree_more_and_nothing_moves_without_weight() {
        let (pool, grid) = (noise(6), Grid { height: 9, width: 11 });
        let mut random = Random::new(1);
        let projected: Vec<f32> = (0..grid.cells() * 6).map(|_| random.normal() as f32).collect();
        let queries = pool.queries(&projected);
        let mut places = vec![0; grid.cells()];
        let all: Vec<f32> = (0..70).flat_map(|place| pool.vector(place)).copied().collect();
        nearest(&queries, &all, pool.dims(), &mut places);
        let (matched, mut still) = (places.clone(), places.clone());
        cohere(&mut still, &queries, &pool, &guided(0.0, grid), &|_, _| 0.0);
        assert_eq!(still, matched);
        cohere(&mut places, &queries, &pool, &guided(1.0, grid), &|_, _| 0.0);
        let (before, after) = (agreement(&matched, &pool, grid), agreement(&places, &pool, grid));
        assert!(after > before + 0.1, "{before} {after}");
    }

    #[test]
    fn a_single_cell_that_disagrees_follows_its_neighbours() {
        let (pool, grid) = (noise(6), Grid { height: 3, width: 3 });
        // Places of the first picture as they lie there, but for the middle.
        let mut places: Vec<u32> = (0..9).map(|cell| cell / 3 * 7 + cell % 3).collect();
        places[4] = 50;
        let queries = pool.queries(&vec![0.0; 9 * 6]);
        cohere(&mut places, &queries, &pool, &guided(0.4, grid), &|_, _| 0.0);
        assert_eq!(places[4], 8);
    }
}
