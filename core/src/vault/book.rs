//! What the machine counts, and what it holds at this moment: for tests and operators.

use super::Vault;

/// What has happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs that began again after a miss.
    pub runs_repeated: u64,
    /// Loaded records that were dropped because a write had come in between.
    pub loads_overtaken: u64,
    /// Answers that had to wait for a batch.
    pub answers_held: u64,
    /// Batches handed out.
    pub batches: u64,
    /// Writers that had to wait for room.
    pub writers_queued: u64,
    /// Records that did not open.
    pub corrupt: u64,
    /// Pages of background work that were done.
    pub chore_pages: u64,
    /// Times that background work failed, to be tried again.
    pub chores_failed: u64,
}

/// What is under way. All of it is zero when nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Requests between two runs.
    pub parked: usize,
    /// Loads.
    pub loads: usize,
    /// Jobs.
    pub jobs: usize,
    /// Tasks.
    pub tasks: usize,
    /// Audit records, of requests and of answers.
    pub audits: usize,
    /// Answers at the gate.
    pub gated: usize,
    /// Keys that requests hold in the cache.
    pub pins: usize,
    /// Requests that wait for room.
    pub writers: usize,
}

impl Vault {
    /// What has happened since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What is under way.
    pub fn books(&self) -> Books {
        Books {
            parked: self.parked.len(),
            loads: self.loads.count(),
            jobs: self.jobs.len(),
            tasks: self.tasks.len(),
            audits: self.audits.len() + self.held.len(),
            gated: self.gate.waiting_count(),
            pins: self.cache.pin_count(),
            writers: self.writers.len(),
        }
    }

    /// Bytes that the cache holds: records and pages, and absences.
    pub fn cache_bytes(&self) -> (usize, usize) {
        self.cache.bytes()
    }
}
