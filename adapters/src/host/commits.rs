//! Batches on their way to the committer, and when to look at the room that is left for more.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_core::Batch;

/// Bytes committed after which the room on the medium is looked at, however short the time.
const ROOM_BYTES: usize = 16 * 1024 * 1024;
/// Time after which it is looked at again while there are commits.
pub(super) const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// Batches on their way to the committer.
#[derive(Default)]
pub(super) struct Commits {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    batches: Vec<Batch>,
    closed: bool,
}

impl Commits {
    pub(super) fn add(&self, batch: Batch) {
        self.queue().batches.push(batch);
        self.arrived.notify_one();
    }

    /// Waits for batches, and takes all that are there. `None` at the end.
    pub(super) fn take(&self) -> Option<Vec<Batch>> {
        let idle = |queue: &mut Queue| queue.batches.is_empty() && !queue.closed;
        let queue = self.arrived.wait_while(self.queue(), idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        let batches = std::mem::take(&mut queue.batches);
        if batches.is_empty() { None } else { Some(batches) }
    }

    pub(super) fn close(&self) {
        self.queue().closed = true;
        self.arrived.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to look at the room on the medium.
#[derive(Default)]
pub(super) struct RoomWatch {
    looked: Option<Instant>,
    /// Bytes committed since then.
    bytes: usize,
}

impl RoomWatch {
    /// Whether to look now, after so many more bytes.
    pub(super) fn is_due(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let late = self.looked.is_none_or(|looked| looked.elapsed() >= ROOM_PAUSE);
        if !late && self.bytes < ROOM_BYTES {
            return false;
        }
        *self = Self { looked: Some(Instant::now()), bytes: 0 };
        true
    }
}
