//! A document as it is written: blocks of names and values, whatever the syntax.
//!
//! This is all that a reader of a syntax has to make; what the names mean is not known here. A block
//! with labels (`listener "tcp" { .. }`) is a block inside a block. Names may repeat and keep their
//! order. Values may be secrets: they have no `Debug`, and are wiped when dropped.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::secret::Wiped;

/// Names and their values, in the order in which they stand.
#[allow(missing_debug_implementations, reason = "values may be secrets")]
#[derive(Default)]
pub struct Block(pub Vec<Item>);

/// A name and its value.
#[allow(missing_debug_implementations, reason = "values may be secrets")]
pub struct Item {
    /// Where the name stands: the line of the document, counted from one.
    pub line: u32,
    /// The name, or the label of the block that is its value.
    pub name: String,
    /// What stands behind it.
    pub value: Value,
}

/// A value.
#[allow(missing_debug_implementations, reason = "values may be secrets")]
pub enum Value {
    /// `null`, which only JSON has.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(Wiped<String>),
    /// A text, without quotes and escapes.
    Text(Wiped<String>),
    /// `[..]`
    List(Vec<Self>),
    /// `{..}`
    Block(Block),
}

impl Value {
    /// The word for this kind in messages.
    pub fn word(&self) -> &'static str {
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
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Block(_) => None,
        }
    }

    /// A text, or a number in decimal digits.
    pub fn as_decimal(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Number(text) => Some(decimal(text)),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Null | Self::Bool(_) | Self::List(_) | Self::Block(_) => None,
        }
    }
}

/// A whole number in another base than ten: `0x1f`, `0644`. Only HCL has them.
///
/// # Errors
///
/// The number has no digits of its base, or too many.
pub(super) fn parse_based(number: &str) -> Option<Result<i64, OutOfRange>> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number),
    };
    let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => (8, digits.strip_prefix('0')?),
    };
    // What is left of 0, 0.5 and 0e1 is no octal number.
    if base == 8 && (digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    Some(i64::from_str_radix(digits, base).map(|value| sign * value).map_err(|_| OutOfRange))
}

/// See [`parse_based`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;

fn decimal(number: &str) -> Cow<'_, str> {
    match parse_based(number) {
        Some(Ok(value)) => Cow::Owned(value.to_string()),
        // A reader of a syntax lets no other through.
        Some(Err(OutOfRange)) | None => Cow::Borrowed(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_numbers_of_every_base_in_decimal_digits() {
        const CASES: [(&str, &str); 12] = [
            ("0", "0"),
            ("-0", "-0"),
            ("15", "15"),
            ("0x1F", "31"),
            ("0Xa", "10"),
            ("-0x10", "-16"),
            ("0644", "420"),
            ("-010", "-8"),
            ("00", "0"),
            ("0.5", "0.5"),
            ("0e1", "0e1"),
            ("01.5", "01.5"),
        ];
        for (number, want) in CASES {
            assert_eq!(decimal(number), want, "{number}");
        }
        for number in ["0x", "08", "0xg", "0x8000000000000000"] {
            assert_eq!(parse_based(number), Some(Err(OutOfRange)), "{number}");
        }
    }
}
