//! A budget of bytes for request bodies, shared by all connections of a listener: so that many large
//! bodies at once wait for one another and do not take all of the memory.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use strongroom_core::http::Framing;

/// Bodies up to this size are not counted: even with every connection busy they are little.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Budget {
    left: Mutex<usize>,
    returned: Condvar,
}

/// A part of the budget that is in use; it is given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { left: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// Waits for room for a body, at most for `patience`. `bytes_max` is what the body may have if it
    /// does not say. `None` if there was no room in time.
    pub fn take(
        self: &Arc<Self>,
        framing: Framing,
        bytes_max: usize,
        patience: Duration,
    ) -> Option<Share> {
        let bytes = match framing {
            Framing::None => 0,
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Framing::Chunked => bytes_max,
        };
        let bytes = if bytes <= SMALL_BODY_BYTES { 0 } else { bytes.min(bytes_max) };
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut left, _) = self
            .returned
            .wait_timeout_while(left, patience, |left| *left < bytes)
            .unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(bytes)?;
        Some(Share { budget: Arc::clone(self), bytes })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // Most bodies take nothing, and nobody waits for that.
        if self.bytes == 0 {
            return;
        }
        let mut left = self.budget.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(10);

    #[test]
    fn gives_no_more_than_it_has_and_takes_it_back() {
        let budget = Arc::new(Budget::new(300_000));
        let large = Framing::Length(200_000);
        let first = budget.take(large, 1 << 20, SHORT);
        assert!(first.is_some());
        assert!(budget.take(large, 1 << 20, SHORT).is_none());
        assert!(budget.take(Framing::Chunked, 1 << 20, SHORT).is_none());
        // Small bodies and none at all do not wait.
        assert!(budget.take(Framing::Length(1000), 1 << 20, SHORT).is_some());
        assert!(budget.take(Framing::None, 1 << 20, SHORT).is_some());
        drop(first);
        assert!(budget.take(large, 1 << 20, SHORT).is_some());
        // A body that is too large will be refused for that; it counts as what it may have.
        assert!(budget.take(Framing::Length(u64::MAX), 300_000, SHORT).is_some());
    }

    #[test]
    fn lets_the_next_one_in_when_there_is_room() {
        let budget = Arc::new(Budget::new(100_000));
        let share = budget.take(Framing::Length(100_000), 1 << 20, SHORT);
        let waiting = Arc::clone(&budget);
        let next = std::thread::spawn(move || {
            waiting.take(Framing::Length(100_000), 1 << 20, Duration::from_secs(60)).is_some()
        });
        drop(share);
        assert!(next.join().is_ok_and(|taken| taken));
    }
}
