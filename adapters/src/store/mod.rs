//! Where records are kept: the one trait that the host needs of a store, and the stores there are.
//!
//! Invariants of every store, which one suite of tests requires of all of them:
//!
//! - Batches are committed whole, in order, and durably: when `commit` returns, no crash takes them
//!   back.
//! - A reader sees a batch wholly or not at all, and only once it is durable. [`Loaded::as_of`] is a
//!   lower bound: all up to that batch is in what was read.
//! - After a commit that failed nobody knows what is on the medium. The store refuses every commit
//!   from then on; opening it anew finds what was acknowledged, and of what failed all or nothing.
//!
//! [`Loaded::as_of`]: strongroom_core::Loaded

#[cfg(feature = "embedded")]
mod embedded;
#[cfg(feature = "embedded")]
mod folder;
mod memory;

use std::path::PathBuf;
use std::{fmt, io};

use strongroom_core::{Batch, Read, Snapshot};

#[cfg(feature = "embedded")]
pub use embedded::{CACHE_BYTES, Embedded};
pub use memory::Memory;
/// What [`Embedded`] writes to: a file, or in tests something that stands for one.
#[cfg(feature = "embedded")]
pub use redb::StorageBackend as FileLayer;

/// A store that many threads share. See the module for what it promises.
pub trait Store: Read + Send + Sync {
    /// Makes these batches durable, in one transaction of the engine. They go on from the last one
    /// that was committed, without a gap.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the medium failed, now or in an earlier commit. It must not be tried again.
    ///
    /// # Panics
    ///
    /// If the batches do not go on from the last one.
    fn commit(&self, batches: &[Batch]) -> Result<(), StoreError>;

    /// A view of what is committed now. What it sees cannot be freed on the medium while it lives.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if the store cannot be read.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send>, StoreError>;

    /// Looks at what is committed now, for as long as `look` takes. A store may hold up commits
    /// meanwhile, if that is cheaper than a snapshot.
    ///
    /// # Errors
    ///
    /// [`StoreError`], if the store cannot be read; `look` is not called then.
    fn view(&self, look: &mut dyn FnMut(&dyn Snapshot)) -> Result<(), StoreError> {
        look(&*self.snapshot()?);
        Ok(())
    }

    /// Bytes that are left on the medium, or `None` where that is not known.
    fn room(&self) -> Option<u64>;
}

/// Why a store cannot be opened, or does not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    /// The folder of the store, if it has one.
    pub folder: Option<PathBuf>,
    /// What is the matter.
    pub cause: Cause,
}

/// What is the matter with a store.
#[derive(Debug)]
pub enum Cause {
    /// Another process has the folder.
    InUse,
    /// The folder holds something of this name that is not a store of this server.
    Foreign(String),
    /// The file is of a format that this version does not know.
    UnknownFormat(u64),
    /// The file is not what was written.
    Damaged(String),
    /// The operating system failed at this.
    Io(&'static str, io::Error),
    /// A commit failed before, and nothing was tried.
    Refused,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.folder {
            Some(folder) => write!(f, "storage in {}: {}", folder.display(), self.cause),
            None => write!(f, "storage: {}", self.cause),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("another process serves from this folder"),
            Self::Foreign(name) => {
                write!(
                    f,
                    "the folder holds {name:?}, which is not of this server; it is left as is"
                )
            }
            Self::UnknownFormat(version) => {
                write!(f, "the file is of format {version}, which this version does not know")
            }
            Self::Damaged(how) => write!(f, "the file is damaged: {how}"),
            Self::Io(what, error) => write!(f, "cannot {what}: {error}"),
            Self::Refused => f.write_str("refused, because an earlier commit failed"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<Cause> for StoreError {
    fn from(cause: Cause) -> Self {
        Self { folder: None, cause }
    }
}
