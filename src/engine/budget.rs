//! Which tiles keep an evaluation below a number of bytes.

use super::demand::{Demand, EngineKind};
use super::tiling::{Tiling, most};
use crate::network::Layer;
use crate::network::plan::Plan;

/// The threads that tiles are chosen for. What threads borrow is counted for so many whatever the machine has, for the
/// tiles must not depend on it: results would.
pub const THREADS: usize = 16;

/// Bytes that an evaluation takes in these tiles once it was made, on so many threads, and what is left of smaller sizes.
pub fn bytes(tiling: &Tiling, kind: EngineKind, compared: &[Layer], threads: usize) -> usize {
    let steps = kind.steps(tiling.tile().clone());
    // Smaller sizes of the picture came before, as a rule.
    let demand = Demand::new(&steps, kind, compared, threads).total() + Demand::of_coarser(&steps);
    if tiling.is_whole() {
        return demand;
    }
    let width = match kind {
        EngineKind::Single(_) => size_of::<f32>(),
        EngineKind::Double => size_of::<f64>(),
    };
    let (plan, tile) = (tiling.plan(), tiling.tile());
    let taps = 0..plan.taps().len();
    let positions: usize = taps.clone().map(|tap| tile.tap_shape(tap).positions()).sum();
    let channels = taps.map(|tap| tile.tap_shape(tap).channels);
    let moments: usize = channels.map(|n| size_of::<f64>() * (n * n + n)).sum();
    // F₀ of all tiles; of one tile as it is handed to the engine, and as the engine hands it out.
    let compared = compared.iter().filter_map(|layer| plan.tap(*layer));
    let targets: usize = compared.map(|tap| plan.tap_shape(tap).len() + 2 * tile.tap_shape(tap).len()).sum();
    // The tile's pixels and their gradient.
    let pixels = 2 * tile.picture().len();
    // Weights by position: two regions a tap, as a rule.
    demand + width * (targets + pixels) + moments + 2 * size_of::<f32>() * positions
}

/// The tiles that take the fewest multiplications of those whose evaluation takes at most `limit` bytes on up to
/// [`THREADS`] threads: one tile, if that does.
///
/// # Errors
/// The bytes that the smallest tiles take, if these are more.
pub fn tiling(plan: &Plan, kind: EngineKind, compared: &[Layer], limit: usize) -> Result<Tiling, usize> {
    let whole = Tiling::whole(plan.clone());
    let needs = |tiling: &Tiling| bytes(tiling, kind, compared, THREADS);
    let mut least = needs(&whole);
    if least <= limit {
        return Ok(whole);
    }
    let picture = plan.picture();
    let (down, across) = (most(plan, picture.height), most(plan, picture.width));
    let mut best: Option<(f64, Tiling)> = None;
    // More rows of tiles never need more columns.
    let mut columns = across;
    for rows in 1..=down {
        while columns >= 1 {
            let Some(tiling) = Tiling::new(plan, (rows, columns)) else {
                columns -= 1;
                continue;
            };
            let bytes = needs(&tiling);
            least = least.min(bytes);
            if bytes > limit {
                break;
            }
            let flops = kind.steps(tiling.tile().clone()).flops() * tiling.count() as f64;
            if best.as_ref().is_none_or(|(fewest, _)| flops < *fewest) {
                best = Some((flops, tiling));
            }
            columns -= 1;
        }
        columns = (columns + 1).min(across);
    }
    best.map(|(_, tiling)| tiling).ok_or(least)
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use crate::engine::ConvolutionAlgorithm;
    use crate::tensor::Padding;
    use std::sync::Arc;

    #[test]
    fn tiles_are_as_large_as_the_limit_allows() {
        let network = Arc::new(crate::weights::embedded().unwrap());
        let (content, style) = ("relu4_1".parse().unwrap(), "relu1_1".parse().unwrap());
        let kind = EngineKind::Single(ConvolutionAlgorithm::Auto);
        let plan = Plan::new(network, 1000, 1500, &[content, style]).unwrap();
        let compared = [content];
        let whole = bytes(&Tiling::whole(plan.clone()), kind, &compared, THREADS);
        assert!(tiling(&plan, kind, &compared, whole).unwrap().is_whole());
        let mut count = 1;
        for part in [2, 3, 5] {
            let tiles = tiling(&plan, kind, &compared, whole / part).unwrap();
            let bytes = bytes(&tiles, kind, &compared, THREADS);
            assert!(bytes <= whole / part && bytes > whole / part / 2, "{bytes} of {}", whole / part);
            assert!(tiles.count() > count, "{part}: {}", tiles.count());
            count = tiles.count();
        }
        let least = tiling(&plan, kind, &compared, 1000).unwrap_err();
        assert!(
            tiling(&plan, kind, &compared, least).is_ok()
                && tiling(&plan, kind, &compared, least - 1).is_err()
        );
        let wrapped = Arc::new(plan.network().with_padding(Padding::Wrap));
        let odd = Plan::new(wrapped, 1001, 1503, plan.taps()).unwrap();
        let least = tiling(&odd, kind, &compared, whole / 2).unwrap_err();
        assert!(least > whole / 2, "a side that wraps is not cut where it is odd");
    }
}
