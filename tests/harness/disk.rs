//! A disk that does everything a disk may do: it is late, answers out of order, fails, and forgets at
//! a crash whatever it was not asked to keep.
//!
//! Batches go through three stages: queued, applied (in the live image, which loads read), durable.
//! A crash keeps the durable ones and, as it likes, some of the applied ones after them, in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use strongroom_core::{Batch, BatchSeq, Failed, Key, LoadId, Loaded};

use crate::random::Random;

/// What the disk holds: records by key.
pub type Image = BTreeMap<Key, Arc<[u8]>>;

/// See the module.
#[derive(Debug, Default)]
pub struct Disk {
    queued: VecDeque<Batch>,
    /// Applied and not durable.
    applied: VecDeque<Batch>,
    live: Image,
    durable: Image,
    last_applied: BatchSeq,
    last_durable: BatchSeq,
    asked: Vec<(LoadId, Vec<Key>)>,
    read: Vec<(LoadId, Loaded)>,
}

impl Disk {
    /// A disk after a crash or at the very start.
    pub fn from_image(image: Image) -> Self {
        Self { live: image.clone(), durable: image, ..Self::default() }
    }

    /// Takes a batch.
    pub fn persist(&mut self, batch: Batch) {
        self.queued.push_back(batch);
    }

    /// Takes a load.
    pub fn load(&mut self, id: LoadId, keys: Vec<Key>) {
        self.asked.push((id, keys));
    }

    /// The last batch that is durable.
    pub fn durable(&self) -> BatchSeq {
        self.last_durable
    }

    /// What would be left if the power went now, at the least.
    pub fn durable_image(&self) -> &Image {
        &self.durable
    }

    /// Whether a batch is not yet durable.
    pub fn has_batches(&self) -> bool {
        !self.queued.is_empty() || !self.applied.is_empty()
    }

    /// Whether a load is not yet delivered.
    pub fn has_loads(&self) -> bool {
        !self.asked.is_empty() || !self.read.is_empty()
    }

    /// Applies the next batch to the live image.
    pub fn apply(&mut self) {
        if let Some(batch) = self.queued.pop_front() {
            assert_eq!(batch.seq.number(), self.last_applied.number() + 1, "batches have no gap");
            change(&mut self.live, &batch);
            self.last_applied = batch.seq;
            self.applied.push_back(batch);
        }
    }

    /// Makes everything that is applied durable. Gives the last batch if there is a new one.
    pub fn sync(&mut self) -> Option<BatchSeq> {
        if self.applied.is_empty() {
            return None;
        }
        for batch in self.applied.drain(..) {
            change(&mut self.durable, &batch);
            self.last_durable = batch.seq;
        }
        Some(self.last_durable)
    }

    /// Reads for one of the loads that were asked for, whichever.
    pub fn read(&mut self, random: &mut Random) {
        if self.asked.is_empty() {
            return;
        }
        let (id, keys) = self.asked.swap_remove(random.below(self.asked.len()));
        let records = keys.iter().map(|key| self.live.get(key).cloned()).collect();
        self.read.push((id, Loaded { as_of: self.last_applied, records }));
    }

    /// Delivers one of the loads that were read, whichever.
    pub fn deliver(&mut self, random: &mut Random) -> Option<(LoadId, Loaded)> {
        if self.read.is_empty() {
            return None;
        }
        Some(self.read.swap_remove(random.below(self.read.len())))
    }

    /// Fails one of the loads that were asked for.
    pub fn fail(&mut self, random: &mut Random) -> Option<(LoadId, Failed)> {
        if self.asked.is_empty() {
            return None;
        }
        let (id, _) = self.asked.swap_remove(random.below(self.asked.len()));
        Some((id, Failed))
    }

    /// The power goes. Gives what is left, and the last batch in it.
    pub fn crash(mut self, random: &mut Random) -> (Image, BatchSeq) {
        let kept = random.below(self.applied.len() + 1);
        for batch in self.applied.drain(..kept) {
            change(&mut self.durable, &batch);
            self.last_durable = batch.seq;
        }
        (self.durable, self.last_durable)
    }
}

fn change(image: &mut Image, batch: &Batch) {
    for (key, change) in &batch.changes {
        match change {
            Some(record) => drop(image.insert(*key, Arc::clone(record))),
            None => drop(image.remove(key)),
        }
    }
}
