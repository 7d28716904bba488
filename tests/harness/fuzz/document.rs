//! Documents in HCL and JSON.

use std::fmt::Write;

use strongroom_core::hcl::{self, Block, Item, Value};

/// Bytes of a document that is printed again: a character becomes ten.
const PRINTED_MAX: usize = 64 * 1024;

/// Any bytes are a document or are refused with a place that is in them. What was read and is printed
/// with every character as an escape reads as the same; every name stands on a line of the document,
/// and none before the one in front of it; of JSON, another reader says the same.
///
/// # Panics
///
/// If one of these is not so.
pub fn document(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n').count();
    let block = match hcl::read_document(data) {
        Ok(block) => block,
        Err(error) => return check_place(data, &error),
    };
    let mut before = 1;
    check_lines(&block, &mut before);
    assert!(usize::try_from(before).is_ok_and(|last| last <= lines), "line {before} of {lines}");
    let shown = shown_block(&block);
    if hcl::is_json(data) && str::from_utf8(data).is_ok() {
        // Halves of surrogates are JSON for us alone.
        if let Ok(theirs) = serde_json::from_slice::<serde_json::Value>(data)
            && !has_private_name(data)
        {
            assert_eq!(to_json(&Value::Block(block)), theirs);
        }
    }
    if data.len() > PRINTED_MAX || shown.contains("null") {
        return;
    }
    let again = hcl::read(shown.as_bytes()).unwrap_or_else(|error| panic!("{error}: {shown}"));
    assert_eq!(shown_block(&again), shown);
}

/// With numbers kept as text, serde_json gives a meaning of its own to this name.
fn has_private_name(data: &[u8]) -> bool {
    data.windows(19).any(|name| name == b"serde_json::private")
}

fn check_place(data: &[u8], error: &str) {
    let Some(rest) = error.strip_prefix("line ") else {
        // Depth and range of JSON, and length, have no place.
        return assert!(hcl::is_json(data) || error.starts_with("more than "), "{error}");
    };
    let (line, rest) = rest.split_once(", column ").expect("a column behind the line");
    let (column, _) = rest.split_once(": ").expect("what is wrong behind the place");
    let line: usize = line.parse().expect("a number of a line");
    let column: usize = column.parse().expect("a number of a column");
    let text = data.split(|byte| *byte == b'\n').nth(line - 1).expect("a line of the document");
    assert!((1..=text.len() + 1).contains(&column), "{error}");
}

fn check_lines(block: &Block, before: &mut u32) {
    for Item { line, value, .. } in &block.0 {
        assert!(line >= before, "line {line} behind line {before}");
        *before = *line;
        check_lines_in(value, before);
    }
}

fn check_lines_in(value: &Value, before: &mut u32) {
    match value {
        Value::Block(block) => check_lines(block, before),
        Value::List(items) => items.iter().for_each(|item| check_lines_in(item, before)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// The members of a block in HCL.
fn shown_block(block: &Block) -> String {
    let mut text = String::new();
    for Item { name, value, .. } in &block.0 {
        writeln!(text, "{} = {}", quoted(name), shown(value)).expect("texts grow");
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(text) => text.to_string(),
        Value::Text(text) => quoted(text),
        Value::List(items) => {
            items.iter().fold("[".to_owned(), |list, item| list + &shown(item) + ",") + "]"
        }
        Value::Block(block) => format!("{{\n{}}}", shown_block(block)),
    }
}

fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    text.chars().for_each(|c| write!(out, "\\U{:08x}", u32::from(c)).expect("texts grow"));
    out + "\""
}

/// As another reader keeps it: of equal names the last counts.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(text) => serde_json::from_str(text).expect("a number"),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Block(block) => {
            let members = block.0.iter().map(|item| (item.name.clone(), to_json(&item.value)));
            serde_json::Value::Object(members.collect())
        }
    }
}
