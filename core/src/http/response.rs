//! An answer, and its bytes on the wire.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use http::StatusCode;

use super::CustomFields;
use crate::json;
use crate::secret::Wiped;
use crate::time::Time;

/// One answer. Its body may hold secrets, so there is no `Debug`, and it is wiped when dropped.
#[allow(missing_debug_implementations, reason = "answers hold secrets")]
#[derive(Clone)]
pub struct Response {
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Wiped<Vec<u8>>,
    /// Whether the request came as far as the API: its answers may not be cached.
    from_api: bool,
    /// Whether it has the fields that the operator adds.
    has_custom_fields: bool,
    fields: Vec<(&'static str, String)>,
    close: bool,
}

impl Response {
    /// An answer of the API: JSON, or nothing with the content type of JSON.
    pub(crate) fn api(status: StatusCode, body: String) -> Self {
        Self {
            status,
            content_type: Some("application/json"),
            body: body.into_bytes().into(),
            from_api: true,
            has_custom_fields: true,
            fields: Vec::new(),
            close: false,
        }
    }

    /// `{"errors":[...]}`
    pub(crate) fn errors(status: StatusCode, messages: &[&str]) -> Self {
        let body = json::Object::new().strings("errors", messages).finish();
        Self::api(status, body + "\n")
    }

    /// An answer of the API that has nothing to say.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { content_type: None, ..Self::api(status, String::new()) }
    }

    /// The same without the fields that the operator adds.
    pub(crate) fn without_custom_fields(self) -> Self {
        Self { has_custom_fields: false, ..self }
    }

    /// An answer of the HTTP layer, before the API: none of its header fields.
    pub(crate) fn edge(status: StatusCode, message: Option<&str>) -> Self {
        match message {
            Some(message) => Self { from_api: false, ..Self::errors(status, &[message]) },
            None => Self { from_api: false, ..Self::empty(status) },
        }
        .without_custom_fields()
    }

    /// 503: there is no room for this request now. The connection ends behind it.
    pub fn overloaded() -> Self {
        Self::edge(StatusCode::SERVICE_UNAVAILABLE, Some("too many large requests at once"))
            .closing()
    }

    /// 307 to `location`.
    pub(crate) fn redirect(location: String) -> Self {
        Self::empty(StatusCode::TEMPORARY_REDIRECT).with_field("Location", location)
    }

    /// The same with one more header field; the caller has checked the value.
    pub(crate) fn with_field(mut self, name: &'static str, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same, and the connection ends behind it.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn closes(&self) -> bool {
        self.close
    }

    /// The bytes of the answer: the head with a small body behind it, and a large body by itself.
    pub(super) fn into_wire(
        mut self,
        now: Time,
        frame: Frame,
        custom: &CustomFields,
    ) -> (Wire, Option<Wire>) {
        let bodiless =
            self.status == StatusCode::NO_CONTENT || self.status == StatusCode::NOT_MODIFIED;
        let is_sent = !bodiless && !frame.head_only && !self.body.is_empty();
        let is_joined = is_sent && self.body.len() <= JOINED_BYTES_MAX;
        let joined_bytes = if is_joined { self.body.len() } else { 0 };
        let mut head = String::with_capacity(HEAD_BYTES + joined_bytes);
        head.push_str("HTTP/1.1 ");
        head.push_str(self.status.as_str());
        head.push(' ');
        head.push_str(self.status.canonical_reason().unwrap_or(""));
        head.push_str("\r\nDate: ");
        now.push_http_date(&mut head);
        head.push_str("\r\n");
        self.write_fields(&mut head, custom);
        if !bodiless {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        match frame.connection {
            Connection::Close => head.push_str("Connection: close\r\n"),
            Connection::KeepAliveSaid => head.push_str("Connection: keep-alive\r\n"),
            Connection::KeepAlive => {}
        }
        head.push_str("\r\n");
        let mut wire = head.into_bytes();
        if is_joined {
            wire.extend_from_slice(&self.body);
        }
        let body = (is_sent && !is_joined).then(|| core::mem::take(&mut self.body));
        (wire.into(), body)
    }

    /// The fields of this answer that do not depend on its connection.
    fn write_fields(&self, head: &mut String, custom: &CustomFields) {
        let custom =
            || self.has_custom_fields.then(|| custom.of(self.status)).into_iter().flatten();
        let stands =
            |(own, _): &(&str, &str)| !custom().any(|(name, _)| name.eq_ignore_ascii_case(own));
        let cache = self.from_api.then_some(("Cache-Control", "no-store")).into_iter();
        let content_type = self.content_type.map(|value| ("Content-Type", value)).into_iter();
        let others = self.fields.iter().map(|(name, value)| (*name, value.as_str()));
        let own = content_type.chain(others).filter(stands);
        for (name, value) in cache.filter(stands).chain(custom()).chain(own) {
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        }
    }
}

/// Bodies up to this size are copied behind their head, so that one write sends both.
pub(super) const JOINED_BYTES_MAX: usize = 16 * 1024;

/// Set aside for a head: few are longer, and those grow before a body is behind them.
const HEAD_BYTES: usize = 320;

/// Bytes on their way to the peer, wiped when they are written.
pub(super) type Wire = Wiped<Vec<u8>>;

/// How an answer is framed.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) connection: Connection,
    /// The answer to HEAD: everything but the body.
    pub(super) head_only: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Close,
    KeepAlive,
    /// Kept, which HTTP/1.0 must be told.
    KeepAliveSaid,
}

impl From<&json::Error> for Response {
    fn from(error: &json::Error) -> Self {
        Self::errors(StatusCode::BAD_REQUEST, &[&error.to_string()])
    }
}
