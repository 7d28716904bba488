//! The cubbyhole: secrets that belong to one token, and go with it.
//!
//! <https://openbao.org/api-docs/secret/cubbyhole/>

use alloc::vec::Vec;

use super::entry;
use crate::answer::{Answer, Envelope};
use crate::field::Field;
use crate::mount::Mount;
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::token::{Authorized, Caller, RESPONSE};
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
    let caller = authorized.caller()?;
    check_path(context.path)?;
    if !is_home(context, caller) {
        return Ok(Answer::Nothing);
    }
    let Some(entry) = entry::read(tx, caller.token.cubbyhole, context.path)? else {
        return Ok(Answer::Nothing);
    };
    let mut warnings = Vec::new();
    if caller.token.is_wrapping() && context.path == RESPONSE {
        warnings.push(
            "Reading a wrapped answer from the cubbyhole is deprecated: sys/wrapping/unwrap checks \
             the token as well."
                .into(),
        );
    }
    Ok(Answer::Envelope(Envelope { data: Some(entry.text), warnings, ..Envelope::default() }))
}

fn exists(tx: &mut Tx<'_>, _: &Mount, path: &str, caller: &Caller) -> Result<bool, Halt> {
    entry::exists(tx, caller.token.cubbyhole, path)
}

fn write(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    check_path(context.path)?;
    let entry = entry::of_body(context.call.doc.as_ref(), |_| None)
        .ok_or(Reject::Trouble("missing data fields"))?;
    if !is_home(context, caller) {
        let text = "a token has its cubbyhole in its own namespace only";
        return Err(Reject::invalid(text).into());
    }
    entry::write(tx, caller.token.cubbyhole, context.path, &entry)?;
    Ok(Answer::Nothing)
}

fn delete(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    check_path(context.path)?;
    if is_home(context, caller) {
        entry::delete(tx, caller.token.cubbyhole, context.path)?;
    }
    Ok(Answer::Nothing)
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, authorized: &Authorized) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    if !is_home(context, caller) {
        return Ok(Answer::Nothing);
    }
    entry::list(tx, caller.token.cubbyhole, context.path)
}

/// Whether the cubbyhole is that of the caller's own namespace. In all others the token has an empty one:
/// one secret must not have two paths.
fn is_home(context: &Context<'_>, caller: &Caller) -> bool {
    context.namespace().id == caller.namespace.id
}

fn check_path(path: &str) -> Result<(), Reject> {
    if path.is_empty() { Err(Reject::Trouble("missing path")) } else { Ok(()) }
}
