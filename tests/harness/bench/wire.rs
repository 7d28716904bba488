//! One end of a connection that does not block: a socket, with TLS over it or without.
//!
//! The floor and the clients stand on it alike. What it is given to write it keeps until the socket
//! takes it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

use rustls::Connection;

/// Bytes that are read at a time: more than any answer but a list has.
pub(super) const READ_BYTES: usize = 32 * 1024;

/// See the module.
pub(super) struct Wire {
    stream: TcpStream,
    tls: Option<Box<Connection>>,
    /// Without TLS: what the socket has not taken yet.
    outbound: Vec<u8>,
}

impl Wire {
    /// Over a socket that is connected. A client's handshake ends here; a server's goes on as bytes
    /// come.
    pub(super) fn new(mut stream: TcpStream, mut tls: Option<Connection>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(None);
            if matches!(tls, Connection::Client(_)) {
                while tls.is_handshaking() {
                    tls.complete_io(&mut stream)?;
                }
            }
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, tls: tls.map(Box::new), outbound: Vec::new() })
    }

    /// Reads once what has come and adds it to `inbound`. False is the end of the connection.
    pub(super) fn read(&mut self, scratch: &mut [u8], inbound: &mut Vec<u8>) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            let count = match self.stream.read(scratch) {
                Err(error) if is_early(&error) => return Ok(true),
                result => result?,
            };
            inbound.extend_from_slice(scratch.get(..count).unwrap_or_default());
            return Ok(count > 0);
        };
        let open = match tls.read_tls(&mut self.stream) {
            Err(error) if is_early(&error) => return Ok(true),
            result => result? > 0,
        };
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let start = inbound.len();
        inbound.resize(start + state.plaintext_bytes_to_read(), 0);
        tls.reader().read_exact(inbound.get_mut(start..).unwrap_or_default())?;
        Ok(open)
    }

    /// Takes bytes to write, for the next [`Wire::flush`].
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes),
            None => {
                self.outbound.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Writes what the socket takes. True if something is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Err(error) if is_early(&error) => return Ok(true),
                    result => result?,
                };
            }
            return Ok(false);
        }
        let mut written = 0;
        while let Some(rest) = self.outbound.get(written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Err(error) if is_early(&error) => break,
                result => written += result?,
            }
        }
        self.outbound.drain(..written);
        Ok(!self.outbound.is_empty())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Whether an error only says that it is too early.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
