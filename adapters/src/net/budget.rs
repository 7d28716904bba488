//! A budget of bytes for request bodies, shared by all connections of a server: so that many large
//! bodies at once wait for one another and do not take all of the memory.
//!
//! A share is held from the head of a request to its answer. Who holds one for long and still sends has
//! to go when another cannot be had: nobody keeps the server to himself by sending slowly.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use strongroom_core::http::Framing;

use super::socket::Socket;

/// Bodies up to this size are not counted: even with every connection busy they are little.
pub const SMALL_BODY_BYTES: usize = 64 * 1024;
/// Time that a body has to come before its share can be taken from it. The largest body that is allowed
/// by default needs 3 MiB a second for it, and more time if nobody else wants the room.
const ARRIVAL_TIME: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct Budget {
    state: Mutex<State>,
    arrival_time: Duration,
}

#[derive(Debug)]
struct State {
    left: usize,
    waiting: Vec<Waker>,
    last_id: u64,
    /// Shares of bodies that are not whole yet.
    arriving: BTreeMap<u64, Arriving>,
}

#[derive(Debug)]
struct Arriving {
    socket: Arc<Socket>,
    since: Instant,
}

/// A part of the budget that is in use; it is given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
    id: u64,
}

/// The bytes that a body counts as, which may have `bytes_max` if it does not say; 0 for a small one,
/// which needs no share.
pub fn demand(framing: Framing, bytes_max: usize) -> usize {
    let bytes = match framing {
        Framing::None => 0,
        Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Framing::Chunked => bytes_max,
    };
    if bytes <= SMALL_BODY_BYTES { 0 } else { bytes.min(bytes_max) }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::with_arrival_time(bytes, ARRIVAL_TIME)
    }

    fn with_arrival_time(bytes: usize, arrival_time: Duration) -> Self {
        let state =
            State { left: bytes, waiting: Vec::new(), last_id: 0, arriving: BTreeMap::new() };
        Self { state: Mutex::new(state), arrival_time }
    }

    /// A share for a body that comes from this socket, once there is room for it. Asking closes the
    /// connection of a body that has been coming for too long, if there is none; so ask again.
    pub async fn take(self: &Arc<Self>, bytes: usize, socket: &Arc<Socket>) -> Share {
        let id = poll_fn(|context| {
            let mut state = self.state();
            let Some(left) = state.left.checked_sub(bytes) else {
                state.close_longest(self.arrival_time);
                state.waiting.push(context.waker().clone());
                return Poll::Pending;
            };
            state.left = left;
            state.last_id += 1;
            let id = state.last_id;
            let arriving = Arriving { socket: Arc::clone(socket), since: Instant::now() };
            state.arriving.insert(id, arriving);
            Poll::Ready(id)
        })
        .await;
        Share { budget: Arc::clone(self), bytes, id }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close_longest(&mut self, arrival_time: Duration) {
        // Numbers are given in the order of time.
        if self
            .arriving
            .first_key_value()
            .is_some_and(|(_, one)| one.since.elapsed() >= arrival_time)
            && let Some((_, longest)) = self.arriving.pop_first()
        {
            let _ = longest.socket.shutdown(Shutdown::Both);
        }
    }
}

impl Share {
    /// The body is whole. False if its connection was closed for another body.
    #[must_use]
    pub(super) fn has_arrived(&self) -> bool {
        self.budget.state().arriving.remove(&self.id).is_some()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.left += self.bytes;
        state.arriving.remove(&self.id);
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::wait::{block_on, block_on_for};

    const SHORT: Duration = Duration::from_millis(10);
    const MIB: usize = 1 << 20;

    fn socket() -> (Arc<Socket>, UnixStream) {
        let (ours, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        (Arc::new(Socket::Unix(ours)), peer)
    }

    fn is_closed(mut peer: &UnixStream) -> bool {
        matches!(peer.read(&mut [0]), Ok(0))
    }

    #[test]
    fn counts_large_bodies_by_what_they_may_have() {
        let cases = [
            (Framing::None, MIB, 0),
            (Framing::Length(1000), MIB, 0),
            (Framing::Length(64 * 1024), MIB, 0),
            (Framing::Length(64 * 1024 + 1), MIB, 64 * 1024 + 1),
            // One that is too large will be refused for that.
            (Framing::Length(u64::MAX), MIB, MIB),
            (Framing::Chunked, MIB, MIB),
            (Framing::Chunked, 1000, 0),
        ];
        for (framing, bytes_max, want) in cases {
            assert_eq!(demand(framing, bytes_max), want, "{framing:?}");
        }
    }

    #[test]
    fn gives_no_more_than_it_has_and_takes_it_back() {
        let (budget, (socket, peer)) = (Arc::new(Budget::new(300_000)), socket());
        let take = |bytes| block_on_for(SHORT, budget.take(bytes, &socket));
        let first = take(200_000);
        assert!(first.is_some());
        assert!(take(200_000).is_none());
        assert!(take(100_000).is_some());
        drop(first);
        assert!(take(200_000).is_some());
        assert!(!is_closed(&peer));
    }

    #[test]
    fn closes_who_has_held_a_share_for_long_and_still_sends() {
        let budget = Arc::new(Budget::with_arrival_time(300_000, Duration::ZERO));
        let ((whole, whole_peer), (slow, slow_peer), (next, _peer)) =
            (socket(), socket(), socket());
        let whole = block_on(budget.take(100_000, &whole));
        assert!(whole.has_arrived());
        let slow = block_on(budget.take(200_000, &slow));
        assert!(block_on_for(SHORT, budget.take(200_000, &next)).is_none());
        assert!(is_closed(&slow_peer) && !is_closed(&whole_peer));
        assert!(!slow.has_arrived());
        drop(slow);
        assert!(block_on_for(SHORT, budget.take(200_000, &next)).is_some());
    }

    #[test]
    fn lets_the_next_one_in_when_there_is_room() {
        let (budget, (socket, _peer)) = (Arc::new(Budget::new(100_000)), socket());
        let share = block_on(budget.take(100_000, &socket));
        let waiting = Arc::clone(&budget);
        let next = std::thread::spawn(move || {
            block_on_for(Duration::from_secs(60), waiting.take(100_000, &socket)).is_some()
        });
        drop(share);
        assert!(next.join().is_ok_and(|taken| taken));
    }
}
