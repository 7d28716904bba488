//! What policies say of the requests of clients, by the naive matcher.

use serde_json::Map;

use super::policy::{self, Policy, Rule};
use crate::op::Op;

/// What every token may do that has the policy `default` as the server has it.
const DEFAULT: [(&str, &[&str]); 5] = [
    ("auth/token/lookup-self", &["read"]),
    ("auth/token/renew-self", &["update"]),
    ("auth/token/revoke-self", &["update"]),
    ("sys/capabilities-self", &["update"]),
    ("cubbyhole/*", &["create", "read", "update", "delete", "list"]),
];

/// Whether that allows a request; `exists` is whether what it writes is there already.
pub(super) fn default_allows(op: &Op, exists: bool, now: u64) -> bool {
    let rules = DEFAULT.map(|(path, words)| Rule {
        path: path.to_owned(),
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        ..Rule::default()
    });
    let default = Policy { prefix: String::new(), rules: rules.to_vec() };
    let request = policy::Request {
        operation: op.operation(exists).to_owned(),
        path: op.path(),
        data: Map::new(),
        wrap_ttl: None,
    };
    policy::decide(&[default], &request, now / 1_000_000_000).is_some()
}
