//! `auth/token/lookup` and `auth/token/lookup-self`.
//!
//! <https://openbao.org/api-docs/auth/token/#lookup-a-token>

use super::authorize::Authorized;
use super::create::meta_object;
use super::record::{Alive, Token};
use crate::answer::Answer;
use crate::json;
use crate::namespace::Namespace;
use crate::reject::Reject;
use crate::route::Context;
use crate::time::Time;
use crate::vault::{Halt, Tx};

pub(super) fn lookup(
    tx: &mut Tx<'_>,
    context: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    match context.args.string("token")?.filter(|text| !text.is_empty()) {
        Some(text) => {
            let found = Token::find(tx, &text, tx.charged())?;
            let Alive { token, namespace } = found.ok_or(Reject::BadToken)?;
            Ok(Answer::data(show(&text, &token, &namespace, tx.now)))
        }
        None => lookup_self(tx, context, authorized),
    }
}

pub(super) fn lookup_self(
    tx: &mut Tx<'_>,
    _: &Context<'_>,
    authorized: &Authorized,
) -> Result<Answer, Halt> {
    let caller = authorized.caller()?;
    Ok(Answer::data(show(&caller.text, &caller.token, &caller.namespace, tx.now)))
}

fn show(text: &str, token: &Token, namespace: &Namespace, now: Time) -> alloc::string::String {
    let mut object = json::Object::new()
        .string("accessor", &token.accessor)
        .plain("creation_time", token.creation_time.unix_seconds())
        .plain("creation_ttl", token.creation_ttl)
        .string("display_name", &token.display_name)
        .string("entity_id", "");
    object = match token.expire_time {
        Some(expires) => object.string("expire_time", &expires.rfc3339()),
        None => object.null("expire_time"),
    };
    object = object.plain("explicit_max_ttl", token.explicit_max_ttl).string("id", text);
    if token.renewable.is_some() {
        object = object.string("issue_time", &token.creation_time.rfc3339());
    }
    object = object.raw("meta", &meta_object(token.meta.as_ref()));
    if !namespace.is_root() {
        object = object.string("namespace_path", &namespace.path);
    }
    object = object
        .plain("num_uses", token.num_uses)
        .plain("orphan", token.ancestors.is_empty())
        .string("path", &token.path);
    if token.period > 0 {
        object = object.plain("period", token.period);
    }
    object = object.strings("policies", token.policies.iter());
    if let Some(renewable) = token.renewable {
        object = object.plain("renewable", renewable);
    }
    let ttl = token.expire_time.map_or(0, |expires| expires.since(now).as_secs());
    object.plain("ttl", ttl).string("type", "service").finish()
}
