//! One idea: argmin's L-BFGS on coordinates instead of pictures.
//!
//! argmin writes the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4) as operations on whole vectors, of which
//! each would read or write three pictures. The vectors that it sees here are sums of a few terms over a basis
//! ([`super::memory`]), and the origin is the picture where the step begins: so its arithmetic is nearly free, and
//! the pictures are read twice a step, once for the inner products and once to go along the direction.
//!
//! argmin keeps its pairs to itself. Its solver is therefore made anew for every step and given the pairs of the memory
//! as steps that were taken before, and nothing of a run's state lies in it.

use super::memory::{GRADIENT, Products, change, step};
use argmin::core::{CostFunction, Error, Gradient, IterState, KV, Problem, Solver, State, TerminationReason};
use argmin::solver::linesearch::LineSearch;
use argmin::solver::quasinewton::LBFGS;
use argmin_math::{
    ArgminAdd, ArgminDot, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminSignum, ArgminSub,
    ArgminZeroLike,
};
use std::cell::RefCell;

/// A direction: multiples of vectors of the basis (the number of each, the gradient's first), and the slope along it.
pub(super) struct Direction<'a> {
    pub(super) terms: &'a [(usize, f64)],
    pub(super) slope: f64,
}

/// Takes one step of L-BFGS: `search` gets the direction, moves along it and returns true, or finds no step.
pub(super) fn take_step(history: usize, products: &Products, search: &mut dyn FnMut(&Direction) -> bool) {
    let (zero, gradient) = (Coordinates { terms: vec![], products }, Coordinates::of(products, GRADIENT));
    let known = products.pairs();
    let mut number = 0;
    let next = RefCell::new(|direction: &Coordinates<'_>| {
        let taken =
            number < known || search(&Direction { terms: &direction.terms, slope: direction.dot(&gradient) });
        number += 1;
        taken.then_some(number - 1)
    });
    let mut solver = LBFGS::new(Walk { next: &next, direction: None }, history);
    for at in 0..=known {
        // Directions from the steps before, which nobody looks at, are those of a gradient of 0.
        let gradient = if at < known { &zero } else { &gradient };
        let start = WalkState::new().param(zero.clone()).gradient(gradient.clone()).cost(0.0);
        let problem = &mut Problem::new(Secants { gradient: gradient.clone() });
        if next_iteration(&mut solver, problem, start).is_err() {
            break; // which the parts below never do
        }
    }
}

type WalkState<'a> = IterState<Coordinates<'a>, Coordinates<'a>, (), (), (), f64>;

/// Generic, since the type of argmin's inner problem cannot be inferred otherwise.
fn next_iteration<O, I: State, S: Solver<O, I>>(
    solver: &mut S,
    problem: &mut Problem<O>,
    state: I,
) -> Result<(I, Option<KV>), Error> {
    solver.next_iter(problem, state)
}

/// A vector: multiples of the vectors of a basis, by their numbers.
#[derive(Clone)]
struct Coordinates<'a> {
    terms: Vec<(usize, f64)>,
    products: &'a Products,
}

impl<'a> Coordinates<'a> {
    fn of(products: &'a Products, number: usize) -> Self {
        Self { terms: vec![(number, 1.0)], products }
    }

    /// `self + factor·other`.
    fn plus(&self, factor: f64, other: &Self) -> Self {
        let mut sum = self.clone();
        for &(number, c) in &other.terms {
            match sum.terms.iter_mut().find(|(known, _)| *known == number) {
                Some((_, sum)) => *sum += factor * c,
                None => sum.terms.push((number, factor * c)),
            }
        }
        sum
    }
}

impl ArgminDot<Self, f64> for Coordinates<'_> {
    fn dot(&self, other: &Self) -> f64 {
        let row = |&(i, a): &(usize, f64)| {
            other.terms.iter().map(|&(j, b)| a * b * self.products.get(i, j)).sum::<f64>()
        };
        self.terms.iter().map(row).sum()
    }
}

impl ArgminMul<f64, Self> for Coordinates<'_> {
    fn mul(&self, factor: &f64) -> Self {
        let terms =
            self.terms.iter().filter(|_| *factor != 0.0).map(|&(number, c)| (number, c * factor)).collect();
        Self { terms, products: self.products }
    }
}

impl ArgminAdd<Self, Self> for Coordinates<'_> {
    fn add(&self, other: &Self) -> Self {
        self.plus(1.0, other)
    }
}

impl ArgminSub<Self, Self> for Coordinates<'_> {
    fn sub(&self, other: &Self) -> Self {
        self.plus(-1.0, other)
    }
}

/// The gradient as the pairs tell it, from its value at the origin: `g(sᵢ) = g + yᵢ`.
struct Secants<'a> {
    gradient: Coordinates<'a>,
}

impl<'a> Gradient for Secants<'a> {
    type Param = Coordinates<'a>;
    type Gradient = Coordinates<'a>;

    fn gradient(&self, at: &Coordinates<'a>) -> Result<Coordinates<'a>, Error> {
        let mut gradient = self.gradient.clone();
        // The number after a step's is its change's.
        gradient.terms.extend(at.terms.iter().map(|&(number, c)| (number + change(0) - step(0), c)));
        Ok(gradient)
    }
}

impl<'a> CostFunction for Secants<'a> {
    type Param = Coordinates<'a>;
    type Output = f64;

    fn cost(&self, _: &Coordinates<'a>) -> Result<f64, Error> {
        Err(Error::msg("losses are left to the search"))
    }
}

/// Goes along a direction; returns the number of the pair at whose step it arrived.
type Next<'a> = dyn FnMut(&Coordinates<'a>) -> Option<usize> + 'a;

/// What argmin takes for a line search: it hands the direction on.
#[derive(Clone)]
struct Walk<'a> {
    next: &'a RefCell<Next<'a>>,
    direction: Option<Coordinates<'a>>,
}

impl<'a> LineSearch<Coordinates<'a>, f64> for Walk<'a> {
    fn search_direction(&mut self, direction: Coordinates<'a>) {
        self.direction = Some(direction);
    }

    fn initial_step_length(&mut self, _: f64) -> Result<(), Error> {
        Ok(())
    }
}

impl<'a, O> Solver<O, WalkState<'a>> for Walk<'a> {
    fn name(&self) -> &str {
        "walk"
    }

    fn next_iter(
        &mut self,
        _: &mut Problem<O>,
        state: WalkState<'a>,
    ) -> Result<(WalkState<'a>, Option<KV>), Error> {
        let direction = self.direction.take().ok_or_else(|| Error::msg("no direction was given"))?;
        let pair = (self.next.borrow_mut())(&direction).ok_or_else(|| Error::msg("no step was found"))?;
        let state = state.param(Coordinates::of(direction.products, step(pair)));
        Ok((state.terminate_with(TerminationReason::SolverConverged), None))
    }
}

/// What argmin's L-BFGS asks of its vectors, but calls only under L1 regularisation, which is never switched on here.
macro_rules! only_with_l1 {
    ($($name:path { $(fn $method:ident($($argument:tt)*) -> $output:ty;)* })*) => {
        $(impl $name for Coordinates<'_> {
            $(fn $method($($argument)*) -> $output {
                unreachable!("there is no L1 regularisation")
            })*
        })*
    };
}

only_with_l1! {
    ArgminAdd<f64, Self> { fn add(&self, _: &f64) -> Self; }
    ArgminSub<f64, Self> { fn sub(&self, _: &f64) -> Self; }
    ArgminMul<Self, Self> { fn mul(&self, _: &Self) -> Self; }
    ArgminL1Norm<f64> { fn l1_norm(&self) -> f64; }
    ArgminL2Norm<f64> { fn l2_norm(&self) -> f64; }
    ArgminSignum { fn signum(self) -> Self; }
    ArgminZeroLike { fn zero_like(&self) -> Self; }
    ArgminMinMax { fn min(_: &Self, _: &Self) -> Self; fn max(_: &Self, _: &Self) -> Self; }
}
