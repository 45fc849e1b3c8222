//! One idea: a state as a list of named arrays, and back with every check that keeps a damaged one from doing harm.
//!
//! Where and how the arrays are written is left to the caller. Inner products are not among them: they have the same
//! bits when they are made again.

use super::reader::{Reader, Result, wrong};
use super::{Algorithm, InvalidState, State, Values};
use crate::optimize::adam::{Adam, HALVINGS};
use crate::optimize::compact::Compact;
use crate::optimize::convergence::Convergence;
use crate::optimize::lbfgs::Lbfgs;
use crate::optimize::memory::Pair;
use crate::optimize::point::{Point, Tally};
use crate::optimize::{Optimizer, WINDOW, sweep};
use std::borrow::Cow;

/// More steps and evaluations than any run has.
const MOST: i64 = 1 << 48;

impl State {
    /// The whole state: entries with a name of their own each, in a fixed order. Arrays are borrowed.
    pub fn save(&self) -> Vec<(String, Values<'_>)> {
        let Self { point, tally, convergence, algorithm } = self;
        let mut out = Entries(Vec::new());
        match algorithm {
            Algorithm::Lbfgs(lbfgs) => out.count("history", lbfgs.memory.history()),
            Algorithm::Adam(adam) => out.number("learning_rate", adam.learning_rate),
        }
        out.count("iterations", convergence.iterations);
        out.count("evaluations", tally.evaluations);
        out.count("repeated", tally.repeated);
        out.f32("pixels", &point.pixels);
        out.count("evaluation", point.evaluation);
        if point.is_evaluated() {
            out.number("loss", point.loss);
            out.f32("gradient", &point.gradient);
        }
        out.count("best.evaluation", tally.best_evaluation);
        if tally.best_evaluation > 0 {
            out.number("best.loss", tally.best_loss);
        }
        if !tally.is_best(point) {
            out.f32("best.pixels", &tally.kept);
        }
        let lowest: Vec<f64> = convergence.lowest.iter().copied().collect();
        if convergence.begun() {
            out.number("losses.start", convergence.start);
            out.number("losses.latest", convergence.latest);
            out.count("losses.far", convergence.far);
        }
        out.0.push(("losses.lowest".to_owned(), Values::F64(Cow::Owned(lowest))));
        match algorithm {
            Algorithm::Lbfgs(lbfgs) => {
                out.number("first_length", lbfgs.first_length);
                out.number("last_length", lbfgs.last_length);
                out.count("pairs", lbfgs.memory.pairs().len());
                for (i, pair) in lbfgs.memory.pairs().iter().enumerate() {
                    out.compact(&format!("pair.{i}.step"), &pair.step);
                    out.compact(&format!("pair.{i}.change"), &pair.change);
                }
            }
            Algorithm::Adam(adam) => {
                out.number("scale", adam.scale);
                out.count("age", adam.age as usize);
                out.count("halvings", adam.halvings);
                out.count("retreating", usize::from(adam.retreating));
                out.f32("mean", &adam.mean);
                out.f32("variance", &adam.variance);
            }
        }
        out.0
    }

    /// The state that was saved as these entries, in any order.
    ///
    /// # Errors
    /// Entries that are missing, unknown or twice there, have the wrong type, length or range, hold a number that is
    /// not finite, or contradict one another.
    pub fn restore(entries: impl IntoIterator<Item = (String, Values<'static>)>) -> Result<Self> {
        let mut from = Reader::new(entries)?;
        let optimizer = from.optimizer()?;
        let iterations = from.count("iterations", 0..=MOST)?;
        let evaluations = from.count("evaluations", 0..=MOST)?;
        let repeated = from.count("repeated", 0..=evaluations as i64)?;
        let pixels = from.f32("pixels", None)?;
        let length = pixels.len();
        let mut point = Point::new(pixels);
        point.evaluation = from.count("evaluation", 0..=evaluations as i64)?;
        if point.is_evaluated() {
            point.loss = from.number("loss")?;
            point.gradient = from.f32("gradient", Some(length))?;
            point.square = sweep::clean(&mut point.gradient);
        }
        let mut tally = Tally { evaluations, repeated, ..Tally::new() };
        tally.best_evaluation = from.count("best.evaluation", 0..=evaluations as i64)?;
        if tally.best_evaluation > 0 {
            tally.best_loss = from.number("best.loss")?;
        }
        if !tally.is_best(&point) {
            tally.kept = from.f32("best.pixels", Some(length))?;
        }
        let convergence = from.convergence(iterations, &tally)?;
        let algorithm = match optimizer {
            Optimizer::Lbfgs { history } => Algorithm::Lbfgs(from.lbfgs(history, length)?),
            Optimizer::Adam { learning_rate } => Algorithm::Adam(from.adam(learning_rate, length)?),
        };
        from.end()?;
        let state = Self { point, tally, convergence, algorithm };
        state.check()?;
        Ok(state)
    }

    /// What no run leaves behind, although each entry may be right by itself.
    fn check(&self) -> Result<()> {
        let Self { point, tally, convergence, algorithm } = self;
        let begun = convergence.begun();
        let moving = matches!(algorithm, Algorithm::Adam(_));
        let contradictions = [
            (
                point.is_evaluated() && tally.is_best(point) && point.loss != tally.best_loss,
                "loss",
                "best.loss",
            ),
            (begun && tally.best_evaluation == 0, "losses.lowest", "best.evaluation"),
            (begun && !point.is_evaluated() && !moving, "losses.lowest", "evaluation"),
            (!begun && point.is_evaluated(), "losses.lowest", "evaluation"),
            (!begun && tally.best_evaluation > 0, "losses.lowest", "best.evaluation"),
        ];
        match contradictions.into_iter().find(|(wrong, ..)| *wrong) {
            Some((_, one, other)) => Err(InvalidState(format!(
                "the saved state's `{one}` contradicts its `{other}`: it is damaged, so begin anew"
            ))),
            None => Ok(()),
        }
    }
}

/// The list as it grows.
struct Entries<'a>(Vec<(String, Values<'a>)>);

impl<'a> Entries<'a> {
    fn f32(&mut self, name: &str, values: &'a [f32]) {
        self.0.push((name.to_owned(), Values::F32(Cow::Borrowed(values))));
    }

    fn compact(&mut self, name: &str, vector: &'a Compact) {
        self.0.push((format!("{name}.values"), Values::I16(Cow::Borrowed(&vector.values))));
        self.f32(&format!("{name}.scales"), &vector.scales);
    }

    fn number(&mut self, name: &str, value: f64) {
        self.0.push((name.to_owned(), Values::F64(Cow::Owned(vec![value]))));
    }

    fn count(&mut self, name: &str, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.0.push((name.to_owned(), Values::I64(Cow::Owned(vec![value]))));
    }
}

impl Reader {
    /// The optimiser, told by which of its constants is there.
    fn optimizer(&mut self) -> Result<Optimizer> {
        match self.has("learning_rate") {
            true => {
                let learning_rate = self.number("learning_rate")?;
                // Halved where losses were not finite, it may have left the range that users may choose from.
                let (least, most) = (f64::MIN_POSITIVE, *Optimizer::LEARNING_RATE.end());
                match (least..=most).contains(&learning_rate) {
                    true => Ok(Optimizer::Adam { learning_rate }),
                    false => Err(wrong(
                        "learning_rate",
                        &format!("is {learning_rate}"),
                        &format!("above 0 to {most}"),
                    )),
                }
            }
            false => {
                let (least, most) = (*Optimizer::HISTORY.start() as i64, *Optimizer::HISTORY.end() as i64);
                Ok(Optimizer::Lbfgs { history: self.count("history", least..=most)? })
            }
        }
    }

    fn convergence(&mut self, iterations: usize, tally: &Tally) -> Result<Convergence> {
        let name = "losses.lowest";
        let lowest = self.numbers(name)?;
        if lowest.len() > WINDOW + 1 {
            return Err(wrong(
                name,
                &format!("has {} values", lowest.len()),
                &format!("at most {}", WINDOW + 1),
            ));
        }
        let mut convergence = Convergence { iterations, ..Convergence::default() };
        let Some(&last) = lowest.last() else { return Ok(convergence) };
        if lowest.windows(2).any(|pair| pair[1] > pair[0]) || tally.best_loss > last {
            return Err(wrong(name, "rises", "losses that fall to the best"));
        }
        convergence.start = self.number("losses.start")?;
        convergence.latest = self.number("losses.latest")?;
        convergence.far = self.count("losses.far", 0..=MOST)?;
        convergence.lowest = lowest.into();
        Ok(convergence)
    }

    fn lbfgs(&mut self, history: usize, length: usize) -> Result<Lbfgs> {
        let mut lbfgs = Lbfgs::new(history, length);
        lbfgs.first_length = self.magnitude("first_length")?;
        lbfgs.last_length = self.magnitude("last_length")?;
        for i in 0..self.count("pairs", 0..=history as i64)? {
            let name = format!("pair.{i}");
            let step = self.compact(&format!("{name}.step"), length)?;
            let change = self.compact(&format!("{name}.change"), length)?;
            let (pair, _) = Pair::new(step, change);
            lbfgs.memory.push(pair.map_err(|_| wrong(&name, "has no curvature", "a change along the step"))?);
        }
        Ok(lbfgs)
    }

    fn adam(&mut self, learning_rate: f64, length: usize) -> Result<Adam> {
        let mut adam = Adam::new(learning_rate, 0);
        adam.scale = self.magnitude("scale")?;
        adam.age = self.count("age", 0..=i64::from(i32::MAX))? as i32;
        adam.halvings = self.count("halvings", 0..=HALVINGS as i64 + 1)?;
        adam.retreating = self.count("retreating", 0..=1)? == 1;
        adam.mean = self.f32("mean", Some(length))?;
        adam.variance = self.f32("variance", Some(length))?;
        match adam.variance.iter().find(|v| **v < 0.0) {
            Some(v) => Err(wrong("variance", &format!("holds {v}"), "numbers that are not below 0")),
            None => Ok(adam),
        }
    }
}
