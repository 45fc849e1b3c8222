//! One idea: the vector type that argmin's L-BFGS computes with, made so that its arithmetic is nearly free.
//!
//! argmin writes the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) as operations on whole vectors,
//! each of which would read or write three pictures. Here a [`Pixels`] is either a *stored* vector or a *sum of
//! terms* `Σ c·v` over stored vectors, and
//!
//! * a multiple, and every sum with one, stays a sum of terms: only its coefficients are computed;
//! * the difference of two stored vectors (`s = x₁ − x₀`, `y = g₁ − g₀`) is stored, in sixteen bits an element
//!   ([`Compact`]), and found again when asked twice;
//! * a dot product is expanded over the terms, and each product of two stored vectors is computed once.
//!
//! So argmin's recursion becomes the *vector-free* L-BFGS of Chen, Wang & Zhou (NIPS 2014) without a line of it
//! knowing: per iteration, one pass over the history for the products ([`Space::settle`]) and one for the step
//! ([`Pixels::stepped`]), where the literal recursion with history m makes 5m. Clones share the numbers.

use super::compact::Compact;
use super::sweep::{self, View};
use argmin_math::{ArgminAdd, ArgminDot, ArgminMul, ArgminSub};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What the vectors of one run share: their length, their names, spare buffers, and the list of differences.
#[derive(Debug)]
pub(super) struct Space {
    length: usize,
    next_id: AtomicU64,
    spare: Mutex<Vec<Vec<f32>>>,
    spare_compact: Mutex<Vec<Compact>>,
    /// Every living difference: the history that the solver keeps.
    differences: Mutex<Vec<Difference>>,
}

/// What is known of a stored difference.
#[derive(Debug)]
struct Difference {
    /// The names of its two operands.
    of: (u64, u64),
    /// Whether it is a step s from point to point: no product of two steps is ever asked for.
    is_step: bool,
    vector: Weak<Vector>,
}

/// One stored picture or gradient. Its numbers never change; dropped, it leaves its buffer to its [`Space`].
#[derive(Debug)]
pub(super) struct Vector {
    id: u64,
    data: Data,
    space: Arc<Space>,
    /// Products with older vectors and with itself, by name.
    products: Mutex<Vec<(u64, f64)>>,
}

/// The numbers of a stored vector.
#[derive(Debug)]
enum Data {
    /// A point or a gradient.
    Full(Vec<f32>),
    /// A difference.
    Compact(Compact),
}

/// A stored vector, or a sum of multiples of stored vectors.
#[derive(Clone, Debug)]
pub(super) enum Pixels {
    Stored(Arc<Vector>),
    Sum(Vec<(f64, Arc<Vector>)>),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Space {
    pub(super) fn new(length: usize) -> Arc<Self> {
        Arc::new(Self {
            length,
            next_id: AtomicU64::new(0),
            spare: Mutex::default(),
            spare_compact: Mutex::default(),
            differences: Mutex::default(),
        })
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// A buffer of the space's length with any contents.
    pub(super) fn buffer(&self) -> Vec<f32> {
        let spare = lock(&self.spare).pop();
        spare.unwrap_or_else(|| vec![0.0; self.length])
    }

    /// The same for a difference.
    fn compact_buffer(&self) -> Compact {
        let spare = lock(&self.spare_compact).pop();
        spare.unwrap_or_else(|| Compact::zeros(self.length))
    }

    /// Stores `data`, which must have the space's length.
    pub(super) fn store(self: &Arc<Self>, data: Vec<f32>) -> Arc<Vector> {
        assert_eq!(data.len(), self.length, "a vector of the space's length");
        self.named(Data::Full(data))
    }

    fn named(self: &Arc<Self>, data: Data) -> Arc<Vector> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        Arc::new(Vector { id, data, space: Arc::clone(self), products: Mutex::default() })
    }

    /// Computes, in one pass, the products of `gradient` and of the differences made since the last call with all
    /// living differences: everything that the next two-loop recursion will ask for.
    pub(super) fn settle(&self, gradient: &Pixels) {
        let Pixels::Stored(gradient) = gradient else { return };
        let living = |d: &Difference| d.vector.upgrade().map(|vector| (vector, d.is_step));
        let mut vectors: Vec<_> = lock(&self.differences).iter().filter_map(living).collect();
        let history = vectors.len();
        vectors.push((Arc::clone(gradient), false));
        let mut pairs = Vec::new();
        for (j, (b, b_is_step)) in vectors[..history].iter().enumerate() {
            for (i, (a, a_is_step)) in vectors.iter().enumerate().skip(j) {
                if !(*a_is_step && *b_is_step) && a.known(b).is_none() {
                    pairs.push((i, j));
                }
            }
        }
        // For its products with the history the gradient, too, does with sixteen bits: rounding errors that have
        // nothing to do with the other vector cancel in the sum.
        let Some(rounded) = gradient.compressed() else { return };
        let mut views: Vec<View<'_>> = vectors.iter().map(|(v, _)| v.view()).collect();
        views[history] = View::Compact(&rounded);
        for (&(i, j), value) in pairs.iter().zip(sweep::products(&views, &pairs)) {
            vectors[i].0.remember(&vectors[j].0, value);
        }
        lock(&self.spare_compact).push(rounded);
    }

    /// `a − b` as a stored vector; the same one for as long as it lives.
    fn difference(self: &Arc<Self>, a: &Vector, b: &Vector) -> Arc<Vector> {
        let found =
            lock(&self.differences).iter().find(|d| d.of == (a.id, b.id)).and_then(|d| d.vector.upgrade());
        found.unwrap_or_else(|| {
            let mut data = self.compact_buffer();
            sweep::subtract(&a.data(), &b.data(), &mut data);
            self.store_difference(a, b, data, false)
        })
    }

    fn store_difference(
        self: &Arc<Self>,
        a: &Vector,
        b: &Vector,
        data: Compact,
        is_step: bool,
    ) -> Arc<Vector> {
        let made = self.named(Data::Compact(data));
        let mut differences = lock(&self.differences);
        differences.retain(|d| d.vector.strong_count() > 0);
        differences.push(Difference { of: (a.id, b.id), is_step, vector: Arc::downgrade(&made) });
        made
    }
}

impl Vector {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Its numbers; those of a difference are expanded.
    pub(super) fn data(&self) -> Cow<'_, [f32]> {
        match &self.data {
            Data::Full(data) => Cow::Borrowed(data),
            Data::Compact(data) => Cow::Owned(data.expand()),
        }
    }

    fn view(&self) -> View<'_> {
        match &self.data {
            Data::Full(data) => View::Full(data),
            Data::Compact(data) => View::Compact(data),
        }
    }

    pub(super) fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Its numbers in sixteen bits; None for a difference, which has no others.
    fn compressed(&self) -> Option<Compact> {
        let Data::Full(data) = &self.data else { return None };
        let mut out = self.space.compact_buffer();
        sweep::compress(data, &mut out);
        Some(out)
    }

    fn known(&self, other: &Self) -> Option<f64> {
        let (young, old) = if self.id >= other.id { (self, other) } else { (other, self) };
        lock(&young.products).iter().find(|(id, _)| *id == old.id).map(|(_, value)| *value)
    }

    /// Records `⟨self, other⟩`.
    pub(super) fn remember(&self, other: &Self, value: f64) {
        if self.known(other).is_none() {
            let (young, old) = if self.id >= other.id { (self, other) } else { (other, self) };
            lock(&young.products).push((old.id, value));
        }
    }

    fn product(&self, other: &Self) -> f64 {
        self.known(other).unwrap_or_else(|| {
            let value = sweep::products(&[self.view(), other.view()], &[(0, 1)])[0];
            self.remember(other, value);
            value
        })
    }
}

impl Drop for Vector {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.data, Data::Full(Vec::new())) {
            Data::Full(data) => lock(&self.space.spare).push(data),
            Data::Compact(data) => lock(&self.space.spare_compact).push(data),
        }
    }
}

impl Pixels {
    fn terms(&self) -> Vec<(f64, Arc<Vector>)> {
        match self {
            Self::Stored(v) => vec![(1.0, Arc::clone(v))],
            Self::Sum(terms) => terms.clone(),
        }
    }

    /// `self + factor·other`, as a sum of terms.
    fn plus(&self, factor: f64, other: &Self) -> Self {
        let mut terms = self.terms();
        for (c, v) in other.terms() {
            match terms.iter_mut().find(|(_, known)| known.id == v.id) {
                Some((sum, _)) => *sum += factor * c,
                None => terms.push((factor * c, v)),
            }
        }
        Self::Sum(terms)
    }

    /// True for a multiple of one stored vector: the direction −g that L-BFGS takes without a history.
    pub(super) fn is_multiple(&self) -> bool {
        matches!(self, Self::Sum(terms) if terms.len() == 1)
    }

    /// The stored vector itself, or the sum carried out into a new one.
    pub(super) fn stored(&self) -> Arc<Vector> {
        match self {
            Self::Stored(v) => Arc::clone(v),
            Self::Sum(terms) => {
                let space = &terms.first().expect("a sum has a term").1.space;
                let zero = space.store(vec![0.0; space.length]);
                Self::Stored(zero).stepped(1.0, self).0.stored()
            }
        }
    }

    /// The point `self + t·direction` and the displacement towards it, both stored, in one pass.
    pub(super) fn stepped(&self, t: f64, direction: &Self) -> (Self, Self) {
        let start = self.stored();
        let space = &start.space;
        let terms = direction.terms();
        let terms: Vec<(f32, View<'_>)> = terms.iter().map(|(c, v)| ((t * c) as f32, v.view())).collect();
        let (mut x, mut step) = (space.buffer(), space.compact_buffer());
        let square = sweep::advance(&start.data(), &terms, &mut x, &mut step);
        let x = space.store(x);
        let step = space.store_difference(&x, &start, step, true);
        step.remember(&step, square);
        (Self::Stored(x), Self::Stored(step))
    }
}

impl ArgminDot<Pixels, f64> for Pixels {
    fn dot(&self, other: &Pixels) -> f64 {
        let others = other.terms();
        let row = |(a, v): &(f64, Arc<Vector>)| others.iter().map(|(b, w)| a * b * v.product(w)).sum::<f64>();
        self.terms().iter().map(row).sum()
    }
}

impl ArgminMul<f64, Pixels> for Pixels {
    fn mul(&self, factor: &f64) -> Pixels {
        Pixels::Sum(self.terms().into_iter().map(|(c, v)| (c * factor, v)).collect())
    }
}

impl ArgminAdd<Pixels, Pixels> for Pixels {
    fn add(&self, other: &Pixels) -> Pixels {
        self.plus(1.0, other)
    }
}

impl ArgminSub<Pixels, Pixels> for Pixels {
    fn sub(&self, other: &Pixels) -> Pixels {
        match (self, other) {
            (Self::Stored(a), Self::Stored(b)) => Self::Stored(a.space.difference(a, b)),
            _ => self.plus(-1.0, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(space: &Arc<Space>, values: [f32; 3]) -> Pixels {
        Pixels::Stored(space.store(values.to_vec()))
    }

    #[test]
    fn sums_of_terms_compute_as_their_vectors_do() {
        let space = Space::new(3);
        let (a, b) = (stored(&space, [1.0, 2.0, 3.0]), stored(&space, [0.5, -1.0, 4.0]));
        let c = a.mul(&2.0).add(&b).sub(&a.mul(&0.5));
        assert_eq!(c.stored().data()[..], [2.0, 2.0, 8.5]);
        assert_eq!(c.dot(&b), 1.0 - 2.0 + 34.0);
        assert!(a.mul(&3.0).is_multiple() && !c.is_multiple() && !a.is_multiple());
    }

    #[test]
    fn the_difference_of_stored_vectors_is_stored_once() {
        let space = Space::new(3);
        let (a, b) = (stored(&space, [1.0, 2.0, 3.0]), stored(&space, [0.5, -1.0, 4.0]));
        let difference = a.sub(&b).stored();
        for (found, expected) in difference.data().iter().zip([0.5, 3.0, -1.0]) {
            assert!((found - expected).abs() < 1e-4);
        }
        assert_eq!(a.sub(&b).stored().id(), difference.id());
        let (x, step) = a.stepped(2.0, &b.mul(&-1.0));
        assert_eq!(x.stored().data()[..], [0.0, 4.0, -5.0]);
        assert_eq!(x.sub(&a).stored().id(), step.stored().id());
    }

    #[test]
    fn settling_gives_what_asking_would() {
        let (one, two) = (Space::new(3), Space::new(3));
        let make = |space: &Arc<Space>| {
            let x: Vec<_> = (0..4).map(|k| stored(space, [0.1 * k as f32, 1.7, -0.3 * k as f32])).collect();
            [x[1].sub(&x[0]), x[2].sub(&x[0]), x[3].sub(&x[1]), x[3].clone()]
        };
        let (settled, asked) = (make(&one), make(&two));
        one.settle(&settled[3]);
        for (i, j) in [(0, 0), (0, 1), (2, 1), (3, 0), (2, 3)] {
            assert!(settled[i].stored().known(&settled[j].stored()).is_some(), "{i} {j}");
            let (found, expected) = (settled[i].dot(&settled[j]), asked[i].dot(&asked[j]));
            assert!((found - expected).abs() <= 1e-4 * expected.abs(), "{i} {j}: {found} {expected}");
        }
    }

    #[test]
    fn dropped_vectors_leave_their_buffers_to_the_next() {
        let space = Space::new(3);
        let data = vec![1.0f32, 2.0, 3.0];
        let address = data.as_ptr();
        drop(space.store(data));
        let reused = space.buffer();
        assert_eq!(reused.as_ptr(), address);
    }
}
