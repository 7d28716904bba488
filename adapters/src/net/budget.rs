//! A budget of bytes for request bodies, shared by all connections of a server: so that many large
//! bodies at once wait for one another and do not take all of the memory.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use strongroom_core::http::Framing;

/// Bodies up to this size are not counted: even with every connection busy they are little.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Budget(Mutex<State>);

#[derive(Debug)]
struct State {
    left: usize,
    waiting: Vec<Waker>,
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
        Self(Mutex::new(State { left: bytes, waiting: Vec::new() }))
    }

    /// A share for a body, once there is room for it. `bytes_max` is what the body may have if it does
    /// not say.
    pub async fn take(self: &Arc<Self>, framing: Framing, bytes_max: usize) -> Share {
        let bytes = match framing {
            Framing::None => 0,
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Framing::Chunked => bytes_max,
        };
        let bytes = if bytes <= SMALL_BODY_BYTES { 0 } else { bytes.min(bytes_max) };
        if bytes > 0 {
            poll_fn(|context| {
                let mut state = self.state();
                match state.left.checked_sub(bytes) {
                    Some(left) => {
                        state.left = left;
                        Poll::Ready(())
                    }
                    None => {
                        state.waiting.push(context.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await;
        }
        Share { budget: Arc::clone(self), bytes }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut state = self.budget.state();
        state.left += self.bytes;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wait::{block_on, block_on_for};

    const SHORT: Duration = Duration::from_millis(10);
    const MIB: usize = 1 << 20;

    #[test]
    fn gives_no_more_than_it_has_and_takes_it_back() {
        let budget = Arc::new(Budget::new(300_000));
        let take = |framing, max| block_on_for(SHORT, budget.take(framing, max));
        let large = Framing::Length(200_000);
        let first = take(large, MIB);
        assert!(first.is_some());
        assert!(take(large, MIB).is_none());
        assert!(take(Framing::Chunked, MIB).is_none());
        // Small bodies and none at all do not wait.
        assert!(take(Framing::Length(1000), MIB).is_some());
        assert!(take(Framing::None, MIB).is_some());
        drop(first);
        assert!(take(large, MIB).is_some());
        // A body that is too large will be refused for that; it counts as what it may have.
        assert!(take(Framing::Length(u64::MAX), 300_000).is_some());
    }

    #[test]
    fn lets_the_next_one_in_when_there_is_room() {
        let budget = Arc::new(Budget::new(100_000));
        let share = block_on(budget.take(Framing::Length(100_000), MIB));
        let waiting = Arc::clone(&budget);
        let next = std::thread::spawn(move || {
            let take = waiting.take(Framing::Length(100_000), MIB);
            block_on_for(Duration::from_secs(60), take).is_some()
        });
        drop(share);
        assert!(next.join().is_ok_and(|taken| taken));
    }
}
