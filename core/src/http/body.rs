//! The body of a request: a known number of bytes, or chunks (RFC 9112, 7.1).

use alloc::vec::Vec;

use crate::limit;

/// Why a body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The chunks are malformed.
    Malformed,
    /// More bytes than the limit.
    TooLarge,
}

/// Takes the transfer coding off a body, piece by piece.
pub(super) enum Decoder {
    Length { left: u64 },
    Chunked(Chunked),
}

/// Where in the chunks the reader is.
pub(super) struct Chunked {
    state: State,
    /// Size of the chunk whose line is being read; bytes left of the one whose data is.
    size: u64,
    /// Bytes of the size line or the trailers so far.
    line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    SizeStart,
    Size,
    /// White space behind a size: only an extension or the line's end may follow.
    SizeSpace,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    /// The first byte of a trailer line.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

impl Decoder {
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked { state: State::SizeStart, size: 0, line: 0 })
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Self::Length { left } => *left == 0,
            Self::Chunked(chunked) => chunked.state == State::Done,
        }
    }

    /// Moves what `input` has of the body to `body`; gives the number of bytes taken.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<usize, BodyError> {
        match self {
            Self::Length { left } => Ok(copy(input, body, left)),
            Self::Chunked(chunked) => chunked.decode(input, body, bytes_max),
        }
    }
}

impl Chunked {
    fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<usize, BodyError> {
        let mut at = 0;
        while self.state != State::Done {
            let rest = input.get(at..).unwrap_or_default();
            let Some(&byte) = rest.first() else { break };
            if self.state == State::Data {
                at += copy(rest, body, &mut self.size);
                if self.size == 0 {
                    self.state = State::DataReturn;
                }
                continue;
            }
            self.state = self.next(byte)?;
            at += 1;
            if self.state == State::Data {
                let room = u64::try_from(bytes_max.saturating_sub(body.len())).unwrap_or(0);
                if self.size > room {
                    return Err(BodyError::TooLarge);
                }
            }
        }
        Ok(at)
    }

    /// The state behind a byte that is not data.
    fn next(&mut self, byte: u8) -> Result<State, BodyError> {
        self.line += 1;
        if self.line > limit::CHUNK_LINE_BYTES_MAX {
            return Err(BodyError::Malformed);
        }
        Ok(match (self.state, byte) {
            (State::SizeStart | State::Size, byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                if self.size >> 60 != 0 {
                    return Err(BodyError::TooLarge);
                }
                self.size = self.size << 4 | u64::from(digit);
                State::Size
            }
            (State::Size | State::SizeSpace, b' ' | b'\t') => State::SizeSpace,
            (State::Size | State::SizeSpace, b';') => State::Extension,
            (State::Size | State::SizeSpace | State::Extension, b'\r') => State::SizeLineFeed,
            (State::Extension, byte) if is_text(byte) => State::Extension,
            (State::SizeLineFeed, b'\n') => {
                self.line = 0;
                if self.size == 0 { State::TrailerStart } else { State::Data }
            }
            (State::DataReturn, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => {
                self.line = 0;
                State::SizeStart
            }
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::TrailerStart | State::TrailerName, byte) if is_token(byte) => {
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerLineFeed,
            (State::TrailerValue, byte) if is_text(byte) => State::TrailerValue,
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::LastLineFeed, b'\n') => State::Done,
            _ => return Err(BodyError::Malformed),
        })
    }
}

/// Whether a name of a header field may hold it (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn copy(input: &[u8], body: &mut Vec<u8>, left: &mut u64) -> usize {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    body.extend_from_slice(input.get(..count).unwrap_or_default());
    *left -= u64::try_from(count).unwrap_or(0);
    count
}
