//! Readiness of sockets where there is no epoll: by the reactor of `async-io`, which knows what the
//! system has instead.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use ::smol::{Async, Executor};

/// Serves the executor's tasks in this thread.
///
/// # Errors
///
/// None; other systems have some.
pub(super) fn run(executor: &Executor<'static>) -> io::Result<Infallible> {
    match ::smol::block_on(executor.run(pending::<Infallible>())) {}
}

/// A socket that is watched.
pub(super) struct Source<T: AsFd>(Async<T>);

impl<T: AsFd> Source<T> {
    /// Watches a socket, which does not wait by itself.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub(super) fn new(socket: T) -> io::Result<Self> {
        Async::new_nonblocking(socket).map(Self)
    }

    pub(super) fn socket(&self) -> &T {
        self.0.get_ref()
    }

    /// Whether there may be something to read; who asks is woken when there is.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_readable(context)
    }

    /// Whether there may be room to write; who asks is woken when there is.
    pub(super) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_writable(context)
    }

    /// A read has taken all that was there: the reactor looks anew for every wait.
    #[allow(clippy::unused_self, reason = "others must know")]
    pub(super) fn set_read(&self) {}

    /// A write has found no room: the reactor looks anew for every wait.
    #[allow(clippy::unused_self, reason = "others must know")]
    pub(super) fn set_full(&self) {}
}
