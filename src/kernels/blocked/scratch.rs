//! Buffers that tasks borrow and give back, so that no evaluation allocates after the first.

use std::sync::Mutex;

use super::map::Buffer;

/// A stack of buffers; as many exist as tasks ever ran at once.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Buffer>>);

impl Pool {
    /// Lends a buffer for the time of `work`. What the buffer holds at first is arbitrary.
    pub fn with<R>(&self, work: impl FnOnce(&mut Buffer) -> R) -> R {
        let lock = || self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut buffer = lock().pop().unwrap_or_default();
        let result = work(&mut buffer);
        lock().push(buffer);
        result
    }
}
