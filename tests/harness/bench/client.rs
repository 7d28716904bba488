//! The clients: one thread that keeps many connections, each with one request under way.
//!
//! They share the machine with the server that they measure, so they do little: requests are made
//! beforehand, answers are checked where the first right one had its content.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use super::latency::Latencies;
use super::ready::Ready;
use super::tls;
use super::wire::{READ_BYTES, Wire};

/// Longer than any answer takes: a server that hangs ends the measurement with an error.
const PATIENCE: Duration = Duration::from_secs(120);
/// Header fields of an answer; servers send fewer than twenty.
const FIELDS_MAX: usize = 32;

/// How a server is reached.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) address: SocketAddr,
    /// With TLS, by these settings.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// What clients ask and how they check what they get.
pub(super) trait Script {
    /// Adds the next request to `out` and gives a number for its check; nothing if all is asked.
    fn ask(&mut self, out: &mut Vec<u8>) -> Option<usize>;

    /// Checks the answer to the request of this number.
    fn check(&mut self, number: usize, status: u16, body: &[u8]) -> bool;
}

/// What a load gave.
#[derive(Default)]
pub(super) struct Outcome {
    /// The time of each request.
    pub(super) times: Latencies,
    /// From the first request to the last answer.
    pub(super) time: Duration,
}

/// Connections to one server that are kept from load to load.
pub(super) struct Clients {
    ready: Ready,
    lanes: Vec<Lane>,
    scratch: Vec<u8>,
    request: Vec<u8>,
}

/// One connection.
struct Lane {
    wire: Wire,
    inbound: Vec<u8>,
    /// When the request under way was sent, and its number.
    sent: Option<(Instant, usize)>,
}

impl Clients {
    /// Opens so many connections, their handshakes done.
    pub(super) fn connect(door: &Door, count: usize) -> io::Result<Self> {
        let mut clients = Self {
            ready: Ready::new()?,
            lanes: Vec::new(),
            scratch: vec![0; READ_BYTES],
            request: Vec::new(),
        };
        for number in 0..count {
            let stream = TcpStream::connect_timeout(&door.address, PATIENCE)?;
            let tls = door.tls.as_ref().map(tls::connection).transpose()?;
            let wire = Wire::new(stream, tls)?;
            clients.ready.add(&wire, number)?;
            clients.lanes.push(Lane { wire, inbound: Vec::new(), sent: None });
        }
        Ok(clients)
    }

    /// Each connection asks, waits for the answer and asks again, until the time is over or the script
    /// is.
    pub(super) fn run(
        &mut self,
        time_max: Duration,
        script: &mut dyn Script,
    ) -> io::Result<Outcome> {
        let start = Instant::now();
        let mut outcome = Outcome::default();
        for at in 0..self.lanes.len() {
            self.ask(at, script)?;
        }
        let mut numbers = Vec::new();
        while self.lanes.iter().any(|lane| lane.sent.is_some()) {
            self.ready.wait(&mut numbers, PATIENCE)?;
            if numbers.is_empty() {
                return Err(io::Error::other("a server does not answer"));
            }
            for at in &numbers {
                let Some((answer, sent, number)) = self.receive(*at)? else { continue };
                let now = Instant::now();
                outcome.times.add(now - sent);
                let Some(lane) = self.lanes.get_mut(*at) else { continue };
                let body = match &answer.body {
                    Body::Whole(place) => lane.inbound.get(place.clone()).unwrap_or_default(),
                    Body::Chunks(bytes) => bytes,
                };
                if !script.check(number, answer.status, body) {
                    let (body, status) = (String::from_utf8_lossy(body), answer.status);
                    let text = format!("a wrong answer, with status {status}: {body}");
                    return Err(io::Error::other(text));
                }
                lane.inbound.drain(..answer.length);
                if now - start < time_max {
                    self.ask(*at, script)?;
                }
            }
        }
        outcome.time = start.elapsed();
        Ok(outcome)
    }

    fn ask(&mut self, at: usize, script: &mut dyn Script) -> io::Result<()> {
        self.request.clear();
        let number = script.ask(&mut self.request);
        let (Some(number), Some(lane)) = (number, self.lanes.get_mut(at)) else { return Ok(()) };
        lane.wire.push(&self.request)?;
        lane.sent = Some((Instant::now(), number));
        // What the system does not take at once of a few hundred bytes, it never will.
        if lane.wire.flush()? { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }

    /// Takes in what has come, and gives a whole answer, when its request was sent, and its number.
    fn receive(&mut self, at: usize) -> io::Result<Option<(Answer, Instant, usize)>> {
        let Some(lane) = self.lanes.get_mut(at) else { return Ok(None) };
        if !lane.wire.read(&mut self.scratch, &mut lane.inbound)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((sent, number)) = lane.sent else { return Ok(None) };
        let Some(answer) = parse(&lane.inbound)? else { return Ok(None) };
        lane.sent = None;
        Ok(Some((answer, sent, number)))
    }
}

/// An answer at the beginning of some bytes.
struct Answer {
    status: u16,
    body: Body,
    /// Bytes of all of it.
    length: usize,
}

enum Body {
    /// Where it stands.
    Whole(Range<usize>),
    /// What its chunks hold.
    Chunks(Vec<u8>),
}

/// The answer at the beginning of these bytes, if it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(bytes).map_err(malformed)?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let status = head.code.unwrap_or(0);
    let field = |name| {
        let mut fields = head.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
        str::from_utf8(field.value).ok()
    };
    if field("transfer-encoding").is_some() {
        let chunks = join_chunks(bytes.get(start..).unwrap_or_default())?;
        return Ok(chunks.map(|(body, length)| Answer {
            status,
            body: Body::Chunks(body),
            length: start + length,
        }));
    }
    let length = field("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let end = start + length;
    let answer = Answer { status, body: Body::Whole(start..end), length: end };
    Ok((bytes.len() >= end).then_some(answer))
}

/// What chunks hold and their length, if all of them are there. No server sends trailers.
fn join_chunks(bytes: &[u8]) -> io::Result<Option<(Vec<u8>, usize)>> {
    const LINE_END: usize = 2;
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let size = httparse::parse_chunk_size(rest).map_err(malformed)?;
        let httparse::Status::Complete((start, size)) = size else { return Ok(None) };
        let size = usize::try_from(size).map_err(io::Error::other)?;
        at += start + size + LINE_END;
        if bytes.len() < at {
            return Ok(None);
        }
        body.extend_from_slice(rest.get(start..start + size).unwrap_or_default());
        if size == 0 {
            return Ok(Some((body, at)));
        }
    }
}

fn malformed(error: impl std::fmt::Debug) -> io::Error {
    io::Error::other(format!("an answer that is not HTTP: {error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers, and what they hold; or nothing while they are not whole.
    const CASES: [(&str, Option<(u16, &str)>); 5] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Some((200, "ok"))),
        ("HTTP/1.1 204 No Content\r\n\r\n", Some((204, ""))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", None),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            Some((200, "abc")),
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", None),
    ];

    #[test]
    fn reads_answers_when_they_are_whole() {
        for (bytes, expected) in CASES {
            let answer = parse(bytes.as_bytes()).unwrap();
            let found = answer.map(|answer| {
                assert_eq!(answer.length, bytes.len());
                let body = match answer.body {
                    Body::Whole(place) => bytes[place].to_owned(),
                    Body::Chunks(body) => String::from_utf8(body).unwrap(),
                };
                (answer.status, body)
            });
            let expected = expected.map(|(status, body)| (status, body.to_owned()));
            assert_eq!(found, expected, "{bytes:?}");
        }
    }
}
