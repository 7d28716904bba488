//! A folder's tree over a plain map: for the tests of the tree, and for fuzzers.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::{Page, PageId, PageReader, PageWriter, add, has, remove, walk};
use crate::random::{Generator, Phase, keyed};
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::{Key, Name, Owner};

const OWNER: Owner = Owner([7; 16]);

/// The index of one mount: its pages as they are stored, unsealed.
#[allow(missing_debug_implementations, reason = "for tests")]
pub struct Index {
    pub(super) records: BTreeMap<Key, Wiped<Vec<u8>>>,
    /// Pages read so far.
    pub reads: usize,
    /// Bytes of those pages.
    pub bytes_read: usize,
    random: Generator,
    page_bytes_max: usize,
}

#[allow(clippy::missing_panics_doc, reason = "a tree that was built here is whole")]
impl Index {
    /// An index without names.
    pub fn new(page_bytes_max: usize) -> Self {
        let random = Generator::new(&[1; 32], Phase::Effect);
        Self { records: BTreeMap::new(), reads: 0, bytes_read: 0, random, page_bytes_max }
    }

    /// Adds an entry.
    pub fn add(&mut self, path: &str) {
        assert!(add(self, OWNER, path).is_ok(), "the tree is whole");
    }

    /// Takes an entry away; says whether it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        remove(self, OWNER, path).unwrap_or_else(|_| unreachable!("the tree is whole"))
    }

    /// Whether an entry is there.
    pub fn has(&mut self, path: &str) -> bool {
        has(self, OWNER, path).unwrap_or_else(|_| unreachable!("the tree is whole"))
    }

    /// At most `count` names of a folder behind `after`; `None` if the tree is not whole.
    pub fn list(&mut self, folder: &str, after: &str, count: usize) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let flow = walk(self, OWNER, folder, after, 2, &mut |name| {
            if found.len() == count {
                return ControlFlow::Break(());
            }
            found.push(name.into());
            ControlFlow::Continue(())
        });
        flow.ok().map(|_| found)
    }

    /// Bytes of every page.
    pub fn pages(&self) -> impl Iterator<Item = &[u8]> {
        self.records.values().map(|record| record.as_slice())
    }

    fn key(name: &Name<'_>) -> Key {
        name.key(&keyed(&[0; 32]))
    }

    #[cfg(test)]
    pub(super) fn root() -> Key {
        Self::key(&Name::new(crate::store::Space::Folder, OWNER, ""))
    }
}

/// Reads a page and writes it again; `None` if it is none.
pub fn rewrite_page(bytes: &[u8]) -> Option<Vec<u8>> {
    Page::read(bytes).ok().map(|page| page.encode().to_vec())
}

impl PageReader for Index {
    type Halt = Corrupt;

    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, Corrupt> {
        self.reads += 1;
        let record = self.records.get(&Self::key(name));
        self.bytes_read += record.map_or(0, |record| record.len());
        record.map(|record| Page::read(record).map(Arc::new)).transpose()
    }

    fn pages(
        &mut self,
        owner: Owner,
        folder: &str,
        paths: &[Wiped<String>],
    ) -> Result<Vec<Option<Arc<Page>>>, Corrupt> {
        paths.iter().map(|path| self.page(&Name::page(owner, folder, path))).collect()
    }
}

impl PageWriter for Index {
    fn put_page(&mut self, name: &Name<'_>, page: Page) {
        self.records.insert(Self::key(name), page.encode());
    }

    fn delete_page(&mut self, name: &Name<'_>) {
        assert!(self.records.remove(&Self::key(name)).is_some(), "only what is there is deleted");
    }

    fn fresh_id(&mut self) -> PageId {
        PageId(self.random.array())
    }

    fn page_bytes_max(&self) -> usize {
        self.page_bytes_max
    }
}
