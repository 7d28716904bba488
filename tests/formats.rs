//! What every format has written opens, and goes on.
//!
//! Each folder of `tests/stores/` is a store as a release has left it, named by its format, with the
//! unseal keys and the root token beside it. They guard nothing.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use strongroom::host::Host;
use strongroom::store::{CACHE_BYTES, Embedded};
use strongroom_core::Config;

use crate::host::ask_as;
use crate::process::Folder;

/// Names in the large folder: more than a page of the index.
const MANY: usize = 400;

struct Store {
    host: Host,
    token: String,
}

impl Store {
    fn open(folder: &Path) -> Self {
        let store = Embedded::open(folder, CACHE_BYTES).unwrap();
        let host = Host::new(Config::default(), Arc::new(store));
        Self { host, token: String::new() }
    }

    fn ask(&self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = ask_as(&self.host, &self.token, method, target, &body);
        let answer = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status().as_u16(), answer)
    }

    fn get(&self, target: &str) -> Value {
        self.ask("GET", target, &Value::Null).1["data"].take()
    }

    fn unseal(&mut self, keys: &Value) {
        for key in keys["keys"].as_array().unwrap().iter().take(2) {
            assert_eq!(self.ask("PUT", "/v1/sys/unseal", &json!({ "key": key })).0, 200);
        }
        self.token = keys["root_token"].as_str().unwrap().to_owned();
    }
}

fn stores() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stores")
}

#[test]
fn opens_what_every_format_has_written() {
    let mut formats = 0;
    for entry in fs::read_dir(stores()).unwrap() {
        let kept = entry.unwrap().path();
        let home = Folder::new();
        fs::copy(kept.join("strongroom.db"), home.path().join("strongroom.db")).unwrap();
        let keys = fs::read_to_string(kept.join("keys.json")).unwrap();
        let mut store = Store::open(home.path());
        store.unseal(&serde_json::from_str(&keys).unwrap());
        check(&store);
        // It goes on: what is there changes, and what is new joins it.
        assert_eq!(store.ask("PUT", "/v1/secret/app/db", &json!({"user": "bob"})).0, 204);
        assert_eq!(store.ask("PUT", "/v1/secret/many/new", &json!({"n": 0})).0, 204);
        assert_eq!(store.ask("DELETE", "/v1/secret/many/7", &Value::Null).0, 204);
        assert_eq!(store.get("/v1/secret/app/db"), json!({"user": "bob"}));
        let (_, names) = store.ask("LIST", "/v1/secret/many", &Value::Null);
        assert_eq!(names["data"]["keys"].as_array().unwrap().len(), MANY);
        formats += 1;
    }
    assert!(formats > 0);
}

/// What [`writes_a_store_of_the_present_format`] has put there.
fn check(store: &Store) {
    assert_eq!(store.get("/v1/secret/app/db"), json!({"user": "ann", "pin": 1234}));
    assert_eq!(store.get("/v1/secret/after/rotation"), json!({"term": 2}));
    assert_eq!(store.get("/v1/cubbyhole/own"), json!({"mine": true}));
    assert_eq!(store.ask("GET", "/v1/secret/app/gone", &Value::Null).0, 404);
    let (_, names) = store.ask("LIST", "/v1/secret/many", &Value::Null);
    assert_eq!(names["data"]["keys"].as_array().unwrap().len(), MANY);
    for number in [0, 7, MANY - 1] {
        assert_eq!(store.get(&format!("/v1/secret/many/{number}")), json!({ "n": number }));
    }
    assert_eq!(store.get("/v1/sys/key-status")["term"], 2);
    assert_eq!(store.get("/v1/sys/config/cors")["allowed_origins"], json!(["https://a.example"]));
    // A token of its own, with a child that was revoked.
    let looked_up = |token: &str| {
        let body = json!({ "token": token });
        store.ask("POST", "/v1/auth/token/lookup", &body).0
    };
    assert_eq!((looked_up("deputy"), looked_up("dismissed")), (200, 403));
}

#[test]
#[ignore = "it writes a store of the present format to tests/stores: for a format that is new"]
fn writes_a_store_of_the_present_format() {
    let folder = stores().join("1");
    assert!(!folder.exists(), "what a release has written stays as it is");
    let home = Folder::new();
    let mut store = Store::open(home.path());
    let init = json!({"secret_shares": 3, "secret_threshold": 2});
    let (_, keys) = store.ask("PUT", "/v1/sys/init", &init);
    store.unseal(&keys);
    let put = |target: &str, body: Value| {
        assert!(store.ask("POST", target, &body).0 < 300, "{target}");
    };
    put("/v1/secret/app/db", json!({"user": "ann", "pin": 1234}));
    put("/v1/secret/app/gone", json!({"gone": true}));
    put("/v1/cubbyhole/own", json!({"mine": true}));
    for number in 0..MANY {
        put(&format!("/v1/secret/many/{number}"), json!({ "n": number }));
    }
    put("/v1/auth/token/create", json!({"id": "deputy", "policies": ["root"]}));
    put("/v1/auth/token/create", json!({"id": "dismissed", "ttl": "1h"}));
    put("/v1/auth/token/revoke", json!({"token": "dismissed"}));
    put("/v1/sys/config/cors", json!({"allowed_origins": "https://a.example"}));
    put("/v1/sys/rotate", Value::Null);
    put("/v1/secret/after/rotation", json!({"term": 2}));
    assert_eq!(store.ask("DELETE", "/v1/secret/app/gone", &Value::Null).0, 204);
    check(&store);
    drop(store);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(home.path().join("strongroom.db"), folder.join("strongroom.db")).unwrap();
    fs::write(folder.join("keys.json"), keys.to_string() + "\n").unwrap();
}
