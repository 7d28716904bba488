//! One connection without its waiting: HTTP over TLS or plain, and what an adapter does next for it.
//!
//! An adapter asks [`Session::next`] and does what it says: it waits for the socket, hands the socket in
//! when it is ready, or serves a request. All else is here, for every adapter alike.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConnection;
use strongroom_core::http::{Conn, Request, Response};
use strongroom_core::{Time, prepare};
use zeroize::Zeroize;

use super::budget::{SMALL_BODY_BYTES, Share, demand};
use super::registry::{Awaited, Seat};
use super::socket::Socket;
use super::{Service, Terms};
use crate::host::Host;

/// Time after which a large body that waits for its place asks again.
pub(crate) const BUDGET_PATIENCE: Duration = Duration::from_secs(1);
/// How often it asks until it is refused.
const BUDGET_TRIES: u32 = 20;
/// Bytes of an answer that are sealed for TLS at a time: four records.
const SEALED_BYTES_MAX: usize = 64 * 1024;
/// What a client hears that speaks plain HTTP to a listener with TLS, which has no other way to find
/// out.
const PLAIN_REFUSAL: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\n\
    Client sent an HTTP request to an HTTPS server.\n";

/// See the module.
pub(crate) struct Session {
    conn: Conn,
    tls: Option<Box<Tls>>,
    service: Arc<Service>,
    terms: Arc<Terms>,
    seat: Seat,
    /// What the body of the request that comes in may have.
    bytes_max: usize,
    /// Room for it, if it is large.
    share: Option<Share>,
    /// How often there was none.
    tries: u32,
    /// Since when the peer leaves bytes of an answer untaken.
    untaken_since: Option<Time>,
    /// Since when our side has ended.
    ended_since: Option<Time>,
    /// The peer was told to say nothing more, because the server stops.
    hushed: bool,
}

struct Tls {
    connection: ServerConnection,
    /// When the handshake must be done.
    handshake_due: Time,
    /// Whether a byte has come.
    begun: bool,
    /// Bytes of the answer that are sealed and not yet written.
    sealed: usize,
    /// Whether the peer was told that our side ends.
    notified: bool,
}

/// What to do for a session.
#[allow(missing_debug_implementations, reason = "requests hold secrets")]
pub(crate) enum Next {
    /// Take a share of so many bytes for the body of the head that waits, from the budget and for
    /// [`Session::socket`], within [`BUDGET_PATIENCE`]; and hand in what came of it by
    /// [`Session::admit`].
    Admit(usize),
    /// Serve this by [`answer`], and give the answer to [`Session::respond`].
    Serve(Request),
    /// Call [`Session::write`] when the socket has room.
    Write,
    /// Call [`Session::read`] when the socket has bytes.
    Read,
    /// End the socket's own side; the peer's may go on.
    EndWriting,
    /// End the peer's side: what has come already can still be read.
    EndReading,
    /// The connection is over.
    Close,
}

impl Session {
    /// A session for a connection that was accepted then.
    ///
    /// # Errors
    ///
    /// Those of TLS, which has no reason for any yet.
    pub(crate) fn new(
        service: Arc<Service>,
        terms: Arc<Terms>,
        seat: Seat,
        accepted: Time,
    ) -> io::Result<Self> {
        let tls = match &terms.tls {
            None => None,
            Some(settings) => {
                let mut connection = settings.connection().map_err(io::Error::other)?;
                connection.set_buffer_limit(Some(SEALED_BYTES_MAX));
                let handshake_due = accepted.after(terms.limits.head_time_max);
                Some(Box::new(Tls {
                    connection,
                    handshake_due,
                    begun: false,
                    sealed: 0,
                    notified: false,
                }))
            }
        };
        Ok(Self {
            conn: Conn::new(accepted, terms.limits).with_fields(Arc::clone(&terms.fields)),
            tls,
            service,
            terms,
            seat,
            bytes_max: 0,
            share: None,
            tries: 0,
            untaken_since: None,
            ended_since: None,
            hushed: false,
        })
    }

    /// What to do next. However the bytes drip, deadlines hold.
    pub(crate) fn next(&mut self) -> Next {
        let now = self.service.host.now();
        self.conn.handle_timeout(now);
        // Behind an answer that is still being taken the next request may have come to the socket.
        let is_answered = self.conn.output().is_none();
        if is_answered && self.conn.idle_since().is_none() && self.seat.is_stopping() {
            self.conn.finish(now);
        }
        loop {
            if self.conn.output().is_some() {
                return Next::Write;
            }
            if self.conn.is_closed() || self.handshake_due().is_some_and(|due| now >= due) {
                return Next::Close;
            }
            if let Some(tls) = &self.tls
                && tls.connection.wants_write()
            {
                return Next::Write;
            }
            if let Some(head) = self.conn.poll_head() {
                match self.service.host.admit(head) {
                    Ok(bytes_max) => {
                        self.bytes_max = bytes_max.min(self.terms.limits.body_bytes_max);
                        match demand(head.framing(), self.bytes_max) {
                            0 => self.conn.admit(now, self.bytes_max),
                            // It is nobody's loss yet if this one has to go for a new one.
                            _ if self.seat.is_closing() => return Next::Close,
                            bytes => {
                                self.seat.set_waiting(now, Awaited::Rest);
                                return Next::Admit(bytes);
                            }
                        }
                    }
                    Err(response) => self.conn.respond(now, response),
                }
                continue;
            }
            if let Some(request) = self.conn.poll_request() {
                let has_arrived = self.share.as_ref().is_none_or(Share::has_arrived);
                if !self.seat.set_busy() || !has_arrived {
                    return Next::Close;
                }
                return Next::Serve(request);
            }
            return self.wait(now);
        }
    }

    /// Nothing is left to do but to wait for the peer, or to end.
    fn wait(&mut self, now: Time) -> Next {
        if self.conn.is_final() && self.ended_since.is_none() {
            if let Some(tls) = &mut self.tls
                && !tls.notified
            {
                tls.notified = true;
                tls.connection.send_close_notify();
                return Next::Write;
            }
            self.ended_since = Some(now);
            return Next::EndWriting;
        }
        let is_idle = self.conn.idle_since().is_some();
        match (self.ended_since, self.conn.waiting_since()) {
            (Some(since), _) => self.seat.set_waiting(since, Awaited::Request),
            (None, Some(since)) if is_idle => self.seat.set_waiting(since, Awaited::Request),
            (None, Some(since)) => self.seat.set_waiting(since, Awaited::Rest),
            (None, None) => drop(self.seat.set_busy()),
        }
        // Looked at behind what others see of this connection: either they find it waiting when the
        // server stops, or it finds the server stopping.
        if is_idle && !self.hushed && self.seat.is_stopping() {
            self.hushed = true;
            return Next::EndReading;
        }
        Next::Read
    }

    /// The share for the body of the head that waits, or that there was none in time.
    pub(crate) fn admit(&mut self, share: Option<Share>) {
        let now = self.service.host.now();
        if share.is_none() && self.tries < BUDGET_TRIES {
            self.tries += 1;
            return;
        }
        self.tries = 0;
        match share {
            Some(share) => {
                self.share = Some(share);
                self.conn.admit(now, self.bytes_max);
            }
            None => self.conn.respond(now, Response::overloaded()),
        }
    }

    /// The socket, for the budget.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        self.seat.socket()
    }

    /// The answer to the request that was taken.
    pub(crate) fn respond(&mut self, response: Response) {
        self.share = None;
        self.conn.respond(self.service.host.now(), response);
    }

    /// Writes some bytes to a socket.
    ///
    /// # Errors
    ///
    /// Those of the socket.
    pub(crate) fn write(&mut self, socket: impl Write) -> io::Result<()> {
        let written = self.write_some(socket);
        if self.conn.output().is_none() {
            self.untaken_since = None;
        } else {
            let now = self.service.host.now();
            let since = *self.untaken_since.get_or_insert(now);
            self.seat.set_waiting(since, Awaited::Taking);
        }
        written
    }

    fn write_some(&mut self, mut socket: impl Write) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            let bytes = self.conn.output().unwrap_or_default();
            let count = socket.write(bytes)?;
            if count == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            self.conn.handle_written(self.service.host.now(), count);
            return Ok(());
        };
        if tls.sealed == 0
            && let Some(bytes) = self.conn.output()
        {
            tls.sealed = tls.connection.writer().write(bytes)?;
        }
        while tls.connection.wants_write() {
            if tls.connection.write_tls(&mut socket)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            // The peer takes bytes, if not yet all that were sealed.
            self.conn.handle_written(self.service.host.now(), 0);
        }
        self.conn.handle_written(self.service.host.now(), std::mem::take(&mut tls.sealed));
        Ok(())
    }

    /// Reads some bytes from a socket, and says how many.
    ///
    /// # Errors
    ///
    /// Those of the socket, and `InvalidData` for what is not TLS where it should be.
    pub(crate) fn read(
        &mut self,
        mut socket: impl Read + Write,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let count = socket.read(buffer)?;
        let now = self.service.host.now();
        if count == 0 {
            self.conn.handle_end(now);
            return Ok(count);
        }
        let bytes = buffer.get_mut(..count).unwrap_or_default();
        let taken = match &mut self.tls {
            None => {
                self.conn.handle_bytes(now, bytes);
                Ok(())
            }
            Some(tls) => tls.take(bytes, &mut self.conn, now, &mut socket),
        };
        bytes.zeroize();
        taken.map(|()| count)
    }

    /// Tells the peer of a connection that is over, if that can be done without waiting: a client that
    /// keeps connections then knows that none was cut.
    pub(crate) fn part(&mut self, mut socket: impl Write) {
        if let Some(tls) = &mut self.tls
            && !(tls.notified || tls.connection.wants_write() || tls.connection.is_handshaking())
        {
            tls.connection.send_close_notify();
            let _ = tls.connection.write_tls(&mut socket);
        }
    }

    /// How long to wait for the socket at most.
    pub(crate) fn due(&self) -> Option<Time> {
        [self.conn.poll_timeout(), self.handshake_due()].into_iter().flatten().min()
    }

    fn handshake_due(&self) -> Option<Time> {
        let tls = self.tls.as_ref().filter(|tls| tls.connection.is_handshaking());
        tls.map(|tls| tls.handshake_due)
    }
}

impl Tls {
    /// Opens what has come and gives it to the connection.
    fn take(
        &mut self,
        mut bytes: &[u8],
        conn: &mut Conn,
        now: Time,
        socket: &mut impl Write,
    ) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            if bytes.first().is_some_and(u8::is_ascii_alphabetic) {
                let _ = socket.write(PLAIN_REFUSAL);
                return Err(ErrorKind::InvalidData.into());
            }
        }
        while !bytes.is_empty() {
            if self.connection.read_tls(&mut bytes)? == 0 {
                return Ok(());
            }
            let state = match self.connection.process_new_packets() {
                Ok(state) => state,
                Err(error) => {
                    // The peer is told why, if it can be.
                    let _ = self.connection.write_tls(socket);
                    return Err(io::Error::new(ErrorKind::InvalidData, error));
                }
            };
            if state.plaintext_bytes_to_read() > 0 {
                let mut reader = self.connection.reader();
                while let Ok(plain) = reader.fill_buf()
                    && !plain.is_empty()
                {
                    conn.handle_bytes(now, plain);
                    let count = plain.len();
                    reader.consume(count);
                }
            }
            if state.peer_has_closed() {
                conn.handle_end(now);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Whether a connection lives on behind this error: what took too long, its deadlines judge.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Serves a request. One with a large body is first read elsewhere, where the adapter has such a place.
pub(crate) async fn answer(host: &Host, terms: &Terms, request: Request) -> Response {
    let rules = terms.rules;
    let prepared = if request.body.len() > SMALL_BODY_BYTES {
        host.elsewhere(move || prepare(&request, &rules)).await
    } else {
        prepare(&request, &rules)
    };
    match prepared {
        Ok(call) => host.serve(call).await,
        Err(response) => response,
    }
}
