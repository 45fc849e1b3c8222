//! What the machine itself gives: the rate of its multiply-add units, and of its memory.
//!
//! Speed is judged against these, measured at the time of judging, on the same threads and instruction set.
#![allow(unsafe_code)]

use std::time::Instant;

use rayon::ThreadPool;

use super::simd::{Isa, Kernel, LANES, Simd};

/// Independent sums at most; as many as the instruction set's register tile has are used: enough to hide the
/// latency of two units, few enough to stay in registers.
const SUMS: usize = 24;
/// Multiply-adds of each sum between two looks at the clock.
const STEPS: usize = 1 << 14;
/// Seconds of one measurement.
const SPAN: f64 = 0.05;
/// Measurements; the fastest counts.
const RUNS: usize = 4;

/// `STEPS` multiply-adds on every sum; returns how many floats each step worked on.
struct Multiply {
    start: [f32; SUMS],
}

impl Kernel for Multiply {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> usize {
        let used = S::TILE[0].min(SUMS);
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            // x ↦ x/2 + 1/2 tends to 1: no value over- or underflows.
            let half = S::splat(std::hint::black_box(0.5));
            let mut sums = self.start.map(|value| S::splat(value));
            for _ in 0..STEPS {
                for sum in &mut sums[..used] {
                    *sum = S::fma(*sum, half, half);
                }
            }
            std::hint::black_box(sums[..used].iter().map(|&sum| S::sum(sum)).sum::<f32>());
        }
        used * LANES
    }
}

/// The f32 multiply-adds, two operations each, of all threads of `pool` together, in GFLOP/s.
///
/// Multiplications of registers only: no code that reads its operands from memory can be faster. Takes about a
/// quarter of a second.
///
/// # Panics
/// If the processor lacks `isa`.
pub fn fma_peak_gflops(isa: Isa, pool: &ThreadPool) -> f64 {
    let rate = || {
        let begin = Instant::now();
        let mut count = 0usize;
        while begin.elapsed().as_secs_f64() < SPAN {
            let start = std::hint::black_box(std::array::from_fn(|at| at as f32));
            count += isa.run(Multiply { start });
        }
        (2 * count * STEPS) as f64 / begin.elapsed().as_secs_f64() / 1e9
    };
    best(pool, rate)
}

/// Bytes that all threads together read and write, in GB/s, when they copy memory that no cache holds.
pub fn copy_gbytes(pool: &ThreadPool) -> f64 {
    const LENGTH: usize = 16 << 20;
    let rate = || {
        let (from, mut to) = (vec![1.0f32; LENGTH], vec![0.0f32; LENGTH]);
        let begin = Instant::now();
        let mut count = 0usize;
        while begin.elapsed().as_secs_f64() < SPAN {
            std::hint::black_box(&mut to).copy_from_slice(std::hint::black_box(&from));
            count += 1;
        }
        (2 * count * LENGTH * size_of::<f32>()) as f64 / begin.elapsed().as_secs_f64() / 1e9
    };
    best(pool, rate)
}

/// The best sum of the threads' rates; the first measurement only warms up.
fn best(pool: &ThreadPool, rate: impl Fn() -> f64 + Sync) -> f64 {
    (0..=RUNS).map(|_| pool.broadcast(|_| rate()).iter().sum::<f64>()).skip(1).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_that_runs_has_a_peak() {
        let pool = crate::threads::pool(Some(1)).unwrap();
        for (_, isa) in Isa::ALL.into_iter().filter(|(_, isa)| isa.available()) {
            let peak = fma_peak_gflops(isa, &pool);
            assert!(peak.is_finite() && peak > 0.0, "{isa}: {peak}");
        }
        assert!(copy_gbytes(&pool) > 0.0);
    }
}
