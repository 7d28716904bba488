//! What the core asks of the world outside: plain data, to be carried out by an adapter.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::http::Response;
use crate::job::Job;
use crate::store::Key;
use crate::task::Task;

/// Number of a batch: 1, 2, 3 and so on without a gap, from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchSeq(u64);

impl BatchSeq {
    /// What the store held when the process began.
    pub const START: Self = Self(0);

    /// The batch of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub u64);
    )*};
}

ids! {
    /// A request; the adapter's number, never used twice.
    RequestId;
    /// A load; the core's number.
    LoadId;
    /// A job; the core's number.
    JobId;
    /// An audit record; the core's number.
    AuditId;
    /// A task; the core's number.
    TaskId;
}

/// One thing for the adapter to do. Drain [`crate::Vault::poll_output`] before waiting.
#[must_use]
pub enum Output {
    /// Read these keys, then `handle_loaded`.
    Load(LoadId, Vec<Key>),
    /// Make this batch durable, whole and in order, then `handle_persisted`. A failure ends the
    /// service of the process: a retry may have half happened.
    Persist(Batch),
    /// Record this line with every audit device, then `handle_audited`.
    Audit(AuditId, String),
    /// Run this on any thread, then `handle_job`.
    Run(JobId, Job),
    /// Run this on any thread over a fresh snapshot of the store, then `handle_range`.
    Range(TaskId, Task),
    /// Send this answer: everything that it depends on is durable.
    Respond(RequestId, Response),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(id, keys) => write!(f, "Load({}, {} keys)", id.0, keys.len()),
            Self::Persist(batch) => write!(f, "Persist({})", batch.seq.0),
            Self::Audit(id, _) => write!(f, "Audit({})", id.0),
            Self::Range(id, _) => write!(f, "Range({})", id.0),
            Self::Run(id, _) => write!(f, "Run({})", id.0),
            Self::Respond(id, response) => write!(f, "Respond({}, {})", id.0, response.status()),
        }
    }
}

/// Changes that become durable together or not at all.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number.
    pub seq: BatchSeq,
    /// Records to put, and keys to delete (`None`), each key once.
    pub changes: Vec<(Key, Option<Arc<[u8]>>)>,
}

impl Batch {
    /// Bytes of keys and records.
    pub fn bytes(&self) -> usize {
        let record = |record: &Option<Arc<[u8]>>| record.as_ref().map_or(0, |record| record.len());
        self.changes.iter().map(|(_, change)| Key::BYTES + record(change)).sum()
    }
}

/// What a load found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The effects of this batch and of all before it are in what was read. Those of later ones may
    /// be in it too, if they are durable.
    pub as_of: BatchSeq,
    /// The records, in the order of the keys that were asked for.
    pub records: Vec<Option<Arc<[u8]>>>,
}

/// Something outside did not work; the adapter has logged why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;
