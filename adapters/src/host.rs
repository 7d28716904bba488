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

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use strongroom_core::http::{Head, Response};
use strongroom_core::{
    Batch, Call, Config, Failed, Finding, Job, JobId, Key, LoadId, Loaded, Outcome, Output,
    RequestId, Step, Task, TaskId, Time, Vault,
};

use crate::clock::Clock;
use crate::log::note;
use crate::store::Store;

/// Bytes committed after which the room on the medium is looked at, however short the time.
const ROOM_BYTES: usize = 16 * 1024 * 1024;
/// Time after which it is looked at again while there are commits.
const ROOM_PAUSE: Duration = Duration::from_secs(1);

/// Age of a snapshot at which a task that reads it is stopped: what it sees cannot be freed.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(60);

/// Told that the vault and its store may differ, and why. It ends the process; if it returns, the host
/// serves nothing any more.
pub type Fatal = Box<dyn Fn(&str) + Send + Sync>;

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
        Self::with_fatal(config, store, Box::new(end_process))
    }

    /// The same with an end of one's own.
    ///
    /// # Panics
    ///
    /// If the operating system gives no threads.
    pub fn with_fatal(config: Config, store: Arc<dyn Store>, fatal: Fatal) -> Self {
        let mut machine = Machine::new(config);
        if let Some(room) = store.room() {
            machine.vault.handle_capacity(room);
        }
        let shared = Arc::new(Shared {
            clock: Clock::start(),
            store,
            fatal,
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

    /// Serves one request, in the caller's thread, until it is answered.
    pub fn serve(&self, call: Call) -> Response {
        let _watch = Watch(&self.shared);
        self.shared.serve(call).unwrap_or_else(|Ended| Response::overloaded())
    }
}

impl Drop for Host {
    /// Commits what is under way, and ends the threads.
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

/// What stands behind the lock.
struct Machine {
    vault: Vault,
    last_id: u64,
    /// Requests that are not answered.
    seats: BTreeMap<RequestId, Arc<Seat>>,
    /// Those of them whose threads have nothing to do.
    waiting: BTreeSet<RequestId>,
    /// What nobody has taken yet.
    work: VecDeque<Work>,
    /// The same, for no request.
    background: VecDeque<Work>,
    /// When the attendant looks at the vault again.
    alarm: Option<Time>,
    ended: bool,
}

/// Where the thread of one request waits.
#[derive(Default)]
struct Seat {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

/// What a waiting thread is woken with.
#[derive(Default)]
struct Mail {
    answer: Option<Response>,
    /// There is work, or the host has ended: it must look.
    nudged: bool,
}

impl Seat {
    fn post(&self, change: impl FnOnce(&mut Mail)) {
        change(&mut self.mail());
        self.arrived.notify_one();
    }

    /// Waits for mail.
    fn wait(&self) -> Mail {
        let empty = |mail: &mut Mail| mail.answer.is_none() && !mail.nudged;
        let mail = self.arrived.wait_while(self.mail(), empty);
        std::mem::take(&mut *mail.unwrap_or_else(PoisonError::into_inner))
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is done outside of the lock, by any thread.
enum Work {
    Load(LoadId, Vec<Key>),
    Run(JobId, Job),
    Range(TaskId, Task),
}

/// What came of it.
enum Done {
    Loaded(LoadId, Result<Loaded, Failed>),
    Ran(JobId, Outcome),
    Found(TaskId, Finding),
}

impl Work {
    fn carry_out(self, store: &dyn Store) -> Done {
        match self {
            Self::Load(id, keys) => Done::Loaded(id, store.read(&keys)),
            Self::Run(id, job) => Done::Ran(id, job.run()),
            Self::Range(id, task) => {
                let taken = Instant::now();
                let young = || taken.elapsed() < SNAPSHOT_AGE_MAX;
                let finding = match store.snapshot() {
                    Ok(snapshot) => task.run(&*snapshot, &young),
                    Err(error) => {
                        note(&error.to_string());
                        Finding::failed()
                    }
                };
                Done::Found(id, finding)
            }
        }
    }
}

impl Done {
    fn hand_in(self, vault: &mut Vault, step: &Step) {
        match self {
            Self::Loaded(id, result) => vault.handle_loaded(step, id, result),
            Self::Ran(id, outcome) => vault.handle_job(step, id, outcome),
            Self::Found(id, finding) => vault.handle_range(step, id, finding),
        }
    }
}

impl Machine {
    fn new(config: Config) -> Self {
        Self {
            vault: Vault::new(config),
            last_id: 0,
            seats: BTreeMap::new(),
            waiting: BTreeSet::new(),
            work: VecDeque::new(),
            background: VecDeque::new(),
            alarm: None,
            ended: false,
        }
    }

    /// Hands out everything that the vault asks for.
    fn hand_out(&mut self, clock: &Clock, commits: &Commits) {
        while let Some(output) = self.vault.poll_output() {
            match output {
                Output::Persist(batch) => commits.add(batch),
                Output::Load(id, keys) => self.work.push_back(Work::Load(id, keys)),
                Output::Run(id, job) => self.work.push_back(Work::Run(id, job)),
                Output::Range(id, task) if task.is_of_request() => {
                    self.work.push_back(Work::Range(id, task));
                }
                Output::Range(id, task) => self.background.push_back(Work::Range(id, task)),
                Output::Respond(id, response) => {
                    self.waiting.remove(&id);
                    if let Some(seat) = self.seats.remove(&id) {
                        seat.post(|mail| mail.answer = Some(response));
                    }
                }
                // No device is there to fail.
                Output::Audit(id, _) => self.vault.handle_audited(&clock.step(), id, Ok(())),
            }
        }
    }

    /// Wakes a waiting thread for each piece of work that nobody has taken. Those that are busy look
    /// by themselves before they wait. Says whether something is left for the attendant.
    fn call_for_help(&mut self) -> bool {
        for _ in 0..self.work.len() {
            let Some(id) = self.waiting.pop_first() else { return true };
            if let Some(seat) = self.seats.get(&id) {
                seat.post(|mail| mail.nudged = true);
            }
        }
        !self.background.is_empty()
    }

    /// Serves nothing from now on.
    fn end(&mut self) {
        self.ended = true;
        for seat in self.seats.values() {
            seat.post(|mail| mail.nudged = true);
        }
    }
}

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
                self.call_for_help(&mut machine);
                drop(machine);
                return seat.wait().answer.ok_or(Ended);
            }
            if let Some(work) = machine.work.pop_front() {
                self.call_for_help(&mut machine);
                drop(machine);
                let done = work.carry_out(&*self.store);
                let step = self.clock.step();
                machine = self.lock()?;
                done.hand_in(&mut machine.vault, &step);
                continue;
            }
            machine.waiting.insert(id);
            self.call_for_help(&mut machine);
            drop(machine);
            let mail = seat.wait();
            match mail.answer {
                Some(answer) if !mail.nudged => return Ok(answer),
                // It was called for work and has no time for it: another one is called.
                Some(answer) => {
                    if let Ok(mut machine) = self.lock() {
                        self.call_for_help(&mut machine);
                    }
                    return Ok(answer);
                }
                None => machine = self.lock()?,
            }
        }
    }

    /// Sees to it that somebody does what is to be done, now and when its time comes.
    fn call_for_help(&self, machine: &mut Machine) {
        let mut attend = machine.call_for_help();
        let due = machine.vault.poll_timeout();
        if due.is_some_and(|due| machine.alarm.is_none_or(|alarm| due < alarm)) {
            machine.alarm = due;
            attend = true;
        }
        if attend {
            self.attention.notify_one();
        }
    }

    /// The attendant's thread: it does what no request waits for, what nobody else is there to do, and
    /// what has a time.
    fn attend(&self) {
        let _watch = Watch(self);
        let Ok(mut machine) = self.lock() else { return };
        while !machine.ended {
            let work = machine.background.pop_front().or_else(|| machine.work.pop_front());
            if let Some(work) = work {
                drop(machine);
                let done = work.carry_out(&*self.store);
                let step = self.clock.step();
                let Ok(again) = self.lock() else { return };
                machine = again;
                done.hand_in(&mut machine.vault, &step);
            } else {
                let now = self.clock.now();
                let wait = machine.alarm.map(|alarm| alarm.since(now));
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
        let waited = match time {
            Some(time) => {
                self.attention.wait_timeout(machine, time).map(|waited| waited.0).map_err(|_| Ended)
            }
            None => self.attention.wait(machine).map_err(|_| Ended),
        };
        waited
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
            drop(machine);
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

/// Batches on their way to the committer.
#[derive(Default)]
struct Commits {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Default)]
struct Queue {
    batches: Vec<Batch>,
    closed: bool,
}

impl Commits {
    fn add(&self, batch: Batch) {
        self.queue().batches.push(batch);
        self.arrived.notify_one();
    }

    /// Waits for batches, and takes all that are there. `None` at the end.
    fn take(&self) -> Option<Vec<Batch>> {
        let idle = |queue: &mut Queue| queue.batches.is_empty() && !queue.closed;
        let queue = self.arrived.wait_while(self.queue(), idle);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        let batches = std::mem::take(&mut queue.batches);
        if batches.is_empty() { None } else { Some(batches) }
    }

    fn close(&self) {
        self.queue().closed = true;
        self.arrived.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to look at the room on the medium.
#[derive(Default)]
struct RoomWatch {
    looked: Option<Instant>,
    /// Bytes committed since then.
    bytes: usize,
}

impl RoomWatch {
    /// Whether to look now, after so many more bytes.
    fn is_due(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let late = self.looked.is_none_or(|looked| looked.elapsed() >= ROOM_PAUSE);
        if !late && self.bytes < ROOM_BYTES {
            return false;
        }
        *self = Self { looked: Some(Instant::now()), bytes: 0 };
        true
    }
}
