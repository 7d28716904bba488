//! Requests and what becomes of them before anything stored is looked at.
//!
//! Each row is a whole request and one line: the call that it makes, or the answer that ends it.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::*;
use crate::http::{Conn, Limits};
use crate::time::Time;

/// Method, target, header fields, body, what comes of it.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

fn request(row: &Row) -> Request {
    let (method, target, fields, body, _) = row;
    Request::new(method, target, fields, body.as_bytes()).expect("a good head")
}

fn prepared(row: &Row) -> Result<Call, Response> {
    prepare(&request(row), &Rules::default())
}

/// The whole answer as it is sent.
fn wire(response: Response) -> String {
    let now = Time::from_unix_nanos(0);
    let mut conn = Conn::new(now, Limits::default());
    conn.handle_bytes(now, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.respond(now, response);
    String::from_utf8(conn.output().expect("an answer").to_vec()).unwrap()
}

/// A call: operation, path, data and whatever else it carries. An answer: status, where it sends
/// the client, body.
fn outcome(row: &Row) -> String {
    let call = match prepared(row) {
        Ok(call) => call,
        Err(response) => {
            let (status, body) = (response.status(), response.body().to_vec());
            let wire = wire(response);
            let location = wire.lines().find_map(|line| line.strip_prefix("Location: "));
            let body = String::from_utf8(body).unwrap();
            return format!("{} {}{body}", status.as_str(), location.unwrap_or("")).trim().into();
        }
    };
    let mut text = format!("{:?} {}", call.operation, call.path.as_str());
    if let Some(doc) = &call.doc {
        text.push(' ');
        doc.root().write_canonical(&mut text);
    }
    if let Responder::Plain(..) = call.responder {
        text.push_str(" plain");
    }
    if call.wrap_ttl > 0 {
        text.push_str(" wraps");
    }
    if let Some(token) = call.token_text() {
        text.push_str(&format!(" token={token}"));
    }
    if let Some(namespace) = &call.namespace {
        text.push_str(&format!(" namespace={namespace}"));
    }
    text
}

fn check(rows: &[Row]) {
    for row in rows {
        assert_eq!(outcome(row), row.4, "{} {} {:?} {}", row.0, row.1, row.2, row.3);
    }
}

const EMPTY: &str = r#"{"errors":[]}"#;

#[test]
fn makes_an_operation_of_each_method() {
    const CASES: [Row; 15] = [
        ("GET", "/v1/secret/a", &[], "", "Read secret/a"),
        ("GET", "/v1/secret/a", &[], "no JSON", "Read secret/a"),
        ("POST", "/v1/secret/a?x=1", &[], "{\"a\":1}", "Update secret/a {\"a\":1}"),
        ("PUT", "/v1/secret/a", &[], "{\"a\":1}", "Update secret/a {\"a\":1}"),
        ("DELETE", "/v1/secret/a?list=yes", &[], "no JSON", "Delete secret/a {\"list\":\"yes\"}"),
        ("LIST", "/v1/secret", &[], "", "List secret/"),
        (
            "LIST",
            "/v1/secret/?list=x&after=a",
            &[],
            "",
            "List secret/ {\"after\":\"a\",\"list\":\"x\"}",
        ),
        ("SCAN", "/v1/secret/a", &[], "", "Scan secret/a/"),
        ("LIST", "/v1/", &[], "", "List /"),
        ("HEAD", "/v1/secret/a?x", &[], "", "Header secret/a {\"x\":\"\"}"),
        ("OPTIONS", "/v1/secret/a", &[], "", "None secret/a"),
        ("HELP", "/v1/secret/a", &[], "", "Help secret/a"),
        ("TRACE", "/v1/secret/a", &[], "", "405 {\"errors\":[]}"),
        ("FROB", "/v1/secret/a", &[], "", "405 {\"errors\":[]}"),
        ("get", "/v1/secret/a", &[], "", "405 {\"errors\":[]}"),
    ];
    check(&CASES);
}

#[test]
fn understands_the_list_words_of_a_get() {
    const CASES: [Row; 13] = [
        ("GET", "/v1/secret?list=true", &[], "", "List secret/"),
        (
            "GET",
            "/v1/secret/?list=1&limit=2&limit=3",
            &[],
            "",
            "List secret/ {\"limit\":[\"2\",\"3\"]}",
        ),
        ("GET", "/v1/secret?list=T&list=x", &[], "", "List secret/"),
        ("GET", "/v1/secret?scan=TRUE", &[], "", "Scan secret/"),
        ("GET", "/v1/secret?list=True&scan=f", &[], "", "List secret/ {\"scan\":\"f\"}"),
        ("GET", "/v1/secret?list=false", &[], "", "Read secret {\"list\":\"false\"}"),
        ("GET", "/v1/secret?list=&scan", &[], "", "Read secret {\"list\":\"\",\"scan\":\"\"}"),
        ("GET", "/v1/secret?list=maybe", &[], "", "400 {\"errors\":[]}"),
        ("GET", "/v1/secret?list=2", &[], "", "400 {\"errors\":[]}"),
        ("GET", "/v1/secret?scan=yes", &[], "", "400 {\"errors\":[]}"),
        ("GET", "/v1/secret?list=true&scan=true", &[], "", "400 {\"errors\":[]}"),
        ("GET", "/v1/secret?list=%zz&list=1", &[], "", "List secret/"),
        ("POST", "/v1/secret?list=maybe", &[], "", "Update secret"),
    ];
    check(&CASES);
}

#[test]
fn asks_for_help_by_word_or_method() {
    const PREFIX: &str = r#"404 {"errors":["Missing /v1/ prefix in path. Use the bao path-help command to retrieve API help for paths"]}"#;
    const CASES: [Row; 10] = [
        ("GET", "/v1/secret/a?help=1", &[], "", "Help secret/a"),
        ("POST", "/v1/secret/a?help=0", &[], "no JSON", "Help secret/a"),
        ("LIST", "/v1/secret/a?help=x", &[], "", "Help secret/a"),
        ("GET", "/v1/secret/a?help=&x=1", &[], "", "Read secret/a {\"x\":\"1\"}"),
        ("GET", "/v1/sys/health?help=1", &[], "", "Help sys/health"),
        ("HELP", "/v1/secret//a", &[("X-Vault-Token", "t")], "", "Help secret//a token=t"),
        ("GET", "/?help=1", &[], "", PREFIX),
        ("HELP", "/ui/x", &[], "", PREFIX),
        ("HELP", "/robots.txt", &[], "", PREFIX),
        ("HELP", "/metrics", &[], "", "404 {\"errors\":[]}"),
    ];
    check(&CASES);
}

#[test]
fn refuses_paths_that_are_none() {
    const RELATIVE: &str = r#"400 {"errors":["relative paths not supported"]}"#;
    const CASES: [Row; 27] = [
        ("GET", "/v1/a%00b", &[], "", "400"),
        ("GET", "/v1/a%0Ab", &[], "", "400"),
        ("GET", "/v1/a%7Fb", &[], "", "400"),
        ("GET", "/v1/a%C2%A0b", &[], "", "400"),
        ("GET", "/v1/a%C2%ADb", &[], "", "400"),
        ("GET", "/v1/a\u{2028}b", &[], "", "400"),
        ("GET", "/a%01", &[], "", "400"),
        ("GET", "/v1/a?%00", &[], "", "Read a {\"\\u0000\":\"\"}"),
        ("GET", "/v1/a%20b+c", &[], "", "Read a b+c"),
        ("GET", "/v1/caf%C3%A9/\u{6f22}", &[], "", "Read caf\u{e9}/\u{6f22}"),
        ("POST", "/v1/%ff", &[], "", "400 {\"errors\":[\"path is not valid UTF-8\"]}"),
        ("LIST", "/v1/a%ff", &[], "", "400 {\"errors\":[\"path is not valid UTF-8\"]}"),
        // A read of what cannot be there misses; no other path reads as this one does.
        ("GET", "/v1/a%ff", &[], "", "Read a\0ff"),
        ("GET", "/v1/a%00ff", &[], "", "400"),
        ("GET", "/v2/%ff", &[], "", "404 {\"errors\":[]}"),
        ("GET", "/", &[], "", "404 {\"errors\":[]}"),
        ("GET", "/v1", &[], "", "404 {\"errors\":[]}"),
        ("GET", "/v2/x", &[], "", "404 {\"errors\":[]}"),
        ("GET", "/V1/x", &[], "", "404 {\"errors\":[]}"),
        ("GET", "/v1/", &[], "", "Read "),
        ("GET", "/v1/secret/%2e%2e/x", &[], "", RELATIVE),
        ("GET", "/v1/secret/a/%2E", &[], "", RELATIVE),
        ("GET", "/v1/secret/..%2Fx", &[], "", RELATIVE),
        ("HELP", "/v1/secret/../x", &[], "", RELATIVE),
        ("GET", "/v1/secret/.../a.", &[], "", "Read secret/.../a."),
        ("GET", "/v1/%2Fsecret/%2Ffoo", &[], "", "Read /secret//foo"),
        ("GET", "/%76%31%2fsecret", &[], "", "Read secret"),
    ];
    check(&CASES);
}

#[test]
fn refuses_more_segments_than_the_limit() {
    let told = |target: String| {
        let request = Request::new("GET", &target, &[], b"").expect("a good head");
        prepare(&request, &Rules::default()).err().map(|response| {
            (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
        })
    };
    let deep = (400, "{\"errors\":[\"path has too many segments\"]}\n".to_string());
    assert_eq!(told(format!("/v1/{}a", "a/".repeat(255))), None);
    assert_eq!(told(format!("/v1/{}a", "a/".repeat(256))), Some(deep.clone()));
    assert_eq!(told(format!("/v1/{}a", "a%2F".repeat(256))), Some(deep));
}

#[test]
fn redirects_to_the_shortest_spelling() {
    const CASES: [Row; 13] = [
        ("GET", "/v1/secret//a", &[], "", "307 /v1/secret/a"),
        ("POST", "/v1//secret/a", &[], "no JSON", "307 /v1/secret/a"),
        ("LIST", "/v1/secret//", &[], "", "307 /v1/secret/"),
        ("GET", "/v1/secret/./a?x=%20y&z", &[], "", "307 /v1/secret/a?x=%20y&z"),
        ("GET", "/v1/secret/b/../a%20b", &[], "", "307 /v1/secret/a%20b"),
        ("GET", "/v1/../secret/a", &[], "", "307 /secret/a"),
        ("GET", "/v1/secret/b/..", &[], "", "307 /v1/secret"),
        ("GET", "/v1/sys", &[], "", "307 /v1/sys/"),
        ("GET", "/v1/x/../sys/pprof?a", &[], "", "307 /v1/sys/pprof/?a"),
        ("FROB", "/v1/secret//a", &[], "", "307 /v1/secret/a"),
        ("GET", "http://elsewhere//v1//a", &[], "", "404 {\"errors\":[]}"),
        ("GET", "http://elsewhere/v1//a", &[], "", "307 /v1/a"),
        ("GET", "/v1/cubbyhole", &[], "", "Read cubbyhole"),
    ];
    check(&CASES);
}

#[test]
fn knows_the_endpoints_of_the_http_layer_by_their_exact_paths() {
    const CASES: [Row; 14] = [
        ("GET", "/v1/sys/health", &[], "", "Read sys/health {} plain"),
        (
            "GET",
            "/v1/sys/%68ealth?standbyok=1",
            &[],
            "",
            "Read sys/health {\"standbyok\":\"1\"} plain",
        ),
        ("HEAD", "/v1/sys/health", &[], "", "Header sys/health {} plain"),
        ("POST", "/v1/sys/init", &[], "{\"a\":1}", "Update sys/init {\"a\":1} plain"),
        ("PUT", "/v1/sys/init", &[], "null", "Update sys/init plain"),
        ("DELETE", "/v1/sys/health", &[], "", "405 {\"errors\":[]}"),
        ("LIST", "/v1/sys/leader", &[], "", "405 {\"errors\":[]}"),
        ("PATCH", "/v1/sys/init", &[], "", "405 {\"errors\":[]}"),
        ("FROB", "/v1/sys/seal", &[], "", "405 {\"errors\":[]}"),
        ("GET", "/v1/sys/leader?list=true", &[], "", "Read sys/leader {\"list\":\"true\"} plain"),
        (
            "GET",
            "/v1/sys/leader",
            &[("X-Vault-Wrap-TTL", "abc"), ("X-Vault-MFA", ":")],
            "",
            "Read sys/leader {} plain",
        ),
        ("GET", "/v1/sys%2Fhealth", &[], "", "Read sys/health"),
        ("GET", "/v1/sys%2fhealth", &[], "", "Read sys/health"),
        ("GET", "/v1/sys/health/", &[], "", "Read sys/health/"),
    ];
    check(&CASES);
}

#[test]
fn restricts_some_endpoints_to_requests_without_a_namespace() {
    const REFUSED: &str = r#"400 {"errors":["operation unavailable in namespaces"]}"#;
    const TEAM: &[(&str, &str)] = &[("X-Vault-Namespace", "team/")];
    const CASES: [Row; 13] = [
        ("GET", "/v1/a", TEAM, "", "Read a namespace=team/"),
        ("GET", "/v1/a", &[("X-Vault-Namespace", "\u{e9}")], "", "Read a namespace=\u{e9}"),
        ("GET", "/v1/a", &[("X-Vault-Namespace", "")], "", "Read a"),
        ("GET", "/v1/sys/seal-status", TEAM, "", "Read sys/seal-status {} plain namespace=team/"),
        ("GET", "/v1/sys/health", TEAM, "", REFUSED),
        ("GET", "/v1/sys/health", &[("X-Vault-Namespace", "root")], "", REFUSED),
        ("GET", "/v1/sys/health", &[("X-Vault-Namespace", "")], "", "Read sys/health {} plain"),
        ("FROB", "/v1/sys/raw/a/b", TEAM, "", REFUSED),
        ("GET", "/v1/sys%2Fpprof%2fx?list=maybe", TEAM, "", REFUSED),
        ("GET", "/v1/sys/health?help=1", TEAM, "", REFUSED),
        ("GET", "/v1/sys//health", TEAM, "", "307 /v1/sys/health"),
        ("GET", "/v1/sys/healthy", TEAM, "", "Read sys/healthy namespace=team/"),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Namespace", "\u{85}")],
            "",
            "400 {\"errors\":[\"malformed header field\"]}",
        ),
    ];
    check(&CASES);
    for name in [
        "generate-recovery-token",
        "generate-root",
        "health",
        "in-flight-req",
        "init",
        "metrics",
        "pprof",
        "raw",
        "rekey",
        "rekey-recovery-key",
        "seal",
        "step-down",
        "storage",
        "unseal",
    ] {
        let target = format!("/v1/sys/{name}");
        let request = Request::new("PUT", &target, TEAM, b"").expect("a good head");
        let response = prepare(&request, &Rules::default()).err().expect("a refusal");
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
    }
}

#[test]
fn reads_bodies_as_json_or_forms() {
    const FORM: &[(&str, &str)] = &[("Content-Type", "application/x-www-form-urlencoded")];
    const FORM_TOO: &[(&str, &str)] =
        &[("content-type", "Application/X-WWW-Form-Urlencoded ; charset=utf-8")];
    const BAD_FORM: &str = r#"400 {"errors":["error parsing form data"]}"#;
    const CASES: [Row; 19] = [
        ("POST", "/v1/a", &[], "", "Update a"),
        ("POST", "/v1/a", &[], " \r\n\t", "Update a"),
        ("POST", "/v1/a", &[], "null", "Update a"),
        ("POST", "/v1/a", &[], "{}", "Update a {}"),
        ("POST", "/v1/a", &[], "{\"a\":1} {\"b\":2}", "Update a {\"a\":1}"),
        ("POST", "/v1/a", &[("Content-Type", "text/plain")], "{\"a\":1}", "Update a {\"a\":1}"),
        (
            "POST",
            "/v1/a",
            FORM,
            "x=1&y=2&x=3&e=&f",
            "Update a {\"e\":\"\",\"f\":\"\",\"x\":\"1,3\",\"y\":\"2\"}",
        ),
        ("PUT", "/v1/a?q=1", FORM_TOO, "a+b=%C3%A9", "Update a {\"a b\":\"\u{e9}\"}"),
        ("POST", "/v1/a", FORM, "", "Update a"),
        ("POST", "/v1/a", FORM, "&&", "Update a"),
        ("POST", "/v1/a", FORM, " \n{\"a\":1}", "Update a {\"a\":1}"),
        (
            "POST",
            "/v1/a",
            FORM,
            "[]",
            "400 {\"errors\":[\"failed to decode JSON input: expected an object, got array\"]}",
        ),
        ("POST", "/v1/a", FORM, "a=%zz", BAD_FORM),
        ("POST", "/v1/a", FORM, "a=1;b=2", BAD_FORM),
        (
            "POST",
            "/v1/a",
            &[],
            "a=1",
            "400 {\"errors\":[\"failed to decode JSON input: expected a value at byte 0\"]}",
        ),
        (
            "POST",
            "/v1/a",
            &[],
            "\"x\"",
            "400 {\"errors\":[\"failed to decode JSON input: expected an object, got string\"]}",
        ),
        (
            "POST",
            "/v1/a",
            &[],
            "{} x",
            "400 {\"errors\":[\"failed to decode JSON input: expected a value at byte 3\"]}",
        ),
        (
            "POST",
            "/v1/sys/init",
            FORM,
            "a=1",
            "400 {\"errors\":[\"failed to decode JSON input: expected a value at byte 0\"]}",
        ),
        (
            "POST",
            "/v1/a",
            &[("Content-Type", "application/x-www-form-urlencoded-not")],
            "{}",
            "Update a {}",
        ),
    ];
    check(&CASES);
}

#[test]
fn wants_the_merge_patch_type_for_patch() {
    const NONE: &str = r#"400 {"errors":["mime: no media type"]}"#;
    const BAD: &str = r#"400 {"errors":["mime: invalid media type"]}"#;
    const OTHER: &str = r#"415 {"errors":["PATCH requires Content-Type of application/merge-patch+json, provided application/json"]}"#;
    const WORD: &str = r#"415 {"errors":["PATCH requires Content-Type of application/merge-patch+json, provided json"]}"#;
    const PATCH: &[(&str, &str)] = &[("Content-Type", "application/merge-patch+json")];
    const CASES: [Row; 12] = [
        ("PATCH", "/v1/a?x=1", PATCH, "{\"a\":null}", "Patch a {\"a\":null}"),
        (
            "PATCH",
            "/v1/a",
            &[("Content-Type", "Application/Merge-Patch+JSON; charset=utf-8")],
            "{}",
            "Patch a {}",
        ),
        ("PATCH", "/v1/a", PATCH, "", "Patch a"),
        (
            "PATCH",
            "/v1/a",
            PATCH,
            "[]",
            "400 {\"errors\":[\"failed to decode JSON input: expected an object, got array\"]}",
        ),
        ("PATCH", "/v1/a", &[], "{}", NONE),
        ("PATCH", "/v1/a", &[("Content-Type", " ")], "{}", NONE),
        ("PATCH", "/v1/a", &[("Content-Type", "application/json")], "no JSON", OTHER),
        ("PATCH", "/v1/a", &[("Content-Type", "json")], "{}", WORD),
        ("PATCH", "/v1/a", &[("Content-Type", "a/b/c")], "{}", BAD),
        ("PATCH", "/v1/a", &[("Content-Type", "/")], "{}", BAD),
        ("PATCH", "/v1/a", &[("Content-Type", "a b/c")], "{}", BAD),
        ("PATCH", "/v1/a", &[("Content-Type", "; x=y")], "{}", BAD),
    ];
    check(&CASES);
}

#[test]
fn reads_the_header_fields_of_the_api() {
    const CASES: [Row; 21] = [
        ("GET", "/v1/a", &[("X-Vault-Token", "t")], "", "Read a token=t"),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Token", ""), ("Authorization", "Bearer  t u ")],
            "",
            "Read a token=t u",
        ),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Token", "t"), ("Authorization", "Bearer u")],
            "",
            "Read a token=t",
        ),
        (
            "GET",
            "/v1/a",
            &[("Authorization", "Basic x"), ("Authorization", "Bearer t")],
            "",
            "Read a token=t",
        ),
        ("GET", "/v1/a", &[("Authorization", "bearer t")], "", "Read a"),
        ("GET", "/v1/a", &[("Authorization", "Bearer")], "", "Read a"),
        ("GET", "/v1/a", &[("X-Vault-Wrap-TTL", "60")], "", "Read a wraps"),
        ("GET", "/v1/a", &[("X-Vault-Wrap-TTL", "1h30m")], "", "Read a wraps"),
        ("GET", "/v1/a", &[("X-Vault-Wrap-TTL", "0s")], "", "Read a"),
        ("GET", "/v1/a", &[("X-Vault-Wrap-TTL", "")], "", "Read a"),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Wrap-TTL", "abc")],
            "",
            r#"400 {"errors":["error parsing X-Vault-Wrap-TTL header: time: invalid duration \"abc\""]}"#,
        ),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Wrap-TTL", "1.5")],
            "",
            r#"400 {"errors":["error parsing X-Vault-Wrap-TTL header: time: missing unit in duration \"1.5\""]}"#,
        ),
        (
            "GET",
            "/v1/a",
            &[("X-Vault-Wrap-TTL", "-60")],
            "",
            r#"400 {"errors":["error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative"]}"#,
        ),
        ("HELP", "/v1/a", &[("X-Vault-Wrap-TTL", "abc")], "", "Help a"),
        ("GET", "/v1/a", &[("X-Vault-MFA", "name")], "", "Read a"),
        ("GET", "/v1/a", &[("X-Vault-MFA", "name:value")], "", "Read a"),
        ("GET", "/v1/a", &[("X-Vault-MFA", "")], "", "Read a"),
        ("GET", "/v1/a", &[("X-Vault-MFA", ":v")], "", MISSING_NAME),
        ("GET", "/v1/a", &[("X-Vault-MFA", ":")], "", MISSING_NAME),
        ("GET", "/v1/a", &[("X-Vault-MFA", "n:")], "", MISSING_VALUE),
        ("GET", "/v1/a", &[("X-Vault-MFA", "n"), ("X-Vault-MFA", "n:")], "", MISSING_VALUE),
    ];
    check(&CASES);
}

const MISSING_NAME: &str = r#"400 {"errors":["failed to parse X-Vault-MFA header: invalid data in header \"X-Vault-MFA\"; missing method name or ID"]}"#;
const MISSING_VALUE: &str = r#"400 {"errors":["failed to parse X-Vault-MFA header: invalid data in header \"X-Vault-MFA\"; missing method value"]}"#;

/// Each row breaks a rule and all that come after it; the first one answers.
#[test]
fn applies_the_rules_in_their_order() {
    const ALL: &[(&str, &str)] =
        &[("X-Vault-Namespace", "\u{85}"), ("X-Vault-Wrap-TTL", "abc"), ("X-Vault-MFA", ":")];
    const SPACE: &[(&str, &str)] =
        &[("X-Vault-Namespace", "n"), ("X-Vault-Wrap-TTL", "abc"), ("X-Vault-MFA", ":")];
    const WRAP: &[(&str, &str)] = &[("X-Vault-Wrap-TTL", "-1"), ("X-Vault-MFA", ":")];
    const MFA: &[(&str, &str)] = &[("X-Vault-MFA", ":")];
    const CASES: [Row; 13] = [
        ("FROB", "/v1/sys/raw//%01%ff/%2e?list=x", ALL, "x", "400"),
        (
            "FROB",
            "/v2/sys/raw//%ff/%2e?list=x",
            ALL,
            "x",
            "400 {\"errors\":[\"malformed header field\"]}",
        ),
        (
            "GET",
            "/v1/sys/raw//%ff/%2e?list=x",
            SPACE,
            "x",
            "400 {\"errors\":[\"operation unavailable in namespaces\"]}",
        ),
        ("GET", "/v2/a//%ff/%2e?list=x", SPACE, "x", "404 {\"errors\":[]}"),
        (
            "DELETE",
            "/v1/a//%ff/%2e?list=x",
            SPACE,
            "x",
            "400 {\"errors\":[\"path is not valid UTF-8\"]}",
        ),
        ("GET", "/v1/a//%2e?list=x&help=1", WRAP, "x", "400 {\"errors\":[]}"),
        ("GET", "/v1/a//b?help=1", WRAP, "x", "Help a//b"),
        ("FROB", "/v1/a//%2e", WRAP, "x", "307 /v1/a/%2e"),
        ("FROB", "/v1/a/%2e", WRAP, "x", "405 {\"errors\":[]}"),
        (
            "POST",
            "/v1/a/%2e",
            WRAP,
            "x",
            "400 {\"errors\":[\"failed to decode JSON input: expected a value at byte 0\"]}",
        ),
        (
            "POST",
            "/v1/a/%2e",
            WRAP,
            "",
            r#"400 {"errors":["error parsing X-Vault-Wrap-TTL header: requested wrap ttl cannot be negative"]}"#,
        ),
        ("POST", "/v1/a/%2e", MFA, "", MISSING_NAME),
        ("POST", "/v1/a/%2e", &[], "", "400 {\"errors\":[\"relative paths not supported\"]}"),
    ];
    check(&CASES);
}

/// The edge's own answer carries nothing; from the namespace header on, answers are the API's.
#[test]
fn gives_answers_the_header_fields_of_their_layer() {
    const SPACE: &[(&str, &str)] = &[("X-Vault-Namespace", "a \u{e9}")];
    let fields = |target: &'static str| -> Vec<String> {
        let refused = prepared(&("FROB", target, SPACE, "", "")).err().expect("a refusal");
        let wire = wire(refused);
        let head = wire.split("\r\n\r\n").next().unwrap_or("").to_string();
        let names = head.lines().skip(1).filter(|line| !line.starts_with("Date: "));
        names.map(ToString::to_string).collect()
    };
    const API: [&str; 2] = [
        "Cache-Control: no-store",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains",
    ];
    let echo = "X-Vault-Namespace: a \u{e9}";
    assert_eq!(fields("/v1/a%01"), ["Content-Length: 0"]);
    let json = "Content-Type: application/json";
    let length = format!("Content-Length: {}", EMPTY.len() + 1);
    assert_eq!(fields("/v1/a"), [API[0], API[1], json, echo, &length]);
    assert_eq!(fields("/v2/a"), [API[0], API[1], json, echo, &length]);
    assert_eq!(fields("/v1//a"), [API[0], API[1], "Location: /v1/a", echo, "Content-Length: 0"]);
}

#[test]
fn asks_for_the_request_header_where_the_listener_does() {
    const HEADER: &str = "x-vault-request";
    /// Method, target, header fields, whether it passes.
    type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], bool);
    const CASES: [Case; 11] = [
        ("GET", "/v1/secret/a", &[(HEADER, "true")], true),
        ("GET", "/v1/secret/a", &[], false),
        ("GET", "/v1/secret/a", &[(HEADER, "True")], false),
        ("GET", "/v1/secret/a", &[(HEADER, "")], false),
        ("GET", "/v1/secret/a", &[(HEADER, "true"), (HEADER, "true")], false),
        ("PUT", "/v1/sys/unseal", &[], false),
        // Probes send none.
        ("GET", "/v1/sys/health?standbyok=1", &[], true),
        ("HEAD", "/v1/sys/health", &[], true),
        ("OPTIONS", "/v1/secret/a", &[], true),
        ("PUT", "/v1/sys/health", &[], false),
        ("GET", "/v1/sys/health/", &[], false),
    ];
    let asks = Rules { requires_request_header: true, ..Rules::default() };
    for (method, target, fields, passes) in CASES {
        let request = Request::new(method, target, fields, b"").expect("a good head");
        let refusal = prepare(&request, &asks).err().filter(|it| it.status() == 412);
        let body = refusal.map(|response| response.body().to_vec());
        let want = br#"{"errors":["missing \"X-Vault-Request\" header"]}"#;
        let want = (!passes).then(|| [want.as_slice(), b"\n"].concat());
        assert_eq!(body, want, "{method} {target} {fields:?}");
        let lax = prepare(&request, &Rules::default()).err();
        assert!(lax.is_none_or(|it| it.status() != 412), "{method} {target} {fields:?}");
    }
}
