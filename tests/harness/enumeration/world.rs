//! What there is on a stage: something at every path that the table is asked for, in the root namespace and
//! in another, and the tokens of the callers.

use serde_json::{Value, json};
use strongroom_core::probe::{Access, Operation};

use super::stage::STORED;
use super::{CHILD, Caller, Endpoint, Verb};
use crate::single::Single;

/// All that a rule can allow.
const EVERYTHING: [&str; 8] =
    ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"];

/// The texts of tokens.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "they are those of the callers of these names")]
pub(super) struct Tokens {
    pub revoked: String,
    pub powerless: String,
    pub denied: String,
    pub exact: String,
    pub without_sudo: String,
    pub foreign: String,
    pub tenant: String,
}

impl Tokens {
    /// All of them.
    pub(super) fn all(&self) -> [&String; 7] {
        let Self { revoked, powerless, denied, exact, without_sudo, foreign, tenant } = self;
        [revoked, powerless, denied, exact, without_sudo, foreign, tenant]
    }
}

/// Fills a server that is new.
pub(super) fn furnish(server: &mut Single) -> Tokens {
    for (namespace, name) in [("", "a"), ("", "7"), ("", "c"), ("a/", "b"), (CHILD, "7")] {
        done(server, &format!("{namespace}sys/namespaces/{name}"), &json!({}));
    }
    done(server, &format!("{CHILD}sys/mounts/secret"), &json!({"type": "kv"}));
    for namespace in ["", CHILD] {
        let mut put =
            |path: &str, body: &Value| drop(done(server, &[namespace, path].concat(), body));
        put("sys/mounts/enumeration/7", &json!({"type": "kv"}));
        put("sys/auth/enumeration/7", &json!({"type": "userpass"}));
        put("sys/policies/acl/enumeration/7", &json!({"policy": "path \"x\" {}"}));
        let words = "length = 20\nrule \"charset\" { charset = \"abcde\" }";
        put("sys/policies/password/enumeration/7", &json!({"policy": words}));
        put("secret/enumeration/7", &json!({"value": STORED}));
    }
    done(server, "cubbyhole/enumeration/7", &json!({"value": STORED}));
    let revoked = create_token(server, "", "root");
    done(server, "auth/token/revoke", &json!({"token": revoked}));
    Tokens {
        revoked,
        powerless: create_token(server, "", "none"),
        denied: create_with_secret(server, Caller::Denied, "denied"),
        exact: create_with_secret(server, Caller::Exact, "exact"),
        without_sudo: create_with_secret(server, Caller::WithoutSudo, "without-sudo"),
        foreign: create_with_secret(server, Caller::Foreign, "everything"),
        tenant: create_with_secret(server, Caller::Tenant, "everything"),
    }
}

/// A token of one policy, which allows everything for now, with a secret in its cubbyhole.
fn create_with_secret(server: &mut Single, caller: Caller, policy: &str) -> String {
    let namespace = caller.namespace();
    write_policy(server, namespace, policy, &json!({"*": {"capabilities": EVERYTHING}}));
    let token = create_token(server, namespace, policy);
    let target = format!("/v1/{namespace}cubbyhole/enumeration/7");
    let body = json!({"value": STORED}).to_string();
    assert_eq!(server.ask("POST", &target, Some(&token), &body).0, 204, "{caller:?}");
    token
}

/// A token of one policy, and that alone.
fn create_token(server: &mut Single, namespace: &str, policy: &str) -> String {
    let body = json!({"policies": [policy], "no_default_policy": true});
    create(server, namespace, &body)
}

/// A token of one use that may do everything.
pub(super) fn create_limited(server: &mut Single) -> String {
    write_policy(server, "", "everything", &json!({"*": {"capabilities": EVERYTHING}}));
    let body = json!({"policies": ["everything"], "no_default_policy": true, "num_uses": 1});
    create(server, "", &body)
}

fn create(server: &mut Single, namespace: &str, body: &Value) -> String {
    let answer = done(server, &format!("{namespace}auth/token/create"), body);
    let text = answer.pointer("/auth/client_token").and_then(Value::as_str);
    text.expect("a token has a text").to_owned()
}

/// Writes the policies that speak of one path, from the root namespace.
pub(super) fn write_policies(server: &mut Single, path: &str, verb: Verb, endpoint: &Endpoint) {
    let rule = |capabilities: &[&str]| json!({ "capabilities": capabilities });
    let folder = path.trim_end_matches('/').to_owned() + "/";
    let denied = json!({"*": rule(&EVERYTHING), path: rule(&["deny"]), &folder: rule(&["deny"])});
    write_policy(server, "", "denied", &denied);
    // An endpoint of the HTTP layer is asked for one thing there, and for another as that of a mount.
    let operations: Vec<_> =
        [verb.operation_of(endpoint), verb.operation].into_iter().flatten().collect();
    let allowed = operations.iter().flat_map(|operation| capabilities(*operation, endpoint));
    let mut allowed: Vec<_> = allowed.copied().collect();
    let is_folder = operations.iter().all(|one| matches!(one, Operation::List | Operation::Scan));
    let path = if is_folder { folder.as_str() } else { path };
    write_policy(server, "", "without-sudo", &json!({path: rule(&allowed)}));
    let needs_sudo = |operation| endpoint.row.methods.contains(&(operation, Access::Sudo));
    if operations.into_iter().any(needs_sudo) {
        allowed.push("sudo");
    }
    write_policy(server, "", "exact", &json!({path: rule(&allowed)}));
}

/// What a rule must allow for an operation.
fn capabilities(operation: Operation, endpoint: &Endpoint) -> &'static [&'static str] {
    match operation {
        Operation::Update if endpoint.row.creates => &["create", "update"],
        Operation::Update => &["update"],
        Operation::Create => &["create"],
        Operation::Delete => &["delete"],
        Operation::List => &["list"],
        Operation::Patch => &["patch"],
        Operation::Read => &["read"],
        Operation::Scan => &["scan"],
        Operation::Header | Operation::Help | Operation::None => &[],
    }
}

fn write_policy(server: &mut Single, namespace: &str, name: &str, rules: &Value) {
    let document = json!({ "path": rules }).to_string();
    let target = format!("{namespace}sys/policies/acl/{name}");
    done(server, &target, &json!({ "policy": document }));
}

/// Writes something as root, which must be served; gives the answer.
fn done(server: &mut Single, path: &str, body: &Value) -> Value {
    let root = server.root.clone();
    let (status, answer) =
        server.ask("POST", &format!("/v1/{path}"), Some(&root), &body.to_string());
    assert!(status < 300, "POST {path}: {status} {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}
