//! The listener for constrained hosts: a thread for each connection, over `std::net` alone.

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use strongroom_core::Time;
use zeroize::Zeroizing;

use crate::net::registry::Seat;
use crate::net::session::{BUDGET_PATIENCE, Next, Session, answer, is_passing};
use crate::net::socket::Socket;
use crate::net::{ACCEPT_PAUSE, BACKLOG_MAX, BACKLOG_TIME_MAX, Listener, Service, Terms};
use crate::stop::Stop;
use crate::wait::{block_on, block_on_for, hand_over};

/// Connections served at one time.
pub const CONNECTIONS_MAX: usize = 256;
/// Stack of a connection's thread. The core does not recurse over input; debug builds need the most.
const STACK_BYTES: usize = 256 * 1024;
/// Bytes read at a time.
const READ_BYTES: usize = 8 * 1024;

/// Serves on all listeners until the server is told to stop, and then until the connections have come
/// to their end, as `Service::close` has it.
///
/// # Errors
///
/// Those of the operating system, where a thread cannot be had.
///
/// # Panics
///
/// If a thread that accepts has panicked.
pub fn serve(service: &Arc<Service>, listeners: Vec<Listener>, stop: &Stop) -> io::Result<()> {
    let mut accepting = Vec::new();
    for listener in listeners {
        let (service, stop) = (Arc::clone(service), stop.clone());
        let (ended, end) = hand_over();
        accepting.push(end);
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            accept_all(&service, listener, &stop);
            ended.give(());
        })?;
    }
    stop.wait();
    service.registry.stop();
    let accepted = async {
        for end in accepting {
            end.await;
        }
    };
    block_on_for(BACKLOG_TIME_MAX, accepted);
    service.close();
    Ok(())
}

/// Accepts connections until the server stops, and then those that have come by then.
fn accept_all(service: &Arc<Service>, listener: Listener, stop: &Stop) {
    let _ends = stop.guard();
    let Listener { socket: listening, terms } = listener;
    let mut left = BACKLOG_MAX;
    while left > 0 {
        left -= usize::from(stop.is_asked());
        match listening.accept() {
            Ok(socket) => spawn(service, &terms, Arc::new(socket)),
            Err(_) if stop.is_asked() => return,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let watched = PollFlags::IN;
                let mut ready = [
                    PollFd::from_borrowed_fd(listening.as_fd(), watched),
                    PollFd::from_borrowed_fd(stop.as_fd(), watched),
                ];
                // An error is one of `accept` too, which is the next to be called.
                let _ = poll(&mut ready, None);
            }
            Err(_) => thread::sleep(ACCEPT_PAUSE),
        }
    }
}

/// Serves a connection in a thread of its own. Where that cannot be had, the connection ends.
fn spawn(service: &Arc<Service>, terms: &Arc<Terms>, socket: Arc<Socket>) {
    // Threads do not start in the order of their connections, so what counts is the time here.
    let accepted = service.host.now();
    let seat = block_on(service.registry.enter(&socket, accepted));
    let (service, terms) = (Arc::clone(service), Arc::clone(terms));
    let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        // A connection that breaks concerns nobody but its peer.
        let _ = serve_one(service, terms, &socket, seat, accepted);
    });
}

fn serve_one(
    service: Arc<Service>,
    terms: Arc<Terms>,
    socket: &Socket,
    seat: Seat,
    accepted: Time,
) -> io::Result<()> {
    socket.prepare()?;
    let shared = Arc::clone(&service);
    let mut session = Session::new(service, Arc::clone(&terms), seat, accepted)?;
    let mut buffer = Zeroizing::new([0; READ_BYTES]);
    let (mut reading, mut writing) = (Patience::default(), Patience::default());
    loop {
        let moved = match session.next() {
            Next::Admit(bytes) => {
                let share = shared.budget.take(bytes, session.socket());
                let share = block_on_for(BUDGET_PATIENCE, share);
                session.admit(share);
                continue;
            }
            Next::Serve(request) => {
                session.respond(block_on(answer(&shared.host, &terms, request)));
                continue;
            }
            Next::Write => {
                let time = patience(&session, shared.host.now()).min(WRITE_PATIENCE_MAX);
                writing.set(time, |time| socket.set_write_timeout(time))?;
                session.write(socket)
            }
            Next::Read => {
                let time = patience(&session, shared.host.now());
                reading.set(time, |time| socket.set_read_timeout(time))?;
                session.read(socket, &mut *buffer).map(drop)
            }
            Next::EndWriting => socket.shutdown(Shutdown::Write),
            Next::EndReading => socket.shutdown(Shutdown::Read),
            Next::Close => {
                session.part(socket);
                return Ok(());
            }
        };
        match moved {
            Err(error) if !is_passing(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
}

/// How long a socket was told to wait.
#[derive(Default)]
struct Patience(Option<Duration>);

impl Patience {
    /// Tells the socket, unless it knows.
    fn set(
        &mut self,
        time: Duration,
        tell: impl FnOnce(Duration) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.0 == Some(time) {
            return Ok(());
        }
        self.0 = Some(time);
        tell(time)
    }
}

fn patience(session: &Session, now: Time) -> Duration {
    session.due().map_or(PATIENCE_MAX, |due| whole_grains(due.since(now)))
}

const PATIENCE_MAX: Duration = Duration::from_secs(3600);
/// How long a write waits: behind it others see that this peer takes its time with its answer.
const WRITE_PATIENCE_MAX: Duration = Duration::from_secs(1);
/// What the time of a wait is a multiple of: so one request asks for the same as the one before, and
/// the socket need not be told again. A deadline is noticed as much later.
const PATIENCE_GRAIN: Duration = Duration::from_millis(10);

/// So much time or a little more, and never nothing, which sockets take for forever.
fn whole_grains(time: Duration) -> Duration {
    let grains = time.as_nanos().div_ceil(PATIENCE_GRAIN.as_nanos());
    let time = u32::try_from(grains).map_or(PATIENCE_MAX, |grains| PATIENCE_GRAIN * grains);
    time.clamp(PATIENCE_GRAIN, PATIENCE_MAX)
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
