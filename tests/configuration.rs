//! Servers with a configuration: what is in it holds over the wire, and what cannot be is refused.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::peer::{Peer, ask};
use crate::process::{ConfiguredServer, Folder, Process, command};

/// Time in which what should happen at once has happened, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);
/// Time in which what should not happen would mostly have happened.
const MOMENT: Duration = Duration::from_millis(400);

/// A configuration whose listener has a port that the system chooses.
fn inmem() -> Value {
    json!({"storage": {"inmem": {}}, "listener": listener(json!({}))})
}

/// The same listener in HCL.
const HCL_LISTENER: &str = "\
# Plain, for clients of this machine.
listener \"tcp\" {
  address     = \"127.0.0.1:0\" // the system chooses
  tls_disable = 1
}
";

fn listener(more: Value) -> Value {
    let mut tcp = json!({"address": "127.0.0.1:0", "tls_disable": true});
    tcp.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "tcp": tcp })
}

/// Initialises and unseals a server; gives the root token.
fn open(server: &ConfiguredServer) -> String {
    let address = server.address();
    let body = r#"{"secret_shares":1,"secret_threshold":1}"#;
    let made = ask(address, "PUT", "/v1/sys/init", "", body).json();
    let body = json!({"key": made["keys"][0]}).to_string();
    assert_eq!(ask(address, "PUT", "/v1/sys/unseal", "", &body).status, 200);
    made["root_token"].as_str().unwrap().to_owned()
}

#[test]
fn keeps_secrets_once_it_is_initialised_and_unsealed() {
    let mut config = inmem();
    config["listener"] = json!([listener(json!({})), listener(json!({}))]);
    config["default_lease_ttl"] = json!("1h");
    let server = ConfiguredServer::start(&config);
    let [first, second] = server.addresses[..] else { panic!("{:?}", server.greeting) };
    assert_ne!(first, second);

    let status = ask(first, "GET", "/v1/sys/seal-status", "", "").json();
    assert_eq!((&status["initialized"], &status["sealed"]), (&json!(false), &json!(true)));
    assert_eq!(status["storage_type"], "inmem");
    assert_eq!(ask(second, "GET", "/v1/sys/health", "", "").status, 501);
    let token = open(&server);
    assert_eq!(ask(second, "GET", "/v1/sys/health", "", "").status, 200);

    // What came in at one listener is there at the other.
    let body = r#"{"user":"ann"}"#;
    assert_eq!(ask(first, "PUT", "/v1/secret/a", &token, body).status, 204);
    let read = ask(second, "GET", "/v1/secret/a", &token, "").json();
    assert_eq!(read["data"], json!({"user": "ann"}));
    assert_eq!(read["lease_duration"], 3600);
}

#[test]
fn greets_with_its_listeners_and_its_storage() {
    let server = ConfiguredServer::start(&inmem());
    let address = server.address();
    for line in [
        "==> Vault server configuration:".to_owned(),
        format!("             Api Address: http://{address}"),
        format!("              Listener 1: tcp (addr: \"{address}\", tls: \"disabled\")"),
        "                 Storage: inmem".to_owned(),
        "==> Vault server started! Log data will stream in below:".to_owned(),
    ] {
        assert_eq!(server.greeting.iter().filter(|said| **said == line).count(), 1, "{line}");
    }
    // Nothing of a development server.
    assert!(!server.greeting.iter().any(|line| line.contains("Root Token")));
    assert!(!server.home.path().join(".vault-token").exists());
}

#[test]
fn takes_files_and_folders_and_several_of_them() {
    let storage = json!({"storage": {"inmem": {}}}).to_string();
    let listening = json!({ "listener": listener(json!({})) }).to_string();
    let broken = "not for this server";
    for with_space in [false, true] {
        let (home, more) = (Folder::new(), Folder::new());
        // What a file is, its content says.
        for (name, text) in [("b.hcl", HCL_LISTENER), ("a.json", &storage), ("c.json", "ui = true")]
        {
            home.write(name, text);
        }
        for name in ["notes.txt", ".hidden.hcl", "#a.json", "a.hcl~"] {
            home.write(name, broken);
        }
        fs::create_dir(home.path().join("folder.hcl")).unwrap();
        let folder = home.path().to_str().unwrap().to_owned();
        let file = more.write("server.conf", &listening);
        let server = if with_space {
            ConfiguredServer::start_with(home, &["-config", &folder, "--config", &file])
        } else {
            let flags = [format!("-config={folder}"), format!("--config={file}")];
            ConfiguredServer::start_with(home, &[&flags[0], &flags[1]])
        };
        assert_eq!(server.addresses.len(), 2, "{:?}", server.greeting);
        assert_eq!(ask(server.addresses[1], "GET", "/v1/sys/init", "", "").status, 200);
    }
}

/// Images pass these flags always.
#[test]
fn flags_of_a_development_server_alone_have_no_effect() {
    let home = Folder::new();
    let path = home.write("server.json", &inmem().to_string());
    let config = format!("-config={path}");
    let flags = [&config, "-dev-root-token-id=", "-dev-listen-address=0.0.0.0:8200"];
    let server = ConfiguredServer::start_with(home, &flags);
    assert_eq!(server.addresses.len(), 1);
    assert_eq!(ask(server.address(), "GET", "/v1/sys/health", "", "").status, 501);
}

#[test]
fn a_development_server_takes_the_listeners_and_no_storage() {
    let mut config = inmem();
    config["storage"] = json!({"file": {"path": "/nonexistent"}});
    config["plugin_directory"] = json!("/nonexistent");
    let home = Folder::new();
    let config = format!("-config={}", home.write("server.json", &config.to_string()));
    let flags = ["-dev", &config, "-dev-listen-address=127.0.0.1:0", "-dev-root-token-id=wished"];
    let server = ConfiguredServer::start_with(home, &flags);
    let [own, extra] = server.addresses[..] else { panic!("{:?}", server.greeting) };
    assert_eq!(ask(own, "PUT", "/v1/secret/a", "wished", r#"{"k":"v"}"#).status, 204);
    assert_eq!(ask(extra, "GET", "/v1/secret/a", "wished", "").json()["data"], json!({"k": "v"}));
    let status = ask(extra, "GET", "/v1/sys/seal-status", "", "").json();
    assert_eq!(status["storage_type"], "inmem");
}

#[test]
fn serves_by_a_configuration_in_hcl() {
    let text = "\
\"storage\" \"inmem\" {
}
listener \"tcp\" {
  address = \"127.0.0.1:0\", tls_disable = \"true\"
  max_request_size = 0x64
  custom_response_headers {
    \"default\" = { \"X-Custom\" = [\"a\", \"b\",] }
  }
}
/* The other one has no limit of its own. */
listener = [{ tcp { address = \"127.0.0.1:0\" tls_disable = true } }]
plugin \"auth\" \"aws\" {}
default_lease_ttl = \"1h\"
";
    let home = Folder::new();
    let config = format!("-config={}", home.write("server.hcl", text));
    let flags =
        [config.as_str(), "-dev", "-dev-root-token-id=wished", "-dev-listen-address=127.0.0.1:0"];
    for flags in [&flags[..1], &flags] {
        let server = ConfiguredServer::start_with(Folder::new(), flags);
        let [.., strict, plain] = server.addresses[..] else { panic!("{:?}", server.greeting) };
        assert_eq!(server.addresses.len(), if flags.len() > 1 { 3 } else { 2 });
        let token = if flags.len() > 1 { "wished".to_owned() } else { open(&server) };
        let large = json!({"key": "x".repeat(100)}).to_string();
        assert_eq!(ask(strict, "PUT", "/v1/secret/a", &token, &large).status, 413);
        assert_eq!(ask(plain, "PUT", "/v1/secret/a", &token, &large).status, 204);
        let read = ask(strict, "GET", "/v1/secret/a", &token, "");
        assert_eq!(read.field("x-custom"), Some("a; b"));
        assert_eq!(read.json()["lease_duration"], 3600);
    }
}

#[test]
fn each_listener_has_rules_of_its_own() {
    let strict = json!({
        "max_request_size": 100, "max_request_json_strings": 4, "require_request_header": "true",
        "custom_response_headers": {"default": {"X-Custom": ["a", "b"]}},
        "http_read_header_timeout": "200ms",
    });
    let mut config = inmem();
    config["listener"] = json!([listener(strict), listener(json!({}))]);
    let server = ConfiguredServer::start(&config);
    let [strict, plain] = server.addresses[..] else { panic!("{:?}", server.greeting) };
    let large = json!({"key": "x".repeat(100)}).to_string();
    let complex = r#"{"a":["b","c","d","e"]}"#;
    let header = "X-Vault-Request: true\r\n";
    let cases = [
        (header, "GET", "/v1/sys/init", "", 200, 200),
        ("", "GET", "/v1/sys/init", "", 412, 200),
        ("", "GET", "/v1/sys/health", "", 501, 501),
        (header, "PUT", "/v1/sys/unseal", &large, 413, 400),
        (header, "PUT", "/v1/sys/unseal", complex, 400, 400),
    ];
    for (header, method, target, body, at_strict, at_plain) in cases {
        for (address, status) in [(strict, at_strict), (plain, at_plain)] {
            let (head, length) = (format!("{method} {target} HTTP/1.1\r\nHost: a\r\n"), body.len());
            let mut peer = Peer::connect(address);
            peer.send(format!("{head}{header}Content-Length: {length}\r\n\r\n{body}").as_bytes());
            let answer = peer.receive();
            assert_eq!(answer.status, status, "{method} {target} {header}{body}");
            // What ends before the API has none of the operator's fields.
            let custom = (address == strict && status != 413).then_some("a; b");
            assert_eq!(answer.field("x-custom"), custom, "{method} {target} {header}{body}");
            let message = String::from_utf8(answer.body).unwrap();
            let is_complex = message.contains("exceeded maximum number of strings");
            assert_eq!(is_complex, address == strict && body == complex, "{message}");
        }
    }
    for (address, time, status) in [(strict, SOON, Some(408)), (plain, MOMENT, None)] {
        let mut peer = Peer::connect(address);
        peer.send(b"GET /v1/sys/init HTTP/1.1\r\n");
        assert_eq!(peer.receive_within(time).map(|answer| answer.status), status);
    }
}

#[test]
fn refuses_a_configuration_that_it_cannot_keep_to() {
    let with = |key: &str, value: Value| {
        let mut config = inmem();
        config[key] = value;
        config.to_string()
    };
    // A file is no folder.
    let disk = |kind: &str| with("storage", json!({kind: {"path": "/proc/version"}}));
    let cases = [
        ("{", "server.json: line 1, column 2: this is not JSON: expected a name in quotes or '}'"),
        (
            "storage {\n  canary",
            "server.json: line 2, column 9: this is not HCL: expected '=', '{' or a",
        ),
        ("{}", "the configuration names no storage: give it one"),
        (r#"{"storage":{"inmem":{}}}"#, "the configuration names no listener: give it one"),
        (&disk("file"), "storage.file: storage in /proc/version: cannot read the folder"),
        (&disk("raft"), "storage.raft: storage in /proc/version: cannot read the folder"),
        (
            &with("listener", json!({"tcp": {"tls_key_file": "/nonexistent/canary"}})),
            "server.json: listener.tcp.tls_cert_file: is missing, and tls_key_file is there: add",
        ),
        (
            &with("listener", listener(json!({"max_request_size": "canary"}))),
            "server.json: listener.tcp.max_request_size: must be a whole number",
        ),
        (
            &with("listener", listener(json!({"address": "127.0.0.1"}))),
            "\"127.0.0.1\" is no address",
        ),
        // No network of any machine has this one.
        (&with("listener", listener(json!({"address": "192.0.2.1:0"}))), "cannot listen on 192.0"),
    ];
    for (config, message) in cases {
        let home = Folder::new();
        let path = home.write("server.json", config);
        check_refusal(&home, &path, message);
    }
    let home = Folder::new();
    check_refusal(&home, "/nonexistent", "/nonexistent: cannot be read: No such file");
    let folder = home.path().to_str().unwrap().to_owned();
    check_refusal(&home, &folder, "the configuration names no storage");
    home.write("server.hcl", "storage \"file\" { path = \"\" }");
    check_refusal(&home, &folder, "server.hcl: storage.file.path: is missing: name the folder");
}

/// The lines can be copied as they stand.
#[test]
fn tells_a_listener_without_a_certificate_how_to_get_one() {
    let home = Folder::new();
    let storage = "storage \"inmem\" {}";
    let path = home.write("server.hcl", &format!("{storage}\nlistener \"tcp\" {{}}\n"));
    let output = command(&home, &["server", "-config", &path]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(output.stdout.is_empty());
    let want = format!(
        "\
strongroom: {path}: listener.tcp.tls_cert_file: is missing, and so is tls_key_file: a listener \
speaks TLS unless it says otherwise. Add to it:

    tls_cert_file = \"server.crt\"
    tls_key_file = \"server.key\"

This makes such a pair for localhost, which clients trust once VAULT_CACERT names server.crt:

    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
-keyout server.key -out server.crt

Or serve without TLS. Whoever is on the way between clients and server then reads every token and
secret, so keep to the loopback, or to a proxy that ends TLS in front:

    tls_disable = true
"
    );
    assert_eq!(errors, want);
}

/// Each place of the log's settings counts before the next one. The address ends the process.
#[test]
fn logs_as_flags_variables_and_the_configuration_say_in_this_order() {
    const ADDRESS: &str = "listener \"tcp\" { address = \"nowhere\" tls_disable = true }";
    /// Settings, variables and flags; whether a warning is logged, and whether as JSON.
    type Case = (&'static str, Variables, &'static [&'static str], bool, bool);
    type Variables = &'static [(&'static str, &'static str)];
    const CASES: [Case; 7] = [
        ("", &[], &[], true, false),
        ("log_level = \"error\" log_format = \"json\"", &[], &[], false, true),
        ("log_level = \"Err\"", &[("BAO_LOG_LEVEL", "warn")], &[], true, false),
        ("log_level = \"error\"", &[("VAULT_LOG_LEVEL", "")], &[], false, false),
        ("", &[("VAULT_LOG_LEVEL", "trace"), ("VAULT_LOG_FORMAT", "json")], &[], true, true),
        ("", &[("VAULT_LOG_LEVEL", "trace")], &["-log-level=ERROR"], false, false),
        ("", &[("BAO_LOG_FORMAT", "json")], &["-log-format", "standard"], true, false),
    ];
    for (settings, variables, flags, warns, is_json) in CASES {
        let home = Folder::new();
        let text = format!("storage \"inmem\" {{}} {ADDRESS} {settings} unheard_of = \"canary\"");
        let path = home.write("server.hcl", &text);
        let mut command = command(&home, &["server", "-config", &path]);
        let output = command.args(flags).envs(variables.iter().copied()).output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let levels: Vec<&str> = log.lines().map(|line| level_of(line, is_json)).collect();
        let want: &[&str] = if warns { &["warn", "error"] } else { &["error"] };
        assert_eq!(levels, want, "{settings} {variables:?} {flags:?}: {log}");
    }
    let home = Folder::new();
    let path = home.write("server.json", &inmem().to_string());
    for flag in ["-log-level=canary", "-log-format=canary"] {
        let output = command(&home, &["server", "-config", &path, flag]).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{flag}");
        assert!(errors.contains("must be one of ") && !errors.contains("canary"), "{errors}");
    }
}

fn level_of(line: &str, is_json: bool) -> &'static str {
    let known = ["warn", "error"].into_iter();
    let found = if is_json {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["@module"], "core");
        assert!(entry["@timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(!entry["@message"].as_str().unwrap().is_empty());
        known.into_iter().find(|level| entry["@level"] == *level)
    } else {
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), "2026-11-21T19:20:00.000Z".len(), "{line}");
        known.into_iter().find(|level| {
            let mark = format!("[{}]", level.to_uppercase());
            rest.starts_with(&format!("{mark:7} core: "))
        })
    };
    found.unwrap_or_else(|| panic!("{line}"))
}

/// Supervisors find the process by its file, and are told when it serves.
#[cfg(unix)]
#[test]
fn tells_its_supervisors_who_it_is_and_that_it_serves() {
    let home = Folder::new();
    let socket = home.path().join("notify");
    let supervisor = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    supervisor.set_read_timeout(Some(SOON)).unwrap();
    let pid_file = home.write("server.pid", "1\n");
    let text = format!("storage \"inmem\" {{}}\n{HCL_LISTENER}\npid_file = {pid_file:?}");
    let path = home.write("server.hcl", &text);
    let mut command = command(&home, &["server", "-config", &path]);
    command.env("NOTIFY_SOCKET", &socket).stdout(Stdio::piped());
    let mut process = Process::start(&mut command);
    let (_, _stdout) = crate::process::read_greeting(&mut process);
    let mut notice = [0; 100];
    let length = supervisor.recv(&mut notice).unwrap();
    assert_eq!(notice.get(..length), Some(b"READY=1".as_slice()));
    assert_eq!(fs::read_to_string(pid_file).unwrap(), format!("{}\n", process.child.id()));
}

fn check_refusal(home: &Folder, path: &str, message: &str) {
    let output = command(home, &["server", "-config", path]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}: {errors}");
    assert!(output.stdout.is_empty(), "{message}");
    assert!(errors.contains(message) && errors.lines().count() == 1, "{message}: {errors}");
    assert!(!errors.contains("canary"), "{errors}");
}

#[test]
fn warns_of_unknown_keys_and_serves_on_while_nobody_reads_it() {
    let mut config = inmem();
    for number in 0..5_000 {
        config[format!("unknown_{number}")] = json!("canary");
    }
    let home = Folder::new();
    let path = home.write("server.json", &config.to_string());
    let mut command = command(&home, &["server", "-config", &path]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(&mut command);
    // It serves, as the last line of its greeting says, before anybody reads the warnings.
    let (greeting, _) = crate::process::read_greeting(&mut process);
    let address = greeting.iter().find_map(|line| line.split_once("http://")).unwrap().1;
    let address: SocketAddr = address.parse().unwrap();
    assert_eq!(ask(address, "GET", "/v1/sys/init", "", "").status, 200);
    let stderr = process.child.stderr.take().unwrap();
    process.signal("TERM");
    let errors = std::io::read_to_string(stderr).unwrap();
    let first = format!(" [WARN]  core: {path}: unknown_0 is not known and has no effect");
    assert!(errors.lines().next().is_some_and(|line| line.ends_with(&first)), "{errors}");
    assert!(errors.lines().count() < 100 && !errors.contains("canary"), "{errors}");
}
