//! The embedded store under power loss: random batches, a crash at any call to the medium, and a
//! naive map that says what must be there afterwards.
//!
//! A run is a series of lives of one store on one medium. Each opens what the one before left,
//! compares all of it with the map, commits groups of batches until its power goes, and sometimes
//! ends in peace. What is required: every group that was acknowledged is there; the one whose commit
//! failed is there wholly or not at all; nothing else is. Everything comes from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom::store::{Cause, Embedded, Store};
use strongroom_core::{Batch, BatchSeq, Key};

use crate::disk::Image;
use crate::medium::{Fault, Medium};
use crate::random::Random;

/// Lives of one run.
const LIVES: usize = 12;
/// Calls to the medium within which the power goes; opening takes some twenty.
const CALLS_MAX: usize = 400;
/// Commits of one life at the most.
const COMMITS_MAX: usize = 40;
/// Different keys: few, so that records are replaced and deleted.
const KEYS: usize = 300;
/// Bytes of the largest record: more than a page of the engine.
const RECORD_BYTES_MAX: usize = 9_000;
/// So little that the engine evicts, and writes before it commits.
const CACHE_BYTES: usize = 64 * 1024;

/// What a run, or many, has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Groups acknowledged.
    pub commits: u64,
    /// Batches in them.
    pub batches: u64,
    /// Crashes while a store was opened.
    pub crashes_in_open: u64,
    /// Crashes in a commit.
    pub crashes_in_commit: u64,
    /// Crashes while a store was closed, or after.
    pub crashes_at_rest: u64,
    /// Groups that were there though their commits had failed.
    pub unacknowledged_kept: u64,
    /// Writes that were torn, and lost.
    pub writes_torn: u64,
    /// See above.
    pub writes_lost: u64,
    /// Records compared.
    pub records_compared: u64,
}

impl Tally {
    /// Adds what another run has seen.
    pub fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.batches += other.batches;
        self.crashes_in_open += other.crashes_in_open;
        self.crashes_in_commit += other.crashes_in_commit;
        self.crashes_at_rest += other.crashes_at_rest;
        self.unacknowledged_kept += other.unacknowledged_kept;
        self.writes_torn += other.writes_torn;
        self.writes_lost += other.writes_lost;
        self.records_compared += other.records_compared;
    }
}

/// One run.
///
/// # Errors
///
/// What was broken.
pub fn run(seed: u64) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let medium = Medium::new(Vec::new(), random.bits(), None);
    drop(Embedded::over(medium.clone(), CACHE_BYTES).map_err(|error| error.to_string())?);
    let mut medium = Medium::new(medium.crash(), random.bits(), None);
    // What must be there, and what may be there instead.
    let mut known = Known { sure: Image::new(), maybe: None };
    for life in 0..LIVES {
        let crash = (!random.one_in(6)).then(|| (count(random.below(CALLS_MAX)), Fault::Crash));
        // Sometimes only the process has died.
        medium = if random.one_in(4) {
            medium.restart(random.bits(), crash)
        } else {
            let left = medium.crash();
            let (torn, lost) = medium.damage();
            tally.writes_torn += torn;
            tally.writes_lost += lost;
            Medium::new(left, random.bits(), crash)
        };
        live(&medium, &mut known, &mut random, &mut tally)
            .map_err(|broken| format!("life {life}: {broken}"))?;
    }
    // Nothing goes wrong in the last one, and all is there.
    let medium = Medium::new(medium.crash(), random.bits(), None);
    live(&medium, &mut known, &mut random, &mut tally)?;
    Ok(tally)
}

struct Known {
    sure: Image,
    /// The same with the group whose commit failed.
    maybe: Option<Image>,
}

/// One life of the store.
fn live(
    medium: &Medium,
    known: &mut Known,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<(), String> {
    let store = match Embedded::over(medium.clone(), CACHE_BYTES) {
        Ok(store) => store,
        Err(_) if medium.hit().is_some() => {
            tally.crashes_in_open += 1;
            return Ok(());
        }
        Err(error) => return Err(format!("it does not open: {error}")),
    };
    let found = contents(&store)?;
    tally.records_compared += count(found.len());
    settle(known, found, tally)?;
    let mut last = BatchSeq::START;
    for _ in 0..random.below(COMMITS_MAX) {
        let group = group(random, last);
        last = group.last().map_or(last, |batch| batch.seq);
        let mut changed = known.sure.clone();
        group.iter().for_each(|batch| apply(&mut changed, batch));
        match store.commit(&group) {
            Ok(()) => {
                tally.commits += 1;
                tally.batches += count(group.len());
                known.sure = changed;
            }
            Err(_) if medium.hit().is_some() => {
                tally.crashes_in_commit += 1;
                known.maybe = Some(changed);
                let refused = store.commit(&group).map_err(|error| error.cause);
                return match refused {
                    Err(Cause::Refused) => Ok(()),
                    _ => Err("a commit is tried after one that failed".to_owned()),
                };
            }
            Err(error) => return Err(format!("a commit fails on a sound medium: {error}")),
        }
        // Wherever the power went, nobody may have been told of what it took.
        if medium.hit().is_some() {
            return Err("a commit is acknowledged after the power went".to_owned());
        }
    }
    if random.one_in(2) {
        drop(store);
    }
    tally.crashes_at_rest += u64::from(medium.hit().is_some());
    Ok(())
}

/// Requires that a store holds what it must, and learns which of the two it was.
fn settle(known: &mut Known, found: Image, tally: &mut Tally) -> Result<(), String> {
    let maybe = known.maybe.take();
    if found == known.sure {
        return Ok(());
    }
    if maybe.is_some_and(|maybe| maybe == found) {
        tally.unacknowledged_kept += 1;
        known.sure = found;
        return Ok(());
    }
    let lost = known.sure.iter().filter(|(key, record)| found.get(*key) != Some(*record)).count();
    Err(format!(
        "{} records are there; of {} that must be, {lost} are not or are others",
        found.len(),
        known.sure.len()
    ))
}

/// All records of a store.
fn contents(store: &dyn Store) -> Result<Image, String> {
    let snapshot = store.snapshot().map_err(|error| error.to_string())?;
    let (first, last) = (Key::from_bytes([0; Key::BYTES]), Key::from_bytes([255; Key::BYTES]));
    let records = snapshot.range(&first, &last, usize::MAX);
    Ok(records.map_err(|_| "the store cannot be read".to_owned())?.into_iter().collect())
}

/// A few batches, as a committer takes them together.
fn group(random: &mut Random, last: BatchSeq) -> Vec<Batch> {
    let count = if random.one_in(3) { 1 + random.below(12) } else { 1 };
    let mut number = last.number();
    (0..count)
        .map(|_| {
            number += 1;
            batch(random, BatchSeq::new(number))
        })
        .collect()
}

fn batch(random: &mut Random, seq: BatchSeq) -> Batch {
    let mut changes = BTreeMap::new();
    // Every batch writes one key anew, as the server's do.
    changes.insert(key(0), Some(record(random)));
    for _ in 0..random.below(6) {
        let change = if random.one_in(4) { None } else { Some(record(random)) };
        changes.insert(key(1 + random.below(KEYS)), change);
    }
    Batch { seq, changes: changes.into_iter().collect() }
}

fn key(number: usize) -> Key {
    let mut random = Random::new(count(number));
    let mut bytes = [0; Key::BYTES];
    for byte in &mut bytes {
        *byte = random.bits().to_le_bytes()[0];
    }
    Key::from_bytes(bytes)
}

fn record(random: &mut Random) -> Arc<[u8]> {
    let max = if random.one_in(10) { RECORD_BYTES_MAX } else { 600 };
    let length = random.below(max);
    std::iter::repeat_with(|| random.bits().to_le_bytes()).flatten().take(length).collect()
}

fn apply(image: &mut Image, batch: &Batch) {
    for (key, change) in &batch.changes {
        match change {
            Some(record) => drop(image.insert(*key, Arc::clone(record))),
            None => drop(image.remove(key)),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("usize fits")
}
