//! Header fields that an operator adds to the answers of the API, by their status.
//!
//! A field for one status comes before one for its class, and that before one for all; a field with
//! the name of one of the server's own replaces it. Answers from before the API have none of them.
//!
//! Invariants: names are tokens and values visible ASCII, so that no field can end a line; none says
//! how an answer is framed, or is of the names that the API keeps for itself.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use http::StatusCode;

/// See the module. By default browsers are told to come back by TLS only.
#[derive(Clone, Debug)]
pub struct CustomFields {
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    statuses: Statuses,
    name: String,
    value: String,
}

/// Which answers a field is for, from the general to the special.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statuses {
    /// All of them.
    All,
    /// Those whose status begins with this digit, 1 to 5.
    Class(u16),
    /// Those of one status.
    One(u16),
}

/// Why a field cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomFieldError {
    /// Names that begin with `X-Vault-` are the API's own.
    Reserved,
    /// The name says how an answer is framed.
    Framing,
    /// The name is no token (RFC 9110, 5.6.2).
    Name,
    /// The value is empty, or has more than visible ASCII and single spaces between.
    Value,
}

impl fmt::Display for CustomFieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "names that begin with X-Vault- are the server's own",
            Self::Framing => "this header is the server's own: it says how an answer is framed",
            Self::Name => "this is not a name that a header can have",
            Self::Value => "a value is visible ASCII and not empty",
        })
    }
}

impl core::error::Error for CustomFieldError {}

impl Statuses {
    /// Reads `default`, a class such as `4xx`, or a status such as `404`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "default" {
            return Some(Self::All);
        }
        if let Some(class) = text.strip_suffix("xx") {
            let [digit @ b'1'..=b'5'] = class.as_bytes() else { return None };
            return Some(Self::Class(u16::from(digit - b'0')));
        }
        if text.len() != 3 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().filter(|one| (100..600).contains(one)).map(Self::One)
    }

    fn cover(self, status: StatusCode) -> bool {
        let status = status.as_u16();
        match self {
            Self::All => (100..600).contains(&status),
            Self::Class(class) => status / 100 == class,
            Self::One(one) => status == one,
        }
    }
}

impl Default for CustomFields {
    fn default() -> Self {
        Self {
            rows: vec![Row {
                statuses: Statuses::All,
                name: "Strict-Transport-Security".to_owned(),
                value: "max-age=31536000; includeSubDomains".to_owned(),
            }],
        }
    }
}

impl CustomFields {
    /// Sets a field for these answers, in place of an earlier one of the same name and answers.
    ///
    /// # Errors
    ///
    /// [`CustomFieldError`]; nothing has changed then.
    pub fn set(
        &mut self,
        statuses: Statuses,
        name: &str,
        value: &str,
    ) -> Result<(), CustomFieldError> {
        check(name, value)?;
        self.rows.retain(|row| row.statuses != statuses || !row.name.eq_ignore_ascii_case(name));
        let row = Row { statuses, name: name.to_owned(), value: value.to_owned() };
        // Behind all that are as general: `of` looks for what comes later.
        let at = self.rows.partition_point(|other| other.statuses <= statuses);
        self.rows.insert(at, row);
        Ok(())
    }

    /// The fields of an answer with this status: name and value.
    pub(super) fn of(&self, status: StatusCode) -> impl Iterator<Item = (&str, &str)> {
        let rows = self.rows.iter().enumerate().filter(move |(_, row)| row.statuses.cover(status));
        rows.filter(move |(at, row)| {
            let mut later = self.rows.iter().skip(at + 1);
            !later.any(|other| {
                other.statuses.cover(status) && other.name.eq_ignore_ascii_case(&row.name)
            })
        })
        .map(|(_, row)| (row.name.as_str(), row.value.as_str()))
    }
}

fn check(name: &str, value: &str) -> Result<(), CustomFieldError> {
    const FRAMING: [&str; 7] = [
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("x-vault-") {
        return Err(CustomFieldError::Reserved);
    }
    if FRAMING.contains(&lower.as_str()) {
        return Err(CustomFieldError::Framing);
    }
    if !is_token(name) {
        return Err(CustomFieldError::Name);
    }
    let is_visible = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if value.trim().is_empty() || !is_visible || value.trim() != value {
        return Err(CustomFieldError::Value);
    }
    Ok(())
}

/// Whether this can be the name of a header field (RFC 9110, 5.6.2).
pub(crate) fn is_token(name: &str) -> bool {
    let is_sign = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: &CustomFields, status: u16) -> Vec<String> {
        let status = StatusCode::from_u16(status).unwrap();
        fields.of(status).map(|(name, value)| alloc::format!("{name}: {value}")).collect()
    }

    #[test]
    fn reads_which_answers_a_field_is_for() {
        const CASES: [(&str, Option<Statuses>); 16] = [
            ("default", Some(Statuses::All)),
            ("4xx", Some(Statuses::Class(4))),
            ("1xx", Some(Statuses::Class(1))),
            ("404", Some(Statuses::One(404))),
            ("599", Some(Statuses::One(599))),
            ("600", None),
            ("99", None),
            ("0xx", None),
            ("6xx", None),
            ("+4xx", None),
            ("4XX", None),
            ("44xx", None),
            ("004", None),
            ("0404", None),
            ("+404", None),
            ("", None),
        ];
        for (text, statuses) in CASES {
            assert_eq!(Statuses::parse(text), statuses, "{text}");
        }
    }

    #[test]
    fn the_special_comes_before_the_general() {
        let mut fields = CustomFields::default();
        // In no order: it does not matter.
        for (statuses, name, value) in [
            (Statuses::One(404), "x-custom", "one"),
            (Statuses::All, "X-Custom", "old"),
            (Statuses::All, "X-Custom", "all"),
            (Statuses::Class(4), "X-CUSTOM", "class"),
            (Statuses::Class(4), "X-Four", "four"),
            (Statuses::All, "strict-transport-security", "max-age=60"),
        ] {
            fields.set(statuses, name, value).unwrap();
        }
        let all = ["X-Custom: all", "strict-transport-security: max-age=60"];
        assert_eq!(shown(&fields, 200), all);
        assert_eq!(shown(&fields, 501), all);
        let class = ["strict-transport-security: max-age=60", "X-CUSTOM: class", "X-Four: four"];
        assert_eq!(shown(&fields, 400), class);
        let one = ["strict-transport-security: max-age=60", "X-Four: four", "x-custom: one"];
        assert_eq!(shown(&fields, 404), one);
        // A status that is none of HTTP's has none of them.
        assert_eq!(shown(&fields, 700).len(), 0);
    }

    #[test]
    fn refuses_what_could_forge_an_answer() {
        const CASES: [(&str, &str, CustomFieldError); 12] = [
            ("X-Vault-Custom", "a", CustomFieldError::Reserved),
            ("x-vault-token", "a", CustomFieldError::Reserved),
            ("Content-Length", "0", CustomFieldError::Framing),
            ("transfer-encoding", "chunked", CustomFieldError::Framing),
            ("", "a", CustomFieldError::Name),
            ("X A", "a", CustomFieldError::Name),
            ("X:A", "a", CustomFieldError::Name),
            ("X-\u{e4}", "a", CustomFieldError::Name),
            ("X-A", "", CustomFieldError::Value),
            ("X-A", "a\r\nX-B: b", CustomFieldError::Value),
            ("X-A", " a", CustomFieldError::Value),
            ("X-A", "\u{e4}", CustomFieldError::Value),
        ];
        for (name, value, error) in CASES {
            let mut fields = CustomFields::default();
            assert_eq!(fields.set(Statuses::All, name, value), Err(error), "{name}: {value:?}");
            assert_eq!(shown(&fields, 200).len(), 1);
        }
    }
}
