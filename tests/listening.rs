//! Listeners of one server, on both adapters: sockets in the file system, and several places at once.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use strongroom::net::Listener;
use strongroom_tests::certificate::Authority;

use crate::peer::{Peer, Way, ask};
use crate::process::Folder;
use crate::serving::{
    ADAPTERS, Serving, TOKEN, at_path, client, plain, server_files, tls, with_tls,
};

/// Time in which what should happen at once has happened, on a machine under load too.
const SOON: Duration = Duration::from_secs(10);
/// Time in which what should not happen would mostly have happened.
const MOMENT: Duration = Duration::from_millis(200);

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn serves_at(path: &Path) -> bool {
    let peer = Peer::try_connect(Way::Unix(path.to_owned()));
    peer.is_ok_and(|mut peer| peer.ask("GET", "/v1/sys/health", "", "").status == 200)
}

#[test]
fn serves_in_the_file_system_and_leaves_nothing_behind() {
    for adapter in ADAPTERS {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        for (wanted, means) in [(Some(0o660), 0o660), (Some(0o600), 0o600), (Some(0o777), 0o777)] {
            let mut server = Serving::start(adapter, &[at_path(&path, wanted)]);
            assert_eq!(mode(&path), means, "{adapter}");
            let mut peer = Peer::connect(Way::Unix(path.clone()));
            let secret = json!({"long": "x".repeat(500_000)});
            let written = peer.ask("PUT", "/v1/secret/a", TOKEN, &secret.to_string());
            assert_eq!(written.status, 204, "{adapter}");
            let read = peer.ask("GET", "/v1/secret/a", TOKEN, "");
            assert_eq!(read.json()["data"], secret, "{adapter}");
            server.stop();
            assert!(peer.is_ended_within(SOON), "{adapter}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{adapter}");
        }
    }
}

#[test]
fn takes_the_place_of_a_socket_that_nobody_listens_to_and_of_nothing_else() {
    let folder = Folder::new();
    let path = folder.path().join("socket");
    let refusal = || Listener::bind(&at_path(&path, None)).err().unwrap_or_default();

    // What the end of its process leaves.
    drop(UnixListener::bind(&path).unwrap());
    let server = Serving::start("blocking", &[at_path(&path, None)]);
    assert!(serves_at(&path));
    assert!(refusal().contains("socket: address in use"), "{}", refusal());
    assert!(serves_at(&path));
    // Another one in its place is not its own to remove.
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    drop(server);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    drop(other);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "kept").unwrap();
    assert!(refusal().contains("it is there and no socket"), "{}", refusal());
    assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    let missing = folder.path().join("missing/socket");
    let error = Listener::bind(&at_path(&missing, None)).err().unwrap_or_default();
    assert!(error.contains("cannot listen on") && error.contains("missing/socket"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn serves_plain_bytes_tls_and_a_socket_in_the_file_system_side_by_side() {
    for adapter in ADAPTERS {
        let (authority, folder) = (Authority::new("authority"), Folder::new());
        let files = server_files(&authority, folder.path());
        let path = folder.path().join("socket");
        let listeners = [plain(), with_tls(tls(&files)), at_path(&path, Some(0o600))];
        let server = Serving::start_for(adapter, &listeners, 3);
        let [plain, secured] = server.addresses[..] else { panic!("two are of the network") };
        let ways =
            [Way::Plain(plain), Way::Tls(secured, client(&authority.pem())), Way::Unix(path)];
        for (at, way) in ways.iter().enumerate() {
            let body = json!({ "at": at }).to_string();
            assert_eq!(ask(way, "PUT", "/v1/secret/a", TOKEN, &body).status, 204, "{adapter}");
            for way in &ways {
                let read = ask(way, "GET", "/v1/secret/a", TOKEN, "");
                assert_eq!(read.json()["data"], json!({ "at": at }), "{adapter}");
            }
        }
        // One bound for all of them: the first one goes for the fourth.
        for first in &ways {
            while server.service.registry.count() > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let mut oldest = Peer::connect(first);
            assert_eq!(oldest.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
            // A connection counts as idle a little after its answer has come.
            std::thread::sleep(MOMENT);
            let mut others: Vec<Peer> = ways.iter().map(Peer::connect).collect();
            for peer in &mut others {
                assert_eq!(peer.ask("GET", "/v1/sys/init", "", "").status, 200, "{adapter}");
            }
            oldest.expect_end_within(SOON);
            assert!(server.service.registry.count() <= 3, "{adapter}");
        }
    }
}

/// The client that most people have; the tests above do not need it.
#[test]
fn serves_curl_by_a_socket_where_there_is_one() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        return;
    }
    for adapter in ADAPTERS {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let _server = Serving::start(adapter, &[at_path(&path, None)]);
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--unix-socket"]);
        let output = command.arg(&path).arg("http://localhost/v1/sys/health").output().unwrap();
        assert!(output.status.success(), "{adapter}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"sealed\":false"), "{adapter}");
    }
}
