//! Seals of a namespace's own, which there are none of.
//!
//! Whoever asks for one is refused, rather than given a namespace that opens with the server.

use alloc::format;

use http::StatusCode;

use super::{change, name};
use crate::answer::Answer;
use crate::json::{Kind, Value};
use crate::namespace;
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// Refuses a body that asks for a seal.
pub(super) fn refuse(context: &Context<'_>) -> Result<(), Reject> {
    for field in ["seal", "pgp_keys"] {
        let is_empty = match context.args.value(field).map(Value::kind) {
            None | Some(Kind::Null | Kind::String("")) => true,
            Some(Kind::Array(mut items)) => items.next().is_none(),
            Some(Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Object(_)) => false,
        };
        if !is_empty {
            return Err(Reject::invalid(format!(
                "namespaces with a seal of their own are not available: leave out {field}"
            )));
        }
    }
    Ok(())
}

pub(super) fn seal(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    let found = namespace::find(tx, context.namespace().id, &name)?;
    Err(Reject::invalid(match found {
        Some(_) => "namespace is not sealable",
        None => "namespace doesn't exist",
    })
    .into())
}

/// What unsealing answers too.
pub(super) fn status(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    let parent = context.namespace();
    if namespace::find(tx, parent.id, &name)?.is_none() {
        let text = format!("namespace {} doesn't exist", quoted(&parent.path_of(&name)));
        return Err(Reject::coded(StatusCode::INTERNAL_SERVER_ERROR, text).into());
    }
    Err(Reject::invalid("namespace is not sealable").into())
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name::of(context)?;
    match namespace::find(tx, context.namespace().id, &name)? {
        Some(_) => Err(Reject::invalid("namespace is not sealed").into()),
        None => Ok(change::absent()),
    }
}
