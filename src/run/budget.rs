//! The memory that a run may take (`max_memory`), and the tiles that keep it so.
//!
//! Tiles are a matter of the sizes, the network and the options alone: not of the machine, its threads or what else was
//! painted before, for sums over other tiles round differently, and the bytes of a result would depend on it.

use super::masks::Mask;
use super::request::{Request, Style};
use super::settings::Settings;
use super::values::Bytes;
use crate::engine::memory::{self, Use};
use crate::engine::{EngineKind, Tiling, budget};
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::optimize::Optimizer;
use crate::picture::Picture;

/// What the program takes before it has read a picture: its code, threads, and what files pass through.
const PROGRAM: usize = 24 << 20;
/// Pictures of the result's size that a run holds beside those of the optimiser: the start, the coarser result and what
/// it becomes, the best of a size, and what an observer is shown.
const OWN_VECTORS: usize = 4;
/// Those that a term of one's own takes: pixels and slopes, in f64.
const TERM_VECTORS: usize = 4;

/// Pictures that are held while a style is measured: at its own size, and as it is resized to it.
const MEASURED_VECTORS: usize = 2;

/// The part of what the program leaves that measuring a style may take: two thirds, the rest is for the pictures.
const MEASURING: (usize, usize) = (2, 3);

/// See the module's text.
pub(super) struct Budget {
    limit: Option<usize>,
    kind: EngineKind,
    optimizer: Optimizer,
    /// Pictures of the result's size that are held while it is painted, in f32.
    vectors: usize,
    /// Maps of one number a pixel that are held beside them.
    masks: usize,
    /// Bytes of the pictures as they were given.
    given: usize,
}

impl Budget {
    /// Of a run that paints what is asked for by engines of `kind`.
    pub fn new(settings: &Settings, request: &Request<'_>, kind: EngineKind) -> Self {
        let picture = |picture: &Picture| {
            let channels = if picture.alpha().is_some() { 4 } else { 3 };
            channels * size_of::<f32>() * picture.width() * picture.height()
        };
        let pictures = request.content.into_iter().chain(request.styles.iter().filter_map(Style::picture));
        let copies = if settings.colours.keeps_start() { 2 } else { 1 };
        let mask = |mask: &Mask| size_of::<f32>() * mask.width() * mask.height();
        let of_styles =
            request.styles.iter().flat_map(|style| style.region().into_iter().chain(style.mask()));
        let masks = || of_styles.clone().chain(&request.keep).chain(&request.strength);
        let regions = request.styles.iter().filter(|style| style.region().is_some()).count();
        Self {
            limit: settings.max_memory,
            kind,
            optimizer: settings.optimizer,
            vectors: vectors(settings),
            // Every region is a mask, what no region covers is another, and so is the content's.
            masks: if masks().next().is_some() { regions + 2 } else { 0 },
            given: copies * pictures.map(picture).sum::<usize>() + masks().map(mask).sum::<usize>(),
        }
    }

    /// The tiles in which a planned picture is painted; `compared` are the layers whose features have an F₀.
    ///
    /// # Errors
    /// [`Error::Option`] if that takes more than is allowed, or than the machine has, with what would do.
    pub fn painting(&self, plan: &Plan, compared: &[Layer]) -> Result<Tiling> {
        let Some(limit) = self.limit else {
            memory::require_with(plan, self.kind, compared, self.purpose(), 0, IN_TILES)?;
            return Ok(Tiling::whole(plan.clone()));
        };
        let beside = self.beside(plan, self.vectors);
        let tiling = budget::tiling(plan, self.kind, compared, limit.saturating_sub(beside));
        // Styles are measured beside what a run begins with.
        let begun = self.beside(plan, OWN_VECTORS) - PROGRAM;
        let start = PROGRAM + begun.div_ceil(MEASURING.1 - MEASURING.0) * MEASURING.1;
        match tiling {
            Ok(tiling) if start <= limit => {
                affordable(&tiling, self.bytes(&tiling, compared), limit)?;
                Ok(tiling)
            }
            tiling => {
                let least = |beside: usize| (beside + tiling.as_ref().err().unwrap_or(&0)).max(start);
                let mut would_do = format!("about {} would do", megabytes(least(beside)));
                if let Optimizer::Lbfgs { history } = self.optimizer
                    && history > 1
                    && tiling.is_err()
                {
                    let fewer = self.beside(plan, self.vectors + 1 - history);
                    would_do += &format!(", or {} with `history` 1", megabytes(least(fewer)));
                }
                let picture = plan.picture();
                Err(Error::option(
                    "max_memory",
                    format!(
                        "{} is too little for {}x{} pixels, in however small tiles; {would_do}, or choose a smaller size",
                        Bytes(limit),
                        picture.width,
                        picture.height
                    ),
                ))
            }
        }
    }

    /// Bytes that painting takes in these tiles.
    pub fn bytes(&self, tiling: &Tiling, compared: &[Layer]) -> usize {
        match self.limit {
            None => memory::estimate(tiling.plan(), self.kind, compared, self.purpose()),
            Some(_) => {
                let beside = self.beside(tiling.plan(), self.vectors);
                beside + budget::bytes(tiling, self.kind, compared, rayon::current_num_threads())
            }
        }
    }

    /// What an engine of the whole picture is used for.
    fn purpose(&self) -> Use {
        Use::Painting { vectors: self.vectors }
    }

    /// Bytes that are held beside the engine while so many pictures of the planned size are.
    fn beside(&self, plan: &Plan, vectors: usize) -> usize {
        let picture = plan.picture();
        let layers: usize = (0..plan.taps().len()).map(|tap| plan.tap_shape(tap).positions()).sum();
        let masks = self.masks * (picture.positions() + layers);
        PROGRAM + self.given + size_of::<f32>() * (vectors * picture.len() + masks)
    }
}

/// Pictures of the result's size, in f32, that are held while it is painted by these settings.
pub(super) fn vectors(settings: &Settings) -> usize {
    let own = if settings.losses.terms.is_empty() { 0 } else { TERM_VECTORS };
    settings.optimizer.vectors() + OWN_VECTORS + own
}

/// The tiles in which a style picture is measured for a run that may take `limit`: in a part of it, whatever else the run holds.
///
/// # Errors
/// As [`Budget::painting`].
pub(super) fn measuring(plan: &Plan, kind: EngineKind, limit: Option<usize>) -> Result<Tiling> {
    let Some(limit) = limit else {
        memory::require(plan, kind, &[], Use::Painting { vectors: MEASURED_VECTORS })?;
        return Ok(Tiling::whole(plan.clone()));
    };
    let beside = MEASURED_VECTORS * size_of::<f32>() * plan.picture().len();
    budget::tiling(plan, kind, &[], (limit.saturating_sub(PROGRAM) / MEASURING.1 * MEASURING.0).saturating_sub(beside)).map_err(|least| {
        let (width, height) = (plan.picture().width, plan.picture().height);
        let message = format!(
            "{} is too little to measure {width}x{height} pixels in; about {} would do, or choose a smaller size",
            Bytes(limit),
            megabytes(PROGRAM + (least + beside).div_ceil(MEASURING.0) * MEASURING.1)
        );
        Error::option("max_memory", message)
    })
}

/// Refuses what the machine, or the number of its threads, makes larger than it may be.
fn affordable(tiling: &Tiling, bytes: usize, limit: usize) -> Result<()> {
    if bytes > limit {
        let message = format!(
            "{} does not suffice for {} threads, which borrow memory of their own; {} would do, or give at most {} `threads`",
            Bytes(limit),
            rayon::current_num_threads(),
            megabytes(bytes),
            budget::THREADS
        );
        return Err(Error::option("max_memory", message));
    }
    if let Some(available) = memory::available().filter(|available| *available < bytes) {
        let picture = tiling.plan().picture();
        let message = format!(
            "{} would be kept, but only {} are free for {}x{} pixels; give at most that",
            Bytes(limit),
            megabytes(available),
            picture.width,
            picture.height
        );
        return Err(Error::option("max_memory", message));
    }
    Ok(())
}

/// What else can be done about a picture that is too large for the machine.
const IN_TILES: &str = ", or have it painted in tiles with `max_memory`";

/// As it can be said to `max_memory`, rounded up.
fn megabytes(bytes: usize) -> String {
    format!("{}M", bytes.div_ceil(1_000_000))
}
