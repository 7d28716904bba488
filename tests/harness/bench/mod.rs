//! Measures the server as users have it: the release binary over loopback, its storage a file.
//!
//! A store is filled in stages through the API. At each stage the same is measured, so that a table
//! shows in its rows what grows with the number of secrets and what does not. Times are printed, never
//! required; what is required is that every answer is right.

mod floor;
mod index;
mod latency;
mod load;
mod peer;
mod report;
mod server;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom::store::{CACHE_BYTES, Embedded, Store};
use strongroom_core::Key;

use self::latency::{Latencies, Span};
use self::load::{CONNECTIONS, THOUSAND, alone, get, get_any, put, together, while_reading};
pub use self::report::Table;
use self::report::grouped;
use self::server::{Memory, Server, Site};

/// Stages before the last one.
const STAGES: [usize; 2] = [10_000, 100_000];
/// The least number of secrets: a stage has a folder of a thousand, and others.
pub const SECRETS_MIN: usize = 4 * THOUSAND;
/// Starts that a time of the start is taken from.
const STARTS: usize = 9;
/// Reads of a fresh process that count as cold.
const COLD: usize = 1000;
/// Reads and writes of one connection for a time, and of all connections for a rate.
const ALONE: usize = 20_000;
const TOGETHER: usize = 100_000;
/// Writes of one connection: each waits for its own commit.
const PUTS_ALONE: usize = 2_000;
/// Times that a folder is listed.
const LISTS: usize = 5;
/// Entries of the cubbyhole of the token that is revoked.
const CUBBYHOLE: usize = 100_000;
/// Syncs that the floor of a commit is taken from.
const SYNCS: usize = 500;
/// A process that has written nothing for so long has nothing left to do.
const QUIET: Duration = Duration::from_secs(1);

/// What to measure.
#[derive(Debug)]
pub struct Plan {
    /// Secrets of the last stage, [`SECRETS_MIN`] at least.
    pub secrets: usize,
    /// The server; without it that of this tree is built.
    pub binary: Option<PathBuf>,
    /// A folder on the medium to measure, which is made and goes again.
    pub folder: PathBuf,
}

/// Measures all, and tells of each step as it begins.
///
/// # Errors
///
/// If the operating system refuses, or an answer is not what it should be.
pub fn run(plan: &Plan, tell: &dyn Fn(&str)) -> io::Result<Vec<Table>> {
    tell("build the server");
    let binary = plan.binary.clone().map_or_else(server::build, Ok)?;
    let site = Site::create(binary, &plan.folder)?;
    let floor = floor::serve()?;
    let mut stages: Option<Table> = None;
    let sizes = STAGES.into_iter().filter(|size| *size < plan.secrets).chain([plan.secrets]);
    let mut filled = 0;
    for secrets in sizes {
        tell(&format!("stage of {secrets}"));
        let table = Stage { site: &site, floor, filled, secrets, tell }.measure()?;
        filled = secrets;
        match &mut stages {
            None => stages = Some(table),
            Some(stages) => stages.join(table),
        }
    }
    tell("clean-up after a token");
    let cleaning = clean_up(&site, plan.secrets, tell)?;
    tell("index of a large folder");
    let index = index::measure(plan.secrets)?;
    Ok(stages.into_iter().chain([cleaning, index]).collect())
}

/// One column of the table: what holds with so many secrets.
struct Stage<'a> {
    site: &'a Site,
    /// A server that does nothing.
    floor: SocketAddr,
    /// Secrets of the stage before.
    filled: usize,
    secrets: usize,
    tell: &'a dyn Fn(&str),
}

impl Stage<'_> {
    fn measure(&self) -> io::Result<Table> {
        let mut table = Table::new(vec!["secrets".to_owned(), grouped(self.secrets)]);
        self.write(&mut table)?;
        (self.tell)("start");
        let bytes = self.site.disk_bytes()? / u64::try_from(self.secrets).unwrap_or(u64::MAX);
        table.row("bytes on disk, a secret", vec![bytes.to_string()]);
        self.start(&mut table)?;
        self.read(&mut table)?;
        Ok(table)
    }

    fn write(&self, table: &mut Table) -> io::Result<()> {
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let (address, token) = (server.address, self.site.root_token.as_str());
        table.row("memory before", vec![memory(server.memory()?)]);
        if self.filled == 0 {
            together(address, token, 0..THOUSAND, put)?;
        }
        let first = self.filled.max(THOUSAND);
        (self.tell)("fill");
        let fill = || together(address, token, first..self.secrets, put);
        let (time, reads) = while_reading(address, token, first, fill)?;
        let puts = rate(self.secrets - first, time);
        table.row(&format!("puts/s of new secrets, {CONNECTIONS} connections"), vec![puts]);
        table.row("GET meanwhile", vec![reads.to_string()]);
        table.row("memory after filling", vec![memory(server.memory()?)]);
        (self.tell)("replace");
        let replace = load::put_any(self.secrets);
        let time = together(address, token, 0..ALONE, &replace)?;
        table.row(
            &format!("puts/s that replace, {CONNECTIONS} connections"),
            vec![rate(ALONE, time)],
        );
        let times = alone(address, token, 0..PUTS_ALONE, &replace)?;
        let syncs = floor::syncs(self.site.folder(), SYNCS)?;
        table.row("put that replaces, one connection", vec![times.to_string()]);
        table.row("the floor: a page written over and synced", vec![syncs.to_string()]);
        Ok(())
    }

    fn start(&self, table: &mut Table) -> io::Result<()> {
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
        let (address, token) = (server.address, self.site.root_token.as_str());
        table.row("memory after the start", vec![memory(server.memory()?)]);
        (self.tell)("read");
        let read = |numbers| alone(address, token, numbers, get_any(self.secrets));
        table.row("GET, the first 1000", vec![read(0..COLD)?.to_string()]);
        let times = read(COLD..COLD + ALONE)?;
        table.row("GET, one connection", vec![times.to_string()]);
        let again = alone(address, token, 0..ALONE, |peer, turn| get(peer, turn % THOUSAND))?;
        table.row("GET of the same 1000", vec![again.to_string()]);
        let bare = alone(self.floor, "", 0..ALONE, floor::ask)?;
        table.row("the floor: a fixed answer", vec![bare.to_string()]);
        table.row("GET, times the floor", vec![ratio(times.median(), bare.median())]);
        let time = together(address, token, ALONE..ALONE + TOGETHER, get_any(self.secrets))?;
        table.row(&format!("GETs/s, {CONNECTIONS} connections"), vec![rate(TOGETHER, time)]);
        let bare = together(self.floor, "", 0..TOGETHER, floor::ask)?;
        table.row("the floor: fixed answers/s", vec![rate(TOGETHER, bare)]);
        table.row("GETs/s, of the floor", vec![ratio(bare, time)]);
        table.row("memory after 100k GETs", vec![memory(server.memory()?)]);
        self.list(&server, table)?;
        drop(server);
        let (server, _) = Server::start_unsealed(self.site, &[("MALLOC_ARENA_MAX", "1")])?;
        together(server.address, token, 0..TOGETHER, get_any(self.secrets))?;
        table.row("memory after 100k GETs, one malloc arena", vec![memory(server.memory()?)]);
        Ok(())
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
        table.row("memory after the lists", vec![memory(server.memory()?)]);
        Ok(())
    }
}

/// The clean-up after a token whose cubbyhole is full.
fn clean_up(site: &Site, secrets: usize, tell: &dyn Fn(&str)) -> io::Result<Table> {
    let entries = CUBBYHOLE.min(secrets);
    let before = records(site)?;
    let (server, _) = Server::start_unsealed(site, &[])?;
    let (address, root) = (server.address, site.root_token.as_str());
    let answer = server.peer(root)?.ask("POST", "auth/token/create", "{}")?.expect(200)?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| io::Error::other("no token was given"))?;
    tell("fill the cubbyhole");
    let fill = |peer: &mut peer::Peer, number: usize| {
        let path = format!("cubbyhole/{:03}/{number}", number / 500);
        peer.ask("PUT", &path, &load::value(number))?.expect(204).map(drop)
    };
    together(address, token, 0..entries, fill)?;
    tell("revoke the token");
    let mut revoke = Latencies::default();
    let work = || {
        let mut peer = server.peer(token)?;
        revoke.time(|| peer.ask("POST", "auth/token/revoke-self", "")?.expect(204))?;
        quiet(&server)
    };
    let (time, reads) = while_reading(address, root, secrets, work)?;
    let memory_after = memory(server.memory()?);
    drop(server);
    let left = records(site)?;
    if left > before {
        return Err(io::Error::other(format!("{left} records, and {before} before")));
    }
    let head = format!(
        "clean-up after a token with {} entries beside {} secrets",
        grouped(entries),
        grouped(secrets)
    );
    let mut table = Table::new(vec![head, String::new()]);
    table.row("revocation", vec![Span(revoke.longest()).to_string()]);
    table.row("clean-up in the background", vec![Span(time).to_string()]);
    table.row("GET meanwhile", vec![reads.to_string()]);
    table.row("reads meanwhile", vec![grouped(reads.count())]);
    table.row("memory afterwards", vec![memory_after]);
    table.row(
        "records of the store before / afterwards",
        vec![format!("{} / {}", grouped(before), grouped(left))],
    );
    Ok(table)
}

/// Waits until the server writes nothing any more; gives the time until then.
fn quiet(server: &Server) -> io::Result<Duration> {
    let start = Instant::now();
    let (mut written, mut last) = (server.written()?, start);
    while last.elapsed() < QUIET {
        thread::sleep(Duration::from_millis(5));
        let now = server.written()?;
        if now != written {
            (written, last) = (now, Instant::now());
        }
    }
    if last == start {
        return Err(io::Error::other("the medium does not count what is written"));
    }
    Ok(last - start)
}

/// Counts the records of a store that no server has open.
fn records(site: &Site) -> io::Result<usize> {
    let store = Embedded::open(&site.data(), CACHE_BYTES).map_err(io::Error::other)?;
    let snapshot = store.snapshot().map_err(io::Error::other)?;
    let (mut first, last) = ([0; Key::BYTES], Key::from_bytes([u8::MAX; Key::BYTES]));
    let mut count = 0;
    loop {
        let page = snapshot
            .range(&Key::from_bytes(first), &last, PAGE_RECORDS)
            .map_err(|_| io::Error::other("the store cannot be read"))?;
        count += page.len();
        match page.last() {
            Some((key, _)) if page.len() == PAGE_RECORDS => first = *key.as_bytes(),
            _ => return Ok(count),
        }
        // The last key of a page is the first of the next.
        count -= 1;
    }
}

/// Records that are counted at a time.
const PAGE_RECORDS: usize = 10_000;

/// So many in this time, a second.
fn rate(count: usize, time: Duration) -> String {
    let count = u128::try_from(count).unwrap_or(u128::MAX);
    let rate = count * 1_000_000_000 / time.as_nanos().max(1);
    grouped(usize::try_from(rate).unwrap_or(usize::MAX))
}

fn ratio(time: Duration, other: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() / other.as_secs_f64())
}

/// Resident / of that anonymous / the most that was ever resident.
fn memory(memory: Memory) -> String {
    let [resident, anonymous, peak] =
        [memory.resident, memory.anonymous, memory.peak].map(|kib| format!("{:.1}", mib(kib)));
    format!("{resident} / {anonymous} / {peak}")
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
