//! The route table, and the way from a path to one of its rows.
//!
//! Each endpoint stands in the table once: the mount type it belongs to, its pattern, its methods
//! with their access class and handler, its parameters, its help. Dispatch, help and the OpenAPI
//! document come from it; so do the tests by enumeration.

mod help;
#[cfg(feature = "simulation")]
pub(crate) mod probe;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::answer::Answer;
use crate::call::Call;
use crate::field::{Args, Field, Source};
use crate::mount::Mount;
use crate::namespace::{Namespace, Place};
use crate::reject::Reject;
use crate::token::{Authorized, Caller};
use crate::vault::{Halt, Tx};
use crate::{engine, sys, token};

pub(crate) use crate::mount::Engine;
pub(crate) use help::help;

/// What a request wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Operation {
    /// Write what was not there. Requests are updates; this is what some turn out to be.
    Create,
    /// Take away.
    Delete,
    /// HEAD.
    Header,
    /// Tell about the endpoint.
    Help,
    /// Names of a folder.
    List,
    /// A method without an operation, such as OPTIONS.
    None,
    /// Change a part.
    Patch,
    /// Show.
    Read,
    /// Names of a folder and all below.
    Scan,
    /// Write.
    Update,
}

impl Operation {
    /// Whether it asks for something, so that nothing found is 404.
    pub(crate) fn asks(self) -> bool {
        matches!(self, Self::Read | Self::List | Self::Header)
    }

    /// Whether it names a folder.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::List | Self::Scan)
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Header => "header",
            Self::Help => "help",
            Self::List => "list",
            Self::None => "",
            Self::Patch => "patch",
            Self::Read => "read",
            Self::Scan => "scan",
            Self::Update => "update",
        }
    }
}

/// What a token needs for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Access {
    /// Nothing: only rows that are open have it.
    Open,
    /// A rule that grants the capability of the operation.
    Acl,
    /// The same, and `sudo`.
    Sudo,
}

/// In which namespace an endpoint is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Home {
    /// In the one that the request names.
    Request,
    /// In the one of the caller's token, whatever the request names.
    Caller,
    /// In the one of the token in the body; without one, as [`Home::Request`].
    Token,
    /// In the one of the wrapping token that it is about: that in the body, or the caller's. It must be
    /// one.
    Wrapping,
}

/// One endpoint.
pub(crate) struct Route {
    /// The mount type; `None` for the endpoints of the HTTP layer, whose pattern is the whole path.
    pub(crate) engine: Option<Engine>,
    /// Segments. `{name}` captures one; `{name...}` captures all that is left, empty or not. Literal
    /// segments may stand behind that: then it captures what is before the last place where they can
    /// be, which is never empty.
    pub(crate) pattern: &'static str,
    /// Whether it is served without a token.
    pub(crate) open: bool,
    /// Whether a write may send any names.
    pub(crate) free_form: bool,
    /// Whether the members of `data` stand at the top of the answer as well: the first clients of the
    /// API read them there.
    pub(crate) doubled: bool,
    pub(crate) home: Home,
    /// Whether the capture is a name that knows neither case nor space around it, and ends the path.
    pub(crate) folds: bool,
    /// Whether it is about a seal, which only the root namespace has.
    pub(crate) of_seal: bool,
    /// Tells whether what a write would write is there: what is not is created.
    pub(crate) exists: Option<Exists>,
    pub(crate) methods: &'static [Method],
    pub(crate) fields: &'static [Field],
    pub(crate) synopsis: &'static str,
    pub(crate) description: &'static str,
}

/// One method of an endpoint.
pub(crate) struct Method {
    pub(crate) operation: Operation,
    pub(crate) access: Access,
    pub(crate) handler: Handler,
    /// Whether it makes room in the storage rather than taking it.
    pub(crate) frees: bool,
}

/// Serves one method. It runs to its end or leaves by a [`Halt`]; it may run again.
pub(crate) type Handler = fn(&mut Tx<'_>, &Context<'_>, &Authorized) -> Result<Answer, Halt>;

/// Tells whether the path of a write is there: a path inside a mount, for a caller about whom nothing is
/// decided yet. It may run again.
pub(crate) type Exists = fn(&mut Tx<'_>, &Mount, &str, &Caller) -> Result<bool, Halt>;

impl Method {
    pub(crate) const fn new(operation: Operation, access: Access, handler: Handler) -> Self {
        Self { operation, access, handler, frees: matches!(operation, Operation::Delete) }
    }

    /// The same method, which makes room.
    pub(crate) const fn freeing(self) -> Self {
        Self { frees: true, ..self }
    }
}

/// Endpoints without a token that are there only where a listener switches them on: anybody could hold
/// the one place that an operation has. Elsewhere their paths are known and have no method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Switch {
    /// `sys/generate-root`.
    RootGeneration,
    /// `sys/rekey` and `sys/rekey-recovery-key`.
    Rekey,
}

impl Route {
    /// What a row says that says nothing: an endpoint of the HTTP layer without methods, which asks for a
    /// token.
    pub(crate) const NEW: Self = Self {
        engine: None,
        pattern: "",
        open: false,
        free_form: false,
        doubled: false,
        home: Home::Request,
        folds: false,
        of_seal: false,
        exists: None,
        methods: &[],
        fields: &[],
        synopsis: "",
        description: "",
    };

    /// An endpoint of the system mount that says nothing else.
    pub(crate) const fn system(pattern: &'static str) -> Self {
        Self { engine: Some(Engine::System), pattern, ..Self::NEW }
    }

    /// The same about the seal.
    pub(crate) const fn seal(pattern: &'static str) -> Self {
        Self { of_seal: true, ..Self::system(pattern) }
    }

    /// What must be switched on for this endpoint.
    pub(crate) fn switch(&self) -> Option<Switch> {
        let rows = [
            (Switch::RootGeneration, sys::generate_root::OPEN_ROUTES),
            (Switch::Rekey, sys::rekey::OPEN_ROUTES),
        ];
        rows.into_iter()
            .find(|(_, rows)| rows.iter().any(|row| row.pattern == self.pattern))
            .map(|(switch, _)| switch)
    }

    pub(crate) fn method(&self, operation: Operation) -> Option<&Method> {
        self.methods.iter().find(|method| method.operation == operation)
    }

    /// Whether its path is the user's own to the end, character by character.
    pub(crate) fn is_free_path(&self) -> bool {
        self.pattern.ends_with("...}")
    }

    /// The captures, if the path is of this route.
    fn matches<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let mut captures = Vec::new();
        let (mut pattern, mut rest) = (Some(self.pattern), Some(path));
        while let Some(pieces) = pattern {
            let (piece, pieces) = cut(pieces);
            let name = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}'));
            if let Some(name) = name.and_then(|name| name.strip_suffix("...")) {
                captures.push((name, before(rest?, pieces)?));
                return Some(captures);
            }
            let (segment, segments) = cut(rest?);
            match name {
                Some(name) if is_name(segment) => captures.push((name, segment)),
                None if segment == piece => {}
                Some(_) | None => return None,
            }
            (pattern, rest) = (pieces, segments);
        }
        rest.is_none().then_some(captures)
    }
}

/// The first segment, and those behind it if there is a slash.
fn cut(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (path, None),
    }
}

/// What a path has before these segments at its end; without any, all of it.
fn before<'p>(path: &'p str, end: Option<&str>) -> Option<&'p str> {
    let Some(end) = end else { return Some(path) };
    path.strip_suffix(end)?.strip_suffix('/').filter(|captured| !captured.is_empty())
}

/// Names in paths begin and end with a letter, digit or underscore, and have dashes and periods
/// inside.
pub(crate) fn is_name(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes.iter().all(|byte| is_word(byte) || matches!(byte, b'-' | b'.'))
}

/// The rows of the system mount and of the HTTP layer.
const SYSTEM: &[&[Route]] = &[
    sys::capabilities::ROUTES,
    sys::cors::ROUTES,
    sys::generate_root::ROUTES,
    sys::generate_root::OPEN_ROUTES,
    sys::health::ROUTES,
    sys::init::ROUTES,
    sys::keyring::ROUTES,
    sys::leader::ROUTES,
    sys::mount::ROUTES,
    sys::namespace::ROUTES,
    sys::password_policy::ROUTES,
    sys::policy::ROUTES,
    sys::rekey::ROUTES,
    sys::rekey::OPEN_ROUTES,
    sys::seal::ROUTES,
    sys::tools::hash::ROUTES,
    sys::tools::random::ROUTES,
    sys::wrapping::ROUTES,
    #[cfg(feature = "simulation")]
    sys::simulation::ROUTES,
];

/// The rows of a mount type.
fn rows(engine: Engine) -> impl Iterator<Item = &'static Route> {
    let rows: &[&[Route]] = match engine {
        // These can be mounted and tuned; what they serve is to come.
        Engine::Approle | Engine::Identity | Engine::Kv2 | Engine::Userpass => &[],
        Engine::Cubbyhole => &[engine::cubbyhole::ROUTES],
        Engine::Kv1 => &[engine::kv1::ROUTES],
        Engine::System => SYSTEM,
        Engine::Token => &[token::ROUTES],
    };
    rows.iter().copied().flatten().filter(move |route| route.engine == Some(engine))
}

/// The endpoint of the HTTP layer that has this path. All of these stand where the system mount is.
pub(crate) fn plain(path: &str) -> Option<&'static Route> {
    if !path.starts_with("sys/") {
        return None;
    }
    let mut rows = SYSTEM.iter().copied().flatten();
    rows.find(|route| route.engine.is_none() && route.pattern == path)
}

/// A row of the table with what it captured.
pub(crate) struct Found<'p> {
    pub(crate) route: &'static Route,
    pub(crate) captures: Vec<(&'static str, &'p str)>,
}

/// The row for a path inside a mount.
pub(crate) fn find(engine: Engine, path: &str) -> Option<Found<'_>> {
    let row = rows(engine)
        .find_map(|route| route.matches(path).map(|captures| Found { route, captures }));
    row.or_else(|| {
        let route = shadowed(engine, path)?;
        let shadow = if route.open { &OPEN_SHADOW } else { &CLOSED_SHADOW };
        Some(Found { route: shadow, captures: Vec::new() })
    })
}

/// The endpoint of the HTTP layer that has this path in the system mount. Its path is known there
/// too, but has no method: a spelling that the HTTP layer does not take for the endpoint is refused.
fn shadowed(engine: Engine, path: &str) -> Option<&'static Route> {
    if engine != Engine::System {
        return None;
    }
    plain(&alloc::format!("sys/{path}"))
}

static OPEN_SHADOW: Route = Route { open: true, ..SHADOW };
static CLOSED_SHADOW: Route = SHADOW;
const SHADOW: Route = Route { engine: Some(Engine::System), ..Route::NEW };

/// What a handler is told.
pub(crate) struct Context<'a> {
    pub(crate) call: &'a Call,
    /// Namespace and path of the request.
    pub(crate) place: &'a Place<'a>,
    /// `None` for the endpoints of the HTTP layer.
    pub(crate) mount: Option<&'a Mount>,
    /// The path inside the mount.
    pub(crate) path: &'a str,
    pub(crate) args: Args<'a>,
}

impl<'a> Context<'a> {
    pub(crate) fn mounted(
        call: &'a Call,
        place: &'a Place<'a>,
        mount: &'a Mount,
        path: &'a str,
        found: &'a Found<'a>,
    ) -> Result<Self, Reject> {
        let args = Args::check(call.doc.as_ref(), &found.captures, found.route.fields)?;
        Ok(Self { call, place, mount: Some(mount), path, args })
    }

    pub(crate) fn plain(
        call: &'a Call,
        place: &'a Place<'a>,
        route: &Route,
    ) -> Result<Self, Reject> {
        debug_assert!(
            route.fields.iter().all(|field| field.source == Source::Body),
            "endpoints of the HTTP layer have no captures"
        );
        let args = Args::check(call.doc.as_ref(), &[], &[])?;
        Ok(Self { call, place, mount: None, path: "", args })
    }

    /// The namespace of the request.
    pub(crate) fn namespace(&self) -> &'a Arc<Namespace> {
        &self.place.namespace
    }

    /// The mount; only the endpoints of the HTTP layer have none.
    pub(crate) fn mount(&self) -> &'a Mount {
        self.mount.expect("a route of a mount is found through it")
    }
}

#[cfg(test)]
mod tests;
