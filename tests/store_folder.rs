//! The folder of the embedded store: whose it is, what a damaged or foreign file is, and what is left
//! of a process that was killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use redb::TableDefinition;
use strongroom::store::{CACHE_BYTES, Cause, Embedded, Store, StoreError};
use strongroom_core::{Batch, BatchSeq, Key};

use crate::process::{Folder, Process};

fn open(path: &Path) -> Result<Embedded, StoreError> {
    Embedded::open(path, CACHE_BYTES)
}

/// Names in a folder, in order.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn put(store: &dyn Store, seq: u64, number: u8) -> Result<(), StoreError> {
    let record: Arc<[u8]> = Arc::from([number; 900]);
    let changes = vec![(Key::from_bytes([number; Key::BYTES]), Some(record))];
    store.commit(&[Batch { seq: BatchSeq::new(seq), changes }])
}

#[test]
fn makes_a_folder_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = Folder::new();
    let path = home.path().join("var/strongroom");
    let store = open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(names(&path), ["strongroom.db", "strongroom.lock"]);
    for name in names(&path) {
        assert_eq!(mode(&path.join(&name)), 0o600, "{name}");
    }
    assert!(store.room().unwrap() > 0);
}

#[test]
fn one_process_has_a_folder_at_a_time() {
    let home = Folder::new();
    let path = home.path().join("data");
    let store = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error.cause, Cause::InUse));
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    put(&store, 1, 1).unwrap();
    drop(store);
    open(&path).unwrap();
}

#[test]
fn leaves_a_folder_that_holds_something_else_untouched() {
    /// What is there, and what the error names.
    const CASES: [(&[&str], &str); 11] = [
        (&["core", "sys", "logical"], "core"),
        (&["sys"], "sys"),
        (&["logical"], "logical"),
        (&["auth"], "auth"),
        (&["a", "vault.db", "node-id"], "node-id"),
        (&["raft"], "raft"),
        (&["holiday.jpg"], "holiday.jpg"),
        (&["lost+found", "b", "a"], "a"),
        (&["strongroom.db.old"], "strongroom.db.old"),
        (&["strongroom.lock", "notes"], "notes"),
        // A home.
        (&[".bashrc"], ".bashrc"),
    ];
    for (there, named) in CASES {
        let home = Folder::new();
        for name in there {
            fs::write(home.path().join(name), name).unwrap();
        }
        let before = names(home.path());
        let error = open(home.path()).unwrap_err();
        assert!(matches!(&error.cause, Cause::Foreign(name) if name == named), "{error}");
        assert!(error.to_string().contains(home.path().to_str().unwrap()), "{error}");
        assert_eq!(names(home.path()), before);
    }
}

#[test]
fn takes_a_folder_that_holds_nothing_of_anybody() {
    let home = Folder::new();
    for name in [".keep", "lost+found"] {
        fs::write(home.path().join(name), "").unwrap();
    }
    open(home.path()).unwrap();
}

/// An empty server in its place would be anybody's to initialise.
#[test]
fn misses_a_store_that_was_there() {
    let home = Folder::new();
    drop(open(home.path()).unwrap());
    fs::remove_file(home.path().join("strongroom.db")).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(&error.cause, Cause::Damaged(how) if how.contains("is gone")), "{error}");
    assert_eq!(names(home.path()), ["strongroom.lock"]);
}

#[test]
fn begins_anew_where_making_the_store_was_cut_off() {
    let whole = {
        let home = Folder::new();
        drop(open(home.path()).unwrap());
        fs::read(home.path().join("strongroom.db")).unwrap()
    };
    for length in [0, 1, 4096, whole.len() / 2, whole.len()] {
        let home = Folder::new();
        fs::write(home.path().join("strongroom.lock"), "").unwrap();
        fs::write(home.path().join("strongroom.db.new"), &whole[..length]).unwrap();
        let store = open(home.path()).unwrap();
        put(&store, 1, 1).unwrap();
        assert_eq!(names(home.path()), ["strongroom.db", "strongroom.lock"]);
    }
}

#[test]
fn refuses_a_file_that_is_no_store_or_of_another_format() {
    /// What is written, and what the error says.
    type Case = (fn(&Path), &'static str);
    const CASES: [Case; 5] = [
        (|path| fs::write(path, "").unwrap(), "damaged"),
        (|path| fs::write(path, "SQLite format 3\0".repeat(999)).unwrap(), "damaged"),
        (|path| drop(redb::Database::create(path).unwrap()), "damaged"),
        (|path| fs::create_dir(path).unwrap(), "cannot open the file"),
        (|path| fs::write(path, vec![0; 1 << 20]).unwrap(), "damaged"),
    ];
    for (write, says) in CASES {
        let home = Folder::new();
        write(&home.path().join("strongroom.db"));
        let error = open(home.path()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(home.path().to_str().unwrap()), "{error}");
    }
    let home = Folder::new();
    let path = home.path().join("strongroom.db");
    drop(open(home.path()).unwrap());
    let table = TableDefinition::<&str, u64>::new("strongroom");
    let database = redb::Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(table).unwrap().insert("format", 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error.cause, Cause::UnknownFormat(2)), "{error}");
}

/// A file of some pages, whole.
fn sound_file() -> Vec<u8> {
    let home = Folder::new();
    let store = open(home.path()).unwrap();
    for number in 1..=60 {
        put(&store, u64::from(number), number).unwrap();
    }
    drop(store);
    fs::read(home.path().join("strongroom.db")).unwrap()
}

#[test]
fn a_file_that_was_cut_short_is_damaged() {
    let sound = sound_file();
    for part in 1..16 {
        let home = Folder::new();
        fs::write(home.path().join("strongroom.db"), &sound[..sound.len() * part / 16]).unwrap();
        let error = open(home.path()).unwrap_err();
        assert!(matches!(error.cause, Cause::Damaged(_)), "{part}: {error}");
    }
}

#[test]
fn damage_anywhere_is_an_error_and_no_panic() {
    const PAGE_BYTES: usize = 4096;
    let sound = sound_file();
    let (mut refused, mut unread, mut uncommitted) = (0, 0, 0);
    for page in 0..sound.len() / PAGE_BYTES {
        for damage in [0x00_u8, 0x55, 0xff] {
            let home = Folder::new();
            let mut bytes = sound.clone();
            for byte in &mut bytes[page * PAGE_BYTES..][..PAGE_BYTES] {
                *byte = if damage == 0x55 { *byte ^ damage } else { damage };
            }
            fs::write(home.path().join("strongroom.db"), bytes).unwrap();
            let Ok(store) = open(home.path()) else {
                refused += 1;
                continue;
            };
            let (first, last) = (Key::from_bytes([0; 41]), Key::from_bytes([255; 41]));
            let found = store.snapshot().ok().and_then(|all| all.range(&first, &last, 999).ok());
            unread += usize::from(found.is_none());
            if let Some(seq) = (1..20).find(|seq| put(&store, *seq, 77).is_err()) {
                uncommitted += 1;
                let again = put(&store, seq, 77).unwrap_err();
                assert!(matches!(again.cause, Cause::Refused), "{again}");
            }
        }
    }
    assert!(refused > 0 && unread > 0 && uncommitted > 0, "{refused} {unread} {uncommitted}");
}

/// Set in the process that is to be killed: its folder.
const TO_KILL: &str = "STRONGROOM_TEST_TO_KILL";
/// Keys that each batch of that process writes anew.
const KILLED_KEYS: u8 = 20;

/// Commits, and says so, until it is killed. Every record of a batch has the batch's number.
fn commit_for_ever(path: &Path) -> ! {
    let store = open(path).unwrap();
    for seq in 1.. {
        let record: Arc<[u8]> = Arc::from(seq.to_string().repeat(100).as_bytes());
        let put = |number| (Key::from_bytes([number; Key::BYTES]), Some(Arc::clone(&record)));
        let changes = (0..KILLED_KEYS).map(put).collect();
        store.commit(&[Batch { seq: BatchSeq::new(seq), changes }]).unwrap();
        println!("\ncommitted {seq}");
    }
    unreachable!("there are always more numbers");
}

#[test]
fn a_process_that_is_killed_leaves_what_it_acknowledged() {
    if let Some(path) = std::env::var_os(TO_KILL) {
        commit_for_ever(Path::new(&path));
    }
    let home = Folder::new();
    let path = home.path().join("data");
    let name = "store_folder::a_process_that_is_killed_leaves_what_it_acknowledged";
    for life in 0..20 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(TO_KILL, &path).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let stdout = BufReader::new(process.child.stdout.take().unwrap());
        let said = stdout.lines().map_while(Result::ok);
        let mut numbers = said.filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
        let acknowledged: u64 = numbers.nth(life).unwrap();
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        // What it said before it died may have come later.
        let acknowledged = numbers.last().unwrap_or(acknowledged);

        let store = open(&path).unwrap();
        let (first, last) = (Key::from_bytes([0; 41]), Key::from_bytes([255; 41]));
        let found = store.snapshot().unwrap().range(&first, &last, 999).unwrap();
        assert_eq!(found.len(), usize::from(KILLED_KEYS));
        assert!(found.iter().all(|(_, record)| *record == found[0].1), "half a batch is there");
        let there = [acknowledged, acknowledged + 1];
        let there = there.map(|seq| seq.to_string().repeat(100).into_bytes());
        assert!(there.iter().any(|record| **record == *found[0].1), "after {acknowledged}");
    }
}
