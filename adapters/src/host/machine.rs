//! What stands behind the lock of a host: the vault, who waits for what, and the work that nobody has
//! taken yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strongroom_core::http::Response;
use strongroom_core::{
    Config, Failed, Finding, Job, JobId, Key, LoadId, Loaded, Outcome, Output, RequestId, Step,
    Task, TaskId, Time, Vault,
};

use super::commits::Commits;
use crate::clock::Clock;
use crate::log;
use crate::store::Store;

/// Age of a snapshot at which a task that reads it is stopped: what it sees cannot be freed.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Machine {
    pub(super) vault: Vault,
    pub(super) last_id: u64,
    /// Requests that are not answered.
    pub(super) seats: BTreeMap<RequestId, Arc<Seat>>,
    /// Those of them whose threads have nothing to do.
    pub(super) waiting: BTreeSet<RequestId>,
    /// What nobody has taken yet.
    pub(super) work: VecDeque<Work>,
    /// The same, for no request.
    pub(super) background: VecDeque<Work>,
    /// When the attendant looks at the vault again.
    pub(super) alarm: Option<Time>,
    pub(super) ended: bool,
}

impl Machine {
    pub(super) fn new(config: Config) -> Self {
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
    pub(super) fn hand_out(&mut self, clock: &Clock, commits: &Commits) {
        while let Some(output) = self.vault.poll_output() {
            match output {
                Output::Persist(batch) => commits.add(batch),
                Output::Load(id, keys) => self.work.push_back(Work::Load(id, keys)),
                Output::Run(id, job) => self.work.push_back(Work::Run(id, job)),
                Output::Range(id, task) => match task.request() {
                    None => self.background.push_back(Work::Range(id, task)),
                    Some(request) => self.ask_the_seat(request, id, task, clock),
                },
                Output::Respond(id, response) => {
                    let sleeps = self.waiting.remove(&id);
                    if let Some(seat) = self.seats.remove(&id) {
                        seat.mail().answer = Some(response);
                        // A thread that is up, or on its way, looks by itself before it waits.
                        if sleeps {
                            seat.arrived.notify_one();
                        }
                    }
                }
                // No device is there to fail.
                Output::Audit(id, _) => self.vault.handle_audited(&clock.step(), id, Ok(())),
            }
        }
    }

    /// A list takes long: only the thread of its own request is kept by it.
    fn ask_the_seat(&mut self, request: RequestId, id: TaskId, task: Task, clock: &Clock) {
        match self.seats.get(&request) {
            Some(seat) => {
                let sleeps = self.waiting.remove(&request);
                seat.mail().list = Some(Work::Range(id, task));
                if sleeps {
                    seat.arrived.notify_one();
                }
            }
            None => self.abandon(Work::Range(id, task), clock),
        }
    }

    /// Nobody waits for this list any more.
    pub(super) fn abandon(&mut self, list: Work, clock: &Clock) {
        if let Work::Range(id, _) = list {
            self.vault.handle_range(&clock.step(), id, Finding::failed());
        }
    }

    /// Wakes a waiting thread for each piece of work that nobody has taken. Those that are busy look
    /// by themselves before they wait. Says whether something is left for the attendant.
    pub(super) fn call_for_help(&mut self) -> bool {
        for _ in 0..self.work.len() {
            let Some(id) = self.waiting.pop_first() else { return true };
            if let Some(seat) = self.seats.get(&id) {
                seat.nudge();
            }
        }
        !self.background.is_empty()
    }

    /// Serves nothing from now on.
    pub(super) fn end(&mut self) {
        self.ended = true;
        for seat in self.seats.values() {
            seat.nudge();
        }
    }
}

/// Where the thread of one request waits.
#[derive(Default)]
pub(super) struct Seat {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

/// What a waiting thread is woken with.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) answer: Option<Response>,
    /// The long work of its own request.
    pub(super) list: Option<Work>,
    /// There is work, or the host has ended: it must look.
    pub(super) nudged: bool,
}

impl Seat {
    fn nudge(&self) {
        self.mail().nudged = true;
        self.arrived.notify_one();
    }

    /// Waits for mail.
    pub(super) fn wait(&self) -> Mail {
        let empty = |mail: &mut Mail| mail.answer.is_none() && mail.list.is_none() && !mail.nudged;
        let mail = self.arrived.wait_while(self.mail(), empty);
        std::mem::take(&mut *mail.unwrap_or_else(PoisonError::into_inner))
    }

    /// The long work of its own request, if it has come.
    pub(super) fn take_list(&self) -> Option<Work> {
        self.mail().list.take()
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is done outside of the lock, by any thread.
pub(super) enum Work {
    Load(LoadId, Vec<Key>),
    Run(JobId, Job),
    Range(TaskId, Task),
}

/// What came of it.
pub(super) enum Done {
    Loaded(LoadId, Result<Loaded, Failed>),
    Ran(JobId, Outcome),
    Found(TaskId, Finding),
}

impl Work {
    pub(super) fn carry_out(self, store: &dyn Store) -> Done {
        match self {
            Self::Load(id, keys) => Done::Loaded(id, store.read(&keys)),
            Self::Run(id, job) => Done::Ran(id, job.run()),
            Self::Range(id, task) => Done::Found(id, look(task, store)),
        }
    }
}

impl Done {
    pub(super) fn hand_in(self, vault: &mut Vault, step: &Step) {
        match self {
            Self::Loaded(id, result) => vault.handle_loaded(step, id, result),
            Self::Ran(id, outcome) => vault.handle_job(step, id, outcome),
            Self::Found(id, finding) => vault.handle_range(step, id, finding),
        }
    }
}

/// Runs a task over a view of its own.
fn look(task: Task, store: &dyn Store) -> Finding {
    let taken = Instant::now();
    let mut task = Some(task);
    let mut finding = None;
    let looked = store.view(&mut |view| {
        let task = task.take();
        finding = task.map(|task| task.run(view, &|| taken.elapsed() < SNAPSHOT_AGE_MAX));
    });
    if let Err(error) = looked {
        log::error(&error.to_string());
    }
    finding.unwrap_or_else(Finding::failed)
}
