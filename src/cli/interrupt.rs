//! Signals that ask the command to stop: the first lets it keep its picture, later ones end the process.
//!
//! `timeout` and shells send a signal to the process and to its group, so the same wish can arrive twice: whatever
//! comes within [`ONE_WISH`] of the first is that first one. Signals that were ignored when the process began (under `nohup`,
//! or in the background of a plain `sh`) stay ignored.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::output;
use crate::run::Cancel;

/// Signals so close together are one wish.
const ONE_WISH: Duration = Duration::from_secs(2);

/// Takes over the signals; the first sets the token. Where that is not possible they keep their usual effect.
pub(super) fn install() -> Cancel {
    let cancel = Cancel::new();
    let token = cancel.clone();
    let first: Mutex<Option<Instant>> = Mutex::new(None);
    let handle = move || {
        let mut first = first.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *first {
            None => {
                *first = Some(Instant::now());
                token.cancel();
            }
            Some(at) if at.elapsed() < ONE_WISH => {}
            Some(_) => std::process::exit(130),
        }
    };
    if let Err(error) = listen(handle) {
        output::message(&format!("impasto: Ctrl-C will not save the picture ({error})"));
    }
    cancel
}

/// Calls `handle` for every signal that asks to stop.
#[cfg(unix)]
fn listen(handle: impl Fn() + Send + 'static) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let ignored = ignored_at_start();
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    let builder = std::thread::Builder::new().name("impasto-signals".to_owned());
    builder.spawn(move || signals.forever().for_each(|_| handle())).map(drop)
}

/// The signals that this process was told to ignore, one bit each, as far as the system tells (Linux).
#[cfg(unix)]
fn ignored_at_start() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Calls `handle` for every signal that asks to stop.
#[cfg(not(unix))]
fn listen(handle: impl Fn() + Send + 'static) -> std::result::Result<(), ctrlc::Error> {
    ctrlc::set_handler(handle)
}
