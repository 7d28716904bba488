//! A request in the core's own words, and the way it takes through the rules that need state.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use http::StatusCode;

use crate::answer::{Answer, Envelope};
use crate::cors::{self, Allowed, Origin};
use crate::field::{FieldKind, Source, check_token};
use crate::http::Response;
use crate::json::{self, Doc, Value};
use crate::mount::{self, Fixed, Mount};
use crate::namespace::{self, Place};
use crate::path::Path;
use crate::policy;
use crate::reject::{Branch, Reject};
use crate::route::{self, Context, Found, Home, Method, Operation, Route};
use crate::secret::{Secret, Wiped};
use crate::time::Time;
use crate::token::{self, Authorized, Caller, Wrapped, Wrapping};
use crate::vault::{Deed, Halt, Tx};

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
    /// Seconds for which a wrapped answer is asked for; 0 for an answer as it is.
    pub(crate) wrap_ttl: i64,
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

    /// The path from the root namespace, as far as the request itself tells.
    pub(crate) fn whole_path(&self) -> String {
        namespace::whole_path(self.namespace.as_deref(), self.path.as_str())
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
            wrap_ttl: 0,
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
        deed: &Deed,
        request_id: &str,
        now: Time,
    ) -> String {
        let request = json::Object::new()
            .string("id", request_id)
            .string("operation", deed.operation.word())
            .string("path", &deed.path)
            .finish();
        json::Object::new()
            .string("time", &now.rfc3339())
            .string("type", kind)
            .raw("request", &request)
            .finish()
    }

    /// Whether there is a token, whatever it is.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
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
    // Endpoints of the HTTP layer are those of the root namespace, whatever the request names.
    let place = Place::within(tx.root_namespace(), call.path.as_str());
    let authorized = if route.open {
        Authorized::open(route)
    } else if tx.seal().unsealed().is_none() {
        Authorized::sealed(tx)
    } else {
        let caller = Caller::identify(tx, call)?;
        token::authorize(tx, caller, call, &place, call.operation, Some(method.access))?
    };
    if call.is_audited() && tx.seal().unsealed().is_some() {
        tx.audit(call.operation, &place)?;
    }
    let context = Context::plain(call, &place, route)?;
    let answer = (method.handler)(tx, &context, &authorized)?;
    token::finish(tx, &authorized);
    Ok(answer.respond("", call.operation.asks()))
}

fn perform_mount(tx: &mut Tx<'_>, call: &Call) -> Result<Response, Halt> {
    if tx.seal().unsealed().is_none() {
        return Err(Reject::Sealed.into());
    }
    let place = Place::resolve(tx, call.namespace.as_deref(), call.path.as_str())?;
    place.check_lock()?;
    namespace::check_root_only(&place)?;
    let writes = matches!(call.operation, Operation::Update | Operation::Patch);
    if writes && call.path.is_folder() {
        return Err(Reject::WriteToFolder.into());
    }
    if call.operation == Operation::None {
        return Err(Reject::InternalOnly.into());
    }
    // What the fixed mounts have is known without a look at the store, before the caller is known.
    let fixed = mount::find_fixed(place.path());
    let found = fixed.and_then(|(fixed, rest)| route::find(fixed.engine(), rest));
    check_body_token(call, found.as_ref())?;
    let home = match found.as_ref().map(|found| found.route) {
        Some(route) if route.home == Home::Wrapping && call.operation != Operation::Help => {
            // That is said before the caller is looked at, who may be the token itself.
            Wrapping::find(tx, call)?;
            route.home
        }
        Some(route) => route.home,
        None => Home::Request,
    };
    match found.as_ref().map(|found| found.route) {
        Some(route) if route.open => {
            let authorized = Authorized::open(route);
            let target = Target::find(tx, &place)?;
            return dispatch(tx, call, &place, &target, call.operation, &authorized);
        }
        Some(_) | None => {}
    }
    // Where it is served, and whether anything is there, comes before a use of the token is charged.
    let place = canonical(at_home(tx, call, place, home)?, call.operation);
    let caller = Caller::identify(tx, call)?;
    serve(tx, call, &place, caller)
}

/// The place where an endpoint is served that has a home of its own.
fn at_home<'p>(
    tx: &mut Tx<'_>,
    call: &Call,
    place: Place<'p>,
    home: Home,
) -> Result<Place<'p>, Halt> {
    let namespace = match home {
        Home::Request => return Ok(place),
        Home::Caller => match token::namespace_of(tx, call.token_text().unwrap_or(""))? {
            Some(namespace) => namespace,
            None => return Ok(place),
        },
        Home::Wrapping if call.operation == Operation::Help => return Ok(place),
        Home::Wrapping => Wrapping::find(tx, call)?.namespace,
        Home::Token => {
            let members = call.doc.as_ref().and_then(Doc::object);
            let text = members.and_then(|members| members.get("token")).and_then(Value::as_str);
            match token::namespace_of(tx, text.unwrap_or(""))? {
                Some(namespace) => namespace,
                None => return Ok(place),
            }
        }
    };
    if namespace.id == place.namespace.id {
        return Ok(place);
    }
    let place = Place::resolve_owned(tx, [&namespace.path, place.path()].concat())?;
    place.check_lock()?;
    Ok(place)
}

/// The place with the canonical form of the name in its path, where an endpoint of the system mount takes
/// several spellings for one: rules must not see another name than the handler.
fn canonical(place: Place<'_>, operation: Operation) -> Place<'_> {
    let Some(path) = place.path().strip_prefix(Fixed::System.path()) else { return place };
    let Some(found) = route::find(Fixed::System.engine(), path) else { return place };
    let (Some(&(_, sent)), Some(start)) = (found.captures.first(), found.route.pattern.find('{'))
    else {
        return place;
    };
    let mut segments: Vec<&str> = sent.split('/').filter(|segment| !segment.is_empty()).collect();
    if operation.is_list() && sent.ends_with('/') {
        segments.push("");
    }
    let mut name = segments.join("/");
    if found.route.folds {
        name = policy::normal_name(&name);
    }
    if name == sent {
        return place;
    }
    let before = path.get(..start).unwrap_or("");
    let behind = path.get(start + sent.len()..).unwrap_or("");
    let renamed = [before, &name, behind].concat();
    // A name that would be another endpoint's is left as it is: this endpoint alone is asked for.
    let again = route::find(Fixed::System.engine(), &renamed);
    if again.is_none_or(|again| again.route.pattern != found.route.pattern) {
        return place;
    }
    let renamed = [Fixed::System.path(), &renamed].concat();
    place.renamed(&renamed)
}

/// From the caller on: what the request is for, and whether the caller may.
fn serve(
    tx: &mut Tx<'_>,
    call: &Call,
    place: &Place<'_>,
    caller: Caller,
) -> Result<Response, Halt> {
    let target = match Target::find(tx, place) {
        // Whether a path is mounted, only those hear who may use it.
        Err(Halt::Reject(reject @ Reject::NoRoute { .. })) => Err(reject),
        target => Ok(target?),
    };
    let known = target.as_ref().ok();
    let found = known.and_then(|target| target.found.as_ref());
    let method = found.and_then(|found| found.route.method(call.operation));
    let exists = found.and_then(|found| found.route.exists);
    let creates = match (known, exists) {
        (Some(target), Some(exists)) if call.operation == Operation::Update => {
            !exists(tx, &target.mount, target.path, &caller)?
        }
        _ => false,
    };
    let operation = if creates { Operation::Create } else { call.operation };
    let access = method.map(|method| method.access);
    let authorized = token::authorize(tx, caller, call, place, operation, access)?;
    tx.branch = Branch::Authenticated;
    dispatch(tx, call, place, &target?, operation, &authorized)
}

/// What a place leads to: a mount, a path in it, and the row of the table for that.
struct Target<'p> {
    mount: Mount,
    path: &'p str,
    found: Option<Found<'p>>,
}

impl<'p> Target<'p> {
    fn find(tx: &mut Tx<'_>, place: &'p Place<'_>) -> Result<Self, Halt> {
        let (mount, path) = match mount::find_fixed(place.path()) {
            Some((fixed, path)) => (fixed.mount(), path),
            None => {
                let mount = mount::find(tx, place)?;
                let path = place.path().get(mount.path.len()..).unwrap_or("");
                (mount, path)
            }
        };
        let found = route::find(mount.engine, path);
        Ok(Self { mount, path, found })
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
    place: &Place<'_>,
    target: &Target<'_>,
    operation: Operation,
    authorized: &Authorized,
) -> Result<Response, Halt> {
    let Target { mount, path, found } = target;
    check_period(tx, found.as_ref(), path)?;
    if operation == Operation::Help {
        let response = route::help(mount.engine, path)?;
        token::finish(tx, authorized);
        return Ok(response);
    }
    let found = found.as_ref().ok_or(Reject::UnsupportedPath)?;
    let method = found.route.method(call.operation).ok_or(Reject::UnsupportedOperation)?;
    if found.route.of_seal && !place.namespace.is_root() {
        return Err(Reject::invalid("namespace is not sealable").into());
    }
    let context = Context::mounted(call, place, mount, path, found)?;
    tx.audit(operation, place)?;
    if method.frees {
        tx.free_room();
    }
    let answer = (method.handler)(tx, &context, authorized)?;
    let answer = match authorized.filters() {
        true => filter(answer, authorized, place, operation)?,
        false => answer,
    };
    let answer = complete(answer, &context, found.route, call.operation);
    // Who shows no token does not make one.
    let wraps = call.wrap_ttl > 0 && !found.route.open;
    let answer = if wraps { wrap(tx, call, place, answer)? } else { answer };
    token::finish(tx, authorized);
    Ok(answer.respond(&tx.request_id(), call.operation.asks()))
}

/// The answer in the cubbyhole of a token, if it is one that can be wrapped.
fn wrap(tx: &mut Tx<'_>, call: &Call, place: &Place<'_>, answer: Answer) -> Result<Answer, Halt> {
    match answer {
        Answer::Envelope(mut envelope) if envelope.wrap_info.is_none() => {
            envelope.doubled = false;
            let accessor = envelope.accessor.clone();
            let text = Wiped::new(envelope.into_text(&tx.request_id()));
            let wrapped = Wrapped {
                answer: text.trim_end(),
                path: place.path(),
                ttl: call.wrap_ttl,
                accessor: accessor.as_ref().map(|accessor| accessor.as_str()),
            };
            Ok(Answer::Envelope(token::wrap(tx, &place.namespace, &wrapped)?))
        }
        // An empty list is no answer that could be wrapped.
        Answer::Nothing if call.operation == Operation::List => {
            let body = json::Object::new().strings("errors", ["unsupported path"]).finish();
            Ok(Answer::Bare(StatusCode::NOT_FOUND, body + "\n"))
        }
        answer
        @ (Answer::Nothing | Answer::Envelope(_) | Answer::Bare(..) | Answer::Refused(_)) => {
            Ok(answer)
        }
    }
}

/// The names of a list that the caller's rules let it see. An answer that is no list of names is not given
/// at all.
fn filter(
    answer: Answer,
    authorized: &Authorized,
    place: &Place<'_>,
    operation: Operation,
) -> Result<Answer, Reject> {
    let Answer::Envelope(envelope) = answer else { return Ok(answer) };
    let data = envelope.data.as_ref().map_or("{}", |data| data.as_str());
    let doc = json::parse(data.as_bytes(), &json::Limits::unbounded()).ok().flatten();
    let members = doc.as_ref().and_then(Doc::object).ok_or(Reject::AclDenied)?;
    let mut object = json::Object::new();
    let mut is_empty = true;
    for (member, value) in members {
        match (member, value.items(), value.members()) {
            // The older path of the policies gives its names twice.
            ("keys" | "policies", Some(keys), _) => {
                let keys = keys.filter_map(Value::as_str);
                let shown: Vec<&str> = keys.filter(|name| authorized.shows(place, name)).collect();
                is_empty = shown.is_empty();
                object = object.strings(member, shown);
            }
            ("key_info", _, Some(infos)) => {
                let infos = infos.filter(|(name, _)| authorized.shows(place, name));
                let infos = infos.fold(json::Object::new(), |object, (name, info)| {
                    let mut text = String::new();
                    info.write_canonical(&mut text);
                    object.raw(name, &text)
                });
                object = object.raw(member, &infos.finish());
            }
            _ => return Err(Reject::AclDenied),
        }
    }
    if is_empty && operation == Operation::List {
        return Ok(Answer::Nothing);
    }
    let data = Some(object.finish().into());
    Ok(Answer::Envelope(Envelope { data, ..envelope }))
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
    // Not where the path names a namespace: no such client does.
    envelope.doubled = route.doubled && context.call.path.as_str().starts_with("sys/");
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
