//! The driver of one run: do it, and do what its end asks for.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::tx::{Halt, Staged, Tx, World};
use super::{Deed, Held, Memo, Parked, RunId, Runner, Tasked, Trace, Vault, Waiting};
use crate::call::{Call, perform};
use crate::chore;
use crate::effect::{AuditId, Batch, BatchSeq, JobId, Output, RequestId, TaskId};
use crate::http::Response;
use crate::limit;
use crate::random::{Generator, Phase};
use crate::reject::{Branch, Reject};
use crate::seal::{self, SealChange, SealState};
use crate::store::Key;
use crate::store::cache::Entry;
use crate::task::{Inquiry, Task};
use crate::token;

/// How a run ended, for the driver.
enum End {
    Answer(Response),
    /// A chore's page is done.
    Done,
    Halt(Halt, Branch),
}

impl Vault {
    /// Runs a request or a chore until it is done or parked.
    pub(super) fn run(&mut self, runner: Runner, mut memo: Memo) {
        loop {
            memo.runs += 1;
            if memo.runs > limit::RUNS_MAX {
                let reject = Reject::Overloaded("the request cannot be served now");
                return self.give_up(runner, memo, &reject, Branch::Open);
            }
            let (end, staged) = self.run_once(&runner, &memo);
            memo.wait = memo.wait.max(staged.read);
            memo.allowed = staged.allowed;
            let commits = matches!(end, End::Answer(_) | End::Done | End::Halt(Halt::Admit(_), _));
            if commits && !staged.changes.is_empty() {
                if !self.gate.has_room() {
                    self.counters.writers_queued += 1;
                    // Waiting for room is no fault of the request.
                    memo.runs -= 1;
                    return self.park(runner, memo, Waiting::Room);
                }
                if !self.fits_in_storage(&staged) {
                    self.lacks_room = true;
                    return self.give_up(runner, memo, &Reject::NoRoom, Branch::Open);
                }
            }
            match end {
                End::Answer(response) => return self.finish(runner, memo, staged, Some(response)),
                End::Done => return self.finish(runner, memo, staged, None),
                End::Halt(Halt::Admit(charge), _) => {
                    if let Runner::Request(id, _) = &runner {
                        self.tracer.note(Trace::Admitted(*id, self.seq_of(&staged)));
                    }
                    let seq = self.commit(staged, memo.random(Phase::AdmissionBatch));
                    memo.wait = memo.wait.max(seq);
                    memo.charge = Some(charge);
                }
                End::Halt(halt, branch) => return self.halt(runner, memo, staged, halt, branch),
            }
        }
    }

    fn run_once(&mut self, runner: &Runner, memo: &Memo) -> (End, Staged) {
        if matches!(self.seal, SealState::Unknown)
            && let Err(halt) = self.find_seal()
        {
            let missing = [seal::CONFIG, seal::ROOT_KEY, seal::KEYRING]
                .into_iter()
                .filter(|key| self.cache.get(key).is_none())
                .collect();
            return (End::Halt(halt, Branch::Open), Staged { missing, ..Staged::default() });
        }
        let mut tx = self.begin(memo);
        let end = match runner {
            Runner::Request(_, call) => perform(&mut tx, call).map(End::Answer),
            Runner::Chore(page) => {
                tx.free_room();
                chore::perform(&mut tx, page).map(|()| End::Done)
            }
        };
        (end.unwrap_or_else(|halt| End::Halt(halt, tx.branch)), tx.staged)
    }

    /// A transaction on the server as it is.
    fn begin<'v>(&'v mut self, memo: &'v Memo) -> Tx<'v> {
        let world = World {
            cache: &mut self.cache,
            acls: &mut self.acls,
            seal: &self.seal,
            seal_seq: self.seal_seq,
            root: &self.root,
            config: &self.config,
            now: self.now,
        };
        Tx::new(world, memo)
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

    /// The run has come to its end: what it staged is committed.
    fn finish(
        &mut self,
        runner: Runner,
        mut memo: Memo,
        staged: Staged,
        response: Option<Response>,
    ) {
        if let Runner::Request(id, _) = &runner {
            self.tracer.note(Trace::Decided(*id, self.seq_of(&staged)));
        }
        let seq = self.commit(staged, memo.random(Phase::EffectBatch));
        memo.wait = memo.wait.max(seq);
        match (runner, response) {
            (Runner::Request(id, call), Some(response)) => self.answer(id, &call, memo, response),
            (runner, _) => {
                self.unpin(&memo);
                self.chore_done(runner.id(), seq);
            }
        }
    }

    /// The run has not come to its end: what it staged is dropped.
    fn halt(&mut self, runner: Runner, memo: Memo, staged: Staged, halt: Halt, branch: Branch) {
        match halt {
            Halt::Missing => self.miss(runner, memo, &staged),
            Halt::Audit(deed) => self.ask_audit(runner, memo, deed),
            Halt::Job(job) => {
                let (job_id, input) = (JobId(self.next_id()), job.input());
                self.jobs.insert(job_id, runner.request());
                self.outputs.push_back(Output::Run(job_id, job));
                self.park(runner, memo, Waiting::Job(input));
            }
            Halt::Inquire(inquiry) => self.inquire(runner, memo, inquiry),
            Halt::Reject(reject) => self.give_up(runner, memo, &reject, branch),
            Halt::Corrupt(_) => {
                self.counters.corrupt += 1;
                self.give_up(runner, memo, &Reject::Internal, branch);
            }
            Halt::Admit(_) => unreachable!("a charge is committed"),
        }
    }

    fn ask_audit(&mut self, runner: Runner, mut memo: Memo, deed: Deed) {
        let Runner::Request(id, call) = &runner else { unreachable!("chores are not audited") };
        let audit = AuditId(self.next_id());
        let line = call.audit_line("request", &deed, &memo.request_id(), self.now);
        memo.deed = Some(deed);
        memo.audited = false;
        self.audits.insert(audit, *id);
        self.outputs.push_back(Output::Audit(audit, line));
        self.park(runner, memo, Waiting::Audit);
    }

    fn inquire(&mut self, runner: Runner, memo: Memo, inquiry: Inquiry) {
        let busy = self.tasks.values().filter(|of| matches!(of, Tasked::Request(_))).count();
        let tasks_max = match &runner {
            Runner::Request(_, call) if !call.has_token() => limit::TASKS_OF_STRANGERS_MAX,
            Runner::Request(..) | Runner::Chore(_) => limit::TASKS_MAX,
        };
        let Some(unsealed) = self.seal.unsealed().filter(|_| busy < tasks_max) else {
            let reject = Reject::Overloaded("too many long requests at once");
            return self.give_up(runner, memo, &reject, Branch::Open);
        };
        let id = runner.request();
        let task = Task::inquiry(inquiry.clone(), Arc::clone(&unsealed.barrier), id);
        let task_id = TaskId(self.next_id());
        self.tracer.note(Trace::Inquired(id, task_id));
        self.tasks.insert(task_id, Tasked::Request(id));
        self.outputs.push_back(Output::Range(task_id, task));
        self.park(runner, memo, Waiting::Task(inquiry));
    }

    /// Parks a run until what it missed is loaded.
    fn miss(&mut self, runner: Runner, mut memo: Memo, staged: &Staged) {
        self.counters.runs_repeated += 1;
        for key in &staged.missing {
            if memo.pins.insert(*key) {
                self.cache.pin(*key);
            }
        }
        if memo.pins.len() > limit::READ_SET_MAX {
            let reject = Reject::Overloaded("the request needs too many records at once");
            return self.give_up(runner, memo, &reject, Branch::Open);
        }
        if self.parked.len() >= limit::PARKED_MAX {
            return self.give_up(runner, memo, &FULL, Branch::Open);
        }
        self.start_load(runner.id(), &staged.missing);
        self.park(runner, memo, Waiting::Loads(staged.missing.len()));
    }

    fn park(&mut self, runner: Runner, memo: Memo, waiting: Waiting) {
        if self.parked.len() >= limit::PARKED_MAX {
            return self.give_up(runner, memo, &FULL, Branch::Open);
        }
        let id = runner.id();
        if matches!(waiting, Waiting::Room) {
            self.writers.push_back(id);
        }
        self.parked.insert(id, Parked { runner, memo, waiting });
    }

    pub(super) fn unpin(&mut self, memo: &Memo) {
        for key in &memo.pins {
            self.cache.unpin(key);
        }
    }

    /// Gives up a run that is parked.
    pub(super) fn give_up_parked(&mut self, id: RunId, reject: &Reject) {
        if let Some(parked) = self.parked.remove(&id) {
            self.writers.retain(|writer| *writer != id);
            self.give_up(parked.runner, parked.memo, reject, Branch::Open);
        }
    }

    /// Ends a run by a rejection. Nothing that it staged remains.
    fn give_up(&mut self, runner: Runner, memo: Memo, reject: &Reject, branch: Branch) {
        match runner {
            Runner::Request(id, call) => self.refuse(id, &call, memo, reject, branch),
            Runner::Chore(page) => {
                self.unpin(&memo);
                self.chore_failed(page.chore());
            }
        }
    }

    /// Answers with a rejection. A token whose last use this was goes all the same, and for that there
    /// is always room; after a trouble it stays, spent.
    fn refuse(
        &mut self,
        id: RequestId,
        call: &Arc<Call>,
        mut memo: Memo,
        reject: &Reject,
        branch: Branch,
    ) {
        let decided = !reject.is_trouble();
        let mut seq = BatchSeq::START;
        if decided && memo.charge.is_some_and(|charge| charge.last) {
            let mut tx = self.begin(&memo);
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

    /// Whether the medium has room for these changes. What makes room may use the reserve.
    fn fits_in_storage(&self, staged: &Staged) -> bool {
        let Some(room) = self.room else { return true };
        let reserve = if staged.frees { 0 } else { self.config.room_reserve_bytes };
        let bytes: usize = staged.changes.values().map(Entry::stored_bytes).sum();
        let needed = (bytes + self.gate.bytes()).saturating_mul(limit::ROOM_FACTOR);
        u64::try_from(needed).is_ok_and(|needed| room.saturating_sub(reserve) >= needed)
    }

    /// Makes a batch of what a run staged, and the changes visible to later runs. Gives the batch's
    /// number, or the start if there is nothing to store.
    fn commit(&mut self, mut staged: Staged, mut random: Generator) -> BatchSeq {
        // Time goes on from the highest that was ever used: it does not stand still until the clock
        // outside has come there.
        self.clock_ahead += staged.time_floor.since(self.now);
        self.now = self.now.max(staged.time_floor);
        let seq = self.seq_of(&staged);
        if !staged.changes.is_empty() {
            self.rotate_if_due(&mut staged, &mut random);
            let batch_record = self.batch_record(&staged.changes, &mut random);
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
            self.note_chores(&batch);
            self.room = self.room.map(|room| room.saturating_sub(batch.bytes() as u64));
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

    /// A batch carries the new term of the keyring, if one is due and the seal is not changed anyway.
    fn rotate_if_due(&self, staged: &mut Staged, random: &mut Generator) {
        let due = self.seal.unsealed().filter(|unsealed| unsealed.is_rotation_due(self.now));
        if staged.seal.is_none()
            && let Some(unsealed) = due.and_then(|unsealed| unsealed.rotated(random, self.now))
        {
            let records = unsealed.stored.records().map(|(key, record)| (key, fresh(record)));
            staged.changes.extend(records);
            staged.seal = Some(SealChange::Open(Box::new(unsealed)));
        }
    }

    /// The record that every batch carries: the highest time used, and the records counted.
    fn batch_record(
        &mut self,
        changes: &BTreeMap<Key, Entry>,
        random: &mut Generator,
    ) -> Option<(Key, Entry)> {
        let records = changes.values().filter(|entry| entry.record.is_some()).count();
        let sealed = self.seal.unsealed_mut()?.seal_batch_record(records, self.now, random);
        Some((seal::BATCH, fresh(sealed)))
    }

    fn change_seal(&mut self, change: SealChange) {
        let was_open = self.seal.unsealed().is_some();
        self.seal.apply(change);
        match (was_open, self.seal.unsealed().is_some()) {
            (false, true) => self.wake_chores(),
            (true, false) => {
                self.cache.seal(self.gate.durable());
                self.acls.clear();
                self.end_epoch();
            }
            (false, false) | (true, true) => {}
        }
    }

    /// Sealing ends all that is under way: what comes back of it later is not known any more. Parked
    /// requests run again, and find the server sealed; chores begin anew when it is open again.
    fn end_epoch(&mut self) {
        self.loads.clear();
        self.jobs.clear();
        self.audits.clear();
        self.tasks.clear();
        self.writers.clear();
        self.stop_chores();
        for parked in core::mem::take(&mut self.parked).into_values() {
            match parked.runner {
                Runner::Request(..) => self.run(parked.runner, parked.memo),
                Runner::Chore(_) => self.unpin(&parked.memo),
            }
        }
        for held in core::mem::take(&mut self.held).into_values() {
            self.tracer.note(Trace::Replaced(held.id, 503));
            let response = held.call.finish(Reject::Sealed.respond(Branch::Open), held.allowed);
            self.release(held.id, response, held.wait);
        }
    }

    /// The request is decided: its answer is recorded, waits for its batches, and leaves.
    fn answer(&mut self, id: RequestId, call: &Arc<Call>, memo: Memo, response: Response) {
        self.unpin(&memo);
        let response = call.finish(response, memo.allowed);
        if self.config.audit && call.is_audited() {
            let audit = AuditId(self.next_id());
            // What was refused before it was recorded is recorded as it was asked for.
            let asked = || Deed { operation: call.operation, path: call.whole_path() };
            let deed = memo.deed.clone().unwrap_or_else(asked);
            let line = call.audit_line("response", &deed, &memo.request_id(), self.now);
            let held = Held {
                id,
                call: Arc::clone(call),
                allowed: memo.allowed,
                response,
                wait: memo.wait,
            };
            self.held.insert(audit, held);
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

/// An entry of a batch that has no number yet.
fn fresh(record: Arc<[u8]>) -> Entry {
    Entry { record: Some(record), opened: None, seq: BatchSeq::START }
}

const FULL: Reject = Reject::Overloaded("too many requests are waiting");
