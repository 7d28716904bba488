//! One simulated client: a connection, requests on their way in, answers on their way back.

use std::collections::VecDeque;

use strongroom_core::http::{Conn, Limits};
use strongroom_core::{RequestId, Time};

use crate::op::Ask;

/// A request that a client has made.
#[derive(Debug)]
pub struct Pending {
    /// Its number in the world.
    pub serial: u64,
    /// What it is.
    pub ask: Ask,
}

/// An answer as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// See the module.
#[derive(Debug)]
pub struct Client {
    /// The server's side of the connection.
    pub conn: Conn,
    /// Bytes sent and not yet arrived.
    outbox: VecDeque<u8>,
    /// Bytes received that are not yet a whole answer.
    inbox: Vec<u8>,
    /// Requests without an answer, in order.
    pub pending: VecDeque<Pending>,
    /// Requests of `pending` that the server has taken.
    pub taken: usize,
    /// The one that the vault has.
    pub in_vault: Option<RequestId>,
}

impl Client {
    /// A fresh connection.
    pub fn connect(now: Time) -> Self {
        Self {
            conn: Conn::new(now, Limits::default()),
            outbox: VecDeque::new(),
            inbox: Vec::new(),
            pending: VecDeque::new(),
            taken: 0,
            in_vault: None,
        }
    }

    /// Sends a request behind those that are under way.
    pub fn send(&mut self, serial: u64, ask: Ask) {
        self.outbox.extend(ask.bytes());
        self.pending.push_back(Pending { serial, ask });
    }

    /// Whether bytes are on their way.
    pub fn has_bytes(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// So many bytes arrive.
    pub fn arrive(&mut self, now: Time, count: usize) {
        let count = count.min(self.outbox.len());
        let bytes: Vec<u8> = self.outbox.drain(..count).collect();
        self.conn.handle_bytes(now, &bytes);
    }

    /// Takes what the server has written, `count` bytes at a time.
    pub fn receive(&mut self, now: Time, count: usize) {
        while let Some(bytes) = self.conn.output() {
            let count = count.clamp(1, bytes.len());
            self.inbox.extend_from_slice(bytes.get(..count).unwrap_or_default());
            self.conn.handle_written(now, count);
        }
    }

    /// The next whole answer.
    ///
    /// # Panics
    ///
    /// If the bytes are no answer.
    pub fn next_answer(&mut self) -> Option<Answer> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(&self.inbox).expect("the server writes HTTP");
        let httparse::Status::Complete(head_length) = parsed else { return None };
        let status = head.code?;
        let length = head
            .headers
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |field| {
                let text = str::from_utf8(field.value).expect("a length is ASCII");
                text.parse().expect("a length is a number")
            });
        let body = self.inbox.get(head_length..head_length + length)?;
        let body = String::from_utf8(body.to_vec()).expect("bodies are text");
        self.inbox.drain(..head_length + length);
        Some(Answer { status, body })
    }

    /// Whether bytes of an answer are left over.
    pub fn has_rest(&self) -> bool {
        !self.inbox.is_empty()
    }
}
