//! A configuration as it is written: blocks of names and values, whatever the syntax.
//!
//! This is all that a reader of a syntax has to make; what the names mean is not known here. A block
//! with labels (`listener "tcp" { .. }`) is a block inside a block. Names may repeat and keep their
//! order. Values may be secrets: they have no `Debug`, and are wiped when dropped.

use strongroom_core::json::{self, Doc, Kind};
use zeroize::Zeroizing;

/// Levels of blocks and lists. The deepest configuration that is known has six, and what reads the
/// tree recurses over it.
const DEPTH_MAX: usize = 32;

/// Names and their values, in the order in which they stand.
#[derive(Default)]
pub(super) struct Block(pub(super) Vec<(String, Value)>);

/// A value.
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number, as it is written.
    Number(Zeroizing<String>),
    Text(Zeroizing<String>),
    List(Vec<Self>),
    Block(Block),
}

/// Reads JSON.
///
/// # Errors
///
/// A text that says where and what is wrong, and repeats nothing of the file.
pub(super) fn from_json(bytes: &[u8]) -> Result<Block, String> {
    let limits = json::Limits { depth_max: DEPTH_MAX, strings_max: None, memory_max: None };
    let doc: Doc = json::parse_one(bytes, &limits).map_err(|error| explain(bytes, error))?;
    match value_of(doc.root().kind()) {
        Value::Block(block) => Ok(block),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            Err("a configuration is one JSON object: {..}".to_owned())
        }
    }
}

fn value_of(kind: Kind<'_>) -> Value {
    match kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        Kind::Number(text) => Value::Number(text.to_owned().into()),
        Kind::String(text) => Value::Text(text.to_owned().into()),
        Kind::Array(items) => Value::List(items.map(|item| value_of(item.kind())).collect()),
        Kind::Object(members) => Value::Block(Block(
            members.map(|(name, value)| (name.to_owned(), value_of(value.kind()))).collect(),
        )),
    }
}

fn explain(bytes: &[u8], error: json::Error) -> String {
    let json::Error::Syntax { expected, at } = error else {
        return match error {
            json::Error::Depth => format!("more than {DEPTH_MAX} levels of blocks and lists"),
            json::Error::NumberRange => "a number out of range".to_owned(),
            json::Error::Memory
            | json::Error::Strings
            | json::Error::Kind { .. }
            | json::Error::Syntax { .. } => error.to_string(),
        };
    };
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    format!("line {line}, column {column}: this is not JSON: expected {expected}")
}

impl Value {
    /// The word for this kind in messages.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Block(_) => "a block",
        }
    }

    /// A text, or a number as it is written.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Block(_) => None,
        }
    }

    /// Whether it asks for nothing: `false`, 0, an empty text, nothing at all.
    pub(super) fn is_off(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(value) => !value,
            Self::Number(text) => text.as_str() == "0",
            Self::Text(text) => matches!(text.as_str(), "" | "0" | "false"),
            Self::List(items) => items.iter().all(Self::is_off),
            Self::Block(block) => block.0.iter().all(|(_, value)| value.is_off()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_repeated_names_in_their_order() {
        let block = from_json(br#"{"b":1,"a":[true,null],"b":{"c":"d"}}"#).unwrap_or_default();
        let shown: Vec<String> =
            block.0.iter().map(|(name, value)| format!("{name} {}", value.word())).collect();
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
            ("[{\"canary\":1}]", "a configuration is one JSON object: {..}"),
            (&deep, "more than 32 levels of blocks and lists"),
            ("{\"a\":1e999}", "a number out of range"),
        ];
        for (text, want) in cases {
            assert_eq!(from_json(text.as_bytes()).err().as_deref(), Some(want), "{text}");
        }
    }
}
