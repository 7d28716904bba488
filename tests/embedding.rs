//! The core's example `embedded`, as an embedder would run it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::peer::{Peer, ask};
use crate::process::{Process, build};

struct Embedded {
    address: SocketAddr,
    root_token: String,
    _process: Process,
}

fn start() -> Embedded {
    let path = build(&["-p", "strongroom-core", "--example", "embedded"], "embedded");
    let mut process =
        Process::start(Command::new(path).stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap().parse().unwrap();
    let root_token = lines.next().unwrap().unwrap();
    Embedded { address, root_token, _process: process }
}

#[test]
fn the_embedded_example_is_a_server() {
    let server = start();
    let token = server.root_token.as_str();

    let health = ask(server.address, "GET", "/v1/sys/health", "", "");
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["sealed"], false);

    // One connection may carry many requests.
    let mut peer = Peer::connect(server.address);
    let body = r#"{"user":"ann","tries":3}"#;
    assert_eq!(peer.ask("PUT", "/v1/secret/a/b", token, body).status, 204);
    let read = peer.ask("GET", "/v1/secret/a/b", token, "");
    assert_eq!(read.status, 200);
    assert_eq!(read.json()["data"], serde_json::json!({"user": "ann", "tries": 3}));
    assert_eq!(peer.ask("GET", "/v1/secret/a/none", token, "").status, 404);
    assert_eq!(peer.ask("GET", "/v1/secret/a/b", "wrong", "").status, 403);
    assert_eq!(peer.ask("GET", "/v1/secret/a/b", "", "").status, 403);
    drop(peer);

    // What one connection wrote, the next one reads; and silence of one does not stop the others.
    let _silent = Peer::connect(server.address);
    assert_eq!(ask(server.address, "GET", "/v1/secret/a/b", token, "").status, 200);

    // A connection that is asked to end ends, and a malformed request is answered.
    let mut peer = Peer::connect(server.address);
    peer.send(b"GET /v1/sys/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(peer.receive().status, 200);
    assert!(peer.is_ended_within(std::time::Duration::from_secs(10)));
    let mut peer = Peer::connect(server.address);
    peer.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    assert_eq!(peer.receive().status, 400);
}
