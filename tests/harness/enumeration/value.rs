//! Values of every type of JSON, for parameters of every type.

use strongroom_core::probe::FieldKind;

use super::CANARY;

/// A value of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Value {
    Null,
    Bool,
    Number,
    Negative,
    Huge,
    Text,
    EmptyText,
    List,
    NestedList,
    Object,
}

impl Value {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Null,
        Self::Bool,
        Self::Number,
        Self::Negative,
        Self::Huge,
        Self::Text,
        Self::EmptyText,
        Self::List,
        Self::NestedList,
        Self::Object,
    ];

    /// The text of JSON.
    pub fn json(self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool => "true".to_owned(),
            Self::Number => "7".to_owned(),
            Self::Negative => "-7".to_owned(),
            // More than 64 bits.
            Self::Huge => "123456789012345678901234567890".to_owned(),
            Self::Text => format!("\"{CANARY}\""),
            Self::EmptyText => "\"\"".to_owned(),
            Self::List => format!("[\"{CANARY}\"]"),
            Self::NestedList => format!("[[[\"{CANARY}\"]]]"),
            Self::Object => format!("{{\"{CANARY}\":\"{CANARY}\"}}"),
        }
    }

    /// A query that says the same, where a query can: texts, and lists of them.
    pub fn query(self, name: &str) -> Option<String> {
        match self {
            Self::Text => Some(format!("{name}={CANARY}")),
            Self::EmptyText => Some(format!("{name}=")),
            Self::Number => Some(format!("{name}=7")),
            Self::List => Some(format!("{name}={CANARY}&{name}={CANARY}")),
            Self::Null
            | Self::Bool
            | Self::Negative
            | Self::Huge
            | Self::NestedList
            | Self::Object => None,
        }
    }

    /// The status of what cannot be converted to the type of a parameter; `None` for what can.
    pub fn refusal(self, kind: FieldKind) -> Option<u16> {
        use FieldKind::{
            Any, Bool, CommaStrings, DurationText, Int, Pairs, String, Strings, Token,
        };
        let is_nested = matches!(self, Self::NestedList | Self::Object);
        let is_misfit = match kind {
            Any => false,
            Bool => !matches!(self, Self::Null | Self::Bool | Self::EmptyText),
            Int => is_nested || matches!(self, Self::Huge | Self::Text | Self::List),
            DurationText | String => is_nested || self == Self::List,
            Strings | CommaStrings => is_nested,
            Pairs => !matches!(self, Self::Null | Self::Object),
            Token => return (!matches!(self, Self::Text | Self::EmptyText)).then_some(403),
        };
        is_misfit.then_some(400)
    }
}
