//! Making, changing and deleting a namespace.

use alloc::borrow::ToOwned;
use alloc::format;

use super::{metadata, name, seal, show};
use crate::answer::{Answer, Envelope};
use crate::json::Object;
use crate::limit::NAMESPACE_DEPTH_MAX;
use crate::mount::{self, NAMESPACE_INDEX};
use crate::namespace::{self, Namespace};
use crate::reject::Reject;
use crate::route::Context;
use crate::store::folder;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// Makes a namespace. One that is there gets the metadata that were sent, and no others.
pub(super) fn write(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    let metadata = metadata::read(context)?;
    seal::refuse(context)?;
    let parent = context.namespace();
    if let Some(found) = namespace::find(tx, parent.id, &name)? {
        let changed = Namespace { metadata, ..Namespace::clone(&found) };
        return Ok(put(tx, &changed));
    }
    name::check_new(&name)?;
    if parent.path.matches('/').count() >= NAMESPACE_DEPTH_MAX {
        let text = format!("there are at most {NAMESPACE_DEPTH_MAX} levels of namespaces");
        return Err(Reject::invalid(text).into());
    }
    if let Some(obstacle) = mount::make_way(tx, parent, &name)? {
        let text = format!("new namespace conflicts with existing mount: {}", obstacle.path);
        return Err(Reject::invalid(text).into());
    }
    let made = namespace::create(tx, parent, &name, metadata)?;
    Ok(Answer::data(show::show(&made)))
}

pub(super) fn patch(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    seal::refuse(context)?;
    let found = namespace::find(tx, context.namespace().id, &name)?;
    let found = found.ok_or_else(|| Reject::invalid("namespace not found"))?;
    let mut changed = Namespace::clone(&found);
    metadata::patch(context, &mut changed.metadata)?;
    Ok(put(tx, &changed))
}

fn put(tx: &mut Tx<'_>, changed: &Namespace) -> Answer {
    namespace::put(tx, changed);
    Answer::data(show::show(changed))
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    let Some(found) = namespace::find(tx, context.namespace().id, &name)? else {
        return Ok(absent());
    };
    if folder::first(tx, found.id, NAMESPACE_INDEX)?.is_some() {
        let text = "unable to delete namespace containing child namespaces";
        return Err(Reject::invalid(text).into());
    }
    namespace::drop_namespace(tx, &found, &name)?;
    Ok(Answer::data(Object::new().string("status", "in-progress").finish()))
}

/// What a deletion of nothing answers.
pub(super) fn absent() -> Answer {
    let warnings = alloc::vec!["requested namespace does not exist".to_owned()];
    Answer::Envelope(Envelope { warnings, ..Envelope::default() })
}
