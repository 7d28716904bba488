//! The way in: from an HTTP request to a [`Call`], by rules that need nothing stored.
//!
//! Their order is the API's, for a request may break several at once: unprintable path, request
//! header, namespace header, version prefix, words of the query, origin, help, redirect, method, body,
//! header fields, relative path. The origin is judged by what is stored, so a request that has one
//! keeps its refusal by a later rule for then ([`Responder::Refused`]). Everything behind this module
//! sees one [`Path`] and nothing of its spelling.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use http::{Method, StatusCode};

use crate::call::{Call, Responder};
use crate::cors::Origin;
use crate::duration;
use crate::field::parse_bool;
use crate::form::{self, Pairs};
use crate::http::{Head, Request, Response};
use crate::json::{self, Doc, Kind};
use crate::path::{Path, PathError, is_printable};
use crate::route::{self, Operation};
use crate::secret::Secret;

mod rules;

pub use rules::Rules;

/// Makes a call of a request. It is pure, and takes time in proportion to the body: run it outside
/// of any lock.
///
/// # Errors
///
/// The answer, if the request ends here.
pub fn prepare(request: &Request, rules: &Rules) -> Result<Call, Response> {
    let head = &request.head;
    let decoded = head.target().decoded();
    if !is_printable(&String::from_utf8_lossy(decoded)) {
        return Err(Response::edge(StatusCode::BAD_REQUEST, None));
    }
    rules.check_request_header(head, decoded)?;
    let namespace = header_text(head, "x-vault-namespace")?;
    let echo = namespace.clone();
    prepare_api(request, rules, decoded, namespace).map_err(|response| match echo {
        Some(echo) => response.with_field("X-Vault-Namespace", echo),
        None => response,
    })
}

/// The rules behind the check for printable characters; from here on answers carry the API's fields.
fn prepare_api(
    request: &Request,
    rules: &Rules,
    decoded: &[u8],
    namespace: Option<String>,
) -> Result<Call, Response> {
    let head = &request.head;
    let bad = |message: &str| Response::errors(StatusCode::BAD_REQUEST, &[message]);
    if namespace.is_some() && is_root_only(&String::from_utf8_lossy(decoded)) {
        return Err(bad("operation unavailable in namespaces"));
    }
    let query = form::parse_query(head.target().query().unwrap_or(""));
    let Some(path) = decoded.strip_prefix(b"/v1/") else {
        let help = wants_help(head, &query);
        return Err(outside(decoded, help));
    };
    let words = ListWords::read(head.method(), &query)?;
    let Some(origin) = Origin::read(head) else {
        return prepare_path(request, rules, path, query, words, namespace);
    };
    // The origin is judged before whatever else may end the request here.
    let echo = namespace.clone();
    Ok(match prepare_path(request, rules, path, query, words, namespace) {
        Ok(call) => Call { origin: Some(origin), ..call },
        Err(refusal) => Call::refused(refusal, origin, echo, rules.time_max),
    })
}

/// The rules behind the judgement of the origin.
fn prepare_path(
    request: &Request,
    rules: &Rules,
    path: &[u8],
    query: Pairs,
    words: ListWords,
    namespace: Option<String>,
) -> Result<Call, Response> {
    let head = &request.head;
    let bad = |message: &str| Response::errors(StatusCode::BAD_REQUEST, &[message]);
    let path = match str::from_utf8(path) {
        Ok(path) => path.to_owned(),
        // Nothing can be stored there, so a read of it just misses.
        Err(_) if *head.method() == Method::GET || *head.method() == Method::HEAD => escape(path),
        Err(_) => return Err(bad("path is not valid UTF-8")),
    };
    if wants_help(head, &query) {
        return Ok(Call {
            operation: Operation::Help,
            path: as_path(path)?,
            responder: Responder::Mount,
            doc: None,
            token: read_token(head),
            namespace,
            wrap_ttl: 0,
            origin: None,
            time_max: rules.time_max,
        });
    }
    if let Some(location) = head.target().redirect() {
        return Err(Response::redirect(location));
    }
    if !head.target().escapes_a_slash()
        && let Some(route) = route::plain(&path).filter(|route| rules.serves(route))
    {
        return prepare_plain(request, rules, route, as_path(path)?, namespace);
    }
    let operation = operation(head, words)?;
    let doc = if operation == Operation::Update {
        read_body(request, &rules.json)?
    } else if operation == Operation::Patch {
        check_patch_type(head)?;
        read_json(&request.body, &rules.json)?
    } else {
        read_query(query, words)
    };
    let wrap_ttl = read_wrap_ttl(head)?;
    check_mfa(head)?;
    let mut path = as_path(path)?;
    if operation.is_list() {
        path.make_folder();
    }
    Ok(Call {
        operation,
        path,
        responder: Responder::Mount,
        doc,
        token: read_token(head),
        namespace,
        wrap_ttl,
        origin: None,
        time_max: rules.time_max,
    })
}

/// A text for a path that is no UTF-8. It holds a NUL, which no other path can, so it names nothing
/// that exists, and each such path has a text of its own.
fn escape(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\0{byte:02x}"));
        }
    }
    text
}

/// A request for one of the endpoints of the HTTP layer.
fn prepare_plain(
    request: &Request,
    rules: &Rules,
    route: &'static route::Route,
    path: Path,
    namespace: Option<String>,
) -> Result<Call, Response> {
    let head = &request.head;
    let operation = match head.method().as_str() {
        "GET" => Operation::Read,
        "HEAD" => Operation::Header,
        "POST" | "PUT" => Operation::Update,
        "DELETE" => Operation::Delete,
        _ => Operation::None,
    };
    let Some(method) = route.method(operation) else {
        return Err(Response::errors(StatusCode::METHOD_NOT_ALLOWED, &[]));
    };
    let doc = if operation == Operation::Update {
        read_json(&request.body, &rules.json)?
    } else {
        Some(as_doc(&form::parse_query(head.target().query().unwrap_or(""))))
    };
    Ok(Call {
        operation,
        path,
        responder: Responder::Plain(route, method),
        doc,
        token: read_token(head),
        namespace,
        wrap_ttl: 0,
        origin: None,
        time_max: rules.time_max,
    })
}

/// What `list` and `scan` of a query say.
#[derive(Clone, Copy)]
struct ListWords {
    list: bool,
    scan: bool,
}

impl ListWords {
    /// They are looked at for GET alone, and refused without a message.
    fn read(method: &Method, query: &Pairs) -> Result<Self, Response> {
        let mut words = Self { list: false, scan: false };
        if method != Method::GET {
            return Ok(words);
        }
        let refused = || Response::errors(StatusCode::BAD_REQUEST, &[]);
        for (name, word) in [("list", &mut words.list), ("scan", &mut words.scan)] {
            let value = query.get(name).and_then(|values| values.first());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                *word = parse_bool(value).ok_or_else(refused)?;
            }
        }
        if words.list && words.scan {
            return Err(refused());
        }
        Ok(words)
    }
}

fn operation(head: &Head, words: ListWords) -> Result<Operation, Response> {
    Ok(match head.method().as_str() {
        "GET" if words.list => Operation::List,
        "GET" if words.scan => Operation::Scan,
        "GET" => Operation::Read,
        "LIST" => Operation::List,
        "SCAN" => Operation::Scan,
        "POST" | "PUT" => Operation::Update,
        "PATCH" => Operation::Patch,
        "DELETE" => Operation::Delete,
        "HEAD" => Operation::Header,
        "OPTIONS" => Operation::None,
        _ => return Err(Response::errors(StatusCode::METHOD_NOT_ALLOWED, &[])),
    })
}

fn wants_help(head: &Head, query: &Pairs) -> bool {
    head.method().as_str() == "HELP"
        || query.get("help").and_then(|values| values.first()).is_some_and(|word| !word.is_empty())
}

/// The answer for a path that is not below `/v1/`.
fn outside(decoded: &[u8], help: bool) -> Response {
    let known = decoded == b"/" || decoded.starts_with(b"/ui") || decoded == b"/robots.txt";
    if help && known {
        let message = "Missing /v1/ prefix in path. Use the bao path-help command to retrieve API \
                       help for paths";
        return Response::errors(StatusCode::NOT_FOUND, &[message]);
    }
    Response::errors(StatusCode::NOT_FOUND, &[])
}

fn as_path(path: String) -> Result<Path, Response> {
    Path::new(path).map_err(|error| {
        let message = match error {
            PathError::Relative => "relative paths not supported",
            PathError::TooDeep => "path has too many segments",
        };
        Response::errors(StatusCode::BAD_REQUEST, &[message])
    })
}

/// Endpoints that take no namespace, not even that of the root.
pub(crate) fn is_root_only(path: &str) -> bool {
    const ROOT_ONLY: [&str; 14] = [
        "generate-recovery-token",
        "generate-root",
        "health",
        "in-flight-req",
        "init",
        "metrics",
        "pprof",
        "raw",
        "rekey",
        "rekey-recovery-key",
        "seal",
        "step-down",
        "storage",
        "unseal",
    ];
    path.strip_prefix("/v1/sys/")
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|first| ROOT_ONLY.contains(&first))
}

// --- Bodies ---

fn read_body(request: &Request, limits: &json::Limits) -> Result<Option<Doc>, Response> {
    if !is_form(&request.head, &request.body) {
        return read_json(&request.body, limits);
    }
    let Some(pairs) = form::parse_form(&request.body) else {
        return Err(Response::errors(StatusCode::BAD_REQUEST, &["error parsing form data"]));
    };
    if pairs.is_empty() {
        return Ok(None);
    }
    let joined: alloc::vec::Vec<(String, [String; 1])> =
        pairs.into_iter().map(|(name, values)| (name, [values.join(",")])).collect();
    Ok(Some(Doc::from_pairs(joined.iter().map(|(name, value)| (name.as_str(), value.as_slice())))))
}

/// A form is a form by its type, unless it begins like JSON.
fn is_form(head: &Head, body: &[u8]) -> bool {
    let declared = head.value("content-type").is_some_and(|value| {
        let media = value.split(|&byte| byte == b';').next().unwrap_or_default();
        media.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    });
    let start = body.get(..512).unwrap_or(body).trim_ascii_start();
    declared && !matches!(start.first(), Some(b'{' | b'['))
}

/// `null` and an empty body are no data; anything but an object is refused.
fn read_json(body: &[u8], limits: &json::Limits) -> Result<Option<Doc>, Response> {
    let doc = json::parse(body, limits).map_err(|error| Response::from(&error))?;
    let Some(doc) = doc else { return Ok(None) };
    match doc.root().kind() {
        Kind::Null => Ok(None),
        Kind::Object(_) => Ok(Some(doc)),
        kind @ (Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Array(_)) => {
            let error = json::Error::Kind { expected: "an object", got: kind.word() };
            Err(Response::from(&error))
        }
    }
}

/// The query as parameters, without the words that were understood.
fn read_query(mut query: Pairs, words: ListWords) -> Option<Doc> {
    query.remove("help");
    if words.list {
        query.remove("list");
    }
    if words.scan {
        query.remove("scan");
    }
    (!query.is_empty()).then(|| as_doc(&query))
}

fn as_doc(query: &Pairs) -> Doc {
    Doc::from_pairs(query.iter().map(|(name, values)| (name.as_str(), values.as_slice())))
}

fn check_patch_type(head: &Head) -> Result<(), Response> {
    const WANTED: &str = "application/merge-patch+json";
    let bad = |text: &str| Response::errors(StatusCode::BAD_REQUEST, &[text]);
    let sent = head.value("content-type").and_then(|value| str::from_utf8(value).ok());
    let sent = sent.map(str::trim).filter(|sent| !sent.is_empty());
    let mut parts = sent.ok_or_else(|| bad("mime: no media type"))?.split(';');
    let media = parts.next().unwrap_or("").trim().to_ascii_lowercase();
    if parts.any(|part| !part.trim().is_empty() && !part.contains('=')) {
        return Err(bad("mime: invalid media parameter"));
    }
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let well_formed = match media.split_once('/') {
        Some((kind, subtype)) => is_token(kind) && is_token(subtype),
        None => is_token(&media),
    };
    if !well_formed {
        return Err(bad("mime: invalid media type"));
    }
    if media == WANTED {
        return Ok(());
    }
    let message = format!("PATCH requires Content-Type of {WANTED}, provided {media}");
    Err(Response::errors(StatusCode::UNSUPPORTED_MEDIA_TYPE, &[&message]))
}

// --- Header fields ---

/// The value of a field that is repeated in answers: printable text, as paths are.
fn header_text(head: &Head, name: &str) -> Result<Option<String>, Response> {
    let Some(value) = head.value(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match str::from_utf8(value) {
        Ok(text) if is_printable(text) => Ok(Some(text.to_owned())),
        _ => Err(Response::errors(StatusCode::BAD_REQUEST, &["malformed header field"])),
    }
}

/// The token: the first `X-Vault-Token`, or the first `Authorization` with `Bearer`.
fn read_token(head: &Head) -> Option<Secret> {
    let direct = head.value("x-vault-token").filter(|value| !value.is_empty());
    let token = direct.or_else(|| {
        head.values("authorization")
            .find_map(|value| value.strip_prefix(b"Bearer "))
            .map(<[u8]>::trim_ascii)
            .filter(|value| !value.is_empty())
    })?;
    Some(Secret::new(token.to_vec()))
}

/// Seconds for which a wrapped answer is asked for; 0 for an answer as it is.
fn read_wrap_ttl(head: &Head) -> Result<i64, Response> {
    let Some(value) = head.value("x-vault-wrap-ttl").filter(|value| !value.is_empty()) else {
        return Ok(0);
    };
    let text = String::from_utf8_lossy(value);
    let refuse = |why: &str| {
        let message = format!("error parsing X-Vault-Wrap-TTL header: {why}");
        Response::errors(StatusCode::BAD_REQUEST, &[&message])
    };
    let ttl = duration::parse(&text).map_err(|why| refuse(&why))?;
    if ttl.is_negative() {
        return Err(refuse("requested wrap ttl cannot be negative"));
    }
    Ok(ttl.seconds())
}

/// The MFA fields are `name` or `name:value`.
fn check_mfa(head: &Head) -> Result<(), Response> {
    const PREFIX: &str =
        "failed to parse X-Vault-MFA header: invalid data in header \"X-Vault-MFA\"";
    for value in head.values("x-vault-mfa") {
        let missing = match value.iter().position(|&byte| byte == b':') {
            Some(0) => "missing method name or ID",
            Some(at) if at + 1 == value.len() => "missing method value",
            Some(_) | None => continue,
        };
        let message = format!("{PREFIX}; {missing}");
        return Err(Response::errors(StatusCode::BAD_REQUEST, &[&message]));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
