//! How much memory a run will take, and whether the machine has it: a run that cannot end does not begin.

use std::path::Path;

use super::demand::{Demand, EngineKind};
use super::limits;
use crate::error::{Error, Result};
use crate::network::Layer;
use crate::network::plan::Plan;

/// What a painting takes whatever its size: the program, the network's file, pictures as they are read, and what the
/// allocator keeps of coarser sizes.
const PROCESS: usize = 42_000_000;

/// What an engine is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// One evaluation or more at one size.
    Evaluation,
    /// A picture is painted, from coarse to fine.
    Painting {
        /// Pictures of the planned size, in f32, that are held beside the engine.
        vectors: usize,
    },
}

/// Bytes that a purpose takes at a plan's size: maps, weights as the engine keeps them, what the losses hold, and for
/// a painting the pictures beside them.
///
/// `compared` are the layers whose features have an F₀; work runs on the threads of the pool that this is called in.
pub fn estimate(plan: &Plan, kind: EngineKind, compared: &[Layer], purpose: Use) -> usize {
    let steps = kind.steps(plan.clone());
    let demand = Demand::new(&steps, kind, compared, rayon::current_num_threads()).total();
    match purpose {
        Use::Evaluation => demand,
        Use::Painting { vectors } => {
            let vectors = vectors * plan.picture().len() * size_of::<f32>();
            PROCESS + demand + Demand::of_coarser(&steps) + vectors
        }
    }
}

/// Refuses a plan for which the machine lacks the memory, as far as it tells (Linux; elsewhere nothing is
/// refused).
///
/// # Errors
/// [`Error::Option`] about `--size`, with both figures and the largest size that would do.
pub fn require(plan: &Plan, kind: EngineKind, compared: &[Layer], purpose: Use) -> Result<()> {
    require_with(plan, kind, compared, purpose, 0, "")
}

/// As [`require`], for a purpose that takes `more` bytes beside the engine's; `advice` is what else can be done.
///
/// # Errors
/// As [`require`].
pub fn require_with(
    plan: &Plan,
    kind: EngineKind,
    compared: &[Layer],
    purpose: Use,
    more: usize,
    advice: &str,
) -> Result<()> {
    let Some(available) = available() else { return Ok(()) };
    let needed = estimate(plan, kind, compared, purpose) + more;
    if needed <= available {
        return Ok(());
    }
    let picture = plan.picture();
    let longer = picture.width.max(picture.height) as f64;
    let possible = (longer * (available as f64 / needed as f64).sqrt() * 0.95) as usize;
    let message = format!(
        "{}x{} pixels take about {} of memory with this network, {} are free; choose a size of at most {possible}, or \
         layers less deep{advice}",
        picture.width,
        picture.height,
        gigabytes(needed),
        gigabytes(available)
    );
    Err(Error::option("size", message))
}

fn gigabytes(bytes: usize) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Bytes that this process may still take, as far as the machine tells (Linux).
pub fn available() -> Option<usize> {
    limits::available(Path::new("/"))
}

/// The most memory that this process has held so far, in bytes (Linux only).
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ConvolutionAlgorithm;
    use crate::weights;
    use std::sync::Arc;

    #[test]
    fn a_picture_beyond_the_machine_is_refused_with_a_size_that_fits() {
        let network = Arc::new(weights::random("8|8", 1).unwrap());
        let taps = ["relu2_1".parse().unwrap()];
        let kind = EngineKind::Single(ConvolutionAlgorithm::Auto);
        let require = |side| {
            let plan = Plan::new(network.clone(), side, side, &taps).unwrap();
            require(&plan, kind, &[], Use::Painting { vectors: 20 })
        };
        assert!(require(64).is_ok());
        if available().is_some() {
            let message = require(65_536).unwrap_err().to_string();
            assert!(message.starts_with("size: 65536x65536 pixels take about"), "{message}");
        }
    }
}
