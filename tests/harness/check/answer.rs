//! Every answer is the one that the model gives.

use serde_json::Value;

use super::Broken;
use crate::client::Answer;
use crate::model::Expect;

/// Compares an answer with what it must be. For a new token it gives its text.
pub fn check(expect: &Expect, answer: &Answer) -> Result<Option<String>, Broken> {
    let status = match expect {
        Expect::Status(status) | Expect::Empty(status) | Expect::Errors(status, _) => *status,
        Expect::Data(_)
        | Expect::Keys(_)
        | Expect::Shown { .. }
        | Expect::Made(_)
        | Expect::Seal { .. }
        | Expect::Term(_) => 200,
    };
    let wrong = || format!("expected {expect:?}, got {} {}", answer.status, answer.body);
    if answer.status != status {
        return Err(wrong());
    }
    let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    let data = body.get("data");
    let right = match expect {
        Expect::Status(_) => true,
        Expect::Empty(_) => answer.body.is_empty(),
        Expect::Errors(_, None) => body.get("errors") == Some(&serde_json::json!([])),
        Expect::Errors(_, Some(text)) => body.get("errors") == Some(&serde_json::json!([text])),
        Expect::Data(text) => answer.body.contains(&format!("\"data\":{text},\"wrap_info\"")),
        Expect::Keys(names) => {
            data.and_then(|data| data.get("keys")) == Some(&serde_json::json!(names))
        }
        Expect::Shown { num_uses, orphan, root, expires } => data.is_some_and(|data| {
            data.get("num_uses") == Some(&Value::from(*num_uses))
                && data.get("orphan") == Some(&Value::from(*orphan))
                && data.get("policies")
                    == Some(&serde_json::json!([if *root { "root" } else { "default" }]))
                && data.get("expire_time").is_some_and(Value::is_string) == *expires
        }),
        Expect::Seal { sealed, progress, .. } => {
            body.get("sealed") == Some(&Value::from(*sealed))
                && body.get("progress") == Some(&Value::from(*progress))
        }
        Expect::Term(term) => {
            data.and_then(|data| data.get("term")) == Some(&Value::from(*term))
                && body.get("term") == Some(&Value::from(*term))
        }
        Expect::Made(_) => {
            let text = body.get("auth").and_then(|auth| auth.get("client_token"));
            return text
                .and_then(Value::as_str)
                .map(|text| Some(text.to_owned()))
                .ok_or_else(wrong);
        }
    };
    if right { Ok(None) } else { Err(wrong()) }
}
