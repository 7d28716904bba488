//! Going through the names of a folder in order, from any name on.

use core::ops::ControlFlow;

use super::{Folder, Page, PageReader};
use crate::store::Owner;

/// Visits the names of `folder` (empty, or with its slash) that are greater than `after`, in order,
/// until the visitor breaks. `ahead` pages are asked for together.
pub(crate) fn walk<R: PageReader>(
    reader: &mut R,
    owner: Owner,
    folder: &str,
    after: &str,
    ahead: usize,
    visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, R::Halt> {
    let folder = Folder { owner, path: folder };
    let Some(first) = folder.named(None, |name| reader.page(name))? else {
        return Ok(ControlFlow::Continue(()));
    };
    below(reader, folder, &first, after, ahead, visit)
}

/// The same for one page. It is as deep as the tree, whose levels every page vouches for.
fn below<R: PageReader>(
    reader: &mut R,
    folder: Folder<'_>,
    page: &Page,
    after: &str,
    ahead: usize,
    visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, R::Halt> {
    if page.is_leaf() {
        for name in page.names().filter(|name| *name > after) {
            if visit(name).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        return Ok(ControlFlow::Continue(()));
    }
    let rest = page.below().get(page.child_of(after)..).unwrap_or_default();
    for ids in rest.chunks(ahead.max(1)) {
        for next in folder.all_below(reader, page, ids)? {
            if below(reader, folder, &next, after, ahead, visit)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}
