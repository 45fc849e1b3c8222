//! How much memory a run will take, and whether the machine has it: a run that cannot end does not begin.

use crate::engine::backend::Backend;
use crate::error::{Error, Result};
use crate::kernels::blocked::map::{Layout, Vector};
use crate::kernels::blocked::winograd::{self, Tile};
use crate::kernels::simd::LANES;
use crate::network::Convolution;
use crate::network::plan::Plan;
use crate::tensor::Shape;

/// Vectors of the picture's size that the optimiser and the pyramid hold: one for each remembered pair of L-BFGS (two
/// of half the size), a dozen for its state, and the pictures themselves.
const PIXEL_VECTORS: usize = 30;

/// Bytes that the tasks of the fast engine borrow, about: what chunks of tiles take, for a few threads.
const SCRATCH: usize = 64 << 20;

/// Which engine will hold the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The fast engine: only tapped maps, two working ones and a bit for every other element.
    Fast,
    /// The reference engine in f32: every map.
    Reference,
    /// The reference engine in f64.
    Double,
}

impl Holder {
    /// The engine of a backend.
    pub fn of(backend: &Backend) -> Self {
        if backend.is_fast() { Self::Fast } else { Self::Reference }
    }
}

/// Bytes that optimising a picture of this plan takes, rounded up: maps, weights as the engine keeps them, and
/// the optimiser's vectors.
pub fn estimate(plan: &Plan, holder: Holder) -> usize {
    let levels = 0..plan.depth();
    let network = plan.network();
    let weights: usize = network.convolutions()[..plan.depth()].iter().map(|c| c.weight().len()).sum();
    let vectors = PIXEL_VECTORS * plan.picture().len();
    let largest = |size: &dyn Fn(Shape) -> usize| {
        levels.clone().map(|at| size(plan.input_shape(at)).max(size(plan.shape(at)))).max().unwrap_or(0)
    };
    match holder {
        Holder::Reference | Holder::Double => {
            let maps: usize =
                levels.clone().map(|at| plan.input_shape(at).len() + 2 * plan.shape(at).len()).sum();
            let width = if holder == Holder::Double { size_of::<f64>() } else { size_of::<f32>() };
            width * (maps + 3 * largest(&|shape| shape.len()) + 2 * weights + vectors)
        }
        Holder::Fast => {
            // Each tapped map may be remembered once more.
            let blocked = |shape: Shape| size_of::<Vector>() * Layout::new(shape).len();
            let taps: usize = (0..plan.taps().len()).map(|tap| 2 * blocked(plan.tap_shape(tap))).sum();
            let gates: usize =
                levels.clone().map(|at| size_of::<u16>() * plan.shape(at).len().div_ceil(LANES)).sum();
            // Finer and coarser sizes may use different tiles.
            let packed = |c: &Convolution| {
                Tile::ALL
                    .map(|tile| winograd::packed_bytes(c.outputs(), c.inputs(), tile))
                    .iter()
                    .sum::<usize>()
            };
            let packed: usize = network.convolutions()[..plan.depth()].iter().map(packed).sum();
            // Twice: the network's own, and turned for a mirrored border.
            let plain = size_of::<f32>() * (2 * weights + vectors);
            taps + gates + 2 * largest(&blocked) + packed + plain + SCRATCH
        }
    }
}

/// Refuses a plan for which the machine lacks the memory, as far as it tells (Linux; elsewhere nothing is
/// refused).
///
/// # Errors
/// [`Error::Option`] about `--size`, with both figures and the largest size that would do.
pub fn require(plan: &Plan, holder: Holder) -> Result<()> {
    let Some(available) = available() else { return Ok(()) };
    let needed = estimate(plan, holder);
    if needed <= available {
        return Ok(());
    }
    let picture = plan.picture();
    let longer = picture.width.max(picture.height) as f64;
    let possible = (longer * (available as f64 / needed as f64).sqrt() * 0.95) as usize;
    let message = format!(
        "{}x{} pixels take about {} of memory with this network, {} are free; choose a size of at most {possible}, or \
         layers less deep",
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

/// Bytes that this process may still take: what the system has and what its control group allows.
fn available() -> Option<usize> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let line = |text: String, key: &str| -> Option<usize> {
        let rest = text.lines().find_map(|line| line.strip_prefix(key))?.to_owned();
        rest.trim().trim_end_matches("kB").trim().parse::<usize>().ok()?.checked_mul(1024)
    };
    let system = line(read("/proc/meminfo")?, "MemAvailable:")?;
    let number = |path: &str| read(path)?.trim().parse::<usize>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .map(|most| most.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    Some(group.map_or(system, |group| system.min(group)))
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
    use crate::weights;
    use std::sync::Arc;

    #[test]
    fn a_picture_beyond_the_machine_is_refused_with_a_size_that_fits() {
        let network = Arc::new(weights::random("8|8", 1).unwrap());
        let taps = ["relu2_1".parse().unwrap()];
        assert!(require(&Plan::new(network.clone(), 64, 64, &taps).unwrap(), Holder::Fast).is_ok());
        if available().is_some() {
            let message = require(&Plan::new(network, 65_536, 65_536, &taps).unwrap(), Holder::Fast)
                .unwrap_err()
                .to_string();
            assert!(message.starts_with("size: 65536x65536 pixels take about"), "{message}");
        }
    }
}
