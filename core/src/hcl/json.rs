//! Documents in JSON: one object.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use super::{Block, DOCUMENT_DEPTH_MAX, Item, Lines, Value, position};
use crate::json::{self, Doc, Kind};

/// Reads a document.
///
/// # Errors
///
/// As [`super::read_document`].
pub(super) fn read(bytes: &[u8]) -> Result<Block, String> {
    let limits =
        json::Limits { depth_max: DOCUMENT_DEPTH_MAX, strings_max: None, memory_max: None };
    let doc: Doc = json::parse_one(bytes, &limits).map_err(|error| explain(bytes, error))?;
    match value_of(doc.root().kind(), &mut Names::of(bytes)) {
        Value::Block(block) => Ok(block),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            Err("the document must be one JSON object: {..}".to_owned())
        }
    }
}

/// The value, with the lines of its names: the next of `names` is the first in it.
fn value_of(kind: Kind<'_>, names: &mut Names<'_>) -> Value {
    match kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        Kind::Number(text) => Value::Number(text.to_owned().into()),
        Kind::String(text) => Value::Text(text.to_owned().into()),
        Kind::Array(items) => Value::List(items.map(|item| value_of(item.kind(), names)).collect()),
        Kind::Object(members) => {
            let item = |(name, value): (&str, json::Value<'_>)| {
                let line = names.next_line();
                Item { line, name: name.to_owned(), value: value_of(value.kind(), names) }
            };
            Value::Block(Block(members.map(item).collect()))
        }
    }
}

/// The lines of names in a text that is JSON, one after the other: a [`Doc`] does not keep them.
struct Names<'a> {
    bytes: &'a [u8],
    at: usize,
    lines: Lines<'a>,
}

impl<'a> Names<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, lines: Lines::of(bytes) }
    }

    /// The line of the next string with a colon behind it.
    fn next_line(&mut self) -> u32 {
        while let Some(quote) = self.find(|byte| byte == b'"') {
            self.at = quote + 1;
            while let Some(end) = self.find(|byte| matches!(byte, b'"' | b'\\')) {
                // A backslash takes the byte behind it along.
                let is_end = self.bytes.get(end) == Some(&b'"');
                self.at = end + if is_end { 1 } else { 2 };
                if is_end {
                    break;
                }
            }
            let behind = self.find(|byte| !byte.is_ascii_whitespace());
            if behind.is_some_and(|at| self.bytes.get(at) == Some(&b':')) {
                return self.lines.at(quote);
            }
        }
        self.lines.at(self.at)
    }

    /// The next byte of this kind.
    fn find(&self, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.bytes.get(self.at..)?;
        rest.iter().position(|&byte| is_wanted(byte)).map(|at| self.at + at)
    }
}

fn explain(bytes: &[u8], error: json::Error) -> String {
    match error {
        json::Error::Syntax { expected, at } => {
            format!("{}: this is not JSON: expected {expected}", position(bytes, at))
        }
        json::Error::Depth => format!("more than {DOCUMENT_DEPTH_MAX} levels of blocks and lists"),
        json::Error::NumberRange => "a number out of range".to_owned(),
        json::Error::Memory | json::Error::Strings | json::Error::Kind { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn keeps_repeated_names_in_their_order() {
        let block = read(br#"{"b":1,"a":[true,null],"b":{"c":"d"}}"#).unwrap_or_default();
        let shown: Vec<String> =
            block.0.iter().map(|item| format!("{} {}", item.name, item.value.word())).collect();
        assert_eq!(shown, ["b a number", "a a list", "b a block"]);
    }

    #[test]
    fn says_where_a_file_is_not_json_and_repeats_nothing_of_it() {
        let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
        let cases = [
            ("", "line 1, column 1: this is not JSON: expected a value"),
            ("canary", "line 1, column 1: this is not JSON: expected a value"),
            (
                "{\n  \"a\": \"canary\",\n}",
                "line 3, column 1: this is not JSON: expected a name in quotes",
            ),
            ("{} {}", "line 1, column 4: this is not JSON: expected the end of the text"),
            ("[{\"canary\":1}]", "the document must be one JSON object: {..}"),
            (&deep, "more than 32 levels of blocks and lists"),
            ("{\"a\":1e999}", "a number out of range"),
        ];
        for (text, want) in cases {
            assert_eq!(read(text.as_bytes()).err().as_deref(), Some(want), "{text}");
        }
    }
}
