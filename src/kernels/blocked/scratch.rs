//! Buffers that tasks borrow and give back, so that no evaluation allocates after the first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::map::Buffer;

/// Vectors that a computation borrows: in each task, and once for all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Of each task.
    pub task: usize,
    /// Shared by all tasks.
    pub shared: usize,
}

impl Room {
    /// What is enough for either of two.
    pub fn most(self, other: Self) -> Self {
        Self { task: self.task.max(other.task), shared: self.shared.max(other.shared) }
    }
}

/// Buffers that lie ready.
#[derive(Default)]
pub struct Pool {
    tasks: Mutex<Vec<Buffer>>,
    shared: Mutex<Buffer>,
}

impl Pool {
    /// Makes buffers for as many tasks as run at once: then none is made, and none grows, while they run.
    pub fn reserve(&self, tasks: usize, room: Room) {
        let mut buffers = lock(&self.tasks);
        while buffers.len() < tasks {
            buffers.push(Buffer::default());
        }
        buffers.iter_mut().for_each(|buffer| {
            buffer.vectors_mut(room.task);
        });
        lock(&self.shared).vectors_mut(room.shared);
    }

    /// Lends a buffer to a task for the time of `work`. What the buffer holds at first is arbitrary.
    pub fn with<R>(&self, work: impl FnOnce(&mut Buffer) -> R) -> R {
        let mut buffer = lock(&self.tasks).pop().unwrap_or_default();
        let result = work(&mut buffer);
        lock(&self.tasks).push(buffer);
        result
    }

    /// Lends the buffer that all tasks share.
    pub fn with_shared<R>(&self, work: impl FnOnce(&mut Buffer) -> R) -> R {
        // It is taken out, not locked, for a thread that waits for its tasks may begin other work of this pool.
        let mut buffer = std::mem::take(&mut *lock(&self.shared));
        let result = work(&mut buffer);
        *lock(&self.shared) = buffer;
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
