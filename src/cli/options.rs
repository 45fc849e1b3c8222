//! From options to what the library takes; options that contradict each other are refused here.

use std::path::{Path, PathBuf};

use super::values::NumbersValue;
use crate::error::{Error, Result};
use crate::network::Network;
use crate::picture::Picture;
use crate::run::Style;
use crate::weights;

/// A mistake in the options, as the library words its own.
pub(super) fn refuse<T>(option: &'static str, message: impl std::fmt::Display) -> Result<T> {
    Err(Error::option(option, message))
}

/// The network that the options name.
pub(super) fn network(weights: Option<&Path>) -> Result<Network> {
    match weights {
        Some(file) => weights::load(file),
        None => weights::embedded(),
    }
}

/// Refuses a number of blend weights that is not the number of styles.
pub(super) fn check_blend(blend: Option<&NumbersValue>, styles: &[PathBuf]) -> Result<()> {
    match blend {
        Some(blend) if blend.0.len() != styles.len() => refuse(
            "style_blend",
            format!(
                "{} weights were given for {} style pictures; give one for each",
                blend.0.len(),
                styles.len()
            ),
        ),
        _ => Ok(()),
    }
}

/// Styles with their weights in the blend.
pub(super) fn blended(pictures: Vec<Picture>, blend: Option<&NumbersValue>) -> Vec<Style> {
    let weight = |at: usize| blend.map_or(1.0, |blend| blend.0[at]);
    pictures.into_iter().enumerate().map(|(at, picture)| Style::new(picture).weight(weight(at))).collect()
}

/// Refuses an output that would overwrite one of the inputs.
pub(super) fn check_distinct(output: &Path, inputs: &[&Path]) -> Result<()> {
    let same = |input: &&&Path| match (output.canonicalize(), input.canonicalize()) {
        (Ok(output), Ok(input)) => output == input,
        _ => false,
    };
    match inputs.iter().find(same) {
        Some(input) => refuse("output", format!("{} is also an input; name another file", input.display())),
        None => Ok(()),
    }
}
