//! Mounts and the names of things: what a move, a tune or a spelling must not bring about.

use serde_json::{Value, json};
use strongroom_core::Config;
use strongroom_tests::single::Single;

/// A server and what is asked of it.
struct Server(Single);

impl Server {
    fn new(config: Config) -> Self {
        Self(Single::unsealed(config, 1))
    }

    fn ask_as(&mut self, token: &str, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, body) = self.0.ask(method, &format!("/v1/{target}"), Some(token), &body);
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn ask(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let root = self.0.root.clone();
        self.ask_as(&root, method, target, body)
    }

    fn status(&mut self, method: &str, target: &str, body: &Value) -> u16 {
        self.ask(method, target, body).0
    }

    /// A token that may do everything, but for what these rules say.
    fn token_but(&mut self, rules: &str, wishes: &Value) -> String {
        let all = r#"["create", "read", "update", "delete", "list", "scan", "sudo"]"#;
        let text = format!("path \"*\" {{ capabilities = {all} }}\n{rules}");
        let written = self.status("PUT", "sys/policies/acl/most", &json!({ "policy": text }));
        assert_eq!(written, 204, "{text}");
        let mut body = json!({ "policies": ["most"] });
        body.as_object_mut().unwrap().extend(wishes.as_object().unwrap().clone());
        let (_, made) = self.ask("POST", "auth/token/create", &body);
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }
}

#[test]
fn a_move_loses_nothing() {
    let mut server = Server::new(Config::default());
    server.ask("POST", "sys/namespaces/n", &json!({}));
    for (path, status) in [("prod", 204), ("other", 204)] {
        assert_eq!(
            server.status("POST", &format!("sys/mounts/{path}"), &json!({"type": "kv"})),
            status
        );
    }
    server.ask("PUT", "prod/x", &json!({"a": "b"}));
    // The name of a namespace alone, the mount's own place and below it, another mount, no clean path.
    let targets = ["n", "n/", "prod", "prod/below", "other", "a/../b", "./z", "a//b", "..", "/"];
    for to in targets {
        let (status, answer) =
            server.ask("POST", "sys/remount", &json!({"from": "prod", "to": to}));
        assert_eq!(status, 400, "{to}: {answer}");
        assert_eq!(server.ask("GET", "prod/x", &Value::Null).1["data"], json!({"a": "b"}), "{to}");
    }
    assert_eq!(
        server.status("POST", "sys/remount", &json!({"from": "/prod", "to": "n/deep/er"})),
        200
    );
    assert_eq!(server.ask("GET", "n/deep/er/x", &Value::Null).1["data"], json!({"a": "b"}));
    assert_eq!(server.status("GET", "prod/x", &Value::Null), 404);
    assert_eq!(server.status("POST", "sys/mounts/prod", &json!({"type": "kv"})), 204);
    assert_eq!(server.status("GET", "prod/x", &Value::Null), 404);
}

#[test]
fn the_first_mount_gives_way_while_nobody_has_used_it() {
    let enable = json!({"type": "kv", "options": {"version": "1"}});
    for target in ["sys/mounts/secret", "sys/mounts/secret/deep", "sys/namespaces/secret"] {
        let mut server = Server::new(Config::default());
        assert!(server.status("POST", target, &enable) < 300, "{target}");
        let mut server = Server::new(Config::default());
        server.ask("PUT", "secret/x", &json!({"a": "b"}));
        assert_eq!(server.status("POST", target, &enable), 400, "{target} over a secret");
        server.ask("DELETE", "secret/x", &Value::Null);
        server.ask("POST", "sys/mounts/secret/tune", &json!({"description": "ours"}));
        assert_eq!(server.status("POST", target, &enable), 400, "{target} over a tuned one");
        let mut server = Server::new(Config { keeps_first_mount: true, ..Config::default() });
        assert_eq!(server.status("POST", target, &enable), 400, "{target} where it stays");
    }
    // It does not give way to itself.
    for to in ["secret", "secret/below"] {
        let mut server = Server::new(Config::default());
        assert_eq!(server.status("POST", "sys/remount", &json!({"from": "secret", "to": to})), 400);
        assert_eq!(server.status("PUT", "secret/x", &json!({"a": "b"})), 204);
    }
}

#[test]
fn no_setting_takes_a_mount_out_of_reach() {
    let mut server = Server::new(Config::default());
    assert_eq!(server.status("POST", "sys/mounts/old", &json!({"type": "generic"})), 204);
    let version = json!({"options": {"version": "1"}});
    assert_eq!(server.status("POST", "sys/mounts/old/tune", &version), 400);
    assert_eq!(server.status("GET", "sys/mounts", &Value::Null), 200);
    assert_eq!(server.status("PUT", "old/x", &json!({"a": "b"})), 204);
    let negative = json!({"type": "kv", "config": {"default_lease_ttl": "-1h"}});
    assert_eq!(server.status("POST", "sys/mounts/negative", &negative), 400);
    // Secrets of version 1 could not be read in version 2.
    assert_eq!(server.status("PUT", "secret/x", &json!({"a": "b"})), 204);
    let upgrade = json!({"options": {"version": "2"}});
    assert_eq!(server.status("POST", "sys/mounts/secret/tune", &upgrade), 400);
    assert_eq!(server.status("GET", "secret/x", &Value::Null), 200);
}

#[test]
fn rules_see_the_name_that_the_handler_sees() {
    let mut server = Server::new(Config::default());
    let policy = json!({"policy": "path \"a\" { capabilities = [\"read\"] }"});
    server.ask("PUT", "sys/policies/acl/admin", &policy);
    server.ask("POST", "sys/namespaces/keep", &json!({}));
    server.ask("POST", "sys/mounts/prod", &json!({"type": "kv"}));
    let denied =
        ["sys/policies/acl/admin", "sys/policy/admin", "sys/namespaces/keep", "sys/mounts/prod"];
    let rules =
        denied.map(|path| format!("path \"{path}\" {{ capabilities = [\"deny\"] }}")).join("\n");
    let denied_parameter = r#"
path "auth/token/create" {
  capabilities = ["update", "sudo"]
  denied_parameters = { "policies" = ["admin"] }
}"#;
    let token = server.token_but(&(rules + denied_parameter), &json!({}));
    let spellings = [
        "sys/policies/acl/Admin",
        "sys/policies/acl/ADMIN",
        "sys/policies/acl/%20admin",
        "sys/policies/acl/admin%20",
        "sys/policies/acl/%2Fadmin",
        "sys/policies/acl/admin/",
        "sys/policy/Admin",
        "sys/namespaces/keep/",
        "sys/namespaces/%2Fkeep",
        "sys/mounts/prod/",
        "sys/mounts/prod%2F",
        "sys/mounts//prod",
    ];
    for target in spellings.into_iter().chain(denied) {
        for method in ["GET", "PUT", "DELETE"] {
            let (status, answer) = server.ask_as(&token, method, target, &policy);
            let is_refused = matches!(status, 301 | 307 | 400 | 403 | 404);
            assert!(is_refused, "{method} {target}: {status} {answer}");
        }
    }
    for policies in ["admin", "Admin", " ADMIN "] {
        let body = json!({"policies": [policies]});
        assert_eq!(server.ask_as(&token, "POST", "auth/token/create", &body).0, 403, "{policies}");
    }
    assert_eq!(server.ask("GET", "sys/policies/acl/admin", &Value::Null).1["data"]["version"], 1);
    assert_eq!(server.status("GET", "sys/namespaces/keep", &Value::Null), 200);
    assert_eq!(server.status("GET", "sys/mounts/prod", &Value::Null), 200);
}

#[test]
fn a_look_at_mounts_uses_no_token_up() {
    let mut server = Server::new(Config::default());
    server.ask("PUT", "secret/x", &json!({"a": "b"}));
    let token = server.token_but("", &json!({"num_uses": 1}));
    let preflight = "sys/internal/ui/mounts/secret/x";
    assert_eq!(server.ask_as(&token, "GET", preflight, &Value::Null).0, 200);
    assert_eq!(server.ask_as(&token, "GET", "sys/internal/ui/mounts", &Value::Null).0, 200);
    assert_eq!(server.ask_as(&token, "GET", "secret/x", &Value::Null).0, 200);
    assert_eq!(server.ask_as(&token, "GET", preflight, &Value::Null).0, 403);
}

#[test]
fn what_is_wrapped_outlives_the_lock_of_its_namespace() {
    let mut server = Server::new(Config::default());
    server.ask("POST", "sys/namespaces/n", &json!({}));
    let root = server.0.root.clone();
    let fields = [("x-vault-token", root.as_str()), ("x-vault-wrap-ttl", "1h")];
    let (_, body) = server.0.send("POST", "/v1/n/sys/wrapping/wrap", &fields, r#"{"a":"b"}"#);
    let wrapped: Value = serde_json::from_str(&body).unwrap();
    let token = wrapped["wrap_info"]["token"].as_str().unwrap().to_owned();
    let (_, locked) = server.ask("POST", "sys/namespaces/api-lock/lock/n", &Value::Null);
    assert_eq!(server.ask_as(&token, "POST", "sys/wrapping/unwrap", &Value::Null).0, 503);
    let key = json!({"unlock_key": locked["data"]["unlock_key"]});
    assert_eq!(server.status("POST", "sys/namespaces/api-lock/unlock/n", &key), 204);
    let (status, answer) = server.ask_as(&token, "POST", "sys/wrapping/unwrap", &Value::Null);
    assert_eq!((status, &answer["data"]), (200, &json!({"a": "b"})));
    assert_eq!(server.ask_as(&token, "POST", "sys/wrapping/unwrap", &Value::Null).0, 400);
}

#[test]
fn a_token_of_another_namespace_tells_nothing() {
    let mut server = Server::new(Config::default());
    server.ask("POST", "sys/namespaces/n", &json!({}));
    let policy = json!({"policy": "path \"*\" { capabilities = [\"update\", \"sudo\"] }"});
    server.ask("PUT", "n/sys/policies/acl/all", &policy);
    let (_, made) = server.ask("POST", "n/auth/token/create", &json!({"policies": ["all"]}));
    let member = made["auth"]["client_token"].as_str().unwrap().to_owned();
    let root = server.0.root.clone();
    for token in [root.as_str(), "s.nobody"] {
        let body = json!({"token": token, "paths": ["secret/x"]});
        let (status, answer) = server.ask_as(&member, "POST", "n/sys/capabilities", &body);
        let unknown = json!({"errors": ["1 error occurred:\n\t* invalid token\n\n"]});
        assert_eq!((status, answer), (400, unknown), "{token}");
    }
    let body = json!({"token": member, "paths": ["n/secret/x"]});
    let (_, answer) = server.ask("POST", "sys/capabilities", &body);
    assert_eq!(answer["data"]["capabilities"], json!(["sudo", "update"]));
}

#[test]
fn records_that_every_request_reads_have_a_bound() {
    let mut server = Server::new(Config::default());
    let long = "x".repeat(strongroom_core::limit::TOKEN_RECORD_BYTES_MAX);
    assert_eq!(server.status("POST", "auth/token/create", &json!({"display_name": long})), 400);
    assert_eq!(server.status("POST", "auth/token/create", &json!({"meta": {"a": long}})), 400);
    let settings = json!({"type": "kv", "description": long});
    assert_eq!(server.status("POST", "sys/mounts/long", &settings), 400);
    let comment = "#".repeat(strongroom_core::limit::POLICY_BYTES_MAX + 1);
    assert_eq!(server.status("PUT", "sys/policies/acl/long", &json!({"policy": comment})), 400);
    // Together they are refused for the token, which harms nobody else.
    let comment = "#".repeat(strongroom_core::limit::POLICY_BYTES_MAX - 1000);
    for name in ["a", "b", "c"] {
        let target = format!("sys/policies/acl/{name}");
        assert_eq!(server.status("PUT", &target, &json!({"policy": comment})), 204);
    }
    let (_, made) = server.ask("POST", "auth/token/create", &json!({"policies": ["a", "b", "c"]}));
    let token = made["auth"]["client_token"].as_str().unwrap().to_owned();
    assert_eq!(server.ask_as(&token, "GET", "secret/x", &Value::Null).0, 503);
    assert_eq!(server.status("GET", "secret/x", &Value::Null), 404);
}
