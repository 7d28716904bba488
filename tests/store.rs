//! What every store must do: one suite for the store in memory and for the embedded one, over a file
//! and over a medium of the harness; and what the embedded one does when its medium fails.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use strongroom::store::{Cause, Embedded, FileLayer, Memory, Store};
use strongroom_core::{Batch, BatchSeq, Failed, Key, Read, Records};
use strongroom_tests::medium::{Ask, Fault, Medium};

use crate::process::Folder;

/// So little that the engine reads and writes in the middle of commits.
const SMALL_CACHE: usize = 16 * 1024;

/// Requires something of a new store of each kind.
fn each(law: impl Fn(&dyn Store)) {
    law(&Memory::new());
    let folder = Folder::new();
    law(&Embedded::open(&folder.path().join("data"), SMALL_CACHE).unwrap());
    law(&Embedded::over(Medium::new(Vec::new(), 0, None), SMALL_CACHE).unwrap());
}

fn key(number: u8) -> Key {
    Key::from_bytes([number; Key::BYTES])
}

fn batch(seq: u64, changes: &[(u8, Option<&str>)]) -> Batch {
    let change = |(number, text): &(u8, Option<&str>)| (key(*number), text.map(record));
    Batch { seq: BatchSeq::new(seq), changes: changes.iter().map(change).collect() }
}

fn record(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

fn text(record: Option<&Arc<[u8]>>) -> Option<&str> {
    record.map(|record| std::str::from_utf8(record).unwrap())
}

/// What a store says of some keys.
fn read(store: &dyn Store, numbers: &[u8]) -> Vec<Option<String>> {
    let keys: Vec<Key> = numbers.iter().map(|number| key(*number)).collect();
    let loaded = store.read(&keys).unwrap();
    loaded.records.iter().map(|record| text(record.as_ref()).map(str::to_owned)).collect()
}

fn names(records: &Records) -> Vec<(u8, &str)> {
    records.iter().map(|(key, record)| (key.as_bytes()[0], text(Some(record)).unwrap())).collect()
}

#[test]
fn reads_see_the_last_commit() {
    each(|store| {
        let loaded = store.read(&[key(1), key(2)]).unwrap();
        assert_eq!(loaded.as_of, BatchSeq::START);
        assert_eq!(loaded.records, [None, None]);
        store.commit(&[batch(1, &[(1, Some("a")), (2, Some(""))])]).unwrap();
        store.commit(&[batch(2, &[(1, Some("b")), (3, Some("c"))])]).unwrap();
        assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(2));
        let found = read(store, &[3, 1, 4, 2, 1]);
        assert_eq!(
            found,
            [Some("c"), Some("b"), None, Some(""), Some("b")].map(|t| t.map(str::to_owned))
        );
    });
}

#[test]
fn one_commit_takes_many_batches_in_order() {
    each(|store| {
        let batches = [
            batch(1, &[(1, Some("a")), (2, Some("a"))]),
            batch(2, &[(1, None), (3, Some("b"))]),
            batch(3, &[(1, Some("c")), (2, None)]),
        ];
        store.commit(&batches).unwrap();
        assert_eq!(read(store, &[1, 2, 3]), [Some("c".into()), None, Some("b".into())]);
        assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(3));
        store.commit(&[]).unwrap();
        assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(3));
        store.commit(&[batch(4, &[])]).unwrap();
        assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(4));
    });
}

#[test]
fn keeps_large_records_and_deletes_them() {
    each(|store| {
        let large = "x".repeat(3_000_000);
        store.commit(&[batch(1, &[(1, Some(&large)), (2, Some("a"))])]).unwrap();
        assert_eq!(read(store, &[1, 2]), [Some(large), Some("a".into())]);
        store.commit(&[batch(2, &[(1, None), (9, None)])]).unwrap();
        assert_eq!(read(store, &[1, 2]), [None, Some("a".into())]);
    });
}

#[test]
fn a_snapshot_does_not_move() {
    each(|store| {
        store.commit(&[batch(1, &[(1, Some("a")), (2, Some("a"))])]).unwrap();
        let before = store.snapshot().unwrap();
        store.commit(&[batch(2, &[(1, Some("b")), (2, None), (3, Some("b"))])]).unwrap();
        let after = store.snapshot().unwrap();
        for seq in 3..40 {
            let filling = "y".repeat(5_000);
            store.commit(&[batch(seq, &[(1, Some(&filling)), (4, Some(&filling))])]).unwrap();
        }
        let all = |snapshot: &dyn strongroom_core::Snapshot| {
            snapshot.range(&key(0), &key(255), 9).unwrap()
        };
        assert_eq!(names(&all(&*before)), [(1, "a"), (2, "a")]);
        assert_eq!(names(&all(&*after)), [(1, "b"), (3, "b")]);
        let loaded = before.read(&[key(3), key(2)]).unwrap();
        assert_eq!(loaded.as_of, BatchSeq::new(1));
        assert_eq!(loaded.records, [None, Some(record("a"))]);
        assert_eq!(after.read(&[]).unwrap().as_of, BatchSeq::new(2));
    });
}

#[test]
fn a_range_has_both_bounds_an_order_and_a_limit() {
    /// Bounds, the limit, and what comes.
    const CASES: [(u8, u8, usize, &[u8]); 9] = [
        (0, 255, 99, &[1, 2, 3, 7]),
        (1, 7, 99, &[1, 2, 3, 7]),
        (2, 3, 99, &[2, 3]),
        (2, 2, 99, &[2]),
        (4, 6, 99, &[]),
        (8, 255, 99, &[]),
        (7, 1, 99, &[]),
        (0, 255, 2, &[1, 2]),
        (0, 255, 0, &[]),
    ];
    each(|store| {
        let empty = store.snapshot().unwrap();
        assert_eq!(empty.range(&key(0), &key(255), 9), Ok(Records::new()));
        let changes: Vec<(u8, Option<&str>)> = [7, 2, 1, 3].map(|n| (n, Some("r"))).to_vec();
        store.commit(&[batch(1, &changes)]).unwrap();
        let snapshot = store.snapshot().unwrap();
        for (first, last, limit, expected) in CASES {
            let found = snapshot.range(&key(first), &key(last), limit).unwrap();
            let found: Vec<u8> = found.iter().map(|(key, _)| key.as_bytes()[0]).collect();
            assert_eq!(found, expected, "{first}..={last} of {limit}");
        }
    });
}

#[test]
#[should_panic(expected = "batches come in order")]
fn the_store_in_memory_takes_no_batch_out_of_order() {
    Memory::new().commit(&[batch(2, &[])]).unwrap();
}

#[test]
#[should_panic(expected = "batches come in order")]
fn the_embedded_store_takes_no_batch_out_of_order() {
    let store = Embedded::over(Medium::new(Vec::new(), 0, None), SMALL_CACHE).unwrap();
    store.commit(&[batch(1, &[]), batch(1, &[])]).unwrap();
}

#[test]
fn a_reader_beside_a_writer_sees_whole_batches_and_all_that_it_is_promised() {
    const BATCHES: u64 = 300;
    each(|store| {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for first in (1..BATCHES).step_by(3) {
                    let batches: Vec<Batch> = (first..first + 3)
                        .map(|seq| {
                            let number = seq.to_string();
                            batch(seq, &[(1, Some(&number)), (2, Some(&number))])
                        })
                        .collect();
                    store.commit(&batches).unwrap();
                }
                done.store(true, Ordering::Release);
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Acquire) {
                        let loaded = store.read(&[key(1), key(2)]).unwrap();
                        assert_eq!(loaded.records[0], loaded.records[1]);
                        let seen =
                            text(loaded.records[0].as_ref()).map_or(0, |t| t.parse().unwrap());
                        assert!(seen >= loaded.as_of.number(), "{seen} {:?}", loaded.as_of);
                        assert!(seen >= last && seen.is_multiple_of(3), "{seen} after {last}");
                        last = seen;
                    }
                });
            }
        });
        assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(BATCHES));
    });
}

/// A medium whose syncs wait until they are let go on.
#[derive(Debug)]
struct Gated {
    medium: Medium,
    closed: Arc<AtomicBool>,
    gate: Mutex<(Sender<()>, Receiver<()>)>,
}

impl Gated {
    fn pass(&self) {
        let gate = self.gate.lock().unwrap();
        gate.0.send(()).unwrap();
        gate.1.recv().unwrap();
    }
}

impl FileLayer for Gated {
    fn len(&self) -> io::Result<u64> {
        self.medium.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.medium.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.medium.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.closed.load(Ordering::Acquire) {
            self.pass();
        }
        self.medium.sync_data()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.medium.write(offset, bytes)
    }
}

#[test]
fn a_batch_is_seen_only_once_it_is_durable() {
    let ((says, said), (tells, told)) = (channel(), channel());
    let closed = Arc::new(AtomicBool::new(false));
    let medium = Medium::new(Vec::new(), 0, None);
    let layer = Gated { medium, closed: Arc::clone(&closed), gate: Mutex::new((says, told)) };
    let store = Embedded::over(layer, SMALL_CACHE).unwrap();
    store.commit(&[batch(1, &[(1, Some("a"))])]).unwrap();
    closed.store(true, Ordering::Release);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| store.commit(&[batch(2, &[(1, Some("b"))])]).unwrap());
        let mut syncs = 0;
        while !writer.is_finished() {
            if said.recv_timeout(Duration::from_millis(20)).is_ok() {
                syncs += 1;
                assert_eq!(read(&store, &[1]), [Some("a".into())], "before sync {syncs}");
                assert_eq!(store.read(&[]).unwrap().as_of, BatchSeq::new(1));
                tells.send(()).unwrap();
            }
        }
        assert!(syncs > 0);
    });
    assert_eq!(read(&store, &[1]), [Some("b".into())]);
    closed.store(false, Ordering::Release);
}

#[test]
fn a_store_that_is_opened_again_has_everything() {
    let folder = Folder::new();
    let path = folder.path().join("data");
    for life in 0..5 {
        let store = Embedded::open(&path, SMALL_CACHE).unwrap();
        let snapshot = store.snapshot().unwrap();
        let found = snapshot.range(&key(0), &key(255), 999).unwrap();
        assert_eq!(found.len(), 20 * life);
        assert!(
            found.iter().all(|(key, record)| record.len() == 40 * usize::from(key.as_bytes()[0]))
        );
        // Numbers of batches begin anew with each process.
        for seq in 1..=20 {
            let number = u8::try_from(20 * life).unwrap() + u8::try_from(seq).unwrap();
            let record = "z".repeat(40 * usize::from(number));
            store.commit(&[batch(seq, &[(number, Some(&record))])]).unwrap();
        }
    }
}

// --- Faults ---------------------------------------------------------------------------------

type Contents = BTreeMap<u8, String>;

fn contents(store: &dyn Store) -> Result<Contents, Failed> {
    let snapshot = store.snapshot().map_err(|_| Failed)?;
    let records = snapshot.range(&key(0), &key(255), usize::MAX)?;
    Ok(names(&records).into_iter().map(|(number, text)| (number, text.to_owned())).collect())
}

/// Commits groups of batches until one fails. Gives what was acknowledged, and the same with what
/// failed.
fn play(medium: &Medium) -> (Contents, Option<Contents>) {
    let mut acknowledged = Contents::new();
    let Ok(store) = Embedded::over(medium.clone(), SMALL_CACHE) else {
        return (acknowledged, None);
    };
    for round in 0..6_u64 {
        let mut changed = acknowledged.clone();
        let batches: Vec<Batch> = (1..=3)
            .map(|part| {
                let seq = round * 3 + part;
                let put = u8::try_from(seq * 7 % 50).unwrap();
                let large = u8::try_from(100 + seq % 5).unwrap();
                let gone = u8::try_from(seq * 11 % 50).unwrap();
                let (short, long) = (format!("{seq}"), format!("{seq}").repeat(4_000));
                changed.insert(put, short.clone());
                changed.insert(large, long.clone());
                let mut changes = vec![(put, Some(short.as_str())), (large, Some(long.as_str()))];
                if gone != put {
                    changed.remove(&gone);
                    changes.push((gone, None));
                }
                batch(seq, &changes)
            })
            .collect();
        if store.commit(&batches).is_err() {
            assert!(medium.hit().is_some(), "a commit fails on a sound medium");
            let again = store.commit(&batches).unwrap_err();
            assert!(matches!(again.cause, Cause::Refused), "{again}");
            return (acknowledged, Some(changed));
        }
        acknowledged = changed;
        // A read may fail too, but it does not invent anything.
        if round % 3 != 0 {
            continue;
        }
        let found = contents(&store);
        assert!(
            found == Err(Failed) && medium.hit().is_some() || found.as_ref() == Ok(&acknowledged)
        );
    }
    (acknowledged, None)
}

#[test]
fn a_fault_at_any_call_takes_nothing_that_was_acknowledged() {
    // The store is there before anything fails.
    let made = Medium::new(Vec::new(), 0, None);
    drop(Embedded::over(made.clone(), SMALL_CACHE).unwrap());
    let mut hits = Vec::new();
    for at in 0.. {
        let kind = if at % 2 == 0 { io::ErrorKind::Other } else { io::ErrorKind::StorageFull };
        let medium = made.restart(at, Some((at, Fault::Error(kind))));
        let (acknowledged, failed) = play(&medium);
        let Some(ask) = medium.hit() else { break };
        if failed.is_some() {
            hits.push(ask);
        }
        let restarted = medium.restart(at, None);
        let crashed = Medium::new(medium.crash(), at, None);
        for (left, medium) in [("a restart", restarted), ("a crash", crashed)] {
            let store = Embedded::over(medium, SMALL_CACHE).unwrap();
            let found = contents(&store).unwrap();
            assert!(
                found == acknowledged || Some(&found) == failed.as_ref(),
                "{kind} at call {at}, {ask:?}, after {left}: {:?}, acknowledged {:?}",
                found.keys(),
                acknowledged.keys()
            );
            store.commit(&[batch(1, &[(200, Some("on"))])]).unwrap();
        }
    }
    for ask in [Ask::Read, Ask::Write, Ask::Resize, Ask::Sync] {
        assert!(hits.contains(&ask), "no commit fails by {ask:?}");
    }
}

#[test]
fn a_read_that_fails_says_so() {
    let made = Medium::new(Vec::new(), 0, None);
    play(&made);
    let mut failed = 0;
    for at in 0.. {
        let medium = made.restart(at, Some((at, Fault::Error(io::ErrorKind::Other))));
        let Ok(store) = Embedded::over(medium.clone(), 0) else { continue };
        let opened = medium.calls();
        let found = store.read(&[key(100), key(104)]);
        if medium.hit().is_none() {
            assert!(at >= medium.calls());
            break;
        }
        if at >= opened {
            failed += usize::from(found.is_err());
        }
    }
    assert!(failed > 0);
}
