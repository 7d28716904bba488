//! The clean-up after a token whose cubbyhole is full, and after a mount that is: what it takes, what
//! others notice of it, and that a kill in the middle of it loses nothing.

use std::io;
use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom::store::{CACHE_BYTES, Embedded, Store};
use strongroom_core::Key;

use super::client::{Clients, Script};
use super::grow::{memory, while_reading};
use super::latency::{Latencies, Span};
use super::load;
use super::report::{Table, grouped};
use super::server::{MOUNT, Server, Site};

/// Entries of the cubbyhole of the token that is revoked.
const CUBBYHOLE: usize = 100_000;
/// Entries of the mount that is disabled.
const MOUNTED: usize = 200_000;
/// Time for each entry until the server is killed: less than a clean-up takes, so that it is at work.
const KILL_AFTER: Duration = Duration::from_micros(2);
/// Connections that fill them.
const CONNECTIONS: usize = 64;
/// Longer than that takes.
const FILL_MAX: Duration = Duration::from_secs(3600);
/// A process that has written nothing for so long has nothing left to do.
const QUIET: Duration = Duration::from_secs(1);
/// Records that are counted at a time.
const PAGE_RECORDS: usize = 10_000;

/// See the module. The server holds so many secrets beside.
pub(super) fn measure(site: &Site, secrets: usize, tell: &dyn Fn(&str)) -> io::Result<Vec<Table>> {
    let tables = [Victim::Token, Victim::Mount].map(|victim| {
        tell(&format!("clean-up after {}", victim.name()));
        Cleanup { site, secrets, victim, entries: victim.entries().min(secrets) }.measure()
    });
    tables.into_iter().collect()
}

/// What goes, and what it holds with it.
#[derive(Clone, Copy)]
enum Victim {
    Token,
    Mount,
}

impl Victim {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "a token",
            Self::Mount => "a mount",
        }
    }

    fn entries(self) -> usize {
        match self {
            Self::Token => CUBBYHOLE,
            Self::Mount => MOUNTED,
        }
    }

    /// Where its entries are.
    fn folder(self) -> &'static str {
        match self {
            Self::Token => "cubbyhole",
            Self::Mount => "victim",
        }
    }

    /// Makes it; gives the token that fills it and drops it.
    fn create(self, server: &Server, root: &str) -> io::Result<String> {
        let mut peer = server.peer(root)?;
        if matches!(self, Self::Mount) {
            peer.ask("POST", "sys/mounts/victim", MOUNT)?.expect(204)?;
            return Ok(root.to_owned());
        }
        let answer = peer.ask("POST", "auth/token/create", "{}")?.expect(200)?;
        let answer: Value = serde_json::from_slice(&answer.body)?;
        let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or_else(|| io::Error::other("no token was given"))
    }

    /// The request that drops it: method and path.
    fn request(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("POST", "auth/token/revoke-self"),
            Self::Mount => ("DELETE", "sys/mounts/victim"),
        }
    }
}

/// The clean-up after one victim.
struct Cleanup<'a> {
    site: &'a Site,
    secrets: usize,
    victim: Victim,
    entries: usize,
}

impl Cleanup<'_> {
    /// Once to its end, and once with a kill in the middle.
    fn measure(&self) -> io::Result<Table> {
        let before = records(self.site)?;
        let head = format!(
            "clean-up after {} with {} entries beside {} secrets",
            self.victim.name(),
            grouped(self.entries),
            grouped(self.secrets)
        );
        let mut table = Table::new(vec![head, String::new()]);
        self.undisturbed(&mut table)?;
        let left = records(self.site)?;
        let counts = format!("{} / {}", grouped(before), grouped(left));
        table.row("records of the store before / afterwards", vec![counts]);
        check(before, left)?;
        let (full, at_kill) = self.killed()?;
        if at_kill <= before || at_kill >= full {
            let text = format!("the kill met no clean-up: {at_kill} records of {full}");
            return Err(io::Error::other(text));
        }
        let counts = format!("{} / {}", grouped(full), grouped(at_kill));
        table.row("records before another / when the server is killed", vec![counts]);
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let time = quiet(&server)?;
        table.row("clean-up after the restart", vec![Span(time).to_string()]);
        drop(server);
        let left = records(self.site)?;
        table.row("records afterwards", vec![grouped(left)]);
        check(before, left)?;
        Ok(table)
    }

    /// Fills what is to go; gives the token that drops it.
    fn fill(&self, server: &Server) -> io::Result<String> {
        let token = self.victim.create(server, &self.site.root_token)?;
        let mut clients = Clients::connect(&server.plain, CONNECTIONS)?;
        let folder = self.victim.folder();
        clients.run(FILL_MAX, &mut Fill { token: &token, folder, numbers: 0..self.entries })?;
        Ok(token)
    }

    fn undisturbed(&self, table: &mut Table) -> io::Result<()> {
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let token = self.fill(&server)?;
        let mut answer = Latencies::default();
        let work = || {
            let mut peer = server.peer(&token)?;
            let (method, path) = self.victim.request();
            answer.time(|| peer.ask(method, path, "")?.expect(204))?;
            quiet(&server)
        };
        let (time, reads) = while_reading(&server, &self.site.root_token, self.secrets, work)?;
        table.row("the request", vec![Span(answer.longest()).to_string()]);
        table.row("clean-up in the background", vec![Span(time).to_string()]);
        table.row("GET meanwhile", vec![reads.to_string()]);
        table.row("reads meanwhile", vec![grouped(reads.count())]);
        table.row("memory afterwards", vec![memory(server.process.memory()?)]);
        Ok(())
    }

    /// Ends the server soon after the request. Gives the records before that, and those at the end.
    fn killed(&self) -> io::Result<(usize, usize)> {
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let token = self.fill(&server)?;
        drop(server);
        let full = records(self.site)?;
        let (server, _) = Server::start_unsealed(self.site, &[])?;
        let (method, path) = self.victim.request();
        server.peer(&token)?.ask(method, path, "")?.expect(204)?;
        thread::sleep(KILL_AFTER * u32::try_from(self.entries).unwrap_or(u32::MAX));
        drop(server);
        Ok((full, records(self.site)?))
    }
}

/// Nothing may stay.
fn check(before: usize, left: usize) -> io::Result<()> {
    if left > before {
        return Err(io::Error::other(format!("{left} records, and {before} before")));
    }
    Ok(())
}

/// Stores entries one after the other.
struct Fill<'a> {
    token: &'a str,
    folder: &'static str,
    numbers: Range<usize>,
}

impl Script for Fill<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let number = self.numbers.next()?;
        let path = format!("{}/{:03}/{number}", self.folder, number / 500);
        load::request(out, "PUT", &path, self.token, &load::value(number));
        Some(number)
    }

    fn check(&mut self, _: usize, status: u16, _: &[u8]) -> bool {
        status == 204
    }
}

/// Waits until the server writes nothing any more; gives the time until then.
fn quiet(server: &Server) -> io::Result<Duration> {
    let start = Instant::now();
    let (mut written, mut last) = (server.process.written()?, start);
    while last.elapsed() < QUIET {
        thread::sleep(Duration::from_millis(5));
        let now = server.process.written()?;
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
