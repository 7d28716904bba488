//! What commands send, and how they go on from answers that our server does not give.

use std::process::Output;

use crate::canned::{Answer, Canned};
use crate::process::{Folder, command};

fn answer(request: &'static str, body: &str) -> Answer {
    (request, 200, String::new(), body.to_owned())
}

/// Runs a command against a server; gives status and both streams.
fn run(server: &Canned, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String, String) {
    let home = Folder::new();
    let mut command = command(&home, arguments);
    command.env("VAULT_ADDR", &server.address).env("VAULT_TOKEN", "s.mine");
    let Output { status, stdout, stderr } =
        command.envs(variables.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The requests as lines: method, target, body.
fn sent(server: &Canned) -> Vec<String> {
    let seen = server.seen().into_iter();
    seen.map(|request| format!("{} {}", request.line, request.body).trim_end().to_owned()).collect()
}

#[test]
fn settings_become_header_fields() {
    let server = Canned::start(vec![answer("GET /v1/a", r#"{"data":{"k":"v"}}"#)]);
    let flags = [
        "read",
        "-ns=/x/y",
        "-header=X-Own=1",
        "-header=x-two=2",
        "-wrap-ttl=90s",
        "-mfa=m:1",
        "-policy-override",
        "a",
    ];
    run(&server, &[("VAULT_NAMESPACE", "other")], &flags);
    let seen = server.seen();
    for (name, value) in [
        ("x-vault-request", "true"),
        ("x-vault-token", "s.mine"),
        ("x-vault-namespace", "x/y/"),
        ("x-own", "1"),
        ("x-two", "2"),
        ("x-vault-wrap-ttl", "90s"),
        ("x-vault-mfa", "m:1"),
        ("x-vault-policy-override", "true"),
    ] {
        assert_eq!(seen[0].field(name), Some(value), "{name}");
    }
    run(&server, &[("VAULT_NAMESPACE", "other")], &["read", "a"]);
    let seen = server.seen();
    assert_eq!(seen[0].field("x-vault-namespace"), Some("other/"));
    assert_eq!(seen[0].field("x-vault-wrap-ttl"), None);
}

#[test]
fn a_redirect_is_followed_once_with_the_token() {
    let active = Canned::start(vec![answer("PUT /v1/a", r#"{"data":{"k":"v"}}"#)]);
    let location = format!("location: {}/v1/a\r\n", active.address);
    let standby = Canned::start(vec![("PUT /v1/a", 307, location, String::new())]);
    let (status, shown, errors) = run(&standby, &[], &["write", "-field=k", "a", "x=y"]);
    assert_eq!((status, shown.as_str()), (0, "v"), "{errors}");
    let seen = active.seen();
    assert_eq!(seen[0].field("x-vault-token"), Some("s.mine"));
    assert_eq!(seen[0].body, r#"{"x":"y"}"#);
    run(&standby, &[], &["write", "-disable-redirects", "a", "x=y"]);
    assert!(active.seen().is_empty());
    let circle = Canned::start(vec![
        ("GET /v1/a", 307, "location: /v1/b\r\n".to_owned(), String::new()),
        ("GET /v1/b", 307, "location: /v1/a\r\n".to_owned(), String::new()),
    ]);
    run(&circle, &[], &["read", "a"]);
    assert_eq!(sent(&circle), ["GET /v1/a", "GET /v1/b"]);
}

#[test]
fn only_who_asks_for_it_tries_again() {
    let busy = |request| (request, 503, String::new(), r#"{"errors":["busy"]}"#.to_owned());
    let server = Canned::start(vec![
        busy("GET /v1/a"),
        answer("GET /v1/a", r#"{"data":{"k":"v"}}"#),
        busy("GET /v1/b"),
        ("GET /v1/c", 501, String::new(), String::new()),
    ]);
    let once = [("VAULT_MAX_RETRIES", "1")];
    let (status, shown, _) = run(&server, &once, &["read", "-field=k", "a"]);
    assert_eq!((status, shown.as_str()), (0, "v"));
    assert_eq!(server.seen().len(), 2);
    for (variables, path, count) in [(once.as_slice(), "b", 2), (&[], "b", 1), (&once, "c", 1)] {
        assert_eq!(run(&server, variables, &["read", path]).0, 2);
        assert_eq!(server.seen().len(), count, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_server_may_be_behind_a_socket() {
    let home = Folder::new();
    let path = home.path().join("s");
    let server = Canned::start_at(&path, vec![answer("PUT /v1/a", r#"{"data":{"k":"v"}}"#)]);
    let (status, shown, errors) = run(&server, &[], &["write", "-field=k", "a", "x=y"]);
    assert_eq!((status, shown.as_str()), (0, "v"), "{errors}");
    let seen = server.seen();
    assert_eq!(seen[0].body, r#"{"x":"y"}"#);
    assert_eq!(seen[0].field("host"), Some("localhost"));
}

const MOUNT_V2: &str = r#"{"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}"#;

#[test]
fn keys_of_version_2_have_paths_and_versions() {
    let version = r#"{"created_time":"2026","custom_metadata":null,"deletion_time":"","destroyed":false,"version":3}"#;
    let key = format!(r#"{{"data":{{"data":{{"k":"v","n":7}},"metadata":{version}}}}}"#);
    let server = Canned::start(vec![
        answer("GET /v1/sys/internal/ui/mounts/secret/a", MOUNT_V2),
        answer("GET /v1/sys/internal/ui/mounts/secret", MOUNT_V2),
        answer("GET /v1/secret/data/a", &key),
        answer("GET /v1/secret/data/a?version=2", &key),
        answer("PUT /v1/secret/data/a", &format!(r#"{{"data":{version}}}"#)),
        ("PATCH /v1/secret/data/a", 405, String::new(), r#"{"errors":["no"]}"#.to_owned()),
        answer("GET /v1/secret/metadata?list=true", r#"{"data":{"keys":["a","b/"]}}"#),
        ("DELETE /v1/secret/data/a", 204, String::new(), String::new()),
        ("PUT /v1/secret/undelete/a", 204, String::new(), String::new()),
    ]);
    let shown = |arguments: &[&str]| {
        let (status, shown, errors) = run(&server, &[], arguments);
        assert_eq!(status, 0, "{arguments:?}: {errors}");
        shown
    };
    let metadata = "======= Metadata =======\nKey                Value\n---                -----\n\
                    created_time       2026\ncustom_metadata    <nil>\ndeletion_time      n/a\n\
                    destroyed          false\nversion            3\n";
    let path = "== Secret Path ==\nsecret/data/a\n\n";
    let data = "\n== Data ==\nKey    Value\n---    -----\nk      v\nn      7\n";
    assert_eq!(shown(&["kv", "get", "secret/a"]), format!("{path}{metadata}{data}"));
    assert_eq!(shown(&["kv", "get", "-mount=secret", "-field=k", "a"]), "v");
    assert_eq!(shown(&["kv", "put", "-cas=3", "secret/a", "k=w"]), format!("{path}{metadata}"));
    assert_eq!(shown(&["kv", "list", "-mount=secret"]), "Keys\n----\na\nb/\n");
    sent(&server);
    shown(&["kv", "put", "-cas=3", "secret/a", "k=w"]);
    shown(&["kv", "patch", "secret/a", "n=8"]);
    shown(&["kv", "rollback", "-version=2", "secret/a"]);
    shown(&["kv", "delete", "secret/a"]);
    shown(&["kv", "undelete", "-versions=1,2", "secret/a"]);
    let preflight = "GET /v1/sys/internal/ui/mounts/secret/a";
    assert_eq!(
        sent(&server),
        [
            preflight,
            r#"PUT /v1/secret/data/a {"data":{"k":"w"},"options":{"cas":3}}"#,
            preflight,
            r#"PATCH /v1/secret/data/a {"data":{"n":"8"},"options":{}}"#,
            "GET /v1/secret/data/a",
            r#"PUT /v1/secret/data/a {"data":{"k":"v","n":"8"},"options":{"cas":3}}"#,
            preflight,
            "GET /v1/secret/data/a",
            "GET /v1/secret/data/a?version=2",
            r#"PUT /v1/secret/data/a {"data":{"k":"v","n":7},"options":{"cas":3}}"#,
            preflight,
            "DELETE /v1/secret/data/a",
            preflight,
            r#"PUT /v1/secret/undelete/a {"versions":["1","2"]}"#,
        ]
    );
}

/// Requests of commands for endpoints that our server does not have.
#[test]
fn commands_send_what_the_reference_takes() {
    let cases: [(&[&str], &str); 8] = [
        (&["lease", "lookup", "a/b"], r#"PUT /v1/sys/leases/lookup {"lease_id":"a/b"}"#),
        (
            &["lease", "renew", "-increment=1h", "a/b"],
            r#"PUT /v1/sys/leases/renew {"lease_id":"a/b","increment":"1h"}"#,
        ),
        (
            &["lease", "revoke", "-sync", "a/b"],
            r#"PUT /v1/sys/leases/revoke {"sync":true,"lease_id":"a/b"}"#,
        ),
        (&["lease", "revoke", "-force", "-prefix", "a"], "PUT /v1/sys/leases/revoke-force/a"),
        (
            &["audit", "enable", "file", "file_path=/x"],
            r#"PUT /v1/sys/audit/file {"type":"file","description":"","local":false,"options":{"file_path":"/x"}}"#,
        ),
        (&["token", "renew", "s.t"], r#"PUT /v1/auth/token/renew {"token":"s.t"}"#),
        (
            &["token", "revoke", "-accessor", "x"],
            r#"PUT /v1/auth/token/revoke-accessor {"accessor":"x"}"#,
        ),
        (
            &["login", "-method=approle", "-path=r", "role_id=a", "secret_id=b"],
            r#"PUT /v1/auth/r/login {"role_id":"a","secret_id":"b"}"#,
        ),
    ];
    let server = Canned::start(Vec::new());
    for (arguments, want) in cases {
        run(&server, &[], arguments);
        assert_eq!(sent(&server), [want], "{arguments:?}");
    }
}

#[test]
fn a_login_is_shown_as_a_table() {
    let auth = r#"{"auth":{"client_token":"s.t","accessor":"x","policies":["default"],"token_policies":["default"],"lease_duration":3600,"renewable":true}}"#;
    let server = Canned::start(vec![answer("PUT /v1/auth/userpass/login/ann", auth)]);
    let login = ["login", "-method=userpass", "-no-store", "username=ann", "password=p"];
    let (status, table, errors) = run(&server, &[], &login);
    assert_eq!(status, 0, "{errors}");
    assert!(table.contains("token_duration       1h\n"), "{table}");
    assert!(table.contains("policies             [\"default\"]\n"), "{table}");
}

/// Servers of many years ago: they tell no mounts of paths, lists without an envelope, and capabilities
/// under one name.
#[test]
fn older_servers_are_understood() {
    let server = Canned::start(vec![
        answer("GET /v1/secret/a", r#"{"data":{"k":"v"}}"#),
        answer("GET /v1/sys/mounts", r#"{"secret/":{"type":"generic","description":"own"}}"#),
        answer("POST /v1/sys/capabilities-self", r#"{"capabilities":["update","read"]}"#),
    ]);
    let cases: [(&[&str], &str); 3] = [
        (&["kv", "get", "-field=k", "secret/a"], "v"),
        (
            &["secrets", "list"],
            "Path       Type       Accessor    Description\n\
             ----       ----       --------    -----------\n\
             secret/    generic    n/a         own\n",
        ),
        (&["token", "capabilities", "a"], "read, update\n"),
    ];
    for (arguments, want) in cases {
        let (status, shown, errors) = run(&server, &[], arguments);
        assert_eq!((status, shown.as_str()), (0, want), "{arguments:?}: {errors}");
    }
}
