//! The driver of one request: run it, and do what its end asks for.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::tx::{Halt, Staged, Tx};
use super::{Held, Memo, Parked, Trace, Vault, Waiting};
use crate::call::{Call, perform};
use crate::effect::{AuditId, Batch, BatchSeq, JobId, Output, RequestId};
use crate::http::Response;
use crate::limit;
use crate::random::{Generator, Phase};
use crate::reject::{Branch, Reject};
use crate::seal::{self, SealChange, SealState};
use crate::store::Key;
use crate::store::cache::Entry;
use crate::store::codec::Writer;
use crate::token;

/// How a run ended, for the driver.
enum End {
    Answer(Response),
    Halt(Halt, Branch),
}

impl Vault {
    /// Runs a request until it is answered or parked.
    pub(super) fn run(&mut self, id: RequestId, call: Arc<Call>, mut memo: Memo) {
        loop {
            memo.runs += 1;
            if memo.runs > limit::RUNS_MAX {
                let reject = Reject::Overloaded("the request cannot be served now");
                return self.refuse(id, &call, memo, &reject, Branch::Open);
            }
            let (end, staged) = self.run_once(&call, &memo);
            memo.wait = memo.wait.max(staged.read);
            memo.allowed = staged.allowed;
            let waits_for_room = (!staged.changes.is_empty() && !self.gate.has_room())
                && matches!(end, End::Answer(_) | End::Halt(Halt::Admit(_), _));
            if waits_for_room {
                self.counters.writers_queued += 1;
                // Waiting for room is no fault of the request.
                memo.runs -= 1;
                return self.park(id, call, memo, Waiting::Room);
            }
            match end {
                End::Answer(response) => {
                    self.tracer.note(Trace::Decided(id, self.seq_of(&staged)));
                    let seq = self.commit(staged, memo.random(Phase::EffectBatch));
                    memo.wait = memo.wait.max(seq);
                    return self.answer(id, &call, memo, response);
                }
                End::Halt(Halt::Admit(charge), _) => {
                    self.tracer.note(Trace::Admitted(id, self.seq_of(&staged)));
                    let seq = self.commit(staged, memo.random(Phase::AdmissionBatch));
                    memo.wait = memo.wait.max(seq);
                    memo.charge = Some(charge);
                }
                End::Halt(Halt::Missing, _) => return self.miss(id, call, memo, staged),
                End::Halt(Halt::Audit(operation), _) => {
                    let audit = AuditId(self.next_id());
                    let line = call.audit_line("request", operation, &memo.request_id(), self.now);
                    memo.operation = Some(operation);
                    self.audits.insert(audit, id);
                    self.outputs.push_back(Output::Audit(audit, line));
                    return self.park(id, call, memo, Waiting::Audit);
                }
                End::Halt(Halt::Job(job), _) => {
                    let (job_id, input) = (JobId(self.next_id()), job.input());
                    self.jobs.insert(job_id, id);
                    self.outputs.push_back(Output::Run(job_id, job));
                    return self.park(id, call, memo, Waiting::Job(input));
                }
                End::Halt(Halt::Reject(reject), branch) => {
                    return self.refuse(id, &call, memo, &reject, branch);
                }
                End::Halt(Halt::Corrupt(_), branch) => {
                    self.counters.corrupt += 1;
                    return self.refuse(id, &call, memo, &Reject::Internal, branch);
                }
            }
        }
    }

    fn run_once(&mut self, call: &Call, memo: &Memo) -> (End, Staged) {
        if matches!(self.seal, SealState::Unknown)
            && let Err(halt) = self.find_seal()
        {
            let missing = [seal::CONFIG, seal::ROOT_KEY, seal::KEYRING]
                .into_iter()
                .filter(|key| self.cache.get(key).is_none())
                .collect();
            return (End::Halt(halt, Branch::Open), Staged { missing, ..Staged::default() });
        }
        let mut tx =
            Tx::new(&mut self.cache, &self.seal, self.seal_seq, memo, &self.config, self.now);
        match perform(&mut tx, call) {
            Ok(response) => (End::Answer(response), tx.staged),
            Err(halt) => (End::Halt(halt, tx.branch), tx.staged),
        }
    }

    /// Learns from the fixed records whether the server is initialised.
    fn find_seal(&mut self) -> Result<(), Halt> {
        let mut records = [None, None, None];
        let keys = [seal::CONFIG, seal::ROOT_KEY, seal::KEYRING];
        for (record, key) in records.iter_mut().zip(&keys) {
            let entry = self.cache.get(key).ok_or(Halt::Missing)?;
            record.clone_from(&entry.record);
            self.seal_seq = self.seal_seq.max(entry.seq);
        }
        self.seal = SealState::read(records)?;
        Ok(())
    }

    /// Parks a request until what it missed is loaded.
    fn miss(&mut self, id: RequestId, call: Arc<Call>, mut memo: Memo, staged: Staged) {
        self.counters.runs_repeated += 1;
        for key in &staged.missing {
            if memo.pins.insert(*key) {
                self.cache.pin(*key);
            }
        }
        if memo.pins.len() > limit::READ_SET_MAX {
            let reject = Reject::Overloaded("the request needs too many records at once");
            return self.refuse(id, &call, memo, &reject, Branch::Open);
        }
        if self.parked.len() >= limit::PARKED_MAX {
            return self.refuse(id, &call, memo, &FULL, Branch::Open);
        }
        self.start_load(id, &staged.missing);
        self.park(id, call, memo, Waiting::Loads(staged.missing.len()));
    }

    fn park(&mut self, id: RequestId, call: Arc<Call>, memo: Memo, waiting: Waiting) {
        if self.parked.len() >= limit::PARKED_MAX {
            return self.refuse(id, &call, memo, &FULL, Branch::Open);
        }
        if matches!(waiting, Waiting::Room) {
            self.writers.push_back(id);
        }
        self.parked.insert(id, Parked { call, memo, waiting });
    }

    pub(super) fn unpin(&mut self, memo: &Memo) {
        for key in &memo.pins {
            self.cache.unpin(key);
        }
    }

    /// Refuses a request that is parked.
    pub(super) fn refuse_parked(&mut self, id: RequestId, reject: &Reject) {
        if let Some(parked) = self.parked.remove(&id) {
            self.writers.retain(|writer| *writer != id);
            self.refuse(id, &parked.call, parked.memo, reject, Branch::Open);
        }
    }

    /// Answers with a rejection. Nothing that the last run staged remains. A token whose last use
    /// this was goes all the same, and for that there is always room; after a trouble it stays,
    /// spent.
    fn refuse(
        &mut self,
        id: RequestId,
        call: &Call,
        mut memo: Memo,
        reject: &Reject,
        branch: Branch,
    ) {
        let decided = !reject.is_trouble();
        let mut seq = BatchSeq::START;
        if decided && memo.charge.is_some_and(|charge| charge.last) {
            let mut tx =
                Tx::new(&mut self.cache, &self.seal, self.seal_seq, &memo, &self.config, self.now);
            if token::bury(&mut tx, call).is_ok() {
                let staged = tx.staged;
                seq = self.commit(staged, memo.random(Phase::EffectBatch));
                memo.wait = memo.wait.max(seq);
            }
        }
        self.tracer.note(if decided { Trace::Decided(id, seq) } else { Trace::Failed(id) });
        self.answer(id, call, memo, reject.respond(branch));
    }

    /// The number of the batch that these changes will be.
    fn seq_of(&self, staged: &Staged) -> BatchSeq {
        if staged.changes.is_empty() { BatchSeq::START } else { self.gate.next_seq() }
    }

    /// Makes a batch of what a run staged, and the changes visible to later runs. Gives the batch's
    /// number, or the start if there is nothing to store.
    fn commit(&mut self, staged: Staged, random: Generator) -> BatchSeq {
        // Time goes on from the highest that was ever used: it does not stand still until the clock
        // outside has come there.
        self.clock_ahead += staged.time_floor.since(self.now);
        self.now = self.now.max(staged.time_floor);
        let seq = self.seq_of(&staged);
        if !staged.changes.is_empty() {
            let batch_record = self.batch_record(random);
            let changes: Vec<_> = staged
                .changes
                .into_iter()
                .chain(batch_record)
                .map(|(key, entry)| {
                    self.loads.overtake(&key);
                    let record = entry.record.clone();
                    self.cache.insert(key, Entry { seq, ..entry });
                    (key, record)
                })
                .collect();
            let batch = Batch { seq, changes };
            self.gate.emit(batch.bytes());
            self.counters.batches += 1;
            self.outputs.push_back(Output::Persist(batch));
        }
        if let Some(change) = staged.seal {
            self.seal_seq = self.seal_seq.max(seq);
            self.change_seal(change);
        }
        seq
    }

    /// The record that every batch carries: the highest time used.
    fn batch_record(&self, mut random: Generator) -> Option<(Key, Entry)> {
        let barrier = &self.seal.unsealed()?.barrier;
        let payload = Writer::new(BATCH_RECORD_VERSION).time(self.now).finish();
        let sealed = barrier.seal(&seal::BATCH, "", &payload, random.array());
        Some((seal::BATCH, Entry { record: Some(sealed), page: None, seq: BatchSeq::START }))
    }

    fn change_seal(&mut self, change: SealChange) {
        match change {
            SealChange::Initialize(stored) => self.seal = SealState::Sealed(stored),
            SealChange::Unseal(unsealed) => self.seal = SealState::Unsealed(unsealed),
            SealChange::Seal => {
                if let Some(stored) = self.seal.stored().cloned() {
                    self.seal = SealState::Sealed(stored);
                }
                self.cache.seal(self.gate.durable());
                self.end_epoch();
            }
        }
    }

    /// Sealing ends all that is under way: what comes back of it later is not known any more. Parked
    /// requests run again, and find the server sealed.
    fn end_epoch(&mut self) {
        self.loads.clear();
        self.jobs.clear();
        self.audits.clear();
        self.writers.clear();
        for (id, parked) in core::mem::take(&mut self.parked) {
            self.run(id, parked.call, parked.memo);
        }
        for held in core::mem::take(&mut self.held).into_values() {
            self.tracer.note(Trace::Replaced(held.id, 503));
            self.release(held.id, Reject::Sealed.respond(Branch::Open), held.wait);
        }
    }

    /// The request is decided: its answer is recorded, waits for its batches, and leaves.
    fn answer(&mut self, id: RequestId, call: &Call, memo: Memo, response: Response) {
        self.unpin(&memo);
        let response = call.finish(response, memo.allowed);
        if self.config.audit && call.is_audited() {
            let audit = AuditId(self.next_id());
            let operation = memo.operation.unwrap_or(call.operation);
            let line = call.audit_line("response", operation, &memo.request_id(), self.now);
            self.held.insert(audit, Held { id, response, wait: memo.wait });
            self.outputs.push_back(Output::Audit(audit, line));
        } else {
            self.release(id, response, memo.wait);
        }
    }

    /// Sends an answer when what it depends on is durable.
    pub(super) fn release(&mut self, id: RequestId, response: Response, wait: BatchSeq) {
        match self.gate.hold(id, response, wait) {
            Some(response) => self.outputs.push_back(Output::Respond(id, response)),
            None => self.counters.answers_held += 1,
        }
    }
}

const FULL: Reject = Reject::Overloaded("too many requests are waiting");

/// Version of the batch record.
pub(crate) const BATCH_RECORD_VERSION: u8 = 1;
