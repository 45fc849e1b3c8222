//! A size of a run as whoever watches is told of it: between the objective of any method and the optimiser.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::time::Instant;

use super::progress::{Cancel, Clock, Evaluated, Observer, Progress, SizeStep};
use crate::error::{Error, Result};
use crate::loss::Terms;
use crate::optimize::{LossFunction, Step, Stop};

/// A loss of pixels that tells its terms.
pub(super) trait Scored {
    /// Numbers in a picture: 3·H·W.
    fn length(&self) -> usize;

    /// The loss at `pixels`, term by term; writes its gradient.
    fn score(&mut self, pixels: &[f32], gradient: &mut [f32]) -> &Terms;
}

/// What a size had behind it when its iterations began, in this process or before.
#[derive(Default, Clone, Copy)]
pub(super) struct Before {
    /// Iterations of this size.
    pub iterations: usize,
    /// Evaluations at every size.
    pub evaluations: usize,
    /// Evaluations of the optimiser's state, which counts them too, and those of them that were done twice.
    pub of_state: usize,
    /// See `of_state`.
    pub repeated: usize,
}

/// One size at work.
pub(super) struct Watched<'a, 'o> {
    pub clock: &'a Clock,
    pub observer: &'a RefCell<&'o mut dyn Observer>,
    pub cancel: &'a Cancel,
    pub step: SizeStep,
    /// Which size, from 0, of how many.
    pub index: usize,
    pub count: usize,
    pub before: Before,
    record: RefCell<Record>,
    done: Cell<usize>,
}

impl<'a, 'o> Watched<'a, 'o> {
    /// A size at which `best` was the best so far.
    pub fn new(
        clock: &'a Clock,
        observer: &'a RefCell<&'o mut dyn Observer>,
        cancel: &'a Cancel,
        steps: &[SizeStep],
        index: usize,
        before: Before,
        best: Option<Terms>,
    ) -> Self {
        let done = before.evaluations + before.of_state - before.repeated;
        let any = best.is_some();
        let record = Record { best: best.unwrap_or_default(), any, ..Record::default() };
        Self {
            clock,
            observer,
            cancel,
            step: steps[index],
            index,
            count: steps.len(),
            before,
            record: RefCell::new(record),
            done: Cell::new(done),
        }
    }

    /// `objective` as the optimiser sees it, with its terms on record here.
    pub fn recorded<'b, O: Scored>(&'b self, objective: &'b mut O) -> Recorded<'b, 'a, 'o, O> {
        Recorded { objective, watched: self }
    }

    /// Tells the observer of an iteration.
    pub fn observe(&self, state: &Step) -> ControlFlow<Stop> {
        let record = self.record.borrow();
        let iteration = self.before.iterations + state.iteration;
        let progress = Progress {
            width: self.step.size.0,
            height: self.step.size.1,
            size_index: self.index + 1,
            size_count: self.count,
            iteration,
            iterations: self.step.iterations.max(iteration),
            terms: if record.last.total == state.loss { &record.last } else { &record.best },
            evaluations: self.before.evaluations + state.evaluations - self.before.repeated,
            seconds: self.clock.seconds(),
            seconds_left: self.clock.seconds_left(iteration),
            pixels: state.pixels,
        };
        self.observer.borrow_mut().observe(&progress).map_break(|()| Stop::Cancel)
    }

    /// The terms of the best evaluation, and the seconds that all took; none before the first.
    pub fn best(&self) -> (Option<Terms>, f64) {
        let record = self.record.borrow();
        (record.any.then(|| record.best.clone()), record.seconds)
    }

    fn note(&self, terms: &Terms, seconds: f64) {
        let mut record = self.record.borrow_mut();
        record.seconds += seconds;
        if !record.any || terms.total < record.best.total {
            record.best = terms.clone();
        }
        record.any = true;
        record.last = terms.clone();
        drop(record);
        self.done.set(self.done.get() + 1);
        self.observer.borrow_mut().evaluated(&Evaluated {
            evaluation: self.done.get(),
            size_index: self.index + 1,
            width: self.step.size.0,
            height: self.step.size.1,
            seconds: self.clock.seconds(),
            terms,
        });
    }
}

/// The terms of the last evaluation and of the best one, and the time that all took.
#[derive(Default)]
struct Record {
    last: Terms,
    best: Terms,
    any: bool,
    seconds: f64,
}

/// See [`Watched::recorded`].
pub(super) struct Recorded<'b, 'a, 'o, O> {
    objective: &'b mut O,
    watched: &'b Watched<'a, 'o>,
}

impl<O: Scored> LossFunction for Recorded<'_, '_, '_, O> {
    fn length(&self) -> usize {
        self.objective.length()
    }

    fn evaluate(&mut self, pixels: &[f32], gradient: &mut [f32]) -> Result<f64> {
        if self.watched.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let begun = Instant::now();
        let terms = self.objective.score(pixels, gradient);
        self.watched.note(terms, begun.elapsed().as_secs_f64());
        Ok(terms.total)
    }
}
