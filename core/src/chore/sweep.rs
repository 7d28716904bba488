//! The clean-up of what has lost its owner: a revoked token's cubbyhole, its children, theirs; the secrets
//! of a mount; the mounts, policies and tokens of a namespace.
//!
//! Whoever drops an owner leaves a row for it in the same transaction. An owner's id is never used
//! again, so nothing new appears under it, and what is there is dead already: nobody waits for the
//! clean-up.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::drive::Records;
use crate::encoding::hex;
use crate::mount::{Kind, Row};
use crate::namespace::Namespace;
use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};
use crate::store::{Key, Name, Owner, Space};
use crate::token;
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// Spaces in which an owner may have rows.
const SPACES: [Space; 8] = [
    Space::Child,
    Space::Route,
    Space::Mount,
    Space::Policy,
    Space::PasswordPolicy,
    Space::Entry,
    Space::Folder,
    Space::Page,
];

/// What one transaction takes away.
pub(crate) struct Page {
    /// Rows of dropped owners.
    pub(crate) rows: Records,
    /// The rows for the owners themselves, if nothing else of theirs is left.
    pub(crate) done: Vec<Key>,
}

/// Stages that an owner is dropped.
pub(crate) fn drop_owner(tx: &mut Tx<'_>, owner: Owner) {
    let path = Wiped::new(hex(&owner.0));
    let payload = Writer::new(VERSION).array(&owner.0).finish();
    tx.put(&Name::new(Space::Task, Owner::ROOT, &path), &payload);
}

/// Where the rows for dropped owners are.
pub(crate) fn owners_range() -> (Key, Key) {
    Key::range(Space::Task, Owner::ROOT)
}

/// Where the rows of one of them are.
pub(crate) fn ranges_of(owner: Owner) -> impl Iterator<Item = (Key, Key)> {
    SPACES.into_iter().map(move |space| Key::range(space, owner))
}

/// The owner that a row is for.
pub(crate) fn read_owner(
    barrier: &Barrier,
    key: &Key,
    sealed: &Arc<[u8]>,
) -> Result<Owner, Corrupt> {
    let payload = barrier.open_unnamed(key, sealed)?;
    let mut reader = Reader::new(&payload, VERSION)?;
    let owner = Owner(reader.array()?);
    reader.finish()?;
    Ok(owner)
}

/// Stages that what a row of a dropped namespace leads to is dropped in turn. A row that does not open
/// leads nowhere.
fn drop_mount(tx: &mut Tx<'_>, key: &Key, sealed: &[u8]) -> Result<(), Halt> {
    let row = match tx.open(key, sealed) {
        Ok(payload) => Row::read(&payload).ok(),
        Err(Halt::Corrupt(_)) => None,
        Err(halt) => return Err(halt),
    };
    if let Some((kind, owner)) = row {
        // A namespace that has others inside is not dropped; if it were, they would go like mounts.
        if kind == Kind::Namespace {
            tx.delete(&Namespace::name(owner));
        }
        drop_owner(tx, owner);
    }
    Ok(())
}

pub(super) fn perform(tx: &mut Tx<'_>, page: &Page) -> Result<(), Halt> {
    let mut children = Vec::new();
    for (key, sealed) in &page.rows {
        if key.is_in(Space::Child) {
            children.extend(token::Reference::open(tx, key, sealed)?);
        } else if key.is_in(Space::Route) {
            drop_mount(tx, key, sealed)?;
        }
    }
    token::bury_all(tx, &children, |_| true)?;
    for key in page.rows.iter().map(|(key, _)| key).chain(&page.done) {
        tx.delete_key(*key);
    }
    Ok(())
}
