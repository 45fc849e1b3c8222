//! The pool of threads in which all work runs: a run's own, never the process's global one.

use crate::error::{Error, Result};

/// Largest number of threads that can be asked for.
const MOST: usize = 1024;

/// A pool of `threads` threads, or of one for each processor this process may use.
///
/// # Errors
/// 0 or more than 1024 threads, or an operating system that does not give them.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let option = "threads";
    let threads = match threads {
        Some(count) if (1..=MOST).contains(&count) => count,
        Some(count) => {
            let message = format!("{count} threads cannot be used; give a number from 1 to {MOST}");
            return Err(Error::option(option, message));
        }
        None => std::thread::available_parallelism().map_or(1, usize::from).min(MOST),
    };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("impasto-{index}"))
        .build()
        .map_err(|error| Error::option(option, format!("{threads} threads could not be started: {error}")))
}
