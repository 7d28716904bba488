//! Requests of pages from elsewhere, over the wire: who is judged, when, and what answers say of it.

use serde_json::json;

use crate::peer::{Answer, Peer, ask};
use crate::process::DevServer;

const PAGE: &str = "https://app.example";
const STRANGER: &str = "https://evil.example";

/// One request with these header lines.
fn send(server: &DevServer, method: &str, target: &str, fields: &str, body: &str) -> Answer {
    let mut peer = Peer::connect(server.address);
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n");
    peer.send(format!("{head}{fields}\r\n{body}").as_bytes());
    peer.receive()
}

fn from(origin: &str) -> String {
    format!("Origin: {origin}\r\nX-Vault-Token: root\r\n")
}

fn start() -> DevServer {
    DevServer::start(&["-dev-root-token-id=root", "-dev-kv-v1"])
}

fn set(server: &DevServer, settings: &serde_json::Value) -> Answer {
    ask(server.address, "PUT", "/v1/sys/config/cors", "root", &settings.to_string())
}

#[test]
fn judges_the_origin_before_whatever_else_ends_a_request() {
    let server = start();
    let targets = [
        ("GET", "/v1/secret/none", "", 404),
        ("PUT", "/v1/secret/a", r#"{"k":"v"}"#, 204),
        ("GET", "/v1/sys/health", "", 200),
        ("GET", "/v1/sys/health?activecode=299", "", 299),
        ("DELETE", "/v1/sys/health", "", 405),
        ("FROB", "/v1/secret/a", "", 405),
        ("PUT", "/v1/secret/a", "not json", 400),
        ("PUT", "/v1/sys/unseal", "not json", 400),
        ("GET", "/v1//secret/a", "", 307),
        ("GET", "/v1/secret/%2e%2e/a", "", 400),
        ("GET", "/v1/secret?help=1", "", 200),
        ("POST", "/v1/%FF", "", 400),
        ("GET", "/v1/none/a", "", 404),
    ];
    for (method, target, body, status) in targets {
        let answer = send(&server, method, target, &from(STRANGER), body);
        assert_eq!(answer.status, status, "off: {method} {target}");
        assert_eq!(answer.field("access-control-allow-origin"), None, "off: {method} {target}");
    }
    assert_eq!(set(&server, &json!({"allowed_origins": PAGE})).status, 204);
    for (method, target, body, status) in targets {
        let refused = send(&server, method, target, &from(STRANGER), body);
        assert_eq!(refused.status, 403, "{method} {target}");
        assert_eq!(refused.json(), json!({"errors": ["origin not allowed"]}), "{method} {target}");
        assert_eq!(refused.field("access-control-allow-origin"), None, "{method} {target}");

        let served = send(&server, method, target, &from(PAGE), body);
        assert_eq!(served.status, status, "{method} {target}");
        assert_eq!(served.field("access-control-allow-origin"), Some(PAGE), "{method} {target}");
        assert_eq!(served.field("vary"), Some("Origin"), "{method} {target}");
        assert_eq!(served.field("access-control-allow-credentials"), None, "{method} {target}");

        // Who names no origin is no page.
        let plain = send(&server, method, target, "X-Vault-Token: root\r\n", body);
        assert_eq!(plain.status, status, "{method} {target}");
        assert_eq!(plain.field("vary"), None, "{method} {target}");
        assert_eq!(plain.body.len(), served.body.len(), "{method} {target}");
    }
    // These rules stand before the judgement.
    for (target, status) in [("/elsewhere", 404), ("/v1/a?list=maybe", 400), ("/v1/a%00", 400)] {
        assert_eq!(send(&server, "GET", target, &from(STRANGER), "").status, status, "{target}");
    }
    let namespace = from(STRANGER) + "X-Vault-Namespace: a\r\n";
    assert_eq!(send(&server, "GET", "/v1/sys/health", &namespace, "").status, 400);
    // A refusal that waited for the judgement names the namespace as every other does.
    let namespace = from(PAGE) + "X-Vault-Namespace: a\r\n";
    let refused = send(&server, "PUT", "/v1/secret/a", &namespace, "not json");
    assert_eq!((refused.status, refused.field("x-vault-namespace")), (400, Some("a")));
}

#[test]
fn tells_a_browser_what_a_page_may_do() {
    let server = start();
    let asking = |origin: &str, method: &str| {
        let fields = format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n");
        send(&server, "OPTIONS", "/v1/secret/a", &fields, "")
    };
    assert_eq!(asking(PAGE, "GET").status, 400);
    let settings = json!({"allowed_origins": "*", "allowed_headers": "X-A, X-B",
        "allow_credentials": "true"});
    assert_eq!(set(&server, &settings).status, 204);

    let answer = asking(PAGE, "LIST");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    for (field, value) in [
        ("access-control-allow-origin", Some(PAGE)),
        ("access-control-allow-credentials", Some("true")),
        ("access-control-allow-methods", Some("DELETE,GET,OPTIONS,POST,PUT,LIST,SCAN")),
        ("access-control-max-age", Some("300")),
        ("cache-control", Some("no-store")),
        ("vary", Some("Origin")),
        ("strict-transport-security", None),
        ("content-type", None),
    ] {
        assert_eq!(answer.field(field), value, "{field}");
    }
    let headers = answer.field("access-control-allow-headers").unwrap();
    assert!(headers.starts_with("Content-Type,Authorization,X-Vault-Token,"), "{headers}");
    assert!(headers.ends_with(",X-A,X-B"), "{headers}");

    let answer = asking(PAGE, "PATCH");
    assert_eq!((answer.status, answer.body.len()), (405, 0));
    assert_eq!(answer.field("access-control-allow-origin"), None);
}

#[test]
fn keeps_its_settings_over_a_seal_and_judges_nobody_while_sealed() {
    let server = start();
    let key = server.greeting.iter().find_map(|line| line.strip_prefix("Unseal Key: ")).unwrap();
    let health = || send(&server, "GET", "/v1/sys/health", &from(STRANGER), "").status;
    assert_eq!(set(&server, &json!({"allowed_origins": [PAGE, "https://b.example"]})).status, 204);
    assert_eq!(health(), 403);
    assert_eq!(ask(server.address, "PUT", "/v1/sys/seal", "root", "").status, 204);
    assert_eq!(health(), 503);
    let body = json!({ "key": key }).to_string();
    assert_eq!(send(&server, "PUT", "/v1/sys/unseal", &from(STRANGER), &body).status, 200);
    assert_eq!(health(), 403);

    let read = || ask(server.address, "GET", "/v1/sys/config/cors", "root", "").json();
    let settings = read();
    assert_eq!(settings["data"]["allowed_origins"], json!([PAGE, "https://b.example"]));
    assert_eq!(settings["enabled"], true);
    assert_eq!(settings["allowed_headers"], settings["data"]["allowed_headers"]);
    assert_eq!(ask(server.address, "DELETE", "/v1/sys/config/cors", "root", "").status, 204);
    assert_eq!(health(), 200);
    assert_eq!(read()["data"], json!({"enabled": false}));
}

#[test]
fn refuses_settings_that_make_no_sense_and_callers_that_may_not() {
    let server = start();
    let cases = [
        (json!({}), 500),
        (json!({"allowed_origins": [""]}), 500),
        (json!({"allowed_origins": ["*", PAGE]}), 500),
        (json!({"allowed_origins": [PAGE], "allowed_headers": ["X-A\r\nX-B: b"]}), 400),
        (json!({"allowed_origins": [PAGE], "allowed_headers": ["X A"]}), 400),
        (json!({"allowed_origins": ["x".repeat(10_000)]}), 400),
        (json!({"allowed_origins": {"a": 1}}), 400),
    ];
    for (settings, status) in cases {
        assert_eq!(set(&server, &settings).status, status, "{settings}");
    }
    let body = r#"{"policies":["default"]}"#;
    let made = ask(server.address, "POST", "/v1/auth/token/create", "root", body).json();
    let weak = made["auth"]["client_token"].as_str().unwrap();
    for token in ["", "wrong", weak] {
        for method in ["GET", "PUT", "DELETE"] {
            let body = r#"{"allowed_origins":"*"}"#;
            let answer = ask(server.address, method, "/v1/sys/config/cors", token, body);
            assert_eq!(answer.status, 403, "{method} {token}");
        }
    }
    let read = ask(server.address, "GET", "/v1/sys/config/cors", "root", "").json();
    assert_eq!(read["data"], json!({"enabled": false}));
}
