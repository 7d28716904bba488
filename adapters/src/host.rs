//! The host of one vault: it carries out what the vault asks for, for any number of threads.
//!
//! The vault, its store and the answers that nobody has fetched yet stand behind one lock. A step
//! takes microseconds, and the store of this adapter is memory. Parsing a body happens outside, in the
//! thread of the request; sealing and opening a record does not yet.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use strongroom_core::http::{Head, Response};
use strongroom_core::{Call, Config, MemoryStore, Output, RequestId, Time, Vault, drive};

use crate::clock::Clock;

/// See the module.
#[derive(Debug)]
pub struct Host {
    clock: Clock,
    inner: Mutex<Inner>,
    /// Something changed for a request that waits.
    changed: Condvar,
}

struct Inner {
    vault: Vault,
    store: MemoryStore,
    last_id: u64,
    /// Answers of requests whose threads wait.
    answers: BTreeMap<RequestId, Response>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Host {
    /// A host with an empty store in memory.
    pub fn in_memory(config: Config) -> Self {
        let inner = Inner {
            vault: Vault::new(config),
            store: MemoryStore::new(),
            last_id: 0,
            answers: BTreeMap::new(),
        };
        Self { clock: Clock::start(), inner: Mutex::new(inner), changed: Condvar::new() }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whether a request may send its body, and how large.
    ///
    /// # Errors
    ///
    /// The answer, if it is refused at once.
    pub fn admit(&self, head: &Head) -> Result<usize, Response> {
        self.lock().vault.admit(head)
    }

    /// Serves one request, in the caller's thread, until it is answered.
    pub fn serve(&self, call: Call) -> Response {
        let step = self.clock.step();
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = RequestId(inner.last_id);
        inner.vault.handle_request(&step, id, call);
        loop {
            inner.carry_out(&self.clock);
            self.changed.notify_all();
            if let Some(response) = inner.answers.remove(&id) {
                return response;
            }
            let pause = inner
                .vault
                .poll_timeout()
                .map_or(PAUSE_MAX, |due| due.since(self.clock.now()).min(PAUSE_MAX));
            inner =
                self.changed.wait_timeout(inner, pause).unwrap_or_else(|_| std::process::abort()).0;
            inner.vault.handle_timeout(&self.clock.step());
        }
    }

    /// A panic in a step leaves the machine in an unknown state: nothing more is served from it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|_| std::process::abort())
    }
}

impl Inner {
    /// Does everything that the vault asks for.
    fn carry_out(&mut self, clock: &Clock) {
        loop {
            let outputs = drive(&mut self.vault, &self.store, || clock.step());
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                match output {
                    Output::Persist(batch) => {
                        self.store.commit(&batch);
                        self.vault.handle_persisted(&clock.step(), batch.seq);
                    }
                    Output::Audit(id, _) => self.vault.handle_audited(&clock.step(), id, Ok(())),
                    Output::Run(id, job) => self.vault.handle_job(&clock.step(), id, job.run()),
                    Output::Respond(id, response) => drop(self.answers.insert(id, response)),
                    Output::Load(..) | Output::Range(..) => unreachable!("drive serves them"),
                }
            }
        }
    }
}

/// How long a thread waits at most before it looks at the clock.
const PAUSE_MAX: Duration = Duration::from_secs(1);
