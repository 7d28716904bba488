//! Bytes to [`Doc`], in one pass over the whole body.
//!
//! Several values may follow one another: all are checked and count for the limits, the first is
//! kept. A body of white space alone is no value.

use core::mem;

use super::{Doc, Error, Limits, Node};

/// Parses a body.
///
/// # Errors
///
/// [`Error`]: the first place where the body is not JSON or exceeds a limit.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Option<Doc>, Error> {
    let mut parser = Parser::new(body, limits);
    let mut first = None;
    loop {
        parser.skip_space();
        if parser.at >= body.len() {
            return Ok(first);
        }
        parser.value()?;
        let doc = mem::replace(&mut parser.doc, Doc::empty());
        first.get_or_insert(doc);
    }
}

/// Parses a text that is one value and nothing else, such as a file.
///
/// # Errors
///
/// As [`parse`]; a text without a value and what stands behind one are errors too.
pub fn parse_one(text: &[u8], limits: &Limits) -> Result<Doc, Error> {
    let mut parser = Parser::new(text, limits);
    parser.skip_space();
    parser.value()?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.syntax("the end of the text"));
    }
    Ok(parser.doc)
}

struct Parser<'a> {
    body: &'a [u8],
    at: usize,
    limits: &'a Limits,
    strings: u64,
    memory: u64,
    doc: Doc,
    /// Indices of the nodes of the containers that are open.
    open: alloc::vec::Vec<usize>,
}

/// What the grammar wants next.
#[derive(Clone, Copy)]
enum Want {
    Value,
    ItemOrEnd,
    NameOrEnd,
    Name,
    CommaOrEnd,
}

impl<'a> Parser<'a> {
    fn new(body: &'a [u8], limits: &'a Limits) -> Self {
        Self {
            body,
            at: 0,
            limits,
            strings: 0,
            memory: 0,
            doc: Doc::empty(),
            open: alloc::vec::Vec::new(),
        }
    }

    /// One value with everything in it.
    fn value(&mut self) -> Result<(), Error> {
        let mut want = Want::Value;
        loop {
            self.skip_space();
            let byte = self.body.get(self.at).copied();
            want = match (want, byte) {
                (Want::ItemOrEnd, Some(b']')) | (Want::NameOrEnd, Some(b'}')) => self.close(),
                (Want::Value | Want::ItemOrEnd, byte) => self.begin(byte)?,
                (Want::Name | Want::NameOrEnd, Some(b'"')) => {
                    self.string()?;
                    self.skip_space();
                    self.take(b':', "':' behind a name")?;
                    Want::Value
                }
                (Want::Name, _) => return Err(self.syntax("a name in quotes")),
                (Want::NameOrEnd, _) => return Err(self.syntax("a name in quotes or '}'")),
                (Want::CommaOrEnd, byte) => self.behind_value(byte)?,
            };
            if self.open.is_empty() && matches!(want, Want::CommaOrEnd) {
                return Ok(());
            }
        }
    }

    /// The first token of a value.
    fn begin(&mut self, byte: Option<u8>) -> Result<Want, Error> {
        match byte {
            Some(b'{') => {
                self.spend(72)?;
                self.open(Node::Object { end: 0 })?;
                return Ok(Want::NameOrEnd);
            }
            Some(b'[') => {
                self.spend(24)?;
                self.open(Node::Array { end: 0 })?;
                return Ok(Want::ItemOrEnd);
            }
            Some(b'"') => self.string()?,
            Some(b't') => self.word(b"true", Node::Bool(true), "'true'")?,
            Some(b'f') => self.word(b"false", Node::Bool(false), "'false'")?,
            Some(b'n') => self.word(b"null", Node::Null, "'null'")?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) | None => return Err(self.syntax("a value")),
        }
        Ok(Want::CommaOrEnd)
    }

    fn behind_value(&mut self, byte: Option<u8>) -> Result<Want, Error> {
        let container = self.open.last().and_then(|&at| self.doc.nodes.get(at)).copied();
        let in_object = matches!(container, Some(Node::Object { .. }));
        match byte {
            Some(b',') => {
                self.at += 1;
                Ok(if in_object { Want::Name } else { Want::Value })
            }
            Some(b'}') if in_object => Ok(self.close()),
            Some(b']') if !in_object => Ok(self.close()),
            Some(_) | None => Err(self.syntax(if in_object { "',' or '}'" } else { "',' or ']'" })),
        }
    }

    fn open(&mut self, node: Node) -> Result<(), Error> {
        if self.open.len() >= self.limits.depth_max {
            return Err(Error::Depth);
        }
        self.open.push(self.doc.nodes.len());
        self.doc.nodes.push(node);
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Want {
        self.at += 1;
        if let Some(at) = self.open.pop() {
            self.doc.close(at);
        }
        Want::CommaOrEnd
    }

    fn word(&mut self, word: &[u8], node: Node, name: &'static str) -> Result<(), Error> {
        if !self.body.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.syntax(name));
        }
        self.spend(1)?;
        self.doc.nodes.push(node);
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return Err(self.syntax("no digit behind a leading zero"));
                }
            }
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.body.get(start..self.at).and_then(|text| str::from_utf8(text).ok());
        let text = text.unwrap_or("0");
        if text.parse::<f64>().is_ok_and(f64::is_infinite) {
            return Err(Error::NumberRange);
        }
        self.spend(8)?;
        let span = self.doc.intern(text);
        self.doc.nodes.push(Node::Number(span));
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.syntax("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Error> {
        self.at += 1;
        let start = self.doc.text.len();
        loop {
            let rest = self.body.get(self.at..).unwrap_or_default();
            let plain = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let Some(plain) = plain else {
                self.at = self.body.len();
                return Err(self.syntax("'\"' at the end of a string"));
            };
            let (text, behind) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
            self.push_lossy(text);
            self.at += plain;
            // A byte may grow to three: what is over the limit is noticed on the way.
            let length = u64::try_from(self.doc.text.len() - start).unwrap_or(u64::MAX);
            if self.limits.memory_max.is_some_and(|max| self.memory.saturating_add(length) > max) {
                return Err(Error::Memory);
            }
            match behind.first() {
                Some(b'"') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => self.escape()?,
                _ => return Err(self.syntax("no control character in a string")),
            }
        }
        self.strings += 1;
        if self.limits.strings_max.is_some_and(|max| self.strings > max) {
            return Err(Error::Strings);
        }
        let span = self.doc.span_from(start);
        self.spend(16 + u64::from(span.length))?;
        self.doc.nodes.push(Node::String(span));
        Ok(())
    }

    /// Text as it stands; each byte that is no UTF-8 becomes U+FFFD.
    fn push_lossy(&mut self, text: &[u8]) {
        for chunk in text.utf8_chunks() {
            self.doc.text.push_str(chunk.valid());
            for _ in chunk.invalid() {
                self.doc.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    fn escape(&mut self) -> Result<(), Error> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) | None => return Err(self.syntax("a known escape")),
        };
        self.at += 1;
        self.doc.text.push(c);
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), Error> {
        self.at += 1;
        let first = self.hex4()?;
        let mut c = char::from_u32(first);
        if (0xd800..0xdc00).contains(&first)
            && self.body.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
        {
            let back = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                c = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            } else {
                // The second escape stands for itself.
                self.at = back;
            }
        }
        self.doc.text.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.syntax("four hex digits"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Error> {
        self.memory += 16 + bytes;
        if self.limits.memory_max.is_some_and(|max| self.memory > max) {
            return Err(Error::Memory);
        }
        Ok(())
    }

    fn take(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.syntax(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn syntax(&self, expected: &'static str) -> Error {
        Error::Syntax { expected, at: self.at }
    }
}
