//! Writing and deleting policies.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::answer::{Answer, Envelope};
use crate::limit::{POLICY_BYTES_MAX, POLICY_NAME_BYTES_MAX};
use crate::policy::{
    DEFAULT, INDEX, Options, Policy, ROOT, Record, WRAPPING, normal_name, record_name,
};
use crate::quote::quoted;
use crate::reject::Reject;
use crate::route::Context;
use crate::store::folder;
use crate::sys::document;
use crate::time::Time;
use crate::token::Authorized;
use crate::vault::{Halt, Tx};

pub(super) fn write(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    replace(tx, context, Vec::new(), context.args.string("policy")?)
}

/// The same at the older path, where the text may be called `rules`.
pub(super) fn write_old(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let mut warnings = Vec::new();
    let mut text = context.args.string("policy")?;
    if text.as_ref().is_none_or(String::is_empty) {
        text = context.args.string("rules")?;
        if text.as_ref().is_some_and(|text| !text.is_empty()) {
            warnings.push("'rules' is deprecated, please use 'policy' instead".to_string());
        }
    }
    replace(tx, context, warnings, text)
}

/// Replaces all of a policy: what is not given is as in a new one.
fn replace(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    mut warnings: Vec<String>,
    text: Option<String>,
) -> Result<Answer, Halt> {
    let name = name(context, &mut warnings)?;
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Reject::invalid("'policy' parameter not supplied or empty"))?;
    let args = &context.args;
    let options = Options {
        allow_wildcards: args.bool("allow_wildcards_in_identity_templates")?.unwrap_or(false),
        allow_slashes: args.bool("allow_slashes_in_identity_templates")?.unwrap_or(false),
    };
    let cas_required = args.bool("cas_required")?.unwrap_or(false);
    let expiration = expiration(context, tx.now)?;
    let before = Record::find(tx, context.namespace(), &name)?;
    let text = decode(text)?;
    let policy = parse(&text, options)?;
    check_name(&name)?;
    let cas = args.int("cas")?;
    check_cas(cas, before.as_deref())?;
    let version = before.map_or(0, |before| before.version) + 1;
    let modified = Some(tx.now);
    let record = Record { text, options, version, cas_required, expiration, modified, policy };
    store(tx, context, &name, &record)?;
    Ok(warned(warnings))
}

/// Changes what is given of a policy, and nothing else.
pub(super) fn patch(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let mut warnings = Vec::new();
    let name = name(context, &mut warnings)?;
    let before = Record::find(tx, context.namespace(), &name)?;
    let before = before.ok_or_else(|| Reject::invalid("policy not found"))?;
    let args = &context.args;
    let text = match args.string("policy")?.filter(|text| !text.is_empty()) {
        Some(text) => decode(text)?,
        None => before.text.clone(),
    };
    let wildcards = args.bool("allow_wildcards_in_identity_templates")?;
    let slashes = args.bool("allow_slashes_in_identity_templates")?;
    let options = Options {
        allow_wildcards: wildcards.unwrap_or(before.options.allow_wildcards),
        allow_slashes: slashes.unwrap_or(before.options.allow_slashes),
    };
    let expiration = expiration(context, tx.now)?.or(before.expiration);
    let policy = parse(&text, options)?;
    check_name(&name)?;
    if let Some(cas) = args.int("cas")? {
        check_cas(Some(cas), Some(&before))?;
    }
    let record = Record {
        text,
        options,
        version: before.version + 1,
        cas_required: args.bool("cas_required")?.unwrap_or(before.cas_required),
        expiration,
        modified: Some(tx.now),
        policy,
    };
    store(tx, context, &name, &record)?;
    Ok(Answer::Envelope(Envelope { warnings, ..Envelope::default() }))
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    _: &Authorized,
) -> Result<Answer, Halt> {
    let name = name(context, &mut Vec::new())?;
    if name == DEFAULT {
        return Err(Reject::invalid("cannot delete default policy").into());
    }
    if matches!(name.as_str(), ROOT | WRAPPING) {
        return Err(Reject::invalid(format!("cannot delete {} policy", quoted(&name))).into());
    }
    let namespace = context.namespace().id;
    if folder::remove(tx, namespace, &[INDEX, &name].concat())? {
        tx.delete(&record_name(namespace, &name));
    }
    Ok(Answer::Nothing)
}

fn store(tx: &mut Tx<'_>, context: &Context<'_>, name: &str, record: &Record) -> Result<(), Halt> {
    let namespace = context.namespace().id;
    folder::add(tx, namespace, &[INDEX, name].concat())?;
    tx.put(&record_name(namespace, name), &record.encode());
    Ok(())
}

/// The name in its normal form, with a warning if it was sent in another.
fn name(context: &Context<'_>, warnings: &mut Vec<String>) -> Result<String, Reject> {
    // The rules have seen it in its normal form too.
    let name = normal_name(context.args.capture("name").unwrap_or(""));
    if name.is_empty() {
        return Err(Reject::invalid("policy name must be provided in the URL"));
    }
    if name.len() > POLICY_NAME_BYTES_MAX {
        return Err(Reject::invalid("the name of the policy is too long"));
    }
    if !context.call.path().as_str().ends_with(&name) {
        warnings.push(format!("policy name was converted to {name}"));
    }
    Ok(name)
}

fn check_name(name: &str) -> Result<(), Reject> {
    if matches!(name, ROOT | WRAPPING) {
        return Err(Reject::invalid(format!("cannot update {} policy", quoted(name))));
    }
    Ok(())
}

fn decode(sent: String) -> Result<String, Reject> {
    document::decode(sent).map_err(|why| Reject::invalid(format!("failed to parse policy: {why}")))
}

fn parse(text: &str, options: Options) -> Result<Policy, Reject> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Reject::invalid("failed to parse policy: the document is too long"));
    }
    Policy::parse(text, options)
        .map_err(|why| Reject::invalid(format!("failed to parse policy: {why}")))
}

/// When it is to end, if that is said.
fn expiration(context: &Context<'_>, now: Time) -> Result<Option<Time>, Reject> {
    let args = &context.args;
    let at = args.string("expiration")?.filter(|text| !text.is_empty());
    let ttl = args.duration("ttl")?.map(crate::duration::Signed::seconds).filter(|ttl| *ttl != 0);
    if at.is_some() && ttl.is_some() {
        let text = "cannot supply both 'expiration' and 'ttl' for policies";
        return Err(Reject::invalid(text));
    }
    let at = match (at, ttl) {
        (Some(text), _) => {
            let time = Time::parse(&text);
            Some(time.ok_or_else(|| Reject::invalid("invalid expiration time"))?)
        }
        (None, Some(ttl)) if ttl < 0 => Some(Time::default()),
        (None, Some(ttl)) => Some(now.after(Duration::from_secs(ttl.unsigned_abs()))),
        (None, None) => None,
    };
    if at.is_some_and(|at| at <= now) {
        let text = "refusing to update policy as expiration time has already elapsed";
        return Err(Reject::invalid(text));
    }
    Ok(at)
}

/// Compares the version that a write says it replaces with the one that is there.
fn check_cas(cas: Option<i64>, before: Option<&Record>) -> Result<(), Reject> {
    let refuse = |text: &'static str| Err(Reject::invalid(text));
    match (cas, before) {
        (None, Some(before)) if before.cas_required => {
            refuse("check-and-set parameter required for this call")
        }
        (None, _) => Ok(()),
        (Some(-1), Some(_)) => refuse("check-and-set parameter set to -1 on existing entry"),
        (Some(-1 | 0), None) => Ok(()),
        (Some(cas), Some(before)) if cas == before.version => Ok(()),
        (Some(_), _) => refuse("check-and-set parameter did not match the current version"),
    }
}

fn warned(warnings: Vec<String>) -> Answer {
    match warnings.is_empty() {
        true => Answer::Nothing,
        false => Answer::Envelope(Envelope { warnings, ..Envelope::default() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_versions_before_a_write() {
        let record =
            |version, cas_required| Record { version, cas_required, ..Record::default_policy() };
        // cas; version there and whether it wants one; whether it goes
        let cases = [
            (None, None, true),
            (None, Some((3, false)), true),
            (None, Some((3, true)), false),
            (Some(-1), None, true),
            (Some(-1), Some((3, false)), false),
            (Some(0), None, true),
            (Some(0), Some((3, false)), false),
            (Some(3), Some((3, true)), true),
            (Some(2), Some((3, true)), false),
            (Some(1), None, false),
        ];
        for (cas, before, fits) in cases {
            let before = before.map(|(version, required)| record(version, required));
            assert_eq!(check_cas(cas, before.as_ref()).is_ok(), fits, "{cas:?}");
        }
    }
}
