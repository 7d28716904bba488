//! What stands behind the lock of a host: the vault, who waits for what, and the work that nobody has
//! taken yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use strongroom_core::http::Response;
use strongroom_core::{
    Call, Config, Failed, Finding, Job, JobId, Key, LoadId, Loaded, Outcome, Output, RequestId,
    Step, Task, TaskId, Time, Vault,
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
    last_id: u64,
    /// The request that comes in, and what it has got so far. It has no seat yet.
    fresh: Option<(RequestId, Mail)>,
    /// Requests that are not answered and wait for it.
    pub(super) seats: BTreeMap<RequestId, Arc<Seat>>,
    /// Those of them that have nothing to do.
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
            fresh: None,
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
                Output::Respond(id, response) => self.deliver(id, response),
                // No device is there to fail.
                Output::Audit(id, _) => self.vault.handle_audited(&clock.step(), id, Ok(())),
            }
        }
    }

    /// Takes a request in. Behind [`Self::hand_out`] it gets its seat, if it needs one.
    pub(super) fn take_in(&mut self, step: &Step, call: Call) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.fresh = Some((id, Mail::default()));
        self.vault.handle_request(step, id, call);
        id
    }

    /// Seats the request that was taken in, unless it is answered.
    pub(super) fn seat_fresh(&mut self) -> Entered {
        let (id, mail) = self.fresh.take().expect("a request was taken in under this lock");
        let Mail { answer, list, .. } = mail;
        if let Some(response) = answer {
            return Entered::Answered(response);
        }
        let seat = Arc::new(Seat::default());
        seat.mail().list = list;
        self.seats.insert(id, Arc::clone(&seat));
        Entered::Waits(seat)
    }

    fn deliver(&mut self, id: RequestId, response: Response) {
        if let Some((_, mail)) = self.fresh.as_mut().filter(|(fresh, _)| *fresh == id) {
            mail.answer = Some(response);
            return;
        }
        let sleeps = self.waiting.remove(&id);
        if let Some(seat) = self.seats.remove(&id) {
            seat.mail().answer = Some(response);
            // One that is up, or on its way, looks by itself before it waits.
            if sleeps {
                seat.wake();
            }
        }
    }

    /// A list takes long: only its own request is kept by it.
    fn ask_the_seat(&mut self, request: RequestId, id: TaskId, task: Task, clock: &Clock) {
        let list = Work::Range(id, task);
        if let Some((_, mail)) = self.fresh.as_mut().filter(|(fresh, _)| *fresh == request) {
            mail.list = Some(list);
            return;
        }
        match self.seats.get(&request) {
            Some(seat) => {
                let sleeps = self.waiting.remove(&request);
                seat.mail().list = Some(list);
                if sleeps {
                    seat.wake();
                }
            }
            None => self.abandon(list, clock),
        }
    }

    /// Nobody waits for this list any more.
    pub(super) fn abandon(&mut self, list: Work, clock: &Clock) {
        if let Work::Range(id, _) = list {
            self.vault.handle_range(&clock.step(), id, Finding::failed());
        }
    }

    /// Wakes a waiting request for each piece of work that nobody has taken. Those that are busy look
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

/// How a request was taken in.
pub(super) enum Entered {
    Answered(Response),
    Waits(Arc<Seat>),
}

/// Where one request waits.
#[derive(Default)]
pub(super) struct Seat {
    mail: Mutex<Mail>,
}

/// What a waiting request is woken with.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) answer: Option<Response>,
    /// The long work of its own request.
    pub(super) list: Option<Work>,
    /// There is work, or the host has ended: it must look.
    pub(super) nudged: bool,
    /// Whom to wake.
    waker: Option<Waker>,
}

impl Seat {
    fn nudge(&self) {
        self.mail().nudged = true;
        self.wake();
    }

    fn wake(&self) {
        let waker = self.mail().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for mail.
    pub(super) async fn wait(&self) -> Mail {
        poll_fn(|context| {
            let mut mail = self.mail();
            if mail.answer.is_none() && mail.list.is_none() && !mail.nudged {
                mail.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(std::mem::take(&mut *mail))
        })
        .await
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
    /// Whether it may take longer than a look into the store.
    pub(super) fn takes_long(&self) -> bool {
        match self {
            Self::Load(..) => false,
            Self::Run(..) | Self::Range(..) => true,
        }
    }

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
