//! Single settings of a mount, as bodies have them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::duration;
use crate::json::{Kind, Value};
use crate::mount::Visibility;
use crate::reject::Reject;
use crate::route::Context;

/// A member of an object in the body.
pub(super) enum Member {
    Absent,
    Flag(bool),
    /// A text, or a number as it was sent.
    Text(String),
    Texts(Vec<String>),
}

/// One member of the object that a parameter is. Another type than an object's, or of the member than
/// those here, is refused with this text.
pub(super) fn member(
    context: &Context<'_>,
    parameter: &str,
    name: &str,
    refusal: &'static str,
) -> Result<Member, Reject> {
    let members = match context.args.value(parameter).map(Value::kind) {
        None | Some(Kind::Null) => return Ok(Member::Absent),
        Some(Kind::Object(members)) => members,
        Some(Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Array(_)) => {
            return Err(Reject::invalid(refusal));
        }
    };
    match members.get(name).map(Value::kind) {
        None | Some(Kind::Null) => Ok(Member::Absent),
        Some(Kind::Bool(flag)) => Ok(Member::Flag(flag)),
        Some(Kind::Number(text) | Kind::String(text)) => Ok(Member::Text(text.to_owned())),
        Some(Kind::Array(items)) => {
            let texts = items.map(|item| match item.kind() {
                Kind::String(text) | Kind::Number(text) => Some(text.to_owned()),
                Kind::Null | Kind::Bool(_) | Kind::Array(_) | Kind::Object(_) => None,
            });
            let texts: Option<Vec<String>> = texts.collect();
            texts.map(Member::Texts).ok_or_else(|| Reject::invalid(refusal))
        }
        Some(Kind::Object(_)) => Err(Reject::invalid(refusal)),
    }
}

/// A time in seconds, which cannot be negative.
pub(super) fn seconds(text: &str) -> Result<i64, Reject> {
    let seconds = duration::parse(text).map_err(Reject::invalid)?;
    if seconds.is_negative() {
        return Err(Reject::invalid("a TTL cannot be negative"));
    }
    Ok(seconds.seconds())
}

/// A text with commas as a list.
pub(super) fn split(text: &str) -> Vec<String> {
    let items = text.split(',').map(str::trim);
    items.filter(|item| !item.is_empty()).map(ToOwned::to_owned).collect()
}

pub(super) fn visibility(word: &str) -> Result<Visibility, Reject> {
    let visibility = Visibility::of(word);
    visibility.ok_or_else(|| Reject::invalid(format!("invalid listing_visibility {word}")))
}

/// Header fields that an engine may see. A token is never passed on.
pub(super) fn request_headers(mut names: Vec<String>) -> Vec<String> {
    names.retain(|name| !name.eq_ignore_ascii_case("x-vault-token"));
    names
}

/// Engines are part of the server: a version is only kept, if it is one.
pub(super) fn check_plugin_version(version: &str) -> Result<(), Reject> {
    let core = version.strip_prefix('v').unwrap_or(version);
    let core = core.split(['-', '+']).next().unwrap_or("");
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts = core.split('.').count();
    if version.is_empty() || (parts <= 3 && core.split('.').all(is_number)) {
        return Ok(());
    }
    Err(Reject::invalid(format!(
        "version {} is not a valid semantic version: malformed version",
        crate::quote::quoted(version)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_semantic_versions_only() {
        const CASES: [(&str, bool); 8] = [
            ("", true),
            ("1.2.3", true),
            ("v1.2.3-rc1+build", true),
            ("1.2", true),
            ("one", false),
            ("1..2", false),
            ("1.2.3.4", false),
            ("-1", false),
        ];
        for (version, fits) in CASES {
            assert_eq!(check_plugin_version(version).is_ok(), fits, "{version}");
        }
    }
}
