//! The head of a request: request line and header fields.
//!
//! httparse reads the grammar; the rules on top refuse what request smuggling is made of: bare CR
//! and LF, NUL, folded fields, a space before the colon, two framings or two lengths, more than one
//! Host.

use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ops::Range;

use http::{Method, StatusCode, header};

use super::Limits;
use crate::limit;
use crate::path::Target;
use crate::secret::Wiped;

/// A parsed head. Field values may hold secrets, so there is no `Debug`.
#[allow(missing_debug_implementations, reason = "heads hold tokens")]
pub struct Head {
    method: Method,
    target: Target,
    http_1_1: bool,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
    bytes: Wiped<Vec<u8>>,
    fields: Vec<Field>,
}

struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// Why a head was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// Not a request that has one meaning; the text says why.
    Bad(&'static str),
    /// An `Expect` other than `100-continue`.
    Expectation,
    /// Head bytes or header count over the limit.
    HeadTooLarge,
    /// The target is over its limit.
    TargetTooLong,
    /// A transfer coding other than `chunked`.
    UnknownCoding,
    /// Not HTTP/1.0 or HTTP/1.1.
    Version,
}

impl HeadError {
    /// The status and the text of the answer.
    pub fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Bad(why) => (StatusCode::BAD_REQUEST, why),
            Self::Expectation => (StatusCode::EXPECTATION_FAILED, "unknown expectation"),
            Self::HeadTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "request header fields too large")
            }
            Self::TargetTooLong => (StatusCode::URI_TOO_LONG, "request target too long"),
            Self::UnknownCoding => (StatusCode::NOT_IMPLEMENTED, "unknown transfer coding"),
            Self::Version => (StatusCode::HTTP_VERSION_NOT_SUPPORTED, "unknown HTTP version"),
        }
    }
}

impl Head {
    /// Parses a whole head, from its first byte to the empty line.
    pub(super) fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Self, HeadError> {
        check_lines(&bytes)?;
        Self::parse_checked(bytes, limits)
    }

    /// The same for bytes whose lines are checked.
    pub(super) fn parse_checked(bytes: Vec<u8>, limits: &Limits) -> Result<Self, HeadError> {
        let mut fields = [const { MaybeUninit::uninit() }; limit::HEADER_COUNT_MAX];
        let room = limits.header_count_max.min(fields.len());
        let (fields, _) = fields.split_at_mut(room);
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(&bytes, fields) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(HeadError::Bad("malformed request head")),
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::HeadTooLarge),
            Err(httparse::Error::Version) if names_http(&bytes) => return Err(HeadError::Version),
            Err(_) => return Err(HeadError::Bad("malformed request head")),
        }
        let target = request.path.unwrap_or("");
        if target.len() > limits.target_bytes_max {
            return Err(HeadError::TargetTooLong);
        }
        let target = Target::parse(target).ok_or(HeadError::Bad("malformed request target"))?;
        let method = Method::from_bytes(request.method.unwrap_or("").as_bytes())
            .map_err(|_| HeadError::Bad("malformed method"))?;
        let http_1_1 = request.version == Some(1);
        let within = |part: &[u8]| {
            let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + part.len()
        };
        let fields = request
            .headers
            .iter()
            .map(|field| Field { name: within(field.name.as_bytes()), value: within(field.value) })
            .collect();
        let mut head = Self {
            method,
            target,
            http_1_1,
            framing: Framing::None,
            keep_alive: http_1_1,
            expects_continue: false,
            bytes: bytes.into(),
            fields,
        };
        head.framing = head.read_framing()?;
        head.keep_alive = head.read_keep_alive();
        head.expects_continue = head.read_expect()?;
        head.check_host()?;
        Ok(head)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How long the body is.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Every field as it was sent: name and value, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| {
            let part = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
            (part(&field.name), part(&field.value))
        })
    }

    /// The values of a field, in the order in which they were sent. Names do not know case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields()
            .filter(move |(sent, _)| sent.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The first value of a field.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    pub(crate) fn is_http_1_1(&self) -> bool {
        self.http_1_1
    }

    pub(crate) fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    pub(crate) fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    fn read_framing(&self) -> Result<Framing, HeadError> {
        let mut codings = self.values(header::TRANSFER_ENCODING.as_str());
        let mut lengths = self.values(header::CONTENT_LENGTH.as_str());
        match (codings.next(), lengths.next()) {
            (Some(_), Some(_)) => Err(HeadError::Bad("both Content-Length and Transfer-Encoding")),
            (Some(_), None) if !self.http_1_1 => {
                Err(HeadError::Bad("Transfer-Encoding in HTTP/1.0"))
            }
            (Some(_), None) if codings.next().is_some() => {
                Err(HeadError::Bad("several Transfer-Encoding fields"))
            }
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(_), None) => Err(HeadError::UnknownCoding),
            (None, Some(_)) if lengths.next().is_some() => {
                Err(HeadError::Bad("several Content-Length fields"))
            }
            (None, Some(length)) => match parse_length(length) {
                Some(0) => Ok(Framing::None),
                Some(length) => Ok(Framing::Length(length)),
                None => Err(HeadError::Bad("malformed Content-Length")),
            },
            (None, None) => Ok(Framing::None),
        }
    }

    fn read_keep_alive(&self) -> bool {
        let asks = |word: &[u8]| {
            self.values(header::CONNECTION.as_str())
                .flat_map(|value| value.split(|&byte| byte == b','))
                .any(|option| option.trim_ascii().eq_ignore_ascii_case(word))
        };
        !asks(b"close") && (self.http_1_1 || asks(b"keep-alive"))
    }

    fn read_expect(&self) -> Result<bool, HeadError> {
        let mut expects = false;
        for value in self.values(header::EXPECT.as_str()) {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(HeadError::Expectation);
            }
            expects = self.http_1_1;
        }
        Ok(expects)
    }

    fn check_host(&self) -> Result<(), HeadError> {
        let mut hosts = self.values(header::HOST.as_str());
        match hosts.next() {
            None if self.http_1_1 => return Err(HeadError::Bad("missing Host")),
            Some(host) if host.iter().any(|&byte| !byte.is_ascii_graphic() || byte == b'/') => {
                return Err(HeadError::Bad("malformed Host"));
            }
            Some(_) | None => {}
        }
        if hosts.next().is_some() {
            return Err(HeadError::Bad("several Host fields"));
        }
        Ok(())
    }
}

/// Whether the third of three words of the request line is a version of HTTP, known or not.
fn names_http(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ').skip(2);
    words.next().is_some_and(|word| word.starts_with(b"HTTP/")) && words.next().is_none()
}

/// Every line ends in CRLF and holds no other CR, no LF and no NUL, and none begins with white
/// space (a folded field).
fn check_lines(bytes: &[u8]) -> Result<(), HeadError> {
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        check_line(line)?;
    }
    Ok(())
}

/// The rule of [`check_lines`] for one line with its end.
pub(super) fn check_line(line: &[u8]) -> Result<(), HeadError> {
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(HeadError::Bad("bare line feed"));
    };
    // One pass over lines that are good, which are nearly all.
    if line.iter().fold(false, |found, &byte| found | (byte == b'\r') | (byte == 0)) {
        let what = if line.contains(&b'\r') { "bare carriage return" } else { "NUL in a head" };
        return Err(HeadError::Bad(what));
    }
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadError::Bad("folded header field"));
    }
    Ok(())
}

/// Digits only: no sign, no space, no list.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(value).ok()?.parse().ok()
}
