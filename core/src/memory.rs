//! A store in memory: for development servers, for tests, and for those who embed the core.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::drive::{Read, Records, Snapshot};
use crate::effect::{Batch, BatchSeq, Failed, Loaded};
use crate::store::Key;

/// An ordered map of records. What is committed is as durable as the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    records: BTreeMap<Key, Arc<[u8]>>,
    committed: BatchSeq,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store of these records, as a process finds it at its start.
    pub fn from_records(records: BTreeMap<Key, Arc<[u8]>>) -> Self {
        Self { records, committed: BatchSeq::START }
    }

    /// Takes a batch in, whole. Batches come in order.
    ///
    /// # Panics
    ///
    /// If the batch is not the next one.
    pub fn commit(&mut self, batch: &Batch) {
        assert_eq!(batch.seq.number(), self.committed.number() + 1, "batches come in order");
        for (key, change) in &batch.changes {
            match change {
                Some(record) => drop(self.records.insert(*key, Arc::clone(record))),
                None => drop(self.records.remove(key)),
            }
        }
        self.committed = batch.seq;
    }

    /// The last batch that was taken in.
    pub fn committed(&self) -> BatchSeq {
        self.committed
    }

    /// All records in the order of their keys.
    pub fn records(&self) -> &BTreeMap<Key, Arc<[u8]>> {
        &self.records
    }
}

impl Read for MemoryStore {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        let records = keys.iter().map(|key| self.records.get(key).cloned()).collect();
        Ok(Loaded { as_of: self.committed, records })
    }
}

/// A copy of it is a snapshot; so is the store itself, while nothing is committed.
impl Snapshot for MemoryStore {
    fn range(&self, first: &Key, last: &Key, count_max: usize) -> Result<Records, Failed> {
        if first > last {
            return Ok(Records::new());
        }
        let records = self.records.range(first..=last).take(count_max);
        Ok(records.map(|(key, record)| (*key, Arc::clone(record))).collect())
    }
}
