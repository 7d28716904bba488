//! What changes with the number of secrets, and what does not: a store is filled in stages, and at each
//! the same is measured.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::client::{Clients, Script};
use super::latency::Latencies;
use super::load::{self, Access, Fill, THOUSAND, Writes, sample};
use super::peer::Peer;
use super::process::Memory;
use super::report::{Table, grouped};
use super::server::{Server, Site};
use super::{Bench, contest};

/// Stages before the last one.
const STAGES: [usize; 2] = [10_000, 100_000];
/// Connections of the rates.
const CONNECTIONS: usize = 64;
/// Starts that a time of the start is taken from.
const STARTS: usize = 9;
/// Reads of a fresh process that count as cold.
const COLD: usize = 1000;
/// Times that a folder is listed.
const LISTS: usize = 5;
/// Longer than any stage takes to fill.
const FILL_MAX: Duration = Duration::from_secs(24 * 3600);
/// Between two reads of a client that watches while others work: it must not be the work.
const READER_PAUSE: Duration = Duration::from_millis(1);

/// See the module. The server has the adapter that it takes by itself. The store that is filled here is
/// the one that later sections go on with.
pub(super) fn measure(bench: &mut Bench<'_>) -> io::Result<Table> {
    let last = bench.plan.secrets;
    bench.renew()?;
    bench.fill(THOUSAND)?;
    let mut stages: Option<Table> = None;
    for secrets in STAGES.into_iter().filter(|size| *size < last).chain([last]) {
        (bench.tell)(&format!("stage of {secrets}"));
        let (filled, time) = (bench.filled, bench.round());
        let stage = Stage { site: &bench.site, filled, secrets, time, tell: bench.tell };
        let table = stage.measure()?;
        bench.filled = secrets;
        match &mut stages {
            None => stages = Some(table),
            Some(stages) => stages.join(table),
        }
    }
    stages.ok_or_else(|| io::Error::other("there is no stage"))
}

/// One column of the table: what holds with so many secrets.
struct Stage<'a> {
    site: &'a Site,
    /// Secrets that are there before.
    filled: usize,
    secrets: usize,
    /// How long a rate is measured.
    time: Duration,
    tell: &'a dyn Fn(&str),
}

impl Stage<'_> {
    fn measure(&self) -> io::Result<Table> {
        let mut table = Table::new(vec!["secrets".to_owned(), grouped(self.secrets)]);
        self.write(&mut table)?;
        let bytes = self.site.disk_bytes()? / u64::try_from(self.secrets).unwrap_or(u64::MAX);
        table.row("bytes on disk, a secret", vec![bytes.to_string()]);
        self.start(&mut table)?;
        self.read(&mut table)?;
        Ok(table)
    }

    fn write(&self, table: &mut Table) -> io::Result<()> {
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let token = self.site.root_token.as_str();
        table.row("memory before", vec![memory(server.process.memory()?)]);
        (self.tell)("fill");
        let mut clients = Clients::connect(&server.plain, CONNECTIONS)?;
        let mut fill = Fill::new(token, self.filled..self.secrets);
        let work = || contest::measure(&server.process, &mut clients, &mut fill, FILL_MAX);
        let (taken, reads) = while_reading(&server, token, self.filled, work)?;
        let puts = contest::count(taken.rate);
        table.row(&format!("puts/s of new secrets, {CONNECTIONS} connections"), vec![puts]);
        table.row("GET meanwhile", vec![reads.to_string()]);
        table.row("memory after filling", vec![memory(server.process.memory()?)]);
        (self.tell)("replace");
        for (name, connections) in [("64 connections", CONNECTIONS), ("one connection", 1)] {
            let rate = self.rate(&server, connections, Writes::All)?;
            table.row(&format!("puts/s that replace, {name}"), vec![rate]);
        }
        Ok(())
    }

    fn start(&self, table: &mut Table) -> io::Result<()> {
        (self.tell)("start");
        let (mut starts, mut unseals) = (Latencies::default(), Latencies::default());
        for _ in 0..STARTS {
            let (server, time) = Server::start_unsealed(self.site, &[])?;
            starts.add(server.start_time);
            unseals.add(time);
        }
        table.row("start after a kill to first answer", vec![starts.to_string()]);
        table.row("`sys/unseal`", vec![unseals.to_string()]);
        Ok(())
    }

    fn read(&self, table: &mut Table) -> io::Result<()> {
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let token = self.site.root_token.as_str();
        table.row("memory after the start", vec![memory(server.process.memory()?)]);
        (self.tell)("read");
        let mut clients = Clients::connect(&server.plain, 1)?;
        let mut script = Limited {
            script: Access::new(token, sample(self.secrets, COLD), Writes::None),
            left: COLD,
        };
        let times = clients.run(FILL_MAX, &mut script)?.times;
        table.row("GET, the first 1000", vec![times.to_string()]);
        script.left = usize::MAX;
        let times = clients.run(self.time, &mut script)?.times;
        table.row("GET of the same 1000", vec![times.to_string()]);
        let numbers = sample(self.secrets, load::SAMPLE);
        let mut script = Access::new(token, numbers, Writes::None);
        let times = clients.run(self.time, &mut script)?.times;
        table.row("GET of all by turns", vec![times.to_string()]);
        let rate = self.rate(&server, CONNECTIONS, Writes::None)?;
        table.row(&format!("GETs/s of all, {CONNECTIONS} connections"), vec![rate]);
        table.row("memory after the GETs", vec![memory(server.process.memory()?)]);
        self.list(&server, table)?;
        drop(server);
        let (server, _) = Server::start_unsealed(self.site, &[("MALLOC_ARENA_MAX", "1")])?;
        self.rate(&server, CONNECTIONS, Writes::None)?;
        table
            .row("memory after the GETs, one malloc arena", vec![memory(server.process.memory()?)]);
        Ok(())
    }

    fn rate(&self, server: &Server, connections: usize, writes: Writes) -> io::Result<String> {
        let mut clients = Clients::connect(&server.plain, connections)?;
        let numbers = sample(self.secrets, load::SAMPLE);
        let mut script = Access::new(&self.site.root_token, numbers, writes);
        let taken = contest::measure(&server.process, &mut clients, &mut script, self.time)?;
        Ok(contest::count(taken.rate))
    }

    fn list(&self, server: &Server, table: &mut Table) -> io::Result<()> {
        (self.tell)("list");
        let mut peer = server.peer(&self.site.root_token)?;
        let large = (THOUSAND..self.secrets).filter(|number| !number.is_multiple_of(2)).count();
        for (folder, names) in [("thousand", THOUSAND), ("large", large)] {
            let mut times = Latencies::default();
            for _ in 0..LISTS {
                let path = format!("secret/{folder}");
                let answer = times.time(|| peer.ask("LIST", &path, ""))?.expect(200)?;
                let answer: Value = serde_json::from_slice(&answer.body)?;
                let listed = answer.pointer("/data/keys").and_then(Value::as_array);
                if listed.map(Vec::len) != Some(names) {
                    return Err(io::Error::other("a list is not whole"));
                }
            }
            table.row(&format!("LIST of `{folder}`"), vec![times.to_string()]);
        }
        table.row("memory after the lists", vec![memory(server.process.memory()?)]);
        Ok(())
    }
}

/// A script that ends after so many requests.
struct Limited<S> {
    script: S,
    left: usize,
}

impl<S: Script> Script for Limited<S> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        self.script.ask(out)
    }

    fn check(&mut self, number: usize, status: u16, body: &[u8]) -> bool {
        self.script.check(number, status, body)
    }
}

/// Does some work while one client reads, with pauses, the first `count` secrets by turns. Gives the
/// times of the reads too.
pub(super) fn while_reading<T>(
    server: &Server,
    token: &str,
    count: usize,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<(T, Latencies)> {
    let done = AtomicBool::new(false);
    let mut peer = server.peer(token)?;
    thread::scope(|scope| {
        let reader = scope.spawn(|| -> io::Result<Latencies> {
            let mut times = Latencies::default();
            for number in sample(count, usize::MAX).cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                times.time(|| read(&mut peer, number))?;
                thread::sleep(READER_PAUSE);
            }
            Ok(times)
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let times = reader.join().map_err(|_| io::Error::other("a client panicked"))??;
        Ok((result?, times))
    })
}

/// Reads a secret, which must be what was stored.
fn read(peer: &mut Peer, number: usize) -> io::Result<()> {
    let answer = peer.ask("GET", &load::path(number), "")?.expect(200)?;
    let value = load::value(number);
    let is_whole = answer.body.windows(value.len()).any(|part| part == value.as_bytes());
    if is_whole { Ok(()) } else { Err(io::Error::other("a secret is not what was stored")) }
}

/// Resident / of that anonymous / the most that was ever resident, MiB.
pub(super) fn memory(memory: Memory) -> String {
    let [resident, anonymous, peak] =
        [memory.resident, memory.anonymous, memory.peak].map(|kib| format!("{:.1}", mib(kib)));
    format!("{resident} / {anonymous} / {peak}")
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
