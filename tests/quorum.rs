//! What a quorum of key shares may do to a server that is open: make a root token, and replace the
//! shares. Each is tried under both names that it has: with a token of the caller's, and without.
//!
//! Statuses and texts are those that the reference server was seen to give.

use serde_json::{Value, json};
use strongroom_core::encoding::from_hex;
use strongroom_core::{Config, Rules};
use strongroom_tests::single::Single;

/// One name of an operation: where it begins, takes shares, and verifies.
struct Name {
    begin: &'static str,
    update: &'static str,
    verify: &'static str,
    /// Whether it asks for a token, and answers in an envelope.
    has_token: bool,
}

const TOKEN_NAMES: [Name; 2] = [
    Name {
        begin: "generate-root-token/attempt",
        update: "generate-root-token/update",
        verify: "",
        has_token: true,
    },
    Name {
        begin: "generate-root/attempt",
        update: "generate-root/update",
        verify: "",
        has_token: false,
    },
];

const SHARE_NAMES: [Name; 2] = [
    Name {
        begin: "rotate/root/init",
        update: "rotate/root/update",
        verify: "rotate/root/verify",
        has_token: true,
    },
    Name { begin: "rekey/init", update: "rekey/update", verify: "rekey/verify", has_token: false },
];

/// A server with five shares, three of which it takes, unsealed, with all names.
fn server() -> Single {
    let mut server = Single::shared(Config::default(), 1, 5, 3);
    server.rules =
        Rules { serves_open_root_generation: true, serves_open_rekey: true, ..Rules::default() };
    assert_eq!(server.unseal(), 200);
    server
}

/// Asks; gives the status, and the data or the one error.
fn ask(server: &mut Single, name: &Name, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let token = name.has_token.then(|| server.root.clone());
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, text) = server.ask(method, &format!("/v1/sys/{path}"), token.as_deref(), &body);
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let part = match status {
        200 if name.has_token => &answer["data"],
        200 | 204 => &answer,
        _ => &answer["errors"][0],
    };
    (status, part.clone())
}

/// Begins; gives the answer.
fn begin(server: &mut Single, name: &Name, body: &Value) -> Value {
    let (status, begun) = ask(server, name, "POST", name.begin, body);
    assert_eq!(status, 200, "{begun}");
    assert_eq!((&begun["started"], &begun["progress"]), (&json!(true), &json!(0)));
    assert_eq!(begun["nonce"].as_str().map(str::len), Some(36));
    begun
}

fn give(server: &mut Single, name: &Name, key: &str, nonce: &Value) -> (u16, Value) {
    ask(server, name, "PUT", name.update, &json!({"key": key, "nonce": nonce}))
}

/// Gives the first shares until they are enough; gives the last answer.
fn give_all(server: &mut Single, name: &Name, nonce: &Value) -> Value {
    let mut last = Value::Null;
    for (given, key) in server.keys.clone().iter().take(3).enumerate() {
        let (status, answer) = give(server, name, key, nonce);
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer.get("complete").and_then(Value::as_bool).unwrap_or(false), given == 2);
        last = answer;
    }
    last
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// Whether the operation runs, and how many shares it has.
fn progress(server: &mut Single, name: &Name) -> (bool, u64) {
    let (status, answer) = ask(server, name, "GET", name.begin, &Value::Null);
    assert_eq!(status, 200);
    (answer["started"].as_bool().unwrap(), answer["progress"].as_u64().unwrap_or(0))
}

#[test]
fn makes_a_root_token_that_the_password_uncovers() {
    for name in &TOKEN_NAMES {
        let mut server = server();
        for own in [None, Some("abcdefghijklmnopqrstuvwxyz")] {
            let begun = begin(&mut server, name, &json!({ "otp": own }));
            let password = own.unwrap_or_else(|| begun["otp"].as_str().unwrap()).to_owned();
            assert_eq!((begun["otp"].as_str() == Some(""), password.len()), (own.is_some(), 26));
            let (_, status) = ask(&mut server, name, "GET", name.begin, &Value::Null);
            assert_eq!(status["otp"], "", "it is shown once");
            let made = give_all(&mut server, name, &begun["nonce"]);
            assert_eq!((&made["progress"], &made["required"]), (&json!(3), &json!(3)));
            assert_eq!(progress(&mut server, name), (false, 0));

            let body = json!({"encoded_token": made["encoded_token"], "otp": password}).to_string();
            let (status, decoded) = server.ask("POST", "/v1/sys/decode-token", None, &body);
            assert_eq!(status, 200);
            let decoded: Value = serde_json::from_str(&decoded).unwrap();
            let token = decoded["data"]["token"].as_str().unwrap().to_owned();
            assert!(token.starts_with("s.") && token.len() == 26 && token != server.root);
            server.restart(Config::default());
            server.unseal();
            let (status, found) = server.ask("GET", "/v1/auth/token/lookup-self", Some(&token), "");
            assert_eq!(status, 200);
            let found: Value = serde_json::from_str(&found).unwrap();
            let found = &found["data"];
            assert_eq!(found["policies"], json!(["root"]));
            assert_eq!((&found["orphan"], &found["ttl"]), (&json!(true), &json!(0)));
            assert_eq!(found["path"], "auth/token/root");
        }
    }
}

#[test]
fn replaces_the_shares_at_once() {
    for name in &SHARE_NAMES {
        let mut server = server();
        let (root, old) = (server.root.clone(), server.keys.clone());
        server.ask("PUT", "/v1/secret/a", Some(&root), r#"{"v":1}"#);
        let wish = json!({"secret_shares": 2, "secret_threshold": 2});
        let begun = begin(&mut server, name, &wish);
        assert_eq!(
            (&begun["n"], &begun["t"], &begun["required"]),
            (&json!(2), &json!(2), &json!(3))
        );
        let made = give_all(&mut server, name, &begun["nonce"]);
        assert_eq!(made["verification_required"], false);
        let new = texts(&made["keys"]);
        assert_eq!((new.len(), texts(&made["keys_base64"]).len()), (2, 2));
        assert_eq!(progress(&mut server, name), (false, 0));
        let (_, status) = ask(&mut server, name, "GET", name.begin, &Value::Null);
        assert_eq!(status["required"], 2);
        assert!(!server.store.records().values().any(|record| {
            new.iter().any(|key| {
                let key = from_hex(key).unwrap();
                record.windows(32).any(|part| part == &key[..32])
            })
        }));

        for restarts in [false, true] {
            if restarts {
                server.restart(Config::default());
            } else {
                server.ask("PUT", "/v1/sys/seal", Some(&root), "");
            }
            server.submit(&old[0]);
            assert_eq!(server.submit(&old[1]).0, 400, "the old shares are wrong ones now");
            server.keys.clone_from(&new);
            assert_eq!(server.unseal(), 200);
            assert_eq!(server.ask("GET", "/v1/secret/a", Some(&root), "").0, 200);
        }
        // The new shares may replace themselves.
        let begun = begin(&mut server, name, &json!({"secret_shares": 1, "secret_threshold": 1}));
        let made = new.iter().map(|key| give(&mut server, name, key, &begun["nonce"]).1).last();
        server.keys = texts(&made.unwrap()["keys"]);
        server.restart(Config::default());
        assert_eq!(server.unseal(), 200);
    }
}

#[test]
fn keeps_the_old_shares_until_the_new_ones_are_verified() {
    for name in &SHARE_NAMES {
        let mut server = server();
        let old = server.keys.clone();
        let (new, nonce) = agree_on_new_shares(&mut server, name);
        let (_, shown) = ask(&mut server, name, "GET", name.verify, &Value::Null);
        let want = json!({"n": 4, "t": 2, "nonce": nonce, "started": true, "progress": 0});
        assert_eq!(shown, want);
        let (status, text) = give(&mut server, name, &old[0], &nonce);
        let text = text.as_str().unwrap();
        let finished = "operation already finished; verification must be performed; nonce for the \
                        verification operation is";
        let finished = if name.has_token { &finished[10..] } else { finished };
        assert!(status == 400 && text.contains(finished), "{text}");

        // A restart ends it, and so do a seal and a cancel.
        for end in ["restart", "seal", "cancel"] {
            match end {
                "restart" => server.restart(Config::default()),
                "seal" => {
                    let root = server.root.clone();
                    server.ask("PUT", "/v1/sys/seal", Some(&root), "");
                }
                _ => assert_eq!(ask(&mut server, name, "DELETE", name.begin, &Value::Null).0, 204),
            }
            assert_eq!(server.unseal(), 200, "by the old shares, after a {end}");
            assert_eq!(progress(&mut server, name), (false, 0));
            let (status, _) = verify(&mut server, name, &new[0], &nonce);
            assert_eq!(status, 400);
            if end != "cancel" {
                agree_on_new_shares(&mut server, name);
            }
        }

        let (new, nonce) = agree_on_new_shares(&mut server, name);
        let (_, shown) = verify(&mut server, name, &new[3], &nonce);
        assert_eq!((&shown["progress"], &shown["nonce"]), (&json!(1), &nonce));
        let (_, done) = verify(&mut server, name, &new[1], &nonce);
        assert_eq!(done, json!({"complete": true, "nonce": nonce}));
        assert_eq!(progress(&mut server, name), (false, 0));
        server.restart(Config::default());
        server.submit(&old[0]);
        assert_eq!(server.submit(&old[1]).0, 400);
        server.keys = new;
        assert_eq!(server.unseal(), 200);
    }
}

/// Goes as far as the verification; gives the new shares and its nonce.
fn agree_on_new_shares(server: &mut Single, name: &Name) -> (Vec<String>, Value) {
    let wish = json!({"secret_shares": 4, "secret_threshold": 2, "require_verification": true});
    let begun = begin(server, name, &wish);
    assert_eq!(begun["verification_required"], true);
    let made = give_all(server, name, &begun["nonce"]);
    assert_eq!(made["verification_required"], true);
    assert_eq!(progress(server, name), (true, 0));
    (texts(&made["keys"]), made["verification_nonce"].clone())
}

fn verify(server: &mut Single, name: &Name, key: &str, nonce: &Value) -> (u16, Value) {
    ask(server, name, "POST", name.verify, &json!({"key": key, "nonce": nonce}))
}

#[test]
fn begins_a_verification_anew_after_wrong_shares_and_on_demand() {
    let mut server = server();
    for name in &SHARE_NAMES {
        let old = server.keys.clone();
        let (new, mut nonce) = agree_on_new_shares(&mut server, name);
        // Another share at the same point cannot be combined with it.
        let twin = format!("{}{}", "00".repeat(32), &new[0][64..]);
        for last in [&old[1], &twin] {
            assert_eq!(verify(&mut server, name, &new[0], &nonce).0, 200);
            let (status, text) = verify(&mut server, name, &new[0], &nonce);
            let known = "given key has already been provided during this verify operation";
            assert_eq!((status, text), (400, known.into()));
            let (status, text) = verify(&mut server, name, last, &nonce);
            let failed = if last == &twin {
                "failed to compute key for verification: duplicate part detected"
            } else {
                "verification failed; incorrect key shares supplied"
            };
            assert!(status == 400 && text.as_str().unwrap().ends_with(failed), "{text}");
            let (_, shown) = ask(&mut server, name, "GET", name.verify, &Value::Null);
            assert_eq!(shown["progress"], 0);
            assert_ne!(shown["nonce"], nonce);
            nonce = shown["nonce"].clone();
        }
        verify(&mut server, name, &new[0], &nonce);
        let (status, shown) = ask(&mut server, name, "DELETE", name.verify, &Value::Null);
        assert_eq!((status, &shown["progress"]), (200, &json!(0)));
        let (status, text) = verify(&mut server, name, &new[0], &nonce);
        let wrong = format!(
            "incorrect nonce supplied; nonce for this verify operation is {}",
            shown["nonce"]
        );
        assert_eq!((status, text), (400, wrong.into()));
        ask(&mut server, name, "DELETE", name.begin, &Value::Null);
    }
}

#[test]
fn begins_anew_after_wrong_shares_under_the_same_nonce() {
    let wish = json!({"secret_shares": 1, "secret_threshold": 1});
    for name in TOKEN_NAMES.iter().chain(&SHARE_NAMES) {
        let mut server = server();
        let begun = begin(&mut server, name, &wish);
        let keys = server.keys.clone();
        let twin = format!("{}{}", "00".repeat(32), &keys[0][64..]);
        let refused = if TOKEN_NAMES.iter().any(|other| other.begin == name.begin) {
            "root generation aborted"
        } else {
            "root key verification failed"
        };
        let wrong = format!(
            "{refused}: invalid key: failed to decrypt keys from storage: cipher: message \
             authentication failed"
        );
        let garbage = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021";
        let cases = [
            (garbage, wrong.as_str()),
            (&twin, "failed to compute root key: duplicate part detected"),
            (&keys[0][2..], "failed to compute root key: all parts must be the same length"),
        ];
        for (last, text) in cases {
            give(&mut server, name, &keys[0], &begun["nonce"]);
            give(&mut server, name, &keys[1], &begun["nonce"]);
            assert_eq!(progress(&mut server, name), (true, 2));
            let answer = give(&mut server, name, last, &begun["nonce"]);
            assert_eq!(answer, (400, text.into()), "{}", name.update);
            assert_eq!(progress(&mut server, name), (true, 0));
        }
        assert_eq!(give_all(&mut server, name, &begun["nonce"])["complete"], true);
    }
}

#[test]
fn loses_its_progress_by_a_cancel_a_seal_and_a_restart() {
    let wish = json!({"secret_shares": 1, "secret_threshold": 1});
    for name in TOKEN_NAMES.iter().chain(&SHARE_NAMES) {
        let mut server = server();
        let root = server.root.clone();
        for end in ["cancel", "seal", "restart"] {
            let nonce = begin(&mut server, name, &wish)["nonce"].clone();
            let key = server.keys[4].clone();
            assert_eq!(give(&mut server, name, &key, &nonce).0, 200);
            assert_eq!(progress(&mut server, name), (true, 1));
            match end {
                "cancel" => {
                    for _ in 0..2 {
                        let (status, _) =
                            ask(&mut server, name, "DELETE", name.begin, &Value::Null);
                        assert_eq!(status, 204);
                    }
                }
                "seal" => assert_eq!(server.ask("PUT", "/v1/sys/seal", Some(&root), "").0, 204),
                _ => server.restart(Config::default()),
            }
            if end != "cancel" {
                for path in [name.begin, name.update] {
                    let (status, text) = ask(&mut server, name, "POST", path, &json!({"key": key}));
                    assert_eq!((status, text), (503, "Vault is sealed".into()));
                }
                assert_eq!(server.unseal(), 200);
            }
            assert_eq!(progress(&mut server, name), (false, 0), "{end}");
            assert_eq!(give(&mut server, name, &key, &nonce).0, 400);
        }
    }
}

#[test]
fn goes_on_over_a_rotation_of_keys_and_ends_with_the_shares_that_were_given() {
    let mut server = server();
    let root = server.root.clone();
    let [token, _] = &TOKEN_NAMES;
    let [shares, _] = &SHARE_NAMES;
    let made_by = begin(&mut server, token, &json!({}));
    let wish = json!({"secret_shares": 1, "secret_threshold": 1});
    let shared_by = begin(&mut server, shares, &wish);
    let key = server.keys[0].clone();
    give(&mut server, token, &key, &made_by["nonce"]);
    give(&mut server, shares, &key, &shared_by["nonce"]);
    for target in ["rotate", "rotate/root"] {
        server.ask("POST", &format!("/v1/sys/{target}"), Some(&root), "");
        assert_eq!(progress(&mut server, token), (true, 1));
        assert_eq!(progress(&mut server, shares), (true, 1));
    }
    for key in &server.keys.clone()[1..3] {
        assert_eq!(give(&mut server, shares, key, &shared_by["nonce"]).0, 200);
    }
    assert_eq!(progress(&mut server, token), (false, 0));
    let (status, text) = give(&mut server, token, &key, &made_by["nonce"]);
    assert_eq!((status, text), (400, "no root generation in progress".into()));
}

#[test]
fn refuses_what_does_not_fit_and_goes_on() {
    for name in TOKEN_NAMES.iter().chain(&SHARE_NAMES) {
        let mut server = server();
        let wish = json!({"secret_shares": 1, "secret_threshold": 1});
        let mut nonce = Value::Null;
        for (stage, path, body, text) in CASES {
            if *path != name.begin && *path != name.update && *path != name.verify {
                continue;
            }
            if *stage == Stage::Running && nonce.is_null() {
                nonce = begin(&mut server, name, &wish)["nonce"].clone();
                let key = server.keys[0].clone();
                assert_eq!(give(&mut server, name, &key, &nonce).0, 200);
            }
            let fill = |text: &str| {
                let text = text.replace("$nonce", nonce.as_str().unwrap_or_default());
                text.replace("$key", &server.keys[0])
            };
            let (body, text) = (serde_json::from_str(&fill(body)).unwrap(), fill(text));
            let answer = ask(&mut server, name, "POST", path, &body);
            assert_eq!(answer, (400, text.into()), "{path} {body}");
        }
        assert_eq!(progress(&mut server, name), (true, 1));
    }
}

#[test]
fn asks_for_a_token_where_the_listener_does_not_say_otherwise() {
    let mut server = server();
    let root = server.root.clone();
    let [with, without] = &SHARE_NAMES;
    let [token_with, token_without] = &TOKEN_NAMES;
    for path in [with.begin, with.verify, token_with.begin, "rotate/root/backup", "rekey/backup"] {
        let (status, _) = server.ask("GET", &format!("/v1/sys/{path}"), None, "");
        assert_eq!(status, 403, "{path}");
    }
    let weak = r#"{"id":"weak","policies":["default"]}"#;
    server.ask("POST", "/v1/auth/token/create", Some(&root), weak);
    let path = format!("/v1/sys/{}", token_with.begin);
    assert_eq!(server.ask("POST", &path, Some("weak"), "{}").0, 403);

    for (tokens, shares) in [(false, false), (true, false), (false, true)] {
        server.rules.serves_open_root_generation = tokens;
        server.rules.serves_open_rekey = shares;
        let paths = [
            (token_without.begin, tokens, 200),
            (without.begin, shares, 200),
            ("rekey-recovery-key/init", shares, 400),
        ];
        for (path, is_open, open) in paths {
            for token in [None, Some(root.as_str())] {
                let (status, _) = server.ask("GET", &format!("/v1/sys/{path}"), token, "");
                assert_eq!(status, if is_open { open } else { 405 }, "{path}");
            }
        }
        assert_eq!(server.ask("PUT", "/v1/sys/generate-root", None, "{}").0, 403);
        assert_eq!(server.ask("PUT", "/v1/sys/generate-root", Some(&root), "{}").0, 405);
    }
}

#[test]
fn records_for_audit_what_was_asked_without_a_token() {
    let mut server = Single::unsealed(Config { audit: true, ..Config::default() }, 1);
    server.rules.serves_open_rekey = true;
    for (path, lines) in [("rekey/init", 2), ("seal-status", 0)] {
        server.audit.clear();
        assert_eq!(server.ask("GET", &format!("/v1/sys/{path}"), None, "").0, 200);
        assert_eq!(server.audit.len(), lines, "{path}");
    }
}

#[test]
fn has_no_backups() {
    let mut server = server();
    let [name, _] = &SHARE_NAMES;
    for path in ["rotate/root/backup", "rekey/backup"] {
        let answer = ask(&mut server, name, "GET", path, &Value::Null);
        assert_eq!(answer, (400, "no backed-up keys found".into()));
        assert_eq!(ask(&mut server, name, "DELETE", path, &Value::Null).0, 204);
    }
}

#[test]
fn decodes_no_token_from_what_is_none() {
    let mut server = server();
    for (body, text) in DECODE_CASES {
        let (status, answer) = server.ask("POST", "/v1/sys/decode-token", None, body);
        assert_eq!(status, 400, "{body}");
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["errors"][0], text, "{body}");
    }
    let body = r#"{"encoded_token":"MjQ","otp":"AB"}"#;
    let (status, answer) = server.ask("POST", "/v1/sys/decode-token", None, body);
    assert!(status == 200 && answer.contains(r#""data":{"token":"sv"}"#), "{answer}");
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Nothing was begun.
    Idle,
    /// One share, `$key`, was given under `$nonce`.
    Running,
}

/// When, where, body, error. Those of a name follow each other.
const CASES: &[(Stage, &str, &str, &str)] = &[
    (Stage::Idle, TOKEN, r#"{"otp":"short"}"#, "OTP string has incorrect length"),
    (
        Stage::Idle,
        TOKEN,
        r#"{"pgp_key":"aGVsbG8="}"#,
        "error parsing PGP key: error parsing given PGP key: openpgp: invalid data: tag byte does \
         not have MSB set",
    ),
    (
        Stage::Idle,
        TOKEN,
        r#"{"pgp_key":"mQENBFXbjPUBCADj"}"#,
        "error parsing PGP key: PGP keys are not supported",
    ),
    (
        Stage::Idle,
        OPEN_TOKEN,
        r#"{"pgp_key":"mQENBFXbjPUBCADj"}"#,
        "error parsing PGP key: PGP keys are not supported",
    ),
    (Stage::Idle, OPEN_TOKEN, r#"{"otp":7}"#, "failed to decode JSON input: otp must be a string"),
    (Stage::Idle, TOKEN_UPDATE, r#"{"key":"$key"}"#, "nonce is required"),
    (Stage::Idle, TOKEN_UPDATE, r#"{"nonce":"x"}"#, "key is required"),
    (Stage::Idle, TOKEN_UPDATE, r#"{"key":"$key","nonce":"x"}"#, "no root generation in progress"),
    (
        Stage::Idle,
        OPEN_TOKEN_UPDATE,
        r#"{"nonce":"x"}"#,
        "'key' must be specified in request body as JSON",
    ),
    (Stage::Idle, OPEN_TOKEN_UPDATE, r#"{"key":"$key"}"#, "no root generation in progress"),
    (Stage::Running, TOKEN, "{}", "root generation already in progress for this namespace"),
    (
        Stage::Running,
        TOKEN_UPDATE,
        r#"{"key":"$key","nonce":"x"}"#,
        "incorrect nonce supplied; nonce for this root generation operation is \"$nonce\"",
    ),
    (
        Stage::Running,
        TOKEN_UPDATE,
        r#"{"key":"$key","nonce":"$nonce"}"#,
        "given key has already been provided during this generation operation",
    ),
    (
        Stage::Running,
        TOKEN_UPDATE,
        r#"{"key":"?","nonce":"$nonce"}"#,
        "'key' must be a valid hex or base64 string",
    ),
    (
        Stage::Running,
        OPEN_TOKEN_UPDATE,
        r#"{"key":"0102","nonce":"$nonce"}"#,
        "invalid key: key is shorter than minimum 16 bytes",
    ),
    (
        Stage::Idle,
        ROTATE,
        r#"{"secret_shares":2,"secret_threshold":3}"#,
        "invalid rotate seal configuration: threshold cannot be larger than shares",
    ),
    (Stage::Idle, ROTATE, "{}", "invalid rotate seal configuration: shares must be at least one"),
    (
        Stage::Idle,
        ROTATE,
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":["mQENBFXbjPUBCADj"]}"#,
        "invalid rotate seal configuration: PGP keys are not supported",
    ),
    (Stage::Idle, ROTATE_UPDATE, r#"{"nonce":"x"}"#, "missing required field 'key'"),
    (Stage::Idle, ROTATE_UPDATE, r#"{"key":"$key"}"#, "missing required field 'nonce'"),
    (Stage::Idle, ROTATE_UPDATE, r#"{"key":"$key","nonce":"x"}"#, "no rotation in progress"),
    (Stage::Idle, ROTATE_VERIFY, r#"{"key":"$key","nonce":"x"}"#, "no rotation in progress"),
    (
        Stage::Running,
        ROTATE,
        r#"{"secret_shares":1,"secret_threshold":1}"#,
        "rotation already in progress",
    ),
    (
        Stage::Running,
        ROTATE_UPDATE,
        r#"{"key":"$key","nonce":"x"}"#,
        "incorrect nonce supplied; nonce for rotation is \"$nonce\"",
    ),
    (
        Stage::Running,
        ROTATE_UPDATE,
        r#"{"key":"$key","nonce":"$nonce"}"#,
        "given key has already been provided during this rotation",
    ),
    (
        Stage::Running,
        ROTATE_UPDATE,
        r#"{"key":"0102","nonce":"$nonce"}"#,
        "key is shorter than minimum 16 bytes",
    ),
    (
        Stage::Running,
        ROTATE_VERIFY,
        r#"{"key":"$key","nonce":"$nonce"}"#,
        "no rotation verification in progress",
    ),
    (
        Stage::Idle,
        REKEY,
        r#"{"secret_shares":3,"secret_threshold":1}"#,
        "invalid rekey seal configuration: threshold must be greater than one for multiple shares",
    ),
    (
        Stage::Idle,
        REKEY,
        r#"{"secret_shares":1,"secret_threshold":1,"backup":true}"#,
        "cannot request a backup of the new keys without providing PGP keys for encryption",
    ),
    (
        Stage::Idle,
        REKEY,
        r#"{"secret_shares":2,"secret_threshold":2,"pgp_keys":["aGVsbG8="]}"#,
        "incorrect number of PGP keys for rekey",
    ),
    (
        Stage::Idle,
        REKEY,
        r#"{"secret_shares":1,"secret_threshold":1,"pgp_keys":["mQENBFXbjPUBCADj"]}"#,
        "invalid rekey seal configuration: PGP keys are not supported",
    ),
    (Stage::Idle, REKEY_UPDATE, r#"{"key":"$key"}"#, "no barrier rekey in progress"),
    (Stage::Idle, REKEY_VERIFY, r#"{"key":"$key"}"#, "no rekey in progress"),
    (
        Stage::Running,
        REKEY,
        r#"{"secret_shares":1,"secret_threshold":1}"#,
        "rekey already in progress",
    ),
    (
        Stage::Running,
        REKEY_UPDATE,
        r#"{"nonce":"$nonce"}"#,
        "'key' must be specified in request body as JSON",
    ),
    (
        Stage::Running,
        REKEY_UPDATE,
        r#"{"key":"$key"}"#,
        "incorrect nonce supplied; nonce for this rekey operation is \"$nonce\"",
    ),
    (
        Stage::Running,
        REKEY_UPDATE,
        r#"{"key":"$key","nonce":"$nonce"}"#,
        "given key has already been provided during this generation operation",
    ),
    (
        Stage::Running,
        REKEY_VERIFY,
        r#"{"key":"$key","nonce":"$nonce"}"#,
        "no rekey verification in progress",
    ),
];

const TOKEN: &str = TOKEN_NAMES[0].begin;
const TOKEN_UPDATE: &str = TOKEN_NAMES[0].update;
const OPEN_TOKEN: &str = TOKEN_NAMES[1].begin;
const OPEN_TOKEN_UPDATE: &str = TOKEN_NAMES[1].update;
const ROTATE: &str = SHARE_NAMES[0].begin;
const ROTATE_UPDATE: &str = SHARE_NAMES[0].update;
const ROTATE_VERIFY: &str = SHARE_NAMES[0].verify;
const REKEY: &str = SHARE_NAMES[1].begin;
const REKEY_UPDATE: &str = SHARE_NAMES[1].update;
const REKEY_VERIFY: &str = SHARE_NAMES[1].verify;

/// Body, error.
const DECODE_CASES: [(&str, &str); 5] = [
    (r#"{"otp":"AB"}"#, "provided 'encoded_token' or 'otp' is empty"),
    (r#"{"encoded_token":"MjQ"}"#, "provided 'encoded_token' or 'otp' is empty"),
    (
        r#"{"encoded_token":"MjQ","otp":"ABC"}"#,
        "error xoring token: length of byte slices is not equivalent: 2 != 3",
    ),
    (r#"{"encoded_token":"MjQ=","otp":"AB"}"#, "error decoding base64'd token: no base64"),
    (r#"{"encoded_token":"gIA","otp":"AB"}"#, "error xoring token: this password gives no text"),
];
