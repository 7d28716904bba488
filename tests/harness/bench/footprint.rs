//! What a server takes that has little to do: from its start to its first answer, at rest, and for each
//! connection that waits.

use std::io;
use std::thread;
use std::time::Duration;

use super::Bench;
use super::client::{Clients, Door};
use super::contest::Kind;
use super::latency::Latencies;
use super::load::{Access, Writes};
use super::report::Table;
use super::server::{Server, Site};
use super::target::{
    CONNECTION_KIB, CONNECTION_KIB_TLS, IDLE_MIB, IDLE_MIB_BLOCKING, Judged, START_MS, Target,
};

/// Starts that a time of the start is taken from.
const STARTS: usize = 9;
/// Connections that wait: as many as a listener with a thread for each has room for, and many.
const WAITING_BLOCKING: usize = 250;
const WAITING: usize = 1000;
/// Until a server has come to rest.
pub(super) const REST: Duration = Duration::from_millis(500);

/// One column for each variant of our server.
pub(super) fn measure(bench: &mut Bench<'_>) -> io::Result<Table> {
    bench.fill(super::SECRETS.min(bench.plan.secrets))?;
    let mut table: Option<Table> = None;
    for (name, kind, site) in bench.variants() {
        (bench.tell)(&format!("footprint: {name}"));
        let column = column(name, kind, &site)?;
        match &mut table {
            None => table = Some(column),
            Some(table) => table.join(column),
        }
    }
    table.ok_or_else(|| io::Error::other("the binary has no adapter that is known here"))
}

fn column(name: &str, kind: Kind, site: &Site) -> io::Result<Table> {
    let mut table = Table::new(vec!["footprint".to_owned(), name.to_owned()]);
    let mut starts = Latencies::default();
    for _ in 0..STARTS {
        starts.add(Server::start(site, &[])?.start_time);
    }
    let judged = |value, target| vec![Judged { value, target: Some(target) }.to_string()];
    let start = starts.median().as_secs_f64() * 1e3;
    table.row("start to first answer, p50, ms", judged(start, START_MS));
    let (server, _) = Server::start_unsealed(site, &[])?;
    let (idle, count) = match kind {
        Kind::Blocking => (IDLE_MIB_BLOCKING, WAITING_BLOCKING),
        Kind::Fixed | Kind::Floor | Kind::Smol { .. } | Kind::Peer => (IDLE_MIB, WAITING),
    };
    let resident = resident_kib(&server)? / 1024.0;
    table.row("memory at rest, MiB resident", judged(resident, idle));
    let plain = waiting(&server, Some(&server.plain), &site.root_token, count, CONNECTION_KIB)?;
    table.row("a connection that waits, plain, KiB", vec![plain]);
    drop(server);
    // A fresh process, which has kept nothing from the connections before.
    let (server, _) = Server::start_unsealed(site, &[])?;
    let door = server.tls.as_ref();
    let tls = waiting(&server, door, &site.root_token, count, CONNECTION_KIB_TLS)?;
    table.row("a connection that waits, TLS, KiB", vec![tls]);
    Ok(table)
}

/// What a connection takes that has had one answer and waits: the growth by `count` of them.
fn waiting(
    server: &Server,
    door: Option<&Door>,
    token: &str,
    count: usize,
    target: Target,
) -> io::Result<String> {
    let Some(door) = door else { return Ok("-".to_owned()) };
    let mut script = Access::new(token, 0..1, Writes::None);
    // What the first request brings into memory belongs to no connection.
    Clients::connect(door, 1)?.run(REST, &mut script)?;
    let before = resident_kib(server)?;
    let mut clients = Clients::connect(door, count)?;
    // Each of them asks once.
    clients.run(Duration::ZERO, &mut script)?;
    let growth = resident_kib(server)? - before;
    let count = u32::try_from(count).map_err(io::Error::other)?;
    Ok(Judged { value: growth / f64::from(count), target: Some(target) }.to_string())
}

/// What is resident when the server has come to rest.
fn resident_kib(server: &Server) -> io::Result<f64> {
    thread::sleep(REST);
    u32::try_from(server.process.memory()?.resident).map(f64::from).map_err(io::Error::other)
}
