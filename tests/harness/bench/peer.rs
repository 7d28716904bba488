//! One connection that is kept: a request, its answer, the next request.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes: a server that hangs ends the measurement with an error.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;
/// Header fields of an answer; the server sends fewer than ten.
const FIELDS_MAX: usize = 32;

/// See the module.
pub(super) struct Peer {
    stream: TcpStream,
    token: String,
    outbound: Vec<u8>,
    inbound: Vec<u8>,
    buffer: Vec<u8>,
}

/// One answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer, if it has this status.
    ///
    /// # Errors
    ///
    /// If it has another one.
    pub(super) fn expect(self, status: u16) -> io::Result<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(io::Error::other(format!("status {}, not {status}: {body}", self.status)))
    }
}

impl Peer {
    /// Connects as the holder of a token; an empty one is none.
    pub(super) fn connect(address: SocketAddr, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            token: token.to_owned(),
            outbound: Vec::new(),
            inbound: Vec::new(),
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Sends a request and takes its answer.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        self.outbound.clear();
        write!(
            self.outbound,
            "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )?;
        self.stream.write_all(&self.outbound)?;
        loop {
            if let Some((answer, length)) = parse(&self.inbound)? {
                self.inbound.drain(..length);
                return Ok(answer);
            }
            let count = self.stream.read(&mut self.buffer)?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.inbound.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
        }
    }
}

/// The answer at the beginning of these bytes and its length, if it is whole.
fn parse(bytes: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let httparse::Status::Complete(start) = parsed else { return Ok(None) };
    let mut fields = head.headers.iter();
    let length = fields
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .and_then(|field| str::from_utf8(field.value).ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    let answer = bytes
        .get(start..start + length)
        .map(|body| Answer { status: head.code.unwrap_or(0), body: body.to_vec() });
    Ok(answer.map(|answer| (answer, start + length)))
}
