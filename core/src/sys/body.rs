//! Members of the bodies of endpoints of the HTTP layer: each has one type, and their names do not know
//! case. What is absent, or `null`, is what an empty one would be.

use alloc::format;
use alloc::vec::Vec;

use crate::json::{Kind, Value};
use crate::reject::Reject;
use crate::route::Context;

/// The member as it was sent; the last of several.
pub(super) fn member<'a>(context: &Context<'a>, name: &str) -> Option<Value<'a>> {
    let members = context.call.doc.as_ref()?.object()?;
    members.filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).last().map(|(_, value)| value)
}

pub(super) fn bool(context: &Context<'_>, name: &'static str) -> Result<bool, Reject> {
    match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Ok(false),
        Some(Kind::Bool(value)) => Ok(value),
        Some(Kind::Number(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => {
            Err(undecodable(&format!("{name} must be true or false")))
        }
    }
}

/// A whole number.
pub(super) fn int(context: &Context<'_>, name: &'static str) -> Result<i64, Reject> {
    let parsed = match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Some(0),
        Some(Kind::Number(text)) => text.parse().ok(),
        Some(Kind::Bool(_) | Kind::String(_) | Kind::Array(_) | Kind::Object(_)) => None,
    };
    parsed.ok_or_else(|| undecodable(&format!("{name} must be a whole number")))
}

pub(super) fn string<'a>(context: &Context<'a>, name: &'static str) -> Result<&'a str, Reject> {
    text(member(context, name).map(Value::kind))
        .ok_or_else(|| undecodable(&format!("{name} must be a string")))
}

/// A list of strings.
pub(super) fn strings<'a>(
    context: &Context<'a>,
    name: &'static str,
) -> Result<Vec<&'a str>, Reject> {
    let texts = match member(context, name).map(Value::kind) {
        None | Some(Kind::Null) => Some(Vec::new()),
        Some(Kind::Array(items)) => items.map(|item| text(Some(item.kind()))).collect(),
        Some(Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Object(_)) => None,
    };
    texts.ok_or_else(|| undecodable(&format!("{name} must be a list of strings")))
}

fn text(kind: Option<Kind<'_>>) -> Option<&str> {
    match kind {
        None | Some(Kind::Null) => Some(""),
        Some(Kind::String(text)) => Some(text),
        Some(Kind::Bool(_) | Kind::Number(_) | Kind::Array(_) | Kind::Object(_)) => None,
    }
}

fn undecodable(why: &str) -> Reject {
    Reject::invalid(format!("failed to decode JSON input: {why}"))
}
