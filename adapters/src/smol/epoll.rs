//! Readiness of sockets on Linux: each worker has an epoll of its own, and what it watches is served by
//! its thread alone.
//!
//! A socket is registered once, for edges, and not again for every wait: a request costs its read, its
//! write, and a share of one wait for all. The reactor of `async-io`, which serves every system, makes
//! two to three calls more for each, and hands events from thread to thread.
//!
//! Invariant: what becomes ready while nobody waits is remembered until a read or a write has found that
//! nothing is left. Both happen in the thread that takes the events, so none comes in between.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use ::smol::Executor;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

/// Events taken at a time.
const EVENTS_MAX: usize = 256;
/// What an event of the alarm bell is known by; sockets have smaller numbers.
const BELL: u64 = u64::MAX;

thread_local! {
    static POLLER: RefCell<Option<Arc<Poller>>> = const { RefCell::new(None) };
}

/// Serves the executor's tasks in this thread, and the sockets that they watch.
///
/// # Errors
///
/// Those of the operating system.
pub(super) fn run(executor: &Executor<'static>) -> io::Result<Infallible> {
    let poller = Arc::new(Poller::new()?);
    POLLER.set(Some(Arc::clone(&poller)));
    let waker = Waker::from(Arc::clone(&poller));
    let mut context = Context::from_waker(&waker);
    let mut tasks = pin!(executor.run(pending::<Infallible>()));
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        // What has woken it so far is seen to now. It gives way after a number of tasks, and has then
        // woken itself.
        poller.woken.swap(false, Ordering::SeqCst);
        let _ = tasks.as_mut().poll(&mut context);
        poller.wait(&mut events)?;
        poller.tell(&events);
    }
}

/// The sockets of one worker.
struct Poller {
    epoll: OwnedFd,
    /// Rung to end a wait.
    bell: OwnedFd,
    /// A task is ready.
    woken: AtomicBool,
    /// The worker waits, or is about to.
    waits: AtomicBool,
    watched: Mutex<Watched>,
}

/// What is watched, by the numbers of its events.
#[derive(Default)]
struct Watched {
    states: Vec<Option<Arc<State>>>,
    free: Vec<usize>,
}

impl Poller {
    fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // For edges: it rings anew with every write, and is never read.
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Self {
            epoll,
            bell,
            woken: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            watched: Mutex::default(),
        })
    }

    /// Waits for events, or, if a task is ready, takes those that are there.
    fn wait(&self, events: &mut Vec<Event>) -> io::Result<()> {
        self.waits.store(true, Ordering::SeqCst);
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let time = self.woken.swap(false, Ordering::SeqCst).then_some(&now);
        events.clear();
        let waited = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), time);
        self.waits.store(false, Ordering::SeqCst);
        match waited {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Wakes who waits for what has happened.
    fn tell(&self, events: &[Event]) {
        for event in events {
            let number = event.data.u64();
            let state = usize::try_from(number).ok().and_then(|number| {
                let watched = self.watched();
                watched.states.get(number).cloned().flatten()
            });
            if let Some(state) = state {
                state.tell(event.flags);
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Poller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) && self.waits.load(Ordering::SeqCst) {
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}

/// A socket that is watched by the worker in whose thread it was made.
pub(super) struct Source<T: AsFd> {
    socket: T,
    poller: Arc<Poller>,
    number: usize,
    state: Arc<State>,
}

/// What is known of a socket.
#[derive(Default)]
struct State(Mutex<Readiness>);

#[derive(Default)]
struct Readiness {
    readable: bool,
    writable: bool,
    /// The peer has ended, so that there is always something to read: its end.
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl<T: AsFd> Source<T> {
    /// Watches a socket, which does not wait by itself.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    ///
    /// # Panics
    ///
    /// In a thread that is no worker.
    pub(super) fn new(socket: T) -> io::Result<Self> {
        let poller = POLLER.with_borrow(Clone::clone).expect("sockets are watched by workers");
        let state = Arc::new(State::default());
        let number = {
            let mut watched = poller.watched();
            let number = watched.free.pop().unwrap_or(watched.states.len());
            if number == watched.states.len() {
                watched.states.push(None);
            }
            if let Some(place) = watched.states.get_mut(number) {
                *place = Some(Arc::clone(&state));
            }
            number
        };
        let source = Self { socket, poller, number, state };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        let data = EventData::new_u64(u64::try_from(number).unwrap_or(BELL));
        epoll::add(&source.poller.epoll, source.socket.as_fd(), data, flags)?;
        Ok(source)
    }

    pub(super) fn socket(&self) -> &T {
        &self.socket
    }

    /// Whether there may be something to read; who asks is woken when there is.
    pub(super) fn poll_readable(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        if state.readable || state.ended {
            return Poll::Ready(Ok(()));
        }
        wait(&mut state.reader, context);
        Poll::Pending
    }

    /// Whether there may be room to write; who asks is woken when there is.
    pub(super) fn poll_writable(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.state.lock();
        if state.writable {
            return Poll::Ready(Ok(()));
        }
        wait(&mut state.writer, context);
        Poll::Pending
    }

    /// A read has taken all that was there.
    pub(super) fn set_read(&self) {
        self.state.lock().readable = false;
    }

    /// A write has found no room.
    pub(super) fn set_full(&self) {
        self.state.lock().writable = false;
    }
}

impl<T: AsFd> Drop for Source<T> {
    fn drop(&mut self) {
        let _ = epoll::delete(&self.poller.epoll, self.socket.as_fd());
        let mut watched = self.poller.watched();
        if let Some(place) = watched.states.get_mut(self.number) {
            *place = None;
        }
        watched.free.push(self.number);
    }
}

impl State {
    fn tell(&self, flags: EventFlags) {
        let ends = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let mut state = self.lock();
        state.ended |= flags.intersects(ends);
        state.readable |= flags.intersects(EventFlags::IN | ends);
        state.writable |= flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR);
        let reader = if state.readable { state.reader.take() } else { None };
        let writer = if state.writable { state.writer.take() } else { None };
        drop(state);
        [reader, writer].into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Readiness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        None => *place = Some(context.waker().clone()),
    }
}
