//! The decision whether a request may be served, and the proof of it.
//!
//! Invariant: an [`Authorized`] is made here only, by a look at the records of this very run, and
//! does not outlive it. Every handler takes one.

use alloc::sync::Arc;

use super::record::Token;
use crate::call::Call;
use crate::reject::Reject;
use crate::route::{Access, Route};
use crate::secret::Wiped;
use crate::vault::{Halt, Tx};

/// The proof that a request may be served.
pub(crate) struct Authorized {
    caller: Option<Caller>,
}

/// Whose request it is.
pub(crate) struct Caller {
    pub(crate) text: Wiped<alloc::string::String>,
    pub(crate) token: Arc<Token>,
}

impl Authorized {
    /// For endpoints that are served without a token.
    ///
    /// # Panics
    ///
    /// If the route asks for one.
    pub(crate) fn open(route: &Route) -> Self {
        assert!(route.open, "only open routes are served without a token");
        Self { caller: None }
    }

    /// For endpoints that do nothing, and so ask for nothing, while the server is sealed.
    ///
    /// # Panics
    ///
    /// If it is not sealed.
    pub(crate) fn sealed(tx: &Tx<'_>) -> Self {
        assert!(tx.seal().unsealed().is_none(), "an unsealed server asks for a token");
        Self { caller: None }
    }

    /// The caller. Routes that are not open always have one.
    pub(crate) fn caller(&self) -> Result<&Caller, Reject> {
        self.caller.as_ref().ok_or(Reject::PermissionDenied)
    }
}

/// Finds the caller's token alive, charges a use of it if it has a limit, and decides whether it may
/// use a method of this access class; `None` where no method is known.
///
/// Until there are policies, a token that is not root may use what any token may.
pub(crate) fn authorize(
    tx: &mut Tx<'_>,
    call: &Call,
    access: Option<Access>,
) -> Result<Authorized, Halt> {
    let text = call.token_text().filter(|text| !text.is_empty()).ok_or(Reject::PermissionDenied)?;
    let charged = tx.charged();
    let token = Token::find(tx, text, charged)?.ok_or(Reject::PermissionDenied)?;
    match charged {
        Some(charge) if charge.token != token.cubbyhole => {
            // Its token is gone, and another has its text.
            return Err(Reject::PermissionDenied.into());
        }
        None if token.num_uses != 0 => return Err(charge(tx, text, &token)),
        Some(_) | None => {}
    }
    let allowed = match access {
        Some(Access::AnyToken) => true,
        Some(Access::Acl | Access::Sudo) | None => token.is_root(),
    };
    if !allowed {
        return Err(Reject::AclDenied.into());
    }
    let text = Wiped::new(text.into());
    Ok(Authorized { caller: Some(Caller { text, token }) })
}

/// Stages one use less. It is committed before anything else is decided, and stays when the
/// request is refused.
fn charge(tx: &mut Tx<'_>, text: &str, token: &Token) -> Halt {
    tx.charge(|tx| token.clone().spend(tx, text))
}

/// What a request leaves of its token: after the last use, nothing.
pub(crate) fn finish(tx: &mut Tx<'_>, authorized: &Authorized) {
    if tx.charged().is_some_and(|charge| charge.last)
        && let Some(caller) = &authorized.caller
    {
        caller.token.bury(tx, &caller.text);
    }
}

/// The same for a request that was refused after its last use was charged.
pub(crate) fn bury(tx: &mut Tx<'_>, call: &Call) -> Result<(), Halt> {
    let Some(text) = call.token_text() else { return Ok(()) };
    if let Some(token) = Token::read(tx, text)?
        && tx.charged().is_some_and(|charge| charge.token == token.cubbyhole)
    {
        token.bury(tx, text);
    }
    Ok(())
}
