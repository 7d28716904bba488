//! The clean-up after a token whose cubbyhole is full: what it takes, and what others notice of it.

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
use super::server::{Server, Site};

/// Entries of the cubbyhole of the token that is revoked.
const CUBBYHOLE: usize = 100_000;
/// Connections that fill it.
const CONNECTIONS: usize = 64;
/// Longer than that takes.
const FILL_MAX: Duration = Duration::from_secs(3600);
/// A process that has written nothing for so long has nothing left to do.
const QUIET: Duration = Duration::from_secs(1);
/// Records that are counted at a time.
const PAGE_RECORDS: usize = 10_000;

/// See the module.
pub(super) fn measure(site: &Site, secrets: usize, tell: &dyn Fn(&str)) -> io::Result<Table> {
    let entries = CUBBYHOLE.min(secrets);
    let before = records(site)?;
    let (server, _) = Server::start_unsealed(site, &[])?;
    let root = site.root_token.as_str();
    let answer = server.peer(root)?.ask("POST", "auth/token/create", "{}")?.expect(200)?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| io::Error::other("no token was given"))?;
    tell("fill the cubbyhole");
    let mut clients = Clients::connect(&server.plain, CONNECTIONS)?;
    clients.run(FILL_MAX, &mut Cubbyhole { token, numbers: 0..entries })?;
    drop(clients);
    tell("revoke the token");
    let mut revoke = Latencies::default();
    let work = || {
        let mut peer = server.peer(token)?;
        revoke.time(|| peer.ask("POST", "auth/token/revoke-self", "")?.expect(204))?;
        quiet(&server)
    };
    let (time, reads) = while_reading(&server, root, secrets, work)?;
    let memory_after = memory(server.process.memory()?);
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

/// Fills the cubbyhole of a token.
struct Cubbyhole<'a> {
    token: &'a str,
    numbers: Range<usize>,
}

impl Script for Cubbyhole<'_> {
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize> {
        let number = self.numbers.next()?;
        let path = format!("cubbyhole/{:03}/{number}", number / 500);
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
