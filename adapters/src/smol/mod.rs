//! The listener for servers: thousands of connections on a few threads, by the executor and the reactor
//! of `smol`.

#[cfg_attr(target_os = "linux", path = "epoll.rs")]
#[cfg_attr(not(target_os = "linux"), path = "portable.rs")]
mod ready;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use ::smol::future::{FutureExt, or, yield_now};
use ::smol::{Executor, Timer};
use strongroom_core::Time;
use zeroize::Zeroizing;

use self::ready::Source;
use crate::log;
use crate::net::registry::Seat;
use crate::net::session::{BUDGET_PATIENCE, Next, Session, answer, is_passing};
use crate::net::socket::{ListenSocket, Socket};
use crate::net::{ACCEPT_PAUSE, BACKLOG_MAX, BACKLOG_TIME_MAX, Listener, Service, Terms};
use crate::stop::Stop;
use crate::wait::block_on_for;

/// Connections served at one time; fewer where the process may not have as many files open.
pub const CONNECTIONS_MAX: usize = 16 * 1024;
/// Bytes read at a time, into a buffer of the thread: an idle connection has none.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Zeroizing<Vec<u8>>> = RefCell::new(Zeroizing::new(vec![0; READ_BYTES]));
}

/// Does what takes long in a thread of its own.
pub fn spawn(work: Box<dyn FnOnce() + Send>) {
    ::smol::unblock(work).detach();
}

/// Serves on all listeners until the server is told to stop, and then until the connections have come
/// to their end, as `Service::close` has it. `workers` threads do it.
///
/// # Errors
///
/// Those of the operating system, where a thread cannot be had.
pub fn serve(
    service: &Arc<Service>,
    listeners: Vec<Listener>,
    workers: usize,
    stop: &Stop,
) -> io::Result<()> {
    let workers = Workers::start(workers.max(1), stop)?;
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let (service, stop) = (Arc::clone(service), stop.clone());
            workers.first().spawn(accept_all(workers.clone(), service, listener, stop))
        })
        .collect();
    stop.wait();
    service.registry.stop();
    let accepted = async {
        let mut ended = Ok(());
        for task in accepting {
            ended = ended.and(task.await);
        }
        ended
    };
    let ended = block_on_for(BACKLOG_TIME_MAX, accepted).unwrap_or(Ok(()));
    service.close();
    ended
}

/// Threads that each serve the tasks of an executor of their own: a connection stays with one.
#[derive(Clone)]
struct Workers {
    executors: Arc<[Executor<'static>]>,
    /// Connections that were given out so far.
    given: Arc<AtomicUsize>,
}

impl Workers {
    fn start(count: usize, stop: &Stop) -> io::Result<Self> {
        let executors: Arc<[_]> = (0..count).map(|_| Executor::new()).collect();
        for number in 0..count {
            let (executors, stop) = (Arc::clone(&executors), stop.clone());
            thread::Builder::new().name("worker".to_owned()).spawn(move || {
                // A task that panics takes its worker with it, and so the server.
                let _ends = stop.guard();
                let Some(executor) = executors.get(number) else { return };
                let Err(error) = ready::run(executor);
                log::error(&format!("a worker cannot go on: {error}"));
            })?;
        }
        Ok(Self { executors, given: Arc::default() })
    }

    fn first(&self) -> &Executor<'static> {
        self.executors.first().expect("there is a worker")
    }

    /// They get connections by turns.
    fn next(&self) -> &Executor<'static> {
        let turn = self.given.fetch_add(1, Ordering::Relaxed) % self.executors.len();
        self.executors.get(turn).unwrap_or_else(|| self.first())
    }
}

/// A listener's socket, to be watched.
struct Watched(ListenSocket);

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Accepts connections until the server stops, and then those that have come by then.
async fn accept_all(
    workers: Workers,
    service: Arc<Service>,
    listener: Listener,
    stop: Stop,
) -> io::Result<()> {
    let _ends = stop.guard();
    let Listener { socket, terms } = listener;
    let source = Source::new(Watched(socket))?;
    let mut left = BACKLOG_MAX;
    while left > 0 {
        left -= usize::from(stop.is_asked());
        match source.socket().0.accept() {
            Ok(socket) => {
                let (socket, accepted) = (Arc::new(socket), service.host.now());
                let seat = service.registry.enter(&socket, accepted).await;
                let (service, terms) = (Arc::clone(&service), Arc::clone(&terms));
                let serving = async move {
                    // A connection that breaks concerns nobody but its peer.
                    let _ = serve_one(service, terms, socket, seat, accepted).await;
                };
                workers.next().spawn(serving).detach();
                yield_now().await;
            }
            Err(_) if stop.is_asked() => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                source.set_read();
                let asked = async {
                    stop.asked().await;
                    Ok(())
                };
                or(poll_fn(|context| source.poll_readable(context)), asked).await?;
            }
            Err(_) => drop(Timer::after(ACCEPT_PAUSE).await),
        }
    }
    Ok(())
}

async fn serve_one(
    service: Arc<Service>,
    terms: Arc<Terms>,
    socket: Arc<Socket>,
    seat: Seat,
    accepted: Time,
) -> io::Result<()> {
    socket.prepare()?;
    socket.set_nonblocking()?;
    let source = Source::new(socket)?;
    let stream = &**source.socket();
    let mut session = Session::new(Arc::clone(&service), Arc::clone(&terms), seat, accepted)?;
    let mut deadline = Deadline::default();
    // A request was served since the socket was last waited for.
    let mut serves_on = false;
    loop {
        let moved = match session.next() {
            Next::Admit(bytes) => {
                let share = async { Some(service.budget.take(bytes, session.socket()).await) };
                let late = async {
                    Timer::after(BUDGET_PATIENCE).await;
                    None
                };
                let share = share.or(late).await;
                session.admit(share);
                continue;
            }
            Next::Serve(request) => {
                // Who sends many at a time takes turns with the others.
                if std::mem::replace(&mut serves_on, true) {
                    yield_now().await;
                }
                // Boxed: an idle connection does without the room for it.
                let serving = Box::pin(answer(&service.host, &terms, request));
                session.respond(serving.await);
                continue;
            }
            Next::Write => match session.write(stream) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    source.set_full();
                    let ready = |context: &mut Context<'_>| source.poll_writable(context);
                    deadline.wait(&service, &session, ready).await
                }
                written => written,
            },
            Next::Read => {
                let ready = |context: &mut Context<'_>| source.poll_readable(context);
                serves_on = false;
                match deadline.wait(&service, &session, ready).await {
                    Ok(()) => BUFFER.with_borrow_mut(|buffer| {
                        let read = session.read(stream, buffer);
                        // What did not fill the buffer was all.
                        if read.as_ref().map_or(true, |count| *count < buffer.len()) {
                            source.set_read();
                        }
                        read.map(drop)
                    }),
                    Err(error) => Err(error),
                }
            }
            Next::EndWriting => stream.shutdown(Shutdown::Write),
            Next::EndReading => stream.shutdown(Shutdown::Read),
            Next::Close => {
                session.part(stream);
                return Ok(());
            }
        };
        match moved {
            Err(error) if !is_passing(&error) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
}

/// The alarm of a connection. It is set anew when a deadline comes before it, and not when one moves
/// away, as most do with every request: then it goes off for nothing, once in a long while.
#[derive(Default)]
struct Deadline {
    alarm: Option<(Time, Timer)>,
}

impl Deadline {
    /// Waits until the socket is ready, or something else may be due.
    async fn wait(
        &mut self,
        service: &Service,
        session: &Session,
        mut ready: impl FnMut(&mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> io::Result<()> {
        let due = session.due();
        if let Some(due) = due
            && self.alarm.as_ref().is_none_or(|(alarm, _)| due < *alarm)
        {
            let time = due.since(service.host.now()).max(Duration::from_millis(1));
            self.alarm = Some((due, Timer::after(time)));
        }
        poll_fn(|context| {
            if let Poll::Ready(result) = ready(context) {
                return Poll::Ready(result);
            }
            let Some((_, timer)) = &mut self.alarm else { return Poll::Pending };
            if Pin::new(timer).poll(context).is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
            Poll::Ready(Err(ErrorKind::TimedOut.into()))
        })
        .await
    }
}
