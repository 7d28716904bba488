//! Password policies through a whole server: their names, and what becomes of them.

use serde_json::{Value, json};
use strongroom_core::Config;
use strongroom_tests::single::Single;

const DIGITS: &str = "length = 12\nrule \"charset\" { charset = \"0123456789\" }";

struct Server {
    server: Single,
    root: String,
}

impl Server {
    fn start() -> Self {
        let server = Single::unsealed(Config::default(), 1);
        let root = server.root.clone();
        Self { server, root }
    }

    /// Status, and the `data` or the errors of the answer.
    fn ask(&mut self, method: &str, name: &str, body: &str) -> (u16, Value) {
        let target = format!("/v1/sys/policies/password{name}");
        let (status, answer) = self.server.ask(method, &target, Some(&self.root), body);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let errors = answer.get("errors").cloned();
        (status, errors.unwrap_or_else(|| answer["data"].clone()))
    }

    fn write(&mut self, name: &str, policy: &str) -> (u16, Value) {
        self.ask("PUT", name, &json!({ "policy": policy }).to_string())
    }

    fn names(&mut self, folder: &str) -> Value {
        self.ask("LIST", folder, "").1["keys"].clone()
    }
}

#[test]
fn takes_names_with_slashes_and_lists_them_as_folders() {
    let mut server = Server::start();
    for name in ["/b", "/a/b", "/a", "/a/c/d", "/generate", "/b/generate/x"] {
        assert_eq!(server.write(name, DIGITS), (204, Value::Null), "{name}");
        assert_eq!(server.ask("GET", name, ""), (200, json!({ "policy": DIGITS })), "{name}");
        let (status, data) = server.ask("GET", &format!("{name}/generate"), "");
        let password = data["password"].as_str().unwrap();
        assert!(status == 200 && password.len() == 12, "{name}");
        assert!(password.bytes().all(|byte| byte.is_ascii_digit()), "{name}");
    }
    assert_eq!(server.names(""), json!(["a", "a/", "b", "b/", "generate"]));
    assert_eq!(server.names("/"), json!(["a", "a/", "b", "b/", "generate"]));
    assert_eq!(server.names("/a"), json!(["b", "c/"]));
    assert_eq!(server.names("/a/c/"), json!(["d"]));
    // A folder is no policy.
    assert_eq!(server.ask("DELETE", "/a/", "").0, 204);
    assert_eq!(server.ask("GET", "/a/", "").0, 404);
    assert_eq!(server.ask("DELETE", "/a/c/d", "").0, 204);
    assert_eq!(server.names("/a"), json!(["b"]));
    assert_eq!(server.ask("DELETE", "/a", "").0, 204);
    assert_eq!(server.names(""), json!(["a/", "b", "b/", "generate"]));
    assert_eq!(server.ask("GET", "/a", "").0, 404);
    assert_eq!(server.ask("GET", "/a/b", "").0, 200);
}

#[test]
fn has_the_methods_of_the_api() {
    let mut server = Server::start();
    assert_eq!(server.write("/a", DIGITS).0, 204);
    for (method, name, status) in [
        ("GET", "", 405),
        ("GET", "/", 405),
        ("DELETE", "", 405),
        ("LIST", "/none", 404),
        ("PUT", "/a/generate", 405),
        ("DELETE", "/a/generate", 405),
    ] {
        assert_eq!(server.ask(method, name, "{}").0, status, "{method} {name}");
    }
}

#[test]
fn leaves_a_policy_as_it_is_when_a_document_is_refused() {
    const IMPOSSIBLE: &str = "length = 5 rule \"charset\" { charset = \"canary\" } rule \"charset\" \
                              { min-chars = 1 }";
    let mut server = Server::start();
    assert_eq!(server.write("/a", DIGITS).0, 204);
    for (policy, why) in [
        ("", "missing policy"),
        ("length = canary", "invalid password policy: unable to decode: line 1, column 10"),
        ("6Q==", "unable to decode: base64 of what is not text in UTF-8"),
        (IMPOSSIBLE, "unable to construct test password from provided policy"),
    ] {
        let (status, errors) = server.write("/a", policy);
        let error = errors[0].as_str().unwrap();
        assert_eq!(status, 400, "{policy}");
        assert!(error.starts_with("1 error occurred:\n\t* "), "{error}");
        assert!(error.contains(why) && !error.contains("canary"), "{error}");
    }
    assert_eq!(server.ask("GET", "/a", "").1, json!({ "policy": DIGITS }));
    assert_eq!(server.write("/a", "length = 4 rule \"charset\" { charset = \"z\" }").0, 204);
    assert_eq!(server.ask("GET", "/a/generate", "").1, json!({ "password": "zzzz" }));
}

#[test]
fn keeps_policies_over_a_restart() {
    let mut server = Server::start();
    assert_eq!(server.write("/a/b", DIGITS).0, 204);
    server.server.restart(Config::default());
    assert_eq!(server.server.unseal(), 200);
    assert_eq!(server.names("/a"), json!(["b"]));
    assert_eq!(server.ask("GET", "/a/b", "").1, json!({ "policy": DIGITS }));
}

#[test]
fn asks_for_a_token() {
    let mut server = Server::start();
    assert_eq!(server.write("/a", DIGITS).0, 204);
    server.root = "s.nobody".into();
    for (method, name) in
        [("LIST", ""), ("GET", "/a"), ("PUT", "/a"), ("DELETE", "/a"), ("GET", "/a/generate")]
    {
        assert_eq!(server.ask(method, name, "{}").0, 403, "{method} {name}");
    }
}
