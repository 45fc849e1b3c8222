//! Buffers that tasks borrow and give back, so that no evaluation allocates after the first.

use std::sync::Mutex;

use super::map::Buffer;

/// A stack of buffers; as many exist as tasks ever ran at once.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Buffer>>);

impl Pool {
    /// Lends a buffer for the time of `work`. What the buffer holds at first is arbitrary.
    pub fn with<R>(&self, work: impl FnOnce(&mut Buffer) -> R) -> R {
        let buffer = self.lock().pop();
        self.lend(buffer, work)
    }

    /// The same with the largest buffer there is: for work that needs much room, lest every buffer grow.
    pub fn with_largest<R>(&self, work: impl FnOnce(&mut Buffer) -> R) -> R {
        let buffer = {
            let mut buffers = self.lock();
            let largest = (0..buffers.len()).max_by_key(|&at| buffers[at].vectors().len());
            largest.map(|at| buffers.remove(at))
        };
        self.lend(buffer, work)
    }

    fn lend<R>(&self, buffer: Option<Buffer>, work: impl FnOnce(&mut Buffer) -> R) -> R {
        let mut buffer = buffer.unwrap_or_default();
        let result = work(&mut buffer);
        // The smallest lies on top and is lent first.
        let mut buffers = self.lock();
        let at = buffers.partition_point(|other| other.vectors().len() > buffer.vectors().len());
        buffers.insert(at, buffer);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Buffer>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
