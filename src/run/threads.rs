//! The pool of threads in which all work runs: a run's own, never the process's global one.

use crate::error::{Error, Result};

/// Largest number of threads that can be asked for.
const MOST: usize = 1024;

/// A pool of `threads` threads, or of one for each processor this process may use; of fewer where the system gives no
/// more, since one is enough: the results are the same.
///
/// # Errors
/// 0 or more than 1024 threads, or a system that gives not even one.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool> {
    let option = "threads";
    let wanted = match threads {
        Some(count) if (1..=MOST).contains(&count) => count,
        Some(count) => {
            let message = format!("{count} threads cannot be used; give a number from 1 to {MOST}");
            return Err(Error::option(option, message));
        }
        None => std::thread::available_parallelism().map_or(1, usize::from).min(MOST),
    };
    let mut count = wanted;
    loop {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|index| format!("impasto-{index}"))
            .build();
        match pool {
            Ok(pool) => return Ok(pool),
            Err(_) if count > 1 => count /= 2,
            Err(error) => {
                let message =
                    format!("not even one thread could be started ({error}); stop other programs first");
                return Err(Error::option(option, message));
            }
        }
    }
}
