//! The server as a state machine: requests in, outputs out.
//!
//! Every call that may matter takes a [`Step`]; a step is a pure function of state and input. The
//! invariants are those of ARCHITECTURE.md; here they are enforced: a request's effect is one
//! transaction ([`Tx`]), a run that misses a record leaves no trace and starts again, and an answer
//! leaves only when every batch that it read or wrote is durable.

mod acl;
mod book;
mod chore;
mod gate;
mod load;
mod memo;
mod run;
mod trace;
mod tx;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use crate::call::Call;
use crate::chore::{Chore, Page};
use crate::cors::Allowed;
use crate::effect::{AuditId, BatchSeq, Failed, JobId, LoadId, Loaded, Output, RequestId, TaskId};
use crate::http::{Head, Response};
use crate::job::Outcome;
use crate::limit;
use crate::namespace::Namespace;
use crate::reject::{Branch, Reject};
use crate::seal::SealState;
use crate::store::cache::Cache;
use crate::task::{Finding, Found, Inquiry, Unfound};
use crate::time::{Step, Time};
use zeroize::Zeroizing;

pub(crate) use acl::{Compiled, MadeOf};
pub use book::{Books, Counters};
pub(crate) use memo::{Charge, Deed, Memo};
#[cfg(feature = "simulation")]
pub use trace::Trace;
#[cfg(not(feature = "simulation"))]
use trace::Trace;
pub(crate) use tx::{Halt, Tx};

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Config {
    /// Budget of the cache for records and pages, in bytes.
    pub cache_bytes: usize,
    /// Budget of the cache for absences, in bytes.
    pub absence_bytes: usize,
    /// Bytes of batches in flight beyond which writers queue.
    pub batch_bytes_in_flight_max: usize,
    /// Whether paths of secrets may end in a period, against the API's documentation: for those
    /// who bring such data.
    pub allow_trailing_period: bool,
    /// Whether every request and every answer is put out for audit, and waits for it.
    pub audit: bool,
    /// Bytes of an index page beyond which it is split. Smaller pages make deeper trees: for tests.
    pub page_bytes_max: usize,
    /// Index pages that one step opens for a list; a list of more is a task.
    pub list_pages_max: usize,
    /// Seconds that tokens and leases last where nobody says; at most `max_lease_ttl`.
    pub default_lease_ttl: i64,
    /// Seconds that they last at most.
    pub max_lease_ttl: i64,
    /// Whether the mount that initialisation makes stays where it is. Otherwise, while it is empty and
    /// untuned, it gives way to whatever would collide with it.
    pub keeps_first_mount: bool,
    /// Bytes of room on the medium that only deletes, revocations and the clean-up may use.
    pub room_reserve_bytes: u64,
    /// What `sys/seal-status` says of the storage, such as `inmem`.
    pub storage_type: &'static str,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cache_bytes: limit::CACHE_BYTES,
            absence_bytes: limit::ABSENCE_BYTES,
            batch_bytes_in_flight_max: limit::BATCH_BYTES_IN_FLIGHT_MAX,
            allow_trailing_period: false,
            audit: false,
            page_bytes_max: limit::PAGE_BYTES_MAX,
            list_pages_max: limit::LIST_PAGES_MAX,
            keeps_first_mount: false,
            room_reserve_bytes: limit::ROOM_RESERVE_BYTES,
            default_lease_ttl: limit::TTL_SECONDS,
            max_lease_ttl: limit::TTL_SECONDS,
            storage_type: "inmem",
        }
    }
}

/// The state machine. See the module.
pub struct Vault {
    config: Config,
    now: Time,
    /// Of the step that is under way.
    seed: Zeroizing<[u8; 32]>,
    /// How far the core's time is ahead of the clock outside.
    clock_ahead: Duration,
    /// The namespace that is always there.
    root: Arc<Namespace>,
    seal: SealState,
    /// The batch that the seal's state reflects.
    seal_seq: BatchSeq,
    cache: Cache,
    acls: acl::Acls,
    gate: gate::Gate,
    loads: load::Loads,
    parked: BTreeMap<RunId, Parked>,
    /// Runs that wait for room, in order.
    writers: VecDeque<RunId>,
    jobs: BTreeMap<JobId, RequestId>,
    audits: BTreeMap<AuditId, RequestId>,
    tasks: BTreeMap<TaskId, Tasked>,
    chores: BTreeMap<Chore, chore::State>,
    /// Bytes that the medium has left, as far as that is known.
    room: Option<u64>,
    lacks_room: bool,
    /// Answers whose audit is under way.
    held: BTreeMap<AuditId, Held>,
    outputs: VecDeque<Output>,
    last_id: u64,
    counters: Counters,
    tracer: trace::Tracer,
}

/// What runs: a request, or a page of a chore.
enum Runner {
    Request(RequestId, Arc<Call>),
    Chore(Page),
}

/// Which run it is. Of each chore there is one at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RunId {
    Request(RequestId),
    Chore(Chore),
}

impl Runner {
    fn id(&self) -> RunId {
        match self {
            Self::Request(id, _) => RunId::Request(*id),
            Self::Chore(page) => RunId::Chore(page.chore()),
        }
    }

    /// The request, for what no chore asks for.
    fn request(&self) -> RequestId {
        match self {
            Self::Request(id, _) => *id,
            Self::Chore(_) => unreachable!("chores have no jobs, lists or audits"),
        }
    }
}

/// Who waits for a task.
#[derive(Clone, Copy)]
enum Tasked {
    Request(RequestId),
    Chore(Chore),
}

/// A request or a chore between two runs.
struct Parked {
    runner: Runner,
    memo: Memo,
    waiting: Waiting,
}

/// What a parked run waits for.
enum Waiting {
    /// So many keys.
    Loads(usize),
    Job(crate::job::JobInput),
    Task(Inquiry),
    Audit,
    Room,
}

/// An answer between its commit and the gate.
struct Held {
    id: RequestId,
    call: Arc<Call>,
    allowed: Option<Allowed>,
    response: Response,
    wait: BatchSeq,
}

impl core::fmt::Debug for Vault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Vault").field("books", &self.books()).finish_non_exhaustive()
    }
}

impl Vault {
    /// A server that knows nothing of its storage yet: the first request asks for it.
    pub fn new(config: Config) -> Self {
        Self {
            cache: Cache::new(config.cache_bytes, config.absence_bytes),
            acls: acl::Acls::new(),
            gate: gate::Gate::new(config.batch_bytes_in_flight_max),
            config,
            now: Time::default(),
            seed: Zeroizing::default(),
            clock_ahead: Duration::ZERO,
            root: Arc::new(Namespace::root()),
            seal: SealState::Unknown,
            seal_seq: BatchSeq::START,
            loads: load::Loads::default(),
            parked: BTreeMap::new(),
            writers: VecDeque::new(),
            jobs: BTreeMap::new(),
            audits: BTreeMap::new(),
            tasks: BTreeMap::new(),
            chores: BTreeMap::new(),
            room: None,
            lacks_room: false,
            held: BTreeMap::new(),
            outputs: VecDeque::new(),
            last_id: 0,
            counters: Counters::default(),
            tracer: trace::Tracer::default(),
        }
    }

    /// Whether a request may send its body, and how large: asked for before the body is read, and
    /// answered from what is always in memory.
    ///
    /// # Errors
    ///
    /// The answer, if the request is refused at once.
    pub fn admit(&self, _head: &Head) -> Result<usize, Response> {
        Ok(limit::BODY_BYTES_CEILING)
    }

    /// A whole request. Its answer is an [`Output::Respond`] of the same id, now or later.
    pub fn handle_request(&mut self, step: &Step, id: RequestId, call: Call) {
        self.advance_clock(step);
        let memo = Memo::new(step.seed, self.now, call.time_max);
        self.run(Runner::Request(id, Arc::new(call)), memo);
        self.settle();
    }

    /// The batches up to this one are durable.
    pub fn handle_persisted(&mut self, step: &Step, up_to: BatchSeq) {
        self.advance_clock(step);
        for (id, response) in self.gate.handle_persisted(up_to) {
            self.outputs.push_back(Output::Respond(id, response));
        }
        while self.gate.has_room()
            && let Some(id) = self.writers.pop_front()
        {
            if let Some(parked) = self.parked.remove(&id) {
                self.run(parked.runner, parked.memo);
            }
        }
        self.settle();
    }

    /// A load is done. Unknown ids are ignored: a seal may have come between.
    pub fn handle_loaded(&mut self, step: &Step, load: LoadId, result: Result<Loaded, Failed>) {
        self.advance_clock(step);
        self.finish_load(load, result);
        self.settle();
    }

    /// An audit record is written by every device that must, or by none.
    pub fn handle_audited(&mut self, step: &Step, id: AuditId, result: Result<(), Failed>) {
        self.advance_clock(step);
        if let Some(held) = self.held.remove(&id) {
            let response = match result {
                Ok(()) => held.response,
                Err(Failed) => {
                    self.tracer.note(Trace::Replaced(held.id, 500));
                    held.call.finish(Reject::Internal.respond(Branch::Authenticated), held.allowed)
                }
            };
            self.release(held.id, response, held.wait);
            return;
        }
        let Some(id) = self.audits.remove(&id) else { return };
        let Some(mut parked) = self.parked.remove(&RunId::Request(id)) else { return };
        match (result, parked.runner) {
            (Ok(()), runner) => {
                parked.memo.audited = true;
                self.run(runner, parked.memo);
            }
            // Nobody could record it, so it does not happen; nor can its answer be recorded.
            (Err(Failed), Runner::Request(id, call)) => {
                self.tracer.note(Trace::Failed(id));
                self.unpin(&parked.memo);
                let response = Reject::Internal.respond(Branch::Authenticated);
                let response = call.finish(response, parked.memo.allowed);
                self.release(id, response, parked.memo.wait);
            }
            (Err(Failed), Runner::Chore(_)) => unreachable!("chores are not audited"),
        }
        self.settle();
    }

    /// A job is done.
    pub fn handle_job(&mut self, step: &Step, id: JobId, outcome: Outcome) {
        self.advance_clock(step);
        let Some(id) = self.jobs.remove(&id) else { return };
        let Some(mut parked) = self.parked.remove(&RunId::Request(id)) else { return };
        if let Waiting::Job(input) = parked.waiting {
            parked.memo.outcomes.insert(input, outcome);
        }
        self.run(parked.runner, parked.memo);
        self.settle();
    }

    /// A task is done. Unknown ids are ignored: a seal may have come between.
    pub fn handle_range(&mut self, step: &Step, id: TaskId, finding: Finding) {
        self.advance_clock(step);
        match self.tasks.remove(&id) {
            None => {}
            Some(Tasked::Chore(chore)) => self.handle_chore_rows(chore, finding),
            Some(Tasked::Request(id)) => {
                let Some(mut parked) = self.parked.remove(&RunId::Request(id)) else { return };
                let is_answer = !matches!(finding.0, Err(Unfound::Superseded));
                if let Waiting::Task(inquiry) = parked.waiting
                    && is_answer
                {
                    let found = finding.0.map(|found| match found {
                        Found::Names(names) => names,
                        Found::Rows { .. } => None,
                    });
                    parked.memo.findings.insert(inquiry, found);
                }
                self.run(parked.runner, parked.memo);
            }
        }
        self.settle();
    }

    /// So many bytes are left on the medium. Writes that would not find room are refused before
    /// anything changes; what makes room (deletes, revocation) has a reserve.
    pub fn handle_capacity(&mut self, bytes_left: u64) {
        self.room = Some(bytes_left);
        self.lacks_room = false;
    }

    /// Whether something was refused for want of room since [`Vault::handle_capacity`] was last called:
    /// then it is time to look at the medium again, though nothing is written.
    pub fn lacks_room(&self) -> bool {
        self.lacks_room
    }

    /// The client of a request is gone. What is committed stands; what is not, does not happen.
    pub fn handle_hangup(&mut self, id: RequestId) {
        let run = RunId::Request(id);
        if let Some(parked) = self.parked.remove(&run) {
            self.unpin(&parked.memo);
            self.writers.retain(|writer| *writer != run);
        }
        self.held.retain(|_, held| held.id != id);
        self.gate.forget(id);
    }

    /// Time has passed. Early calls are harmless.
    pub fn handle_timeout(&mut self, step: &Step) {
        self.advance_clock(step);
        let now = self.now;
        let late = self.parked.iter().filter(|(_, parked)| now >= parked.memo.deadline());
        for id in late.map(|(id, _)| *id).collect::<alloc::vec::Vec<_>>() {
            self.give_up_parked(id, &Reject::TimedOut);
        }
        self.settle();
    }

    /// When to call [`Vault::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Time> {
        let late = self.parked.values().map(|parked| parked.memo.deadline()).min();
        let due = late.into_iter().chain(self.next_chore()).min()?;
        Some(due.before(self.clock_ahead))
    }

    /// The next thing to do. Drain it before waiting.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// For the simulator: forgets every cached record that may go and for which `chosen` says so. No
    /// answer may change by it.
    #[cfg(feature = "simulation")]
    pub fn forget(&mut self, mut chosen: impl FnMut(u64) -> bool) {
        self.cache.forget(self.gate.durable(), |key| chosen(key.tail()));
    }

    fn advance_clock(&mut self, step: &Step) {
        self.now = self.now.max(step.now.after(self.clock_ahead));
        *self.seed = step.seed;
    }

    /// What follows every step.
    fn settle(&mut self) {
        self.tend_chores();
        self.cache.shrink(self.gate.durable());
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
