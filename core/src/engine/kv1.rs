//! KV version 1: one object under a path, replaced as a whole.
//!
//! <https://openbao.org/api-docs/secret/kv/kv-v1/>

use super::entry;
use crate::answer::{Answer, Envelope};
use crate::duration;
use crate::field::Field;
use crate::json::{Doc, Kind};
use crate::mount::Mount;
use crate::reject::Reject;
use crate::route::{Access, Context, Engine, Method, Operation, Route};
use crate::token::{Authorized, Caller};
use crate::vault::{Halt, Tx};

pub(crate) const ROUTES: &[Route] = &[Route {
    engine: Some(Engine::Kv1),
    pattern: "{path...}",
    free_form: true,
    exists: Some(exists),
    methods: &[
        Method::new(Operation::Read, Access::Acl, read),
        Method::new(Operation::Update, Access::Acl, write),
        Method::new(Operation::Delete, Access::Acl, delete),
        Method::new(Operation::List, Access::Acl, list),
        Method::new(Operation::Scan, Access::Acl, scan),
    ],
    fields: &[Field::path("path", "Location of the secret.")],
    synopsis: "Reads, writes, deletes and lists secrets.",
    description: "A write replaces the whole secret by the fields of its body. The fields `ttl` and \
                  `lease` are shown as the lease duration of a read; nothing expires by them.",
    ..Route::NEW
}];

fn read(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    let mount = context.mount();
    let Some(entry) = entry::read(tx, mount.owner, context.path)? else {
        return Ok(Answer::Nothing);
    };
    Ok(Answer::Envelope(Envelope {
        lease_duration: entry.lease.unwrap_or_else(|| mount.default_lease_ttl(tx.config)),
        data: Some(entry.text),
        ..Envelope::default()
    }))
}

fn exists(tx: &mut Tx<'_>, mount: &Mount, path: &str, _: &Caller) -> Result<bool, Halt> {
    entry::exists(tx, mount.owner, path)
}

fn write(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    if context.path.is_empty() {
        return Err(Reject::invalid("missing path").into());
    }
    let entry = entry::of_body(context.call.doc.as_ref(), lease_of)
        .ok_or_else(|| Reject::invalid("missing data fields"))?;
    entry::write(tx, context.mount().owner, context.path, &entry)?;
    Ok(Answer::Nothing)
}

fn delete(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    entry::delete(tx, context.mount().owner, context.path)?;
    Ok(Answer::Nothing)
}

fn list(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    entry::list(tx, context.mount().owner, context.path)
}

/// All entries below a folder: those of each folder in order, the folders inside from the last to the
/// first.
fn scan(tx: &mut Tx<'_>, context: &Context<'_>, _: &Authorized) -> Result<Answer, Halt> {
    entry::scan(tx, context.mount().owner, context.path)
}

/// The seconds that `ttl`, or without it `lease`, says. One that cannot be read hides the other.
fn lease_of(doc: &Doc) -> Option<i64> {
    let members = doc.object()?;
    let value = members.get("ttl").or_else(|| members.get("lease"))?;
    match value.kind() {
        Kind::Null => Some(0),
        Kind::String(text) => duration::parse(text).ok().map(duration::Signed::seconds),
        Kind::Number(text) => text.parse().ok(),
        Kind::Bool(_) | Kind::Array(_) | Kind::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn reads_the_lease_of_a_secret() {
        const CASES: [(&str, Option<i64>); 13] = [
            (r#"{"ttl":"30m"}"#, Some(1800)),
            (r#"{"ttl":45}"#, Some(45)),
            (r#"{"ttl":"45"}"#, Some(45)),
            (r#"{"lease":"1h"}"#, Some(3600)),
            (r#"{"lease":"1h","ttl":"5m"}"#, Some(300)),
            (r#"{"lease":"1h","ttl":"soon"}"#, None),
            (r#"{"ttl":""}"#, Some(0)),
            (r#"{"ttl":null}"#, Some(0)),
            (r#"{"ttl":"-5s"}"#, Some(-5)),
            (r#"{"ttl":1.5}"#, None),
            (r#"{"ttl":true}"#, None),
            (r#"{"ttl":{}}"#, None),
            (r#"{"x":1}"#, None),
        ];
        for (body, lease) in CASES {
            let doc = json::parse(body.as_bytes(), &json::Limits::default()).unwrap().unwrap();
            assert_eq!(lease_of(&doc), lease, "{body}");
        }
    }
}
