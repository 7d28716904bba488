//! The state of one connection.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use core::{fmt, mem};

use http::{Method, StatusCode};

use super::body::{BodyError, Decoder};
use super::head::check_line;
use super::response::{Connection, Frame};
use super::{CustomFields, Framing, Head, HeadError, Limits, Request, Response};
use crate::limit;
use crate::secret::Wiped;
use crate::time::Time;

/// One connection, from its first byte to its last.
///
/// The adapter's loop: give it bytes while [`Conn::wants_bytes`], answer [`Conn::poll_head`] by
/// [`Conn::admit`] or [`Conn::respond`], take [`Conn::poll_request`] and later
/// [`Conn::respond`], write [`Conn::output`], and come back at [`Conn::poll_timeout`].
pub struct Conn {
    limits: Limits,
    custom: Arc<CustomFields>,
    state: State,
    inbound: Wiped<Vec<u8>>,
    /// Bytes of `inbound` that are checked lines of the head being read.
    scanned: usize,
    /// Bytes of `inbound` that are known to hold no end of the next line.
    searched: usize,
    outbound: VecDeque<Wiped<Vec<u8>>>,
    /// Bytes of the first outbound piece that are written.
    written: usize,
    /// When the peer last took a byte of an answer, or was first given one.
    write_since: Time,
    /// When the connection began to wait for a request: at its start, or with its last answer.
    waiting_since: Time,
    ended: bool,
    /// The server stops: bytes of `inbound` that had come by then. A request that begins behind them
    /// is not served.
    finishing: Option<usize>,
}

enum State {
    /// Between requests, or in a head since its first byte.
    Head {
        since: Option<Time>,
        /// Whether an empty line before this request was already forgiven.
        blank_line: bool,
    },
    /// A head waits for its admission.
    Admission(Head),
    Body {
        head: Head,
        body: Wiped<Vec<u8>>,
        decoder: Decoder,
        bytes_max: usize,
        begun: Time,
        since: Time,
    },
    Ready(Request),
    /// A request is being answered.
    Busy(Pending),
    /// The last answer is given; bytes are thrown away until the peer ends, within limits.
    Lingering {
        until: Time,
        bytes_left: usize,
    },
    Closed,
}

/// What an answer must know of its request.
#[derive(Clone, Copy)]
struct Pending {
    head_only: bool,
    http_1_1: bool,
    keep_alive: bool,
}

impl Pending {
    fn of(head: &Head) -> Self {
        Self {
            head_only: head.method() == Method::HEAD,
            http_1_1: head.is_http_1_1(),
            keep_alive: head.keep_alive(),
        }
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").finish_non_exhaustive()
    }
}

impl Conn {
    /// A connection that was just accepted.
    pub fn new(now: Time, limits: Limits) -> Self {
        Self {
            limits,
            custom: Arc::default(),
            state: State::Head { since: None, blank_line: false },
            inbound: Wiped::default(),
            scanned: 0,
            searched: 0,
            outbound: VecDeque::new(),
            written: 0,
            write_since: now,
            waiting_since: now,
            ended: false,
            finishing: None,
        }
    }

    /// The same, whose answers have these fields.
    #[must_use]
    pub fn with_fields(self, custom: Arc<CustomFields>) -> Self {
        Self { custom, ..self }
    }

    /// Bytes from the peer.
    pub fn handle_bytes(&mut self, now: Time, bytes: &[u8]) {
        match &mut self.state {
            State::Closed => return,
            State::Lingering { bytes_left, .. } => {
                *bytes_left = bytes_left.saturating_sub(bytes.len());
                if *bytes_left == 0 {
                    self.state = State::Closed;
                }
                return;
            }
            State::Body { since, .. } => *since = now,
            State::Head { .. } | State::Admission(_) | State::Ready(_) | State::Busy(_) => {}
        }
        self.inbound.extend_from_slice(bytes);
        self.advance(now);
    }

    /// The peer will send nothing more. An answer that is under way is still given.
    pub fn handle_end(&mut self, now: Time) {
        self.ended = true;
        match self.state {
            State::Head { .. } | State::Body { .. } | State::Lingering { .. } => {
                self.state = State::Closed;
            }
            State::Admission(_) | State::Ready(_) | State::Busy(_) | State::Closed => {}
        }
        self.advance(now);
    }

    /// The server stops. A request of which a byte has come is served, and behind the last of these the
    /// connection ends, as its answer says; without any it ends at once.
    pub fn finish(&mut self, now: Time) {
        self.finishing.get_or_insert(self.inbound.len());
        self.advance(now);
    }

    /// A head that waits for admission.
    pub fn poll_head(&self) -> Option<&Head> {
        match &self.state {
            State::Admission(head) => Some(head),
            State::Head { .. }
            | State::Body { .. }
            | State::Ready(_)
            | State::Busy(_)
            | State::Lingering { .. }
            | State::Closed => None,
        }
    }

    /// Lets the body of the waiting head in, up to `bytes_max` and the listener's own limit.
    pub fn admit(&mut self, now: Time, bytes_max: usize) {
        let State::Admission(head) = mem::replace(&mut self.state, State::Closed) else {
            panic!("admit answers poll_head");
        };
        let bytes_max = bytes_max.min(self.limits.body_bytes_max).min(limit::BODY_BYTES_CEILING);
        let decoder = match head.framing() {
            Framing::None => {
                self.state = State::Ready(Request { head, body: Vec::new().into() });
                return;
            }
            Framing::Length(left) => {
                if usize::try_from(left).map_or(true, |left| left > bytes_max) {
                    self.refuse_body(now, Pending::of(&head), BodyError::TooLarge);
                    return;
                }
                Decoder::Length { left }
            }
            Framing::Chunked => Decoder::chunked(),
        };
        if head.expects_continue() {
            self.push(now, b"HTTP/1.1 100 Continue\r\n\r\n".to_vec().into());
        }
        let body = Wiped::default();
        self.state = State::Body { head, body, decoder, bytes_max, begun: now, since: now };
        self.advance(now);
        // What is missing of the body cannot come any more.
        if self.ended && matches!(self.state, State::Body { .. }) {
            self.state = State::Closed;
        }
    }

    /// A request that is complete. It must be answered before the next one comes.
    pub fn poll_request(&mut self) -> Option<Request> {
        let State::Ready(request) = &self.state else { return None };
        let pending = Pending::of(&request.head);
        match mem::replace(&mut self.state, State::Busy(pending)) {
            State::Ready(request) => Some(request),
            State::Head { .. }
            | State::Admission(_)
            | State::Body { .. }
            | State::Busy(_)
            | State::Lingering { .. }
            | State::Closed => None,
        }
    }

    /// Answers the request that was taken, or refuses the head that waits.
    pub fn respond(&mut self, now: Time, response: Response) {
        let (pending, unread) = match &self.state {
            State::Busy(pending) => (*pending, false),
            State::Admission(head) => (Pending::of(head), head.framing() != Framing::None),
            State::Closed | State::Lingering { .. } => return,
            State::Head { .. } | State::Body { .. } | State::Ready(_) => {
                panic!("respond answers a request")
            }
        };
        self.answer(now, pending, if unread { response.closing() } else { response });
    }

    /// Whether the adapter should read from the peer.
    pub fn wants_bytes(&self) -> bool {
        match self.state {
            State::Head { .. } | State::Body { .. } | State::Lingering { .. } => true,
            State::Admission(_) | State::Ready(_) | State::Busy(_) => {
                !self.ended && self.inbound.len() < limit::PIPELINE_BYTES_MAX
            }
            State::Closed => false,
        }
    }

    /// Bytes to write next.
    pub fn output(&self) -> Option<&[u8]> {
        self.outbound.front().and_then(|piece| piece.get(self.written..))
    }

    /// So many of them were written.
    pub fn handle_written(&mut self, now: Time, count: usize) {
        self.written += count;
        self.write_since = now;
        while self.outbound.front().is_some_and(|piece| self.written >= piece.len()) {
            if let Some(piece) = self.outbound.pop_front() {
                self.written -= piece.len();
            }
        }
    }

    /// Whether nothing will be written behind [`Conn::output`]: the adapter ends its side then.
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Lingering { .. } | State::Closed)
    }

    /// Whether the connection is over, once the output is written.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the connection waits for a first byte of a request, and since when.
    pub fn idle_since(&self) -> Option<Time> {
        let idle = matches!(self.state, State::Head { since: None, .. });
        self.waiting_since().filter(|_| idle)
    }

    /// Since when nothing has been asked of the server, if nothing is now and the last answer is taken:
    /// the time of that answer, or of the start. A request that is still coming asks for nothing, so who
    /// sends one in drops is not younger for it than who sends nothing.
    pub fn waiting_since(&self) -> Option<Time> {
        let waiting = matches!(self.state, State::Head { .. } | State::Body { .. });
        (waiting && self.outbound.is_empty()).then_some(self.waiting_since)
    }

    /// When to call [`Conn::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Time> {
        let reading = match self.state {
            State::Head { since: Some(since), .. } => Some(since.after(self.limits.head_time_max)),
            State::Head { since: None, .. } => {
                Some(self.waiting_since.after(self.limits.idle_time_max))
            }
            State::Body { begun, since, ref body, .. } => {
                let silence = self.limits.body_silence_max;
                let earned = u64::try_from(body.len()).unwrap_or(0) / limit::BODY_RATE_MIN;
                let slowest = begun.after(silence + Duration::from_secs(earned));
                Some(since.after(silence).min(slowest))
            }
            State::Lingering { until, .. } => Some(until),
            State::Admission(_) | State::Ready(_) | State::Busy(_) | State::Closed => None,
        };
        let writing = (!self.outbound.is_empty())
            .then(|| self.write_since.after(self.limits.write_silence_max));
        [reading, writing].into_iter().flatten().min()
    }

    /// Ends what took too long. Early calls are harmless.
    pub fn handle_timeout(&mut self, now: Time) {
        if !self.outbound.is_empty() && now >= self.write_since.after(self.limits.write_silence_max)
        {
            self.outbound.clear();
            self.state = State::Closed;
            return;
        }
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        match &self.state {
            State::Head { since: None, .. } | State::Lingering { .. } => self.state = State::Closed,
            State::Head { .. } => self.time_out(now, Pending::REFUSED),
            State::Body { head, .. } => self.time_out(now, Pending::of(head)),
            State::Admission(_) | State::Ready(_) | State::Busy(_) | State::Closed => {}
        }
    }

    fn time_out(&mut self, now: Time, pending: Pending) {
        let response =
            Response::edge(StatusCode::REQUEST_TIMEOUT, Some("request took too long to arrive"));
        self.answer(now, pending, response.closing());
    }

    /// Moves on as far as the bytes at hand allow.
    fn advance(&mut self, now: Time) {
        match &self.state {
            State::Head { .. } => self.advance_head(now),
            State::Body { .. } => self.advance_body(now),
            State::Admission(_)
            | State::Ready(_)
            | State::Busy(_)
            | State::Lingering { .. }
            | State::Closed => {}
        }
    }

    fn advance_head(&mut self, now: Time) {
        let State::Head { since, blank_line, .. } = &mut self.state else { return };
        // One empty line before a request is forgiven (RFC 9112, 2.2).
        if !*blank_line && self.scanned == 0 && self.inbound.starts_with(b"\r\n") {
            *blank_line = true;
            *since = None;
            self.searched = 0;
            self.consume(2);
        }
        // What begins behind the stop of the server is not looked at.
        if self.finishing == Some(0) {
            self.state = State::Closed;
        }
        if self.inbound.is_empty() || self.finishing == Some(0) {
            self.inbound = Wiped::default();
            return;
        }
        if let State::Head { since, .. } = &mut self.state {
            since.get_or_insert(now);
        }
        match self.find_head_end() {
            Ok(Some(end)) => {
                let rest = self.inbound.split_off(end);
                let mut bytes = mem::replace(&mut self.inbound, rest.into());
                let bytes = mem::take(&mut *bytes);
                self.note_consumed(end);
                (self.scanned, self.searched) = (0, 0);
                match Head::parse_checked(bytes, &self.limits) {
                    Ok(head) => self.state = State::Admission(head),
                    Err(error) => self.refuse_head(now, error),
                }
            }
            Ok(None) => {}
            Err(error) => self.refuse_head(now, error),
        }
    }

    /// The index behind the empty line, if it has come. Lines are checked as they become whole, so
    /// that the verdict does not depend on how the bytes were split.
    fn find_head_end(&mut self) -> Result<Option<usize>, HeadError> {
        let max = self.limits.head_bytes_max;
        loop {
            let rest = self.inbound.get(self.scanned..).unwrap_or_default();
            let known = self.searched.saturating_sub(self.scanned);
            let unknown = rest.get(known..).unwrap_or_default();
            let end = unknown.iter().position(|&byte| byte == b'\n').map(|at| known + at + 1);
            let Some(length) = end else {
                self.searched = self.inbound.len();
                // A line that cannot end within the limit is refused now.
                return if self.inbound.len() >= max {
                    Err(HeadError::HeadTooLarge)
                } else {
                    Ok(None)
                };
            };
            if self.scanned + length > max {
                return Err(HeadError::HeadTooLarge);
            }
            let line = rest.get(..length).unwrap_or_default();
            let empty = line == b"\r\n";
            check_line(line)?;
            self.scanned += length;
            if empty {
                return Ok(Some(self.scanned));
            }
        }
    }

    fn advance_body(&mut self, now: Time) {
        let State::Body { head, body, decoder, bytes_max, .. } = &mut self.state else { return };
        let decoded = decoder.decode(&self.inbound, body, *bytes_max);
        let (pending, is_done) = (Pending::of(head), decoder.is_done());
        match decoded {
            Ok(count) => self.consume(count),
            Err(error) => return self.refuse_body(now, pending, error),
        }
        if is_done
            && let State::Body { head, body, .. } = mem::replace(&mut self.state, State::Closed)
        {
            self.state = State::Ready(Request { head, body });
        }
    }

    fn refuse_head(&mut self, now: Time, error: HeadError) {
        let (status, message) = error.answer();
        self.answer(now, Pending::REFUSED, Response::edge(status, Some(message)).closing());
    }

    fn refuse_body(&mut self, now: Time, pending: Pending, error: BodyError) {
        let (status, message) = match error {
            BodyError::Malformed => (StatusCode::BAD_REQUEST, "malformed chunked body"),
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "http: request body too large"),
        };
        self.answer(now, pending, Response::edge(status, Some(message)).closing());
    }

    fn answer(&mut self, now: Time, pending: Pending, response: Response) {
        let close = response.closes()
            || !pending.keep_alive
            || self.ended && self.inbound.is_empty()
            || self.has_finished();
        let connection = match (close, pending.http_1_1) {
            (true, _) => Connection::Close,
            (false, true) => Connection::KeepAlive,
            (false, false) => Connection::KeepAliveSaid,
        };
        let frame = Frame { connection, head_only: pending.head_only };
        let (head, body) = response.into_wire(now, frame, &self.custom);
        self.push(now, head);
        if let Some(body) = body {
            self.push(now, body);
        }
        if close {
            self.inbound = Wiped::default();
            self.state = if self.ended {
                State::Closed
            } else {
                State::Lingering {
                    until: now.after(limit::LINGER_MAX),
                    bytes_left: limit::LINGER_BYTES_MAX,
                }
            };
            return;
        }
        self.waiting_since = now;
        self.state = State::Head { since: None, blank_line: false };
        self.advance(now);
        if self.ended && matches!(self.state, State::Head { .. }) {
            self.state = State::Closed;
        }
    }

    /// Whether the server stops, and no byte of a request had come by then that is still to be served.
    fn has_finished(&self) -> bool {
        // An empty line is not part of the request in front of which it is forgiven.
        let left = self.finishing.map(|count| self.inbound.get(..count).unwrap_or_default());
        left.is_some_and(|left| matches!(left, b"" | b"\r" | b"\r\n"))
    }

    /// Takes the first bytes away, which are read.
    fn consume(&mut self, count: usize) {
        self.inbound.drain(..count);
        self.note_consumed(count);
    }

    fn note_consumed(&mut self, count: usize) {
        self.finishing = self.finishing.map(|left| left.saturating_sub(count));
    }

    fn push(&mut self, now: Time, bytes: Wiped<Vec<u8>>) {
        if self.outbound.is_empty() {
            self.write_since = now;
        }
        self.outbound.push_back(bytes);
    }
}

impl Pending {
    /// For a request whose head could not be read.
    const REFUSED: Self = Self { head_only: false, http_1_1: true, keep_alive: false };
}

#[cfg(test)]
mod tests;
