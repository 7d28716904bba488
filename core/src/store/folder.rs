//! The index of a folder: its names, sorted, in one page.
//!
//! A page changes only when a name appears or goes. A folder inside is a name with a slash at its
//! end. A folder without names has no page, and its own name goes from the page above.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use super::codec::{Reader, Writer};
use super::key::folder_of;
use super::{Name, Owner, Space};
use crate::reject::Corrupt;
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// The opened page of one folder. Names are secrets: they are wiped when the page is dropped.
#[derive(Clone, Default)]
pub(crate) struct Page {
    names: Vec<Box<str>>,
}

impl Page {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let names = reader.list(|reader| reader.str().map(Box::from))?;
        reader.finish()?;
        if names.is_empty() || !names.is_sorted_by(|left, right| left < right) {
            return Err(Corrupt("a page whose names are not in order"));
        }
        Ok(Self { names })
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        Writer::new(VERSION).list(self.names.iter(), |writer, name| writer.str(name)).finish()
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// Bytes of memory that this page takes.
    pub(crate) fn bytes(&self) -> usize {
        self.names.iter().map(|name| size_of::<Box<str>>() + name.len()).sum()
    }

    fn has(&self, name: &str) -> bool {
        self.names.binary_search_by(|other| other.as_ref().cmp(name)).is_ok()
    }

    fn insert(&mut self, name: &str) {
        if let Err(at) = self.names.binary_search_by(|other| other.as_ref().cmp(name)) {
            self.names.insert(at, name.into());
        }
    }

    fn remove(&mut self, name: &str) {
        if let Ok(at) = self.names.binary_search_by(|other| other.as_ref().cmp(name)) {
            self.names.remove(at);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        for name in &mut self.names {
            name.zeroize();
        }
    }
}

/// The page of `folder` (empty, or with its slash), if it has names.
pub(crate) fn read(tx: &mut Tx<'_>, owner: Owner, folder: &str) -> Result<Option<Arc<Page>>, Halt> {
    tx.page(&Name::new(Space::Folder, owner, folder))
}

/// Whether an entry is there, by its name in the page of its folder.
pub(crate) fn has(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<bool, Halt> {
    let folder = folder_of(path);
    let name = path.get(folder.len()..).unwrap_or("");
    Ok(read(tx, owner, folder)?.is_some_and(|page| page.has(name)))
}

/// Puts the name of an entry into the page of its folder, and names of new folders into the pages
/// above. A name that is there already changes nothing.
pub(crate) fn add(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<(), Halt> {
    let mut path = path;
    loop {
        let folder = folder_of(path);
        let name = path.get(folder.len()..).unwrap_or("");
        let page = read(tx, owner, folder)?;
        if page.as_ref().is_some_and(|page| page.has(name)) {
            return Ok(());
        }
        let is_new = page.is_none();
        let mut page = page.map_or_else(Page::default, |page| Page::clone(&page));
        page.insert(name);
        put(tx, owner, folder, page);
        if !is_new || folder.is_empty() {
            return Ok(());
        }
        path = folder;
    }
}

/// Takes the name of an entry out of the page of its folder, and names of emptied folders out of the
/// pages above. Says whether the name was there.
pub(crate) fn remove(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<bool, Halt> {
    let mut path = path;
    let mut found = false;
    loop {
        let folder = folder_of(path);
        let name = path.get(folder.len()..).unwrap_or("");
        let page = read(tx, owner, folder)?.filter(|page| page.has(name));
        let Some(page) = page else { return Ok(found) };
        found = true;
        let mut page = Page::clone(&page);
        page.remove(name);
        let emptied = page.names.is_empty();
        put(tx, owner, folder, page);
        if !emptied || folder.is_empty() {
            return Ok(true);
        }
        path = folder;
    }
}

fn put(tx: &mut Tx<'_>, owner: Owner, folder: &str, page: Page) {
    let name = Name::new(Space::Folder, owner, folder);
    if page.names.is_empty() {
        tx.delete(&name);
    } else {
        let bytes = page.encode();
        tx.put_page(&name, &bytes, Arc::new(page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_names_sorted_and_once() {
        let mut page = Page::default();
        for name in ["b", "a", "a/", "b", "A"] {
            page.insert(name);
        }
        page.remove("b");
        page.remove("missing");
        assert_eq!(page.names().collect::<Vec<_>>(), ["A", "a", "a/"]);
        let again = Page::decode(&page.encode()).unwrap();
        assert_eq!(again.names().collect::<Vec<_>>(), ["A", "a", "a/"]);
    }

    #[test]
    fn refuses_pages_out_of_order() {
        for names in [&["b", "a"][..], &["a", "a"], &[]] {
            let bytes = Writer::new(VERSION).list(names.iter(), |w, name| w.str(name)).finish();
            assert!(Page::decode(&bytes).is_err(), "{names:?}");
        }
    }
}
