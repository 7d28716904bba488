//! Parameters of an endpoint: their declared types, and the API's lenient conversion to them.
//!
//! A client may send `"5"` for a number, `1` for a string, `"true"` for a bool. What cannot be
//! converted is refused before the handler runs, with the name of the field and never its value.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::duration;
use crate::json::{Doc, Kind, Value};
use crate::reject::Reject;

/// One parameter of an endpoint.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: FieldKind,
    pub(crate) source: Source,
    pub(crate) description: &'static str,
}

impl Field {
    pub(crate) const fn body(
        name: &'static str,
        kind: FieldKind,
        description: &'static str,
    ) -> Self {
        Self { name, kind, source: Source::Body, description }
    }

    pub(crate) const fn path(name: &'static str, description: &'static str) -> Self {
        Self { name, kind: FieldKind::String, source: Source::Path, description }
    }
}

/// Where a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum Source {
    /// The body of a write, the query of anything else.
    Body,
    /// A segment of the path.
    Path,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "simulation"), allow(unreachable_pub, reason = "then nobody looks"))]
pub enum FieldKind {
    /// True or false.
    Bool,
    /// Text that the handler reads as a duration.
    DurationText,
    /// A whole number.
    Int,
    /// Pairs of strings.
    Pairs,
    /// A text.
    String,
    /// A list of strings; one string is a list of one.
    Strings,
    /// A list of strings; one string is a list with commas.
    CommaStrings,
    /// A token: a string and nothing else. Another type is refused before the caller is looked at.
    Token,
    /// Any value: the handler looks at it itself.
    Any,
}

impl FieldKind {
    /// The word of the API's help.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::DurationText | Self::String | Self::Token | Self::Any => "string",
            Self::Int => "int",
            Self::Pairs => "keypair",
            Self::Strings | Self::CommaStrings => "slice",
        }
    }

    /// The type and format of the OpenAPI document.
    pub(crate) fn schema(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::DurationText | Self::String | Self::Token | Self::Any => "string",
            Self::Int => "integer",
            Self::Pairs => "object",
            Self::Strings | Self::CommaStrings => "array",
        }
    }
}

/// The parameters of one request.
pub(crate) struct Args<'a> {
    doc: Option<&'a Doc>,
    captures: &'a [(&'static str, &'a str)],
}

impl<'a> Args<'a> {
    /// Checks every declared field that was sent.
    pub(crate) fn check(
        doc: Option<&'a Doc>,
        captures: &'a [(&'static str, &'a str)],
        fields: &[Field],
    ) -> Result<Self, Reject> {
        let args = Self { doc, captures };
        for field in fields.iter().filter(|field| field.source == Source::Body) {
            match field.kind {
                FieldKind::Bool => drop(args.bool(field.name)?),
                FieldKind::DurationText | FieldKind::String => drop(args.string(field.name)?),
                FieldKind::Int => drop(args.int(field.name)?),
                FieldKind::Pairs => drop(args.pairs(field.name)?),
                FieldKind::Strings | FieldKind::CommaStrings => drop(args.strings(field.name)?),
                FieldKind::Any => {}
                FieldKind::Token => check_token(args.value(field.name))?,
            }
        }
        Ok(args)
    }

    /// The value as it was sent.
    pub(crate) fn value(&self, name: &str) -> Option<Value<'a>> {
        self.doc.and_then(Doc::object).and_then(|members| members.get(name))
    }

    pub(crate) fn string(&self, name: &'static str) -> Result<Option<String>, Reject> {
        if let Some((_, text)) = self.captures.iter().find(|(capture, _)| *capture == name) {
            return Ok(Some((*text).to_owned()));
        }
        let Some(value) = self.value(name) else { return Ok(None) };
        text_of(value.kind()).map(Some).map_err(|cause| failed(name, cause))
    }

    pub(crate) fn bool(&self, name: &'static str) -> Result<Option<bool>, Reject> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let parsed = match value.kind() {
            Kind::Null => Some(false),
            Kind::Bool(value) => Some(value),
            Kind::Number(text) | Kind::String(text) => {
                if text.is_empty() {
                    Some(false)
                } else {
                    parse_bool(text)
                }
            }
            kind @ (Kind::Array(_) | Kind::Object(_)) => {
                return Err(failed(name, unconvertible("bool", kind)));
            }
        };
        let cause = "'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax";
        parsed.map(Some).ok_or_else(|| failed(name, cause.to_owned()))
    }

    pub(crate) fn int(&self, name: &'static str) -> Result<Option<i64>, Reject> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let parsed = match value.kind() {
            Kind::Null => Some(0),
            Kind::Bool(value) => Some(i64::from(value)),
            Kind::Number(text) | Kind::String(text) => {
                if text.is_empty() {
                    Some(0)
                } else {
                    parse_int(text)
                }
            }
            kind @ (Kind::Array(_) | Kind::Object(_)) => {
                return Err(failed(name, unconvertible("int", kind)));
            }
        };
        let cause = "'' cannot parse value as 'int': strconv.ParseInt: invalid syntax";
        parsed.map(Some).ok_or_else(|| failed(name, cause.to_owned()))
    }

    /// A duration in seconds; the error is a plain text, as the endpoints that take one answer it.
    pub(crate) fn duration(&self, name: &'static str) -> Result<Option<duration::Signed>, Reject> {
        match self.string(name)? {
            Some(text) if !text.is_empty() => {
                duration::parse(&text).map(Some).map_err(Reject::invalid)
            }
            Some(_) | None => Ok(None),
        }
    }

    pub(crate) fn strings(&self, name: &'static str) -> Result<Option<Vec<String>>, Reject> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let texts = match value.kind() {
            Kind::Null => Ok(Vec::new()),
            Kind::Array(items) => items.map(|item| text_of(item.kind())).collect(),
            Kind::String("") => Ok(Vec::new()),
            kind @ (Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Object(_)) => {
                text_of(kind).map(|text| alloc::vec![text])
            }
        };
        let texts: Vec<String> = texts.map_err(|cause| failed(name, cause))?;
        Ok(Some(texts.iter().map(|text| text.trim().to_owned()).collect()))
    }

    /// The same; one text is a list with commas. Empty items go.
    pub(crate) fn comma_strings(&self, name: &'static str) -> Result<Option<Vec<String>>, Reject> {
        let Some(mut texts) = self.strings(name)? else { return Ok(None) };
        if let Some(text) = self.value(name).and_then(Value::as_str) {
            texts = text.split(',').map(|text| text.trim().to_owned()).collect();
        }
        texts.retain(|text| !text.is_empty());
        Ok(Some(texts))
    }

    /// What the path has for a capture.
    pub(crate) fn capture(&self, name: &str) -> Option<&'a str> {
        self.captures.iter().find(|(capture, _)| *capture == name).map(|(_, text)| *text)
    }

    pub(crate) fn pairs(
        &self,
        name: &'static str,
    ) -> Result<Option<BTreeMap<String, String>>, Reject> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let mut pairs = BTreeMap::new();
        match value.kind() {
            Kind::Null => return Ok(None),
            Kind::Object(members) => {
                for (key, value) in members {
                    let value = text_of(value.kind()).map_err(|cause| failed(name, cause))?;
                    pairs.insert(key.to_owned(), value);
                }
            }
            Kind::Array(items) => {
                for item in items {
                    let text = text_of(item.kind()).map_err(|cause| failed(name, cause))?;
                    insert_pair(&mut pairs, &text).ok_or_else(|| invalid_pair(name))?;
                }
            }
            kind @ (Kind::Bool(_) | Kind::Number(_) | Kind::String(_)) => {
                let text = text_of(kind).map_err(|cause| failed(name, cause))?;
                insert_pair(&mut pairs, &text).ok_or_else(|| invalid_pair(name))?;
            }
        }
        Ok(Some(pairs))
    }

    /// The names that were sent and that the endpoint does not know, sorted.
    pub(crate) fn unknown(&self, fields: &[Field]) -> Vec<String> {
        let Some(members) = self.doc.and_then(Doc::object) else { return Vec::new() };
        let mut names: Vec<String> = members
            .map(|(name, _)| name)
            .filter(|name| !fields.iter().any(|field| field.name == *name))
            .map(ToString::to_string)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Takes `name=value` in, if the text is that.
fn insert_pair(pairs: &mut BTreeMap<String, String>, text: &str) -> Option<()> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
    pairs.insert(key.to_owned(), value.to_owned());
    Some(())
}

fn invalid_pair(name: &'static str) -> Reject {
    failed(name, "invalid key pair".to_owned())
}

/// The rule of [`FieldKind::Token`].
pub(crate) fn check_token(value: Option<Value<'_>>) -> Result<(), Reject> {
    match value.map(Value::kind) {
        None | Some(Kind::String(_)) => Ok(()),
        Some(Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => {
            Err(Reject::InvalidToken)
        }
    }
}

fn text_of(kind: Kind<'_>) -> Result<String, String> {
    match kind {
        Kind::Null => Ok(String::new()),
        Kind::Bool(value) => Ok(if value { "1" } else { "0" }.to_owned()),
        Kind::Number(text) | Kind::String(text) => Ok(text.to_owned()),
        Kind::Array(_) | Kind::Object(_) => Err(unconvertible("string", kind)),
    }
}

fn unconvertible(wanted: &str, got: Kind<'_>) -> String {
    format!("'' expected type '{wanted}', got unconvertible type '{}'", type_word(got))
}

/// The word for the type of a value in the API's messages.
pub(crate) fn type_word(kind: Kind<'_>) -> &'static str {
    match kind {
        Kind::Null => "nil",
        Kind::Bool(_) => "bool",
        Kind::Number(_) => "json.Number",
        Kind::String(_) => "string",
        Kind::Array(_) => "[]interface {}",
        Kind::Object(_) => "map[string]interface {}",
    }
}

fn failed(field: &'static str, cause: String) -> Reject {
    Reject::Field { field, cause }
}

/// The words for true and false that the API takes.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// An integer, in decimal or with a prefix for its base (`0x`, `0o`, `0b`, or `0` for octal).
fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn doc(body: &str) -> Doc {
        json::parse(body.as_bytes(), &json::Limits::default()).unwrap().unwrap()
    }

    fn cause<T>(result: Result<T, Reject>) -> Option<String> {
        match result {
            Err(Reject::Field { cause, .. }) => Some(cause),
            _ => None,
        }
    }

    #[test]
    fn converts_leniently() {
        let doc = doc(r#"{"n":5,"t":"5","h":"0x10","o":"010","e":"","b":true,"z":null,"f":1.5,
            "s":["a"," b ",1],"l":{"k":1,"m":"v"},"p":["k=v"],"neg":"-7"}"#);
        let args = Args { doc: Some(&doc), captures: &[("c", "captured")] };
        for (name, want) in
            [("n", 5), ("t", 5), ("h", 16), ("o", 8), ("e", 0), ("b", 1), ("z", 0), ("neg", -7)]
        {
            assert_eq!(args.int(name), Ok(Some(want)), "{name}");
        }
        for (name, want) in [("n", "5"), ("b", "1"), ("z", ""), ("f", "1.5"), ("c", "captured")] {
            assert_eq!(args.string(name), Ok(Some(want.to_owned())), "{name}");
        }
        assert_eq!(args.bool("e"), Ok(Some(false)));
        assert_eq!(args.strings("s"), Ok(Some(alloc::vec!["a".into(), "b".into(), "1".into()])));
        assert_eq!(args.strings("t"), Ok(Some(alloc::vec!["5".into()])));
        assert_eq!(args.strings("e"), Ok(Some(Vec::new())));
        let pairs = args.pairs("l").unwrap().unwrap();
        assert_eq!(pairs.get("k").map(String::as_str), Some("1"));
        assert_eq!(args.pairs("p").unwrap().unwrap().get("k").map(String::as_str), Some("v"));
        assert_eq!(args.string("missing"), Ok(None));
    }

    #[test]
    fn names_the_field_and_never_the_value() {
        let doc = doc(r#"{"m":{"canary":"canary"},"w":"canary","l":["canary"],"f":1.5}"#);
        let args = Args { doc: Some(&doc), captures: &[] };
        let cases = [
            (
                cause(args.int("m")),
                "'' expected type 'int', got unconvertible type 'map[string]interface {}'",
            ),
            (
                cause(args.int("w")),
                "'' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
            ),
            (
                cause(args.int("f")),
                "'' cannot parse value as 'int': strconv.ParseInt: invalid syntax",
            ),
            (
                cause(args.bool("w")),
                "'' cannot parse value as 'bool': strconv.ParseBool: invalid syntax",
            ),
            (
                cause(args.string("l")),
                "'' expected type 'string', got unconvertible type '[]interface {}'",
            ),
            (cause(args.pairs("w")), "invalid key pair"),
            (cause(args.pairs("l")), "invalid key pair"),
        ];
        for (got, want) in cases {
            assert_eq!(got.as_deref(), Some(want));
        }
    }

    #[test]
    fn lists_unknown_names() {
        const FIELDS: [Field; 1] = [Field::body("a", FieldKind::String, "")];
        let doc = doc(r#"{"z":1,"a":2,"b":3,"z":4}"#);
        let args = Args { doc: Some(&doc), captures: &[] };
        assert_eq!(args.unknown(&FIELDS), ["b", "z"]);
    }
}
