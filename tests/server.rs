//! The `strongroom` binary: its command line, its start and end, and its connections.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use strongroom::blocking::CONNECTIONS_MAX;

use crate::peer::{Peer, ask, request};
use crate::process::{DevServer, Folder, Process, command, run};
use crate::serving::{ADAPTERS, Serving, TOKEN, plain};

/// Time in which what should happen at once has happened, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);
/// Time in which what should not happen would mostly have happened.
const MOMENT: Duration = Duration::from_millis(200);

fn may_look_up_itself(server: &DevServer, token: &str) -> bool {
    ask(server.address, "GET", "/v1/auth/token/lookup-self", token, "").status == 200
}

// --- The command line ---

#[test]
fn prints_its_version() {
    for word in ["version", "-version", "--version", "-v"] {
        let output = run(&[word]);
        assert!(output.status.success(), "{word}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("Strongroom v2.6.2"), "{word}: {text}");
        assert_eq!(text.lines().count(), 1, "{word}: {text}");
    }
}

#[test]
fn refuses_what_it_does_not_understand() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "Usage: strongroom"),
        (&["serve"], "unknown command \"serve\""),
        (&["server"], "needs -config=FILE, or -dev"),
        (&["server", "-dev", "-nonsense"], "flag provided but not defined: -nonsense"),
        (&["server", "-dev", "--nonsense=1"], "flag provided but not defined: -nonsense"),
        (&["server", "-dev", "-dev-root-token-id"], "needs an argument: -dev-root-token-id"),
        (&["server", "-config"], "needs an argument: -config"),
        (&["server", "-dev", "extra"], "unexpected argument \"extra\""),
        (&["server", "-dev", "-dev-listen-address=nowhere"], "\"nowhere\" is no address"),
    ];
    for (arguments, message) in cases {
        let output = run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn says_that_its_address_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Folder::new();
    let arguments = ["server", "-dev", "-dev-listen-address", &address];
    let output = command(&home, &arguments).output().unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains(&format!("cannot listen on {address}")), "{errors}");
    assert!(!home.path().join(".vault-token").exists());
}

// --- The development server ---

#[test]
fn greets_with_what_tools_look_for() {
    let server = DevServer::start(&[]);
    for mark in ["Unseal Key: ", "Root Token: ", "Vault server started!"] {
        assert_eq!(server.greeting.iter().filter(|line| line.contains(mark)).count(), 1, "{mark}");
    }
    assert!(may_look_up_itself(&server, &server.root_token));
    let key = server.greeting.iter().find_map(|line| line.strip_prefix("Unseal Key: ")).unwrap();

    // The key is the one that opens it again.
    let sealed = ask(server.address, "PUT", "/v1/sys/seal", &server.root_token, "");
    assert_eq!(sealed.status, 204);
    assert_eq!(ask(server.address, "GET", "/v1/sys/health", "", "").status, 503);
    let body = serde_json::json!({ "key": key }).to_string();
    assert_eq!(ask(server.address, "PUT", "/v1/sys/unseal", "", &body).status, 200);
    assert_eq!(ask(server.address, "GET", "/v1/sys/health", "", "").status, 200);
}

#[test]
fn takes_the_root_token_that_is_wished() {
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)]);
    let cases: [Case; 6] = [
        (&["-dev-root-token-id=wished"], &[]),
        (&["-dev-root-token-id", "wished"], &[]),
        (&["--dev-root-token-id=wished"], &[]),
        (&[], &[("VAULT_DEV_ROOT_TOKEN_ID", "wished")]),
        (&[], &[("BAO_DEV_ROOT_TOKEN_ID", "wished")]),
        (&["-dev-root-token-id=wished"], &[("VAULT_DEV_ROOT_TOKEN_ID", "other")]),
    ];
    for (arguments, variables) in cases {
        let server = DevServer::start_with(arguments, variables);
        assert_eq!(server.root_token, "wished", "{arguments:?} {variables:?}");
        assert!(may_look_up_itself(&server, "wished"), "{arguments:?} {variables:?}");
    }
    // An empty wish is none.
    let server = DevServer::start(&["-dev-root-token-id="]);
    assert!(server.root_token.len() > 20, "{}", server.root_token);
    assert!(may_look_up_itself(&server, &server.root_token));
}

#[test]
fn listens_where_a_variable_says() {
    for variable in ["VAULT_DEV_LISTEN_ADDRESS", "BAO_DEV_LISTEN_ADDRESS"] {
        let (home, address) = (Folder::new(), free_address());
        let mut command = command(&home, &["server", "-dev"]);
        let _process = Process::start(
            command.env(variable, address.to_string()).stdout(Stdio::null()).stderr(Stdio::null()),
        );
        let health = Peer::connect_patiently(address).ask("GET", "/v1/sys/health", "", "");
        assert_eq!(health.status, 200, "{variable}");
    }
}

#[test]
fn a_server_of_kv_version_1_is_a_development_server() {
    // The last word on -dev counts.
    let server = DevServer::start(&["-dev=false", "-dev-kv-v1"]);
    let token = server.root_token.as_str();
    assert_eq!(ask(server.address, "PUT", "/v1/secret/a", token, r#"{"k":"v"}"#).status, 204);
    let read = ask(server.address, "GET", "/v1/secret/a", token, "");
    assert_eq!(read.json()["data"], serde_json::json!({"k": "v"}));
}

#[test]
fn saves_the_token_for_its_owner_alone() {
    let server = DevServer::start(&[]);
    let path = server.home.path().join(".vault-token");
    assert_eq!(fs::read_to_string(&path).unwrap(), server.root_token);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn closes_a_saved_token_that_was_open_to_others() {
    let (home, address) = (Folder::new(), free_address());
    let path = home.path().join(".vault-token");
    fs::write(&path, "an older and much longer token than the one to come").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let flag = format!("-dev-listen-address={address}");
    let mut command = command(&home, &["server", "-dev", &flag, "-dev-root-token-id=wished"]);
    let _process = Process::start(command.stdout(Stdio::null()));
    Peer::connect_patiently(address).ask("GET", "/v1/sys/health", "", "");
    // It listens before it saves.
    let start = std::time::Instant::now();
    while fs::read_to_string(&path).unwrap() != "wished" {
        assert!(start.elapsed() < SOON, "the token is not saved");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn saves_no_token_if_told_so() {
    let server = DevServer::start(&["-dev-no-store-token"]);
    assert_eq!(fs::read_dir(server.home.path()).unwrap().count(), 0);
}

#[test]
fn ends_promptly_when_told_so() {
    for (adapter, signal) in [("smol", "TERM"), ("blocking", "INT")] {
        let mut server = DevServer::start(&[&format!("-adapter={adapter}")]);
        let mut idle = Peer::connect(server.address);
        assert_eq!(idle.ask("GET", "/v1/sys/health", "", "").status, 200);
        server.process.signal(signal);
        assert!(server.process.ends_within(SOON), "{adapter} SIG{signal}");
    }
}

#[test]
fn the_binary_has_no_route_of_the_simulator() {
    let server = DevServer::start(&[]);
    let body = r#"{"input":"x"}"#;
    let answer = ask(server.address, "POST", "/v1/sys/simulation/job", &server.root_token, body);
    assert_eq!(answer.status, 404);
}

// --- Connections ---

#[test]
fn serves_on_while_nobody_reads_what_it_prints() {
    for adapter in ADAPTERS {
        let (home, address) = (Folder::new(), free_address());
        let listening = format!("-dev-listen-address={address}");
        let adapter = format!("-adapter={adapter}");
        let flags = ["server", "-dev", &listening, &adapter, "-dev-root-token-id=wished"];
        let mut command = command(&home, &flags);
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut peer = Peer::connect_patiently(address);
        // A line for each of these would fill a pipe of 64 KiB.
        for number in 0..2_000 {
            let (token, status) = if number % 2 == 0 { ("wished", 404) } else { ("wrong", 403) };
            assert_eq!(peer.ask("GET", "/v1/secret/none", token, "").status, status);
        }
        // Nor does it end when what it prints goes nowhere.
        drop((process.child.stdout.take(), process.child.stderr.take()));
        assert_eq!(peer.ask("GET", "/v1/secret/none", "wished", "").status, 404);
        assert_eq!(ask(address, "GET", "/v1/sys/health", "", "").status, 200);
    }
}

#[test]
fn serves_a_request_that_comes_byte_by_byte() {
    for adapter in ADAPTERS {
        let server = Serving::start(adapter, &[plain()]);
        let mut peer = Peer::connect(server.address());
        for byte in request("PUT", "/v1/secret/slow", TOKEN, r#"{"k":"v"}"#).as_bytes() {
            peer.send(&[*byte]);
        }
        assert_eq!(peer.receive().status, 204, "{adapter}");
        let read = peer.ask("GET", "/v1/secret/slow", TOKEN, "");
        assert_eq!(read.json()["data"], serde_json::json!({"k": "v"}), "{adapter}");
    }
}

#[test]
fn serves_a_good_client_beside_300_idle_connections() {
    let server = DevServer::start(&["-adapter=blocking"]);
    let mut idle: Vec<Peer> = (0..300).map(|_| Peer::connect(server.address)).collect();
    assert!(idle.len() > CONNECTIONS_MAX);
    let mut good = Peer::connect(server.address);
    for _ in 0..10 {
        assert_eq!(good.ask("GET", "/v1/sys/health", "", "").status, 200);
    }
    // Those that are over the bound had to go, the oldest first.
    let over = idle.len() + 1 - CONNECTIONS_MAX;
    for peer in &mut idle[..over] {
        assert!(peer.is_ended_within(SOON));
    }
    assert_eq!(idle[over].ask("GET", "/v1/sys/health", "", "").status, 200);
}

#[test]
fn closes_the_connection_that_is_idle_longest_for_a_new_one() {
    for adapter in ADAPTERS {
        let server = Serving::start_for(adapter, &[plain()], 4);
        let address = server.address();
        let mut peers: Vec<Peer> = (0..4).map(|_| Peer::connect(address)).collect();
        for at in [0, 1, 2, 3, 0] {
            assert_eq!(peers[at].ask("GET", "/v1/sys/init", "", "").status, 200);
        }
        // A connection counts as idle a little after its answer has come.
        std::thread::sleep(MOMENT);
        peers.push(Peer::connect(address));
        assert_eq!(peers[4].ask("GET", "/v1/sys/init", "", "").status, 200);
        assert!(peers[1].is_ended_within(SOON));
        for at in [0, 2, 3, 4] {
            assert_eq!(peers[at].ask("GET", "/v1/sys/init", "", "").status, 200, "peer {at}");
        }
    }
}

#[test]
fn closes_the_connection_that_has_its_last_answer_before_one_that_was_idle_later() {
    for adapter in ADAPTERS {
        let server = Serving::start_for(adapter, &[plain()], 2);
        let mut refused = Peer::connect(server.address());
        refused.send(b"nonsense\r\n\r\n");
        assert_eq!(refused.receive().status, 400, "{adapter}");
        let mut idle = Peer::connect(server.address());
        assert_eq!(idle.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
        // A connection counts as idle a little after its answer has come.
        std::thread::sleep(MOMENT);
        let mut good = Peer::connect(server.address());
        assert_eq!(good.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
        assert_eq!(idle.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
        assert!(refused.is_ended_within(SOON), "{adapter}");
    }
}

#[test]
fn closes_the_connection_that_asks_bit_by_bit_where_none_is_idle() {
    for adapter in ADAPTERS {
        let server = Serving::start_for(adapter, &[plain()], 1);
        let address = server.address();
        let mut slow = Peer::connect(address);
        slow.send(b"GET /v1/sys/init HTTP/1.1\r\nHost");
        std::thread::sleep(MOMENT);
        let mut good = Peer::connect(address);
        assert_eq!(good.ask("GET", "/v1/sys/init", "", "").status, 200);
        assert!(slow.is_ended_within(SOON));
    }
}

/// An address that was free just now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn lets_paths_of_secrets_end_in_a_period_by_a_flag() {
    for (arguments, status) in [(&[][..], 404), (&["-allow-trailing-period"], 204)] {
        let server = DevServer::start(arguments);
        let token = server.root_token.as_str();
        let answer = ask(server.address, "POST", "/v1/secret/a.", token, r#"{"v":1}"#);
        assert_eq!(answer.status, status, "{arguments:?}");
    }
}
