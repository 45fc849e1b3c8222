//! From options to what the library takes; options that contradict each other are refused here.

use std::path::Path;

use super::args::PaintingArgs;
use super::masks::ReadMask;
use super::values::{NumbersValue, StyleValue};
use crate::error::{Error, Result};
use crate::network::Network;
use crate::picture::Picture;
use crate::run::{Style, StyleSizes};
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
pub(super) fn check_blend(blend: Option<&NumbersValue>, styles: usize) -> Result<()> {
    match blend {
        Some(blend) if blend.0.len() != styles => refuse(
            "style_blend",
            format!("{} weights were given for {styles} style pictures; give one for each", blend.0.len()),
        ),
        _ => Ok(()),
    }
}

/// Gives each style its weight in the blend, if there is one.
pub(super) fn blend(styles: &mut [StyleValue], blend: Option<&NumbersValue>) -> Result<()> {
    check_blend(blend, styles.len())?;
    for (style, weight) in styles.iter_mut().zip(blend.iter().flat_map(|blend| &blend.0)) {
        if style.weight.replace(*weight).is_some() {
            return refuse("style_blend", "a style has a weight of its own already; say it in one place");
        }
    }
    Ok(())
}

/// Every style that was named, with its place in the blend and its sizes settled.
pub(super) fn styles(named: &[StyleValue], painting: &PaintingArgs) -> Result<Vec<StyleValue>> {
    let mut styles = named.to_vec();
    blend(&mut styles, painting.style_blend.as_ref())?;
    let sized = [
        ("style_coarse", &painting.style_coarse, StyleSizes::Coarse),
        ("style_fine", &painting.style_fine, StyleSizes::Fine),
    ];
    for (option, style, sizes) in sized {
        if let Some(style) = style {
            if style.sizes.is_some_and(|said| said != sizes) {
                return refuse(option, "its style says other sizes; leave one of them out");
            }
            styles.push(StyleValue { sizes: Some(sizes), ..style.clone() });
        }
    }
    Ok(styles)
}

/// A style as the library takes it.
///
/// # Errors
/// Those of `read`, and a mask of alpha where there is none.
pub(super) fn style(
    loaded: Style,
    value: &StyleValue,
    content: Option<&Picture>,
    read: &mut ReadMask<'_>,
) -> Result<Style> {
    let mask = value.mask.as_ref().map(|mask| mask.load("style", loaded.picture(), read)).transpose()?;
    let region = value.at.as_ref().map(|at| at.load("style", content, read)).transpose()?;
    let mut style = loaded.weight(value.weight.unwrap_or(1.0)).scale(value.scale.unwrap_or(1.0));
    if let Some(mask) = mask {
        style = style.masked(mask);
    }
    if let Some(region) = region {
        style = style.within(region);
    }
    Ok(style.at_sizes(value.sizes.unwrap_or_default()))
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
