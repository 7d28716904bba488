//! The index of a folder: its names, sorted, in a tree of pages.
//!
//! The tree changes only when a name appears or goes. Most folders are one page, which is stored under
//! the folder's own name; the pages below it bear random ids. A folder inside a folder is a name with
//! a slash at its end. A folder without names has no page, and its own name goes from the folder above
//! in the same transaction.

mod page;
#[cfg(feature = "simulation")]
pub(crate) mod probe;
mod walk;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::key::folder_of;
use super::{Name, Owner, Space};
use crate::encoding::hex;
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::vault::{Halt, Tx};

pub(crate) use page::{Page, PageId};
pub(crate) use walk::walk;

/// Where pages are read.
pub(crate) trait PageReader {
    /// Why a page cannot be had now, or ever.
    type Halt: From<Corrupt>;

    /// One page, if it is there.
    fn page(&mut self, name: &Name<'_>) -> Result<Option<Arc<Page>>, Self::Halt>;

    /// Several pages of one folder other than the first, by their paths, each if it is there. They are
    /// loaded together.
    fn pages(
        &mut self,
        owner: Owner,
        folder: &str,
        paths: &[Wiped<String>],
    ) -> Result<Vec<Option<Arc<Page>>>, Self::Halt>;
}

/// Where pages are changed too.
pub(crate) trait PageWriter: PageReader {
    fn put_page(&mut self, name: &Name<'_>, page: Page);
    fn delete_page(&mut self, name: &Name<'_>);
    /// An id that no other page has.
    fn fresh_id(&mut self) -> PageId;
    /// Bytes of a page beyond which it is split.
    fn page_bytes_max(&self) -> usize;
}

/// Whether an entry is there, by its name in the index of its folder.
pub(crate) fn has<R: PageReader>(
    reader: &mut R,
    owner: Owner,
    path: &str,
) -> Result<bool, R::Halt> {
    let (folder, name) = Folder::of(owner, path);
    let way = folder.descend(reader, name)?;
    Ok(way.last().is_some_and(|leaf| leaf.page.search(name).is_ok()))
}

/// The first name in a folder, which is empty or ends in a slash.
pub(crate) fn first<R: PageReader>(
    reader: &mut R,
    owner: Owner,
    folder: &str,
) -> Result<Option<String>, R::Halt> {
    let mut found = None;
    let _ = walk(reader, owner, folder, "", 1, &mut |name| {
        found = Some(name.to_owned());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Puts the name of an entry into the index of its folder, and names of new folders into those above.
/// A name that is there already changes nothing.
pub(crate) fn add<W: PageWriter>(writer: &mut W, owner: Owner, path: &str) -> Result<(), W::Halt> {
    let mut path = path;
    loop {
        let (folder, name) = Folder::of(owner, path);
        let is_new = folder.insert(writer, name)?;
        if !is_new || folder.path.is_empty() {
            return Ok(());
        }
        path = folder.path;
    }
}

/// Takes the name of an entry out of the index of its folder, and names of emptied folders out of
/// those above. Says whether the name was there.
pub(crate) fn remove<W: PageWriter>(
    writer: &mut W,
    owner: Owner,
    path: &str,
) -> Result<bool, W::Halt> {
    let mut path = path;
    let mut found = false;
    loop {
        let (folder, name) = Folder::of(owner, path);
        let removed = folder.remove(writer, name)?;
        found |= removed != Removed::Nothing;
        if removed != Removed::LastName || folder.path.is_empty() {
            return Ok(found);
        }
        path = folder.path;
    }
}

/// The leaves of a folder in order, if they are so few that one step can go through them.
pub(crate) fn leaves(
    tx: &mut Tx<'_>,
    owner: Owner,
    folder: &str,
) -> Result<Option<Vec<Arc<Page>>>, Halt> {
    let folder = Folder { owner, path: folder };
    let Some(first) = folder.named(None, |name| tx.page(name))? else {
        return Ok(Some(Vec::new()));
    };
    if first.is_leaf() {
        return Ok(Some(alloc::vec![first]));
    }
    if first.level() > 1 || first.below().len() > tx.config.list_pages_max {
        return Ok(None);
    }
    folder.all_below(tx, &first, first.below()).map(Some)
}

const MISPLACED: Corrupt = Corrupt("an index page is missing or in the wrong place");

/// One folder of one owner.
#[derive(Clone, Copy)]
struct Folder<'f> {
    owner: Owner,
    /// Empty, or with its slash.
    path: &'f str,
}

/// A page on the way from the first page to a leaf.
struct Place {
    /// `None` for the first page.
    id: Option<PageId>,
    page: Arc<Page>,
    /// The page below that was taken; nothing in a leaf.
    at: usize,
}

/// What became of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removed {
    Nothing,
    Name,
    LastName,
}

impl<'f> Folder<'f> {
    /// The folder that holds a path, and the name in it.
    fn of(owner: Owner, path: &'f str) -> (Self, &'f str) {
        let folder = folder_of(path);
        (Self { owner, path: folder }, path.get(folder.len()..).unwrap_or(""))
    }

    /// Does something with the name of a page.
    fn named<T>(self, id: Option<PageId>, act: impl FnOnce(&Name<'_>) -> T) -> T {
        match id {
            None => act(&Name::new(Space::Folder, self.owner, self.path)),
            Some(id) => act(&Name::page(self.owner, self.path, &self.path_of(id))),
        }
    }

    /// The text that tells a page from all others of its owner: the id has a fixed length.
    fn path_of(self, id: PageId) -> Wiped<String> {
        Wiped::new(hex(&id.0) + self.path)
    }

    /// A page that another names.
    fn below<R: PageReader>(
        self,
        reader: &mut R,
        above: &Page,
        id: PageId,
    ) -> Result<Arc<Page>, R::Halt> {
        let page = self.named(Some(id), |name| reader.page(name))?;
        page.filter(|page| page.is_below(above)).ok_or_else(|| MISPLACED.into())
    }

    /// Several pages that another names, loaded together.
    fn all_below<R: PageReader>(
        self,
        reader: &mut R,
        above: &Page,
        ids: &[PageId],
    ) -> Result<Vec<Arc<Page>>, R::Halt> {
        let paths: Vec<_> = ids.iter().map(|id| self.path_of(*id)).collect();
        let pages = reader.pages(self.owner, self.path, &paths)?.into_iter();
        pages
            .map(|page| page.filter(|page| page.is_below(above)).ok_or_else(|| MISPLACED.into()))
            .collect()
    }

    /// The way from the first page to the leaf that a name belongs to; empty if there is no page.
    fn descend<R: PageReader>(self, reader: &mut R, name: &str) -> Result<Vec<Place>, R::Halt> {
        let mut way = Vec::new();
        let Some(mut page) = self.named(None, |name| reader.page(name))? else { return Ok(way) };
        let mut id = None;
        loop {
            let at = if page.is_leaf() { 0 } else { page.child_of(name) };
            way.push(Place { id, page: Arc::clone(&page), at });
            let Some(&next) = page.below().get(at) else { return Ok(way) };
            page = self.below(reader, &page, next)?;
            id = Some(next);
        }
    }

    fn put<W: PageWriter>(self, writer: &mut W, id: Option<PageId>, page: Page) {
        self.named(id, |name| writer.put_page(name, page));
    }

    fn delete<W: PageWriter>(self, writer: &mut W, id: Option<PageId>) {
        self.named(id, |name| writer.delete_page(name));
    }

    /// Puts a name in, if it is not there. Says whether it is the folder's first.
    fn insert<W: PageWriter>(self, writer: &mut W, name: &str) -> Result<bool, W::Halt> {
        let mut way = self.descend(writer, name)?;
        let Some(leaf) = way.pop() else {
            self.put(writer, None, Page::leaf(name));
            return Ok(true);
        };
        let Err(mut inserted) = leaf.page.search(name) else { return Ok(false) };
        let mut id = leaf.id;
        let mut page = leaf.page.with_name(inserted, name);
        while let Some(at) = page.split_point(inserted, writer.page_bytes_max()) {
            let (left, separator, right) = page.split(at);
            let right_id = writer.fresh_id();
            let level = right.level();
            self.put(writer, Some(right_id), right);
            let Some(above) = way.pop() else {
                // The first page keeps its name: what it held goes down a level.
                let left_id = writer.fresh_id();
                self.put(writer, Some(left_id), left);
                page = Page::above(level, left_id, &separator, right_id);
                break;
            };
            self.put(writer, id, left);
            inserted = above.at + 1;
            page = above.page.with_child(inserted, &separator, right_id);
            id = above.id;
        }
        self.put(writer, id, page);
        Ok(false)
    }

    /// Takes a name out. Pages that are left with little join a neighbour.
    fn remove<W: PageWriter>(self, writer: &mut W, name: &str) -> Result<Removed, W::Halt> {
        let mut way = self.descend(writer, name)?;
        let Some(leaf) = way.pop() else { return Ok(Removed::Nothing) };
        let Ok(at) = leaf.page.search(name) else { return Ok(Removed::Nothing) };
        let mut id = leaf.id;
        let mut page = leaf.page.without(at);
        while let Some(above) = way.pop() {
            if page.len() == 0 {
                self.delete(writer, id);
                page = above.page.without(above.at);
            } else if let Some((left, joined, right_at)) = self.join(writer, &above, &page)? {
                self.put(writer, Some(left), joined);
                self.delete(writer, above.page.below().get(right_at).copied());
                page = above.page.without(right_at);
            } else {
                self.put(writer, id, page);
                return Ok(Removed::Name);
            }
            id = above.id;
        }
        if page.len() == 0 {
            self.delete(writer, None);
            return Ok(Removed::LastName);
        }
        // One page below the first is one level too many.
        while let [only] = *page.below() {
            let below = self.below(writer, &page, only)?;
            self.delete(writer, Some(only));
            page = Page::clone(&below);
        }
        self.put(writer, None, page);
        Ok(Removed::Name)
    }

    /// A small page and its neighbour as one, if that leaves room: the id of the left one, the joined
    /// page, and the place of the right one.
    fn join<W: PageWriter>(
        self,
        writer: &mut W,
        above: &Place,
        page: &Page,
    ) -> Result<Option<(PageId, Page, usize)>, W::Halt> {
        if !page.is_small(writer.page_bytes_max()) {
            return Ok(None);
        }
        let left_at = above.at.saturating_sub(1);
        let right_at = left_at + 1;
        let ids = above.page.below();
        let (Some(&left_id), Some(&right_id)) = (ids.get(left_at), ids.get(right_at)) else {
            return Ok(None);
        };
        let separator = above.page.separator(right_at);
        let joined = if left_at == above.at {
            Page::join(page, separator, &*self.below(writer, &above.page, right_id)?)
        } else {
            Page::join(&*self.below(writer, &above.page, left_id)?, separator, page)
        };
        Ok(joined.is_roomy(writer.page_bytes_max()).then_some((left_id, joined, right_at)))
    }
}

#[cfg(test)]
#[cfg(feature = "simulation")]
mod tests;
