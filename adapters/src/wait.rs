//! Waiting for a future in a thread of one's own, without an executor; and for what another thread makes.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Parked(thread::current())));
}

/// Waits in this thread until the future is done.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    WAKER.with(|waker| {
        let mut future = pin!(future);
        let mut context = Context::from_waker(waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            thread::park();
        }
    })
}

/// Waits for so long at most.
pub(crate) fn block_on_for<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    WAKER.with(|waker| {
        let mut future = pin!(future);
        let mut context = Context::from_waker(waker);
        let start = Instant::now();
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            let left = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero())?;
            thread::park_timeout(left);
        }
    })
}

/// A result on its way from another thread.
struct Slot<T> {
    state: Mutex<State<T>>,
}

enum State<T> {
    Empty(Option<Waker>),
    Full(T),
    /// Whoever was to give it has ended without.
    Lost,
}

/// Gives a result once.
pub(crate) struct Giver<T>(Arc<Slot<T>>);

/// A place for one result: who gives it, and the future of it.
///
/// # Panics
///
/// The future panics if the giver was dropped without giving.
pub(crate) fn hand_over<T>() -> (Giver<T>, impl Future<Output = T>) {
    let slot = Arc::new(Slot { state: Mutex::new(State::Empty(None)) });
    let giver = Giver(Arc::clone(&slot));
    let taken = poll_fn(move |context| {
        let mut state = slot.state();
        match std::mem::replace(&mut *state, State::Empty(Some(context.waker().clone()))) {
            State::Full(result) => Poll::Ready(result),
            State::Empty(_) => Poll::Pending,
            State::Lost => panic!("work that another thread did has panicked"),
        }
    });
    (giver, taken)
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, with: State<T>) {
        let mut state = self.state();
        if let State::Empty(waker) = &mut *state {
            let waker = waker.take();
            *state = with;
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl<T> Giver<T> {
    pub(crate) fn give(self, result: T) {
        self.0.fill(State::Full(result));
    }
}

impl<T> Drop for Giver<T> {
    fn drop(&mut self) {
        self.0.fill(State::Lost);
    }
}
