//! JSON as the API takes and gives it.
//!
//! A body is parsed into a [`Doc`]: a flat list of nodes and one arena of text, read and written
//! without recursion, so that depth costs heap and never stack. serde_json is not used here because
//! the API's rules differ from its: numbers keep their text, of equal keys the last counts, broken
//! UTF-8 and lone surrogates become U+FFFD, and the cost of a body is bounded while it is read.
//!
//! Invariants: a `Doc` holds one value; spans point into its arena on character borders; the
//! canonical text of a value parses to the same value.

mod parse;
mod write;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::limit;
use crate::secret::Wiped;

pub use parse::{parse, parse_one};
pub use write::{List, Object};
pub(crate) use write::{count_escaped, push_string};

/// One parsed JSON value.
#[allow(missing_debug_implementations, reason = "bodies hold secrets")]
pub struct Doc {
    text: Wiped<String>,
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
enum Node {
    Null,
    Bool(bool),
    Number(Span),
    String(Span),
    /// The items follow; `end` is the index behind the last node of them.
    Array {
        end: u32,
    },
    /// Names and values follow in turn, in the order and number in which they were sent.
    Object {
        end: u32,
    },
}

#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

/// What one body may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of arrays and objects.
    pub depth_max: usize,
    /// Strings, names and values together; `None` for no limit.
    pub strings_max: Option<u64>,
    /// Estimated bytes of the decoded value: 16 for each token, and 1 for `null` and a bool, 8 for
    /// a number, 16 and its length for a string, 24 for an array, 72 for an object.
    pub memory_max: Option<u64>,
}

impl Limits {
    /// For what the server has written itself.
    pub(crate) fn unbounded() -> Self {
        Self { strings_max: None, memory_max: None, ..Self::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: limit::JSON_DEPTH_MAX,
            strings_max: Some(limit::JSON_STRINGS_MAX),
            memory_max: Some(limit::JSON_MEMORY_MAX),
        }
    }
}

/// Why a body was refused. It never repeats what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nested deeper than the limit.
    Depth,
    /// Estimated memory over the limit.
    Memory,
    /// A number that no double holds.
    NumberRange,
    /// More strings than the limit.
    Strings,
    /// Not JSON: what was expected, and at which byte.
    Syntax {
        /// What the grammar wants there.
        expected: &'static str,
        /// The byte's index in the body.
        at: usize,
    },
    /// A value of another kind where an object is needed.
    Kind {
        /// What was expected.
        expected: &'static str,
        /// What was sent.
        got: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const COMPLEX: &str = "refused JSON input due to high complexity: exceeded maximum";
        match self {
            Self::Depth => f.write_str("failed to decode JSON input: exceeded max depth"),
            Self::Memory => write!(f, "{COMPLEX} estimated memory limits"),
            Self::NumberRange => f.write_str("failed to decode JSON input: number out of range"),
            Self::Strings => write!(f, "{COMPLEX} number of strings"),
            Self::Syntax { expected, at } => {
                write!(f, "failed to decode JSON input: expected {expected} at byte {at}")
            }
            Self::Kind { expected, got } => {
                write!(f, "failed to decode JSON input: expected {expected}, got {got}")
            }
        }
    }
}

/// A value inside a [`Doc`].
#[allow(missing_debug_implementations, reason = "bodies hold secrets")]
#[derive(Clone, Copy)]
pub struct Value<'a> {
    doc: &'a Doc,
    at: u32,
}

/// What a value is.
#[allow(missing_debug_implementations, reason = "bodies hold secrets")]
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(&'a str),
    /// A string, decoded.
    String(&'a str),
    /// An array.
    Array(Items<'a>),
    /// An object.
    Object(Members<'a>),
}

impl Kind<'_> {
    /// The word for this kind in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl Doc {
    /// An object of strings and lists of strings: what a query or a form says.
    pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p [String])>) -> Self {
        let mut doc = Self::empty();
        doc.nodes.push(Node::Object { end: 0 });
        for (name, values) in pairs {
            let name = doc.intern(name);
            doc.nodes.push(Node::String(name));
            if let [value] = values {
                let value = doc.intern(value);
                doc.nodes.push(Node::String(value));
                continue;
            }
            let list = doc.nodes.len();
            doc.nodes.push(Node::Array { end: 0 });
            for value in values {
                let value = doc.intern(value);
                doc.nodes.push(Node::String(value));
            }
            doc.close(list);
        }
        doc.close(0);
        doc
    }

    /// The value.
    pub fn root(&self) -> Value<'_> {
        Value { doc: self, at: 0 }
    }

    /// The value, if it is an object.
    pub fn object(&self) -> Option<Members<'_>> {
        self.root().members()
    }

    /// Bytes of memory that this value takes.
    pub fn bytes(&self) -> usize {
        self.text.capacity() + self.nodes.capacity() * size_of::<Node>()
    }

    fn empty() -> Self {
        Self { text: Wiped::default(), nodes: Vec::new() }
    }

    fn intern(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        self.span_from(start)
    }

    fn span_from(&self, start: usize) -> Span {
        let index = |at: usize| u32::try_from(at).expect("bodies are below 4 GiB");
        Span { start: index(start), length: index(self.text.len() - start) }
    }

    /// Sets the end of the container whose node is `at`.
    fn close(&mut self, at: usize) {
        let end = u32::try_from(self.nodes.len()).expect("bodies are below 4 GiB");
        match self.nodes.get_mut(at) {
            Some(Node::Array { end: place } | Node::Object { end: place }) => *place = end,
            Some(Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_)) | None => {}
        }
    }

    fn node(&self, at: u32) -> Node {
        usize::try_from(at).ok().and_then(|at| self.nodes.get(at)).copied().unwrap_or(Node::Null)
    }

    fn str(&self, span: Span) -> &str {
        let range = usize::try_from(span.start)
            .ok()
            .and_then(|start| Some(start..start.checked_add(usize::try_from(span.length).ok()?)?));
        range.and_then(|range| self.text.get(range)).unwrap_or("")
    }

    /// The index behind the value at `at`.
    fn end(&self, at: u32) -> u32 {
        match self.node(at) {
            Node::Array { end } | Node::Object { end } => end,
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => at + 1,
        }
    }
}

impl<'a> Value<'a> {
    /// What this value is.
    pub fn kind(self) -> Kind<'a> {
        let doc = self.doc;
        match doc.node(self.at) {
            Node::Null => Kind::Null,
            Node::Bool(value) => Kind::Bool(value),
            Node::Number(span) => Kind::Number(doc.str(span)),
            Node::String(span) => Kind::String(doc.str(span)),
            Node::Array { end } => Kind::Array(Items { doc, next: self.at + 1, end }),
            Node::Object { end } => Kind::Object(Members { doc, next: self.at + 1, end }),
        }
    }

    /// The text of a string.
    pub fn as_str(self) -> Option<&'a str> {
        if let Kind::String(text) = self.kind() { Some(text) } else { None }
    }

    /// The items of an array.
    pub fn items(self) -> Option<Items<'a>> {
        if let Kind::Array(items) = self.kind() { Some(items) } else { None }
    }

    /// The members of an object.
    pub fn members(self) -> Option<Members<'a>> {
        if let Kind::Object(members) = self.kind() { Some(members) } else { None }
    }

    /// Appends the canonical text: no spaces, names sorted by their bytes, of equal names the
    /// last, the API's escapes, numbers as they were written.
    pub fn write_canonical(self, out: &mut String) {
        write::canonical(self, out);
    }
}

/// The items of an array.
#[allow(missing_debug_implementations, reason = "bodies hold secrets")]
#[derive(Clone, Copy)]
pub struct Items<'a> {
    doc: &'a Doc,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let at = self.next;
        if at >= self.end {
            return None;
        }
        self.next = self.doc.end(at);
        Some(Value { doc: self.doc, at })
    }
}

/// The members of an object, as they were sent.
#[allow(missing_debug_implementations, reason = "bodies hold secrets")]
#[derive(Clone, Copy)]
pub struct Members<'a> {
    doc: &'a Doc,
    next: u32,
    end: u32,
}

impl<'a> Members<'a> {
    /// The value of `name`: the last one of that name.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.filter(|(member, _)| *member == name).last().map(|(_, value)| value)
    }

    /// Whether there is no member.
    pub fn is_empty(self) -> bool {
        self.next >= self.end
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next;
        if at >= self.end {
            return None;
        }
        let name = match self.doc.node(at) {
            Node::String(span) => self.doc.str(span),
            Node::Null
            | Node::Bool(_)
            | Node::Number(_)
            | Node::Array { .. }
            | Node::Object { .. } => "",
        };
        self.next = self.doc.end(at + 1);
        Some((name, Value { doc: self.doc, at: at + 1 }))
    }
}

#[cfg(test)]
mod tests;
