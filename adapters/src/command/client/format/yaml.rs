//! YAML from JSON: names sorted, strings in quotes wherever they could be read as something else.

use std::fmt::Write;

use strongroom_core::json::{Kind, Object, Value};
use zeroize::Zeroizing;

use super::sorted;

/// The value as a document, without a line at its end.
pub(in crate::command::client) fn yaml(value: Value<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    push(&mut text, value, 0, false);
    let end = text.trim_end().len();
    text.truncate(end);
    // What was just begun by a name has its value behind a space.
    if text.starts_with(' ') || text.starts_with('\n') {
        text.remove(0);
    }
    text
}

/// Appends a value behind `:`, `-` or the start of the text. `in_item` says that it stands behind `-`,
/// where the first member of an object stays in the line.
fn push(text: &mut String, value: Value<'_>, depth: usize, in_item: bool) {
    match value.kind() {
        Kind::Null => text.push_str(" null\n"),
        Kind::Bool(value) => text.push_str(if value { " true\n" } else { " false\n" }),
        Kind::Number(digits) => push_line(text, &number(digits)),
        Kind::String(string) => push_line(text, &scalar(string)),
        Kind::Array(items) => {
            let mut items = items.peekable();
            if items.peek().is_none() {
                return text.push_str(" []\n");
            }
            text.push_str(if in_item { " " } else { "\n" });
            for (at, item) in items.enumerate() {
                if at > 0 || !in_item {
                    push_indent(text, depth);
                }
                text.push('-');
                push(text, item, depth + 1, true);
            }
        }
        Kind::Object(members) if members.is_empty() => text.push_str(" {}\n"),
        Kind::Object(members) => {
            text.push_str(if in_item { " " } else { "\n" });
            for (at, (name, value)) in sorted(members).into_iter().enumerate() {
                if at > 0 || !in_item {
                    push_indent(text, depth);
                }
                text.push_str(&scalar(name));
                text.push(':');
                // Items stand below their name, members one level to the right.
                let is_array = matches!(value.kind(), Kind::Array(_));
                push(text, value, if is_array { depth } else { depth + 1 }, false);
            }
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push(' ');
    text.push_str(line);
    text.push('\n');
}

fn push_indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// A string, plain where that is sure to be read as the same string.
fn scalar(string: &str) -> Zeroizing<String> {
    if is_plain(string) {
        return Zeroizing::new(string.to_owned());
    }
    // A string of JSON is one of YAML, but for characters that YAML wants escaped.
    let object = Zeroizing::new(Object::new().string("", string).finish());
    let quoted = object.strip_prefix("{\"\":").and_then(|rest| rest.strip_suffix('}'));
    let mut scalar = Zeroizing::new(String::with_capacity(object.len()));
    for c in quoted.unwrap_or("\"\"").chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(scalar, "\\u{:04x}", u32::from(c));
            }
            _ => scalar.push(c),
        }
    }
    scalar
}

/// A number as every version of YAML takes it: a point and a sign where an exponent is.
fn number(digits: &str) -> String {
    let Some((front, exponent)) = digits.split_once(['e', 'E']) else { return digits.to_owned() };
    let point = if front.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{front}{point}e{sign}{exponent}")
}

/// Words that are no strings in some version of YAML, in lower case.
const WORDS: [&str; 11] =
    ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

fn is_plain(string: &str) -> bool {
    let starts = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-./+=@".contains(c);
    let is_word = WORDS.contains(&string.to_ascii_lowercase().as_str());
    starts && string.chars().all(fits) && !is_word
}

#[cfg(test)]
mod tests {
    use strongroom_core::json::{Limits, parse_one};

    use super::*;

    fn of(text: &str) -> String {
        let doc = parse_one(text.as_bytes(), &Limits::default()).unwrap();
        yaml(doc.root()).to_string()
    }

    #[test]
    fn writes_every_kind() {
        const CASES: [(&str, &str); 15] = [
            ("1.50", "1.50"),
            ("1e5", "1.0e+5"),
            ("-1.50E-5", "-1.50e-5"),
            (r#""\u007f\ufeff""#, r#""\u007f\ufeff""#),
            ("\"a\"", "a"),
            ("[]", "[]"),
            ("{}", "{}"),
            (r#"["a",1]"#, "- a\n- 1"),
            (r#"{"b":null,"a":true}"#, "a: true\nb: null"),
            (r#"{"a":["x"],"b":{"c":[]}}"#, "a:\n- x\nb:\n  c: []"),
            (r#"[{"a":1,"b":2},[3,[4]]]"#, "- a: 1\n  b: 2\n- - 3\n  - - 4"),
            (r#"{"a":[{"b":[1]}]}"#, "a:\n- b:\n  - 1"),
            (r#"{"a":"yes","b":"1","c":""}"#, "a: \"yes\"\nb: \"1\"\nc: \"\""),
            (r#"{"x: y":"a #b\n"}"#, "\"x: y\": \"a #b\\n\""),
            (
                r#"["-","~","=","2026-01-01","0x1","1e3",".5"," a"]"#,
                "- \"-\"\n- \"~\"\n- \"=\"\n- \"2026-01-01\"\n- \"0x1\"\n- \"1e3\"\n- \".5\"\n- \" a\"",
            ),
        ];
        for (text, want) in CASES {
            assert_eq!(of(text), want, "{text}");
        }
    }
}
