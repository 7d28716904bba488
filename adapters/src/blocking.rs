//! The blocking listener: `std::net`, one thread for each connection, a bounded number of them.
//!
//! At the bound the connection that has been idle longest is closed for the new one; if none is idle
//! the new one waits until one is done.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use strongroom_core::http::{Conn, CustomFields, Limits, Response};
use strongroom_core::{Rules, Time, prepare};
use zeroize::Zeroizing;

use crate::budget::{Budget, Share};
use crate::host::Host;

/// Connections served at one time.
pub const CONNECTIONS_MAX: usize = 256;
/// Bytes of large bodies that are taken in at one time: two of the largest.
pub const BODY_BUDGET_BYTES: usize = 64 * 1024 * 1024;
/// Time that a large body waits for its place.
const BUDGET_PATIENCE: Duration = Duration::from_secs(20);
/// Stack of a connection's thread. The core does not recurse over input; debug builds need the most.
const STACK_BYTES: usize = 256 * 1024;
/// Bytes read at a time.
const READ_BYTES: usize = 8 * 1024;
/// Pause after an error of `accept`, such as too many open files, which passes by itself.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener is told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Limits of its connections.
    pub limits: Limits,
    /// What it asks of its requests.
    pub rules: Rules,
    /// Header fields that the operator adds to its answers.
    pub fields: Arc<CustomFields>,
    /// Connections served at one time; 0 for [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Bytes of large bodies at one time; 0 for [`BODY_BUDGET_BYTES`].
    pub body_budget_bytes: usize,
}

/// A listener that is bound and not yet served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    host: Arc<Host>,
    options: Arc<Options>,
    registry: Arc<Registry>,
    budget: Arc<Budget>,
}

impl Server {
    /// Binds to an address: of several the first that can be had.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn bind(
        address: impl ToSocketAddrs,
        host: Arc<Host>,
        options: Options,
    ) -> io::Result<Self> {
        let max =
            if options.connections_max == 0 { CONNECTIONS_MAX } else { options.connections_max };
        let registry = Arc::new(Registry::new(max));
        let bytes = match options.body_budget_bytes {
            0 => BODY_BUDGET_BYTES,
            bytes => bytes,
        };
        // The largest body that is allowed must find room.
        let budget = Arc::new(Budget::new(bytes.max(options.limits.body_bytes_max)));
        let listener = TcpListener::bind(address)?;
        Ok(Self { listener, host, options: Arc::new(options), registry, budget })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts and serves connections for as long as the process lives.
    pub fn run(self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.spawn(stream),
                Err(_) => thread::sleep(ACCEPT_PAUSE),
            }
        }
    }

    /// Serves a connection in a thread of its own. Where that cannot be had, the connection ends.
    fn spawn(&self, stream: TcpStream) {
        let Ok(handle) = stream.try_clone() else { return };
        // Threads do not start in the order of their connections, so idleness counts from here.
        let accepted = self.host.now();
        let id = self.registry.enter(handle, accepted);
        let (host, options) = (Arc::clone(&self.host), Arc::clone(&self.options));
        let (registry, budget) = (Arc::clone(&self.registry), Arc::clone(&self.budget));
        let spawned = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            let connection = Connection {
                stream,
                host,
                options,
                registry,
                budget,
                id,
                accepted,
                read_timeout: Cell::default(),
                write_timeout: Cell::default(),
            };
            // A connection that breaks concerns nobody but its peer.
            let _ = connection.serve();
        });
        if spawned.is_err() {
            self.registry.leave(id);
        }
    }
}

/// The connections that are open.
#[derive(Debug)]
struct Registry {
    open: Mutex<Open>,
    left: Condvar,
    max: usize,
}

#[derive(Debug, Default)]
struct Open {
    last_id: u64,
    /// Listeners that wait for a place.
    waiting: usize,
    streams: BTreeMap<u64, (TcpStream, Use)>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Busy,
    IdleSince(Time),
    /// It was closed for a new one, and its thread has not noticed yet.
    Closing,
}

impl Open {
    fn idle_longest(&self) -> Option<u64> {
        let idle = self.streams.iter().filter_map(|(id, (_, usage))| match usage {
            Use::IdleSince(since) => Some((*since, *id)),
            Use::Busy | Use::Closing => None,
        });
        idle.min().map(|(_, id)| id)
    }
}

impl Registry {
    fn new(max: usize) -> Self {
        Self { open: Mutex::default(), left: Condvar::new(), max }
    }

    /// Makes room, if need be at the cost of the connection that is idle longest, and takes one in.
    fn enter(&self, stream: TcpStream, now: Time) -> u64 {
        let mut open = self.lock();
        while open.streams.len() >= self.max {
            // Whatever woke this loop: the place of one that is closing is enough for the new one.
            if !open.streams.values().any(|(_, usage)| *usage == Use::Closing)
                && let Some(id) = open.idle_longest()
                && let Some((stream, usage)) = open.streams.get_mut(&id)
            {
                *usage = Use::Closing;
                let _ = stream.shutdown(Shutdown::Both);
            }
            open.waiting += 1;
            open = self.left.wait(open).unwrap_or_else(PoisonError::into_inner);
            open.waiting -= 1;
        }
        open.last_id += 1;
        let id = open.last_id;
        open.streams.insert(id, (stream, Use::IdleSince(now)));
        id
    }

    fn set_idle(&self, id: u64, idle: Option<Time>) {
        let now = idle.map_or(Use::Busy, Use::IdleSince);
        let mut open = self.lock();
        if let Some((_, usage)) = open.streams.get_mut(&id)
            && *usage != Use::Closing
            && *usage != now
        {
            *usage = now;
            self.call(&open);
        }
    }

    fn leave(&self, id: u64) {
        let mut open = self.lock();
        open.streams.remove(&id);
        self.call(&open);
    }

    /// Wakes the listener if it waits. To wake nobody is a call of the system too, and each request
    /// comes by twice.
    fn call(&self, open: &Open) {
        if open.waiting > 0 {
            self.left.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Connection {
    stream: TcpStream,
    host: Arc<Host>,
    options: Arc<Options>,
    registry: Arc<Registry>,
    budget: Arc<Budget>,
    id: u64,
    accepted: Time,
    /// What the socket was told last: how long to wait for bytes, and for room for them.
    read_timeout: Cell<Duration>,
    write_timeout: Cell<Duration>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.registry.leave(self.id);
    }
}

impl Connection {
    fn serve(&self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        let mut conn = Conn::new(self.accepted, self.options.limits)
            .with_fields(Arc::clone(&self.options.fields));
        let mut buffer = Zeroizing::new([0; READ_BYTES]);
        let mut ended = false;
        let mut share = None;
        loop {
            // However the bytes drip, a deadline holds.
            conn.handle_timeout(self.host.now());
            self.answer(&mut conn, &mut share);
            self.write(&mut conn)?;
            if conn.is_closed() {
                return Ok(());
            }
            if conn.is_final() && !ended {
                self.stream.shutdown(Shutdown::Write)?;
                ended = true;
            }
            self.registry.set_idle(self.id, conn.idle_since());
            self.read(&mut conn, &mut *buffer)?;
        }
    }

    /// Serves every request that is complete, and lets in the body of the next.
    fn answer(&self, conn: &mut Conn, share: &mut Option<Share>) {
        loop {
            if let Some(head) = conn.poll_head() {
                self.registry.set_idle(self.id, None);
                let admission = self.host.admit(head).and_then(|bytes_max| {
                    let bytes_max = bytes_max.min(self.options.limits.body_bytes_max);
                    *share = self.budget.take(head.framing(), bytes_max, BUDGET_PATIENCE);
                    if share.is_some() { Ok(bytes_max) } else { Err(Response::overloaded()) }
                });
                let now = self.host.now();
                match admission {
                    Ok(bytes_max) => conn.admit(now, bytes_max),
                    Err(response) => conn.respond(now, response),
                }
            }
            let Some(request) = conn.poll_request() else {
                if conn.poll_head().is_none() {
                    return;
                }
                continue;
            };
            self.registry.set_idle(self.id, None);
            let response = match prepare(&request, &self.options.rules) {
                Ok(call) => {
                    drop(request);
                    self.host.serve(call)
                }
                Err(response) => response,
            };
            *share = None;
            conn.respond(self.host.now(), response);
        }
    }

    fn write(&self, conn: &mut Conn) -> io::Result<()> {
        while let Some(bytes) = conn.output() {
            let patience = self.patience(conn);
            if self.write_timeout.replace(patience) != patience {
                self.stream.set_write_timeout(Some(patience))?;
            }
            match (&self.stream).write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => conn.handle_written(self.host.now(), count),
                Err(error) if is_timeout(&error) => conn.handle_timeout(self.host.now()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&self, conn: &mut Conn, buffer: &mut [u8]) -> io::Result<()> {
        let patience = self.patience(conn);
        if self.read_timeout.replace(patience) != patience {
            self.stream.set_read_timeout(Some(patience))?;
        }
        match (&self.stream).read(buffer) {
            Ok(0) => conn.handle_end(self.host.now()),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                conn.handle_bytes(self.host.now(), bytes);
            }
            Err(error) if is_timeout(&error) => conn.handle_timeout(self.host.now()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// How long the connection may wait.
    fn patience(&self, conn: &Conn) -> Duration {
        conn.poll_timeout().map_or(PATIENCE_MAX, |due| whole_grains(due.since(self.host.now())))
    }
}

const PATIENCE_MAX: Duration = Duration::from_secs(3600);
/// What the time of a wait is a multiple of: so one request asks for the same as the one before, and
/// the socket need not be told again. A deadline is noticed as much later.
const PATIENCE_GRAIN: Duration = Duration::from_millis(10);

/// So much time or a little more, and never nothing, which sockets take for forever.
fn whole_grains(time: Duration) -> Duration {
    let grains = time.as_nanos().div_ceil(PATIENCE_GRAIN.as_nanos());
    let time = u32::try_from(grains).map_or(PATIENCE_MAX, |grains| PATIENCE_GRAIN * grains);
    time.clamp(PATIENCE_GRAIN, PATIENCE_MAX)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_whole_grains() {
        const CASES: [(u64, u64); 7] = [
            (0, 10_000),
            (1, 10_000),
            (10_000, 10_000),
            (10_001, 20_000),
            (299_999_950, 300_000_000),
            (3_600_000_001, 3_600_000_000),
            (u64::MAX, 3_600_000_000),
        ];
        for (time, patience) in CASES {
            let waits = whole_grains(Duration::from_micros(time));
            assert_eq!(waits, Duration::from_micros(patience), "{time} us");
        }
    }
}
