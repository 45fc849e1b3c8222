//! One idea: what L-BFGS remembers: the last steps, the changes of the gradient along them, and their inner products.
//!
//! The two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) asks for nothing but inner products of the vectors
//! s, y and g, and answers with a sum of multiples of them. So the vectors of a run are a *basis*, numbered here:
//! 0 is the gradient, 1 + 2i the step sᵢ and 2 + 2i the change yᵢ of the i-th pair, the oldest first (the vector-free
//! L-BFGS of Chen, Wang & Zhou, NIPS 2014). Products of pairs are kept, since pairs stay; those with the gradient are
//! made anew for every step, all in one pass over the memory.

use super::compact::Compact;
use super::sweep;
use std::collections::VecDeque;

/// A pair is kept when ⟨s, y⟩ exceeds this fraction of ‖s‖·‖y‖; below, it is rounding and would spoil the model.
const CURVATURE: f64 = 1e-8;

/// Number of the gradient in the basis.
pub(super) const GRADIENT: usize = 0;

/// Number of the step of pair i.
pub(super) const fn step(i: usize) -> usize {
    1 + 2 * i
}

/// Number of the change of pair i.
pub(super) const fn change(i: usize) -> usize {
    2 + 2 * i
}

/// A step s = x₁ − x₀ and the change y = g₁ − g₀ along it.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) step: Compact,
    pub(super) change: Compact,
    /// ⟨s, y⟩ and ⟨y, y⟩.
    own: [f64; 2],
    /// ⟨s, yⱼ⟩, ⟨y, sⱼ⟩ and ⟨y, yⱼ⟩ for the older pairs j, as far as they are known; the oldest first.
    older: VecDeque<[f64; 3]>,
}

impl Pair {
    /// Measures a pair. Returns it with ‖s‖, or the buffers with ‖s‖ when ⟨s, y⟩ is not clearly positive: the
    /// recursion divides by it.
    pub(super) fn new(step: Compact, change: Compact) -> (Result<Self, [Compact; 2]>, f64) {
        let measured = sweep::products(&[&step, &change], &[(0, 1), (1, 1), (0, 0)]);
        let (own, length) = ([measured[0], measured[1]], measured[2].sqrt());
        match own[0] > CURVATURE * length * own[1].sqrt() {
            true => (Ok(Self { step, change, own, older: VecDeque::new() }), length),
            false => (Err([step, change]), length),
        }
    }
}

/// The last pairs.
#[derive(Debug)]
pub(super) struct Memory {
    /// Pairs at most.
    history: usize,
    pairs: VecDeque<Pair>,
    /// The gradient, rounded: for its products with the pairs it does with sixteen bits, too, since rounding errors
    /// that have nothing to do with the other vector cancel in the sum.
    rounded: Compact,
}

impl Memory {
    /// Room for `history` pairs of vectors of `length` elements.
    pub(super) fn new(history: usize, length: usize) -> Self {
        Self { history, pairs: VecDeque::new(), rounded: Compact::zeros(length) }
    }

    pub(super) fn history(&self) -> usize {
        self.history
    }

    /// The pairs, the oldest first.
    pub(super) fn pairs(&self) -> &VecDeque<Pair> {
        &self.pairs
    }

    /// Adds the newest pair; returns the oldest if there was no room for it.
    pub(super) fn push(&mut self, pair: Pair) -> Option<Pair> {
        let oldest = if self.pairs.len() == self.history { self.pairs.pop_front() } else { None };
        if oldest.is_some() {
            for pair in &mut self.pairs {
                pair.older.pop_front();
            }
        }
        self.pairs.push_back(pair);
        oldest
    }

    /// Forgets every pair.
    pub(super) fn forget(&mut self) -> impl Iterator<Item = Pair> + '_ {
        self.pairs.drain(..)
    }

    /// The vector of this number, which is not the gradient's.
    pub(super) fn vector(&self, number: usize) -> &Compact {
        let pair = &self.pairs[(number - 1) / 2];
        if number % 2 == 1 { &pair.step } else { &pair.change }
    }

    /// The inner products of the basis with this gradient, whose own is `square`.
    pub(super) fn products(&mut self, gradient: &[f32], square: f64) -> Products {
        self.rounded.round(gradient);
        let count = self.pairs.len();
        let mut vectors = vec![&self.rounded];
        vectors.extend(self.pairs.iter().flat_map(|pair| [&pair.step, &pair.change]));
        // All that is wanted of yⱼ, then all of sⱼ: each is read once for several products.
        let missing = |i: usize, j: usize| self.pairs[i].older.len() <= j;
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for j in 0..count {
            let younger = || (j + 1..count).filter(|&i| missing(i, j));
            wanted.extend(younger().flat_map(|i| [(step(i), change(j)), (change(i), change(j))]));
            wanted.extend([(GRADIENT, change(j)), (GRADIENT, step(j))]);
            wanted.extend(younger().map(|i| (change(i), step(j))));
        }
        let mut products = Products { size: vectors.len(), table: vec![0.0; vectors.len().pow(2)] };
        for (&(i, j), value) in wanted.iter().zip(sweep::products(&vectors, &wanted)) {
            products.set(i, j, value);
        }
        products.set(GRADIENT, GRADIENT, square);
        for (i, pair) in self.pairs.iter_mut().enumerate() {
            products.set(step(i), change(i), pair.own[0]);
            products.set(change(i), change(i), pair.own[1]);
            for (j, &[sy, ys, yy]) in pair.older.iter().enumerate() {
                products.set(step(i), change(j), sy);
                products.set(change(i), step(j), ys);
                products.set(change(i), change(j), yy);
            }
            let made = |j| [(step(i), change(j)), (change(i), step(j)), (change(i), change(j))];
            pair.older.extend((pair.older.len()..i).map(|j| made(j).map(|(a, b)| products.get(a, b))));
        }
        products
    }
}

/// The inner products of a basis, but for those of two steps, which nothing asks for.
#[derive(Debug)]
pub(super) struct Products {
    size: usize,
    table: Vec<f64>,
}

impl Products {
    /// Pairs in the basis.
    pub(super) fn pairs(&self) -> usize {
        self.size / 2
    }

    pub(super) fn get(&self, i: usize, j: usize) -> f64 {
        self.table[i * self.size + j]
    }

    fn set(&mut self, i: usize, j: usize, value: f64) {
        self.table[i * self.size + j] = value;
        self.table[j * self.size + i] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 20_000;

    fn wave(phase: f32) -> Vec<f32> {
        (0..LENGTH).map(|i| 0.7 + (0.37 * i as f32 * phase).sin()).collect()
    }

    fn pair(phase: f32) -> Pair {
        let mut vectors = [Compact::zeros(LENGTH), Compact::zeros(LENGTH)];
        vectors[0].round(&wave(phase));
        vectors[1].round(&wave(phase + 0.05));
        let [step, change] = vectors;
        Pair::new(step, change).0.expect("clearly positive")
    }

    fn naive(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    /// Every product that is asked for is that of the vectors, however the pairs came and went.
    #[test]
    fn products_are_those_of_the_pairs_and_the_gradient() {
        let mut memory = Memory::new(3, LENGTH);
        for k in 0..6u8 {
            let gradient = wave(9.0 + f32::from(k));
            let square = naive(&gradient, &gradient);
            let products = memory.products(&gradient, square);
            assert_eq!((products.pairs(), memory.pairs().len()), (usize::from(k.min(3)), products.pairs()));
            assert_eq!(products.get(GRADIENT, GRADIENT), square);
            let plain =
                |number| if number == GRADIENT { gradient.clone() } else { memory.vector(number).expand() };
            for i in 0..products.size {
                for j in (0..products.size).filter(|j| (i, *j) != (0, 0) && (i % 2 == 0 || j % 2 == 0)) {
                    let expected = naive(&plain(i), &plain(j));
                    assert!((products.get(i, j) / expected - 1.0).abs() < 1e-4, "{k}: {i} {j}");
                }
            }
            let oldest = memory.push(pair(1.0 + f32::from(k)));
            assert_eq!(oldest.is_some(), k >= 3);
            if let Some(oldest) = oldest {
                assert_eq!(oldest.step.values, pair(f32::from(k) - 2.0).step.values, "the oldest goes first");
            }
        }
        assert_eq!(memory.forget().count(), 3);
        assert_eq!(memory.products(&wave(1.0), 5.0).pairs(), 0);
    }

    /// Products that were forgotten, as by a saved state, come back with the same bits.
    #[test]
    fn products_have_the_same_bits_when_made_again() {
        let mut memory = Memory::new(4, LENGTH);
        let gradient = wave(5.5);
        for k in 0..6u8 {
            memory.push(pair(1.0 + f32::from(k)));
            memory.products(&gradient, 1.0);
        }
        let kept = memory.products(&gradient, 1.0);
        memory.pairs.iter_mut().for_each(|pair| pair.older.clear());
        let made = memory.products(&gradient, 1.0);
        assert!(kept.table.iter().zip(&made.table).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn a_pair_without_clear_curvature_is_none() {
        let compact = |v: &[f32]| {
            let mut out = Compact::zeros(v.len());
            out.round(v);
            out
        };
        let of = |s: &[f32], y: &[f32]| Pair::new(compact(s), compact(y));
        let (kept, length) = of(&[3.0, 4.0], &[1.0, 0.0]);
        assert!(kept.is_ok() && (length - 5.0).abs() < 1e-3);
        assert!(of(&[3.0, 4.0], &[-1.0, 0.0]).0.is_err(), "negative");
        assert!(of(&[3.0, 4.0], &[0.0, 0.0]).0.is_err(), "no change");
        assert!(of(&[0.0, 0.0], &[3.0, 4.0]).0.is_err(), "no step");
        // In blocks of their own, vectors keep a product that is small beside their lengths.
        let (mut s, mut y) = (vec![0.0; LENGTH], vec![0.0; LENGTH]);
        (s[0], y[LENGTH - 1]) = (1.0, 1.0);
        for (small, clear) in [(1.5e-8, true), (0.5e-8, false)] {
            y[0] = small;
            assert_eq!(of(&s, &y).0.is_ok(), clear, "{small}");
        }
    }
}
