//! When the chores run: one page of each at a time, each page behind the durability of the one before.
//!
//! A chore looks when there may be something: after an unseal, when a batch has left a row for it, at
//! the time of the first row that is due, and again after each page until it finds nothing. However
//! many rows are left while it waits to look, it looks: only what came before counts for when.

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
use crate::store::{Key, Space};
use crate::task::{Finding, Found, Task};
use crate::time::Time;

/// Where one chore stands.
#[derive(Default)]
pub(super) struct State {
    stage: Stage,
    /// The next look; none, if nothing is known of any row.
    next: Option<Look>,
    /// What the one after it is for: all that has come since.
    later: Option<Look>,
    /// After a failure it looks at nothing for a while.
    rests_until: Time,
}

/// A look for rows.
#[derive(Clone, Copy)]
struct Look {
    at: Time,
    /// A batch that must be durable first: a snapshot shows nothing earlier.
    after: BatchSeq,
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
        let look = Look { at, after };
        match self.next {
            None => self.next = Some(look),
            Some(next) if at < next.at => {
                self.next = Some(look);
                self.put_off(next);
            }
            Some(_) => self.put_off(look),
        }
    }

    fn put_off(&mut self, look: Look) {
        self.later = Some(self.later.map_or(look, |known| Look {
            at: known.at.min(look.at),
            after: known.after.max(look.after),
        }));
    }

    /// Whether it may look now; then it is as if it had.
    fn looks(&mut self, now: Time, durable: BatchSeq) -> bool {
        let is_time = |look: Look| look.at <= now && look.after <= durable;
        let looks = matches!(self.stage, Stage::Idle)
            && self.rests_until <= now
            && self.next.is_some_and(is_time);
        if looks {
            self.next = self.later.take();
            self.stage = Stage::Looking;
        }
        looks
    }

    /// When it looks by the clock alone, if that is to come.
    fn due(&self, now: Time) -> Option<Time> {
        self.next.map(|look| look.at.max(self.rests_until)).filter(|at| *at > now)
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
            if self.chore(chore).looks(now, durable) {
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
        self.chores.values().filter_map(|state| state.due(self.now)).min()
    }

    /// A chore's task is done.
    pub(super) fn handle_chore_rows(&mut self, chore: Chore, finding: Finding) {
        let stage = core::mem::take(&mut self.chore(chore).stage);
        match (finding.0, stage) {
            (Ok(Found::Rows { rows, .. }), Stage::Looking) => match chore {
                Chore::Sweep => self.gather(&rows),
                Chore::Expire => self.expire(rows),
            },
            (Ok(Found::Rows { rows, all }), Stage::Gathering(owners)) => {
                let done = if all { owners } else { Vec::new() };
                self.start(Page::Sweep(Arc::new(sweep::Page { rows, done })));
            }
            (Ok(_), _) => {}
            (Err(_), _) => self.chore_failed(chore),
        }
    }

    /// Asks for the rows of owners that are dropped. A row that does not open leads nowhere, and goes
    /// with the others.
    fn gather(&mut self, rows: &Records) {
        let Some(unsealed) = self.seal.unsealed().filter(|_| !rows.is_empty()) else { return };
        let owners =
            rows.iter().map(|(key, sealed)| sweep::read_owner(&unsealed.barrier, key, sealed));
        let (good, bad): (Vec<_>, Vec<_>) = owners.partition(Result::is_ok);
        self.counters.corrupt += bad.len() as u64;
        let ranges = good.into_iter().flatten().flat_map(sweep::ranges_of).collect();
        let keys = rows.iter().map(|(key, _)| *key).collect();
        self.chore(Chore::Sweep).stage = Stage::Gathering(keys);
        self.put_out(Chore::Sweep, Task::rows(ranges, SWEEP_ROWS_MAX));
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
        state.rests_until = again;
        state.wake(again, BatchSeq::START);
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
