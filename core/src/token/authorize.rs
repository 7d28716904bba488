//! The decision whether a request may be served, and the proof of it.
//!
//! Invariant: an [`Authorized`] is made here only, by a look at the records of this very run, and
//! does not outlive it. Every handler takes one.

use super::record::{SPENT, Token};
use crate::call::Call;
use crate::json::Kind;
use crate::reject::Reject;
use crate::route::Access;
use crate::vault::{Charge, Halt, Tx};

/// The proof that a request may be served.
pub(crate) struct Authorized {
    caller: Option<Caller>,
}

/// Whose request it is.
pub(crate) struct Caller {
    pub(crate) text: zeroize::Zeroizing<alloc::string::String>,
    pub(crate) token: Token,
}

impl Authorized {
    /// For endpoints that are served without a token.
    pub(crate) fn open() -> Self {
        Self { caller: None }
    }

    /// The caller. Routes that are not open always have one.
    pub(crate) fn caller(&self) -> Result<&Caller, Reject> {
        self.caller.as_ref().ok_or(Reject::PermissionDenied)
    }
}

/// Finds the caller's token alive, and charges a use of it if it has a limit.
pub(crate) fn authorize(tx: &mut Tx<'_>, call: &Call) -> Result<Authorized, Halt> {
    let text = call.token_text().filter(|text| !text.is_empty()).ok_or(Reject::PermissionDenied)?;
    let charged = tx.charged();
    let token = Token::find(tx, text, charged.is_some())?.ok_or(Reject::PermissionDenied)?;
    if token.num_uses != 0 && charged.is_none() {
        return Err(charge(tx, text, token));
    }
    let text = zeroize::Zeroizing::new(text.into());
    Ok(Authorized { caller: Some(Caller { text, token }) })
}

/// Stages one use less. It is committed before anything else is decided, and stays when the
/// request is refused.
fn charge(tx: &mut Tx<'_>, text: &str, mut token: Token) -> Halt {
    let left = token.num_uses - 1;
    let last = left == 0;
    token.num_uses = if last { SPENT } else { left };
    tx.charge(Charge { last }, |tx| token.update(tx, text))
}

/// Whether the caller may use a method of this access class; `None` where no method is known.
///
/// Until there are policies, a token that is not root may use what any token may.
pub(crate) fn check_access(authorized: &Authorized, access: Option<Access>) -> Result<(), Reject> {
    let caller = authorized.caller()?;
    let allowed = match access {
        Some(Access::AnyToken) => true,
        Some(Access::Acl | Access::Sudo) | None => caller.token.is_root(),
    };
    if allowed { Ok(()) } else { Err(Reject::AclDenied) }
}

/// What a request leaves of its token: after the last use, nothing.
pub(crate) fn finish(tx: &mut Tx<'_>, authorized: &Authorized) -> Result<(), Halt> {
    if tx.charged().is_some_and(|charge| charge.last)
        && let Some(caller) = &authorized.caller
    {
        caller.token.delete(tx, &caller.text);
    }
    Ok(())
}

/// The same for a request that was refused after its last use was charged.
pub(crate) fn bury(tx: &mut Tx<'_>, call: &Call) -> Result<(), Halt> {
    let Some(text) = call.token_text() else { return Ok(()) };
    if let Some(token) = Token::read(tx, text)?
        && token.num_uses == SPENT
    {
        token.delete(tx, text);
    }
    Ok(())
}

/// A `token` in the body that is not a string is refused before the caller is looked at.
pub(crate) fn check_body_token(call: &Call) -> Result<(), Reject> {
    const PATHS: [&str; 4] =
        ["auth/token/lookup", "auth/token/renew", "auth/token/revoke", "auth/token/revoke-orphan"];
    if !PATHS.contains(&call.path.as_str()) {
        return Ok(());
    }
    let members = call.doc.as_ref().and_then(crate::json::Doc::object);
    match members.and_then(|members| members.get("token")).map(crate::json::Value::kind) {
        None | Some(Kind::String(_)) => Ok(()),
        Some(Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => {
            Err(Reject::InvalidToken)
        }
    }
}
