//! Conversations with one connection: what is refused and how, what is served, what takes too long.
//!
//! The tables hold whole conversations. Each of them is also told in pieces, for where the bytes
//! are split must change nothing.

mod deadline;
mod finish;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use super::super::Statuses;
use super::super::response::JOINED_BYTES_MAX;
use super::*;

const START: Time = Time::from_unix_nanos(1_700_000_000_000_000_000);

/// Small ones, so that small conversations reach them.
fn limits() -> Limits {
    Limits {
        head_bytes_max: 512,
        header_count_max: 8,
        target_bytes_max: 64,
        body_bytes_max: 32,
        ..Limits::default()
    }
}

/// What came of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
struct Talk {
    /// Method, target and body of each.
    requests: Vec<String>,
    output: String,
}

/// Answers what can be answered: 403 to the head for `/refused`, 204 for `/nothing`, else 200.
fn serve(conn: &mut Conn, now: Time, talk: &mut Talk) {
    loop {
        if let Some(refused) = conn.poll_head().map(|head| head.target().raw() == "/refused") {
            if refused {
                conn.respond(now, Response::errors(StatusCode::FORBIDDEN, &[]));
            } else {
                conn.admit(now, usize::MAX);
            }
        } else if let Some(request) = conn.poll_request() {
            let (head, body) = (&request.head, String::from_utf8_lossy(&request.body));
            let target = head.target();
            let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
            talk.requests.push(format!("{} {}{query} {body}", head.method(), target.raw()));
            conn.respond(
                now,
                match target.raw() {
                    "/nothing" => Response::api(StatusCode::NO_CONTENT, String::new()),
                    _ => Response::api(StatusCode::OK, "yes\n".to_string()),
                },
            );
        } else {
            break;
        }
    }
    while let Some(bytes) = conn.output() {
        let count = bytes.len();
        talk.output.push_str(str::from_utf8(bytes).unwrap());
        conn.handle_written(now, count);
    }
}

fn tell<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> (Conn, Talk) {
    let (mut conn, mut talk) = (Conn::new(START, limits()), Talk::default());
    for piece in pieces {
        conn.handle_bytes(START, piece);
        serve(&mut conn, START, &mut talk);
    }
    (conn, talk)
}

/// One line for each answer: status, connection, length, body.
fn answers(output: &str) -> Vec<String> {
    let parts = output.split("HTTP/1.1 ");
    let field = |head: &str, name: &str| -> String {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or(": -").trim_start_matches(": ").to_string()
    };
    let summary = |part: &str| {
        let (head, body) = part.split_once("\r\n\r\n").expect("a head ends in an empty line");
        let status = head.split(' ').next().unwrap_or("");
        let (connection, length) = (field(head, "Connection"), field(head, "Content-Length"));
        format!("{status} {connection} {length} {}", body.trim_end())
    };
    parts.skip(1).map(summary).collect()
}

/// Small xorshift: which splits are tried depends on nothing but the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

// --- What is refused ------------------------------------------------------------------------

type Refusal = (&'static [u8], u16, &'static str);

mod lines {
    /// Request lines and the grammar of lines.
    pub(super) const CASES: [super::Refusal; 34] = [
        (b"GET / HTTP/1.1\nHost: a\n\n", 400, "bare line feed"),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, "bare line feed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare line feed"),
        (b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bare line feed"),
        (b"GET / HTTP/1.1\rX: y\r\nHost: a\r\n\r\n", 400, "bare carriage return"),
        (b"GET / HTTP/1.1\r\nX: y\rHost: a\r\n\r\n", 400, "bare carriage return"),
        (b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400, "bare carriage return"),
        (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "NUL in a head"),
        (b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", 400, "NUL in a head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400, "folded header field"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\tz\r\n\r\n", 400, "folded header field"),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded header field"),
        (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "folded header field"),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\xe9: y\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n", 400, "malformed request head"),
        (b"hello\r\n\r\n", 400, "malformed request head"),
        (b"GET /\r\n\r\n", 400, "malformed request head"),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bare line feed"),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unknown HTTP version"),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "unknown HTTP version"),
        (b"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, "unknown HTTP version"),
        (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "malformed request head"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "unknown HTTP version"),
    ];
}

mod targets {
    /// Targets, hosts and expectations.
    pub(super) const CASES: [super::Refusal; 19] = [
        (b"GET v1/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET /% HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET http://a/%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "malformed request target"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "missing Host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "several Host fields"),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "several Host fields"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed Host"),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "malformed Host"),
        (b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", 400, "malformed Host"),
        (b"GET / HTTP/1.0\r\nHost: a\tb\r\n\r\n", 400, "malformed Host"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417, "unknown expectation"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect:\r\n\r\n", 417, "unknown expectation"),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, tea\r\n\r\n",
            417,
            "unknown expectation",
        ),
    ];
}

/// How long the body is, told badly: the fields, each with its line end.
mod framings {
    pub(super) const CASES: [(&str, u16, &str); 24] = [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", 400, "several Content-Length fields"),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", 400, "several Content-Length fields"),
        ("content-length: 1\r\nCONTENT-LENGTH: 1\r\n", 400, "several Content-Length fields"),
        ("Content-Length: +1\r\n", 400, "malformed Content-Length"),
        ("Content-Length: -1\r\n", 400, "malformed Content-Length"),
        ("Content-Length:\r\n", 400, "malformed Content-Length"),
        ("Content-Length: \t \r\n", 400, "malformed Content-Length"),
        ("Content-Length: 1, 1\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 1 1\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 0x1\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 1.0\r\n", 400, "malformed Content-Length"),
        ("Content-Length: abc\r\n", 400, "malformed Content-Length"),
        ("Content-Length: \u{661}\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 18446744073709551616\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 18446744073709551615\r\n", 413, "http: request body too large"),
        ("Content-Length: 33\r\n", 413, "http: request body too large"),
        (
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            400,
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: x\r\nContent-Length: x\r\n",
            400,
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            400,
            "several Transfer-Encoding fields",
        ),
        ("Transfer-Encoding: chunked, chunked\r\n", 501, "unknown transfer coding"),
        ("Transfer-Encoding: gzip, chunked\r\n", 501, "unknown transfer coding"),
        ("Transfer-Encoding: identity\r\n", 501, "unknown transfer coding"),
        ("Transfer-Encoding: xchunked\r\n", 501, "unknown transfer coding"),
        ("Transfer-Encoding:\r\n", 501, "unknown transfer coding"),
    ];
}

/// Chunked bodies.
mod chunks {
    pub(super) const CASES: [(&str, u16); 30] = [
        ("zz\r\n", 400),
        ("\r\n", 400),
        (";x\r\n", 400),
        (" 1\r\na\r\n0\r\n\r\n", 400),
        ("-1\r\na\r\n0\r\n\r\n", 400),
        ("+1\r\na\r\n0\r\n\r\n", 400),
        ("0x1\r\na\r\n0\r\n\r\n", 400),
        ("1\na\r\n0\r\n\r\n", 400),
        ("1\ra\r\n0\r\n\r\n", 400),
        ("1 2\r\na\r\n0\r\n\r\n", 400),
        ("1\t2\r\na\r\n0\r\n\r\n", 400),
        ("1,2\r\na\r\n0\r\n\r\n", 400),
        ("1;x\n\r\na\r\n0\r\n\r\n", 400),
        ("1;x\ry\r\na\r\n0\r\n\r\n", 400),
        ("1;x\0\r\na\r\n0\r\n\r\n", 400),
        ("1\r\nab\r\n0\r\n\r\n", 400),
        ("1\r\na0\r\n\r\n", 400),
        ("1\r\na\n0\r\n\r\n", 400),
        ("1\r\na\r0\r\n\r\n", 400),
        ("0\r\nX: y\n\r\n", 400),
        ("0\r\nX: \0\r\n\r\n", 400),
        ("0\r\n X: y\r\n\r\n", 400),
        ("0\r\nX: y\r\n z\r\n\r\n", 400),
        ("0\r\nX: y\rz\r\n\r\n", 400),
        ("0\r\nno colon\r\n\r\n", 400),
        ("0\r\n: y\r\n\r\n", 400),
        ("0\r\n\rX", 400),
        ("21\r\n", 413),
        ("20\r\n01234567890123456789012345678901\r\n1\r\n", 413),
        ("10000000000000000\r\n", 413),
    ];
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}").into_bytes()
}

/// What only text that is made can be: heads and lines beyond their limits.
fn oversized() -> Vec<(Vec<u8>, u16, &'static str)> {
    const FIELDS: &str = "request header fields too large";
    let head = |length: usize| format!("X: {}\r\n", "x".repeat(length - 34));
    let chunked = |line: &str| post("Transfer-Encoding: chunked\r\n", line);
    vec![
        (post(&head(513), ""), 431, FIELDS),
        ("x".repeat(512).into_bytes(), 431, FIELDS),
        (post(&"X: y\r\n".repeat(8), ""), 431, FIELDS),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(64)).into_bytes(), 414, LONG),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "%zz".repeat(22)).into_bytes(), 414, LONG),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(600)).into_bytes(), 431, FIELDS),
        (chunked(&format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(4093))), 400, CHUNKS),
        (chunked(&format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(4094))), 400, CHUNKS),
        (chunked(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(683))), 400, CHUNKS),
    ]
}

const LONG: &str = "request target too long";
const CHUNKS: &str = "malformed chunked body";

/// Every conversation that ends in a refusal, with status and message.
fn refusals() -> Vec<(Vec<u8>, u16, &'static str)> {
    let mut all = oversized();
    for (input, status, message) in lines::CASES.into_iter().chain(targets::CASES) {
        all.push((input.to_vec(), status, message));
    }
    for (fields, status, message) in framings::CASES {
        all.push((post(fields, "1"), status, message));
    }
    for (body, status) in chunks::CASES {
        let message = if status == 413 { "http: request body too large" } else { CHUNKS };
        all.push((post("Transfer-Encoding: chunked\r\n", body), status, message));
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    all.push((old.into(), 400, "Transfer-Encoding in HTTP/1.0"));
    all
}

#[test]
fn refuses_bad_input_once_and_reads_nothing_behind_it() {
    for (input, status, message) in refusals() {
        let shown = String::from_utf8_lossy(&input).into_owned();
        let behind = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n".as_slice();
        let (conn, talk) = tell([input.as_slice(), behind]);
        assert_eq!(talk.requests, [""; 0], "{shown:?}");
        let body = format!("{{\"errors\":[\"{message}\"]}}");
        let want = format!("{status} close {} {body}", body.len() + 1);
        assert_eq!(answers(&talk.output), [want], "{shown:?}");
        assert!(!talk.output.contains("Cache-Control"), "not an answer of the API");
        assert!(conn.is_final() && !conn.is_closed() && conn.wants_bytes(), "{shown:?}");

        let (_, joined) = tell([[input.as_slice(), behind].concat().as_slice()]);
        assert_eq!(joined, talk, "{shown:?}");
    }
}

#[test]
fn serves_the_good_request_in_front_of_a_bad_one() {
    for (input, status, _) in refusals() {
        let (_, talk) = tell([b"GET /front HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), &input]);
        assert_eq!(talk.requests, ["GET /front "]);
        let [first, second] = &answers(&talk.output)[..] else { panic!("two answers") };
        assert_eq!(first, "200 - 4 yes");
        assert!(second.starts_with(&format!("{status} close ")), "{second}");
    }
}

// --- What is served -------------------------------------------------------------------------

mod served {
    /// A conversation, its requests, its answers.
    pub(super) type Served = (&'static str, &'static [&'static str], &'static [&'static str]);

    const YES: &str = "200 - 4 yes";
    const LAST: &str = "200 close 4 yes";
    const CONTINUE: &str = "100 - - ";

    pub(super) const CASES: [Served; 33] = [
        ("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /a "], &[YES]),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nHost: a\r\n\r\nDELETE /c HTTP/1.1\r\nHost: a\r\n\r\n",
            &["POST /a {}", "GET /b ", "DELETE /c "],
            &[YES, YES, YES],
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /a "],
            &[LAST],
        ),
        ("GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", &["GET /a "], &[LAST]),
        ("GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.0\r\n\r\n", &["GET /a "], &[LAST]),
        (
            "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
            &["GET /a ", "GET /b "],
            &["200 keep-alive 4 yes", LAST],
        ),
        (
            "GET /a HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            &["GET /a "],
            &[LAST],
        ),
        (
            "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["HEAD /a ", "GET /b "],
            &["200 - 4 ", YES],
        ),
        (
            "POST /nothing HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["POST /nothing ", "GET /b "],
            &["204 - - ", YES],
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n{}",
            &["POST /a {}"],
            &[CONTINUE, YES],
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &["POST /a "],
            &[CONTINUE, YES],
        ),
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
            &["POST /a "],
            &[YES],
        ),
        ("GET /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", &["GET /a "], &[YES]),
        (
            "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n1",
            &["POST /a 1"],
            &[LAST],
        ),
        (
            "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /a ", "GET /b "],
            &[YES, YES],
        ),
        ("GET http://elsewhere/a?b HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /a?b "], &[YES]),
        ("GET HTTPS://elsewhere:1 HTTP/1.1\r\nHost: a\r\n\r\n", &["GET / "], &[YES]),
        (
            "GET /caf\u{e9}?\u{6f22} HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /caf\u{e9}?\u{6f22} "],
            &[YES],
        ),
        ("GET /%C3%A9%ff HTTP/1.1\r\nHost: a\r\n\r\n", &["GET /%C3%A9%ff "], &[YES]),
        ("GET /a HTTP/1.1\r\nHost:\r\n\r\n", &["GET /a "], &[YES]),
        ("GET /a HTTP/1.1\r\nHost: [::1]:8200\r\nX: \u{e9}\t\"\r\n\r\n", &["GET /a "], &[YES]),
        ("FROB /a HTTP/1.1\r\nHost: a\r\n\r\n", &["FROB /a "], &[YES]),
        ("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 02 \r\n\r\n{}", &["GET /a {}"], &[YES]),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n3\r\n{\"x\r\n04;e=\"1\" ; f\r\n\":2}\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["PUT /a {\"x\":2}", "GET /b "],
            &[YES, YES],
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nB \t\r\n0123456789a\r\n0 ;x\r\nX-A: 1\r\nX-B:\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["PUT /a 0123456789a", "GET /b "],
            &[YES, YES],
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n\r\n01234567890123456789012345678901",
            &["PUT /a 01234567890123456789012345678901"],
            &[YES],
        ),
        (
            "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1F\r\n0123456789012345678901234567890\r\n1\r\n1\r\n0\r\n\r\n",
            &["PUT /a 01234567890123456789012345678901"],
            &[YES],
        ),
        (
            "GET /refused HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &["GET /b "],
            &["403 - 14 {\"errors\":[]}", YES],
        ),
        (
            "PUT /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
            &[],
            &["403 close 14 {\"errors\":[]}"],
        ),
        (
            "PUT /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
            &[],
            &["403 close 14 {\"errors\":[]}"],
        ),
        ("HEAD /a HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n", &[], &["413 close 44 "]),
        ("GET /a HTTP/1.1\r\nHost: a\r\n", &[], &[]),
        ("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{", &[], &[]),
    ];
}

#[test]
fn serves_good_input_in_its_order() {
    for (input, requests, want) in served::CASES {
        let (_, talk) = tell([input.as_bytes()]);
        assert_eq!(talk.requests, requests, "{input:?}");
        assert_eq!(answers(&talk.output), want, "{input:?}");
    }
}

#[test]
fn takes_what_is_just_within_the_limits() {
    let long = "x".repeat(63);
    let inputs = [
        post(&format!("X: {}\r\n", "x".repeat(512 - 34)), ""),
        post(&"X: y\r\n".repeat(7), ""),
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
        post(
            "Transfer-Encoding: chunked\r\n",
            &format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(4092)),
        ),
        post("Transfer-Encoding: chunked\r\n", &format!("0\r\n{}\r\n", "X: y\r\n".repeat(682))),
    ];
    for input in inputs {
        let (_, talk) = tell([input.as_slice()]);
        assert_eq!(answers(&talk.output), ["200 - 4 yes"], "{}", String::from_utf8_lossy(&input));
    }
}

#[test]
fn writes_the_whole_answer_as_it_stands() {
    let (_, talk) = tell([b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n".as_slice()]);
    let want = "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nCache-Control: no-store\r\n\
                Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n\
                Content-Type: application/json\r\nContent-Length: 4\r\n\r\nyes\n";
    assert_eq!(talk.output, want);
}

#[test]
fn gives_a_large_body_behind_its_head() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.admit(START, 0);
    assert!(conn.poll_request().is_some());
    let body = "x".repeat(JOINED_BYTES_MAX + 1);
    conn.respond(START, Response::api(StatusCode::OK, body.clone()));
    let mut talk = Talk::default();
    serve(&mut conn, START, &mut talk);
    assert_eq!(answers(&talk.output), [format!("200 - {} {body}", body.len())]);
}

/// The law of the module: the same bytes, split anywhere, give the same requests and answers.
#[test]
fn does_not_care_where_the_bytes_are_split() {
    let mut inputs: Vec<Vec<u8>> = refusals().into_iter().map(|(input, ..)| input).collect();
    inputs.extend(served::CASES.map(|(input, ..)| input.as_bytes().to_vec()));
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    for mut input in inputs {
        input.extend_from_slice(b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n");
        let shown = String::from_utf8_lossy(&input).into_owned();
        let whole = tell([input.as_slice()]).1;
        assert_eq!(tell(input.chunks(1)).1, whole, "{shown:?}");
        for _ in 0..200 {
            let mut rest = input.as_slice();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + random.below(rest.len()));
                pieces.push(piece);
                rest = behind;
            }
            assert_eq!(tell(pieces.iter().copied()).1, whole, "{shown:?} as {pieces:?}");
        }
    }
}

// --- The end of the peer's side -------------------------------------------------------------

#[test]
fn ends_with_the_peer_where_a_request_is_not_whole() {
    const CASES: [&str; 4] =
        ["", "GET /a HTT", "\r\n", "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"];
    for input in CASES {
        let (mut conn, mut talk) = tell([input.as_bytes()]);
        conn.handle_end(START);
        serve(&mut conn, START, &mut talk);
        assert!(conn.is_closed() && !conn.wants_bytes(), "{input:?}");
        assert_eq!(talk, Talk::default(), "{input:?}");
    }
}

#[test]
fn ends_when_a_body_is_let_in_that_cannot_come() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{");
    conn.handle_end(START);
    conn.admit(START, 2);
    assert!(conn.is_closed() && !conn.wants_bytes());
}

#[test]
fn answers_whole_requests_behind_which_the_peer_ended() {
    let mut conn = Conn::new(START, limits());
    let two = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
    conn.handle_bytes(START, two.as_bytes());
    conn.handle_end(START);
    let mut talk = Talk::default();
    serve(&mut conn, START, &mut talk);
    assert_eq!(talk.requests, ["GET /a ", "GET /b "]);
    assert_eq!(answers(&talk.output), ["200 - 4 yes", "200 close 4 yes"]);
    assert!(conn.is_closed());
}

#[test]
fn stops_taking_bytes_in_while_a_request_is_answered() {
    let mut conn = Conn::new(START, limits());
    conn.handle_bytes(START, b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.admit(START, 0);
    assert!(conn.poll_request().is_some());
    conn.handle_bytes(START, &vec![b'x'; limit::PIPELINE_BYTES_MAX - 1]);
    assert!(conn.wants_bytes());
    conn.handle_bytes(START, b"x");
    assert!(!conn.wants_bytes());
}

#[test]
fn holds_nothing_between_two_requests() {
    assert!(size_of::<Conn>() <= 512, "{} bytes", size_of::<Conn>());
    let inputs = [
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "\r\n",
    ];
    for input in inputs {
        for size in [1, 7, input.len()] {
            let (conn, _) = tell(input.as_bytes().chunks(size));
            assert!(conn.idle_since().is_some(), "{input:?}");
            assert_eq!(conn.inbound.capacity(), 0, "{input:?}");
            assert!(conn.outbound.is_empty() && conn.outbound.capacity() <= 4, "{input:?}");
        }
    }
}

#[test]
#[should_panic(expected = "admit answers poll_head")]
fn does_not_admit_what_did_not_come() {
    Conn::new(START, limits()).admit(START, 0);
}

#[test]
#[should_panic(expected = "respond answers a request")]
fn does_not_answer_what_did_not_come() {
    Conn::new(START, limits()).respond(START, Response::errors(StatusCode::OK, &[]));
}

// --- Fields of the operator -----------------------------------------------------------------

#[test]
fn adds_the_operators_fields_to_answers_of_the_api_alone() {
    let mut fields = CustomFields::default();
    fields.set(Statuses::All, "cache-control", "private").unwrap();
    fields.set(Statuses::One(200), "X-A", "a; b").unwrap();
    let fields = Arc::new(fields);
    let answer = |response: Response| {
        let mut conn = Conn::new(START, limits()).with_fields(Arc::clone(&fields));
        conn.handle_bytes(START, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        conn.respond(START, response);
        String::from_utf8(conn.output().unwrap().to_vec()).unwrap()
    };
    let own = [
        "HTTP/1.1 200 OK",
        "Date: Tue, 14 Nov 2023 22:13:20 GMT",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
        "cache-control: private",
        "X-A: a; b",
        "Content-Type: application/json",
        "Content-Length: 4",
    ];
    let sent = answer(Response::api(StatusCode::OK, "yes\n".to_string()));
    assert_eq!(sent, own.join("\r\n") + "\r\n\r\nyes\n");

    let sent = answer(Response::edge(StatusCode::OK, None));
    let edge = [own[0], own[1], "Content-Length: 0", "", ""];
    assert_eq!(sent, edge.join("\r\n"));
}
