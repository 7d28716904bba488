//! When the chores run: one page of each at a time, each page behind the durability of the one before.
//!
//! A chore looks when there may be something: after an unseal, when a batch has left a row for it, at
//! the time of the first row that is due, and again after each page until it finds nothing.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Memo, RunId, Runner, Tasked, Vault};
use crate::chore::{Chore, Page, expire, sweep};
use crate::drive::Records;
use crate::effect::{Batch, BatchSeq, Output, TaskId};
use crate::limit::{
    CHORE_RETRY, EXPIRE_ROWS_MAX, REQUEST_TIME_MAX, SWEEP_OWNERS_MAX, SWEEP_ROWS_MAX,
};
use crate::random::{Generator, Phase};
use crate::reject::Corrupt;
use crate::store::{Key, Space};
use crate::task::{Finding, Found, Task};
use crate::time::Time;

/// Where one chore stands.
#[derive(Default)]
pub(super) struct State {
    stage: Stage,
    /// When to look for rows; never, if nothing is known of any.
    look_at: Option<Time>,
    /// A batch that must be durable first: a snapshot shows nothing earlier.
    look_after: BatchSeq,
}

#[derive(Default)]
enum Stage {
    #[default]
    Idle,
    /// A task looks for rows.
    Looking,
    /// A task looks for the rows of these owners, whose own rows have these keys.
    Gathering(Vec<Key>),
    /// A page is being done.
    Running,
}

impl State {
    /// There may be something to do from a time on, once a batch is durable.
    fn wake(&mut self, at: Time, after: BatchSeq) {
        self.look_at = Some(self.look_at.map_or(at, |known| known.min(at)));
        self.look_after = self.look_after.max(after);
    }
}

impl Vault {
    /// The server is open: nothing is known of what is to do. Rows from before it was sealed may be on
    /// their way to the store.
    pub(super) fn wake_chores(&mut self) {
        let emitted = self.gate.emitted();
        for chore in Chore::ALL {
            self.chores.insert(chore, State::default());
            self.chore(chore).wake(Time::default(), emitted);
        }
    }

    /// The server is sealed.
    pub(super) fn stop_chores(&mut self) {
        self.chores.clear();
    }

    /// Looks whether a batch leaves something to do.
    pub(super) fn note_chores(&mut self, batch: &Batch) {
        for (key, record) in &batch.changes {
            if record.is_none() {
                continue;
            }
            if let Some(due) = key.due() {
                self.chore(Chore::Expire).wake(due, batch.seq);
            } else if key.is_in(Space::Task) {
                self.chore(Chore::Sweep).wake(Time::default(), batch.seq);
            }
        }
    }

    /// Lets every chore look for rows that may do so now.
    pub(super) fn tend_chores(&mut self) {
        if self.seal.unsealed().is_none() {
            return;
        }
        for chore in Chore::ALL {
            let (now, durable) = (self.now, self.gate.durable());
            let state = self.chore(chore);
            let is_time = state.look_at.is_some_and(|at| at <= now) && state.look_after <= durable;
            if is_time && matches!(state.stage, Stage::Idle) {
                state.look_at = None;
                state.stage = Stage::Looking;
                let (range, count_max) = match chore {
                    Chore::Sweep => (sweep::owners_range(), SWEEP_OWNERS_MAX),
                    Chore::Expire => (expire::range(), EXPIRE_ROWS_MAX),
                };
                self.put_out(chore, Task::rows(alloc::vec![range], count_max));
            }
        }
    }

    /// When a chore is to look next.
    pub(super) fn next_chore(&self) -> Option<Time> {
        let due = self.chores.values().filter_map(|state| state.look_at);
        due.filter(|at| *at > self.now).min()
    }

    /// A chore's task is done.
    pub(super) fn handle_chore_rows(&mut self, chore: Chore, finding: Finding) {
        let stage = core::mem::take(&mut self.chore(chore).stage);
        let done = match (finding.0, stage) {
            (Ok(Found::Rows { rows, .. }), Stage::Looking) => match chore {
                Chore::Sweep => self.gather(&rows),
                Chore::Expire => {
                    self.expire(rows);
                    Ok(())
                }
            },
            (Ok(Found::Rows { rows, all }), Stage::Gathering(owners)) => {
                let done = if all { owners } else { Vec::new() };
                self.start(Page::Sweep(Arc::new(sweep::Page { rows, done })));
                Ok(())
            }
            (Ok(_), _) => Ok(()),
            (Err(_), _) => Err(Corrupt("the task gave nothing")),
        };
        if done.is_err() {
            self.chore_failed(chore);
        }
    }

    /// Asks for the rows of owners that are dropped.
    fn gather(&mut self, rows: &Records) -> Result<(), Corrupt> {
        let Some(unsealed) = self.seal.unsealed().filter(|_| !rows.is_empty()) else {
            return Ok(());
        };
        let mut ranges = Vec::new();
        for (key, sealed) in rows {
            ranges.extend(sweep::ranges_of(sweep::read_owner(&unsealed.barrier, key, sealed)?));
        }
        let keys = rows.iter().map(|(key, _)| *key).collect();
        self.chore(Chore::Sweep).stage = Stage::Gathering(keys);
        self.put_out(Chore::Sweep, Task::rows(ranges, SWEEP_ROWS_MAX));
        Ok(())
    }

    /// Ends what is due, or waits until the first row is.
    fn expire(&mut self, mut rows: Records) {
        let now = self.now;
        if let Some(at) = rows.iter().position(|(key, _)| key.due().is_none_or(|due| due > now)) {
            let next = rows.get(at).and_then(|(key, _)| key.due());
            if let Some(next) = next {
                self.chore(Chore::Expire).wake(next, BatchSeq::START);
            }
            rows.truncate(at);
        }
        if !rows.is_empty() {
            self.start(Page::Expire(Arc::new(expire::Page { rows })));
        }
    }

    fn start(&mut self, page: Page) {
        let chore = page.chore();
        self.chore(chore).stage = Stage::Running;
        let phase = match chore {
            Chore::Sweep => Phase::Sweep,
            Chore::Expire => Phase::Expire,
        };
        let seed = Generator::new(&self.seed, phase).array();
        self.run(Runner::Chore(page), Memo::new(seed, self.now, REQUEST_TIME_MAX));
    }

    /// A page is committed: there may be another.
    pub(super) fn chore_done(&mut self, id: RunId, seq: BatchSeq) {
        if let RunId::Chore(chore) = id {
            self.counters.chore_pages += 1;
            let state = self.chore(chore);
            state.stage = Stage::Idle;
            state.wake(Time::default(), seq);
        }
    }

    /// Something outside did not work. What is to do stays where it is.
    pub(super) fn chore_failed(&mut self, chore: Chore) {
        self.counters.chores_failed += 1;
        let again = self.now.after(CHORE_RETRY);
        let state = self.chore(chore);
        state.stage = Stage::Idle;
        state.look_at = Some(again);
    }

    fn put_out(&mut self, chore: Chore, task: Task) {
        let id = TaskId(self.next_id());
        self.tasks.insert(id, Tasked::Chore(chore));
        self.outputs.push_back(Output::Range(id, task));
    }

    fn chore(&mut self, chore: Chore) -> &mut State {
        self.chores.entry(chore).or_default()
    }
}
