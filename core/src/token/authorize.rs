//! The decision whether a request may be served, and the proof of it.
//!
//! Invariant: an [`Authorized`] is made here only, by a look at the records of this very run, and
//! does not outlive it. Every handler takes one.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::record::{Alive, Token};
use crate::call::Call;
use crate::namespace::{Namespace, Place};
use crate::policy::{Capabilities, Filter, Question};
use crate::reject::Reject;
use crate::route::{Access, Operation, Route};
use crate::secret::Wiped;
use crate::store::Owner;
use crate::vault::{Compiled, Halt, MadeOf, Tx};

/// The proof that a request may be served.
pub(crate) struct Authorized {
    caller: Option<Caller>,
    /// Whether the rule that decided has `sudo`.
    sudo: bool,
    /// The rules by which names of a list are shown, where the one that decided says so.
    filter: Option<(Arc<Filter>, Arc<Compiled>)>,
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

    /// The same for endpoints that are open and show more to those who show a token: no use is charged.
    pub(crate) fn look(tx: &mut Tx<'_>, call: &Call) -> Result<Self, Halt> {
        let text = call.token_text().filter(|text| !text.is_empty());
        let text = text.ok_or(Reject::PermissionDenied)?;
        let found = Token::find(tx, text, None)?;
        let Alive { token, namespace } = found.ok_or(Reject::PermissionDenied)?;
        Ok(Self { text: Wiped::new(text.into()), token, namespace })
    }

    /// Whether it may do whatever there is in a namespace.
    pub(crate) fn is_root_of(&self, namespace: &Namespace) -> bool {
        self.token.is_root() && namespace.is_within(&self.namespace)
    }
}

/// What a token can use.
#[derive(Clone)]
pub(crate) enum Reach {
    /// All in this namespace and below.
    All(Arc<Namespace>),
    /// What its policies reach.
    Rules(Arc<Compiled>),
}

impl Reach {
    /// Whether it reaches a mount of a namespace.
    pub(crate) fn reaches(&self, namespace: &Namespace, path: &str) -> bool {
        match self {
            Self::All(above) => namespace.is_within(above),
            Self::Rules(rules) if namespace.is_root() => rules.acl.reaches(path),
            Self::Rules(rules) => rules.acl.reaches(&[&namespace.path, path].concat()),
        }
    }

    /// Whether it reaches anything in the namespace with a path.
    pub(crate) fn enters(&self, path: &str) -> bool {
        match self {
            Self::All(above) => path.starts_with(&above.path) || above.path.starts_with(path),
            Self::Rules(rules) => rules.acl.reaches(path),
        }
    }

    /// What it may do with a path of a namespace, in words.
    pub(crate) fn capabilities(&self, namespace: &Namespace, path: &str) -> Vec<&'static str> {
        let full = namespace.path_of(path);
        let capabilities = match self {
            Self::All(above) if full.starts_with(&above.path) => return alloc::vec!["root"],
            Self::All(_) => Capabilities::default(),
            Self::Rules(rules) => rules.acl.capabilities(&full),
        };
        capabilities.words().collect()
    }

    /// Two are equal if they were made of the same.
    fn made_of(&self) -> (Option<Owner>, Option<&MadeOf>) {
        match self {
            Self::All(above) => (Some(above.id), None),
            Self::Rules(rules) => (None, Some(&rules.made_of)),
        }
    }
}

impl PartialEq for Reach {
    fn eq(&self, other: &Self) -> bool {
        self.made_of() == other.made_of()
    }
}

impl Eq for Reach {}

impl PartialOrd for Reach {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reach {
    fn cmp(&self, other: &Self) -> Ordering {
        self.made_of().cmp(&other.made_of())
    }
}

impl Alive {
    /// What the token can use.
    pub(crate) fn reach(&self, tx: &mut Tx<'_>) -> Result<Reach, Halt> {
        if self.token.is_root() {
            return Ok(Reach::All(Arc::clone(&self.namespace)));
        }
        Ok(Reach::Rules(tx.acl(&self.namespace, &self.token.policies)?))
    }
}

impl Caller {
    /// What it can use.
    pub(crate) fn reach(&self, tx: &mut Tx<'_>) -> Result<Reach, Halt> {
        let (token, namespace) = (Arc::clone(&self.token), Arc::clone(&self.namespace));
        Alive { token, namespace }.reach(tx)
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
        Self { caller: None, sudo: false, filter: None }
    }

    /// For endpoints that do nothing, and so ask for nothing, while the server is sealed.
    ///
    /// # Panics
    ///
    /// If it is not sealed.
    pub(crate) fn sealed(tx: &Tx<'_>) -> Self {
        assert!(tx.seal().unsealed().is_none(), "an unsealed server asks for a token");
        Self { caller: None, sudo: false, filter: None }
    }

    /// Whether more is allowed than the operation by itself: what `sudo` stands for, which root tokens have
    /// everywhere.
    pub(crate) fn has_sudo(&self) -> bool {
        self.sudo
    }

    /// Whether a name of a list is shown. Names are those of the folder that the request names.
    pub(crate) fn shows(&self, place: &Place<'_>, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|(filter, rules)| {
            rules.acl.shows(filter, &place.namespace.path, place.path(), name)
        })
    }

    /// Whether some names of a list may not be shown.
    pub(crate) fn filters(&self) -> bool {
        self.filter.is_some()
    }

    /// The caller. Routes that are not open always have one.
    pub(crate) fn caller(&self) -> Result<&Caller, Reject> {
        self.caller.as_ref().ok_or(Reject::PermissionDenied)
    }
}

/// Decides whether a caller may do this here, by a method of this access class; `None` where no method
/// is known.
pub(crate) fn authorize(
    tx: &mut Tx<'_>,
    caller: Caller,
    call: &Call,
    place: &Place<'_>,
    operation: Operation,
    access: Option<Access>,
) -> Result<Authorized, Halt> {
    let is_root = caller.is_root_of(&place.namespace);
    if operation == Operation::Help || is_root {
        return Ok(Authorized { caller: Some(caller), sudo: is_root, filter: None });
    }
    if caller.token.is_root() {
        return Err(Reject::AclDenied.into());
    }
    let rules = tx.acl(&caller.namespace, &caller.token.policies)?;
    let question = Question {
        operation,
        path: place.full(),
        data: call.doc.as_ref(),
        wrap_ttl: (call.wrap_ttl > 0).then_some(call.wrap_ttl),
    };
    let grant = rules.acl.decide(&question);
    let grant = grant.filter(|grant| access != Some(Access::Sudo) || grant.sudo);
    let grant = grant.ok_or(Reject::AclDenied)?;
    let sudo = grant.sudo;
    let filter = grant.filter.map(|filter| (filter, rules));
    Ok(Authorized { caller: Some(caller), sudo, filter })
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
