//! A connection to a real server, which may be killed at any moment: one thread, plain TCP, answers
//! in the order of the requests.
//!
//! Every wait has an end, so that a server that hangs is noticed.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes on a machine under load.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Fields of an answer; the server sends fewer.
const FIELDS_MAX: usize = 32;

/// Why there is no answer.
pub(super) enum Fault {
    /// The connection is gone, as it is when the server has been killed.
    Lost(String),
    /// No server may do this, whether it is killed or not.
    Wrong(String),
}

impl Fault {
    /// In words.
    pub(super) fn text(self) -> String {
        match self {
            Self::Lost(text) | Self::Wrong(text) => text,
        }
    }
}

/// A request. An empty token or body is none.
pub(super) struct Request {
    pub(super) method: &'static str,
    /// Behind `/v1/`.
    pub(super) path: String,
    pub(super) token: String,
    pub(super) body: Value,
}

impl Request {
    /// A request with the token and without a body.
    pub(super) fn new(method: &'static str, path: impl Into<String>, token: &str) -> Self {
        Self { method, path: path.into(), token: token.to_owned(), body: Value::Null }
    }

    /// The same with a body.
    pub(super) fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { method, path, token, body } = self;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let token =
            if token.is_empty() { String::new() } else { format!("X-Vault-Token: {token}\r\n") };
        let length = body.len();
        format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\n{token}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// An answer; no body is null.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// Requires a status.
    pub(super) fn require(&self, status: u16, of: &str) -> Result<(), String> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("{of}: {} rather than {status}: {}", self.status, self.body))
    }

    /// A text in the body.
    pub(super) fn text(&self, pointer: &str) -> Result<String, String> {
        let text = self.body.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("an answer has no {pointer}: {}", self.body))
    }
}

/// See the module.
pub(super) struct Wire {
    stream: TcpStream,
    inbound: Vec<u8>,
}

impl Wire {
    pub(super) fn connect(address: SocketAddr) -> Result<Self, Fault> {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Self { stream, inbound: Vec::new() })
        };
        connect().map_err(|error| fault(&error))
    }

    /// Sends a request and takes its answer.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Answer, Fault> {
        self.send(request)?;
        self.receive()
    }

    pub(super) fn send(&mut self, request: &Request) -> Result<(), Fault> {
        self.stream.write_all(&request.bytes()).map_err(|error| fault(&error))
    }

    /// Takes the next answer.
    pub(super) fn receive(&mut self) -> Result<Answer, Fault> {
        loop {
            if let Some((answer, length)) = parse(&self.inbound).map_err(Fault::Wrong)? {
                self.inbound.drain(..length);
                return Ok(answer);
            }
            let mut buffer = [0; 8192];
            match self.stream.read(&mut buffer).map_err(|error| fault(&error))? {
                0 => return Err(Fault::Lost("the server ended the connection".to_owned())),
                count => self.inbound.extend(buffer.iter().take(count)),
            }
        }
    }
}

fn fault(error: &std::io::Error) -> Fault {
    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
        return Fault::Wrong(format!("the server does not answer within {PATIENCE:?}"));
    }
    Fault::Lost(format!("the connection is lost: {error}"))
}

/// The first answer in these bytes and its length, if it is whole.
fn parse(bytes: &[u8]) -> Result<Option<(Answer, usize)>, String> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let start = match head.parse(bytes).map_err(|error| format!("no answer of HTTP: {error}"))? {
        httparse::Status::Complete(start) => start,
        httparse::Status::Partial => return Ok(None),
    };
    let mut fields = head.headers.iter();
    let length = fields.find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|field| str::from_utf8(field.value).ok()?.parse().ok());
    let end = start + length.unwrap_or(0);
    let Some(body) = bytes.get(start..end) else { return Ok(None) };
    let body = match body {
        [] => Value::Null,
        text => serde_json::from_slice(text).map_err(|error| format!("no JSON: {error}"))?,
    };
    Ok(Some((Answer { status: head.code.unwrap_or(0), body }, end)))
}
