//! A store in one file of this machine, on the engine redb.
//!
//! One table holds the records, another says of which format the file is. The engine copies on
//! write: what is committed is never written over before the commit that replaces it is durable, and
//! a reader's view costs nothing.
//!
//! Invariants: the number of the last batch is raised after its commit, and read before a reader's
//! view is taken. The engine shows no commit to readers before it is durable. What it panics at,
//! such as a damaged page, is an error here.

use std::any::Any;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadOnlyTable, ReadableDatabase, TableDefinition};
use strongroom_core::{Batch, BatchSeq, Failed, Key, Loaded, Read, Records, Snapshot};

use super::folder::{Data, Folder};
use super::{Cause, FileLayer, Store, StoreError};
use crate::log;

/// Memory for pages of the engine under the blocking adapter, which is for small hosts. The operating
/// system keeps the file's pages too, and the core the records that are in use.
pub const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Records by their keys.
const RECORDS: TableDefinition<'_, KeyBytes, &[u8]> = TableDefinition::new("records");
/// Of which format the file is. A file without this table is not ours.
const FORMAT: TableDefinition<'_, &str, u64> = TableDefinition::new("strongroom");
const FORMAT_ROW: &str = "format";
/// The format that is written, and the only one that is read.
const FORMAT_VERSION: u64 = 1;

type KeyBytes = &'static [u8; Key::BYTES];
type Table = ReadOnlyTable<KeyBytes, &'static [u8]>;

/// See the module.
pub struct Embedded {
    /// Taken only when the store is dropped.
    database: Option<Database>,
    /// The last batch that is durable.
    committed: AtomicU64,
    /// Bytes of records that were taken away since the store was opened and not made up for by new
    /// ones: the engine keeps their room in the file, for what is to come.
    freed: AtomicU64,
    /// Whether a commit has failed. Held for as long as one is under way.
    failed: Mutex<bool>,
    /// Dropped last, so that the next process finds the file closed.
    folder: Option<Folder>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Embedded {
    /// Opens the store in a folder, with so much memory for pages. A folder that is missing or empty
    /// gets a new store.
    ///
    /// # Errors
    ///
    /// [`StoreError`], which names the folder: it holds something else, another process has it, the
    /// file is damaged or of an unknown format, or the operating system refuses.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let open = || {
            let folder = Folder::take(path)?;
            let layer = |file| FileBackend::new(file).map_err(|error| cause(error.into()));
            let database = match folder.data()? {
                Data::Existing(file) => existing(layer(file)?, cache_bytes)?,
                Data::Unfinished(file) => {
                    let database = fresh(layer(file)?, cache_bytes)?;
                    folder.finish()?;
                    database
                }
            };
            Ok(Self::new(database, Some(folder)))
        };
        open().map_err(|cause| StoreError { folder: Some(path.to_owned()), cause })
    }

    /// The same over something that stands for a file. It gets a new store if it is empty; unlike a
    /// folder's, that must not be cut off before this returns.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if what is in it is damaged or of an unknown format, or it fails.
    pub fn over(layer: impl FileLayer, cache_bytes: usize) -> Result<Self, StoreError> {
        let length = layer.len().map_err(|error| Cause::Io("read the file", error))?;
        let open = if length == 0 { fresh } else { existing };
        Ok(Self::new(open(layer, cache_bytes)?, None))
    }

    fn new(database: Database, folder: Option<Folder>) -> Self {
        Self {
            database: Some(database),
            committed: AtomicU64::new(BatchSeq::START.number()),
            freed: AtomicU64::new(0),
            failed: Mutex::new(false),
            folder,
        }
    }

    fn database(&self) -> &Database {
        self.database.as_ref().expect("it is taken by drop alone")
    }

    fn view(&self) -> Result<View, Cause> {
        // In this order: what is committed between the two is in the view and not promised.
        let as_of = BatchSeq::new(self.committed.load(Ordering::Acquire));
        let table = guard(|| Ok(self.database().begin_read()?.open_table(RECORDS)?))?;
        Ok(View { table, as_of })
    }

    fn error(&self, cause: Cause) -> StoreError {
        StoreError { folder: self.folder.as_ref().map(|folder| folder.path().to_owned()), cause }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let database = self.database.take();
        // The file is whole without what closing writes; it opens sooner with it.
        let _ = guard(|| {
            drop(database);
            Ok(())
        });
    }
}

impl Read for Embedded {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        self.view().map_err(|cause| log(&cause))?.read(keys)
    }
}

impl Store for Embedded {
    fn commit(&self, batches: &[Batch]) -> Result<(), StoreError> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if *failed {
            return Err(self.error(Cause::Refused));
        }
        let mut last = self.committed.load(Ordering::Acquire);
        for batch in batches {
            last += 1;
            assert_eq!(batch.seq.number(), last, "batches come in order");
        }
        let (taken, given) = match guard(|| write(self.database(), batches)) {
            Ok(bytes) => bytes,
            Err(cause) => {
                *failed = true;
                return Err(self.error(cause));
            }
        };
        let freed = self.freed.load(Ordering::Relaxed);
        self.freed.store((freed + given).saturating_sub(taken), Ordering::Relaxed);
        self.committed.store(last, Ordering::Release);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send>, StoreError> {
        Ok(Box::new(self.view().map_err(|cause| self.error(cause))?))
    }

    fn room(&self) -> Option<u64> {
        // Half of it: pages that are partly free hold no large record.
        let freed = self.freed.load(Ordering::Relaxed) / 2;
        self.folder.as_ref()?.room().map(|room| room.saturating_add(freed))
    }
}

/// The records as of one commit.
struct View {
    table: Table,
    as_of: BatchSeq,
}

impl Read for View {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        let get = |key: &Key| {
            let record = self.table.get(key.as_bytes())?;
            Ok(record.map(|record| Arc::from(record.value())))
        };
        let records = guard(|| keys.iter().map(get).collect()).map_err(|cause| log(&cause))?;
        Ok(Loaded { as_of: self.as_of, records })
    }
}

impl Snapshot for View {
    fn range(&self, first: &Key, last: &Key, count_max: usize) -> Result<Records, Failed> {
        if first > last {
            return Ok(Records::new());
        }
        let range = || {
            self.table
                .range::<&[u8; Key::BYTES]>(first.as_bytes()..=last.as_bytes())?
                .take(count_max)
                .map(|entry| {
                    let (key, record) = entry?;
                    Ok((Key::from_bytes(*key.value()), Arc::from(record.value())))
                })
                .collect()
        };
        guard(range).map_err(|cause| log(&cause))
    }
}

/// Makes a store in a file that is empty.
fn fresh(layer: impl FileLayer, cache_bytes: usize) -> Result<Database, Cause> {
    guard(|| {
        let database = Builder::new().set_cache_size(cache_bytes).create_with_backend(layer)?;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(FORMAT)?.insert(FORMAT_ROW, FORMAT_VERSION)?;
        transaction.open_table(RECORDS)?;
        transaction.commit()?;
        Ok(database)
    })
}

/// Opens the store in a file that has one.
fn existing(layer: impl FileLayer, cache_bytes: usize) -> Result<Database, Cause> {
    // The engine would take an empty file for a new one.
    if layer.len().map_err(|error| Cause::Io("read the file", error))? == 0 {
        return Err(Cause::Damaged("it is empty".to_owned()));
    }
    let (database, version) = guard(|| {
        let database = Builder::new().set_cache_size(cache_bytes).create_with_backend(layer)?;
        let transaction = database.begin_read()?;
        let version = transaction.open_table(FORMAT)?.get(FORMAT_ROW)?;
        let version = version.map(|version| version.value());
        Ok((database, version))
    })?;
    match version {
        Some(FORMAT_VERSION) => Ok(database),
        Some(version) => Err(Cause::UnknownFormat(version)),
        None => Err(Cause::Damaged("it does not say of which format it is".to_owned())),
    }
}

/// Commits batches in one transaction, durable when this returns. Gives the bytes of records that they
/// bring, and of those that they take away.
fn write(database: &Database, batches: &[Batch]) -> Result<(u64, u64), redb::Error> {
    let bytes = |record: &[u8]| u64::try_from(Key::BYTES + record.len()).unwrap_or(u64::MAX);
    let (mut taken, mut given) = (0, 0);
    let mut transaction = database.begin_write()?;
    // Opening after a crash takes a millisecond then, however much is stored.
    transaction.set_quick_repair(true);
    {
        let mut records = transaction.open_table(RECORDS)?;
        for (key, change) in batches.iter().flat_map(|batch| &batch.changes) {
            let before = match change {
                Some(record) => {
                    taken += bytes(record);
                    records.insert(key.as_bytes(), record.as_ref())?
                }
                None => records.remove(key.as_bytes())?,
            };
            given += before.map_or(0, |before| bytes(before.value()));
        }
    }
    transaction.commit()?;
    Ok((taken, given))
}

/// Calls the engine.
fn guard<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Cause> {
    // What a panic leaves behind in the engine stays there: a commit that fails is the last one, and
    // a read changes nothing.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(cause),
        Err(panic) => Err(Cause::Damaged(format!("the engine gave up: {}", text(&*panic)))),
    }
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say why")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the engine may have more errors than it has")]
fn cause(error: redb::Error) -> Cause {
    match error {
        redb::Error::DatabaseAlreadyOpen => Cause::InUse,
        redb::Error::PreviousIo => Cause::Refused,
        redb::Error::TableDoesNotExist(name) => Cause::Damaged(format!("it has no table {name:?}")),
        redb::Error::Io(error) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Cause::Damaged(error.to_string()),
            _ => Cause::Io("read or write the file", error),
        },
        other => Cause::Damaged(other.to_string()),
    }
}

fn log(cause: &Cause) -> Failed {
    log::error(&format!("storage: {cause}"));
    Failed
}
