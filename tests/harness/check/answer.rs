//! Every answer is the one that the model gives.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Broken;
use crate::client::Answer;
use crate::model::Expect;

/// What a client learns from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing that it will use.
    Nothing,
    /// The text and the accessor of a new token.
    Token(String, String),
    /// The key of a new lock.
    Key(String),
}

/// Compares an answer with what it must be.
pub fn check(expect: &Expect, answer: &Answer) -> Result<Learned, Broken> {
    let wrong = || format!("expected {expect:?}, got {} {}", answer.status, answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    fits(expect, answer, &body).ok_or_else(wrong)
}

/// What is learned, if the answer is as it must be.
fn fits(expect: &Expect, answer: &Answer, body: &Value) -> Option<Learned> {
    let data = body.get("data").unwrap_or(&Value::Null);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let status = match expect {
        Expect::Either(one, other) => {
            return fits(one, answer, body).or_else(|| fits(other, answer, body));
        }
        Expect::Status(status) | Expect::Empty(status) | Expect::Errors(status, _) => *status,
        _ => 200,
    };
    let right = match expect {
        Expect::Status(_) => true,
        Expect::Empty(_) => answer.body.is_empty(),
        Expect::Errors(_, None) => body.get("errors") == Some(&json!([])),
        Expect::Errors(_, Some(text)) => body.get("errors") == Some(&json!([text])),
        Expect::Data(text) => answer.body.contains(&format!("\"data\":{text},\"wrap_info\"")),
        Expect::Equal(value) => data == value,
        Expect::Shows(value) => has(data, value),
        Expect::Table(value) => names(data) == names(value) && has(data, value),
        Expect::Keys(names) => data.get("keys") == Some(&json!(names)),
        Expect::Sight(surely, perhaps) => {
            let shown = names(data.get("secret")?);
            shown.is_superset(&borrowed(surely)) && shown.is_subset(&borrowed(perhaps))
        }
        Expect::Seal { sealed, progress, .. } => {
            has(body, &json!({"sealed": sealed, "progress": progress}))
        }
        Expect::Term(term) => {
            has(body, &json!({"term": term})) && has(data, &json!({"term": term}))
        }
        Expect::Made(_) => {
            let auth = body.get("auth")?;
            let (token, accessor) = (auth.get("client_token")?, auth.get("accessor")?);
            let learned = Learned::Token(text(token)?, text(accessor)?);
            return (answer.status == status).then_some(learned);
        }
        Expect::Locked(_) => {
            let learned = Learned::Key(text(data.get("unlock_key")?)?);
            return (answer.status == status).then_some(learned);
        }
        Expect::Either(..) => false,
    };
    (right && answer.status == status).then_some(Learned::Nothing)
}

/// Whether a value has what another has, and the same inside of its objects.
fn has(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(members), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| members.get(name).is_some_and(|value| has(value, wanted))),
        _ => value == wanted,
    }
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn borrowed(names: &BTreeSet<String>) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}
