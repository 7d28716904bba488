//! What must hold for any bytes: the bodies of the fuzz targets.
//!
//! They stand here and not with the targets so that plain tests replay the corpus through them.
//! Each compares the core with a second, naive reading of the same bytes, or with itself.
//!
//! Invariants: a body is deterministic, and panics if and only if a promise of the core is broken.

mod document;
mod index;
mod policy;
mod seal;
mod spelling;
mod world;

use std::fmt::Write;

use strongroom_core::http::{Conn, Limits, Request, Response};
use strongroom_core::json::{self, Doc, Kind, Value};
use strongroom_core::{Rules, Time, is_printable, limit, prepare};

pub use self::document::document;
pub use self::index::index;
pub use self::policy::{policy, random_policy, story};
pub use self::seal::{record, shares};
pub use self::spelling::{spell, spelling};
pub use self::world::world;

const NOW: Time = Time::from_unix_nanos(1_700_000_000_000_000_000);

// --- The connection machine -----------------------------------------------------------------

/// Method, target and body of a request; one without a body was refused at its head.
type Exchange = (String, String, Option<Vec<u8>>);

/// What came of a conversation, and where it stands at its end.
#[derive(Debug, PartialEq)]
struct Talk {
    requests: Vec<Exchange>,
    output: Vec<u8>,
    timeout: Option<Time>,
    idle_since: Option<Time>,
    waiting_since: Option<Time>,
    is_final: bool,
    is_closed: bool,
}

/// Small, so that small inputs reach them.
fn small_limits() -> Limits {
    Limits {
        head_bytes_max: 256,
        header_count_max: 6,
        target_bytes_max: 48,
        body_bytes_max: 40,
        ..Limits::default()
    }
}

/// One connection takes any bytes, and the same ones in pieces: the requests, the answers and the
/// deadlines are equal, the answers are well-formed, and nothing follows a last answer.
///
/// # Panics
///
/// If one of these is not so.
pub fn conn(data: &[u8]) {
    let whole = tell(std::iter::once(data));
    check_answers(&whole);
    assert_eq!(tell(data.chunks(1)), whole, "byte by byte");
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    for _ in 0..4 {
        let mut pieces = Vec::new();
        let mut rest = data;
        while !rest.is_empty() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let length = 1 + usize::from(u8::try_from(state % 31).unwrap_or(0));
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        assert_eq!(tell(pieces.iter().copied()), whole, "in the pieces {pieces:?}");
    }
}

fn tell<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Talk {
    let mut conn = Conn::new(NOW, small_limits());
    let (mut requests, mut output) = (Vec::new(), Vec::new());
    for piece in pieces {
        conn.handle_bytes(NOW, piece);
        while let Some(pass) = step(&mut conn) {
            requests.extend(pass);
        }
        // A call before the time is harmless.
        conn.handle_timeout(NOW);
        while let Some(bytes) = conn.output() {
            let count = bytes.len();
            output.extend_from_slice(bytes);
            conn.handle_written(NOW, count);
        }
    }
    Talk {
        requests,
        output,
        timeout: conn.poll_timeout(),
        idle_since: conn.idle_since(),
        waiting_since: conn.waiting_since(),
        is_final: conn.is_final(),
        is_closed: conn.is_closed(),
    }
}

/// Does what the connection waits for: admits or refuses a head, or answers a request. Gives what
/// was answered, and `None` if it waits for nothing.
fn step(conn: &mut Conn) -> Option<Option<Exchange>> {
    let nowhere = || {
        let request = Request::new("GET", "/", &[], b"").expect("a good head");
        prepare(&request, &Rules::default()).err().expect("nothing is at the top")
    };
    if let Some(head) = conn.poll_head() {
        let (method, target) = (head.method().to_string(), head.target().raw().to_string());
        assert!(target.len() <= small_limits().target_bytes_max);
        if target.contains("refuse") {
            conn.respond(NOW, nowhere());
            return Some(Some((method, target, None)));
        }
        conn.admit(NOW, usize::MAX);
        return Some(None);
    }
    let request = conn.poll_request()?;
    assert!(request.body.len() <= small_limits().body_bytes_max);
    let response = prepare(&request, &Rules::default()).err().unwrap_or_else(nowhere);
    conn.respond(NOW, response);
    let (method, target) = (request.head.method().to_string(), request.head.target().raw());
    Some(Some((method, target.to_string(), Some(request.body.to_vec()))))
}

/// Reads the answers as a client would: each request has one, and only the last may be a refusal
/// of the machine's own.
fn check_answers(talk: &Talk) {
    const REFUSALS: [&str; 7] = ["400", "413", "414", "417", "431", "501", "505"];
    let mut rest = str::from_utf8(&talk.output).expect("answers to no secrets are text");
    let mut asked = talk.requests.iter();
    while !rest.is_empty() {
        let (head, behind) = rest.split_once("\r\n\r\n").expect("a whole head");
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|head| head.get(..3));
        let status = status.expect("a status line");
        if head == "HTTP/1.1 100 Continue" {
            rest = behind;
            continue;
        }
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length: usize = field("Content-Length: ").expect("a length").parse().expect("digits");
        let closes = field("Connection: ") == Some("close");
        let exchange = asked.next();
        if exchange.is_none() {
            assert!(REFUSALS.contains(&status) && closes, "{head}");
        }
        let bodiless = exchange.is_some_and(|(method, ..)| method == "HEAD")
            || exchange.is_none() && behind.is_empty();
        rest = behind.get(if bodiless { 0 } else { length }..).expect("a whole body");
        if closes {
            assert!(rest.is_empty(), "nothing follows the last answer");
            assert!(talk.is_final);
            assert_eq!(asked.next(), None, "nothing is read behind a refusal");
        }
    }
    assert_eq!(asked.next(), None, "each request is answered");
}

// --- Heads ----------------------------------------------------------------------------------

/// A head that the machine takes is one for httparse as well, with the same method, target and
/// fields. So whatever httparse refuses is refused.
///
/// # Panics
///
/// If the two differ.
pub fn head(data: &[u8]) {
    let mut conn = Conn::new(NOW, Limits::default());
    conn.handle_bytes(NOW, data);
    let Some(ours) = conn.poll_head() else { return };
    let mut fields = [httparse::EMPTY_HEADER; limit::HEADER_COUNT_MAX];
    let mut theirs = httparse::Request::new(&mut fields);
    let parsed = theirs.parse(data);
    assert!(matches!(parsed, Ok(httparse::Status::Complete(_))), "{parsed:?}");
    assert_eq!(theirs.method, Some(ours.method().as_str()));
    let mut target = ours.target().raw().to_string();
    if let Some(query) = ours.target().query() {
        target = target + "?" + query;
    }
    assert_eq!(theirs.path.map(origin), Some(target));
    let theirs = theirs.headers.iter().map(|field| (field.name.as_bytes(), field.value));
    assert!(ours.fields().eq(theirs), "other fields");
}

/// What stands behind the authority of a target, if it has one.
fn origin(target: &str) -> String {
    let lower = target.to_ascii_lowercase();
    let Some(scheme) = ["http://", "https://"].iter().find(|scheme| lower.starts_with(**scheme))
    else {
        return target.to_string();
    };
    let rest: String = target.chars().skip(scheme.len()).collect();
    if rest.is_empty() || rest.starts_with(['/', '?']) {
        // Nobody is asked.
        return String::new();
    }
    let rest: String = rest.chars().skip_while(|c| !matches!(c, '/' | '?')).collect();
    if rest.starts_with('/') { rest } else { format!("/{rest}") }
}

// --- Paths ----------------------------------------------------------------------------------

/// What a target means.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// No target at all.
    Malformed,
    Answer(u16),
    Redirect(String),
    Path(String),
}

/// Whatever the spelling of a target, the call has the path that a naive reader says, or the answer
/// is the one that it says.
///
/// # Panics
///
/// If the two differ, or if a redirect leads to another redirect or off this server.
pub fn path(data: &[u8]) {
    let Ok(target) = str::from_utf8(data) else { return };
    if target.is_empty() || target.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
        return;
    }
    // Help is another matter; its word could be escaped.
    if target.split_once('?').is_some_and(|(_, query)| query.contains(['h', '%'])) {
        return;
    }
    for method in ["DELETE", "LIST"] {
        let want = naive_meaning(target, method == "LIST");
        assert_eq!(meaning(target, method), want, "{method} {target}");
        if let Meaning::Redirect(location) = want {
            assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
            let next = meaning(&location, method);
            assert!(!matches!(next, Meaning::Redirect(_) | Meaning::Malformed), "{location}");
        }
    }
}

fn meaning(target: &str, method: &str) -> Meaning {
    let Ok(request) = Request::new(method, target, &[], b"") else { return Meaning::Malformed };
    match prepare(&request, &Rules::default()) {
        Ok(call) => Meaning::Path(call.path().as_str().to_string()),
        Err(response) if response.status() == 307 => Meaning::Redirect(location(response)),
        Err(response) => Meaning::Answer(response.status().as_u16()),
    }
}

/// The field as it is sent.
fn location(response: Response) -> String {
    let mut conn = Conn::new(NOW, Limits::default());
    conn.handle_bytes(NOW, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.respond(NOW, response);
    let wire = conn.output().and_then(|wire| str::from_utf8(wire).ok()).expect("a redirect");
    let line = wire.lines().find_map(|line| line.strip_prefix("Location: "));
    line.expect("a location").to_string()
}

fn naive_meaning(target: &str, lists: bool) -> Meaning {
    const ENDPOINTS: [&str; 7] =
        ["health", "init", "leader", "seal", "seal-status", "step-down", "unseal"];
    let origin = origin(target);
    let (raw, query) = match origin.find('?') {
        Some(at) => (&origin[..at], &origin[at..]),
        None => (origin.as_str(), ""),
    };
    let Some(decoded) = naive_decoded(raw).filter(|_| raw.starts_with('/')) else {
        return Meaning::Malformed;
    };
    if !is_printable(&String::from_utf8_lossy(&decoded)) {
        return Meaning::Answer(400);
    }
    let Some(path) = decoded.strip_prefix(b"/v1/") else { return Meaning::Answer(404) };
    let Ok(path) = str::from_utf8(path) else { return Meaning::Answer(400) };
    let shortest = naive_shortest(raw);
    if shortest != raw {
        return Meaning::Redirect(naive_escaped(&(shortest + query)));
    }
    let whole_slashes = !raw.to_ascii_lowercase().contains("%2f");
    if whole_slashes && path.strip_prefix("sys/").is_some_and(|name| ENDPOINTS.contains(&name)) {
        return Meaning::Answer(405);
    }
    let fenced = format!("/{path}/");
    let count = path.strip_suffix('/').unwrap_or(path).matches('/').count() + 1;
    if fenced.contains("/./") || fenced.contains("/../") || count > limit::PATH_SEGMENTS_MAX {
        return Meaning::Answer(400);
    }
    let slash = if lists && !path.ends_with('/') { "/" } else { "" };
    Meaning::Path(format!("{path}{slash}"))
}

/// Everything but the characters that have a place in a target.
fn naive_escaped(text: &str) -> String {
    const PLAIN: &[u8] = b"!#$%&'()*+,-./:;=?@[]_~";
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn naive_decoded(raw: &str) -> Option<Vec<u8>> {
    let mut parts = raw.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.as_bytes().split_at_checked(2)?;
        if !code.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        bytes.push(u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok()?);
        bytes.extend_from_slice(rest);
    }
    Some(bytes)
}

/// Read from the right: each `..` takes away the next name.
fn naive_shortest(raw: &str) -> String {
    const FOLDERS: [&str; 4] =
        ["/v1/sys", "/v1/sys/audit-hash", "/v1/sys/config/state", "/v1/sys/pprof"];
    let (mut shortest, mut taken) = (String::new(), 0);
    for segment in raw.rsplit('/') {
        match segment {
            "" | "." => {}
            ".." => taken += 1,
            _ if taken > 0 => taken -= 1,
            name => shortest = format!("/{name}{shortest}"),
        }
    }
    if raw.ends_with('/') || shortest.is_empty() || FOLDERS.contains(&shortest.as_str()) {
        shortest.push('/');
    }
    shortest
}

// --- JSON -----------------------------------------------------------------------------------

/// A body's canonical text stands for the same value; serde_json agrees on what is JSON and what it
/// says; and limits let in exactly what costs no more than they say.
///
/// # Panics
///
/// If one of these is not so.
pub fn json(data: &[u8]) {
    let ours = json::parse(data, &json::Limits::default());
    let text = ours.as_ref().ok().and_then(Option::as_ref).map(canonical);
    if let Some(text) = &text {
        let again = json::parse(text.as_bytes(), &json::Limits::default());
        let again = again.expect("canonical text is JSON").expect("a value");
        assert_eq!(&canonical(&again), text);
    }
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    // With numbers kept as text, serde_json gives a meaning of its own to this name.
    let private = data.windows(19).any(|name| name == b"serde_json::private");
    if str::from_utf8(data).is_ok() && !private {
        compare(data, &ours, text.as_deref(), &theirs);
    }
    check_limits(data, &ours, theirs.is_ok());
}

type Parsed = Result<Option<Doc>, json::Error>;

fn canonical(doc: &Doc) -> String {
    let mut text = String::new();
    doc.root().write_canonical(&mut text);
    text
}

fn compare(
    data: &[u8],
    ours: &Parsed,
    text: Option<&str>,
    theirs: &Result<serde_json::Value, serde_json::Error>,
) {
    match (ours, text, theirs) {
        (Ok(_), Some(text), Ok(value)) => {
            assert_eq!(&serde_json::from_str::<serde_json::Value>(text).expect(text), value);
        }
        (Ok(_), Some(_), Err(error)) => {
            // Several values, deep ones and halves of surrogates are JSON for us alone.
            let surrogate = data.windows(4).any(|escape| {
                let [b'\\', b'u', d, digit] = escape else { return false };
                d.eq_ignore_ascii_case(&b'd') && !digit.is_ascii_digit() | (*digit >= b'8')
            });
            let error = error.to_string();
            assert!(
                surrogate || error.contains("trailing") || error.contains("recursion"),
                "{error}"
            );
        }
        (Ok(_), None, theirs) => {
            assert!(data.iter().all(u8::is_ascii_whitespace) && theirs.is_err());
        }
        (Err(error), _, Ok(_)) => {
            assert!(!matches!(error, json::Error::Syntax { .. } | json::Error::Kind { .. }));
        }
        (Err(_), _, Err(_)) => {}
    }
}

/// Levels, strings and estimated bytes of a value, each counted from its parts.
fn cost(doc: &Doc) -> (usize, u64, u64) {
    let (mut depth, mut strings, mut memory) = (0, 0, 0);
    let mut string = |text: &str| {
        strings += 1;
        32 + u64::try_from(text.len()).unwrap_or(u64::MAX)
    };
    let mut left: Vec<(Value<'_>, usize)> = vec![(doc.root(), 0)];
    while let Some((value, level)) = left.pop() {
        memory += match value.kind() {
            Kind::Null | Kind::Bool(_) => 17,
            Kind::Number(_) => 24,
            Kind::String(text) => string(text),
            Kind::Array(items) => {
                left.extend(items.map(|item| (item, level + 1)));
                depth = depth.max(level + 1);
                40
            }
            Kind::Object(members) => {
                let mut names = 88;
                for (name, member) in members {
                    names += string(name);
                    left.push((member, level + 1));
                }
                depth = depth.max(level + 1);
                names
            }
        };
    }
    (depth, strings, memory)
}

fn check_limits(data: &[u8], ours: &Parsed, single: bool) {
    const DEPTH: usize = 3;
    const STRINGS: u64 = 6;
    const MEMORY: u64 = 400;
    let tight =
        json::Limits { depth_max: DEPTH, strings_max: Some(STRINGS), memory_max: Some(MEMORY) };
    let within = |doc: &Doc| {
        let (depth, strings, memory) = cost(doc);
        depth <= DEPTH && strings <= STRINGS && memory <= MEMORY
    };
    match (ours, json::parse(data, &tight)) {
        (Ok(Some(doc)), Ok(Some(bounded))) => {
            assert!(within(&bounded));
            assert_eq!(canonical(doc), canonical(&bounded));
        }
        (Ok(Some(doc)), Err(error)) => {
            let is_limit =
                matches!(error, json::Error::Depth | json::Error::Memory | json::Error::Strings);
            assert!(is_limit && (!single || !within(doc)), "{error}");
        }
        (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
        (ours, bounded) => {
            let mut shown = String::new();
            let _ = write!(shown, "{:?} {:?}", ours.as_ref().err(), bounded.err());
            panic!("limits change the meaning: {shown}");
        }
    }
}

// --- The canary -----------------------------------------------------------------------------

/// Breaks on one word: a fuzzer that does not find it finds nothing.
///
/// # Panics
///
/// If the bytes begin with `bird`.
pub fn canary(data: &[u8]) {
    let mut word = b"bird".iter().zip(data);
    let sings = data.len() >= 4 && word.all(|(wanted, byte)| wanted == byte);
    assert!(!sings, "the canary sings");
}
