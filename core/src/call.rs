//! A request in the core's own words, and the way it takes through the rules that need state.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use crate::answer::Answer;
use crate::cors::{self, Allowed, Origin};
use crate::field::{FieldKind, Source, check_token};
use crate::http::Response;
use crate::json::{self, Doc};
use crate::path::Path;
use crate::reject::{Branch, Reject};
use crate::route::{self, Context, Found, Method, Operation, Route};
use crate::secret::Secret;
use crate::time::Time;
use crate::token::{self, Authorized};
use crate::vault::{Halt, Tx};

/// One request, decoded: what [`crate::Vault::handle_request`] takes. Made by [`crate::prepare`].
#[allow(missing_debug_implementations, reason = "calls hold tokens and secrets")]
pub struct Call {
    pub(crate) operation: Operation,
    pub(crate) path: Path,
    pub(crate) responder: Responder,
    /// The body of a write, the query of anything else.
    pub(crate) doc: Option<Doc>,
    pub(crate) token: Option<Secret>,
    /// The namespace header, as it was sent.
    pub(crate) namespace: Option<String>,
    /// Whether a wrapped answer is asked for.
    pub(crate) wraps: bool,
    /// Where it says that it comes from.
    pub(crate) origin: Option<Origin>,
    /// How long it may wait inside the server.
    pub(crate) time_max: Duration,
}

/// Who answers a call.
pub(crate) enum Responder {
    /// An endpoint of the HTTP layer: no mount, no envelope.
    Plain(&'static Route, &'static Method),
    /// Whatever mount and route have the path.
    Mount,
    /// Nobody: it is refused by what it says itself, once its origin is judged.
    Refused(Response),
}

impl Call {
    /// What is asked for: the decoded path behind `/v1/`, as everything behind [`crate::prepare`]
    /// sees it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A call that is refused, if its origin is not refused before.
    pub(crate) fn refused(
        refusal: Response,
        origin: Origin,
        namespace: Option<String>,
        time_max: Duration,
    ) -> Self {
        Self {
            operation: Operation::None,
            path: Path::default(),
            responder: Responder::Refused(refusal),
            doc: None,
            token: None,
            namespace,
            wraps: false,
            origin: Some(origin),
            time_max,
        }
    }

    /// The answer with what every answer to this call carries: `allowed` is what the last run found of
    /// its origin.
    pub(crate) fn finish(&self, response: Response, allowed: Option<Allowed>) -> Response {
        let response = match allowed.zip(self.origin.as_ref()) {
            Some((allowed, origin)) => allowed.mark(response, origin),
            None => response,
        };
        match &self.namespace {
            Some(namespace) => response.with_field("X-Vault-Namespace", namespace.clone()),
            None => response,
        }
    }

    /// Whether the audit records this call.
    pub(crate) fn is_audited(&self) -> bool {
        match &self.responder {
            Responder::Plain(route, _) => !route.open || route.switch().is_some(),
            Responder::Refused(_) => false,
            Responder::Mount => self.operation != Operation::Help,
        }
    }

    /// One line for the audit devices. It holds no values and no token.
    pub(crate) fn audit_line(
        &self,
        kind: &str,
        operation: Operation,
        request_id: &str,
        now: Time,
    ) -> String {
        let request = json::Object::new()
            .string("id", request_id)
            .string("operation", operation.word())
            .string("path", self.path.as_str())
            .finish();
        json::Object::new()
            .string("time", &now.rfc3339())
            .string("type", kind)
            .raw("request", &request)
            .finish()
    }

    /// The text of the token, if it could be one.
    pub(crate) fn token_text(&self) -> Option<&str> {
        let token = self.token.as_ref()?.expose();
        (token.len() <= crate::limit::TOKEN_BYTES_MAX).then(|| str::from_utf8(token).ok()).flatten()
    }
}

/// Does what a call asks for, in one transaction.
pub(crate) fn perform(tx: &mut Tx<'_>, call: &Call) -> Result<Response, Halt> {
    if let Some(origin) = &call.origin
        && let Some(response) = cors::judge(tx, origin)?
    {
        return Ok(response);
    }
    match &call.responder {
        Responder::Plain(route, method) => perform_plain(tx, call, route, method),
        Responder::Mount => perform_mount(tx, call),
        Responder::Refused(refusal) => Ok(refusal.clone()),
    }
}

fn perform_plain(
    tx: &mut Tx<'_>,
    call: &Call,
    route: &'static Route,
    method: &'static Method,
) -> Result<Response, Halt> {
    let authorized = if route.open {
        Authorized::open(route)
    } else if tx.seal().unsealed().is_none() {
        Authorized::sealed(tx)
    } else {
        token::authorize(tx, call, Some(method.access))?
    };
    if call.is_audited() && tx.seal().unsealed().is_some() {
        tx.audit(call.operation)?;
    }
    let context = Context::plain(call, route)?;
    let answer = (method.handler)(tx, &context, &authorized)?;
    token::finish(tx, &authorized);
    Ok(answer.respond("", call.operation.asks()))
}

fn perform_mount(tx: &mut Tx<'_>, call: &Call) -> Result<Response, Halt> {
    if tx.seal().unsealed().is_none() {
        return Err(Reject::Sealed.into());
    }
    check_namespace(call)?;
    let writes = matches!(call.operation, Operation::Update | Operation::Patch);
    if writes && call.path.is_folder() {
        return Err(Reject::WriteToFolder.into());
    }
    if call.operation == Operation::None {
        return Err(Reject::InternalOnly.into());
    }
    // What the fixed mounts have is known without a look at the store, before the caller is known.
    let fixed = route::find_fixed(call.path.as_str());
    let found = fixed.as_ref().and_then(|(mount, rest)| route::find(mount.engine, rest));
    check_body_token(call, found.as_ref())?;
    let open = found.as_ref().map(|found| found.route).filter(|route| route.open);
    let authorized = match open {
        Some(route) => Authorized::open(route),
        None => {
            let method = found.as_ref().and_then(|found| found.route.method(call.operation));
            let access = if call.operation == Operation::Help {
                Some(route::Access::AnyToken)
            } else {
                method.map(|method| method.access)
            };
            let authorized = token::authorize(tx, call, access)?;
            tx.branch = Branch::Authenticated;
            authorized
        }
    };
    let (mount, path) = match fixed {
        Some(fixed) => fixed,
        None => route::find_mount(tx, call.path.as_str())?,
    };
    dispatch(tx, call, &mount, path, &authorized)
}

/// There is one namespace so far: the root, which has several spellings.
fn check_namespace(call: &Call) -> Result<(), Reject> {
    let Some(header) = &call.namespace else { return Ok(()) };
    match header.trim_matches('/') {
        "" | "." | "root" => Ok(()),
        _ => Err(Reject::NamespaceNotFound),
    }
}

/// A token in the body that is none by its type is refused before the caller is looked at.
fn check_body_token(call: &Call, found: Option<&Found<'_>>) -> Result<(), Reject> {
    let Some(found) = found else { return Ok(()) };
    let members = call.doc.as_ref().and_then(Doc::object);
    for field in found.route.fields.iter().filter(|field| field.kind == FieldKind::Token) {
        check_token(members.and_then(|members| members.get(field.name)))?;
    }
    Ok(())
}

/// From the mount on: the route, its parameters, its handler, the answer.
fn dispatch(
    tx: &mut Tx<'_>,
    call: &Call,
    mount: &route::Mount,
    path: &str,
    authorized: &Authorized,
) -> Result<Response, Halt> {
    if call.operation == Operation::Help {
        check_period(tx, route::find(mount.engine, path).as_ref(), path)?;
        let response = route::help(mount, path)?;
        token::finish(tx, authorized);
        return Ok(response);
    }
    let found = route::find(mount.engine, path).ok_or(Reject::UnsupportedPath)?;
    check_period(tx, Some(&found), path)?;
    let method = found.route.method(call.operation).ok_or(Reject::UnsupportedOperation)?;
    let context = Context::mounted(call, mount, path, &found)?;
    let creates = match found.route.exists {
        Some(exists) if call.operation == Operation::Update => !exists(tx, &context, authorized)?,
        Some(_) | None => false,
    };
    tx.audit(if creates { Operation::Create } else { call.operation })?;
    if method.frees {
        tx.free_room();
    }
    let answer = (method.handler)(tx, &context, authorized)?;
    if call.wraps && answer.has_body() {
        return Err(Reject::WrappingUnavailable.into());
    }
    token::finish(tx, authorized);
    let answer = complete(answer, &context, found.route, call.operation);
    Ok(answer.respond(&tx.request_id(), call.operation.asks()))
}

/// A parameter of the path that ends in a period is no name. It is said only behind the
/// authorisation, so that it tells a stranger nothing.
fn check_period(tx: &Tx<'_>, found: Option<&Found<'_>>, path: &str) -> Result<(), Reject> {
    let free = found.is_some_and(|found| found.route.is_free_path());
    if path.ends_with('.') && !(free && tx.config.allow_trailing_period) {
        return Err(Reject::UnsupportedPath);
    }
    Ok(())
}

/// Sets what an envelope has by its route: where its data stands, and the names that were sent and not
/// looked at.
fn complete(answer: Answer, context: &Context<'_>, route: &Route, operation: Operation) -> Answer {
    let Answer::Envelope(mut envelope) = answer else { return answer };
    envelope.doubled = route.doubled;
    let takes_anything = route.free_form && operation == Operation::Update;
    if !takes_anything {
        let unknown = context.args.unknown(route.fields);
        if !unknown.is_empty() {
            envelope.warnings.push(format!(
                "Endpoint ignored these unrecognized parameters: [{}]",
                unknown.join(" ")
            ));
        }
        let replaced = replaced(context, route);
        if !replaced.is_empty() {
            envelope.warnings.push(format!(
                "Endpoint replaced the value of these parameters with the values captured from \
                 the endpoint's path: [{}]",
                replaced.join(" ")
            ));
        }
    }
    Answer::Envelope(envelope)
}

fn replaced(context: &Context<'_>, route: &Route) -> Vec<String> {
    let mut names = vec![];
    for field in route.fields.iter().filter(|field| field.source == Source::Path) {
        if context.args.value(field.name).is_some() {
            names.push(field.name.to_string());
        }
    }
    names.sort();
    names
}
