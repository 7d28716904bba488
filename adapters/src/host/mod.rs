//! The host of one vault: it carries out what the vault asks for, for any number of threads.
//!
//! A step of the vault happens under one lock and takes microseconds. What takes longer happens
//! outside: records are read and jobs run by the threads of the requests that wait for them, and
//! batches are committed by one thread, all that have gathered at a time. So while one commit is under
//! way the next one grows, and a medium that is slow to sync serves many writers as fast as one.
//!
//! Invariants:
//!
//! - Batches reach the committer in the order of their numbers: they are handed over under the
//!   vault's lock.
//! - Work that the vault asks for is done: a thread that leaves the lock has taken a piece, or has
//!   woken a waiting one for it, or every waiting thread is on its way back to look.
//! - A thread is woken for its answer, for work, or for the end, and for nothing else.
//! - After a commit that failed or a panic nothing is served: what the vault holds is not what is on
//!   the medium.

mod commits;
mod machine;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use strongroom_core::http::{Head, Response};
use strongroom_core::{Batch, Call, Config, RequestId, Time};

use self::commits::{Commits, RoomWatch};
use self::machine::{Machine, Seat};
use crate::clock::Clock;
use crate::log::note;
use crate::store::Store;

/// What a host does to the world around it.
pub struct Hooks {
    /// The vault and its store may differ: ends the process. If it returns, the host serves nothing
    /// any more.
    pub fatal: Box<dyn Fn(&str) + Send + Sync>,
    /// So many bytes are left on the medium of the store, or it is not known.
    pub room: Box<dyn Fn(Option<u64>) + Send + Sync>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { fatal: Box::new(end_process), room: Box::new(|_| {}) }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

fn end_process(reason: &str) {
    note(&format!("{reason}; the server ends"));
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
        Self::with_hooks(config, store, Hooks::default())
    }

    /// The same with hooks of one's own.
    ///
    /// # Panics
    ///
    /// If the operating system gives no threads.
    pub fn with_hooks(config: Config, store: Arc<dyn Store>, hooks: Hooks) -> Self {
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            store,
            hooks,
            machine: Mutex::new(Machine::new(config)),
            alarm_changed: Condvar::new(),
            commits: Commits::default(),
        });
        let start = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || run(&shared)).expect("the operating system gives a thread")
        };
        let threads = vec![start("committer", Shared::commit), start("timer", Shared::keep_time)];
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

    /// Serves one request, in the caller's thread, until it is answered.
    pub fn serve(&self, call: Call) -> Response {
        let _watch = Watch(&self.shared);
        self.shared.serve(call).unwrap_or_else(|Ended| Response::overloaded())
    }
}

impl Drop for Host {
    /// Ends the threads. A commit that is under way comes to its end.
    fn drop(&mut self) {
        if let Ok(mut machine) = self.shared.lock() {
            machine.end();
        }
        self.shared.alarm_changed.notify_all();
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
    hooks: Hooks,
    machine: Mutex<Machine>,
    /// The alarm is set to another time, or the host ends.
    alarm_changed: Condvar,
    commits: Commits,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("hooks", &self.hooks).finish_non_exhaustive()
    }
}

/// The host has ended; nothing is served.
#[derive(Debug)]
struct Ended;

impl Shared {
    fn serve(&self, call: Call) -> Result<Response, Ended> {
        let seat = Arc::new(Seat::default());
        let step = self.clock.step();
        let mut machine = self.lock()?;
        machine.last_id += 1;
        let id = RequestId(machine.last_id);
        machine.seats.insert(id, Arc::clone(&seat));
        machine.vault.handle_request(&step, id, call);
        loop {
            machine.hand_out(&self.clock, &self.commits);
            if !machine.seats.contains_key(&id) {
                machine.call_for_help();
                drop(machine);
                return seat.wait().answer.ok_or(Ended);
            }
            if let Some(work) = machine.work.pop_front() {
                machine.call_for_help();
                drop(machine);
                let done = work.carry_out(&*self.store);
                let step = self.clock.step();
                machine = self.lock()?;
                done.hand_in(&mut machine.vault, &step);
                continue;
            }
            machine.waiting.insert(id);
            self.set_alarm(&mut machine);
            drop(machine);
            let mail = seat.wait();
            match mail.answer {
                Some(answer) if !mail.nudged => return Ok(answer),
                // It was called for work and has no time for it: another one is called.
                Some(answer) => {
                    if let Ok(mut machine) = self.lock() {
                        machine.call_for_help();
                    }
                    return Ok(answer);
                }
                None => machine = self.lock()?,
            }
        }
    }

    /// Sees to it that the timer wakes in time for what waits now.
    fn set_alarm(&self, machine: &mut Machine) {
        let due = machine.vault.poll_timeout();
        if due.is_some_and(|due| machine.alarm.is_none_or(|alarm| due < alarm)) {
            machine.alarm = due;
            self.alarm_changed.notify_one();
        }
    }

    /// The timer's thread.
    fn keep_time(&self) {
        let _watch = Watch(self);
        let Ok(mut machine) = self.lock() else { return };
        while !machine.ended {
            let now = self.clock.now();
            machine = match machine.alarm {
                Some(alarm) if alarm <= now => {
                    machine.vault.handle_timeout(&self.clock.step());
                    machine.hand_out(&self.clock, &self.commits);
                    machine.call_for_help();
                    machine.alarm = machine.vault.poll_timeout();
                    machine
                }
                Some(alarm) => {
                    let waited = self.alarm_changed.wait_timeout(machine, alarm.since(now));
                    let Ok((machine, _)) = waited else { return };
                    machine
                }
                None => {
                    let Ok(machine) = self.alarm_changed.wait(machine) else { return };
                    machine
                }
            };
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
            let step = self.clock.step();
            let Ok(mut machine) = self.lock() else { return };
            machine.vault.handle_persisted(&step, last);
            machine.hand_out(&self.clock, &self.commits);
            machine.call_for_help();
            drop(machine);
            if room.is_due(batches.iter().map(Batch::bytes).sum()) {
                (self.hooks.room)(self.store.room());
            }
        }
    }

    /// Ends the service.
    fn fail(&self, reason: &str) {
        (self.hooks.fatal)(reason);
        self.commits.close();
        self.machine.lock().unwrap_or_else(PoisonError::into_inner).end();
        self.alarm_changed.notify_all();
    }

    fn lock(&self) -> Result<MutexGuard<'_, Machine>, Ended> {
        let machine = self.machine.lock().map_err(|_| Ended)?;
        if machine.ended { Err(Ended) } else { Ok(machine) }
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
