//! Entries under free paths: what KV version 1 and the cubbyhole have in common.
//!
//! The value is stored as the canonical text of the object that was sent, so that a read puts it into
//! the answer as it stands.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::answer::Answer;
use crate::json::Doc;
use crate::limit::LIST_BYTES_MAX;
use crate::reject::{Corrupt, Reject};
use crate::store::codec::{Reader, Writer};
use crate::store::folder::{self, Page};
use crate::store::{Name, Owner, Space};
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// One stored value.
pub(super) struct Entry {
    /// What the secret says of its lease, in seconds.
    pub(super) lease: Option<i64>,
    /// Canonical JSON text of an object.
    pub(super) text: Zeroizing<String>,
}

pub(super) fn read(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<Option<Entry>, Halt> {
    let Some(record) = tx.get(&name(owner, path))? else { return Ok(None) };
    let mut reader = Reader::new(&record, VERSION)?;
    let lease = reader.option(Reader::i64)?;
    let text = str::from_utf8(reader.rest()).map_err(|_| Corrupt("a text that is no UTF-8"))?;
    Ok(Some(Entry { lease, text: Zeroizing::new(text.into()) }))
}

/// The entry of a body; none if the body has no fields.
pub(super) fn of_body(doc: Option<&Doc>, lease: impl FnOnce(&Doc) -> Option<i64>) -> Option<Entry> {
    let doc = doc?;
    if doc.object()?.is_empty() {
        return None;
    }
    let mut text = Zeroizing::new(String::new());
    doc.root().write_canonical(&mut text);
    Some(Entry { lease: lease(doc), text })
}

/// Whether there is an entry, by the page of its folder.
pub(super) fn exists(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<bool, Halt> {
    Ok(!path.ends_with('/') && folder::has(tx, owner, path)?)
}

/// Puts an entry. What was there before is not read: the page of the folder tells whether the name
/// is new.
pub(super) fn write(tx: &mut Tx<'_>, owner: Owner, path: &str, entry: &Entry) -> Result<(), Halt> {
    check_length(path)?;
    folder::add(tx, owner, path)?;
    let record =
        Writer::new(VERSION).option(entry.lease, Writer::i64).array(entry.text.as_bytes()).finish();
    tx.put(&name(owner, path), &record);
    Ok(())
}

/// Takes an entry away, if it is there.
pub(super) fn delete(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<(), Halt> {
    // A name that ends in a slash is a folder's: it goes when its last entry does.
    if !path.ends_with('/') && folder::remove(tx, owner, path)? {
        tx.delete(&name(owner, path));
    }
    Ok(())
}

/// The names in a folder: `path` is empty or ends in a slash.
pub(super) fn list(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<Answer, Halt> {
    match page(tx, owner, path)? {
        Some(page) if page.bytes() > LIST_BYTES_MAX => {
            Err(Reject::Overloaded("the folder has too many names for one answer").into())
        }
        Some(page) => Ok(Answer::keys(page.names())),
        None => Ok(Answer::Nothing),
    }
}

/// The page of a folder: `path` is empty or ends in a slash.
pub(super) fn page(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<Option<Arc<Page>>, Halt> {
    folder::read(tx, owner, path)
}

/// Asks for the pages of these folders together.
pub(super) fn want_pages(tx: &mut Tx<'_>, owner: Owner, folders: &[String]) -> Result<(), Halt> {
    let names: Vec<Name<'_>> =
        folders.iter().map(|folder| Name::new(Space::Folder, owner, folder)).collect();
    tx.want(&names)
}

fn name(owner: Owner, path: &str) -> Name<'_> {
    Name::new(Space::Entry, owner, path)
}

/// Names are stored inside their records behind a length of 16 bits; no target is longer.
fn check_length(path: &str) -> Result<(), Reject> {
    if path.len() > usize::from(u16::MAX) {
        return Err(Reject::invalid("path is too long"));
    }
    Ok(())
}
