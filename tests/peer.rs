//! A client that is as small as can be: one connection, plain or by TLS or to a Unix socket.
//!
//! Every wait has an end, so that a server that does not answer fails a test and does not hang it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Stream};
use serde_json::Value;

/// Longer than any answer takes on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// The way to a listener.
#[derive(Clone)]
pub(crate) enum Way {
    Plain(SocketAddr),
    Tls(SocketAddr, Arc<ClientConfig>),
    Unix(PathBuf),
}

impl From<SocketAddr> for Way {
    fn from(address: SocketAddr) -> Self {
        Self::Plain(address)
    }
}

impl From<&Self> for Way {
    fn from(way: &Self) -> Self {
        way.clone()
    }
}

/// One connection.
pub(crate) struct Peer {
    socket: Socket,
    tls: Option<ClientConnection>,
    inbound: Vec<u8>,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn set_patience(&self, time: Duration) {
        let set = |result: io::Result<()>| result.unwrap();
        match self {
            Self::Tcp(stream) => set(stream.set_read_timeout(Some(time))),
            Self::Unix(stream) => set(stream.set_read_timeout(Some(time))),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).read(buffer),
            Socket::Unix(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).write(bytes),
            Socket::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
    pub(crate) fn connect(way: impl Into<Way>) -> Self {
        Self::try_connect(way).unwrap()
    }

    pub(crate) fn try_connect(way: impl Into<Way>) -> io::Result<Self> {
        let (socket, tls) = match way.into() {
            Way::Plain(address) => (Self::connect_tcp(address)?, None),
            Way::Tls(address, config) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
                (Self::connect_tcp(address)?, Some(tls))
            }
            Way::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                (Socket::Unix(stream), None)
            }
        };
        socket.set_patience(PATIENCE);
        Ok(Self { socket, tls, inbound: Vec::new() })
    }

    fn connect_tcp(address: SocketAddr) -> io::Result<Socket> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Socket::Tcp(stream))
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

    /// Its TLS.
    pub(crate) fn tls(&self) -> &ClientConnection {
        self.tls.as_ref().unwrap()
    }

    /// Sends a request and takes its answer. An empty token is none.
    pub(crate) fn ask(&mut self, method: &str, target: &str, token: &str, body: &str) -> Answer {
        self.try_ask(method, target, token, body).unwrap()
    }

    pub(crate) fn try_ask(
        &mut self,
        method: &str,
        target: &str,
        token: &str,
        body: &str,
    ) -> io::Result<Answer> {
        self.try_send(request(method, target, token, body).as_bytes())?;
        self.try_receive()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut socket = &self.socket;
        match &mut self.tls {
            Some(tls) => {
                let mut stream = Stream::new(tls, &mut socket);
                stream.write_all(bytes)?;
                stream.flush()
            }
            None => socket.write_all(bytes),
        }
    }

    /// Sends bytes as they are, past the TLS.
    pub(crate) fn send_raw(&self, bytes: &[u8]) {
        (&self.socket).write_all(bytes).unwrap();
    }

    /// Ends the own side, unless all has ended already.
    pub(crate) fn end_writing(&self) {
        let _ = match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Takes the next answer.
    pub(crate) fn receive(&mut self) -> Answer {
        self.try_receive().unwrap()
    }

    /// Takes the next answer. An end before its first byte is `ConnectionAborted`, one within it
    /// `UnexpectedEof`.
    pub(crate) fn try_receive(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((answer, length)) = parse(&self.inbound) {
                self.inbound.drain(..length);
                return Ok(answer);
            }
            let is_between = self.inbound.is_empty();
            if self.read()? == 0 {
                let text = "the server ended the connection";
                let within = ErrorKind::UnexpectedEof;
                let kind = if is_between { ErrorKind::ConnectionAborted } else { within };
                return Err(io::Error::new(kind, text));
            }
        }
    }

    /// Takes the next answer, if it comes within the given time.
    pub(crate) fn receive_within(&mut self, time: Duration) -> Option<Answer> {
        self.socket.set_patience(time);
        let count = self.read().unwrap_or(0);
        self.socket.set_patience(PATIENCE);
        (count > 0).then(|| self.receive())
    }

    /// Whether the server has ended this connection, or does so within the given time.
    pub(crate) fn is_ended_within(&mut self, time: Duration) -> bool {
        self.socket.set_patience(time);
        let ended = match self.read() {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        };
        self.socket.set_patience(PATIENCE);
        ended
    }

    /// Waits until an answer has begun to come.
    pub(crate) fn wait_for_bytes(&mut self) {
        while self.inbound.is_empty() {
            assert_ne!(self.read().unwrap(), 0, "the server ended the connection");
        }
    }

    /// Whether a part of an answer has come that is not whole.
    pub(crate) fn has_begun_to_receive(&self) -> bool {
        !self.inbound.is_empty()
    }

    /// Requires that the server ends this connection within the given time, whatever it says before,
    /// and whether or not it tells of the end of TLS.
    pub(crate) fn expect_end_within(&mut self, time: Duration) {
        self.socket.set_patience(time);
        loop {
            match self.read() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    let is_kept =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!is_kept, "the server keeps the connection");
                    break;
                }
            }
        }
        self.socket.set_patience(PATIENCE);
    }

    /// Reads some bytes of answers. The end of TLS must have been told.
    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 8192];
        let mut socket = &self.socket;
        let count = match &mut self.tls {
            Some(tls) => Stream::new(tls, &mut socket).read(&mut buffer)?,
            None => socket.read(&mut buffer)?,
        };
        self.inbound.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Reads to the end, past what has come of answers.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        while self.read().unwrap() > 0 {}
        std::mem::take(&mut self.inbound)
    }
}

/// One request on a connection of its own.
pub(crate) fn ask(
    way: impl Into<Way>,
    method: &str,
    target: &str,
    token: &str,
    body: &str,
) -> Answer {
    Peer::connect(way).ask(method, target, token, body)
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
