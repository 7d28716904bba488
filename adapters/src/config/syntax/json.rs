//! JSON: one object.

use strongroom_core::json::{self, Doc, Kind};

use super::super::tree::{Block, DEPTH_MAX, Value};
use super::position;

/// Reads a file.
///
/// # Errors
///
/// A text that says where and what is wrong, and repeats nothing of the file.
pub(super) fn read(bytes: &[u8]) -> Result<Block, String> {
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
    match error {
        json::Error::Syntax { expected, at } => {
            format!("{}: this is not JSON: expected {expected}", position(bytes, at))
        }
        json::Error::Depth => format!("more than {DEPTH_MAX} levels of blocks and lists"),
        json::Error::NumberRange => "a number out of range".to_owned(),
        json::Error::Memory | json::Error::Strings | json::Error::Kind { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_repeated_names_in_their_order() {
        let block = read(br#"{"b":1,"a":[true,null],"b":{"c":"d"}}"#).unwrap_or_default();
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
            assert_eq!(read(text.as_bytes()).err().as_deref(), Some(want), "{text}");
        }
    }
}
