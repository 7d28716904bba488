//! The lock of a namespace's API, and its key, of which a digest is kept.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::sync::Arc;

use ctutils::CtEq;
use sha2::{Digest, Sha256};

use super::name;
use crate::answer::{Answer, Envelope};
use crate::field::Field;
use crate::json::Object;
use crate::mount::as_folder;
use crate::namespace::{self, Namespace, Place};
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::secret::Wiped;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(super) const PATH: Field = Field::path("path", "The namespace, from that of the request.");

/// Characters of a key: 142 random bits.
const KEY_CHARS: usize = 24;

pub(super) fn lock(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let place = find(tx, context)?;
    let namespace = &place.namespace;
    let refuse = |why: &str| {
        Reject::invalid(format!("cannot lock namespace {}: {why}", quoted(&namespace.path)))
    };
    if namespace.lock.is_some() {
        return Err(refuse("is already locked").into());
    }
    if let Some(above) = place.locked() {
        let why = format!("ancestor namespace {} is already locked", quoted(&above.path));
        return Err(refuse(&why).into());
    }
    let key = Wiped::new(tx.random().base62(KEY_CHARS));
    put(tx, namespace, Some(digest(&key)));
    Ok(Answer::data(Object::new().string("unlock_key", &key).finish()))
}

pub(super) fn unlock(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    let place = find(tx, context)?;
    let namespace = &place.namespace;
    let name = quoted(&namespace.path);
    let Some(lock) = namespace.lock else {
        return Err(Reject::invalid(format!("namespace {name} is not locked")).into());
    };
    if let Some(above) = place.locked().filter(|above| above.id != namespace.id) {
        let above = quoted(&above.path);
        let text = format!("cannot unlock {name} with namespace {above} being locked");
        return Err(Reject::invalid(text).into());
    }
    let key = Wiped::new(context.args.string("unlock_key")?.unwrap_or_default());
    if key.is_empty() {
        if !authorized.has_sudo() {
            return Err(Reject::Trouble("provided empty key").into());
        }
        put(tx, namespace, None);
        let warnings = alloc::vec!["Namespace unlocked using sudo capabilities".to_owned()];
        return Ok(Answer::Envelope(Envelope { warnings, ..Envelope::default() }));
    }
    if !digest(&key).ct_eq(&lock).to_bool() {
        return Err(Reject::invalid("incorrect unlock key").into());
    }
    put(tx, namespace, None);
    Ok(Answer::Nothing)
}

/// The place of the namespace that the path names, which is never the root.
fn find(tx: &mut Tx<'_>, context: &Context<'_>) -> Result<Place<'static>, Halt> {
    let path = name::normal(context.args.capture(PATH.name).unwrap_or(""));
    let path = if path.is_empty() { "".into() } else { as_folder(&path) };
    let place = Place::resolve_owned(tx, context.namespace().path_of(&path))?;
    if !place.path().is_empty() {
        return Err(Reject::invalid("requested namespace does not exist").into());
    }
    if place.namespace.is_root() {
        return Err(Reject::invalid("root namespace cannot be locked/unlocked").into());
    }
    Ok(place)
}

fn put(tx: &mut Tx<'_>, namespace: &Arc<Namespace>, lock: Option<[u8; 32]>) {
    namespace::put(tx, &Namespace { lock, ..Namespace::clone(namespace) });
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
