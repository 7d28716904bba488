//! The cubbyhole: secrets that belong to one token, and go with it.
//!
//! <https://openbao.org/api-docs/secret/cubbyhole/>

use super::entry;
use crate::answer::{Answer, Envelope};
use crate::field::Field;
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::store::Owner;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    engine: Some(Engine::Cubbyhole),
    pattern: "{path...}",
    free_form: true,
    exists: Some(exists),
    methods: &[
        Method::new(Operation::Read, Access::Acl, read),
        Method::new(Operation::Update, Access::Acl, write),
        Method::new(Operation::Delete, Access::Acl, delete),
        Method::new(Operation::List, Access::Acl, list),
    ],
    fields: &[Field::path("path", "Location of the secret.")],
    synopsis: "Reads, writes, deletes and lists secrets of the caller's token.",
    description: "Every token has a cubbyhole of its own. A write replaces the whole secret.",
    ..Route::NEW
}];

fn read(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let (owner, path) = place(context, authorized)?;
    let Some(entry) = entry::read(tx, owner, path)? else { return Ok(Answer::Nothing) };
    Ok(Answer::Envelope(Envelope { data: Some(entry.text), ..Envelope::default() }))
}

fn exists(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<bool, Halt> {
    entry::exists(tx, authorized.caller()?.token.cubbyhole, context.path)
}

fn write(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let (owner, path) = place(context, authorized)?;
    let entry = entry::of_body(context.call.doc.as_ref(), |_| None)
        .ok_or(Reject::Trouble("missing data fields"))?;
    entry::write(tx, owner, path, &entry)?;
    Ok(Answer::Nothing)
}

fn delete(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let (owner, path) = place(context, authorized)?;
    entry::delete(tx, owner, path)?;
    Ok(Answer::Nothing)
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let owner = authorized.caller()?.token.cubbyhole;
    entry::list(tx, owner, context.path)
}

/// Whose entry it is, and which.
fn place<'a>(context: &Context<'a>, authorized: &Authorized) -> Result<(Owner, &'a str), Reject> {
    if context.path.is_empty() {
        return Err(Reject::Trouble("missing path"));
    }
    Ok((authorized.caller()?.token.cubbyhole, context.path))
}
