//! What policies, mounts and namespaces keep apart: names that fold to others, handles of other
//! namespaces, and what had a name before.

use serde_json::{Value, json};
use strongroom_core::Config;
use strongroom_tests::single::Single;

const EVERYTHING: &str = r#"path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }"#;

/// A server and what is asked of it.
struct Server {
    single: Single,
    root: String,
}

impl Server {
    fn new() -> Self {
        let single = Single::unsealed(Config::default(), 1);
        let root = single.root.clone();
        Self { single, root }
    }

    /// Asks with a token; gives status and body.
    fn ask_as(&mut self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.single.ask(method, &format!("/v1/{path}"), Some(token), &body);
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    /// Asks as root.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let root = self.root.clone();
        self.ask_as(&root, method, path, body)
    }

    /// Writes as root, which must be served; gives the answer.
    fn write(&mut self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", path, body);
        assert!(status < 300, "POST {path}: {status} {answer}");
        answer
    }

    /// A token with a policy of this text, in a namespace: empty for the root, or with a slash at its end.
    fn token(&mut self, namespace: &str, policy: &str) -> Value {
        self.write(&format!("{namespace}sys/policies/acl/own"), &json!({ "policy": policy }));
        let body = json!({"policies": ["own"], "no_default_policy": true});
        self.write(&format!("{namespace}auth/token/create"), &body)["auth"].take()
    }

    /// Two namespaces that are not within each other, each with a token that may do everything there.
    fn with_tenants() -> (Self, [Value; 2]) {
        let mut server = Self::new();
        server.write("sys/namespaces/a", &json!({}));
        server.write("sys/namespaces/c", &json!({}));
        let tenants = ["a/", "c/"].map(|namespace| server.token(namespace, EVERYTHING));
        (server, tenants)
    }
}

fn text_of(token: &Value) -> &str {
    token["client_token"].as_str().expect("a token has a text")
}

// --- Names that fold to others ------------------------------------------------------------------

#[test]
fn makes_no_root_token_by_another_spelling_of_root() {
    let mut server = Server::new();
    let token = server.token("", EVERYTHING);
    let spellings = [
        " root",
        "root ",
        "Root",
        "ROOT ",
        " rOOt",
        "\troot",
        "root\n",
        "\u{a0}root",
        "\u{2003}ROOT",
    ];
    for name in spellings {
        for body in [json!({"policies": [name]}), json!({"policies": ["own", name]})] {
            for path in ["auth/token/create", "auth/token/create-orphan"] {
                let (status, answer) = server.ask_as(text_of(&token), "POST", path, &body);
                assert_eq!(status, 400, "{name:?} {answer}");
            }
        }
    }
    // Nothing else that looks like it is the name.
    for name in ["ro\u{f6}t", "root/", "r\u{3bf}\u{3bf}t", "root\u{301}"] {
        let body = json!({"policies": [name], "no_default_policy": true});
        let (_, answer) = server.ask_as(text_of(&token), "POST", "auth/token/create", &body);
        let child = text_of(&answer["auth"]).to_owned();
        assert_eq!(server.ask_as(&child, "GET", "sys/mounts", &Value::Null).0, 403, "{name:?}");
    }
}

#[test]
fn writes_no_policy_that_is_the_servers_own_by_another_spelling() {
    let mut server = Server::new();
    for name in ["root", "ROOT", "%20Root", "rOOt%20", "Response-Wrapping", "%20response-wrapping"]
    {
        for path in ["sys/policies/acl", "sys/policy"] {
            let body = json!({ "policy": EVERYTHING });
            let (status, answer) = server.ask("POST", &format!("{path}/{name}"), &body);
            assert_eq!(status, 400, "{path}/{name} {answer}");
            let (status, answer) = server.ask("DELETE", &format!("{path}/{name}"), &Value::Null);
            assert_eq!(status, 400, "{path}/{name} {answer}");
        }
    }
}

/// Who denies a name by its normal form denies every spelling that the endpoint takes for it.
#[test]
fn denies_every_spelling_of_a_name_that_is_denied() {
    let mut server = Server::new();
    let denied = [
        "sys/policies/acl/closed",
        "sys/policies/detailed/acl/closed",
        "sys/policy/closed",
        "sys/namespaces/closed",
        "sys/namespaces/closed/seal-status",
        "sys/namespaces/api-lock/lock/closed",
        "sys/mounts/engine",
        "sys/mounts/engine/tune",
        "sys/auth/method",
        "sys/auth/method/tune",
    ];
    server.write("sys/policies/acl/closed", &json!({ "policy": EVERYTHING }));
    server.write("sys/namespaces/closed", &json!({}));
    server.write("sys/mounts/engine", &json!({"type": "kv"}));
    server.write("sys/auth/method", &json!({"type": "userpass"}));
    let rules = denied.map(|path| format!("path \"{path}\" {{ capabilities = [\"deny\"] }}"));
    let token = server.token("", &format!("{EVERYTHING}\n{}", rules.join("\n")));
    let spelled = [
        ("GET", "sys/policies/acl/CLOSED"),
        ("GET", "sys/policies/acl/%20closed"),
        ("DELETE", "sys/policies/acl/Closed%20"),
        ("PATCH", "sys/policies/acl/Closed"),
        ("LIST", "sys/policies/detailed/acl/CLOSED"),
        ("GET", "sys/policy/cLosed"),
        ("DELETE", "sys/policy/cLosed"),
        ("GET", "sys/namespaces/closed/"),
        ("DELETE", "sys/namespaces/closed/"),
        ("GET", "sys/namespaces/%2Fclosed"),
        ("GET", "sys/namespaces/closed%2F/seal-status"),
        ("POST", "sys/namespaces/api-lock/lock/%2Fclosed"),
        ("GET", "sys/mounts/engine/"),
        ("DELETE", "sys/mounts/engine/"),
        ("GET", "sys/mounts/engine%2F/tune"),
        ("GET", "sys/auth/method/"),
        ("DELETE", "sys/auth/method/"),
        ("GET", "sys/auth/method%2F/tune"),
    ];
    for (method, path) in spelled {
        let fields =
            [("x-vault-token", text_of(&token)), ("content-type", "application/merge-patch+json")];
        let (status, answer) = server.single.send(method, &format!("/v1/{path}"), &fields, "");
        assert_eq!(status, 403, "{method} {path}: {answer}");
    }
}

// --- Rules --------------------------------------------------------------------------------------

/// A list names a folder with its slash or without, and so may a rule: the more exact denial decides.
#[test]
fn lists_no_folder_that_a_more_exact_rule_denies() {
    let mut server = Server::new();
    server.write("secret/folder/inner/name", &json!({"v": 1}));
    for denied in
        ["secret/folder", "secret/folder/", "secret/folder/*", "secret/+/", "secret/fold*"]
    {
        for allowed in ["*", "secret/*", "sec*"] {
            let policy = format!(
                "path \"{allowed}\" {{ capabilities = [\"list\", \"scan\", \"read\"] }}
                 path \"{denied}\" {{ capabilities = [\"deny\"] }}"
            );
            let token = server.token("", &policy);
            for path in ["secret/folder", "secret/folder/"] {
                for (method, query) in
                    [("LIST", ""), ("SCAN", ""), ("GET", "?list=true"), ("GET", "?scan=true")]
                {
                    let target = format!("{path}{query}");
                    let (status, _) = server.ask_as(text_of(&token), method, &target, &Value::Null);
                    assert_eq!(status, 403, "{method} {target}: {allowed} {denied}");
                }
            }
            let (status, _) = server.ask_as(text_of(&token), "LIST", "secret", &Value::Null);
            assert_eq!(status, 200, "{allowed} {denied}");
        }
    }
}

/// Nobody has an identity yet, so a template names nothing: neither a value, nor itself.
#[test]
fn grants_nothing_by_a_template_that_cannot_be_filled_in() {
    let mut server = Server::new();
    let policy = r#"
        path "secret/{{identity.entity.name}}/*" { capabilities = ["read", "list", "update", "create"] }
        path "secret/{{identity.groups.names.*.id}}*" { capabilities = ["read", "list"] }
        path "secret/open" { capabilities = ["create"] }"#;
    let token = server.token("", policy);
    let paths = [
        "secret/x",
        "secret//x",
        "secret/%2Fx",
        "secret/%7B%7Bidentity.entity.name%7D%7D/x",
        "secret/*/x",
        "secret/+/x",
    ];
    for path in paths {
        let (status, _) = server.ask_as(text_of(&token), "POST", path, &json!({"v": 1}));
        assert!(matches!(status, 403 | 307), "{status} {path}");
    }
    let (status, _) = server.ask_as(text_of(&token), "POST", "secret/open", &json!({"v": 1}));
    assert_eq!(status, 204);
}

#[test]
fn refuses_a_limit_of_names_that_is_negative_or_beyond_that_of_the_rule() {
    let mut server = Server::new();
    server.write("secret/folder/name", &json!({"v": 1}));
    let policy = r#"path "secret/folder/" { capabilities = ["list"] pagination_limit = 2 }"#;
    let token = server.token("", policy);
    let cases =
        [("1", 200), ("2", 200), ("3", 403), ("-1", 403), ("-2", 403), ("", 403), ("x", 403)];
    for (limit, want) in cases {
        let target = format!("secret/folder?limit={limit}");
        let (status, _) = server.ask_as(text_of(&token), "LIST", &target, &Value::Null);
        assert_eq!(status, want, "{limit}");
    }
}

// --- Handles of another namespace -----------------------------------------------------------------

#[test]
fn finds_no_token_of_another_namespace_by_its_text_or_accessor() {
    let (mut server, [one, other]) = Server::with_tenants();
    let (text, accessor) = (one["client_token"].clone(), one["accessor"].clone());
    let asked = [
        ("auth/token/lookup", json!({"token": text})),
        ("sys/capabilities", json!({"token": text, "paths": ["x"]})),
        ("sys/capabilities-accessor", json!({"accessor": accessor, "paths": ["x"]})),
        ("auth/token/revoke", json!({"token": text})),
    ];
    for (path, body) in &asked {
        for form in [format!("c/{path}"), format!("a/{path}"), (*path).to_owned()] {
            let (status, answer) = server.ask_as(text_of(&other), "POST", &form, body);
            let shown = answer.to_string();
            assert!(
                matches!(status, 400 | 403 | 404) || shown.contains("[\"deny\"]"),
                "{form}: {shown}"
            );
            assert!(!shown.contains(text_of(&one)), "{form}: {shown}");
        }
    }
    // It is alive, and who is above finds it.
    assert_eq!(server.ask_as(text_of(&one), "GET", "a/sys/mounts", &Value::Null).0, 200);
    for (path, body) in &asked {
        assert!(server.ask("POST", &format!("a/{path}"), body).0 < 300, "{path}");
    }
    assert_eq!(server.ask_as(text_of(&one), "GET", "a/sys/mounts", &Value::Null).0, 403);
}

#[test]
fn unwraps_no_answer_of_another_namespace() {
    let (mut server, [one, other]) = Server::with_tenants();
    let fields = [("x-vault-token", text_of(&one)), ("x-vault-wrap-ttl", "60")];
    let body = json!({"v": "wrapped"}).to_string();
    let (_, answer) = server.single.send("POST", "/v1/a/sys/wrapping/wrap", &fields, &body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let body = json!({"token": answer["wrap_info"]["token"]});
    for path in ["unwrap", "rewrap"] {
        for form in ["c/", "a/", ""] {
            let target = format!("{form}sys/wrapping/{path}");
            let (status, answer) = server.ask_as(text_of(&other), "POST", &target, &body);
            assert_eq!(status, 403, "{target}: {answer}");
        }
    }
    // It was not used up.
    let (status, answer) = server.ask_as(text_of(&one), "POST", "a/sys/wrapping/unwrap", &body);
    assert_eq!((status, &answer["data"]["v"]), (200, &json!("wrapped")));
}

// --- What had a name before ------------------------------------------------------------------------

/// A mount at the path of one that was taken away is another: while the former one is still being taken
/// away, after a restart, and when that is done.
#[test]
fn a_mount_at_the_path_of_a_former_one_is_empty() {
    let mut server = Server::new();
    let kv = json!({"type": "kv"});
    server.write("sys/mounts/kv", &kv);
    for number in 0..40 {
        server.write(&format!("kv/folder{}/{number}", number % 3), &json!({"v": "former"}));
    }
    let former = server.ask("GET", "sys/mounts/kv", &Value::Null).1["data"].take();
    server.single.holds_background = true;
    assert_eq!(server.ask("DELETE", "sys/mounts/kv", &Value::Null).0, 204);
    server.write("sys/mounts/kv", &kv);
    let check = |server: &mut Server| {
        let now = server.ask("GET", "sys/mounts/kv", &Value::Null).1["data"].take();
        assert_ne!((&now["uuid"], &now["accessor"]), (&former["uuid"], &former["accessor"]));
        assert_eq!(server.ask("LIST", "kv", &Value::Null).0, 404);
        assert_eq!(server.ask("SCAN", "kv", &Value::Null).1["data"], json!({}));
        for number in 0..40 {
            let path = format!("kv/folder{}/{number}", number % 3);
            assert_eq!(server.ask("GET", &path, &Value::Null).0, 404, "{path}");
        }
    };
    check(&mut server);
    server.single.restart(Config::default());
    server.single.unseal();
    check(&mut server);
    server.write("kv/new", &json!({"v": "new"}));
    server.single.holds_background = false;
    server.single.restart(Config::default());
    server.single.unseal();
    assert_eq!(server.ask("GET", "kv/new", &Value::Null).1["data"]["v"], "new");
    assert_eq!(server.ask("LIST", "kv", &Value::Null).1["data"]["keys"], json!(["new"]));
}

/// Neither the policies of a former namespace, nor its token's rights by their names.
#[test]
fn a_namespace_with_a_former_name_has_none_of_its_policies() {
    let (mut server, [one, _]) = Server::with_tenants();
    server.single.holds_background = true;
    assert_eq!(server.ask("DELETE", "sys/namespaces/a", &Value::Null).0, 200);
    server.write("sys/namespaces/a", &json!({}));
    assert_eq!(server.ask("GET", "a/sys/policies/acl/own", &Value::Null).0, 404);
    // A policy of the same name does not revive the token.
    let second = server.token("a/", EVERYTHING);
    assert_eq!(server.ask_as(text_of(&one), "GET", "a/sys/mounts", &Value::Null).0, 403);
    assert_eq!(server.ask_as(text_of(&second), "GET", "a/sys/mounts", &Value::Null).0, 200);
    let body = json!({"accessor": one["accessor"], "paths": ["x"]});
    assert_eq!(server.ask("POST", "a/sys/capabilities-accessor", &body).0, 400);
}

#[test]
fn a_token_of_a_policy_that_was_taken_away_can_do_nothing() {
    let mut server = Server::new();
    let token = server.token("", EVERYTHING);
    assert_eq!(server.ask_as(text_of(&token), "GET", "sys/mounts", &Value::Null).0, 200);
    assert_eq!(server.ask("DELETE", "sys/policies/acl/own", &Value::Null).0, 204);
    assert_eq!(server.ask_as(text_of(&token), "GET", "sys/mounts", &Value::Null).0, 403);
}
