//! HTTP/1.x as a state machine: bytes in, requests out; answers in, bytes out.
//!
//! One [`Conn`] per connection. It owns framing, limits, deadlines and the refusal of everything
//! that two readers could understand differently. It gives the head first, waits to be told how
//! large a body may be, and hands out one request at a time; what is pipelined behind it waits.
//!
//! Invariants: the same bytes, split anywhere, give the same requests and the same answers; no
//! buffer grows beyond its limit; after a refusal nothing of what follows is read as a request.

mod body;
mod conn;
mod custom;
mod head;
mod response;

use core::time::Duration;

use crate::limit;
use crate::secret::Wiped;

pub use conn::Conn;
pub(crate) use custom::is_token;
pub use custom::{CustomFieldError, CustomFields, Statuses};
pub use head::{Framing, Head, HeadError};
pub use response::Response;

/// The limits of one listener's connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a head.
    pub head_bytes_max: usize,
    /// Header fields; at most [`limit::HEADER_COUNT_MAX`].
    pub header_count_max: usize,
    /// Bytes of a request target.
    pub target_bytes_max: usize,
    /// Bytes of a body; at most [`limit::BODY_BYTES_CEILING`].
    pub body_bytes_max: usize,
    /// From the first byte of a head to its last.
    pub head_time_max: Duration,
    /// Between two bytes of a body.
    pub body_silence_max: Duration,
    /// Between two requests.
    pub idle_time_max: Duration,
    /// Between two bytes that the peer takes of an answer.
    pub write_silence_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: limit::HEAD_BYTES_MAX,
            header_count_max: limit::HEADER_COUNT_MAX,
            target_bytes_max: limit::TARGET_BYTES_MAX,
            body_bytes_max: limit::BODY_BYTES_MAX,
            head_time_max: limit::HEAD_TIME_MAX,
            body_silence_max: limit::BODY_SILENCE_MAX,
            idle_time_max: limit::IDLE_TIME_MAX,
            write_silence_max: limit::WRITE_SILENCE_MAX,
        }
    }
}

/// One whole request.
#[allow(missing_debug_implementations, reason = "requests hold tokens and secrets")]
pub struct Request {
    /// Request line and header fields.
    pub head: Head,
    /// The body, its transfer coding removed.
    pub body: Wiped<alloc::vec::Vec<u8>>,
}

impl Request {
    /// A request that did not come from a connection: `fields` are name and value.
    ///
    /// # Errors
    ///
    /// [`HeadError`] as for bytes from a connection.
    pub fn new(
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Self, HeadError> {
        let whole = |text: &str| !text.contains(['\r', '\n']);
        let fields_whole = fields.iter().all(|(name, value)| whole(name) && whole(value));
        if !(whole(method) && whole(target) && fields_whole) {
            return Err(HeadError::Bad("a line end inside a line"));
        }
        let mut bytes = alloc::format!("{method} {target} HTTP/1.1\r\nhost: core\r\n");
        for (name, value) in fields {
            bytes.push_str(&alloc::format!("{name}: {value}\r\n"));
        }
        bytes.push_str("\r\n");
        let head = Head::parse(bytes.into_bytes(), &Limits::default())?;
        Ok(Self { head, body: body.to_vec().into() })
    }
}
