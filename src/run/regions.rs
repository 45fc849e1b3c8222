//! Which style counts where in the result: the regions of a request, and the weights that each layer gets from them.
//!
//! Styles that name a region count there; those that name none count wherever no region does. A place that no style has is
//! painted in all of them. Each place is pulled as strongly as in a run without regions: a region's term is weighed by the
//! share of the positions that it covers.

use super::masks::Mask;
use super::request::{Request, Style};
use super::sizes::Size;
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::tensor::PositionWeights;

/// One region of the result with the styles that count there.
pub(super) struct Region<'a> {
    /// The styles with their shares, which sum to 1.
    pub styles: Vec<(&'a Style, f64)>,
    /// How much it counts beside other regions, 1 as a rule.
    pub weight: f64,
    /// Where, at the result's size; everywhere if it is left out.
    pub mask: Option<Mask>,
}

/// What each place of the result is pulled by: the regions of the styles, and the content.
pub(super) struct Regions<'a> {
    pub styles: Vec<Region<'a>>,
    /// How much the content counts at each place, 1 as a rule; everywhere the same if it is left out.
    pub content: Option<Mask>,
}

impl<'a> Regions<'a> {
    /// The regions at a size of the run; `shares` are those of all styles at this size (0 for those that do not count).
    pub fn new(request: &'a Request<'_>, shares: &[f64], (width, height): Size) -> Self {
        let at_size = |mask: &Mask| mask.at_size(width, height);
        let counting: Vec<(&Style, f64)> =
            request.styles.iter().zip(shares.iter().copied()).filter(|(_, share)| *share > 0.0).collect();
        let mut styles: Vec<Region<'_>> = Vec::new();
        let mut masks: Vec<&Mask> = Vec::new();
        for &(style, share) in counting.iter().filter(|(style, _)| style.region().is_some()) {
            let mask = style.region().expect("filtered");
            match masks.iter().position(|other| other.is(mask)) {
                Some(at) => styles[at].styles.push((style, share)),
                None => {
                    masks.push(mask);
                    styles.push(Region {
                        styles: vec![(style, share)],
                        weight: 1.0,
                        mask: Some(at_size(mask)),
                    });
                }
            }
        }
        let unnamed: Vec<(&Style, f64)> =
            counting.iter().filter(|(style, _)| style.region().is_none()).copied().collect();
        let rest = if unnamed.is_empty() { counting.clone() } else { unnamed };
        // What no region covers; regions that overlap share their places.
        let covered =
            styles.iter().filter_map(|region| region.mask.clone()).reduce(|a, b| a.zip(&b, |a, b| a + b));
        match covered {
            None => styles.push(Region { styles: rest, weight: 1.0, mask: None }),
            Some(covered) => {
                for region in &mut styles {
                    let mask = region.mask.take().expect("every region so far has one");
                    region.mask = Some(mask.zip(&covered, |mask, covered| mask / covered.max(1.0)));
                    // One style alone tells the region's weight; several tell their shares in it.
                    region.weight =
                        if let [(style, _)] = region.styles[..] { style.own_weight() } else { 1.0 };
                }
                let mask = covered.map(|covered| (1.0 - covered).max(0.0));
                if mask.values().iter().any(|value| *value > 0.0) {
                    styles.push(Region { styles: rest, weight: 1.0, mask: Some(mask) });
                }
            }
        }
        for region in &mut styles {
            let sum: f64 = region.styles.iter().map(|(_, share)| share).sum();
            region.styles.iter_mut().for_each(|(_, share)| *share /= sum);
        }
        let mut content = None;
        if let Some(strength) = request.strength.as_ref().map(at_size) {
            // As for one strength everywhere, content to style is ((1 − s)/s)²; the larger of both is 1.
            let part = |a: f32, b: f32| if a >= b { 1.0 } else { (a / b) * (a / b) };
            content = Some(strength.map(|s| part(1.0 - s, s)));
            limit(&mut styles, &strength.map(|s| part(s, 1.0 - s)));
        }
        if let Some(keep) = request.keep.as_ref().map(at_size) {
            limit(&mut styles, &keep.map(|keep| 1.0 - keep));
            let more = keep.map(|keep| 1.0 + KEPT * keep);
            content = Some(content.map_or(more.clone(), |content| content.zip(&more, |a, b| a * b)));
        }
        styles
            .retain(|region| region.mask.as_ref().is_none_or(|mask| mask.values().iter().any(|v| *v > 0.0)));
        Self { styles, content }
    }
}

/// How many times more the content counts where it is kept; its pixels are put back in the end where it is kept whole.
const KEPT: f32 = 9.0;

/// Multiplies every region by a mask.
fn limit(styles: &mut [Region<'_>], by: &Mask) {
    for region in styles {
        region.mask = Some(region.mask.as_ref().map_or(by.clone(), |mask| mask.zip(by, |a, b| a * b)));
    }
}

/// The weights of a region at a layer, and the share of the layer's positions that they are.
pub(super) fn at_layer(mask: &Mask, plan: &Plan, layer: Layer) -> (PositionWeights, f64) {
    let weights = mask.at_layer(plan, layer);
    let sum: f64 = weights.map().values().iter().map(|weight| f64::from(*weight)).sum();
    let share = sum / weights.map().values().len() as f64;
    (weights, share)
}
