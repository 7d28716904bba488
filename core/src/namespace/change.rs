//! Namespaces that come and go.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

use super::Namespace;
use crate::chore::sweep;
use crate::mount::{NAMESPACE_INDEX, Row, row_name};
use crate::reject::Corrupt;
use crate::store::codec::Writer;
use crate::store::{Key, Name, Owner, Space, folder};
use crate::vault::{Halt, Tx};

/// Characters of the id that handles carry: the reference's.
const SHORT_ID_CHARS: usize = 6;
const SHORT_ID_VERSION: u8 = 1;

/// The namespace directly inside another that has a name, with its slash.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    parent: Owner,
    name: &str,
) -> Result<Option<Arc<Namespace>>, Halt> {
    match tx.form::<Row>(&row_name(parent, name))?.as_deref() {
        Some(Row::Namespace { record, .. }) => load(tx, record).map(Some),
        Some(Row::Mount { .. }) | None => Ok(None),
    }
}

/// The namespace that a row leads to.
pub(super) fn load(tx: &mut Tx<'_>, record: &Key) -> Result<Arc<Namespace>, Halt> {
    let found = tx.form_by_key(record)?;
    Ok(found.ok_or(Corrupt("a route to a namespace that is not there"))?)
}

/// Stages a namespace inside another, at a name that is free, with its slash.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    parent: &Namespace,
    name: &str,
    metadata: BTreeMap<String, String>,
) -> Result<Namespace, Halt> {
    let id = Owner(tx.random().array());
    let namespace = Namespace {
        id,
        short_id: take_short_id(tx, id)?,
        path: parent.path_of(name),
        parent: parent.id,
        created: tx.now,
        metadata,
        lock: None,
    };
    put(tx, &namespace);
    tx.put(&row_name(parent.id, name), &Row::to_namespace(id));
    folder::add(tx, parent.id, &[NAMESPACE_INDEX, name].concat())?;
    Ok(namespace)
}

/// Stages the record of a namespace.
pub(crate) fn put(tx: &mut Tx<'_>, namespace: &Namespace) {
    tx.put(&Namespace::name(namespace.id), &namespace.encode());
}

/// Stages that a namespace goes that has no others inside. From then on nothing of it answers, and its
/// tokens are dead; what it holds is taken away in the background.
pub(crate) fn drop_namespace(
    tx: &mut Tx<'_>,
    namespace: &Namespace,
    name: &str,
) -> Result<(), Halt> {
    tx.delete(&row_name(namespace.parent, name));
    folder::remove(tx, namespace.parent, &[NAMESPACE_INDEX, name].concat())?;
    tx.delete(&Namespace::name(namespace.id));
    tx.delete(&short_id_name(&namespace.short_id));
    sweep::drop_owner(tx, namespace.id);
    Ok(())
}

/// Stages a short id that no other namespace has.
///
/// There are 57 billion of them, so among ten thousand namespaces two would meet once in a thousand
/// servers. Each has a record of its own, so that this takes one look, however many there are.
fn take_short_id(tx: &mut Tx<'_>, id: Owner) -> Result<String, Halt> {
    loop {
        let short_id = tx.random().base62(SHORT_ID_CHARS);
        if tx.get(&short_id_name(&short_id))?.is_none() {
            let payload = Writer::new(SHORT_ID_VERSION).array(&id.0).finish();
            tx.put(&short_id_name(&short_id), &payload);
            return Ok(short_id);
        }
    }
}

/// The name of the record that says whose a short id is.
fn short_id_name(short_id: &str) -> Name<'_> {
    Name::new(Space::Namespace, Owner::ROOT, short_id)
}
