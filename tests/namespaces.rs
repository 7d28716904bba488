//! Namespaces: how they are named, what they hold apart, how they are locked, and what is left of them.

use std::fmt::Write as _;

use serde_json::{Value, json};
use strongroom_core::{Config, Output, Read, RequestId, Rules, Step, Time, http, limit, prepare};
use strongroom_tests::single::Single;

const NO_SEAL: &str = r#""namespaces with a seal of their own are not available: leave out seal""#;

/// A server and what is asked of it by its root token.
struct Server(Single);

impl Server {
    fn new() -> Self {
        Self(Single::unsealed(Config::default(), 1))
    }

    /// The same by this token, in the namespace of this header; gives status and body.
    fn ask_in(
        &mut self,
        namespace: &str,
        token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> (u16, Value) {
        let fields = [("x-vault-token", token), ("x-vault-namespace", namespace)];
        let (status, body) = self.0.send(method, &format!("/v1/{target}"), &fields, body);
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    fn ask(&mut self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let root = self.0.root.clone();
        self.ask_in("", &root, method, target, body)
    }

    /// The same, which must be served; gives the body.
    fn done(
        &mut self,
        namespace: &str,
        token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Value {
        let (status, answer) = self.ask_in(namespace, token, method, target, body);
        assert!(status < 300, "{method} {target}: {status} {answer}");
        answer
    }

    /// Makes a namespace at a path; gives what is shown of it.
    fn make(&mut self, path: &str) -> Value {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let root = self.0.root.clone();
        let target = format!("sys/namespaces/{name}");
        self.done(above, &root, "POST", &target, "{}")["data"].take()
    }

    /// Makes a token of a namespace that may do everything in it.
    fn make_token(&mut self, namespace: &str) -> String {
        let root = self.0.root.clone();
        let policy = r#"path "*" { capabilities =
            ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }"#;
        let body = json!({ "policy": policy }).to_string();
        self.done(namespace, &root, "PUT", "sys/policies/acl/all", &body);
        let body = r#"{"policies":["all"]}"#;
        let answer = self.done(namespace, &root, "POST", "auth/token/create", body);
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }
}

/// The first error of an answer.
fn error(answer: &Value) -> &str {
    answer["errors"][0].as_str().unwrap_or("")
}

#[test]
fn finds_one_namespace_by_header_path_and_both() {
    let mut server = Server::new();
    server.make("a");
    server.make("a/b");
    let root = server.0.root.clone();
    assert_eq!(server.ask("POST", "a/b/sys/mounts/kv", r#"{"type":"kv"}"#).0, 204);
    assert_eq!(server.ask("PUT", "a/b/kv/x", r#"{"v":1}"#).0, 204);
    let found = [
        ("", "a/b/kv/x"),
        ("a", "b/kv/x"),
        ("/a/", "b/kv/x"),
        ("a/b", "kv/x"),
        ("/a//b/", "kv/x"),
        ("root", "a/b/kv/x"),
        ("/", "a/b/kv/x"),
    ];
    for (header, path) in found {
        let (status, answer) = server.ask_in(header, &root, "GET", path, "");
        assert_eq!((status, &answer["data"]["v"]), (200, &json!(1)), "{header} {path}");
    }
    let missed = [
        ("c", "kv/x", "namespace not found"),
        ("a/b/c", "kv/x", "namespace not found"),
        ("b", "kv/x", "namespace not found"),
        ("sys", "kv/x", "namespace not found"),
        ("a/b/kv", "x", "namespace not found"),
        ("", "a/kv/x", "no handler for route \"kv/x\". route entry not found."),
        ("", "c/kv/x", "no handler for route \"c/kv/x\". route entry not found."),
    ];
    for (header, path, want) in missed {
        let (status, answer) = server.ask_in(header, &root, "GET", path, "");
        assert_eq!((status, error(&answer)), (404, want), "{header} {path}");
    }
}

#[test]
fn takes_names_outside_of_ascii_by_header_and_path() {
    let mut server = Server::new();
    let root = server.0.root.clone();
    assert_eq!(server.ask("POST", "sys/namespaces/Stra%C3%9Fe", "{}").0, 200);
    assert_eq!(server.ask("POST", "Stra%C3%9Fe/sys/mounts/kv", r#"{"type":"kv"}"#).0, 204);
    assert_eq!(server.ask_in("Straße", &root, "PUT", "kv/x", r#"{"v":1}"#).0, 204);
    assert_eq!(server.ask("GET", "Stra%C3%9Fe/kv/x", "").0, 200);
}

/// A path through so many levels takes as many loads, the root being one; then come the token, the mount
/// and the secret.
#[test]
fn loads_once_for_each_level() {
    let mut server = Server::new();
    let mut path = String::new();
    let root = server.0.root.clone();
    let mut counts = Vec::new();
    for level in 0..6 {
        server.ask("POST", &format!("{path}sys/mounts/kv"), r#"{"type":"kv"}"#);
        server.ask("PUT", &format!("{path}kv/x"), r#"{"v":1}"#);
        server.0.restart(Config::default());
        server.0.unseal();
        let before = server.0.loads;
        assert_eq!(server.ask("GET", &format!("{path}kv/x"), "").0, 200);
        counts.push(server.0.loads - before);
        let name = format!("n{level}");
        server.ask_in(&path, &root, "POST", &format!("sys/namespaces/{name}"), "{}");
        write!(path, "{name}/").unwrap();
    }
    let first = counts[0];
    let want: Vec<u64> = (0..6).map(|level| first + level).collect();
    assert_eq!(counts, want);
}

#[test]
fn refuses_names_that_a_mount_has_or_lies_below() {
    let mut server = Server::new();
    for path in ["kv", "deep/er"] {
        assert_eq!(server.ask("POST", &format!("sys/mounts/{path}"), r#"{"type":"kv"}"#).0, 204);
    }
    for (name, path) in [("kv", "kv/"), ("deep", "deep/er/")] {
        let (status, answer) = server.ask("POST", &format!("sys/namespaces/{name}"), "{}");
        let want = format!("new namespace conflicts with existing mount: {path}");
        assert_eq!((status, error(&answer)), (400, want.as_str()));
    }
    server.make("de");
    // The other way round.
    for path in ["de", "de/ep"] {
        let (status, answer) =
            server.ask("POST", &format!("sys/mounts/{path}"), r#"{"type":"kv"}"#);
        assert_eq!((status, error(&answer)), (400, "existing mount at de/"), "{path}");
    }
}

/// The mount of a new server is there for those who ask for none. Nobody's secrets go with it.
#[test]
fn the_first_mount_gives_way_while_it_is_empty() {
    let mut server = Server::new();
    server.ask("PUT", "secret/a", r#"{"v":1}"#);
    assert_eq!(server.ask("POST", "sys/namespaces/secret", "{}").0, 400);
    server.ask("DELETE", "secret/a", "");
    server.make("secret");
    assert_eq!(server.ask("GET", "secret/a", "").0, 404);
    assert_eq!(server.ask("GET", "secret/sys/mounts", "").0, 200);
    assert_eq!(server.ask("DELETE", "sys/namespaces/secret", "").0, 200);
    let config = Config { keeps_first_mount: true, ..Config::default() };
    let mut server = Server(Single::unsealed(config, 1));
    assert_eq!(server.ask("POST", "sys/namespaces/secret", "{}").0, 400);
}

#[test]
fn bounds_the_levels_and_the_metadata() {
    let mut server = Server::new();
    let mut path = String::from("n");
    server.make(&path);
    for _ in 1..limit::NAMESPACE_DEPTH_MAX {
        path.push_str("/n");
        server.make(&path);
    }
    let root = server.0.root.clone();
    let (status, answer) = server.ask_in(&path, &root, "POST", "sys/namespaces/n", "{}");
    assert_eq!((status, error(&answer)), (400, "there are at most 32 levels of namespaces"));
    // The deepest one serves.
    assert_eq!(server.ask_in(&path, &root, "GET", "sys/mounts", "").0, 200);
    let too_deep = format!("{path}/n");
    assert_eq!(server.ask_in(&too_deep, &root, "GET", "sys/mounts", "").0, 404);
    for (bytes, want) in [(limit::NAMESPACE_METADATA_BYTES_MAX, 200), (65_537, 400)] {
        let body = json!({"custom_metadata": {"k": "v".repeat(bytes - 1)}}).to_string();
        assert_eq!(server.ask("POST", "sys/namespaces/m", &body).0, want, "{bytes}");
    }
}

#[test]
fn a_write_replaces_metadata_and_a_patch_merges_them() {
    let mut server = Server::new();
    let root = server.0.root.clone();
    let mut change = |method: &str, body: &str| {
        let kind = "application/merge-patch+json";
        let fields = [("x-vault-token", root.as_str()), ("content-type", kind)];
        let (status, body) = server.0.send(method, "/v1/sys/namespaces/a", &fields, body);
        let answer: Value = serde_json::from_str(&body).unwrap();
        let shown =
            if status == 200 { &answer["data"]["custom_metadata"] } else { &answer["errors"][0] };
        (status, shown.to_string())
    };
    let steps = [
        ("PATCH", "{}", 400, r#""namespace not found""#),
        ("POST", r#"{"custom_metadata":{"k":"v","l":"w"}}"#, 200, r#"{"k":"v","l":"w"}"#),
        ("PATCH", r#"{"custom_metadata":{"k":null,"m":"x"}}"#, 200, r#"{"l":"w","m":"x"}"#),
        ("PATCH", "{}", 200, r#"{"l":"w","m":"x"}"#),
        (
            "PATCH",
            r#"{"custom_metadata":{"l":null,"k":5}}"#,
            400,
            r#""metadata patch can only have string or null values, got json.Number""#,
        ),
        ("PATCH", r#"{"seal":"seal \"shamir\" {}"}"#, 400, NO_SEAL),
        ("POST", r#"{"seal":"seal \"shamir\" {}"}"#, 400, NO_SEAL),
        (
            "POST",
            r#"{"custom_metadata":"canary"}"#,
            400,
            r#""Field validation failed: error converting input for field \"custom_metadata\": '' expected a map, got 'string'""#,
        ),
        ("PATCH", "{}", 200, r#"{"l":"w","m":"x"}"#),
        ("PATCH", r#"{"custom_metadata":null}"#, 200, "{}"),
        ("POST", r#"{"custom_metadata":{"k":"v"},"seal":"","pgp_keys":[]}"#, 200, r#"{"k":"v"}"#),
        ("POST", "{}", 200, "{}"),
    ];
    for (method, body, status, shown) in steps {
        assert_eq!(change(method, body), (status, shown.to_owned()), "{method} {body}");
    }
}

/// Nobody is told that something is sealed which is not.
#[test]
fn refuses_seals_of_a_namespaces_own() {
    let mut server = Server::new();
    server.make("a");
    let cases = [
        ("POST", "a/seal", 400, "namespace is not sealable"),
        ("POST", "a/unseal", 400, "namespace is not sealable"),
        ("GET", "a/seal-status", 400, "namespace is not sealable"),
        ("DELETE", "a/delete-sealed", 400, "namespace is not sealed"),
        ("POST", "b/seal", 400, "namespace doesn't exist"),
        ("GET", "b/seal-status", 500, "1 error occurred:\n\t* namespace \"b/\" doesn't exist\n\n"),
        ("POST", "a/b/seal", 400, "namespace name cannot contain /"),
    ];
    for (method, path, status, want) in cases {
        let answer = server.ask(method, &format!("sys/namespaces/{path}"), "");
        assert_eq!((answer.0, error(&answer.1)), (status, want), "{method} {path}");
    }
    let (status, answer) = server.ask("DELETE", "sys/namespaces/b/delete-sealed", "");
    assert_eq!(
        (status, &answer["warnings"][0]),
        (200, &json!("requested namespace does not exist"))
    );
    assert_eq!(server.ask("GET", "a/sys/mounts", "").0, 200);
}

#[test]
fn a_token_is_good_in_its_namespace_and_below() {
    let mut server = Server::new();
    for path in ["a", "a/b", "c"] {
        server.make(path);
    }
    let token = server.make_token("a");
    let id = server.ask("GET", "sys/namespaces/a", "").1["data"]["id"].as_str().unwrap().to_owned();
    assert!(token.ends_with(&format!(".{id}")), "{token} {id}");
    for (namespace, want) in [("", 403), ("a", 200), ("a/b", 200), ("c", 403)] {
        let (status, _) = server.ask_in(namespace, &token, "GET", "sys/mounts", "");
        assert_eq!(status, want, "{namespace}");
        // Wherever it asks, it is shown where it belongs.
        let (status, answer) =
            server.ask_in(namespace, &token, "GET", "auth/token/lookup-self", "");
        assert_eq!((status, &answer["data"]["namespace_path"]), (200, &json!("a/")), "{namespace}");
    }
    let (_, answer) = server.ask_in("a", &token, "GET", "sys/internal/ui/namespaces", "");
    assert_eq!(answer["data"], json!({"keys": ["b/"]}));
    let (_, answer) = server.ask_in("", &token, "GET", "sys/internal/ui/namespaces", "");
    assert_eq!(answer["data"], json!({"keys": ["a/"]}));
    let (status, answer) = server.ask_in("a", "", "GET", "sys/internal/ui/namespaces", "");
    assert_eq!((status, error(&answer)), (500, "client token empty"));
    assert_eq!(server.ask_in("a", "s.nobody", "GET", "sys/internal/ui/namespaces", "").0, 403);
}

#[test]
fn a_lock_holds_everything_below_until_it_is_opened() {
    let mut server = Server::new();
    for path in ["a", "a/b", "a/b/c"] {
        server.make(path);
    }
    let token = server.make_token("a/b");
    let (_, answer) = server.ask("POST", "sys/namespaces/api-lock/lock/a/b", "");
    let inner = answer["data"]["unlock_key"].as_str().unwrap().to_owned();
    assert_eq!(inner.len(), 24);
    let (_, answer) = server.ask("POST", "a/sys/namespaces/api-lock/lock", "");
    let outer = answer["data"]["unlock_key"].as_str().unwrap().to_owned();
    for (namespace, locked) in [("a", "a/"), ("a/b", "a/"), ("a/b/c", "a/")] {
        let (status, answer) = server.ask_in(namespace, &token, "GET", "sys/mounts", "");
        assert_eq!(status, 503, "{namespace}");
        assert!(error(&answer).contains(&format!("\"{locked}\"")), "{answer}");
    }
    // Its tokens reach nothing of their own from outside either.
    assert_eq!(server.ask_in("", &token, "GET", "auth/token/lookup-self", "").0, 503);
    let unlock = |key: &str| json!({ "unlock_key": key }).to_string();
    let target = "sys/namespaces/api-lock/unlock";
    let mut refused = |path: &str, key: &str, want: &str| {
        let (status, answer) = server.ask("POST", &format!("{target}{path}"), &unlock(key));
        assert_eq!((status, error(&answer)), (400, want));
    };
    refused("/a/b", &inner, "cannot unlock \"a/b/\" with namespace \"a/\" being locked");
    refused("/a", &inner, "incorrect unlock key");
    refused("/a", &outer.to_lowercase(), "incorrect unlock key");
    refused("/a/none", &outer, "requested namespace does not exist");
    refused("", &outer, "root namespace cannot be locked/unlocked");
    assert_eq!(server.ask("POST", &format!("a/{target}"), &unlock(&outer)).0, 204);
    assert_eq!(server.ask("GET", "a/sys/mounts", "").0, 200);
    // The inner lock is where it was, after a restart too.
    server.0.restart(Config::default());
    server.0.unseal();
    assert_eq!(server.ask("GET", "a/b/c/sys/mounts", "").0, 503);
    // Who may everything in the namespace of the request needs no key; others do.
    let (status, answer) = server.ask_in("a/b", &token, "POST", target, "{}");
    assert_eq!(
        (status, &answer["warnings"][0]),
        (200, &json!("Namespace unlocked using sudo capabilities"))
    );
    assert_eq!(server.ask("GET", "a/b/c/sys/mounts", "").0, 200);
    // What is stored is no key.
    assert!(server.0.store.records().values().all(|record| {
        !record.windows(24).any(|window| window == outer.as_bytes() || window == inner.as_bytes())
    }));
}

/// Without the key it takes `sudo`, on the very path.
#[test]
fn only_sudo_unlocks_without_the_key() {
    let mut server = Server::new();
    server.make("a");
    let root = server.0.root.clone();
    for (name, more) in [("plain", ""), ("mighty", ", \"sudo\"")] {
        let rules = format!("path \"sys/namespaces/*\" {{ capabilities = [\"update\"{more}] }}");
        let body = json!({ "policy": rules }).to_string();
        server.done("", &root, "PUT", &format!("sys/policies/acl/{name}"), &body);
        let body = json!({ "policies": [name], "id": name }).to_string();
        server.done("", &root, "POST", "auth/token/create", &body);
    }
    let answer = server.done("", &root, "POST", "sys/namespaces/api-lock/lock/a", "");
    let key = answer["data"]["unlock_key"].as_str().unwrap();
    let target = "sys/namespaces/api-lock/unlock/a";
    let (status, answer) = server.ask_in("", "plain", "POST", target, "{}");
    let want = "1 error occurred:\n\t* provided empty key\n\n";
    assert_eq!((status, error(&answer)), (500, want));
    let body = json!({ "unlock_key": key }).to_string();
    assert_eq!(server.ask_in("", "plain", "POST", target, &body).0, 204);
    server.done("", &root, "POST", "sys/namespaces/api-lock/lock/a", "");
    assert_eq!(server.ask_in("", "mighty", "POST", target, "{}").0, 200);
}

/// A long list comes from a task, and says the same as short ones.
#[test]
fn lists_three_hundred_by_a_task() {
    let mut server = Server::new();
    assert_eq!(server.ask("SCAN", "sys/namespaces", "").1["data"], json!({}));
    assert_eq!(server.ask("LIST", "sys/namespaces", "").0, 404);
    server.make("a");
    server.make("a/b");
    let (_, answer) = server.ask("SCAN", "sys/namespaces", "");
    assert_eq!(answer["data"]["keys"], json!(["a/", "a/b/"]));
    assert_eq!(server.0.tasks, 0);
    let mut names: Vec<String> = (0..300).map(|number| format!("n{number}")).collect();
    names.iter().for_each(|name| drop(server.make(&format!("a/{name}"))));
    names.push("b".to_owned());
    names.sort();
    let names: Vec<String> = names.into_iter().map(|name| name + "/").collect();
    for (method, tasks) in [("LIST", 1), ("SCAN", 2)] {
        let (status, answer) = server.ask(method, "a/sys/namespaces", "");
        assert_eq!(status, 200);
        assert_eq!(answer["data"]["keys"], json!(names), "{method}");
        assert_eq!(server.0.tasks, tasks);
        for name in &names {
            assert_eq!(answer["data"]["key_info"][name]["path"], json!(format!("a/{name}")));
        }
    }
    assert_eq!(server.ask("LIST", "sys/namespaces", "").1["data"]["keys"], json!(["a/"]));
    assert_eq!(server.0.tasks, 2, "what is below is not read");
    let (_, answer) = server.ask("GET", "a/sys/internal/ui/namespaces", "");
    assert_eq!(answer["data"]["keys"], json!(names));
}

/// Tokens end in the id of their namespace, so no two have the same. It takes luck to draw one twice;
/// here requests draw from the same random bytes.
#[test]
fn gives_no_id_twice_while_it_is_in_use() {
    let mut server = Server::new();
    server.0.seed = Some([7; 32]);
    let [first, second] = ["a", "b"].map(|name| server.make(name));
    assert_eq!(first["uuid"], second["uuid"], "they draw the same");
    assert_ne!(first["id"], second["id"]);
    for shown in [&first, &second] {
        let id = shown["id"].as_str().unwrap();
        assert!(id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
    // It is free when its namespace has gone.
    assert_eq!(server.ask("DELETE", "sys/namespaces/b", "").0, 200);
    assert_eq!(server.make("b")["id"], second["id"]);
}

/// Fills a namespace with whatever can be in one; gives its token.
fn fill(server: &mut Server, namespace: &str) -> String {
    let token = server.make_token(namespace);
    let token = token.as_str();
    for mount in ["kv", "deep/kv"] {
        let target = format!("sys/mounts/{mount}");
        server.done(namespace, token, "POST", &target, r#"{"type":"kv"}"#);
    }
    server.done(namespace, token, "POST", "sys/auth/people", r#"{"type":"userpass"}"#);
    let tuned = r#"{"description":"tuned"}"#;
    server.done(namespace, token, "POST", "sys/auth/token/tune", tuned);
    for number in 0..150 {
        let target = format!("kv/f{}/{number}", number % 7);
        server.done(namespace, token, "PUT", &target, r#"{"v":1}"#);
        server.done(namespace, token, "PUT", &format!("deep/kv/{number}"), r#"{"v":1}"#);
    }
    let policy = r#"{"policy":"length = 20\nrule \"charset\" { charset = \"abcde\" }"}"#;
    server.done(namespace, token, "PUT", "sys/policies/password/words", policy);
    for _ in 0..30 {
        let made = r#"{"ttl":"1h"}"#;
        let answer = server.done(namespace, token, "POST", "auth/token/create", made);
        let child = answer["auth"]["client_token"].as_str().unwrap();
        server.done(namespace, child, "PUT", "cubbyhole/x/y", r#"{"v":1}"#);
    }
    token.to_owned()
}

#[test]
fn leaves_no_record_of_a_deleted_namespace() {
    for crashes in [false, true] {
        let mut server = Server::new();
        let before = server.0.store.records().len();
        server.make("a");
        let token = fill(&mut server, "a");
        assert!(server.0.store.records().len() > before + 500);
        server.0.holds_background = crashes;
        let (status, answer) = server.ask("DELETE", "sys/namespaces/a", "");
        assert_eq!((status, &answer["data"]["status"]), (200, &json!("in-progress")));
        // Nothing of it answers from then on, whatever is still there.
        assert_eq!(server.ask("GET", "sys/namespaces/a", "").0, 404);
        assert_eq!(server.ask("GET", "a/kv/f1/1", "").0, 404);
        assert_eq!(server.ask_in("a", &token, "GET", "kv/f1/1", "").0, 404);
        assert_eq!(server.ask_in("", &token, "GET", "auth/token/lookup-self", "").0, 403);
        let (status, answer) = server.ask("DELETE", "sys/namespaces/a", "");
        let warning = json!("requested namespace does not exist");
        assert_eq!((status, &answer["warnings"][0]), (200, &warning));
        if crashes {
            assert!(server.0.store.records().len() > before + 500);
            server.0.holds_background = false;
            server.0.restart(Config::default());
            server.0.unseal();
        }
        assert_eq!(server.0.store.records().len(), before, "crashes: {crashes}");
        assert_eq!(server.ask("GET", "secret/a", "").0, 404, "the server goes on");
    }
}

/// A namespace of the same name is another one: nothing of the first is in it, and no token of the first
/// opens it, while the first is still being taken away.
#[test]
fn a_namespace_with_the_name_of_a_deleted_one_is_empty() {
    let mut server = Server::new();
    let first = server.make("a");
    let token = fill(&mut server, "a");
    server.0.holds_background = true;
    assert_eq!(server.ask("DELETE", "sys/namespaces/a", "").0, 200);
    let second = server.make("a");
    assert_ne!((&first["id"], &first["uuid"]), (&second["id"], &second["uuid"]));
    assert_eq!(server.ask_in("a", &token, "GET", "sys/mounts", "").0, 403);
    assert_eq!(server.ask("POST", "a/sys/mounts/kv", r#"{"type":"kv"}"#).0, 204);
    assert_eq!(server.ask("LIST", "a/kv", "").0, 404);
    assert_eq!(server.ask("PUT", "a/kv/x", r#"{"v":1}"#).0, 204);
    server.0.holds_background = false;
    server.0.restart(Config::default());
    server.0.unseal();
    assert_eq!(server.ask("GET", "a/kv/x", "").1["data"]["v"], 1);
}

#[test]
fn keeps_a_namespace_that_has_others_inside() {
    let mut server = Server::new();
    server.make("a");
    server.make("a/b");
    let (status, answer) = server.ask("DELETE", "sys/namespaces/a", "");
    let want = "unable to delete namespace containing child namespaces";
    assert_eq!((status, error(&answer)), (400, want));
    assert_eq!(server.ask("DELETE", "a/sys/namespaces/b", "").0, 200);
    assert_eq!(server.ask("DELETE", "sys/namespaces/a", "").0, 200);
}

/// A request that waits when its namespace goes is authorised again, and finds nothing.
#[test]
fn a_request_that_waits_does_not_outlive_its_namespace() {
    let mut server = Server::new();
    server.make("a");
    let token = server.make_token("a");
    server.ask("POST", "a/sys/mounts/kv", r#"{"type":"kv"}"#);
    server.ask("PUT", "a/kv/secret", r#"{"v":1}"#);
    let step = Step { now: Time::from_unix_nanos(1_700_000_100_000_000_000), seed: [1; 32] };
    let waiting = RequestId(1 << 40);
    let fields = [("x-vault-token", token.as_str()), ("x-vault-namespace", "a")];
    let request = http::Request::new("SCAN", "/v1/kv", &fields, b"").unwrap();
    let call = prepare(&request, &Rules::default()).ok().unwrap();
    server.0.vault.handle_request(&step, waiting, call);
    let mut task = None;
    while let Some(output) = server.0.vault.poll_output() {
        if let Output::Load(id, keys) = output {
            let loaded = server.0.store.read(&keys);
            server.0.vault.handle_loaded(&step, id, loaded);
        } else if let Output::Range(id, found) = output {
            task = Some((id, found));
        } else {
            unreachable!("a scan waits for its task alone");
        }
    }
    let (id, task) = task.expect("a scan is a task");
    let finding = task.run(&server.0.store, &|| true);
    assert_eq!(server.ask("DELETE", "sys/namespaces/a", "").0, 200);
    server.0.vault.handle_range(&step, id, finding);
    let mut outputs = std::iter::from_fn(|| server.0.vault.poll_output());
    let answer = outputs.find_map(|output| match output {
        Output::Respond(id, response) => (id == waiting).then_some(response),
        Output::Load(..)
        | Output::Persist(_)
        | Output::Audit(..)
        | Output::Run(..)
        | Output::Range(..) => None,
    });
    let answer = answer.expect("it is answered");
    assert_eq!(answer.status().as_u16(), 404);
    assert!(!String::from_utf8_lossy(answer.body()).contains("secret"));
}
