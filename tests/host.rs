//! The host of one vault: what happens at the same time, what waits for what, and how it ends.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::dev;
use strongroom::host::Host;
use strongroom::store::{CACHE_BYTES, Cause, Embedded, Memory, Store, StoreError};
use strongroom_core::{
    Batch, Config, Failed, Key, Loaded, Read, Rules, Snapshot, http, http::Response, prepare,
};

use crate::process::Folder;

/// Within this a thread that can go on has gone on.
const MOMENT: Duration = Duration::from_millis(200);
const ROOT: &str = "root";

/// A store in memory that can be held up, and fail.
#[derive(Default)]
struct Trial {
    memory: Memory,
    /// Whether commits wait, and whether reads do.
    held: Mutex<(bool, bool)>,
    let_go: Condvar,
    fails: AtomicBool,
    panics: AtomicBool,
    reads: AtomicUsize,
    /// How often the room was asked for, and whether there is none.
    looks: AtomicUsize,
    is_full: AtomicBool,
    /// How many batches each commit had.
    commits: Mutex<Vec<usize>>,
}

impl Trial {
    fn hold(&self, commits: bool, reads: bool) {
        *self.held.lock().unwrap() = (commits, reads);
        self.let_go.notify_all();
    }

    fn pass(&self, is_held: fn(&mut (bool, bool)) -> bool) {
        drop(self.let_go.wait_while(self.held.lock().unwrap(), is_held).unwrap());
    }

    fn note_commit(&self, batches: usize) {
        self.commits.lock().unwrap().push(batches);
    }

    fn commits(&self) -> Vec<usize> {
        self.commits.lock().unwrap().clone()
    }
}

impl Read for Trial {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.pass(|held| held.1);
        assert!(!self.panics.load(Ordering::Relaxed), "a read that panics");
        self.memory.read(keys)
    }
}

impl Store for Trial {
    fn commit(&self, batches: &[Batch]) -> Result<(), StoreError> {
        self.note_commit(batches.len());
        self.pass(|held| held.0);
        if self.fails.load(Ordering::Relaxed) {
            return Err(Cause::Io("write", std::io::Error::other("trial")).into());
        }
        self.memory.commit(batches)
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send>, StoreError> {
        self.memory.snapshot()
    }

    fn room(&self) -> Option<u64> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        Some(if self.is_full.load(Ordering::Relaxed) { 0 } else { 1 << 40 })
    }
}

/// A host that is unsealed, over a store; what it says at its end.
struct Setting {
    host: Host,
    store: Arc<Trial>,
    fatal: Arc<Mutex<Vec<String>>>,
}

impl Setting {
    fn new() -> Self {
        // Little of the cache, so that there are reads.
        Self::with(Config { cache_bytes: 0, absence_bytes: 0, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let store = Arc::new(Trial::default());
        let fatal = Arc::new(Mutex::new(Vec::new()));
        let note = {
            let fatal = Arc::clone(&fatal);
            move |reason: &str| fatal.lock().unwrap().push(reason.to_owned())
        };
        let host = Host::with(config, Arc::clone(&store) as Arc<dyn Store>, Box::new(note), None);
        dev::set_up(&host, Some(ROOT)).unwrap();
        let setting = Self { host, store, fatal };
        setting.await_quiet();
        setting.store.commits.lock().unwrap().clear();
        setting
    }

    /// Waits until the background has cleaned up behind the first root token.
    fn await_quiet(&self) {
        let mut seen = usize::MAX;
        while seen != self.store.commits().len() {
            seen = self.store.commits().len();
            thread::sleep(MOMENT);
        }
    }

    fn put(&self, name: &str) -> u16 {
        let target = format!("/v1/cubbyhole/{name}");
        ask(&self.host, "PUT", &target, r#"{"v":1}"#).status().as_u16()
    }

    fn get(&self, name: &str) -> u16 {
        ask(&self.host, "GET", &format!("/v1/cubbyhole/{name}"), "").status().as_u16()
    }

    fn health(&self) -> u16 {
        ask(&self.host, "GET", "/v1/sys/health", "").status().as_u16()
    }

    /// Waits until a commit has begun.
    fn await_commits(&self, count: usize) {
        await_that(|| self.store.commits().len() >= count);
    }
}

fn await_that(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come");
        thread::sleep(Duration::from_millis(1));
    }
}

fn ask(host: &Host, method: &str, target: &str, body: &str) -> Response {
    ask_as(host, ROOT, method, target, body)
}

pub(crate) fn ask_as(host: &Host, token: &str, method: &str, target: &str, body: &str) -> Response {
    let fields = [("x-vault-token", token)];
    let request = http::Request::new(method, target, &fields, body.as_bytes()).unwrap();
    match prepare(&request, &Rules::default()) {
        Ok(call) => host.serve_here(call),
        Err(response) => response,
    }
}

#[test]
fn what_gathers_during_a_commit_is_committed_together() {
    let setting = Setting::with(Config::default());
    setting.store.hold(true, false);
    thread::scope(|scope| {
        let first = scope.spawn(|| setting.put("first"));
        setting.await_commits(1);
        let others: Vec<_> = (0..20)
            .map(|number| {
                let setting = &setting;
                scope.spawn(move || setting.put(&format!("n{number}")))
            })
            .collect();
        thread::sleep(MOMENT);
        assert!(!first.is_finished() && !others.iter().any(thread::ScopedJoinHandle::is_finished));
        setting.store.hold(false, false);
        assert_eq!(first.join().unwrap(), 204);
        for other in others {
            assert_eq!(other.join().unwrap(), 204);
        }
    });
    assert_eq!(setting.store.commits(), [1, 20]);
    assert!((0..20).all(|number| setting.get(&format!("n{number}")) == 200));
}

#[test]
fn serves_what_needs_no_commit_while_one_is_under_way() {
    let setting = Setting::new();
    assert_eq!(setting.put("old"), 204);
    setting.store.hold(true, false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| setting.put("new"));
        setting.await_commits(2);
        assert_eq!(setting.health(), 200);
        assert_eq!(setting.get("old"), 200);
        // What reads the new record must not be told before it is durable.
        let reader = scope.spawn(|| setting.get("new"));
        thread::sleep(MOMENT);
        assert!(!writer.is_finished() && !reader.is_finished());
        setting.store.hold(false, false);
        assert_eq!((writer.join().unwrap(), reader.join().unwrap()), (204, 200));
    });
}

#[test]
fn a_read_of_the_store_holds_up_nobody_else() {
    let setting = Setting::new();
    assert_eq!(setting.put("a"), 204);
    setting.store.hold(false, true);
    thread::scope(|scope| {
        let before = setting.store.reads.load(Ordering::Relaxed);
        let readers: Vec<_> = (0..4).map(|_| scope.spawn(|| setting.get("a"))).collect();
        await_that(|| setting.store.reads.load(Ordering::Relaxed) > before);
        assert_eq!(setting.health(), 200);
        assert!(!readers.iter().any(thread::ScopedJoinHandle::is_finished));
        setting.store.hold(false, false);
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 200));
    });
}

#[test]
fn a_thread_that_is_done_leaves_no_work_behind() {
    let setting = Setting::new();
    assert_eq!((setting.put("a"), setting.put("b")), (204, 204));
    setting.store.hold(false, true);
    thread::scope(|scope| {
        let before = setting.store.reads.load(Ordering::Relaxed);
        let first = scope.spawn(|| setting.get("a"));
        await_that(|| setting.store.reads.load(Ordering::Relaxed) > before);
        // It waits for what the first one reads, the token; then both want records of their own.
        let second = scope.spawn(|| setting.get("b"));
        thread::sleep(MOMENT);
        assert_eq!(setting.store.reads.load(Ordering::Relaxed), before + 1);
        setting.store.hold(false, false);
        await_that(|| first.is_finished() && second.is_finished());
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (200, 200));
    });
}

#[test]
fn serves_many_threads_that_read_write_and_wait_for_jobs() {
    let setting = Setting::new();
    thread::scope(|scope| {
        for thread in 0..8 {
            let setting = &setting;
            scope.spawn(move || {
                for round in 0..60 {
                    let (own, shared) = (format!("t{thread}/{round}"), format!("s{}", round % 5));
                    assert_eq!(setting.put(&own), 204);
                    assert_eq!(setting.put(&shared), 204);
                    assert_eq!((setting.get(&own), setting.get(&shared)), (200, 200));
                    assert_eq!(setting.get("none"), 404);
                    let job = ask(&setting.host, "POST", "/v1/sys/simulation/job", "{}");
                    assert_eq!(job.status(), 200);
                }
            });
        }
    });
    assert_eq!(*setting.fatal.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn a_failed_commit_is_told_once_and_nothing_is_served_after() {
    let setting = Setting::new();
    setting.store.fails.store(true, Ordering::Relaxed);
    setting.store.hold(true, false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|number| {
                let setting = &setting;
                scope.spawn(move || setting.put(&format!("n{number}")))
            })
            .collect();
        setting.await_commits(1);
        thread::sleep(MOMENT);
        setting.store.hold(false, false);
        assert!(writers.into_iter().all(|writer| writer.join().unwrap() == 503));
    });
    assert_eq!(*setting.fatal.lock().unwrap(), ["storage: cannot write: trial"]);
    assert_eq!((setting.health(), setting.put("later")), (503, 503));
    assert_eq!(setting.store.commits().len(), 1);
}

#[test]
fn a_panic_in_the_thread_of_a_request_ends_the_service() {
    let setting = Setting::new();
    assert_eq!(setting.put("a"), 204);
    setting.store.panics.store(true, Ordering::Relaxed);
    thread::scope(|scope| {
        assert!(scope.spawn(|| setting.get("a")).join().is_err());
    });
    assert_eq!(*setting.fatal.lock().unwrap(), ["a step panicked"]);
    assert_eq!(setting.health(), 503);
}

#[test]
fn the_threads_of_a_host_end_with_it() {
    for _ in 0..50 {
        let setting = Setting::new();
        assert_eq!(setting.put("a"), 204);
        let Setting { host, store, .. } = setting;
        drop(host);
        // The threads hold the store.
        assert_eq!(Arc::strong_count(&store), 1);
    }
}

#[test]
fn looks_at_the_room_after_commits_but_not_after_each() {
    let setting = Setting::new();
    let start = Instant::now();
    for round in 0..50 {
        assert_eq!(setting.put(&format!("n{round}")), 204);
    }
    let seen = setting.store.looks.load(Ordering::Relaxed);
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    // Once before the first request, and once after the first commit of the set-up.
    assert!((2..=seconds + 3).contains(&seen), "{seen} in {seconds} s");
    let large = format!(r#"{{"v":"{}"}}"#, "x".repeat(700_000));
    for round in 0..30 {
        let target = format!("/v1/cubbyhole/large{round}");
        assert_eq!(ask(&setting.host, "PUT", &target, &large).status(), 204);
    }
    assert!(setting.store.looks.load(Ordering::Relaxed) > seen);
}

/// What the store says of its medium reaches the vault.
#[test]
fn refuses_writes_when_the_medium_is_full() {
    let setting = Setting::new();
    setting.store.is_full.store(true, Ordering::Relaxed);
    thread::sleep(Duration::from_millis(1100));
    // This one looks.
    assert_eq!(setting.put("first"), 204);
    assert_eq!(setting.put("second"), 507);
    assert_eq!(ask(&setting.host, "GET", "/v1/cubbyhole/first", "").status(), 200);
}

#[test]
fn a_host_over_a_file_goes_on_after_a_restart() {
    let home = Folder::new();
    let start = || {
        let store = Embedded::open(&home.path().join("data"), CACHE_BYTES).unwrap();
        let config = Config { cache_bytes: 0, absence_bytes: 0, ..Config::default() };
        Host::new(config, Arc::new(store))
    };
    let host = start();
    let secrets = dev::set_up(&host, Some(ROOT)).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let host = &host;
            // As little stack as the thread of a connection has.
            let threads = thread::Builder::new().stack_size(256 * 1024);
            let serve = move || {
                for round in 0..20 {
                    let target = format!("/v1/cubbyhole/{thread}/{round}");
                    let body = format!(r#"{{"v":"{thread}-{round}"}}"#);
                    assert_eq!(ask(host, "PUT", &target, &body).status(), 204);
                    assert_eq!(ask(host, "GET", &target, "").status(), 200);
                }
            };
            threads.spawn_scoped(scope, serve).unwrap();
        }
    });
    drop(host);
    let host = start();
    assert_eq!(ask(&host, "GET", "/v1/cubbyhole/1/1", "").status(), 503);
    let key = format!(r#"{{"key":"{}"}}"#, secrets.unseal_key);
    assert_eq!(ask(&host, "PUT", "/v1/sys/unseal", &key).status(), 200);
    for thread in 0..8 {
        for round in 0..20 {
            let answer = ask(&host, "GET", &format!("/v1/cubbyhole/{thread}/{round}"), "");
            let text = format!(r#""v":"{thread}-{round}""#);
            assert!(String::from_utf8_lossy(answer.body()).contains(&text));
        }
    }
}

/// Set in the process that is to end.
const TO_END: &str = "STRONGROOM_TEST_TO_END";

#[test]
fn a_failed_commit_ends_the_process_with_one_line() {
    if std::env::var_os(TO_END).is_some() {
        let store = Arc::new(Trial::default());
        let host = Host::new(Config::default(), Arc::clone(&store) as Arc<dyn Store>);
        store.fails.store(true, Ordering::Relaxed);
        let _ = dev::set_up(&host, None);
        unreachable!("the process has ended");
    }
    let name = "host::a_failed_commit_ends_the_process_with_one_line";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(TO_END, "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "strongroom: storage: cannot write: trial; the server ends\n");
}
