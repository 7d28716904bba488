//! The wish that the server stops: asked for by a signal or by whoever drives it, and seen by all who
//! wait.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::wait::block_on;

/// See the module. Clones are the same wish.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Its other end is dropped with the wish, which makes this one readable for ever.
    seen: UnixStream,
}

#[derive(Debug)]
struct State {
    unasked: Option<UnixStream>,
    /// Nobody asked: something that serves has ended by itself.
    failed: bool,
    waiting: Vec<Waker>,
}

/// Asks to stop when dropped: whoever serves holds one, so that one that fails ends all. That is a
/// failure, unless somebody has asked before.
#[derive(Debug)]
pub struct Guard(Stop);

impl Stop {
    /// A wish that nobody has yet.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn new() -> io::Result<Self> {
        let (unasked, seen) = UnixStream::pair()?;
        let state = State { unasked: Some(unasked), failed: false, waiting: Vec::new() };
        Ok(Self(Arc::new(Shared { state: Mutex::new(state), seen })))
    }

    /// Asks to stop.
    pub fn ask(&self) {
        self.end(false);
    }

    fn end(&self, failed: bool) {
        let mut state = self.state();
        state.failed |= failed && state.unasked.is_some();
        state.unasked = None;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.state().unasked.is_none()
    }

    /// Whether something that serves has ended before somebody asked.
    pub fn has_failed(&self) -> bool {
        self.state().failed
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.unasked.is_none() {
                return Poll::Ready(());
            }
            // Who waits for something else too comes by again and again.
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// The same in a thread of its own.
    pub fn wait(&self) {
        block_on(self.asked());
    }

    /// See [`Guard`].
    pub fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Stop {
    /// Readable once somebody has asked.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.seen.as_fd()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end(true);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;
    use crate::wait::block_on_for;

    #[test]
    fn is_seen_by_all_who_wait_when_a_guard_goes() {
        let stop = Stop::new().unwrap();
        let guard = stop.guard();
        let waiting = stop.clone();
        let waits = std::thread::spawn(move || {
            let mut ready = [PollFd::from_borrowed_fd(waiting.as_fd(), PollFlags::IN)];
            poll(&mut ready, None).unwrap();
            waiting.wait();
        });
        assert!(block_on_for(Duration::from_millis(10), stop.asked()).is_none());
        assert!(!stop.is_asked());
        drop(guard);
        waits.join().unwrap();
        assert!(stop.is_asked() && stop.has_failed());
    }

    #[test]
    fn whoever_ends_behind_the_wish_has_not_failed() {
        let stop = Stop::new().unwrap();
        let guard = stop.guard();
        stop.ask();
        drop(guard);
        assert!(stop.is_asked() && !stop.has_failed());
    }

    #[test]
    fn remembers_once_who_waits_again_and_again() {
        let stop = Stop::new().unwrap();
        for _ in 0..10 {
            assert!(block_on_for(Duration::from_micros(1), stop.asked()).is_none());
        }
        assert_eq!(stop.state().waiting.len(), 1);
    }
}
