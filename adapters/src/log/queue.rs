//! Lines on their way to a stream that may take its time.
//!
//! One thread writes; whoever logs leaves a line and goes on. Invariants: the lock is never held while
//! something is written; what waits has a bound, and what does not fit is dropped and counted; the count
//! stands where the lines would have stood.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that wait, and as many again that are being written: some hundred lines, and little to a small
/// host.
const QUEUE_BYTES_MAX: usize = 64 * 1024;

/// See the module.
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to write.
    arrived: Condvar,
    /// All is written.
    drained: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    waiting: String,
    /// Lines that did not fit behind these.
    dropped: u64,
    is_writing: bool,
}

impl Queue {
    /// Starts the thread that writes to this stream. `told` makes the line that tells how many were
    /// dropped.
    ///
    /// # Errors
    ///
    /// Those of the operating system, where a thread cannot be had.
    pub(super) fn start(
        stream: impl Write + Send + 'static,
        told: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            arrived: Condvar::new(),
            drained: Condvar::new(),
        });
        let own = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || own.write(stream, told))?;
        Ok(Self(shared))
    }

    /// Leaves a line.
    pub(super) fn push(&self, line: &str) {
        let mut state = self.0.lock();
        // Behind one that was dropped none is taken: lines keep their order, and the count its place.
        if state.dropped > 0 || state.waiting.len() + line.len() > QUEUE_BYTES_MAX {
            state.dropped = state.dropped.saturating_add(1);
        } else {
            state.waiting.push_str(line);
        }
        drop(state);
        self.0.arrived.notify_one();
    }

    /// Waits until all is written, and no longer than this.
    pub(super) fn flush(&self, patience: Duration) {
        let waited = self.0.drained.wait_timeout_while(self.0.lock(), patience, |state| {
            state.is_writing || !state.is_empty()
        });
        drop(waited);
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0
    }
}

impl Shared {
    fn write(&self, mut stream: impl Write, told: impl Fn(u64) -> String) {
        let mut state = self.lock();
        loop {
            if state.is_empty() {
                state.is_writing = false;
                self.drained.notify_all();
                let waited = self.arrived.wait_while(state, |state| state.is_empty());
                state = waited.unwrap_or_else(PoisonError::into_inner);
            }
            state.is_writing = true;
            let mut lines = std::mem::take(&mut state.waiting);
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            if dropped > 0 {
                lines.push_str(&told(dropped));
            }
            // A stream that has ended is no reason to end.
            let _ = stream.write_all(lines.as_bytes()).and_then(|()| stream.flush());
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A stream whose every write waits for leave.
    struct Slow {
        begun: Sender<()>,
        leave: Receiver<()>,
        written: Arc<Mutex<String>>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            self.leave.recv().map_err(io::Error::other)?;
            let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
            self.written.lock().map_err(|_| io::ErrorKind::Other)?.push_str(text);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Slowly {
        queue: Queue,
        begun: Receiver<()>,
        leave: Sender<()>,
        written: Arc<Mutex<String>>,
    }

    fn slowly() -> Slowly {
        let (begins, begun) = mpsc::channel();
        let (leave, may) = mpsc::channel();
        let written = Arc::new(Mutex::new(String::new()));
        let stream = Slow { begun: begins, leave: may, written: Arc::clone(&written) };
        let queue = Queue::start(stream, |dropped| format!("{dropped} dropped\n")).unwrap();
        Slowly { queue, begun, leave, written }
    }

    #[test]
    fn drops_what_does_not_fit_and_tells_how_much_when_there_is_room_again() {
        let Slowly { queue, begun, leave, written } = slowly();
        queue.push("first\n");
        begun.recv().unwrap();
        // Nobody reads: this thread goes on all the same.
        let line = format!("{}\n", "x".repeat(1023));
        for _ in 0..QUEUE_BYTES_MAX / line.len() {
            queue.push(&line);
        }
        queue.push(&line);
        queue.push("a short one\n");
        leave.send(()).unwrap();
        begun.recv().unwrap();
        queue.push("last\n");
        leave.send(()).unwrap();
        leave.send(()).unwrap();
        queue.flush(LONG);
        let written = written.lock().unwrap();
        let lines: Vec<&str> = written.lines().filter(|line| !line.starts_with('x')).collect();
        assert_eq!(lines, ["first", "2 dropped", "last"]);
        assert_eq!(written.lines().count(), 3 + QUEUE_BYTES_MAX / line.len());
    }

    #[test]
    fn waits_for_what_is_written_and_not_for_ever() {
        let Slowly { queue, begun, leave, written } = slowly();
        queue.flush(LONG);
        queue.push("a\n");
        begun.recv().unwrap();
        queue.flush(Duration::from_millis(10));
        assert_eq!(*written.lock().unwrap(), "");
        leave.send(()).unwrap();
        queue.flush(LONG);
        assert_eq!(*written.lock().unwrap(), "a\n");
    }

    #[test]
    fn outlives_a_stream_that_has_ended() {
        let Slowly { queue, begun, leave, .. } = slowly();
        drop(leave);
        for _ in 0..3 {
            queue.push("a\n");
            begun.recv().unwrap();
            queue.flush(LONG);
        }
    }

    #[test]
    fn a_line_that_never_fits_is_dropped() {
        let Slowly { queue, leave, written, .. } = slowly();
        leave.send(()).unwrap();
        queue.push(&"x".repeat(QUEUE_BYTES_MAX + 1));
        queue.flush(LONG);
        assert_eq!(*written.lock().unwrap(), "1 dropped\n");
    }
}
