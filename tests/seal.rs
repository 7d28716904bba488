//! The seal as clients see it: initialisation, unsealing by shares, health, the keyring.
//!
//! Statuses and texts are those that the reference server was seen to give.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_core::encoding::{base64, from_hex};
use strongroom_core::{Config, MemoryStore};
use strongroom_tests::single::Single;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn parse(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

/// What `sys/seal-status` says, or `sys/unseal`: sealed, threshold, shares, progress, nonce.
fn state(body: &str) -> (bool, u64, u64, u64, String) {
    let body = parse(body);
    let number = |name: &str| body[name].as_u64().unwrap();
    assert_eq!(body["type"], "shamir");
    assert_eq!(body["recovery_seal"], false);
    assert_eq!(body["migration"], false);
    assert_eq!(body["storage_type"], "inmem");
    let sealed = body["sealed"].as_bool().unwrap();
    assert_eq!(body.get("cluster_id").is_some(), !sealed, "it is known only while unsealed");
    let nonce = body["nonce"].as_str().unwrap().to_owned();
    (sealed, number("t"), number("n"), number("progress"), nonce)
}

fn errors(text: &str) -> Value {
    json!({ "errors": [text] })
}

#[test]
fn checks_the_parameters_of_init_in_their_order_and_stays_uninitialised() {
    let mut server = Single::new(Config::default(), 1);
    for (body, text) in INIT_CASES {
        let (status, answer) = server.ask("PUT", "/v1/sys/init", None, body);
        assert_eq!((status, parse(&answer)), (400, errors(text)), "{body}");
    }
    let (_, answer) = server.ask("GET", "/v1/sys/init", None, "");
    assert_eq!(parse(&answer), json!({ "initialized": false }));
    let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
    assert_eq!(state(&answer), (true, 0, 0, 0, String::new()));
    let (status, answer) = server.submit(&"01".repeat(32));
    assert_eq!((status, parse(&answer)), (400, errors("Vault is not initialized")));
    assert_eq!(server.store.records().len(), 0, "nothing is stored");
}

#[test]
fn gives_each_share_in_hex_and_in_base64() {
    for (shares, threshold, bytes) in [(1, 1, 32), (2, 2, 33), (5, 3, 33), (255, 255, 33)] {
        let mut server = Single::new(Config::default(), 1);
        let body = format!(r#"{{"secret_shares":{shares},"SECRET_threshold":{threshold},"x":1}}"#);
        let (status, answer) = server.ask("POST", "/v1/sys/init", None, &body);
        assert_eq!(status, 200);
        let answer = parse(&answer);
        let texts = |name: &str| -> Vec<String> {
            let list = answer[name].as_array().unwrap();
            list.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let keys: Vec<Vec<u8>> = texts("keys").iter().map(|key| from_hex(key).unwrap()).collect();
        assert_eq!(keys.len(), shares);
        assert!(keys.iter().all(|key| key.len() == bytes));
        let encoded: Vec<String> = keys.iter().map(|key| base64(key)).collect();
        assert_eq!(texts("keys_base64"), encoded);
        assert_eq!(answer.as_object().unwrap().len(), 3, "keys, keys_base64, root_token");

        let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
        assert_eq!(state(&answer), (true, threshold, u64::try_from(shares).unwrap(), 0, "".into()));
        let (status, again) = server.ask("PUT", "/v1/sys/init", None, &body);
        assert_eq!((status, parse(&again)), (400, errors("Vault is already initialized")));
        let (_, again) = server.ask("PUT", "/v1/sys/init", None, r#"{"secret_shares":0}"#);
        let text = "invalid seal configuration: shares must be at least one";
        assert_eq!(parse(&again), errors(text));

        for key in encoded.iter().take(usize::try_from(threshold).unwrap()) {
            assert_eq!(server.submit(key).0, 200);
        }
        assert!(!is_stored(&server, &texts("keys")));
        assert_eq!(server.ask("GET", "/v1/sys/health", None, "").0, 200);
    }
}

/// Whether one of these keys stands in a record.
fn is_stored(server: &Single, keys: &[String]) -> bool {
    let holds = |record: &[u8], word: &[u8]| record.windows(word.len()).any(|part| part == word);
    server.store.records().values().any(|record| {
        keys.iter().any(|key| {
            holds(record, key.as_bytes()) || holds(record, &from_hex(key).unwrap()[..32])
        })
    })
}

#[test]
fn counts_shares_once_in_either_encoding_and_forgets_them_on_reset() {
    let mut server = Single::shared(Config::default(), 1, 5, 3);
    let keys = server.keys.clone();
    for (body, text) in UNSEAL_CASES {
        let (status, answer) = server.ask("PUT", "/v1/sys/unseal", None, body);
        assert_eq!((status, parse(&answer)), (400, errors(text)), "{body}");
    }
    let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
    assert_eq!(state(&answer), (true, 3, 5, 0, String::new()));

    let (_, first) = server.submit(&keys[0]);
    let nonce = state(&first).4;
    assert_eq!(nonce.len(), 36);
    let encoded = |key: &str| base64(&from_hex(key).unwrap());
    let given = [
        (keys[0].clone(), 1),
        (encoded(&keys[0]), 1),
        (keys[0].to_uppercase(), 1),
        (encoded(&keys[1]), 2),
        (keys[1].clone(), 2),
    ];
    for (key, progress) in given {
        let (status, answer) = server.submit(&key);
        assert_eq!((status, state(&answer)), (200, (true, 3, 5, progress, nonce.clone())));
    }
    let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
    assert_eq!(state(&answer), (true, 3, 5, 2, nonce.clone()));

    // A reset goes before a key that comes with it.
    let reset = format!("{{\"reset\":true,\"key\":\"{}\"}}", keys[2]);
    for _ in 0..2 {
        let (status, answer) = server.ask("PUT", "/v1/sys/unseal", None, &reset);
        assert_eq!((status, state(&answer)), (200, (true, 3, 5, 0, String::new())));
    }
    let (_, answer) = server.submit(&keys[2]);
    assert_ne!(state(&answer).4, nonce, "each attempt has a nonce of its own");
    server.submit(&keys[3]);
    let (status, answer) = server.submit(&keys[4]);
    assert_eq!((status, state(&answer)), (200, (false, 3, 5, 0, String::new())));
    for key in [&keys[0], &"01".repeat(17)] {
        let (status, answer) = server.submit(key);
        assert_eq!((status, state(&answer).0), (200, false), "an open server looks at no share");
    }
    let (status, answer) = server.ask("PUT", "/v1/sys/unseal", None, r#"{"reset":true}"#);
    assert_eq!((status, parse(&answer)), (400, errors("vault is unsealed")));
    let (status, answer) = server.ask(
        "PUT",
        "/v1/sys/unseal",
        None,
        &format!("{{\"key\":\"{}\",\"migrate\":true}}", keys[0]),
    );
    let text = "can't perform a seal migration, no migration seal found";
    assert_eq!((status, parse(&answer)), (500, errors(text)));
}

#[test]
fn ends_an_attempt_by_shares_that_do_not_fit() {
    const WRONG: &str = "unable to retrieve stored keys: invalid key: failed to decrypt keys from \
                         storage: cipher: message authentication failed";
    const LENGTHS: &str =
        "invalid key: failed to compute combined key: all parts must be the same length";
    const DUPLICATE: &str = "invalid key: failed to compute combined key: duplicate part detected";
    let mut server = Single::shared(Config::default(), 1, 3, 2);
    let keys = server.keys.clone();
    let garbage = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021";
    // Another share at the same point.
    let twin = format!("{}{}", "00".repeat(32), &keys[0][64..]);
    let cases = [
        (keys[0].as_str(), garbage, WRONG),
        (garbage, &keys[1], WRONG),
        (&keys[0], "0102030405060708090a0b0c0d0e0f10", LENGTHS),
        ("0102030405060708090a0b0c0d0e0f10", "1102030405060708090a0b0c0d0e0f11", WRONG),
        (&keys[0], &twin, DUPLICATE),
    ];
    for (first, last, text) in cases {
        let (status, answer) = server.submit(first);
        assert_eq!((status, state(&answer).3), (200, 1), "{first}");
        let (status, answer) = server.submit(last);
        assert_eq!((status, parse(&answer)), (400, errors(text)), "{first} {last}");
        let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
        assert_eq!(state(&answer), (true, 2, 3, 0, String::new()), "{first} {last}");
    }
    server.submit(&keys[1]);
    let (status, answer) = server.submit(&keys[2]);
    assert_eq!((status, state(&answer).0), (200, false));
}

#[test]
fn loses_an_attempt_by_sealing_and_by_a_restart() {
    let mut server = Single::shared(Config::default(), 1, 5, 2);
    let root = server.root.clone();
    server.submit(&server.keys[0].clone());
    server.restart(Config::default());
    let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
    assert_eq!(state(&answer), (true, 2, 5, 0, String::new()));
    assert_eq!(server.unseal(), 200);
    assert_eq!(server.ask("PUT", "/v1/sys/seal", Some(&root), "").0, 204);
    let (_, answer) = server.ask("GET", "/v1/sys/seal-status", None, "");
    assert_eq!(state(&answer), (true, 2, 5, 0, String::new()));
    server.submit(&server.keys[4].clone());
    assert_eq!(server.unseal(), 200);
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&root), "").0, 404);
}

#[test]
fn asks_for_a_token_to_seal_unless_it_is_sealed() {
    let mut server = Single::initialized(Config::default(), 1);
    let root = server.root.clone();
    assert_eq!(server.ask("PUT", "/v1/sys/seal", None, ""), (204, String::new()));
    server.unseal();
    for token in [None, Some("s.aaaaaaaaaaaaaaaaaaaaaaaa")] {
        let (status, answer) = server.ask("PUT", "/v1/sys/seal", token, "");
        assert_eq!((status, parse(&answer)), (403, errors("permission denied")));
    }
    let weak = r#"{"id":"weak","policies":["default"]}"#;
    server.ask("POST", "/v1/auth/token/create", Some(&root), weak);
    let (status, answer) = server.ask("PUT", "/v1/sys/seal", Some("weak"), "");
    let text = "1 error occurred:\n\t* permission denied\n\n";
    assert_eq!((status, parse(&answer)), (403, errors(text)));
    assert_eq!(server.ask("GET", "/v1/sys/seal", Some(&root), "").0, 405);
    assert_eq!(server.ask("POST", "/v1/sys/seal", Some(&root), ""), (204, String::new()));
    for (method, target) in [("GET", "secret/a"), ("PUT", "secret/a"), ("GET", "nowhere/at/all")] {
        for token in [None, Some(root.as_str())] {
            let (status, answer) = server.ask(method, &format!("/v1/{target}"), token, "{}");
            assert_eq!((status, parse(&answer)), (503, errors("Vault is sealed")));
        }
    }
    let (status, answer) = server.ask("GET", "/v1/sys/leader", None, "");
    assert_eq!((status, parse(&answer)), (200, json!({ "ha_enabled": false })));
    assert_eq!(server.ask("PUT", "/v1/sys/step-down", None, "").0, 204);
    let (_, answer) = server.ask("GET", "/v1/sys/init", None, "");
    assert_eq!(parse(&answer), json!({ "initialized": true }));
}

#[test]
fn shows_its_health_as_the_status_that_a_probe_asks_for() {
    let mut server = Single::new(Config::default(), 1);
    let server = &mut server;
    check_health(server, 0);
    server.ask("PUT", "/v1/sys/init", None, r#"{"secret_shares":1,"secret_threshold":1}"#);
    check_health(server, 1);
    let mut open = Single::unsealed(Config::default(), 1);
    check_health(&mut open, 2);
}

/// In one of three states: uninitialised, sealed, active.
fn check_health(server: &mut Single, at: usize) {
    for (query, statuses) in HEALTH_CASES {
        for method in ["GET", "HEAD"] {
            let (status, body) =
                server.ask(method, &format!("/v1/sys/health?{query}"), Some("s.nobody"), "");
            assert_eq!(status, statuses[at], "{method} {query} {at}");
            let body = parse(&body);
            if status == 400 {
                assert_eq!(body, json!({ "errors": [] }));
                continue;
            }
            let mode = ["unknown", "unknown", "disabled"][at];
            assert_eq!(body["initialized"], at > 0);
            assert_eq!(body["sealed"], at < 2);
            assert_eq!(body["standby"], at < 2);
            assert_eq!(body["replication_performance_mode"], mode);
            assert_eq!(body["replication_dr_mode"], mode);
            assert!(body["server_time_utc"].is_u64() && body["version"].is_string());
            assert_eq!(body.get("cluster_id").is_some(), at == 2);
        }
    }
    assert_eq!(server.ask("POST", "/v1/sys/health", None, "").0, 405);
}

/// Term, install time and encryptions.
fn key_status(server: &mut Single) -> (u64, String, u64) {
    let root = server.root.clone();
    let (status, body) = server.ask("GET", "/v1/sys/key-status", Some(&root), "");
    assert_eq!(status, 200, "{body}");
    assert!(body.starts_with(r#"{"encryptions":"#), "the data comes first: {body}");
    let body = parse(&body);
    for name in ["term", "install_time", "encryptions"] {
        assert_eq!(body[name], body["data"][name]);
    }
    let number = |name: &str| body[name].as_u64().unwrap();
    (number("term"), body["install_time"].as_str().unwrap().to_owned(), number("encryptions"))
}

#[test]
fn counts_what_is_sealed_under_a_term_and_goes_on_after_a_restart() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let (term, installed, first) = key_status(&mut server);
    // The token, its accessor, the mount, its route, and the batch record.
    assert_eq!((term, first), (1, 5));
    server.ask("PUT", "/v1/secret/a", Some(&root), r#"{"v":1}"#);
    let (_, _, second) = key_status(&mut server);
    assert_eq!(second - first, 3, "an entry, a page and the batch record");
    server.ask("PUT", "/v1/secret/a", Some(&root), r#"{"v":2}"#);
    assert_eq!(key_status(&mut server).2 - second, 2, "the page is as it was");
    let before = key_status(&mut server);
    assert_eq!(before.1, installed);
    server.restart(Config::default());
    server.unseal();
    assert_eq!(key_status(&mut server), before);
    server.ask("PUT", "/v1/sys/seal", Some(&root), "");
    server.unseal();
    assert_eq!(key_status(&mut server), before);
}

#[test]
fn adds_a_term_by_rotation_and_reads_what_older_terms_sealed() {
    // Nothing stays in the cache, so that every read goes to what is stored.
    let config = Config { cache_bytes: 0, absence_bytes: 0, ..Config::default() };
    let mut server = Single::unsealed(config.clone(), 1);
    let root = server.root.clone();
    let write = |server: &mut Single, name: &str| {
        server.ask("PUT", &format!("/v1/secret/{name}"), Some(&root), r#"{"v":1}"#).0
    };
    let (_, installed, _) = key_status(&mut server);
    assert_eq!(write(&mut server, "one"), 204);
    for (target, name) in [("rotate", "two"), ("rotate/keyring", "three"), ("rotate/root", "four")]
    {
        let (status, body) = server.ask("POST", &format!("/v1/sys/{target}"), Some(&root), "");
        assert_eq!((status, body), (204, String::new()));
        assert_eq!(write(&mut server, name), 204);
    }
    let status = key_status(&mut server);
    assert_eq!((status.0, status.2), (3, 10), "two writes, and the root key between them");
    assert_ne!(status.1, installed);
    for restarts in 0..2 {
        for name in ["one", "two", "three", "four"] {
            let (status, body) = server.ask("GET", &format!("/v1/secret/{name}"), Some(&root), "");
            assert_eq!(status, 200, "{name} after {restarts} restarts");
            assert!(body.contains(r#""data":{"v":1}"#), "{body}");
        }
        server.restart(config.clone());
        assert_eq!(server.unseal(), 200);
        assert_eq!(key_status(&mut server), status);
    }
}

#[test]
fn counts_from_nothing_after_a_rotation_that_a_restart_follows() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    server.ask("PUT", "/v1/sys/rotate", Some(&root), "");
    assert_eq!((key_status(&mut server).0, key_status(&mut server).2), (2, 0));
    server.restart(Config::default());
    server.unseal();
    assert_eq!((key_status(&mut server).0, key_status(&mut server).2), (2, 0));
}

#[test]
fn wants_sudo_for_rotation_and_no_other_methods() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    for target in ["rotate", "rotate/keyring", "rotate/root", "key-status", "rotate/config"] {
        let target = format!("/v1/sys/{target}");
        let method = if target.ends_with("key-status") { "GET" } else { "POST" };
        let (status, body) = server.ask(method, &target, None, "");
        assert_eq!((status, parse(&body)), (403, errors("permission denied")), "{target}");
    }
    for (method, target) in [("GET", "rotate"), ("POST", "key-status"), ("DELETE", "rotate/config")]
    {
        let (status, body) = server.ask(method, &format!("/v1/sys/{target}"), Some(&root), "");
        let text = "1 error occurred:\n\t* unsupported operation\n\n";
        assert_eq!((status, parse(&body)), (405, errors(text)), "{target}");
    }
}

#[test]
fn keeps_the_rule_of_rotation_with_the_keyring() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    for (body, status, want) in CONFIG_CASES {
        for target in ["/v1/sys/rotate/config", "/v1/sys/rotate/keyring/config"] {
            let answer = server.ask("POST", target, Some(&root), body);
            assert_eq!(answer.0, status, "{body}: {}", answer.1);
            if status != 204 {
                assert_eq!(parse(&answer.1), errors(want), "{body}");
                continue;
            }
            let (_, shown) = server.ask("GET", target, Some(&root), "");
            assert_eq!(parse(&shown)["data"], parse(want), "{body}");
            assert!(parse(&shown).get("interval").is_none(), "nothing is doubled here");
        }
    }
    let shown = server.ask("GET", "/v1/sys/rotate/config", Some(&root), "").1;
    server.restart(Config::default());
    server.unseal();
    let again = server.ask("GET", "/v1/sys/rotate/config", Some(&root), "").1;
    assert_eq!(parse(&shown)["data"], parse(&again)["data"]);
}

#[test]
fn rotates_by_itself_with_the_first_write_after_the_interval() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let write =
        |server: &mut Single| server.ask("PUT", "/v1/secret/a", Some(&root), r#"{"v":1}"#).0;
    let rule = |server: &mut Single, body: &str| {
        server.ask("POST", "/v1/sys/rotate/config", Some(&root), body).0
    };
    server.start = server.start.after(DAY);
    write(&mut server);
    assert_eq!(key_status(&mut server).0, 1, "there is no interval");
    assert_eq!(rule(&mut server, r#"{"interval":"24h","enabled":false}"#), 204);
    write(&mut server);
    assert_eq!(key_status(&mut server).0, 1, "it is switched off");
    assert_eq!(rule(&mut server, r#"{"enabled":true}"#), 204);
    assert_eq!(key_status(&mut server).0, 1, "nothing else was written");
    for _ in 0..2 {
        write(&mut server);
        assert_eq!(key_status(&mut server).0, 2, "once");
    }
    server.start = server.start.after(DAY);
    // A change of the seal's own takes its place, and one by hand counts.
    assert_eq!(server.ask("PUT", "/v1/sys/rotate", Some(&root), "").0, 204);
    assert_eq!(key_status(&mut server).0, 3);
    write(&mut server);
    server.restart(Config::default());
    server.unseal();
    assert_eq!(key_status(&mut server).0, 3);
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&root), "").0, 200);
}

/// A keyring that is not what was written is the server's trouble, and no wrong share.
#[test]
fn tells_a_broken_keyring_from_a_wrong_share() {
    let mut server = Single::shared(Config::default(), 1, 3, 2);
    let whole = server.store.records().clone();
    let mut statuses = Vec::new();
    // Records of fixed keys come first: configuration, root key, keyring, batch record.
    for (key, record) in whole.iter().take(4) {
        let mut forged = record.to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let mut records = whole.clone();
        records.insert(*key, forged.into());
        server.store = MemoryStore::from_records(records);
        server.restart(Config::default());
        statuses.push(server.unseal());
    }
    // The forged configuration asks for three shares; they give the key as well.
    assert_eq!(statuses, [200, 400, 500, 500]);
}

/// Body, error.
const INIT_CASES: [(&str, &str); 28] = [
    ("{}", "invalid seal configuration: shares must be at least one"),
    ("", "invalid seal configuration: shares must be at least one"),
    (r#"{"secret_threshold":1}"#, "invalid seal configuration: shares must be at least one"),
    (r#"{"secret_shares":1}"#, "invalid seal configuration: threshold must be at least one"),
    (
        r#"{"secret_shares":5,"secret_threshold":1}"#,
        "invalid seal configuration: threshold must be greater than one for multiple shares",
    ),
    (
        r#"{"secret_shares":256,"secret_threshold":2}"#,
        "invalid seal configuration: shares must be less than 256",
    ),
    (
        r#"{"secret_shares":3,"secret_threshold":4}"#,
        "invalid seal configuration: threshold cannot be larger than shares",
    ),
    (
        r#"{"secret_shares":3,"secret_threshold":256}"#,
        "invalid seal configuration: threshold must be less than 256",
    ),
    (
        r#"{"secret_shares":-1,"secret_threshold":1}"#,
        "invalid seal configuration: shares must be at least one",
    ),
    (
        r#"{"secret_shares":2,"secret_threshold":2,"pgp_keys":["aGVsbG8="]}"#,
        "invalid seal configuration: count mismatch between number of provided PGP keys and number \
         of shares",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":["aGVsbG8="]}"#,
        "invalid seal configuration: error parsing given PGP key: openpgp: invalid data: tag byte \
         does not have MSB set",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":["?"]}"#,
        "invalid seal configuration: error decoding given PGP key: no base64",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":[""]}"#,
        "invalid seal configuration: error parsing given PGP key: EOF",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":["mQENBFXbjPUBCADj"]}"#,
        "invalid seal configuration: PGP keys are not supported",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"root_token_pgp_key":"mQENBFXbjPUBCADj"}"#,
        "invalid seal configuration: PGP keys are not supported",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"root_token_pgp_key":"?"}"#,
        "error decoding given PGP key: no base64",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"recovery_shares":1,"recovery_threshold":1}"#,
        "parameters recovery_shares,recovery_threshold not applicable to seal type shamir",
    ),
    (
        r#"{"recovery_threshold":2}"#,
        "parameters recovery_threshold not applicable to seal type shamir",
    ),
    (
        r#"{"recovery_pgp_keys":["a"],"secret_shares":0}"#,
        "parameters recovery_pgp_keys not applicable to seal type shamir",
    ),
    (
        r#"{"recovery_shares":0,"recovery_pgp_keys":[]}"#,
        "invalid seal configuration: shares must be at least one",
    ),
    (
        r#"{"secret_shares":"1","secret_threshold":1}"#,
        "failed to decode JSON input: secret_shares must be a whole number",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":true}"#,
        "failed to decode JSON input: secret_threshold must be a whole number",
    ),
    (
        r#"{"secret_shares":1.5,"secret_threshold":1}"#,
        "failed to decode JSON input: secret_shares must be a whole number",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":[]}"#,
        "failed to decode JSON input: secret_threshold must be a whole number",
    ),
    (
        r#"{"secret_shares":99999999999999999999,"secret_threshold":1}"#,
        "failed to decode JSON input: secret_shares must be a whole number",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":"mQENBFXbjPUBCADj"}"#,
        "failed to decode JSON input: pgp_keys must be a list of strings",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":[1]}"#,
        "failed to decode JSON input: pgp_keys must be a list of strings",
    ),
    (
        r#"{"secret_shares":1,"secret_threshold":1,"root_token_pgp_key":1}"#,
        "failed to decode JSON input: root_token_pgp_key must be a string",
    ),
];

/// Body, error.
const UNSEAL_CASES: [(&str, &str); 10] = [
    ("{}", "'key' must be specified in request body as JSON, or 'reset' set to true"),
    ("", "'key' must be specified in request body as JSON, or 'reset' set to true"),
    (r#"{"key":null}"#, "'key' must be specified in request body as JSON, or 'reset' set to true"),
    (r#"{"key":"not a key"}"#, "'key' must be a valid hex or base64 string"),
    // Hex of no good length, and no base64.
    (r#"{"key":"010203"}"#, "'key' must be a valid hex or base64 string"),
    (r#"{"key":"AQIDBAUGBwg="}"#, "invalid key: key is shorter than minimum 16 bytes"),
    (
        r#"{"key":"01010101010101010101010101010101010101010101010101010101010101010101"}"#,
        "invalid key: key is longer than maximum 33 bytes",
    ),
    (r#"{"key":5}"#, "failed to decode JSON input: key must be a string"),
    (r#"{"reset":"true"}"#, "failed to decode JSON input: reset must be true or false"),
    (
        r#"{"key":"01010101010101010101010101010101","migrate":1}"#,
        "failed to decode JSON input: migrate must be true or false",
    ),
];

/// Query; status of an uninitialised, a sealed and an active server.
const HEALTH_CASES: [(&str, [u16; 3]); 17] = [
    ("", [501, 503, 200]),
    ("uninitcode=299", [299, 503, 200]),
    ("sealedcode=418", [501, 418, 200]),
    ("activecode=212", [501, 503, 212]),
    ("standbycode=202", [501, 503, 200]),
    ("sealedcode=201&standbycode=202&activecode=203", [501, 201, 203]),
    ("standbyok=true&perfstandbyok=true", [501, 503, 200]),
    ("standbyok", [501, 503, 200]),
    ("standbyok=perhaps", [400, 400, 400]),
    ("activecode=abc", [400, 400, 400]),
    ("activecode=", [400, 400, 400]),
    ("sealedcode=x", [400, 400, 400]),
    ("uninitcode=2.5", [400, 400, 400]),
    ("standbycode=-1", [400, 400, 400]),
    ("activecode=204&activecode=299", [501, 503, 204]),
    ("performancestandbycode=299&drsecondarycode=298&haunhealthycode=297", [501, 503, 200]),
    ("perfstandbyok=perhaps&drsecondarycode=x", [501, 503, 200]),
];

/// Body, status, and the error or what is shown afterwards; one after another.
const CONFIG_CASES: [(&str, u16, &str); 11] = [
    ("{}", 204, r#"{"enabled":true,"interval":0,"max_operations":3865470566}"#),
    (r#"{"interval":"23h"}"#, 400, "interval must be greater or equal to 24h0m0s"),
    (
        r#"{"interval":86399,"max_operations":1}"#,
        400,
        "interval must be greater or equal to 24h0m0s",
    ),
    (
        r#"{"max_operations":999999}"#,
        400,
        "max_operations must be in the range [1000000,3865470566]",
    ),
    (
        r#"{"max_operations":3865470567}"#,
        400,
        "max_operations must be in the range [1000000,3865470566]",
    ),
    (
        r#"{"interval":"-48h"}"#,
        400,
        "Field validation failed: error converting input for field \"interval\": cannot provide \
         negative value '-172800'",
    ),
    (
        r#"{"interval":"48h","max_operations":2000000}"#,
        204,
        r#"{"enabled":true,"interval":"48h0m0s","max_operations":2000000}"#,
    ),
    (
        r#"{"enabled":false}"#,
        204,
        r#"{"enabled":false,"interval":"48h0m0s","max_operations":2000000}"#,
    ),
    (
        r#"{"interval":90061}"#,
        204,
        r#"{"enabled":false,"interval":"25h1m1s","max_operations":2000000}"#,
    ),
    (
        r#"{"interval":0,"enabled":true}"#,
        204,
        r#"{"enabled":true,"interval":0,"max_operations":2000000}"#,
    ),
    (
        r#"{"interval":"1d","max_operations":"1000000"}"#,
        204,
        r#"{"enabled":true,"interval":"24h0m0s","max_operations":1000000}"#,
    ),
];
