//! The server as a state machine: requests in, outputs out.
//!
//! Every call that may matter takes a [`Step`]; a step is a pure function of state and input. The
//! invariants are those of ARCHITECTURE.md; here they are enforced: a request's effect is one
//! transaction ([`Tx`]), a run that misses a record leaves no trace and starts again, and an answer
//! leaves only when every batch that it read or wrote is durable.

mod book;
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
use crate::effect::{AuditId, BatchSeq, Failed, JobId, LoadId, Loaded, Output, RequestId};
use crate::http::{Head, Response};
use crate::job::Outcome;
use crate::limit;
use crate::reject::{Branch, Reject};
use crate::seal::SealState;
use crate::store::cache::Cache;
use crate::time::{Step, Time};

pub use book::{Books, Counters};
pub(crate) use memo::{Charge, Memo};
pub(crate) use run::BATCH_RECORD_VERSION;
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
    /// Seconds that tokens and leases last where nobody says; at most `max_lease_ttl`.
    pub default_lease_ttl: i64,
    /// Seconds that they last at most.
    pub max_lease_ttl: i64,
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
    /// How far the core's time is ahead of the clock outside.
    clock_ahead: Duration,
    seal: SealState,
    /// The batch that the seal's state reflects.
    seal_seq: BatchSeq,
    cache: Cache,
    gate: gate::Gate,
    loads: load::Loads,
    parked: BTreeMap<RequestId, Parked>,
    /// Requests that wait for room, in order.
    writers: VecDeque<RequestId>,
    jobs: BTreeMap<JobId, RequestId>,
    audits: BTreeMap<AuditId, RequestId>,
    /// Answers whose audit is under way.
    held: BTreeMap<AuditId, Held>,
    outputs: VecDeque<Output>,
    last_id: u64,
    counters: Counters,
    tracer: trace::Tracer,
}

/// A request between two runs.
struct Parked {
    call: Arc<Call>,
    memo: Memo,
    waiting: Waiting,
}

/// What a parked request waits for.
enum Waiting {
    /// So many keys.
    Loads(usize),
    Job(crate::job::JobInput),
    Audit,
    Room,
}

/// An answer between its commit and the gate.
struct Held {
    id: RequestId,
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
            gate: gate::Gate::new(config.batch_bytes_in_flight_max),
            config,
            now: Time::default(),
            clock_ahead: Duration::ZERO,
            seal: SealState::Unknown,
            seal_seq: BatchSeq::START,
            loads: load::Loads::default(),
            parked: BTreeMap::new(),
            writers: VecDeque::new(),
            jobs: BTreeMap::new(),
            audits: BTreeMap::new(),
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
        self.run(id, Arc::new(call), memo);
        self.cache.shrink(self.gate.durable());
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
                self.run(id, parked.call, parked.memo);
            }
        }
        self.cache.shrink(self.gate.durable());
    }

    /// A load is done. Unknown ids are ignored: a seal may have come between.
    pub fn handle_loaded(&mut self, step: &Step, load: LoadId, result: Result<Loaded, Failed>) {
        self.advance_clock(step);
        self.finish_load(load, result);
        self.cache.shrink(self.gate.durable());
    }

    /// An audit record is written by every device that must, or by none.
    pub fn handle_audited(&mut self, step: &Step, id: AuditId, result: Result<(), Failed>) {
        self.advance_clock(step);
        if let Some(held) = self.held.remove(&id) {
            let response = match result {
                Ok(()) => held.response,
                Err(Failed) => {
                    self.tracer.note(Trace::Replaced(held.id, 500));
                    Reject::Internal.respond(Branch::Authenticated)
                }
            };
            self.release(held.id, response, held.wait);
            return;
        }
        let Some(id) = self.audits.remove(&id) else { return };
        let Some(mut parked) = self.parked.remove(&id) else { return };
        match result {
            Ok(()) => {
                parked.memo.audited = true;
                self.run(id, parked.call, parked.memo);
            }
            // Nobody could record it, so it does not happen; nor can its answer be recorded.
            Err(Failed) => {
                self.tracer.note(Trace::Failed(id));
                self.unpin(&parked.memo);
                let response = Reject::Internal.respond(Branch::Authenticated);
                self.release(
                    id,
                    parked.call.finish(response, parked.memo.allowed),
                    parked.memo.wait,
                );
            }
        }
        self.cache.shrink(self.gate.durable());
    }

    /// A job is done.
    pub fn handle_job(&mut self, step: &Step, id: JobId, outcome: Outcome) {
        self.advance_clock(step);
        let Some(id) = self.jobs.remove(&id) else { return };
        let Some(mut parked) = self.parked.remove(&id) else { return };
        if let Waiting::Job(input) = parked.waiting {
            parked.memo.outcomes.insert(input, outcome);
        }
        self.run(id, parked.call, parked.memo);
        self.cache.shrink(self.gate.durable());
    }

    /// The client of a request is gone. What is committed stands; what is not, does not happen.
    pub fn handle_hangup(&mut self, id: RequestId) {
        if let Some(parked) = self.parked.remove(&id) {
            self.unpin(&parked.memo);
            self.writers.retain(|writer| *writer != id);
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
            self.refuse_parked(id, &Reject::TimedOut);
        }
    }

    /// When to call [`Vault::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = self.parked.values().map(|parked| parked.memo.deadline()).min()?;
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
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
