//! Entries under free paths: what KV version 1 and the cubbyhole have in common.
//!
//! The value is stored as the canonical text of the object that was sent, so that a read puts it into
//! the answer as it stands.

use alloc::string::String;
use core::mem;

use crate::answer::Answer;
use crate::json::{self, Doc};
use crate::reject::{Corrupt, Reject};
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};
use crate::store::folder;
use crate::store::{Name, Owner, Space};
use crate::task::{Inquiry, Listing};
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// One stored value.
pub(crate) struct Entry {
    /// What the secret says of its lease, in seconds.
    pub(crate) lease: Option<i64>,
    /// Canonical JSON text of an object.
    pub(crate) text: Wiped<String>,
}

pub(crate) fn read(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<Option<Entry>, Halt> {
    let Some(mut record) = tx.get(&name(owner, path))? else { return Ok(None) };
    let mut reader = Reader::new(&record, VERSION)?;
    let lease = reader.option(Reader::i64)?;
    let start = record.len() - reader.rest().len();
    record.drain(..start);
    // The text stays where it was opened.
    match String::from_utf8(mem::take(&mut record)) {
        Ok(text) => Ok(Some(Entry { lease, text: text.into() })),
        Err(error) => {
            drop(Wiped::new(error.into_bytes()));
            Err(Corrupt("a text that is no UTF-8").into())
        }
    }
}

/// The entry of a body; none if the body has no fields.
pub(super) fn of_body(doc: Option<&Doc>, lease: impl FnOnce(&Doc) -> Option<i64>) -> Option<Entry> {
    let doc = doc?;
    if doc.object()?.is_empty() {
        return None;
    }
    let mut text = Wiped::new(String::new());
    doc.root().write_canonical(&mut text);
    Some(Entry { lease: lease(doc), text })
}

/// Whether there is an entry, by the page of its folder.
pub(super) fn exists(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<bool, Halt> {
    Ok(!path.ends_with('/') && folder::has(tx, owner, path)?)
}

/// Puts an entry. What was there before is not read: the page of the folder tells whether the name
/// is new.
pub(crate) fn write(tx: &mut Tx<'_>, owner: Owner, path: &str, entry: &Entry) -> Result<(), Halt> {
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

/// The names in a folder: `path` is empty or ends in a slash. A folder of many names is long work.
pub(crate) fn list(tx: &mut Tx<'_>, owner: Owner, path: &str) -> Result<Answer, Halt> {
    let inquiry = Inquiry::Names(Listing { owner, folder: path.into(), recursive: false });
    let leaves = if tx.has_inquired(&inquiry) { None } else { folder::leaves(tx, owner, path)? };
    let Some(leaves) = leaves else {
        let found = tx.inquire(inquiry)?;
        return Ok(found.map_or(Answer::Nothing, |json| Answer::data(json.into())));
    };
    if leaves.is_empty() {
        return Ok(Answer::Nothing);
    }
    // A comma stands between two leaves.
    let bytes: usize = leaves.iter().map(|leaf| leaf.json_bytes() + 1).sum();
    let data = json::Object::with_capacity(bytes + r#"{"keys":[]}"#.len());
    let data = data.list("keys", |list| leaves.iter().for_each(|leaf| leaf.list(list)));
    Ok(Answer::data(data.finish()))
}

/// All names below a folder, but for those of folders. Nothing found is an empty object.
pub(super) fn scan(tx: &Tx<'_>, owner: Owner, path: &str) -> Result<Answer, Halt> {
    let listing = Listing { owner, folder: path.into(), recursive: true };
    let found = tx.inquire(Inquiry::Names(listing))?;
    Ok(Answer::data(found.unwrap_or("{}").into()))
}

fn name(owner: Owner, path: &str) -> Name<'_> {
    Name::new(Space::Entry, owner, path)
}

/// Names are stored inside their records behind a length of 16 bits; no target is longer.
pub(crate) fn check_length(path: &str) -> Result<(), Reject> {
    if path.len() > usize::from(u16::MAX) {
        return Err(Reject::invalid("path is too long"));
    }
    Ok(())
}
