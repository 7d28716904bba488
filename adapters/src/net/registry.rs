//! The connections that are open: a bounded number of them, and their end when the server stops.
//!
//! At the bound the connection that has waited longest for its peer is closed for the new one: one of
//! which nothing is asked, or else one of whose request a part has come, or else one that leaves its
//! answer untaken; so that who sends or takes bit by bit keeps nobody out. If none waits the new one
//! does, until one is done.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use strongroom_core::Time;

use super::socket::Socket;

/// See the module.
#[derive(Debug)]
pub struct Registry {
    max: usize,
    open: Mutex<Open>,
    /// Who waits for a place, or for the last connection to end.
    waiting: AtomicUsize,
    stopping: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    last_id: u64,
    places: BTreeMap<u64, Arc<Seen>>,
    wakers: Vec<Waker>,
}

/// What others see of a connection.
#[derive(Debug)]
struct Seen {
    socket: Arc<Socket>,
    /// A [`Waits`], or [`BUSY`], or [`CLOSING`].
    state: AtomicU64,
}

/// What a connection waits for its peer to do, in the order in which they have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// To ask, or to end behind the last answer.
    Request,
    /// To send the rest of its request.
    Rest,
    /// To take its answer.
    Taking,
}

/// Since when a connection waits for its peer, in nanoseconds of Unix time, and in the two lowest bits
/// what for.
#[derive(Clone, Copy)]
struct Waits(u64);

impl Waits {
    fn new(since: Time, awaited: Awaited) -> Self {
        let awaited = match awaited {
            Awaited::Request => 0,
            Awaited::Rest => 1,
            Awaited::Taking => 2,
        };
        Self((since.unix_nanos() & !3).min(CLOSING & !7) | awaited)
    }

    fn awaited(self) -> Awaited {
        match self.0 & 3 {
            0 => Awaited::Request,
            1 => Awaited::Rest,
            _ => Awaited::Taking,
        }
    }
}

/// A request of it is served.
const BUSY: u64 = u64::MAX;
/// It was closed for a new one, and has not noticed yet.
const CLOSING: u64 = u64::MAX - 1;

/// A connection's place among those that are open; it is free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    registry: Arc<Registry>,
    id: u64,
    seen: Arc<Seen>,
}

impl Registry {
    /// Room for so many connections.
    pub fn new(max: usize) -> Self {
        Self {
            max,
            open: Mutex::default(),
            waiting: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Takes a connection in, which counts as waiting since `now`; makes room for it if need be.
    pub async fn enter(self: &Arc<Self>, socket: &Arc<Socket>, now: Time) -> Seat {
        self.wait_for(|open| {
            if open.places.len() >= self.max {
                open.close_longest();
                return None;
            }
            open.last_id += 1;
            let state = AtomicU64::new(Waits::new(now, Awaited::Request).0);
            let seen = Arc::new(Seen { socket: Arc::clone(socket), state });
            open.places.insert(open.last_id, Arc::clone(&seen));
            Some(Seat { registry: Arc::clone(self), id: open.last_id, seen })
        })
        .await
    }

    /// Whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Tells every connection that the server stops. Those of which nothing has been asked hear nothing
    /// more but what has already come; the others end behind their answer.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.end_reading(|waits| waits.awaited() == Awaited::Request);
    }

    /// No connection hears more than what has already come.
    pub fn hush(&self) {
        self.end_reading(|_| true);
    }

    fn end_reading(&self, whose: impl Fn(Waits) -> bool) {
        for seen in self.open().places.values() {
            let state = seen.state.load(Ordering::SeqCst);
            if !matches!(state, BUSY | CLOSING) && whose(Waits(state)) {
                let _ = seen.socket.shutdown(Shutdown::Read);
            }
        }
    }

    /// Waits until no connection is open.
    pub async fn empty(&self) {
        self.wait_for(|open| open.places.is_empty().then_some(())).await;
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.open().places.len()
    }

    async fn wait_for<T>(&self, mut look: impl FnMut(&mut Open) -> Option<T>) -> T {
        let mut waits = Counted { count: &self.waiting, counted: false };
        poll_fn(move |context: &mut Context<'_>| {
            // Counted first: whoever changes something behind this look sees that somebody waits.
            waits.begin();
            let mut open = self.open();
            match look(&mut open) {
                Some(found) => Poll::Ready(found),
                None => {
                    open.wakers.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Something has changed that somebody may wait for. To wake nobody is little work, and each
    /// request comes by twice.
    fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let wakers = std::mem::take(&mut self.open().wakers);
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Closes the connection that has waited longest, unless one is closing already: its place is
    /// enough for a new one.
    fn close_longest(&self) {
        let state = |seen: &&Arc<Seen>| seen.state.load(Ordering::SeqCst);
        if self.places.values().any(|seen| state(&seen) == CLOSING) {
            return;
        }
        let order = |seen: &&Arc<Seen>| match state(seen) {
            BUSY => (Awaited::Taking, BUSY),
            waits => (Waits(waits).awaited(), waits),
        };
        while let Some(longest) = self.places.values().min_by_key(order) {
            let waited = state(&longest);
            if waited == BUSY {
                return;
            }
            // One that has moved on meanwhile may not be the longest any more.
            if longest.change(waited, CLOSING) {
                let _ = longest.socket.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

impl Seen {
    fn change(&self, known: u64, state: u64) -> bool {
        self.state.compare_exchange(known, state, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

impl Seat {
    /// A request of the connection is served. False if the connection was closed for a new one: nobody
    /// would hear the answer.
    #[must_use]
    pub fn set_busy(&self) -> bool {
        self.set(BUSY);
        !self.is_closing()
    }

    /// The connection waits for its peer since then.
    pub fn set_waiting(&self, since: Time, awaited: Awaited) {
        self.set(Waits::new(since, awaited).0);
    }

    fn set(&self, state: u64) {
        let known = self.seen.state.load(Ordering::SeqCst);
        if known != state && known != CLOSING && self.seen.change(known, state) && known == BUSY {
            self.registry.tell();
        }
    }

    /// Whether it was closed for a new one.
    pub fn is_closing(&self) -> bool {
        self.seen.state.load(Ordering::SeqCst) == CLOSING
    }

    /// The connection's socket.
    pub fn socket(&self) -> &Arc<Socket> {
        &self.seen.socket
    }

    /// Whether the server stops.
    pub fn is_stopping(&self) -> bool {
        self.registry.is_stopping()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.open().places.remove(&self.id);
        self.registry.tell();
    }
}

/// Counts who waits, for as long as it does.
struct Counted<'a> {
    count: &'a AtomicUsize,
    counted: bool,
}

impl Counted<'_> {
    fn begin(&mut self) {
        if !self.counted {
            self.counted = true;
            self.count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::Awaited::{Request, Rest, Taking};
    use super::*;
    use crate::wait::{block_on, block_on_for};

    const SHORT: Duration = Duration::from_millis(10);

    fn socket() -> (Arc<Socket>, UnixStream) {
        let (ours, peer) = UnixStream::pair().unwrap();
        peer.set_nonblocking(true).unwrap();
        (Arc::new(Socket::Unix(ours)), peer)
    }

    fn at(second: u64) -> Time {
        Time::default().after(Duration::from_secs(second))
    }

    fn is_closed(peer: &UnixStream) -> bool {
        use std::io::Read;
        let mut peer = peer;
        matches!(peer.read(&mut [0]), Ok(0))
    }

    #[test]
    fn closes_who_has_waited_longest_for_a_new_one() {
        let registry = Arc::new(Registry::new(2));
        let ((first, first_peer), (second, second_peer), (third, _third_peer)) =
            (socket(), socket(), socket());
        let first = block_on(registry.enter(&first, at(1)));
        let second = block_on(registry.enter(&second, at(2)));
        first.set_waiting(at(3), Request);
        assert!(block_on_for(SHORT, registry.enter(&third, at(4))).is_none());
        assert!(is_closed(&second_peer) && !is_closed(&first_peer));
        // One place is enough: nobody else is closed meanwhile.
        assert!(block_on_for(SHORT, registry.enter(&third, at(5))).is_none());
        assert!(!is_closed(&first_peer));
        drop(second);
        assert!(block_on_for(SHORT, registry.enter(&third, at(6))).is_some());
    }

    #[test]
    fn closes_who_sends_or_takes_bit_by_bit_when_nobody_is_idle() {
        /// What the one that waits longer is to do, what the other is, and whether the other goes.
        const CASES: [(Awaited, Awaited, bool); 9] = [
            (Request, Request, false),
            (Request, Rest, false),
            (Request, Taking, false),
            (Rest, Request, true),
            (Rest, Rest, false),
            (Rest, Taking, false),
            (Taking, Request, true),
            (Taking, Rest, true),
            (Taking, Taking, false),
        ];
        for (longer, shorter, closes_second) in CASES {
            let registry = Arc::new(Registry::new(2));
            let ((first, first_peer), (second, second_peer), (third, _third_peer)) =
                (socket(), socket(), socket());
            let first = block_on(registry.enter(&first, at(1)));
            let second = block_on(registry.enter(&second, at(2)));
            first.set_waiting(at(1), longer);
            second.set_waiting(at(2), shorter);
            assert!(block_on_for(SHORT, registry.enter(&third, at(4))).is_none());
            assert_eq!(is_closed(&second_peer), closes_second, "{longer:?} {shorter:?}");
            assert_eq!(is_closed(&first_peer), !closes_second, "{longer:?} {shorter:?}");
        }
    }

    #[test]
    fn waits_for_one_that_is_busy() {
        let registry = Arc::new(Registry::new(1));
        let ((first, peer), (second, _peer)) = (socket(), socket());
        let seat = block_on(registry.enter(&first, at(1)));
        assert!(seat.set_busy());
        assert!(block_on_for(SHORT, registry.enter(&second, at(2))).is_none());
        assert!(!is_closed(&peer));
        let waiting = Arc::clone(&registry);
        let entered = std::thread::spawn(move || block_on(waiting.enter(&second, at(3))).id);
        seat.set_waiting(at(4), Request);
        while !is_closed(&peer) {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(seat);
        assert!(entered.join().is_ok_and(|id| id == 2));
    }

    #[test]
    fn is_empty_when_the_last_one_has_left() {
        let registry = Arc::new(Registry::new(2));
        let ((idle, idle_peer), (busy, busy_peer)) = (socket(), socket());
        let idle = block_on(registry.enter(&idle, at(1)));
        let busy = block_on(registry.enter(&busy, at(1)));
        assert!(busy.set_busy());
        registry.stop();
        assert!(idle.is_stopping());
        // Both may still write; the idle one hears its end.
        let mut byte = [0];
        use std::io::Read;
        assert_eq!((&*idle.seen.socket).read(&mut byte).unwrap(), 0);
        assert!(!is_closed(&idle_peer) && !is_closed(&busy_peer));
        assert!(block_on_for(SHORT, registry.empty()).is_none());
        drop((idle, busy));
        assert!(block_on_for(SHORT, registry.empty()).is_some());
    }
}
