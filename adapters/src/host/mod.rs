//! The host of one vault: it carries out what the vault asks for, for any number of requests at a time.
//!
//! Serving a request is a future, for threads that serve many by turns; it does not depend on any
//! executor, and a thread of its own may as well wait for it. A step of the vault happens under one lock
//! and takes microseconds. What takes longer happens outside: records are read by the requests that
//! wait for them, lists and jobs in their threads too or where the adapter has a place for them, and
//! batches are committed by one thread, all that have gathered at a time. So while one commit is under
//! way the next one grows, and a medium that is slow to sync serves many writers as fast as one.
//!
//! Invariants:
//!
//! - Batches reach the committer in the order of their numbers: they are handed over under the
//!   vault's lock.
//! - Work that the vault asks for is done: whoever leaves the lock has taken a piece, or has woken a
//!   waiting request or the attendant for it, or every waiting request is on its way back to look.
//! - What no request waits for, and what has a time, is the attendant's.
//! - A request is woken for its answer, for work, or for the end, and for nothing else.
//! - After a commit that failed or a panic nothing is served: what the vault holds is not what is on
//!   the medium.

mod commits;
mod machine;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use strongroom_core::http::{Head, Response};
use strongroom_core::{Batch, Call, Config, RequestId, Time};

use self::commits::{Commits, ROOM_PAUSE, RoomWatch};
use self::machine::{Entered, Machine, Seat, Work};
use crate::clock::Clock;
use crate::log;
use crate::store::Store;
use crate::wait::{block_on, hand_over};

/// Which part of the room at the start is kept back at most, for what makes room.
const RESERVED_SHARE: u64 = 8;

/// Starts work in a thread that keeps nobody waiting.
pub type Spawn = fn(Box<dyn FnOnce() + Send>);

/// Told that the vault and its store may differ, and why. It ends the process; if it returns, the host
/// serves nothing any more.
pub type Fatal = Box<dyn Fn(&str) + Send + Sync>;

/// Ends the process, as is the rule where nobody says otherwise.
pub fn end_process(reason: &str) {
    log::error(&format!("{reason}; the server ends"));
    log::flush(log::END_PATIENCE);
    std::process::exit(1);
}

/// See the module.
#[derive(Debug)]
pub struct Host {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Host {
    /// A host of this store, which it alone uses from now on.
    ///
    /// # Panics
    ///
    /// If the operating system gives no threads.
    pub fn new(config: Config, store: Arc<dyn Store>) -> Self {
        Self::with(config, store, Box::new(end_process), None)
    }

    /// The same with an end of one's own, and for callers whose threads serve many requests by turns a
    /// place for what takes long.
    ///
    /// # Panics
    ///
    /// If the operating system gives no threads.
    pub fn with(config: Config, store: Arc<dyn Store>, fatal: Fatal, spawn: Option<Spawn>) -> Self {
        let room = store.room();
        // A small medium cannot keep as much back as a large one.
        let share = room.map_or(u64::MAX, |room| room / RESERVED_SHARE);
        let room_reserve_bytes = config.room_reserve_bytes.min(share);
        let mut machine = Machine::new(Config { room_reserve_bytes, ..config });
        if let Some(room) = room {
            machine.vault.handle_capacity(room);
        }
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            store,
            fatal,
            spawn,
            machine: Mutex::new(machine),
            attention: Condvar::new(),
            commits: Commits::default(),
        });
        let start = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || run(&shared)).expect("the operating system gives a thread")
        };
        let threads = vec![start("committer", Shared::commit), start("attendant", Shared::attend)];
        Self { shared, threads }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }

    /// Whether a request may send its body, and how large.
    ///
    /// # Errors
    ///
    /// The answer, if it is refused at once.
    pub fn admit(&self, head: &Head) -> Result<usize, Response> {
        self.shared.lock().map_err(|Ended| Response::overloaded())?.vault.admit(head)
    }

    /// Serves one request until it is answered.
    pub async fn serve(&self, call: Call) -> Response {
        self.shared.serve(call).await.unwrap_or_else(|Ended| Response::overloaded())
    }

    /// The same for callers that have a thread to wait in.
    pub fn serve_here(&self, call: Call) -> Response {
        block_on(self.serve(call))
    }

    /// Does something that takes long where it keeps nobody else.
    pub async fn elsewhere<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.shared.spawn {
            Some(spawn) => {
                let (result, outcome) = hand_over();
                spawn(Box::new(move || result.give(work())));
                outcome.await
            }
            None => work(),
        }
    }
}

impl Drop for Host {
    /// Ends the threads. A commit that is under way comes to its end.
    fn drop(&mut self) {
        if let Ok(mut machine) = self.shared.lock() {
            machine.end();
        }
        self.shared.attention.notify_all();
        self.shared.commits.close();
        for thread in self.threads.drain(..) {
            // One that panicked has told so.
            let _ = thread.join();
        }
    }
}

/// What the threads of a host share.
struct Shared {
    clock: Clock,
    store: Arc<dyn Store>,
    fatal: Fatal,
    spawn: Option<Spawn>,
    machine: Mutex<Machine>,
    /// The attendant has something to do, or to wait for, or the host ends.
    attention: Condvar,
    commits: Commits,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// The host has ended; nothing is served.
#[derive(Debug)]
struct Ended;

impl Shared {
    async fn serve(self: &Arc<Self>, call: Call) -> Result<Response, Ended> {
        let _watch = Watch(self);
        let step = self.clock.step();
        let (id, seat, mut work) = {
            let mut machine = self.lock()?;
            let id = machine.take_in(&step, call);
            machine.hand_out(&self.clock, &self.commits);
            match machine.seat_fresh() {
                // Most are answered at once.
                Entered::Answered(response) => {
                    self.call_for_help(&mut machine);
                    return Ok(response);
                }
                Entered::Waits(seat) => {
                    let work = self.next_work(machine, id, &seat);
                    (id, seat, work)
                }
            }
        };
        let _guest = Guest { shared: self, id };
        loop {
            while let Some(piece) = work {
                work = self.next_work(self.carry_out(piece)?, id, &seat);
            }
            let mail = seat.wait().await;
            if mail.answer.is_some() {
                self.pass_on(mail.list, mail.nudged);
                return mail.answer.ok_or(Ended);
            }
            if let Some(list) = mail.list {
                self.pass_on(None, mail.nudged);
                work = self.next_work(self.carry_out(list)?, id, &seat);
            } else {
                work = self.next_work(self.lock()?, id, &seat);
            }
        }
    }

    /// What a request that is not answered does while it waits; without any, it is noted as waiting.
    fn next_work(
        &self,
        mut machine: MutexGuard<'_, Machine>,
        id: RequestId,
        seat: &Seat,
    ) -> Option<Work> {
        let mut work = None;
        if machine.seats.contains_key(&id) {
            work = seat.take_list().or_else(|| machine.work.pop_front());
            if work.is_none() {
                machine.waiting.insert(id);
            }
        }
        self.call_for_help(&mut machine);
        work
    }

    /// A request that was asked for more than it has time for: a list that nobody waits for any more,
    /// or work of others.
    fn pass_on(&self, list: Option<Work>, nudged: bool) {
        if list.is_none() && !nudged {
            return;
        }
        if let Ok(mut machine) = self.lock() {
            if let Some(work) = list {
                machine.abandon(work, &self.clock);
                machine.hand_out(&self.clock, &self.commits);
            }
            self.call_for_help(&mut machine);
        }
    }

    /// Does a piece of work outside of the lock, and hands in what came of it. What takes longer than
    /// a look into the store is done elsewhere, where there is such a place.
    fn carry_out(self: &Arc<Self>, work: Work) -> Result<MutexGuard<'_, Machine>, Ended> {
        let Some(spawn) = self.spawn.filter(|_| work.takes_long()) else {
            return self.carry_out_here(work);
        };
        let shared = Arc::clone(self);
        spawn(Box::new(move || {
            let _watch = Watch(&shared);
            if let Ok(mut machine) = shared.carry_out_here(work) {
                shared.call_for_help(&mut machine);
            }
        }));
        self.lock()
    }

    fn carry_out_here(&self, work: Work) -> Result<MutexGuard<'_, Machine>, Ended> {
        let done = work.carry_out(&*self.store);
        let step = self.clock.step();
        let mut machine = self.lock()?;
        done.hand_in(&mut machine.vault, &step);
        machine.hand_out(&self.clock, &self.commits);
        Ok(machine)
    }

    /// Sees to it that somebody does what is to be done, now and when its time comes.
    fn call_for_help(&self, machine: &mut Machine) {
        let mut attend = machine.call_for_help();
        let due = machine.vault.poll_timeout();
        if due.is_some_and(|due| machine.alarm.is_none_or(|alarm| due < alarm)) {
            machine.alarm = due;
            attend = true;
        }
        if attend || machine.vault.lacks_room() {
            self.attention.notify_one();
        }
    }

    /// The attendant's thread: it does what no request waits for, what nobody else is there to do, and
    /// what has a time.
    fn attend(&self) {
        let _watch = Watch(self);
        let mut room = RoomWatch::default();
        let Ok(mut machine) = self.lock() else { return };
        while !machine.ended {
            let work = machine.background.pop_front().or_else(|| machine.work.pop_front());
            if let Some(work) = work {
                drop(machine);
                let Ok(again) = self.carry_out_here(work) else { return };
                machine = again;
            } else if machine.vault.lacks_room() && room.is_due(0) {
                // Nothing is committed while there is no room, so nobody else looks.
                if let Some(left) = self.store.room() {
                    machine.vault.handle_capacity(left);
                }
                continue;
            } else {
                let now = self.clock.now();
                let mut wait = machine.alarm.map(|alarm| alarm.since(now));
                if machine.vault.lacks_room() {
                    wait = Some(wait.unwrap_or(ROOM_PAUSE).min(ROOM_PAUSE));
                }
                if wait != Some(Duration::ZERO) {
                    let Ok(again) = self.rest(machine, wait) else { return };
                    machine = again;
                    continue;
                }
                machine.vault.handle_timeout(&self.clock.step());
            }
            machine.hand_out(&self.clock, &self.commits);
            machine.call_for_help();
            machine.alarm = machine.vault.poll_timeout();
        }
    }

    /// Waits until somebody calls, or for so long.
    fn rest<'m>(
        &self,
        machine: MutexGuard<'m, Machine>,
        time: Option<Duration>,
    ) -> Result<MutexGuard<'m, Machine>, Ended> {
        match time {
            Some(time) => {
                let waited = self.attention.wait_timeout(machine, time);
                waited.map(|(machine, _)| machine).map_err(|_| Ended)
            }
            None => self.attention.wait(machine).map_err(|_| Ended),
        }
    }

    /// The committer's thread.
    fn commit(&self) {
        let _watch = Watch(self);
        let mut room = RoomWatch::default();
        while let Some(batches) = self.commits.take() {
            let Some(last) = batches.last().map(|batch| batch.seq) else { continue };
            if let Err(error) = self.store.commit(&batches) {
                return self.fail(&error.to_string());
            }
            let is_due = room.is_due(batches.iter().map(Batch::bytes).sum());
            let left = if is_due { self.store.room() } else { None };
            let step = self.clock.step();
            let Ok(mut machine) = self.lock() else { return };
            if let Some(left) = left {
                machine.vault.handle_capacity(left);
            }
            machine.vault.handle_persisted(&step, last);
            machine.hand_out(&self.clock, &self.commits);
            self.call_for_help(&mut machine);
        }
    }

    /// Ends the service.
    fn fail(&self, reason: &str) {
        (self.fatal)(reason);
        self.commits.close();
        self.machine.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.attention.notify_all();
    }

    fn lock(&self) -> Result<MutexGuard<'_, Machine>, Ended> {
        let machine = self.machine.lock().map_err(|_| Ended)?;
        if machine.ended { Err(Ended) } else { Ok(machine) }
    }
}

/// A request that waits. If it is given up, others do what was asked of it.
struct Guest<'a> {
    shared: &'a Shared,
    id: RequestId,
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let Ok(mut machine) = self.shared.lock() else { return };
        let Some(seat) = machine.seats.remove(&self.id) else { return };
        machine.waiting.remove(&self.id);
        machine.vault.handle_hangup(self.id);
        if let Some(list) = seat.take_list() {
            machine.abandon(list, &self.shared.clock);
        }
        machine.hand_out(&self.shared.clock, &self.shared.commits);
        self.shared.call_for_help(&mut machine);
    }
}

/// Ends the service if the thread that holds it panics: a step may have stopped halfway, or work
/// that others wait for is lost.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("a step panicked");
        }
    }
}
