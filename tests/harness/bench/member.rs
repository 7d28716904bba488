//! A token that its policies bound, such as a login gives: five policies of twenty rules, one of which
//! decides about all secrets of the measurements.

use std::io;

use serde_json::{Value, json};

use super::peer::Peer;

/// Policies of the token, and rules of each.
const POLICIES: usize = 5;
const RULES: usize = 20;

/// Writes the policies, and makes the token; gives its text.
pub(super) fn create(peer: &mut Peer) -> io::Result<String> {
    let names: Vec<String> = (0..POLICIES).map(|number| format!("policy-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let body = json!({"policy": policy(number)}).to_string();
        peer.ask("PUT", &format!("sys/policies/acl/{name}"), &body)?.expect(204)?;
    }
    let body = json!({"policies": names}).to_string();
    let answer = peer.ask("POST", "auth/token/create-orphan", &body)?.expect(200)?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
    token.map(str::to_owned).ok_or_else(|| io::Error::other("no token was given"))
}

/// The text of a policy. Most rules are for paths that nobody asks for, some of them for names that all
/// teams have.
fn policy(number: usize) -> String {
    let rules = (0..RULES).map(|rule| {
        let (path, capabilities) = match (rule % 4, number + rule) {
            (0, 0) => ("secret/*".to_owned(), r#""read""#),
            (0, _) => (format!("secret/app-{number}-{rule}/*"), r#""create", "read", "update""#),
            (1, _) => (format!("secret/+/shared-{number}-{rule}/*"), r#""read""#),
            (2, _) => (format!("secret/app-{number}-{rule}"), r#""list""#),
            _ => (format!("engine-{number}/roles/{rule}"), r#""update""#),
        };
        format!("path \"{path}\" {{ capabilities = [{capabilities}] }}\n")
    });
    rules.collect()
}
