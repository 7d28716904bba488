//! Loads: keys that runs have missed, asked for once however many requests want them.
//!
//! Invariant: a loaded record enters the cache only if nothing newer is known: not if the key is
//! cached, and not if a write has overtaken the load since it was asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{RunId, Vault, Waiting};
use crate::effect::{BatchSeq, Failed, LoadId, Loaded, Output};
use crate::reject::Reject;
use crate::store::Key;
use crate::store::cache::Entry;

/// See the module.
#[derive(Default)]
pub(super) struct Loads {
    /// The keys, and the batch that was durable when they were asked for.
    asked: BTreeMap<LoadId, (Vec<Key>, BatchSeq)>,
    keys: BTreeMap<Key, Loading>,
}

struct Loading {
    /// A write came after the load was asked for.
    overtaken: bool,
    waiters: Vec<RunId>,
}

impl Loads {
    /// A batch writes this key.
    pub(super) fn overtake(&mut self, key: &Key) {
        if let Some(loading) = self.keys.get_mut(key) {
            loading.overtaken = true;
        }
    }

    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.keys.clear();
    }

    pub(super) fn count(&self) -> usize {
        self.asked.len()
    }
}

impl Vault {
    /// Asks for what is missing and not yet on its way, and notes who waits for it.
    pub(super) fn start_load(&mut self, id: RunId, missing: &BTreeSet<Key>) {
        let mut keys = Vec::new();
        for key in missing {
            let loading = self.loads.keys.entry(*key).or_insert_with(|| {
                keys.push(*key);
                Loading { overtaken: false, waiters: Vec::new() }
            });
            loading.waiters.push(id);
        }
        if !keys.is_empty() {
            let load = LoadId(self.next_id());
            self.loads.asked.insert(load, (keys.clone(), self.gate.durable()));
            self.outputs.push_back(Output::Load(load, keys));
        }
    }

    pub(super) fn finish_load(&mut self, load: LoadId, result: Result<Loaded, Failed>) {
        let Some((keys, durable)) = self.loads.asked.remove(&load) else { return };
        let mut woken = BTreeSet::new();
        let loaded = result.inspect(|loaded| {
            assert!(loaded.as_of <= self.gate.emitted(), "a store has what it was given");
            assert!(loaded.as_of >= durable, "a store has what it said was durable");
            assert_eq!(loaded.records.len(), keys.len(), "a load answers every key");
        });
        for (at, key) in keys.iter().enumerate() {
            let Some(loading) = self.loads.keys.remove(key) else { continue };
            if let Ok(loaded) = &loaded {
                if loading.overtaken || self.cache.get(key).is_some() {
                    self.counters.loads_overtaken += 1;
                } else {
                    let record = loaded.records.get(at).cloned().flatten();
                    self.cache.insert(*key, Entry { record, opened: None, seq: loaded.as_of });
                }
            }
            for id in loading.waiters {
                if let Some(parked) = self.parked.get_mut(&id)
                    && let Waiting::Loads(count) = &mut parked.waiting
                {
                    *count = count.saturating_sub(1);
                    if *count == 0 || loaded.is_err() {
                        woken.insert(id);
                    }
                }
            }
        }
        for id in woken {
            if loaded.is_err() {
                self.give_up_parked(id, &Reject::Internal);
            } else if let Some(parked) = self.parked.remove(&id) {
                self.run(parked.runner, parked.memo);
            }
        }
    }
}
