//! Values to text, and text built piece by piece.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::{Doc, Kind, Node, Value};

/// A container that is being written.
enum Frame {
    /// Next node and end of an array.
    Items { next: u32, end: u32, first: bool },
    /// Nodes of the names still to be written, the next one last.
    Members { names: Vec<u32>, first: bool },
}

/// Appends the canonical text of a value.
pub(super) fn canonical(value: Value<'_>, out: &mut String) {
    let doc = value.doc;
    let mut frames = Vec::new();
    begin(doc, value.at, out, &mut frames);
    while let Some(frame) = frames.last_mut() {
        let next = match frame {
            Frame::Items { next, end, first } if *next < *end => {
                separate(out, first);
                let at = *next;
                *next = doc.end(at);
                Some(at)
            }
            Frame::Members { names, first } if !names.is_empty() => {
                separate(out, first);
                let at = names.pop().unwrap_or(0);
                push_string(out, name(doc, at));
                out.push(':');
                Some(at + 1)
            }
            Frame::Items { .. } => {
                out.push(']');
                None
            }
            Frame::Members { .. } => {
                out.push('}');
                None
            }
        };
        match next {
            Some(at) => begin(doc, at, out, &mut frames),
            None => drop(frames.pop()),
        }
    }
}

fn begin(doc: &Doc, at: u32, out: &mut String, frames: &mut Vec<Frame>) {
    match (Value { doc, at }).kind() {
        Kind::Null => out.push_str("null"),
        Kind::Bool(true) => out.push_str("true"),
        Kind::Bool(false) => out.push_str("false"),
        Kind::Number(text) => out.push_str(text),
        Kind::String(text) => push_string(out, text),
        Kind::Array(items) => {
            out.push('[');
            frames.push(Frame::Items { next: items.next, end: items.end, first: true });
        }
        Kind::Object(members) => {
            out.push('{');
            let mut names = Vec::new();
            let mut next = members.next;
            while next < members.end {
                names.push(next);
                next = doc.end(next + 1);
            }
            // Last name first; of equal names the one sent last comes first and is kept.
            names.reverse();
            names.sort_by(|&left, &right| name(doc, right).cmp(name(doc, left)));
            names.dedup_by(|later, kept| name(doc, *later) == name(doc, *kept));
            frames.push(Frame::Members { names, first: true });
        }
    }
}

fn name(doc: &Doc, at: u32) -> &str {
    match doc.node(at) {
        Node::String(span) => doc.str(span),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array { .. } | Node::Object { .. } => {
            ""
        }
    }
}

fn separate(out: &mut String, first: &mut bool) {
    if !core::mem::take(first) {
        out.push(',');
    }
}

/// Appends a JSON string with the API's escapes: the short forms of controls, and `<`, `>`, `&`,
/// U+2028 and U+2029 as `\u....`.
pub(crate) fn push_string(out: &mut String, text: &str) {
    out.push('"');
    // Most texts have nothing to escape, and all bytes are looked at together more quickly than one by
    // one.
    if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
        push_escaped(out, text);
    } else {
        out.push_str(text);
    }
    out.push('"');
}

/// Bytes of a text that may need an escape.
pub(crate) fn count_escaped(text: &str) -> usize {
    text.bytes().filter(|byte| is_escaped(*byte)).count()
}

fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_escaped) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = special.chars();
        let Some(c) = chars.next() else { break };
        rest = chars.as_str();
        let short = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\0'..'\u{20}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => "",
            _ => {
                out.push(c);
                continue;
            }
        };
        if short.is_empty() {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push_str(short);
        }
    }
    out.push_str(rest);
}

/// Whether a byte begins a character that may need an escape: U+2028 and U+2029 begin by the last of
/// these, as some others do.
fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

/// An object being written. Names are given in the order in which they shall stand.
#[derive(Debug)]
pub struct Object {
    text: String,
}

impl Object {
    /// `{`
    pub fn new() -> Self {
        Self::with_capacity(1)
    }

    /// The same, with room for so many bytes of text.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self { text }
    }

    /// A member that is JSON text already.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.text.push_str(json);
        self
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_string(&mut self.text, name);
        self.text.push(':');
    }

    /// A string.
    #[must_use]
    pub fn string(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_string(&mut self.text, value);
        self
    }

    /// A number or a bool.
    #[must_use]
    pub fn plain(self, name: &str, value: impl core::fmt::Display) -> Self {
        self.raw(name, &alloc::format!("{value}"))
    }

    /// A list of strings.
    #[must_use]
    pub fn strings<S: AsRef<str>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.list(name, |list| {
            for value in values {
                list.string(value.as_ref());
            }
        })
    }

    /// A list of strings that `write` puts in.
    #[must_use]
    pub(crate) fn list(mut self, name: &str, write: impl FnOnce(&mut List)) -> Self {
        self.name(name);
        let mut list = List::behind(self.text);
        write(&mut list);
        Self { text: list.finish() }
    }

    /// `null`.
    #[must_use]
    pub fn null(self, name: &str) -> Self {
        self.raw(name, "null")
    }

    /// `}`, and the text.
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A list of strings being written.
#[derive(Debug)]
pub struct List {
    text: String,
    /// Where the first item stands in the text.
    start: usize,
}

impl List {
    /// `[`
    pub fn new() -> Self {
        Self::behind(String::new())
    }

    /// A list at the end of a text.
    fn behind(mut text: String) -> Self {
        text.push('[');
        Self { start: text.len(), text }
    }

    /// One more item.
    pub fn string(&mut self, value: &str) {
        self.separate();
        push_string(&mut self.text, value);
    }

    /// More items, which are JSON text already with commas between them.
    pub(crate) fn raw(&mut self, items: &str) {
        self.separate();
        self.text.push_str(items);
    }

    fn separate(&mut self) {
        if self.text.len() > self.start {
            self.text.push(',');
        }
    }

    /// Bytes of the text so far.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// `]`, and the text.
    pub fn finish(mut self) -> String {
        self.text.push(']');
        self.text
    }
}
