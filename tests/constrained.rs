//! The server for constrained hosts: the blocking adapter alone, in little memory and of few parts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;

use serde_json::json;
use strongroom_tests::program;

use crate::peer::{Peer, Way};
use crate::process::target_folder;
use crate::site::Site;

/// KiB of memory for data, stacks among them, that the process may have.
const DATA_KIB: u32 = 16 * 1024;
/// Packages that the adapter may need, each counted for as often as `cargo tree` shows it.
const TREE_LINES_MAX: usize = 90;
const CONNECTIONS: usize = 8;
const SECRETS: usize = 200;

/// The server without what a constrained host does not need. Its parts are in a folder of their own, so
/// that they do not take the place of those that everybody builds.
fn program() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let target = target_folder().join("constrained");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("constrained");
        fs::create_dir_all(&folder).unwrap();
        let choice = ["-p", "strongroom", "--bin", "strongroom", "--no-default-features"];
        let mut arguments = vec!["--target-dir", target.to_str().unwrap()];
        arguments.extend(choice);
        arguments.extend(["--features", "blocking,embedded"]);
        program::build(&arguments, "strongroom", &folder).unwrap_or_else(|error| panic!("{error}"))
    })
}

fn limited() -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -d {DATA_KIB} && exec \"$0\" \"$@\"")).arg(program());
    shell
}

#[test]
fn serves_in_16_mib() {
    let site = Site::of(limited, "blocking");
    let (mut life, key, token) = site.found();
    let (token, ways) = (token.as_str(), life.ways.clone());
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let way = &ways[number % ways.len()];
            scope.spawn(move || work(way, number, token));
        }
    });
    life.process.signal("TERM");
    life.expect_end(0, crate::site::GRACE);

    let life = site.start();
    life.unseal(&key);
    let mut peer = Peer::connect(&life.ways[1]);
    let keys = peer.ask("LIST", "/v1/secret", token, "").json();
    assert_eq!(keys["data"]["keys"].as_array().map(Vec::len), Some(CONNECTIONS));
}

fn work(way: &Way, connection: usize, token: &str) {
    let mut peer = Peer::connect(way);
    let share = SECRETS / CONNECTIONS;
    for number in 0..share {
        let path = format!("/v1/secret/{connection}/{number}");
        let secret = json!({"number": number, "text": "x".repeat(1000)});
        assert_eq!(peer.ask("PUT", &path, token, &secret.to_string()).status, 204, "{path}");
        let read = peer.ask("GET", &path, token, "");
        assert_eq!(read.json()["data"], secret, "{path}");
    }
    let keys = peer.ask("LIST", &format!("/v1/secret/{connection}"), token, "").json();
    assert_eq!(keys["data"]["keys"].as_array().map(Vec::len), Some(share));
}

#[test]
fn has_nothing_of_what_a_constrained_host_does_not_need() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "strongroom", "-e", "normal"])
        .args(["--no-default-features", "--features", "blocking"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("rustls v"), "{tree}");
    for name in ["smol v", "async-io v", "ureq v", "redb v"] {
        assert!(!tree.contains(name), "{tree}");
    }
    let lines = tree.lines().count();
    assert!(lines <= TREE_LINES_MAX, "{lines} lines:\n{tree}");
}
