//! Storage on disk, end to end: what was written survives the process, a folder has one owner, and
//! who reads its files learns nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use strongroom_core::encoding::{base64, from_hex, hex};

use crate::peer::ask;
use crate::process::{ConfiguredServer, Folder, command};

/// The kinds of storage on disk; they differ by name alone.
const KINDS: [&str; 2] = ["file", "raft"];
/// What a file of the storage engine begins with.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

fn config(kind: &str, folder: &Path) -> Value {
    json!({
        "storage": {kind: {"path": folder}},
        "listener": {"tcp": {"address": "127.0.0.1:0", "tls_disable": true}},
    })
}

/// Initialises a server; gives its unseal keys and its root token.
fn initialize(address: SocketAddr) -> (Vec<String>, String) {
    let body = r#"{"secret_shares":5,"secret_threshold":3}"#;
    let made = ask(address, "PUT", "/v1/sys/init", "", body).json();
    let keys = made["keys"].as_array().unwrap().iter().map(text).collect();
    (keys, text(&made["root_token"]))
}

fn unseal(address: SocketAddr, keys: &[String]) {
    for key in &keys[..3] {
        let body = json!({ "key": key }).to_string();
        assert_eq!(ask(address, "PUT", "/v1/sys/unseal", "", &body).status, 200);
    }
    assert_eq!(ask(address, "GET", "/v1/sys/health", "", "").status, 200);
}

fn put(address: SocketAddr, path: &str, token: &str, body: &Value) {
    let answer = ask(address, "PUT", &format!("/v1/{path}"), token, &body.to_string());
    assert_eq!(answer.status, 204, "{path}");
}

fn create_token(address: SocketAddr, parent: &str, body: &Value) -> Value {
    let path = "/v1/auth/token/create";
    let answer = ask(address, "POST", path, parent, &body.to_string());
    assert_eq!(answer.status, 200);
    answer.json()["auth"].clone()
}

fn revoke(address: SocketAddr, root: &str, token: &str) {
    let body = json!({ "token": token }).to_string();
    assert_eq!(ask(address, "POST", "/v1/auth/token/revoke", root, &body).status, 204);
}

fn status_of_token(address: SocketAddr, token: &str) -> u16 {
    ask(address, "GET", "/v1/auth/token/lookup-self", token, "").status
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn what_was_written_is_there_after_a_kill() {
    for kind in KINDS {
        let home = Folder::new();
        let config = config(kind, &home.path().join("data"));
        let server = ConfiguredServer::start(&config);
        let address = server.address();
        let (keys, root) = initialize(address);
        unseal(address, &keys);
        let value = json!({"user": "ann", "pin": 1234});
        put(address, "secret/app/kept", &root, &value);
        put(address, "secret/app/deleted", &root, &value);
        put(address, "cubbyhole/note", &root, &value);
        assert_eq!(ask(address, "DELETE", "/v1/secret/app/deleted", &root, "").status, 204);
        let living = text(&create_token(address, &root, &json!({}))["client_token"]);
        let dead = text(&create_token(address, &root, &json!({}))["client_token"]);
        let child = text(&create_token(address, &dead, &json!({}))["client_token"]);
        revoke(address, &root, &dead);
        server.kill();

        let server = ConfiguredServer::start(&config);
        let address = server.address();
        assert_eq!(ask(address, "GET", "/v1/sys/health", "", "").status, 503, "it is sealed");
        let status = ask(address, "GET", "/v1/sys/seal-status", "", "").json();
        assert_eq!(status["storage_type"], kind);
        assert_eq!(ask(address, "GET", "/v1/secret/app/kept", &root, "").status, 503);
        // Other shares than before.
        unseal(address, &keys[2..]);
        for path in ["secret/app/kept", "cubbyhole/note"] {
            let read = ask(address, "GET", &format!("/v1/{path}"), &root, "").json();
            assert_eq!(read["data"], value, "{path}");
        }
        assert_eq!(ask(address, "GET", "/v1/secret/app/deleted", &root, "").status, 404);
        let list = ask(address, "LIST", "/v1/secret/app", &root, "").json();
        assert_eq!(list["data"]["keys"], json!(["kept"]));
        let statuses = [&living, &dead, &child].map(|token| status_of_token(address, token));
        assert_eq!(statuses, [200, 403, 403]);
        let again =
            ask(address, "PUT", "/v1/sys/init", "", r#"{"secret_shares":1,"secret_threshold":1}"#);
        assert_eq!(again.status, 400, "it is initialised");
    }
}

// --- One folder, one owner ---

/// Starts a server that must refuse; gives what it said.
fn refusal(config: &Value) -> String {
    let home = Folder::new();
    let path = home.write("server.json", &config.to_string());
    let output = command(&home, &["server", &format!("-config={path}")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "it has not started");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_second_process_on_a_folder_is_refused() {
    let home = Folder::new();
    let folder = home.path().join("data");
    let server = ConfiguredServer::start(&config("file", &folder));
    let address = server.address();
    let (keys, root) = initialize(address);
    unseal(address, &keys);
    for kind in KINDS {
        let said = refusal(&config(kind, &folder));
        let named = said.lines().filter(|line| line.contains(folder.to_str().unwrap()));
        let named: Vec<&str> = named.collect();
        assert!(matches!(named[..], [line] if line.contains("another process")), "{said}");
    }
    put(address, "secret/a", &root, &json!({"k": "v"}));
    // With the first one its claim ends.
    server.kill();
    let server = ConfiguredServer::start(&config("file", &folder));
    unseal(server.address(), &keys);
    let read = ask(server.address(), "GET", "/v1/secret/a", &root, "").json();
    assert_eq!(read["data"], json!({"k": "v"}));
}

#[test]
fn a_folder_with_data_of_another_server_is_refused_and_untouched() {
    /// Files in it, and the name that is told.
    const CASES: [(&[&str], &str); 2] = [
        (&["core/_keyring", "core/_seal-config", "logical/9c/_x", "sys/token/_salt"], "core"),
        (&["vault.db", "raft/raft.db", "node-id"], "node-id"),
    ];
    for (files, named) in CASES {
        let home = Folder::new();
        let folder = home.path().join("data");
        for name in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("the data of {name}")).unwrap();
        }
        let before = everything(&folder);
        assert!(before.len() > files.len(), "folders count");
        for kind in KINDS {
            let said = refusal(&config(kind, &folder));
            let line = said.lines().find(|line| line.contains(folder.to_str().unwrap()));
            assert!(line.is_some_and(|line| line.contains(&format!("{named:?}"))), "{said}");
            assert_eq!(everything(&folder), before);
        }
    }
}

/// All that is below a folder: paths, contents, and when they were changed last.
fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>, SystemTime)> {
    let changed = fs::metadata(folder).unwrap().modified().unwrap();
    let mut all = vec![(folder.to_owned(), Vec::new(), changed)];
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            all.extend(everything(&path));
        } else {
            let changed = fs::metadata(&path).unwrap().modified().unwrap();
            all.push((path.clone(), fs::read(&path).unwrap(), changed));
        }
    }
    all
}

// --- What the files show ---

/// Texts that must not be found, each in every form in which it might be written.
#[derive(Default)]
struct Secrets {
    /// What a form says, by its first bytes.
    forms: BTreeMap<[u8; 4], Vec<(Vec<u8>, String)>>,
}

impl Secrets {
    /// Adds one, with a name that a failing test may tell.
    fn add(&mut self, name: &str, secret: &[u8]) {
        let mut forms = vec![
            ("plain", secret.to_vec()),
            ("hex", hex(secret).into_bytes()),
            ("HEX", hex(secret).to_uppercase().into_bytes()),
        ];
        for shift in 0..3 {
            forms.push(("base64", base64_within(secret, shift)));
        }
        for (how, form) in forms {
            // A shorter one might be there by chance.
            assert!(form.len() >= 6, "{name} is too short to search for in {how}");
            let start = *form.first_chunk().unwrap();
            self.forms.entry(start).or_default().push((form, format!("{name} in {how}")));
        }
    }

    /// Those that are in some bytes.
    fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, start) in bytes.windows(4).enumerate() {
            for (form, name) in self.forms.get(start).into_iter().flatten() {
                if bytes[at..].starts_with(form) {
                    found.push(name.as_str());
                }
            }
        }
        found
    }

    /// Requires that no name and no file of a folder shows one.
    fn require_hidden(&self, folder: &Path, when: &str) {
        let mut engine_files = 0;
        for (path, bytes, _) in everything(folder) {
            let name = path.file_name().unwrap().as_encoded_bytes();
            assert_eq!(self.found(name), [""; 0], "{when}: the name of {}", path.display());
            assert_eq!(self.found(&bytes), [""; 0], "{when}: {}", path.display());
            engine_files += usize::from(bytes.starts_with(MAGIC));
        }
        assert_eq!(engine_files, 1, "the file of the storage is among those that were searched");
    }
}

/// What base64 shows of a text that stands behind some other bytes: the characters that are its alone.
fn base64_within(secret: &[u8], shift: usize) -> Vec<u8> {
    let bytes = [vec![0; shift], secret.to_vec()].concat();
    let (first, last) = ((shift * 8).div_ceil(6), bytes.len() * 8 / 6);
    base64(&bytes).as_bytes()[first..last].to_vec()
}

#[test]
fn finds_a_secret_in_every_form() {
    let mut secrets = Secrets::default();
    secrets.add("it", b"swordfish");
    for length in 0..7 {
        let around = [vec![b'x'; length], b"swordfish and more".to_vec()].concat();
        let forms = [
            (around.clone(), "it in plain"),
            (hex(&around).into_bytes(), "it in hex"),
            (hex(&around).to_uppercase().into_bytes(), "it in HEX"),
            (base64(&around).into_bytes(), "it in base64"),
        ];
        for (bytes, name) in forms {
            assert_eq!(secrets.found(&bytes), [name], "{length}");
        }
    }
    assert_eq!(secrets.found(b"swordfis"), [""; 0]);
}

#[test]
fn the_folder_shows_no_name_no_value_and_no_key() {
    for kind in KINDS {
        let home = Folder::new();
        let folder = home.path().join("data");
        let server = ConfiguredServer::start(&config(kind, &folder));
        let address = server.address();
        let (keys, root) = initialize(address);
        let mut secrets = Secrets::default();
        secrets.add("the root token", root.as_bytes());
        for key in &keys {
            // The last byte is the number of the share.
            secrets.add("an unseal key", from_hex(key).unwrap().split_last().unwrap().1);
        }
        for name in NAMES {
            secrets.add(name, name.as_bytes());
        }
        secrets.require_hidden(&folder, "initialised");

        unseal(address, &keys);
        let value =
            json!({"member-of-a-value": "the value of a member", "nested": {"in-depth": 1}});
        for path in ["secret/outer-folder/inner-folder/name-of-a-secret", "cubbyhole/small-hideout"]
        {
            put(address, path, &root, &value);
        }
        // Longer than a page of the engine.
        let large = json!({"member-of-a-value": "the value of a member ".repeat(2_000)});
        put(address, "secret/outer-folder/another-secret", &root, &large);
        let wish = json!({
            "id": "a-token-that-was-wished", "display_name": "a-display-name",
            "policies": ["name-of-a-policy"], "meta": {"key-of-metadata": "value-of-metadata"},
        });
        let wished = create_token(address, &root, &wish);
        let made = create_token(address, &root, &json!({"ttl": "1h"}));
        for auth in [&wished, &made] {
            secrets.add("a token", text(&auth["client_token"]).as_bytes());
            secrets.add("an accessor", text(&auth["accessor"]).as_bytes());
        }
        secrets.require_hidden(&folder, "written");

        let path = "/v1/secret/outer-folder/another-secret";
        assert_eq!(ask(address, "DELETE", path, &root, "").status, 204);
        revoke(address, &root, &text(&wished["client_token"]));
        assert_eq!(ask(address, "POST", "/v1/sys/rotate", &root, "").status, 204);
        secrets.require_hidden(&folder, "deleted and revoked");
        server.kill();
        secrets.require_hidden(&folder, "killed");

        let server = ConfiguredServer::start(&config(kind, &folder));
        unseal(server.address(), &keys);
        let path = "/v1/secret/outer-folder/inner-folder/name-of-a-secret";
        let read = ask(server.address(), "GET", path, &root, "").json();
        assert_eq!(read["data"], value, "what was hidden is there");
        secrets.require_hidden(&folder, "started again");
    }
}

/// Parts of paths, values and tokens that the test above writes, and names that every server has.
const NAMES: [&str; 16] = [
    "secret/",
    "cubbyhole",
    "auth/token",
    "outer-folder",
    "inner-folder",
    "name-of-a-secret",
    "another-secret",
    "small-hideout",
    "member-of-a-value",
    "the value of a member",
    "in-depth",
    "a-display-name",
    "name-of-a-policy",
    "default",
    "key-of-metadata",
    "value-of-metadata",
];
