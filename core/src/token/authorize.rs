//! The decision whether a request may be served, and the proof of it.
//!
//! Invariant: an [`Authorized`] is made here only, by a look at the records of this very run, and
//! does not outlive it. Every handler takes one.

use alloc::string::String;
use alloc::sync::Arc;

use super::record::{Alive, Token};
use crate::call::Call;
use crate::namespace::{Namespace, Place};
use crate::reject::Reject;
use crate::route::{Access, Operation, Route};
use crate::secret::Wiped;
use crate::vault::{Halt, Tx};

/// The proof that a request may be served.
pub(crate) struct Authorized {
    caller: Option<Caller>,
}

/// Whose request it is. That alone allows nothing.
pub(crate) struct Caller {
    pub(crate) text: Wiped<String>,
    pub(crate) token: Arc<Token>,
    /// The namespace of the token.
    pub(crate) namespace: Arc<Namespace>,
}

impl Caller {
    /// Finds the caller's token alive, and charges a use of it if it has a limit.
    pub(crate) fn identify(tx: &mut Tx<'_>, call: &Call) -> Result<Self, Halt> {
        let text = call.token_text().filter(|text| !text.is_empty());
        let text = text.ok_or(Reject::PermissionDenied)?;
        let charged = tx.charged();
        let found = Token::find(tx, text, charged)?;
        let Alive { token, namespace } = found.ok_or(Reject::PermissionDenied)?;
        match charged {
            Some(charge) if charge.token != token.cubbyhole => {
                // Its token is gone, and another has its text.
                return Err(Reject::PermissionDenied.into());
            }
            None if token.num_uses != 0 => return Err(charge(tx, text, &token)),
            Some(_) | None => {}
        }
        Ok(Self { text: Wiped::new(text.into()), token, namespace })
    }

    /// Whether it may do whatever there is in a namespace.
    pub(crate) fn is_root_of(&self, namespace: &Namespace) -> bool {
        self.token.is_root() && namespace.is_within(&self.namespace)
    }
}

/// Which mounts a caller can use. Two are equal if they are of the same making.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reach {
    /// The namespace in which, and below which, the caller may do everything.
    root_of: Option<Arc<Namespace>>,
}

impl Reach {
    /// Whether it reaches a mount of a namespace.
    pub(crate) fn reaches(&self, namespace: &Namespace, _path: &str) -> bool {
        self.root_of.as_ref().is_some_and(|above| namespace.is_within(above))
    }

    /// Whether it reaches anything in the namespace with a path.
    pub(crate) fn enters(&self, path: &str) -> bool {
        self.root_of.as_ref().is_some_and(|above| path.starts_with(&above.path))
    }
}

impl Caller {
    /// Which mounts it can use.
    pub(crate) fn reach(&self, _: &mut Tx<'_>) -> Result<Reach, Halt> {
        Ok(Reach { root_of: self.token.is_root().then(|| Arc::clone(&self.namespace)) })
    }
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

/// Decides whether a caller may do this here, by a method of this access class; `None` where no method
/// is known.
///
/// Until there are policies, a token that is not root may use what any token may.
pub(crate) fn authorize(
    _: &mut Tx<'_>,
    caller: Caller,
    place: &Place<'_>,
    operation: Operation,
    access: Option<Access>,
) -> Result<Authorized, Halt> {
    let allowed = match access {
        _ if operation == Operation::Help => true,
        Some(Access::AnyToken) => true,
        Some(Access::Acl | Access::Sudo) | None => caller.is_root_of(&place.namespace),
    };
    if !allowed {
        return Err(Reject::AclDenied.into());
    }
    Ok(Authorized { caller: Some(caller) })
}

/// Stages one use less. It is committed before anything else is decided, and stays when the
/// request is refused.
fn charge(tx: &mut Tx<'_>, text: &str, token: &Token) -> Halt {
    tx.charge(|tx| token.clone().spend(tx, text))
}

/// What a request leaves of its token: after the last use, nothing.
pub(crate) fn finish(tx: &mut Tx<'_>, authorized: &Authorized) {
    if let Some(caller) = &authorized.caller {
        leave(tx, caller);
    }
}

/// The same for an endpoint that is open and looks at a token all the same.
pub(crate) fn leave(tx: &mut Tx<'_>, caller: &Caller) {
    if tx.charged().is_some_and(|charge| charge.last) {
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
