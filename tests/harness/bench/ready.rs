//! Which of many sockets are ready: epoll, told once of each socket and asked once for all of them.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Sockets that are reported at a time: more than any load has connections.
const EVENTS: usize = 128;

/// See the module.
pub(super) struct Ready(OwnedFd);

impl Ready {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Reports a socket under this number from now on, whenever it can be read.
    pub(super) fn add(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        Ok(epoll::add(&self.0, socket, data(number), epoll::EventFlags::IN)?)
    }

    /// Reports a socket when it can be written, too, or no longer.
    pub(super) fn set_writing(
        &self,
        socket: impl AsFd,
        number: usize,
        writing: bool,
    ) -> io::Result<()> {
        let out = if writing { epoll::EventFlags::OUT } else { epoll::EventFlags::empty() };
        Ok(epoll::modify(&self.0, socket, data(number), epoll::EventFlags::IN | out)?)
    }

    /// Waits until sockets are ready and gives their numbers: none when the time is over.
    pub(super) fn wait(&self, numbers: &mut Vec<usize>, time_max: Duration) -> io::Result<()> {
        numbers.clear();
        let time_max = Timespec::try_from(time_max).map_err(io::Error::other)?;
        let mut events = [MaybeUninit::uninit(); EVENTS];
        let ready = match epoll::wait(&self.0, &mut events, Some(&time_max)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            result => result?.0,
        };
        numbers.extend(ready.iter().filter_map(|event| usize::try_from(event.data.u64()).ok()));
        Ok(())
    }
}

fn data(number: usize) -> epoll::EventData {
    epoll::EventData::new_u64(u64::try_from(number).unwrap_or(u64::MAX))
}
