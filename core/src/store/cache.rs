//! The cache in front of the store: sealed records, some of them beside their opened form, and absences.
//!
//! Invariants: an entry that is not yet durable, or that a parked request has pinned, is never
//! evicted; everything else may go at any time and changes no answer. Absences have a budget of
//! their own. An entry carries the batch that it reflects, and an answer that read it waits for that
//! batch.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::any::Any;
use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use super::Key;
use crate::effect::BatchSeq;
use crate::reject::Corrupt;
use crate::seal::Barrier;

/// What is known of one key.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The sealed record; `None` if there is none.
    pub(crate) record: Option<Arc<[u8]>>,
    /// The record opened, if it is of a kind that is kept so and was opened.
    pub(crate) opened: Option<Opened>,
    /// The batch that this reflects.
    pub(crate) seq: BatchSeq,
}

impl Entry {
    fn bytes(&self) -> usize {
        // The table's slot, the ring's, and the allocations.
        ENTRY_BYTES
            + self.record.as_ref().map_or(0, |record| record.len() + 16)
            + self.opened.as_ref().map_or(0, |opened| opened.bytes)
    }

    /// Bytes that this takes in the store.
    pub(crate) fn stored_bytes(&self) -> usize {
        Key::BYTES + self.record.as_ref().map_or(0, |record| record.len())
    }

    fn class(&self) -> Class {
        if self.record.is_some() { Class::Record } else { Class::Absence }
    }
}

/// What is kept opened: records that many requests read. The value of a secret is never kept so. Sealing
/// drops the forms, and each wipes what it holds that should not stay in memory.
pub(crate) trait Form: Any + Send + Sync + Sized {
    /// Reads the payload of a record. The barrier gives the keys of records that this one leads to.
    fn decode(payload: &[u8], barrier: &Barrier) -> Result<Self, Corrupt>;

    /// Bytes of memory behind this.
    fn bytes(&self) -> usize;
}

/// A record in its opened form.
#[derive(Clone)]
pub(crate) struct Opened {
    form: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Opened {
    pub(crate) fn new<F: Form>(form: Arc<F>) -> Self {
        let bytes = SHARED_BYTES + size_of::<F>() + form.bytes();
        Self { form, bytes }
    }

    /// The form, if it is this one.
    pub(crate) fn get<F: Form>(&self) -> Option<Arc<F>> {
        Arc::clone(&self.form).downcast().ok()
    }
}

/// Counters of what is shared, and what the allocator adds.
const SHARED_BYTES: usize = 32;

/// Left-over places that a ring may have whatever its size.
const RING_SLACK: usize = 64;
/// Places that the hand of a ring passes in one step at most. A step adds a few.
const TURNS_MAX: usize = 512;

const ENTRY_BYTES: usize = size_of::<Slot>() + 2 * Key::BYTES + 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Record,
    Absence,
}

struct Slot {
    entry: Entry,
    /// Used since the hand last came by.
    used: bool,
    /// Which place in its ring is this key's; others are left over from before.
    stamp: u64,
}

/// See the module.
pub(crate) struct Cache {
    slots: HashMap<Key, Slot, BuildHasherDefault<TailHasher>>,
    records: Ring,
    absences: Ring,
    last_stamp: u64,
    /// Parked requests that want a key kept, whether or not it is here yet.
    pins: BTreeMap<Key, u32>,
}

/// The keys of one class in the order in which the hand comes by (second chance).
struct Ring {
    keys: VecDeque<(Key, u64)>,
    bytes: usize,
    budget: usize,
}

impl Ring {
    const fn new(budget: usize) -> Self {
        Self { keys: VecDeque::new(), bytes: 0, budget }
    }
}

impl Cache {
    pub(crate) fn new(budget: usize, absence_budget: usize) -> Self {
        Self {
            slots: HashMap::default(),
            records: Ring::new(budget),
            absences: Ring::new(absence_budget),
            last_stamp: 0,
            pins: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&mut self, key: &Key) -> Option<&Entry> {
        let slot = self.slots.get_mut(key)?;
        slot.used = true;
        Some(&slot.entry)
    }

    /// Keeps the opened form of a record with it.
    pub(crate) fn attach(&mut self, key: &Key, opened: Opened) {
        if let Some(slot) = self.slots.get_mut(key) {
            self.records.bytes -= slot.entry.bytes();
            slot.entry.opened = Some(opened);
            self.records.bytes += slot.entry.bytes();
        }
    }

    /// Sets what is known of a key.
    pub(crate) fn insert(&mut self, key: Key, entry: Entry) {
        let class = entry.class();
        let bytes = entry.bytes();
        let before = self.slots.get(&key).map(|slot| (slot.entry.class(), slot.stamp));
        self.evict(&key);
        let stamp = match before {
            Some((before, stamp)) if before == class => stamp,
            // The place in the other ring is left over.
            Some(_) | None => self.enter(key, class),
        };
        self.slots.insert(key, Slot { entry, used: false, stamp });
        self.ring(class).bytes += bytes;
    }

    /// Gives a key a place in a ring. Left-over places are swept out before they outnumber the others.
    fn enter(&mut self, key: Key, class: Class) -> u64 {
        self.last_stamp += 1;
        let stamp = self.last_stamp;
        if self.ring(class).keys.len() > 2 * self.slots.len() + RING_SLACK {
            self.sweep(class);
        }
        self.ring(class).keys.push_back((key, stamp));
        stamp
    }

    fn sweep(&mut self, class: Class) {
        let mut keys = core::mem::take(&mut self.ring(class).keys);
        keys.retain(|(key, stamp)| self.slots.get(key).is_some_and(|slot| slot.stamp == *stamp));
        self.ring(class).keys = keys;
    }

    pub(crate) fn pin(&mut self, key: Key) {
        *self.pins.entry(key).or_default() += 1;
    }

    pub(crate) fn unpin(&mut self, key: &Key) {
        if let Some(count) = self.pins.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(key);
            }
        }
    }

    pub(crate) fn pin_count(&self) -> usize {
        self.pins.len()
    }

    /// Evicts until both budgets hold, or the hand has moved far enough for one step: what may not go
    /// yet must not make every step walk through all of it.
    pub(crate) fn shrink(&mut self, durable: BatchSeq) {
        for class in [Class::Record, Class::Absence] {
            // Twice around: the first turn takes the marks of use, the second evicts.
            let mut turns = (self.ring(class).keys.len() * 2).min(TURNS_MAX);
            while turns > 0 && self.ring(class).bytes > self.ring(class).budget {
                turns -= 1;
                self.turn(class, durable);
            }
        }
    }

    /// One step of the hand.
    fn turn(&mut self, class: Class, durable: BatchSeq) {
        let Some((key, stamp)) = self.ring(class).keys.pop_front() else { return };
        let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.stamp == stamp) else {
            return;
        };
        let kept = core::mem::take(&mut slot.used)
            || slot.entry.seq > durable
            || self.pins.contains_key(&key);
        if kept {
            self.ring(class).keys.push_back((key, stamp));
        } else {
            self.evict(&key);
        }
    }

    fn evict(&mut self, key: &Key) {
        if let Some(slot) = self.slots.remove(key) {
            self.ring(slot.entry.class()).bytes -= slot.entry.bytes();
        }
    }

    /// Forgets every entry that may go and for which `chosen` says so.
    pub(crate) fn forget(&mut self, durable: BatchSeq, mut chosen: impl FnMut(&Key) -> bool) {
        let keys: BTreeMap<Key, BatchSeq> =
            self.slots.iter().map(|(key, slot)| (*key, slot.entry.seq)).collect();
        for (key, seq) in keys {
            if seq <= durable && !self.pins.contains_key(&key) && chosen(&key) {
                self.evict(&key);
            }
        }
        self.sweep(Class::Record);
        self.sweep(Class::Absence);
    }

    /// Drops everything that was opened, and all that the store has as well.
    pub(crate) fn seal(&mut self, durable: BatchSeq) {
        self.forget(durable, |_| true);
        for slot in self.slots.values_mut() {
            let before = slot.entry.bytes();
            slot.entry.opened = None;
            self.records.bytes -= before - slot.entry.bytes();
        }
    }

    /// Bytes of records and pages, and of absences.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.records.bytes, self.absences.bytes)
    }

    fn ring(&mut self, class: Class) -> &mut Ring {
        match class {
            Class::Record => &mut self.records,
            Class::Absence => &mut self.absences,
        }
    }
}

/// Keys end in the output of a keyed hash: eight bytes of it are as good as any hash, and nobody
/// outside can choose them.
#[derive(Default)]
pub(crate) struct TailHasher(u64);

impl Hasher for TailHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, tail: u64) {
        self.0 = tail;
    }
}

impl core::hash::Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.tail());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(alloc::string::String);

    impl Form for Text {
        fn decode(_: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
            Err(Corrupt("there are no such records"))
        }

        fn bytes(&self) -> usize {
            self.0.len()
        }
    }

    struct Other;

    impl Form for Other {
        fn decode(_: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
            Ok(Self)
        }

        fn bytes(&self) -> usize {
            0
        }
    }

    #[test]
    fn gives_an_opened_record_as_what_it_is_alone() {
        let opened = Opened::new(Arc::new(Text("x".into())));
        assert!(opened.get::<Text>().is_some_and(|text| text.0 == "x"));
        assert!(opened.get::<Other>().is_none());
    }

    const DURABLE: BatchSeq = BatchSeq::new(5);

    fn entry(length: Option<usize>, seq: u64) -> Entry {
        let record = length.map(|length| alloc::vec![0; length].into());
        Entry { record, opened: None, seq: BatchSeq::new(seq) }
    }

    #[test]
    fn keeps_its_budgets_apart() {
        let mut cache = Cache::new(10_000, 2_000);
        for number in 0..100 {
            cache.insert(Key::fixed(number), entry(Some(500), 1));
            cache.insert(Key::fixed(number + 100), entry(None, 1));
            cache.shrink(DURABLE);
            let (records, absences) = cache.bytes();
            assert!(records <= 10_000 && absences <= 2_000, "{records} {absences}");
        }
        let (records, absences) = cache.bytes();
        assert!(records > 9_000 && absences > 1_500, "{records} {absences}");
    }

    #[test]
    fn never_evicts_what_is_pinned_or_not_durable() {
        let mut cache = Cache::new(0, 0);
        cache.insert(Key::fixed(1), entry(Some(10), 6));
        cache.insert(Key::fixed(2), entry(Some(10), 5));
        cache.insert(Key::fixed(3), entry(None, 5));
        cache.insert(Key::fixed(4), entry(None, 6));
        cache.pin(Key::fixed(3));
        cache.shrink(DURABLE);
        let here =
            |cache: &mut Cache| [1, 2, 3, 4].map(|key| cache.get(&Key::fixed(key)).is_some());
        assert_eq!(here(&mut cache), [true, false, true, true]);
        cache.unpin(&Key::fixed(3));
        cache.shrink(BatchSeq::new(6));
        cache.shrink(BatchSeq::new(6));
        assert_eq!(here(&mut cache), [false, false, false, false]);
        assert_eq!(cache.bytes(), (0, 0));
    }

    #[test]
    fn keeps_its_rings_short_however_often_a_key_comes_and_goes() {
        let mut cache = Cache::new(1 << 20, 1 << 20);
        for _ in 0..10_000 {
            cache.insert(Key::fixed(1), entry(Some(10), 1));
            cache.insert(Key::fixed(1), entry(None, 1));
        }
        assert!(cache.records.keys.len() + cache.absences.keys.len() < 3 * RING_SLACK);
    }

    #[test]
    fn counts_bytes_through_every_change() {
        let mut cache = Cache::new(1 << 20, 1 << 20);
        let key = Key::fixed(1);
        for length in [Some(10), Some(700), None, None, Some(3)] {
            cache.insert(key, entry(length, 1));
        }
        for length in [70, 7] {
            cache.attach(&key, Opened::new(Arc::new(Text("x".repeat(length)))));
        }
        cache.seal(BatchSeq::new(0));
        let (records, absences) = cache.bytes();
        assert_eq!((records, absences), (entry(Some(3), 1).bytes(), 0));
        cache.forget(DURABLE, |_| true);
        assert_eq!(cache.bytes(), (0, 0));
    }
}
