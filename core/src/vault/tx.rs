//! The transaction: what a handler sees of the world, and where it leaves its changes.
//!
//! Reads go through it and name what they depend on; writes are staged in it; the driver commits all
//! of it or nothing. A read gives the record, its absence, or a [`Halt`]: the handler passes that on
//! with `?`, and only the driver knows what it means.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::acl::Acls;
use super::{Charge, Config, Deed, Memo};
use crate::cors::Allowed;
use crate::effect::BatchSeq;
use crate::job::{Job, Outcome};
use crate::namespace::{Namespace, Place};
use crate::random::{Generator, Phase};
use crate::reject::{Branch, Corrupt, Reject};
use crate::roll::{Payloads, RecordReader};
use crate::route::Operation;
use crate::seal::{Barrier, SealChange, SealState};
use crate::secret::Wiped;
use crate::store::cache::{Cache, Entry, Form, Opened};
use crate::store::folder::{Page, PageId, PageReader, PageWriter};
use crate::store::{Key, Name, Owner};
use crate::task::{Inquiry, Unfound};
use crate::time::Time;

/// Why a run ends before its handler does.
pub(crate) enum Halt {
    /// Records are missing in memory: load them and run again.
    Missing,
    /// A use of the token was staged: commit that and run again.
    Admit(Charge),
    /// The request must be recorded first, as this.
    Audit(Deed),
    /// Slow work must be done first.
    Job(Job),
    /// Long work must be done first.
    Inquire(Inquiry),
    /// The request is not served.
    Reject(Reject),
    /// A record is not what was written.
    Corrupt(#[allow(dead_code, reason = "for logs, which are to come")] Corrupt),
}

impl From<Reject> for Halt {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<Corrupt> for Halt {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// See the module.
pub(crate) struct Tx<'v> {
    cache: &'v mut Cache,
    pub(super) acls: &'v mut Acls,
    seal: &'v SealState,
    memo: &'v Memo,
    root: &'v Arc<Namespace>,
    pub(crate) config: &'v Config,
    pub(crate) now: Time,
    /// How rejections are worded from here on.
    pub(crate) branch: Branch,
    random: Generator,
    pub(super) staged: Staged,
}

/// What a run leaves to the driver.
#[derive(Default)]
pub(super) struct Staged {
    pub(super) changes: BTreeMap<Key, Entry>,
    pub(super) seal: Option<SealChange>,
    pub(super) missing: BTreeSet<Key>,
    /// The highest batch that was read.
    pub(super) read: BatchSeq,
    /// The highest time that was read from storage.
    pub(super) time_floor: Time,
    /// Whether this makes room rather than taking it.
    pub(super) frees: bool,
    /// Whether the request comes from elsewhere and may.
    pub(super) allowed: Option<Allowed>,
}

/// What a transaction sees of the server.
pub(super) struct World<'v> {
    pub(super) cache: &'v mut Cache,
    pub(super) acls: &'v mut Acls,
    pub(super) seal: &'v SealState,
    pub(super) seal_seq: BatchSeq,
    pub(super) root: &'v Arc<Namespace>,
    pub(super) config: &'v Config,
    pub(super) now: Time,
}

impl<'v> Tx<'v> {
    pub(super) fn new(world: World<'v>, memo: &'v Memo) -> Self {
        let World { cache, acls, seal, seal_seq, root, config, now } = world;
        Self {
            cache,
            acls,
            seal,
            memo,
            root,
            config,
            now,
            branch: Branch::Open,
            random: memo.random(Phase::Effect),
            staged: Staged { read: seal_seq, ..Staged::default() },
        }
    }

    /// The namespace that is always there.
    pub(crate) fn root_namespace(&self) -> Arc<Namespace> {
        Arc::clone(self.root)
    }

    // --- The seal ---

    pub(crate) fn seal(&self) -> &'v SealState {
        self.seal
    }

    /// Changes the seal when this transaction commits. What of it must last is staged besides; an attempt
    /// to unseal is never stored.
    pub(crate) fn change_seal(&mut self, change: SealChange) {
        self.staged.seal = Some(change);
    }

    fn barrier(&self) -> Result<&'v Barrier, Reject> {
        self.seal.unsealed().map(|unsealed| &*unsealed.barrier).ok_or(Reject::Sealed)
    }

    // --- Reading ---

    /// Asks for names that will be read next, so that they are loaded together.
    pub(crate) fn want(&mut self, names: &[Name<'_>]) -> Result<(), Halt> {
        let barrier = self.barrier()?;
        self.want_keys(names.iter().map(|name| barrier.key(name)))
    }

    /// The same for keys.
    pub(crate) fn want_keys(&mut self, keys: impl Iterator<Item = Key>) -> Result<(), Halt> {
        for key in keys {
            if !self.staged.changes.contains_key(&key) && self.cache.get(&key).is_none() {
                self.staged.missing.insert(key);
            }
        }
        if self.staged.missing.is_empty() { Ok(()) } else { Err(Halt::Missing) }
    }

    /// The payload of a record.
    pub(crate) fn get(&mut self, name: &Name<'_>) -> Result<Option<Wiped<Vec<u8>>>, Halt> {
        let barrier = self.barrier()?;
        let key = barrier.key(name);
        let Some(sealed) = &self.entry(&key)?.record else { return Ok(None) };
        Ok(Some(barrier.open(&key, name.path, sealed)?))
    }

    /// A record in its opened form.
    pub(crate) fn form<F: Form>(&mut self, name: &Name<'_>) -> Result<Option<Arc<F>>, Halt> {
        let key = self.barrier()?.key(name);
        self.form_by(&key, |barrier, sealed| barrier.open(&key, name.path, sealed))
    }

    /// The same of a record that is known by its key.
    pub(crate) fn form_by_key<F: Form>(&mut self, key: &Key) -> Result<Option<Arc<F>>, Halt> {
        self.form_by(key, |barrier, sealed| barrier.open_unnamed(key, sealed))
    }

    fn form_by<F: Form>(
        &mut self,
        key: &Key,
        open: impl FnOnce(&Barrier, &[u8]) -> Result<Wiped<Vec<u8>>, Corrupt>,
    ) -> Result<Option<Arc<F>>, Halt> {
        let barrier = self.barrier()?;
        let entry = self.entry(key)?;
        if let Some(form) = entry.opened.as_ref().and_then(Opened::get) {
            return Ok(Some(form));
        }
        let Some(sealed) = &entry.record else { return Ok(None) };
        let form = Arc::new(F::decode(&open(barrier, sealed)?, barrier)?);
        // The cache has what was there before this transaction.
        if !self.staged.changes.contains_key(key) {
            self.cache.attach(key, Opened::new(Arc::clone(&form)));
        }
        Ok(Some(form))
    }

    /// The key of a name.
    pub(crate) fn key(&self, name: &Name<'_>) -> Result<Key, Reject> {
        Ok(self.barrier()?.key(name))
    }

    /// Opens a record that a task has found.
    pub(crate) fn open(&self, key: &Key, sealed: &[u8]) -> Result<Wiped<Vec<u8>>, Halt> {
        Ok(self.barrier()?.open_unnamed(key, sealed)?)
    }

    /// A record as it is stored.
    pub(crate) fn sealed(&mut self, key: &Key) -> Result<Option<Arc<[u8]>>, Halt> {
        Ok(self.entry(key)?.record.clone())
    }

    fn entry(&mut self, key: &Key) -> Result<&Entry, Halt> {
        if let Some(entry) = self.staged.changes.get(key) {
            return Ok(entry);
        }
        let Some(entry) = self.cache.get(key) else {
            self.staged.missing.insert(*key);
            return Err(Halt::Missing);
        };
        self.staged.read = self.staged.read.max(entry.seq);
        Ok(entry)
    }

    // --- Writing ---

    /// Stages a record.
    pub(crate) fn put(&mut self, name: &Name<'_>, payload: &[u8]) {
        self.put_opened(name, payload, None);
    }

    /// Stages a record of a server that is being initialised, whose barrier is not open yet.
    pub(crate) fn put_through(&mut self, barrier: &Barrier, name: &Name<'_>, payload: &[u8]) {
        let key = barrier.key(name);
        let sealed = barrier.seal(&key, name.path, payload, self.random.array());
        self.stage(key, Some(sealed), None);
    }

    fn put_opened(&mut self, name: &Name<'_>, payload: &[u8], opened: Option<Opened>) {
        let barrier = self.barrier().expect("handlers that write have read through the barrier");
        let key = barrier.key(name);
        let sealed = barrier.seal(&key, name.path, payload, self.random.array());
        self.stage(key, Some(sealed), opened);
    }

    /// Stages bytes that are sealed already, or need no seal.
    pub(crate) fn put_sealed(&mut self, key: Key, record: Arc<[u8]>) {
        self.stage(key, Some(record), None);
    }

    /// Stages that a record goes.
    pub(crate) fn delete(&mut self, name: &Name<'_>) {
        let barrier = self.barrier().expect("handlers that delete have read through the barrier");
        self.stage(barrier.key(name), None, None);
    }

    /// The same for a key.
    pub(crate) fn delete_key(&mut self, key: Key) {
        self.stage(key, None, None);
    }

    /// Says that this transaction makes room: it may use the reserve of the storage.
    pub(crate) fn free_room(&mut self) {
        self.staged.frees = true;
    }

    fn stage(&mut self, key: Key, record: Option<Arc<[u8]>>, opened: Option<Opened>) {
        self.staged.changes.insert(key, Entry { record, opened, seq: BatchSeq::START });
    }

    // --- Once in all runs ---

    /// The random bytes of this phase.
    pub(crate) fn random(&mut self) -> &mut Generator {
        &mut self.random
    }

    /// What this request has charged already.
    pub(crate) fn charged(&self) -> Option<Charge> {
        self.memo.charge
    }

    /// Ends this run by committing what is staged as the charge of a use. What stages it draws its
    /// random bytes from a phase of its own.
    pub(crate) fn charge(&mut self, stage: impl FnOnce(&mut Self) -> Result<Charge, Halt>) -> Halt {
        self.random = self.memo.random(Phase::Admission);
        // A use is counted whatever room there is: it may be one that makes room.
        self.free_room();
        stage(self).map_or_else(|halt| halt, Halt::Admit)
    }

    /// Passes when the request is recorded, or nothing records.
    pub(crate) fn audit(&self, operation: Operation, place: &Place<'_>) -> Result<(), Halt> {
        if !self.config.audit {
            return Ok(());
        }
        let deed = Deed { operation, path: place.full().into() };
        // What was recorded is what is done, also when a write has come in between.
        if self.memo.audited && self.memo.deed.as_ref() == Some(&deed) {
            return Ok(());
        }
        Err(Halt::Audit(deed))
    }

    /// The outcome of slow work; the first run that asks for it ends here.
    #[cfg_attr(not(feature = "simulation"), allow(dead_code, reason = "no engine has jobs yet"))]
    pub(crate) fn job(&self, job: Job) -> Result<&'v Outcome, Halt> {
        self.memo.outcomes.get(&job.input()).ok_or(Halt::Job(job))
    }

    /// The `data` of a list that is long work; the first run that asks for it ends here.
    pub(crate) fn inquire(&self, inquiry: Inquiry) -> Result<Option<&'v str>, Halt> {
        match self.memo.findings.get(&inquiry) {
            None => Err(Halt::Inquire(inquiry)),
            Some(Ok(names)) => Ok(names.as_ref().map(|names| names.as_str())),
            Some(Err(Unfound::Trouble)) => Err(Reject::Internal.into()),
            Some(Err(Unfound::Stopped | Unfound::Superseded)) => Err(Reject::TimedOut.into()),
            Some(Err(Unfound::TooMuch)) => {
                Err(Reject::Overloaded("there are too many names for one answer").into())
            }
        }
    }

    /// Whether an inquiry was made: then its finding counts, whatever the folder is by now.
    pub(crate) fn has_inquired(&self, inquiry: &Inquiry) -> bool {
        self.memo.findings.contains_key(inquiry)
    }

    /// When the request came: the same in all runs.
    pub(crate) fn arrived(&self) -> Time {
        self.memo.arrived
    }

    /// The id of the request.
    pub(crate) fn request_id(&self) -> String {
        self.memo.request_id()
    }

    /// The request comes from elsewhere and may: its answer must say so.
    pub(crate) fn allow_origin(&mut self, allowed: Allowed) {
        self.staged.allowed = Some(allowed);
    }

    /// A time was read from storage: the clock goes on from it.
    pub(crate) fn raise_clock(&mut self, floor: Time) {
        self.staged.time_floor = self.staged.time_floor.max(floor);
    }
}

impl PageReader for Tx<'_> {
    type Halt = Halt;

    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, Halt> {
        self.form(name)
    }

    fn pages(
        &mut self,
        owner: Owner,
        folder: &str,
        paths: &[Wiped<String>],
    ) -> Result<Vec<Option<Arc<Page>>>, Halt> {
        let keys = self.barrier()?.page_keys(owner, folder, paths);
        self.want_keys(keys.iter().copied())?;
        let open = |(key, path): (&Key, &Wiped<String>)| {
            self.form_by(key, |barrier, sealed| barrier.open(key, path, sealed))
        };
        keys.iter().zip(paths).map(open).collect()
    }
}

impl RecordReader for Tx<'_> {
    fn payloads(&mut self, names: &[Name<'_>]) -> Result<Payloads, Halt> {
        self.want(names)?;
        names.iter().map(|name| self.get(name)).collect()
    }

    fn too_much() -> Halt {
        Reject::Overloaded("there are too many names for one answer").into()
    }
}

impl PageWriter for Tx<'_> {
    fn put_page(&mut self, name: &Name<'_>, page: Page) {
        let payload = page.encode();
        self.put_opened(name, &payload, Some(Opened::new(Arc::new(page))));
    }

    fn delete_page(&mut self, name: &Name<'_>) {
        self.delete(name);
    }

    fn fresh_id(&mut self) -> PageId {
        PageId(self.random.array())
    }

    fn page_bytes_max(&self) -> usize {
        self.config.page_bytes_max
    }
}
