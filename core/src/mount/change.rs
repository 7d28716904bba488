//! Mounts that come and go.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;

use super::{FIRST_MOUNT, INDEX, Kind, Record, Row, find_row, record_name, row_name};
use crate::chore::sweep;
use crate::namespace::{Namespace, Place};
use crate::store::{Owner, folder};
use crate::vault::{Halt, Tx};

/// What stands in the way of a path.
pub(crate) struct Obstacle {
    /// Of the mount, or of the namespace, with its slash.
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

/// Whatever mount or namespace has a path, lies above it or below it. The mount of a new server gives way
/// while nobody has used it: then it goes.
pub(crate) fn make_way(
    tx: &mut Tx<'_>,
    namespace: &Arc<Namespace>,
    path: &str,
) -> Result<Option<Obstacle>, Halt> {
    let place = Place::within(Arc::clone(namespace), path);
    if let Some((prefix, row)) = find_row(tx, &place)? {
        if prefix == FIRST_MOUNT && gives_way(tx, namespace, &row)? {
            drop_mount(tx, namespace.id, &prefix, row.id())?;
            return Ok(None);
        }
        return Ok(Some(Obstacle { path: prefix, kind: row.kind() }));
    }
    // Every mount below has a name in the index. Auth methods are no mounts below `auth/`: that is taken
    // by all of them.
    let below = first_below(tx, namespace.id, path)?;
    Ok(below.map(|path| Obstacle { path, kind: Kind::Mount }))
}

/// The first mount that the index has below a path.
fn first_below(tx: &mut Tx<'_>, namespace: Owner, path: &str) -> Result<Option<String>, Halt> {
    let mut path = path.to_owned();
    let mut found = None;
    while let Some(name) = folder::first(tx, namespace, &[INDEX, &path].concat())? {
        path.push_str(&name);
        found = Some(path.clone());
    }
    Ok(found)
}

/// Whether a mount is the one of a new server, untouched.
fn gives_way(tx: &mut Tx<'_>, namespace: &Namespace, row: &Row) -> Result<bool, Halt> {
    let Row::Mount { owner, record } = row else { return Ok(false) };
    if !namespace.is_root() || tx.config.keeps_first_mount {
        return Ok(false);
    }
    let record = tx.form_by_key::<Record>(record)?;
    let is_first = record.is_some_and(|record| record.gives_way);
    Ok(is_first && folder::first(tx, *owner, "")?.is_none())
}

/// Stages a mount at a path that is free.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    namespace: Owner,
    path: &str,
    record: &Record,
) -> Result<(), Halt> {
    let owner = Owner(tx.random().array());
    tx.put(&record_name(owner), &record.encode());
    place(tx, namespace, path, owner)
}

/// Stages the way to a mount.
pub(crate) fn place(
    tx: &mut Tx<'_>,
    namespace: Owner,
    path: &str,
    owner: Owner,
) -> Result<(), Halt> {
    assert!(path.len() > 1 && path.ends_with('/'), "a mount has a path, with a slash at its end");
    tx.put(&row_name(namespace, path), &Row::to_mount(owner));
    folder::add(tx, namespace, &[INDEX, path].concat())
}

/// Stages that the way to a mount goes.
pub(crate) fn displace(tx: &mut Tx<'_>, namespace: Owner, path: &str) -> Result<(), Halt> {
    tx.delete(&row_name(namespace, path));
    folder::remove(tx, namespace, &[INDEX, path].concat())?;
    Ok(())
}

/// Stages that a mount goes, and what it holds with it: that is taken away in the background.
pub(crate) fn drop_mount(
    tx: &mut Tx<'_>,
    namespace: Owner,
    path: &str,
    owner: Owner,
) -> Result<(), Halt> {
    displace(tx, namespace, path)?;
    tx.delete(&record_name(owner));
    sweep::drop_owner(tx, owner);
    Ok(())
}
