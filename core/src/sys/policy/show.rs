//! How a policy is shown.

use crate::answer::Answer;
use crate::json::Object;
use crate::namespace::Namespace;
use crate::policy::{DEFAULT, Record, normal_name};
use crate::route::Context;
use crate::time::Time;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

/// The member that has the text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Policy,
    Rules,
}

pub(super) fn policy(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    read(tx, context, Member::Policy)
}

pub(super) fn old_policy(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    read(tx, context, Member::Rules)
}

fn read(tx: &mut Tx<'_>, context: &Context<'_>, member: Member) -> Result<Answer, Halt> {
    let name = normal_name(context.args.capture("name").unwrap_or(""));
    let namespace = context.namespace();
    if name == crate::policy::ROOT && !namespace.is_root() {
        return Ok(Answer::Nothing);
    }
    let Some(record) = Record::find(tx, namespace, &name)? else { return Ok(Answer::Nothing) };
    let data = info(&name, &record, made(tx, namespace), member);
    Ok(Answer::data(data.finish()))
}

/// When the policies came that a namespace has by itself.
pub(super) fn made(tx: &Tx<'_>, namespace: &Namespace) -> Time {
    match tx.seal().unsealed() {
        Some(unsealed) if namespace.is_root() => unsealed.keyring.creation_time(),
        Some(_) | None => namespace.created,
    }
}

/// Everything about a policy; `made` is when one came that nobody has written.
pub(super) fn info(name: &str, record: &Record, made: Time, member: Member) -> Object {
    let mut object = Object::new()
        .plain("allow_slashes_in_identity_templates", record.options.allow_slashes)
        .plain("allow_wildcards_in_identity_templates", record.options.allow_wildcards)
        .plain("cas_required", record.cas_required);
    if let Some(expiration) = record.expiration {
        object = object.string("expiration", &expiration.rfc3339());
    }
    let modified = record.modified.or_else(|| (name == DEFAULT).then_some(made));
    if let Some(modified) = modified {
        object = object.string("modified", &modified.rfc3339());
    }
    object = object.string("name", name);
    object = match member {
        Member::Policy => object.string("policy", &record.text),
        Member::Rules => object.string("rules", &record.text),
    };
    object.plain("version", record.version)
}
