//! The whole palette of the styles: what is used too much becomes dear, what is used too little cheap.
//!
//! Left to themselves all plain cells are most like the same few places, and colours that nothing in the content calls for never
//! come. So the places are sorted into classes by their vectors and colours, and the matching maximises
//! Σ cosine − ρ·KL(what is used of each class ‖ what there is of it): an optimal transport with one relaxed marginal
//! (Chizat, Peyré, Schmitzer & Vialard 2018, "Scaling algorithms for unbalanced optimal transport problems", Math. Comp. 87).
//! Its dual is a price for each class, ψ_k = ρ·ln(used_k/there_k), which is taken off the cosine.

use rayon::prelude::*;

use super::hypercolumn::normalise;
use crate::kernels::plain::nearest::nearest;
use crate::random::Random;

/// Classes of places.
pub const CLASSES: usize = 24;
/// ρ: what it costs in the cosine that a class is used e times as much as there is of it.
const PRICE: f64 = 0.2;
/// How exactly a cell's choice follows its cosines while the prices are found: the entropic term of the transport.
const SOFT: f64 = 0.02;
/// Steps towards the prices, each a part of the way.
const STEPS: usize = 60;
/// A usage that counts as none.
const NONE: f64 = 1e-4;
/// How much a place's vector and its colour count in what class it belongs to.
const WEIGHTS: (f32, f32) = (0.7, 1.0);
/// Vectors from which the classes are made, about, and rounds of that.
const SAMPLE: usize = 6000;
const ROUNDS: usize = 12;
/// Cells from which the prices are found, about, and those that one task takes.
const CELLS: usize = 4096;
const PART: usize = 256;

/// The classes of all places.
#[derive(Debug, Clone)]
pub struct Palette {
    classes: Vec<u32>,
}

impl Palette {
    /// Sorts places into classes: `vectors` are theirs, of length 1 and of `dims` numbers each, `colours` RGB from 0 to 1.
    ///
    /// The classes are those of k-means on the sphere (Dhillon & Modha 2001), from [`SAMPLE`] places.
    pub fn new<'a>(vectors: impl Iterator<Item = &'a [f32]>, dims: usize, colours: &[[f32; 3]]) -> Self {
        let length = dims + 3;
        let mut joined = Vec::with_capacity(length * colours.len());
        for (vector, colour) in vectors.zip(colours) {
            joined.extend(vector[..dims].iter().map(|value| WEIGHTS.0 * value));
            joined.extend(colour.map(|value| WEIGHTS.1 * (value - 0.5)));
        }
        normalise(&mut joined, length);
        let step = colours.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<f32> = joined.chunks_exact(length).step_by(step).flatten().copied().collect();
        let mut classes = vec![0; colours.len()];
        nearest(&joined, &centres(&sample, length), length, &mut classes);
        Self { classes }
    }

    /// The class of a place, below [`CLASSES`].
    pub fn class(&self, place: u32) -> usize {
        self.classes[place as usize] as usize
    }
}

/// The directions round which vectors of length 1 lie, [`CLASSES`] of them.
fn centres(sample: &[f32], length: usize) -> Vec<f32> {
    let count = sample.len() / length;
    let mut random = Random::new(1);
    let mut any = || ((random.uniform() * count as f64) as usize).min(count - 1);
    let mut centres: Vec<f32> =
        (0..CLASSES).flat_map(|_| &sample[any() * length..][..length]).copied().collect();
    let mut classes = vec![0; count];
    for _ in 0..ROUNDS {
        nearest(sample, &centres, length, &mut classes);
        let mut sums = vec![0.0f32; centres.len()];
        for (vector, class) in sample.chunks_exact(length).zip(&classes) {
            let sum = &mut sums[*class as usize * length..][..length];
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
        }
        normalise(&mut sums, length);
        for (centre, sum) in centres.chunks_exact_mut(length).zip(sums.chunks_exact(length)) {
            // A class that nobody chose stays where it is.
            if sum.iter().any(|value| *value != 0.0) {
                centre.copy_from_slice(sum);
            }
        }
    }
    centres
}

/// The prices ψ of the classes. `cosines` are, cell by cell, the largest with a place of each class, −∞ where there is none;
/// `there` is the share of each class in all places.
pub fn prices(cosines: &[f32], there: &[f64; CLASSES]) -> [f32; CLASSES] {
    let cells: Vec<&[f32]> = cosines.chunks_exact(CLASSES).collect();
    let cells: Vec<&[f32]> = cells.iter().step_by(cells.len().div_ceil(CELLS).max(1)).copied().collect();
    let mut prices = [0.0f64; CLASSES];
    let share = (SOFT / PRICE).min(0.5);
    for _ in 0..STEPS {
        let parts: Vec<_> = cells.par_chunks(PART).map(|part| used(part, &prices)).collect();
        for (class, price) in prices.iter_mut().enumerate().filter(|(class, _)| there[*class] > 0.0) {
            let used = parts.iter().map(|part| part[class]).sum::<f64>() / cells.len().max(1) as f64;
            let dear = PRICE * ((used + NONE) / (there[class] + NONE)).ln();
            *price += share * (dear - *price);
        }
    }
    prices.map(|price| price as f32)
}

/// How many of the cells use each class at these prices, each cell divided by the softmax of what it gets.
fn used(cells: &[&[f32]], prices: &[f64; CLASSES]) -> [f64; CLASSES] {
    let mut used = [0.0; CLASSES];
    for cell in cells {
        let gets = |class: usize| f64::from(cell[class]) - prices[class];
        let most = (0..CLASSES).map(gets).fold(f64::NEG_INFINITY, f64::max);
        let shares: [f64; CLASSES] = std::array::from_fn(|class| ((gets(class) - most) / SOFT).exp());
        let sum: f64 = shares.iter().sum();
        used.iter_mut().zip(shares).for_each(|(used, share)| *used += share / sum);
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_colour_and_look_are_of_one_class() {
        let colours = [[0.9, 0.1, 0.1], [0.1, 0.2, 0.9], [0.9, 0.9, 0.8]];
        let mut random = Random::new(3);
        let kinds: Vec<usize> = (0..300).map(|at| at % 3).collect();
        let vectors: Vec<[f32; 2]> = kinds.iter().map(|_| [1.0, 0.01 * random.normal() as f32]).collect();
        let of: Vec<[f32; 3]> = kinds.iter().map(|kind| colours[*kind]).collect();
        let palette = Palette::new(vectors.iter().map(|vector| &vector[..]), 2, &of);
        for (a, b) in (0..300).flat_map(|a| [(a, (a + 1) % 300), (a, (a + 2) % 300)]) {
            assert_ne!(palette.class(a), palette.class(b), "of another colour");
        }
    }

    /// All cells are a little more like the first class; of the second there is as much.
    #[test]
    fn what_is_used_too_much_becomes_dear() {
        let mut random = Random::new(5);
        let mut cosines = Vec::new();
        for _ in 0..2000 {
            let mut cell = [f32::NEG_INFINITY; CLASSES];
            cell[0] = 0.5;
            cell[1] = 0.45 + 0.02 * random.normal() as f32;
            cosines.extend(cell);
        }
        let mut there = [0.0; CLASSES];
        (there[0], there[1]) = (0.5, 0.5);
        let prices = prices(&cosines, &there);
        let second = |prices: &[f32]| {
            let chosen =
                cosines.chunks(CLASSES).filter(|cell| cell[1] - prices[1] > cell[0] - prices[0]).count();
            chosen as f64 / 2000.0
        };
        assert!(second(&[0.0; 2]) < 0.02);
        assert!((0.3..0.5).contains(&second(&prices)), "{} {prices:?}", second(&prices));
        // The prices are what the usage says.
        let cells: Vec<&[f32]> = cosines.chunks(CLASSES).collect();
        let used = used(&cells, &prices.map(f64::from));
        for class in 0..2 {
            let price = PRICE * (used[class] / 2000.0 / 0.5).ln();
            assert!((price - f64::from(prices[class])).abs() < 2e-3, "{price} {prices:?}");
        }
        assert!(prices[2..].iter().all(|price| *price == 0.0));
    }
}
