//! A store in memory: for development servers and tests. It is as durable as the process.
//!
//! A snapshot costs nothing to take; the first commit while one lives copies the map (not the
//! records).

use std::sync::{Arc, PoisonError, RwLock};

use strongroom_core::{Batch, Failed, Key, Loaded, MemoryStore, Read, Records, Snapshot};

use super::{Store, StoreError};

/// See the module.
#[derive(Debug, Default)]
pub struct Memory {
    current: RwLock<Arc<MemoryStore>>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is committed now.
    fn current(&self) -> Arc<MemoryStore> {
        // A panic in a commit is one about the order of batches, before anything changes.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Read for Memory {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).read(keys)
    }
}

impl Store for Memory {
    fn commit(&self, batches: &[Batch]) -> Result<(), StoreError> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let store = Arc::make_mut(&mut current);
        for batch in batches {
            store.commit(batch);
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + Send>, StoreError> {
        Ok(Box::new(View(self.current())))
    }

    /// A snapshot would have the next commit copy the map.
    fn view(&self, look: &mut dyn FnMut(&dyn Snapshot)) -> Result<(), StoreError> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        look(&**current);
        Ok(())
    }

    fn room(&self) -> Option<u64> {
        None
    }
}

/// The store as it was when the view was taken.
struct View(Arc<MemoryStore>);

impl Read for View {
    fn read(&self, keys: &[Key]) -> Result<Loaded, Failed> {
        self.0.read(keys)
    }
}

impl Snapshot for View {
    fn range(&self, first: &Key, last: &Key, count_max: usize) -> Result<Records, Failed> {
        self.0.range(first, last, count_max)
    }
}
