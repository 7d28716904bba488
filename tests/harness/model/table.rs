//! A map that remembers: which batch changed a row last, and what it takes to go back to what is durable.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::RangeFrom;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// The batches of rows that are not durable yet, absent ones too.
    seqs: BTreeMap<K, u64>,
    /// Batch, row, and what it was before.
    journal: Vec<(u64, K, Option<V>)>,
    /// The last batch of what was looked at.
    read: Cell<u64>,
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    pub(super) fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            seqs: BTreeMap::new(),
            journal: Vec::new(),
            read: Cell::new(0),
        }
    }

    /// A row, as one of those that an answer depends on.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        if let Some(seq) = self.seqs.get(key) {
            self.read.set(self.read.get().max(*seq));
        }
        self.rows.get(key)
    }

    /// A row that the answer need not depend on.
    pub(super) fn peek(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(super) fn range(&self, from: RangeFrom<K>) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(from)
    }

    pub(super) fn set(&mut self, seq: u64, key: K, value: Option<V>) {
        let before = match value {
            Some(value) => self.rows.insert(key.clone(), value),
            None => self.rows.remove(&key),
        };
        self.seqs.insert(key.clone(), seq);
        self.journal.push((seq, key, before));
    }

    /// A row that was always there.
    pub(super) fn plant(&mut self, key: K, value: V) {
        self.rows.insert(key, value);
    }

    /// The last batch of what was looked at since the last call.
    pub(super) fn take_read(&self) -> u64 {
        self.read.take()
    }

    /// Every batch up to this one is durable.
    pub(super) fn forget_undo(&mut self, durable: u64) {
        self.journal.retain(|(seq, ..)| *seq > durable);
        self.seqs.retain(|_, seq| *seq > durable);
    }

    /// Every batch after this one is lost, and a new process numbers its own from the start.
    pub(super) fn crash(&mut self, survived: u64) {
        while let Some((seq, key, before)) = self.journal.pop() {
            if seq > survived {
                restore(&mut self.rows, &key, before);
            }
        }
        self.seqs.clear();
    }

    /// The map as it is durable.
    pub(super) fn as_durable(&self) -> Self {
        let mut rows = self.rows.clone();
        for (_, key, before) in self.journal.iter().rev() {
            restore(&mut rows, key, before.clone());
        }
        Self { rows, ..Self::new() }
    }
}

fn restore<K: Ord + Clone, V>(rows: &mut BTreeMap<K, V>, key: &K, before: Option<V>) {
    match before {
        Some(before) => drop(rows.insert(key.clone(), before)),
        None => drop(rows.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_back_to_what_survives() {
        let mut table = Table::new();
        table.plant("a", 1);
        table.set(1, "a", Some(2));
        table.set(2, "b", Some(3));
        table.set(3, "a", None);
        let shown = |table: &Table<_, _>| table.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>();
        assert_eq!(shown(&table.as_durable()), [("a", 1)]);
        table.forget_undo(1);
        assert_eq!(shown(&table.as_durable()), [("a", 2)]);
        assert_eq!((table.get(&"a"), table.take_read(), table.take_read()), (None, 3, 0));
        table.crash(2);
        assert_eq!(shown(&table), [("a", 2), ("b", 3)]);
        assert_eq!((table.get(&"a"), table.take_read()), (Some(&2), 0));
    }
}
