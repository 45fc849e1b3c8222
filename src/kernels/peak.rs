//! What the machine itself gives: the rate of its multiply-add units, and of its memory.
//!
//! Speed is judged against these, measured at the time of judging, on the same threads and instruction set.

use std::time::Instant;

use rayon::ThreadPool;

use super::simd::{Kernel, LANES, Level, Simd};

/// Multiply-adds of each sum in one measurement: a few milliseconds.
const STEPS: usize = 1 << 18;
/// Measurements; the fastest counts.
const RUNS: usize = 100;

/// `STEPS` multiply-adds on every sum; returns how many floats each step worked on.
struct Multiply;

impl Kernel for Multiply {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        // Enough sums to hide the latency of two units, few enough to stay in registers with their factor.
        if S::TILE[0] > 12 { chains::<S, 12>(simd) } else { chains::<S, 6>(simd) }
    }
}

/// `SUMS` independent chains of multiply-adds.
#[inline(always)]
fn chains<S: Simd, const SUMS: usize>(simd: S) -> usize {
    // x ↦ x/2 + 1/2 tends to 1: no value over- or underflows.
    let half = simd.splat(std::hint::black_box(0.5));
    let mut sums = [half; SUMS];
    for (k, sum) in sums.iter_mut().enumerate() {
        // Chains that begin alike would be computed once.
        *sum = simd.splat(std::hint::black_box(k as f32));
    }
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = simd.fma(*sum, half, half);
        }
    }
    let mut total = simd.splat(0.0);
    for sum in sums {
        total = simd.add(total, sum);
    }
    std::hint::black_box(simd.sum(total));
    SUMS * LANES
}

/// The f32 multiply-adds, two operations each, of all threads of `pool` together, in GFLOP/s.
///
/// Multiplications of registers only: no code that reads its operands from memory can be faster. Every thread's
/// fastest run of many short ones counts, so that what else the machine does hides the peak as little as can be;
/// threads beyond the number of processors add nothing. Takes about half a second.
pub fn fma_peak_gflops(level: Level, pool: &ThreadPool) -> f64 {
    let rates = pool.broadcast(|_| {
        let rate = || {
            let begin = Instant::now();
            let floats = level.run(Multiply);
            (2 * floats * STEPS) as f64 / begin.elapsed().as_secs_f64() / 1e9
        };
        (0..RUNS).map(|_| rate()).fold(0.0, f64::max)
    });
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    rates.iter().sum::<f64>() * (processors as f64 / rates.len() as f64).min(1.0)
}

/// Bytes that all threads together read and write, in GB/s, when they copy memory that no cache holds.
pub fn copy_gbytes(pool: &ThreadPool) -> f64 {
    const LENGTH: usize = 16 << 20;
    const COPIES: usize = 3;
    let rates = || {
        pool.broadcast(|_| {
            let (from, mut to) = (vec![1.0f32; LENGTH], vec![2.0f32; LENGTH]);
            let begin = Instant::now();
            for _ in 0..COPIES {
                std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
            }
            (2 * COPIES * LENGTH * size_of::<f32>()) as f64 / begin.elapsed().as_secs_f64() / 1e9
        })
    };
    (0..5).map(|_| rates().iter().sum::<f64>()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_that_runs_has_a_peak() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        for level in Level::all() {
            let peak = fma_peak_gflops(level, &pool);
            assert!(peak.is_finite() && peak > 0.0, "{}: {peak}", level.isa());
        }
        assert!(copy_gbytes(&pool) > 0.0);
    }
}
