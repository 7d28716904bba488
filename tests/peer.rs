//! A client that is as small as can be: one connection, one request at a time.
//!
//! Every wait has an end, so that a server that does not answer fails a test and does not hang it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than any answer takes on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Peer {
    stream: TcpStream,
    inbound: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    fields: Vec<(String, String)>,
}

impl Answer {
    /// The value of a header field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, inbound: Vec::new() }
    }

    /// Connects to a server that may still be starting.
    pub(crate) fn connect_patiently(address: SocketAddr) -> Self {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < PATIENCE, "nobody listens on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self::connect(address)
    }

    /// Sends a request and takes its answer. An empty token is none.
    pub(crate) fn ask(&mut self, method: &str, target: &str, token: &str, body: &str) -> Answer {
        self.send(request(method, target, token, body).as_bytes());
        self.receive()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Takes the next answer.
    pub(crate) fn receive(&mut self) -> Answer {
        loop {
            if let Some((answer, length)) = parse(&self.inbound) {
                self.inbound.drain(..length);
                return answer;
            }
            assert_ne!(self.read(), 0, "the server ended the connection");
        }
    }

    /// Takes the next answer, if it comes within the given time.
    pub(crate) fn receive_within(&mut self, time: Duration) -> Option<Answer> {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut buffer = [0; 8192];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.inbound.extend_from_slice(&buffer[..count]);
        (count > 0).then(|| self.receive())
    }

    /// Whether the server has ended this connection, or does so within the given time.
    pub(crate) fn is_ended_within(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut byte = [0];
        let ended = match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ended
    }

    fn read(&mut self) -> usize {
        let mut buffer = [0; 8192];
        let count = self.stream.read(&mut buffer).unwrap();
        self.inbound.extend_from_slice(&buffer[..count]);
        count
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    token: &str,
    body: &str,
) -> Answer {
    Peer::connect(address).ask(method, target, token, body)
}

/// The bytes of a request.
pub(crate) fn request(method: &str, target: &str, token: &str, body: &str) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    if !token.is_empty() {
        head.push_str(&format!("X-Vault-Token: {token}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    head + body
}

/// The first answer in these bytes and its length, if it is whole.
fn parse(bytes: &[u8]) -> Option<(Answer, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let start = match head.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return None,
        Err(error) => panic!("no answer of HTTP: {error}"),
    };
    let mut fields = head.headers.iter();
    let length = fields.find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let end = start + length.map_or(0, |field| number(field.value));
    let body = bytes.get(start..end)?.to_vec();
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    let fields = head.headers.iter();
    let fields = fields.map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect();
    Some((Answer { status: head.code?, body, fields }, end))
}

fn number(digits: &[u8]) -> usize {
    str::from_utf8(digits).unwrap().parse().unwrap()
}
