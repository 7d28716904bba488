//! What the server gives: data with a lease, the token of a login, a wrapping token.

use strongroom_core::json::{Doc, Kind, Members, Object, Value};
use zeroize::Zeroizing;

use super::request::{Reply, parse};
use super::{Stop, format};

/// An answer in the API's envelope.
pub(super) struct Secret {
    doc: Doc,
    /// Whether the answer has no envelope: all of it is the data.
    is_bare: bool,
}

/// Members of the envelope, in the order in which they are printed.
const ENVELOPE: [&str; 8] = [
    "request_id",
    "lease_id",
    "lease_duration",
    "renewable",
    "data",
    "warnings",
    "auth",
    "wrap_info",
];
const AUTH: [&str; 11] = [
    "client_token",
    "accessor",
    "policies",
    "token_policies",
    "identity_policies",
    "metadata",
    "orphan",
    "entity_id",
    "lease_duration",
    "renewable",
    "mfa_requirement",
];
const WRAP_INFO: [&str; 6] =
    ["token", "accessor", "ttl", "creation_time", "creation_path", "wrapped_accessor"];

/// What `-field` calls the members of `auth`.
const AUTH_FIELDS: [(&str, &str); 7] = [
    ("token", "client_token"),
    ("token_accessor", "accessor"),
    ("token_duration", "lease_duration"),
    ("token_renewable", "renewable"),
    ("token_policies", "token_policies"),
    ("identity_policies", "identity_policies"),
    ("policies", "policies"),
];
/// What `-field` calls the members of `wrap_info`.
const WRAP_FIELDS: [(&str, &str); 6] = [
    ("wrapping_token", "token"),
    ("wrapping_accessor", "accessor"),
    ("wrapping_token_ttl", "ttl"),
    ("wrapping_token_creation_time", "creation_time"),
    ("wrapping_token_creation_path", "creation_path"),
    ("wrapped_accessor", "wrapped_accessor"),
];
/// What `-field` calls members of the envelope itself.
const OUTER_FIELDS: [(&str, &str); 5] = [
    ("lease_duration", "lease_duration"),
    ("lease_id", "lease_id"),
    ("request_id", "request_id"),
    ("renewable", "renewable"),
    ("refresh_interval", "lease_duration"),
];

impl Secret {
    /// What an answer holds; `None` for nothing, or errors alone.
    pub(super) fn of(reply: &Reply) -> Result<Option<Self>, Stop> {
        if reply.body.trim_ascii().is_empty() {
            return Ok(None);
        }
        Ok(Self::from_doc(reply.doc()?))
    }

    /// The same of a text made here.
    pub(super) fn from_text(text: &str) -> Result<Option<Self>, Stop> {
        parse(text.as_bytes()).map(Self::from_doc)
    }

    fn from_doc(doc: Doc) -> Option<Self> {
        let members = doc.object()?;
        let has_envelope =
            ENVELOPE.iter().any(|name| members.get(name).is_some_and(|value| !is_empty(value)));
        if has_envelope {
            return Some(Self { doc, is_bare: false });
        }
        // Of an answer without an envelope all is data, but for errors.
        let is_data = members.into_iter().any(|(name, value)| {
            name != "errors" && !ENVELOPE.contains(&name) && !matches!(value.kind(), Kind::Null)
        });
        is_data.then_some(Self { doc, is_bare: true })
    }

    fn members(&self) -> Option<Members<'_>> {
        self.doc.object()
    }

    /// A member of the envelope, if it is there and not null.
    fn outer(&self, name: &str) -> Option<Value<'_>> {
        let members = self.members().filter(|_| !self.is_bare)?;
        members.get(name).filter(|value| !matches!(value.kind(), Kind::Null))
    }

    /// The data, if there is any.
    pub(super) fn data(&self) -> Option<Members<'_>> {
        let data = if self.is_bare { self.members() } else { self.outer("data")?.members() };
        data.filter(|data| !data.is_empty())
    }

    /// The data as a value.
    pub(super) fn data_value(&self) -> Option<Value<'_>> {
        if self.is_bare { Some(self.doc.root()) } else { self.outer("data") }
    }

    /// One member of the data.
    pub(super) fn datum(&self, name: &str) -> Option<Value<'_>> {
        self.data()?.get(name).filter(|value| !matches!(value.kind(), Kind::Null))
    }

    /// The token of a login.
    pub(super) fn auth(&self) -> Option<Members<'_>> {
        self.outer("auth")?.members()
    }

    /// The wrapping token.
    pub(super) fn wrap_info(&self) -> Option<Members<'_>> {
        self.outer("wrap_info")?.members()
    }

    /// What the server warns of.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        let warnings = self.outer("warnings").and_then(Value::items);
        warnings.into_iter().flatten().filter_map(Value::as_str)
    }

    /// A member of the envelope that is a whole number above zero.
    pub(super) fn lease_seconds(&self) -> Option<i64> {
        format::whole(self.outer("lease_duration")?).filter(|&seconds| seconds > 0)
    }

    pub(super) fn lease_id(&self) -> Option<&str> {
        self.outer("lease_id")?.as_str().filter(|id| !id.is_empty())
    }

    pub(super) fn is_renewable(&self) -> bool {
        self.outer("renewable").is_some_and(|value| matches!(value.kind(), Kind::Bool(true)))
    }

    /// What `-field` names.
    pub(super) fn field(&self, name: &str) -> Option<Value<'_>> {
        let (fields, inside) = if let Some(auth) = self.auth() {
            (AUTH_FIELDS.as_slice(), Some(auth))
        } else if let Some(wrap) = self.wrap_info() {
            (WRAP_FIELDS.as_slice(), Some(wrap))
        } else {
            (OUTER_FIELDS.as_slice(), self.members().filter(|_| !self.is_bare))
        };
        let value = match fields.iter().find(|(field, _)| *field == name) {
            Some((_, member)) if !self.is_bare => inside?.get(member),
            _ if name == "data" => self.datum("data").or_else(|| self.data_value()),
            _ => self.datum(name),
        };
        value.filter(|value| !matches!(value.kind(), Kind::Null))
    }

    /// The whole as JSON, its members in the order of the reference's.
    pub(super) fn json(&self) -> Zeroizing<String> {
        let mut object = Object::new();
        for name in ENVELOPE {
            let value = if self.is_bare && name == "data" {
                Some(self.doc.root())
            } else {
                self.outer(name)
            };
            let text = match (name, value) {
                ("auth" | "wrap_info", None) => continue,
                ("auth", Some(value)) => ordered(value, &AUTH),
                ("wrap_info", Some(value)) => ordered(value, &WRAP_INFO),
                (_, Some(value)) => format::canonical(value),
                ("request_id" | "lease_id", None) => Zeroizing::new("\"\"".to_owned()),
                ("lease_duration", None) => Zeroizing::new("0".to_owned()),
                ("renewable", None) => Zeroizing::new("false".to_owned()),
                (_, None) => Zeroizing::new("null".to_owned()),
            };
            object = object.raw(name, &text);
        }
        Zeroizing::new(object.finish())
    }
}

/// Whether a member says nothing: what it would be if it were not there.
fn is_empty(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null | Kind::Bool(false) => true,
        Kind::Number(text) => text == "0",
        Kind::String(text) => text.is_empty(),
        Kind::Bool(true) | Kind::Array(_) | Kind::Object(_) => false,
    }
}

/// An object's members in this order, and the others behind them.
fn ordered(value: Value<'_>, names: &[&str]) -> Zeroizing<String> {
    let Some(members) = value.members() else { return format::canonical(value) };
    let mut object = Object::new();
    for name in names {
        let text = members.get(name).map(format::canonical);
        object = object.raw(name, text.as_ref().map_or("null", |text| text.as_str()));
    }
    for (name, value) in format::sorted(members) {
        if !names.contains(&name) {
            object = object.raw(name, &format::canonical(value));
        }
    }
    Zeroizing::new(object.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret> {
        Secret::from_text(text).ok().flatten()
    }

    #[test]
    fn an_answer_without_an_envelope_is_data() {
        const CASES: [(&str, Option<&str>); 6] = [
            (r#"{"errors":[]}"#, None),
            (r#"{}"#, None),
            (r#"{"data":null,"warnings":null}"#, None),
            (r#"{"sealed":true}"#, Some(r#"{"sealed":true}"#)),
            (r#"{"data":{"a":1}}"#, Some(r#"{"a":1}"#)),
            (r#"{"lease_id":"x","data":null}"#, Some("")),
        ];
        for (text, want) in CASES {
            let data = secret(text).map(|secret| {
                let data = secret.data_value().map(format::canonical);
                data.map(|data| data.to_string()).unwrap_or_default()
            });
            assert_eq!(data.as_deref(), want, "{text}");
        }
    }

    #[test]
    fn finds_the_field_that_is_named() {
        const LOGIN: &str = r#"{"lease_duration":9,"auth":{"client_token":"t","policies":["p"],
            "lease_duration":5},"data":{"token":"no","x":"y"}}"#;
        const PLAIN: &str = r#"{"request_id":"r","lease_duration":9,"data":{"a":1,"b":null}}"#;
        const NESTED: &str = r#"{"request_id":"r","data":{"data":{"a":2}}}"#;
        const CASES: [(&str, &str, Option<&str>); 11] = [
            (LOGIN, "token", Some("\"t\"")),
            (LOGIN, "token_duration", Some("5")),
            (LOGIN, "policies", Some("[\"p\"]")),
            (LOGIN, "x", Some("\"y\"")),
            (PLAIN, "a", Some("1")),
            (PLAIN, "b", None),
            (PLAIN, "c", None),
            (PLAIN, "refresh_interval", Some("9")),
            (PLAIN, "request_id", Some("\"r\"")),
            (PLAIN, "data", Some(r#"{"a":1,"b":null}"#)),
            (NESTED, "data", Some(r#"{"a":2}"#)),
        ];
        for (text, field, want) in CASES {
            let secret = secret(text).unwrap();
            let found = secret.field(field).map(format::canonical);
            assert_eq!(found.as_deref().map(String::as_str), want, "{text} {field}");
        }
    }

    #[test]
    fn json_has_the_order_and_the_members_of_the_reference() {
        let secret = secret(r#"{"data":{"b":1,"a":2},"auth":null,"lease_id":"","request_id":"r"}"#);
        let want = r#"{"request_id":"r","lease_id":"","lease_duration":0,"renewable":false,"data":{"a":2,"b":1},"warnings":null}"#;
        assert_eq!(secret.unwrap().json().as_str(), want);
    }
}
