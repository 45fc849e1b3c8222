//! Which linear function a network is at a picture: its activation pattern (Raghu et al. 2017, "On the expressive power
//! of deep neural networks"), that is, which ReLUs are open and which elements a pooling hands on.
//!
//! Two engines that round differently decide differently where a value is next to 0, or two candidates of a maximum are
//! next to each other, and then their gradients are those of two linear functions. To compare them, one of them takes
//! over the other's pattern ([`Reference::freeze`](super::reference::Reference::freeze)), and every decision that it would
//! have taken otherwise must have been as good as a tie ([`Disagreement`]).

use std::ops::AddAssign;

use crate::kernels::plain::pool::{largest, pooled, window};
use crate::tensor::{Pooling, Scalar, Shape};

/// The activation pattern of one convolution: through which elements of its map (C×H×W) values and gradients pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// Where the ReLU is open. `None` where only a pooling reads the map: there an engine need not know it.
    pub rectifier: Option<Vec<bool>>,
    /// Which elements the ReLU and the pooling behind it hand on together: of each window the largest, or all, if they are
    /// positive. `None` if there is no pooling.
    pub pooling: Option<Vec<bool>>,
}

impl Pattern {
    /// Of a rectified map of `shape`, with a pooling behind or without; `is_tapped` says that a tap reads it too.
    pub(super) fn of_map<T: Scalar>(
        map: &[T],
        shape: Shape,
        pooling: Option<Pooling>,
        is_tapped: bool,
    ) -> Self {
        let is_open = |at: usize| map[at] > T::ZERO;
        let rectifier = (is_tapped || pooling.is_none()).then(|| (0..map.len()).map(is_open).collect());
        let passes = pooling.map(|pooling| {
            let mut passes = vec![false; map.len()];
            for places in windows(shape) {
                match pooling {
                    Pooling::Max => {
                        let best = largest(map, places);
                        passes[best] = is_open(best);
                    }
                    Pooling::Average => places.into_iter().for_each(|at| passes[at] = is_open(at)),
                }
            }
            passes
        });
        Self { rectifier, pooling: passes }
    }

    /// Whether it belongs to a map of `shape`, with a pooling behind or without.
    pub(super) fn fits(&self, shape: Shape, is_pooled: bool) -> bool {
        let fits = |mask: &Option<Vec<bool>>| mask.as_ref().is_none_or(|mask| mask.len() == shape.len());
        fits(&self.rectifier)
            && fits(&self.pooling)
            && self.pooling.is_some() == is_pooled
            && (self.rectifier.is_some() || is_pooled)
    }

    /// Clears what the ReLU does not let pass, of values or of a gradient.
    pub(super) fn rectify<T: Scalar>(&self, map: &mut [T]) {
        if let Some(open) = self.rectifier.as_ref().or(self.pooling.as_ref()) {
            map.iter_mut().zip(open).filter(|(_, open)| !**open).for_each(|(value, _)| *value = T::ZERO);
        }
    }

    /// Pools a rectified map of `shape` as the pattern says.
    pub(super) fn pool<T: Scalar>(&self, map: &[T], shape: Shape, pooling: Pooling, output: &mut [T]) {
        output.fill(T::ZERO);
        self.each_passage(shape, |from, to| output[to] += map[from] * share(pooling));
    }

    /// Spreads the gradient of the pooled map over a map of `shape`: the adjoint of [`Pattern::pool`].
    pub(super) fn unpool<T: Scalar>(&self, pooled: &[T], shape: Shape, pooling: Pooling, gradient: &mut [T]) {
        gradient.fill(T::ZERO);
        self.each_passage(shape, |to, from| gradient[to] = pooled[from] * share(pooling));
    }

    /// Calls `work` with each element that the pooling hands on and the pooled one that it goes to.
    fn each_passage(&self, shape: Shape, mut work: impl FnMut(usize, usize)) {
        let passes = self.pooling.as_ref().expect("there is a pooling");
        for (at, places) in windows(shape).enumerate() {
            places.into_iter().filter(|place| passes[*place]).for_each(|place| work(place, at));
        }
    }

    /// How these decisions differ from those that the map before the ReLU (of `shape`) asks for.
    pub(super) fn compare<T: Scalar>(&self, linear: &[T], shape: Shape, pooling: Pooling) -> Disagreement {
        assert_eq!(linear.len(), shape.len(), "a map of another shape");
        let value = |at: usize| linear[at].to_f64();
        let squares: f64 = linear.iter().map(|value| value.to_f64().powi(2)).sum();
        let scale = (squares / shape.len() as f64).sqrt();
        let mut result = Disagreement::default();
        let mut decide = |differs: bool, distance: f64| {
            let part = if distance == 0.0 { 0.0 } else { distance / scale };
            result += Disagreement {
                decisions: 1,
                differing: usize::from(differs),
                farthest: if differs { part } else { 0.0 },
            };
        };
        let mut open = |is_open: bool, at: usize| decide(is_open != (value(at) > 0.0), value(at).abs());
        if let Some(rectifier) = &self.rectifier {
            rectifier.iter().enumerate().for_each(|(at, &is_open)| open(is_open, at));
        }
        let Some(passes) = &self.pooling else { return result };
        if pooling == Pooling::Average {
            windows(shape).flatten().for_each(|at| open(passes[at], at));
            return result;
        }
        for places in windows(shape) {
            let best = largest(linear, places);
            let own = (value(best) > 0.0).then_some(best);
            let mut handed_on = places.into_iter().filter(|at| passes[*at]);
            match (handed_on.next(), handed_on.next()) {
                // A window has one largest value.
                (_, Some(_)) => decide(true, f64::INFINITY),
                (None, _) => decide(own.is_some(), value(best)),
                (Some(at), None) => decide(own != Some(at), (value(best) - value(at)).max(-value(at))),
            }
        }
        result
    }
}

/// Clears what no window has: a last odd row or column.
pub(super) fn clear_outside_windows(passes: &mut [bool], shape: Shape) {
    let (height, width) = (shape.height / 2 * 2, shape.width / 2 * 2);
    for (at, passes) in passes.iter_mut().enumerate() {
        let (y, x) = (at / shape.width % shape.height, at % shape.width);
        *passes &= y < height && x < width;
    }
}

/// What an element of a window counts in the pooled one.
fn share<T: Scalar>(pooling: Pooling) -> T {
    match pooling {
        Pooling::Max => T::from_f64(1.0),
        Pooling::Average => T::from_f64(0.25),
    }
}

/// The windows of a map, in the order of the pooled one.
fn windows(shape: Shape) -> impl Iterator<Item = [usize; 4]> {
    let small = pooled(shape);
    (0..shape.channels).flat_map(move |channel| {
        (0..small.positions()).map(move |at| {
            let place = |place: usize| channel * shape.positions() + place;
            window(shape.width, at / small.width, at % small.width).map(place)
        })
    })
}

/// How far two activation patterns are apart.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Disagreement {
    /// Decisions that were compared: one a ReLU, one a window of a maximum.
    pub decisions: usize,
    /// Those that differ.
    pub differing: usize,
    /// How far the farthest of these was from a tie: the value that was cut or let pass, or the difference of the two
    /// candidates, as a part of the root mean square of its layer before the ReLU.
    pub farthest: f64,
}

impl AddAssign for Disagreement {
    fn add_assign(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.differing += other.differing;
        // Not `f64::max`, which would lose a NaN.
        if other.farthest.is_nan() || other.farthest > self.farthest {
            self.farthest = other.farthest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape::new(1, 2, 4);
    // The root mean square is 2.
    const MAP: [f64; 8] = [3.0, -1.0, -1.0, -2.0, 2.999, 1.0, -1.5, -2.1];

    fn mask(bits: [u8; 8]) -> Option<Vec<bool>> {
        Some(bits.map(|bit| bit == 1).to_vec())
    }

    fn compare(rectifier: Option<Vec<bool>>, pooling: Option<Vec<bool>>, kind: Pooling) -> Disagreement {
        Pattern { rectifier, pooling }.compare(&MAP, SHAPE, kind)
    }

    #[test]
    fn decisions_that_differ_are_counted_with_their_distance() {
        let scale = (MAP.iter().map(|x| x * x).sum::<f64>() / 8.0).sqrt();
        let relu = compare(mask([1, 0, 0, 0, 1, 1, 0, 0]), None, Pooling::Max);
        assert_eq!(relu, Disagreement { decisions: 8, differing: 0, farthest: 0.0 });
        let relu = compare(mask([1, 1, 0, 0, 1, 1, 1, 0]), None, Pooling::Max);
        assert_eq!(relu, Disagreement { decisions: 8, differing: 2, farthest: 1.5 / scale });
        let average = compare(None, mask([1, 0, 0, 0, 1, 0, 0, 0]), Pooling::Average);
        assert_eq!(average, Disagreement { decisions: 8, differing: 1, farthest: 1.0 / scale });
    }

    #[test]
    fn a_maximum_may_go_to_a_candidate_as_large_and_to_one_only() {
        let scale = (MAP.iter().map(|x| x * x).sum::<f64>() / 8.0).sqrt();
        let max = |bits| compare(None, mask(bits), Pooling::Max);
        assert_eq!(max([1, 0, 0, 0, 0, 0, 0, 0]), Disagreement { decisions: 2, differing: 0, farthest: 0.0 });
        let near = max([0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!((near.differing, near.farthest), (1, (3.0 - 2.999) / scale));
        assert_eq!(max([0; 8]).farthest, 3.0 / scale);
        assert_eq!(max([1, 0, 0, 0, 1, 0, 0, 0]).farthest, f64::INFINITY);
        // The second window is closed.
        assert_eq!(max([1, 0, 1, 0, 0, 0, 0, 0]).farthest, 1.0 / scale);
    }

    #[test]
    fn a_value_that_is_no_number_is_no_tie() {
        let shape = Shape::new(1, 1, 2);
        let pattern = Pattern { rectifier: Some(vec![true, true]), pooling: None };
        assert!(pattern.compare(&[f64::NAN, 1.0], shape, Pooling::Max).farthest.is_nan());
        let far = Disagreement { farthest: 1.0, ..Disagreement::default() };
        let mut sum = Disagreement { farthest: f64::NAN, ..far };
        sum += far;
        assert!(sum.farthest.is_nan());
    }
}
