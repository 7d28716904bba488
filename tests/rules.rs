//! Rules of the API that need a whole server to be seen: periods at the end of paths, restarts, and
//! what stored bytes show.

use std::time::Duration;

use strongroom_core::{Config, Output, RequestId, Rules, Step, Time, Vault, http, limit, prepare};
use strongroom_tests::single::Single;

const UNSUPPORTED: &str = "1 error occurred:\\n\\t* unsupported path\\n\\n";

/// A path that ends in a period names nothing, whatever its mount. Only its last character counts.
#[test]
fn refuses_paths_that_end_in_a_period() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let body = r#"{"a":1}"#;
    let refused = [
        ("GET", "/v1/secret/a.", ""),
        ("POST", "/v1/secret/a.", body),
        ("DELETE", "/v1/secret/a.", ""),
        ("POST", "/v1/secret/a/b...", body),
        ("POST", "/v1/secret/a%2e", body),
        ("POST", "/v1/secret/%2E%2E%2E", body),
        ("POST", "/v1/cubbyhole/a.", body),
        ("GET", "/v1/cubbyhole/a/b.", ""),
        ("POST", "/v1/auth/token/create.", "{}"),
        ("POST", "/v1/sys/tools/random/5.", "{}"),
        ("GET", "/v1/sys/health.", ""),
    ];
    for (method, target, body) in refused {
        let (status, answer) = server.ask(method, target, Some(&root), body);
        assert_eq!(status, 404, "{method} {target}");
        assert!(answer.contains(UNSUPPORTED), "{method} {target}: {answer}");
        // A stranger is told nothing of it.
        assert_eq!(server.ask(method, target, None, body).0, 403, "{method} {target}");
        assert_eq!(server.ask(method, target, Some("s.nobody"), body).0, 403);
    }
    let served = [
        ("POST", "/v1/secret/a./b", body, 204),
        ("GET", "/v1/secret/a./b", "", 200),
        ("LIST", "/v1/secret/a.", "", 200),
        ("GET", "/v1/secret/a.?list=true", "", 200),
        ("LIST", "/v1/secret/a./", "", 200),
        ("POST", "/v1/secret/.a", body, 204),
        ("GET", "/v1/secret/a.b", "", 404),
    ];
    for (method, target, body, want) in served {
        assert_eq!(server.ask(method, target, Some(&root), body).0, want, "{method} {target}");
    }
}

#[test]
fn lets_free_paths_end_in_a_period_where_the_operator_says_so() {
    let config = Config { allow_trailing_period: true, ..Config::default() };
    let mut server = Single::unsealed(config, 1);
    let root = server.root.clone();
    for target in ["/v1/secret/a.", "/v1/cubbyhole/a."] {
        assert_eq!(server.ask("POST", target, Some(&root), r#"{"a":1}"#).0, 204, "{target}");
        assert_eq!(server.ask("GET", target, Some(&root), "").0, 200, "{target}");
    }
    // Names of the server's own are not free.
    assert_eq!(server.ask("POST", "/v1/auth/token/create.", Some(&root), "{}").0, 404);
}

/// Another process on the same store: what was written is there, once it is unsealed.
#[test]
fn finds_everything_again_after_a_restart() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    server.ask("POST", "/v1/secret/a/b", Some(&root), r#"{"v":1}"#);
    server.restart(Config::default());
    assert_eq!(server.ask("GET", "/v1/secret/a/b", Some(&root), "").0, 503);
    assert_eq!(
        server.ask("PUT", "/v1/sys/init", None, r#"{"secret_shares":1,"secret_threshold":1}"#).0,
        400
    );
    assert_eq!(server.submit(&"0".repeat(64)).0, 400);
    assert_eq!(server.unseal(), 200);
    let (status, body) = server.ask("GET", "/v1/secret/a/b", Some(&root), "");
    assert_eq!(status, 200);
    assert!(body.contains(r#""data":{"v":1}"#), "{body}");
}

/// A record that was moved, swapped or cut does not open, and the answer is the server's trouble.
#[test]
fn refuses_records_that_were_moved_swapped_or_cut() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    for name in ["a", "b"] {
        server.ask("POST", &format!("/v1/secret/{name}"), Some(&root), r#"{"v":1}"#);
    }
    let records = server.store.records().clone();
    let mut troubles = 0;
    for (victim, record) in &records {
        for forged in
            [records.values().next_back().unwrap().to_vec(), record[..record.len() / 2].to_vec()]
        {
            let mut changed = records.clone();
            changed.insert(*victim, forged.into());
            server.store = strongroom_core::MemoryStore::from_records(changed);
            server.vault = Vault::new(Config::default());
            server.unseal();
            let (status, body) = server.ask("GET", "/v1/secret/a", Some(&root), "");
            assert!(matches!(status, 200 | 500 | 503), "{status} {body}");
            assert!(status != 200 || body.contains(r#""data":{"v":1}"#), "{body}");
            troubles += usize::from(status != 200);
        }
    }
    assert!(troubles >= 8, "{troubles}");
}

/// The text of a token can be given again; what its former owner had made stays dead.
#[test]
fn keeps_a_dead_tree_dead_when_its_root_is_made_anew() {
    let mut server = Single::unsealed(Config::default(), 1);
    // What is dead is still in the store.
    server.holds_background = true;
    let root = server.root.clone();
    let create = "/v1/auth/token/create";
    let parent = r#"{"id":"parent","policies":["root"]}"#;
    assert_eq!(server.ask("POST", create, Some(&root), parent).0, 200);
    let (_, made) = server.ask("POST", create, Some("parent"), "{}");
    let (_, rest) = made.split_once("\"client_token\":\"").unwrap();
    let child = rest.split('"').next().unwrap().to_owned();
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&child), "").0, 404);
    server.ask("POST", "/v1/auth/token/revoke", Some(&root), r#"{"token":"parent"}"#);
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&child), "").0, 403);
    let again = r#"{"id":"parent","policies":["default"]}"#;
    assert_eq!(server.ask("POST", create, Some(&root), again).0, 200);
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&child), "").0, 403);
    // While it lives, its text is taken.
    assert_eq!(server.ask("POST", create, Some(&root), again).0, 400);
}

/// When the medium is nearly full, what takes room is refused before anything changes, and what makes
/// room is served.
#[test]
fn keeps_a_reserve_of_the_medium_for_what_makes_room() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let made = r#"{"id":"one","policies":["root"],"num_uses":9}"#;
    assert_eq!(server.ask("POST", "/v1/auth/token/create", Some(&root), made).0, 200);
    assert_eq!(server.ask("POST", "/v1/secret/a", Some(&root), r#"{"v":1}"#).0, 204);
    let before = server.store.committed();
    server.vault.handle_capacity(limit::ROOM_RESERVE_BYTES + 100);
    for (method, target, token, body) in [
        ("POST", "/v1/secret/a", root.as_str(), r#"{"v":2}"#),
        ("POST", "/v1/secret/b", root.as_str(), r#"{"v":2}"#),
        ("POST", "/v1/auth/token/create", root.as_str(), "{}"),
    ] {
        let (status, body) = server.ask(method, target, Some(token), body);
        assert_eq!(status, 507, "{method} {target}");
        assert_eq!(body, "{\"errors\":[\"the storage has no room left\"]}\n");
    }
    assert_eq!(server.store.committed(), before);
    assert!(server.vault.lacks_room());
    assert_eq!(server.ask("GET", "/v1/secret/a", Some(&root), "").0, 200);
    // A use of a token is counted all the same.
    assert_eq!(server.ask("GET", "/v1/secret/a", Some("one"), "").0, 200);
    assert_eq!(server.ask("DELETE", "/v1/secret/a", Some(&root), "").0, 204);
    let revoked = r#"{"token":"one"}"#;
    assert_eq!(server.ask("POST", "/v1/auth/token/revoke", Some(&root), revoked).0, 204);
    // The reserve has an end too.
    server.vault.handle_capacity(100);
    assert_eq!(server.ask("POST", "/v1/auth/token/revoke-self", Some(&root), "").0, 507);
    server.vault.handle_capacity(1 << 40);
    assert_eq!(server.ask("POST", "/v1/secret/a", Some(&root), r#"{"v":2}"#).0, 204);
}

/// What a revoked token owned goes behind its back, and nothing is left of a whole tree.
#[test]
fn cleans_up_behind_a_revoked_tree() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let before = server.store.records().len();
    let make = |id: &str| format!("{{\"id\":\"{id}\",\"policies\":[\"root\"]}}");
    assert_eq!(server.ask("POST", "/v1/auth/token/create", Some(&root), &make("top")).0, 200);
    for number in 0..70 {
        let child = format!("child-{number}");
        let made = make(&child);
        assert_eq!(server.ask("POST", "/v1/auth/token/create", Some("top"), &made).0, 200);
        for path in 0..5 {
            let target = format!("/v1/cubbyhole/a/{path}");
            assert_eq!(server.ask("POST", &target, Some(&child), r#"{"v":1}"#).0, 204);
        }
    }
    assert!(server.store.records().len() > before + 70 * 8);
    assert_eq!(server.ask("POST", "/v1/auth/token/revoke-self", Some("top"), "").0, 204);
    assert_eq!(server.store.records().len(), before);
    assert!(server.vault.counters().chore_pages >= 4);
}

/// A folder is no entry: deleting it by its name changes nothing.
#[test]
fn deletes_nothing_by_the_name_of_a_folder() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    for mount in ["secret", "cubbyhole"] {
        server.ask("POST", &format!("/v1/{mount}/a/b"), Some(&root), r#"{"v":1}"#);
        assert_eq!(server.ask("DELETE", &format!("/v1/{mount}/a/"), Some(&root), "").0, 204);
        let (status, names) = server.ask("LIST", &format!("/v1/{mount}"), Some(&root), "");
        assert_eq!(status, 200, "{mount}");
        assert!(names.contains(r#"["a/"]"#), "{names}");
    }
}

/// The last use of a token ends it, whatever the request was.
#[test]
fn ends_a_token_with_its_last_use_on_every_way_out() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let requests = [
        ("GET", "/v1/secret/a?help=1", 200),
        ("PUT", "/v1/sys/step-down", 204),
        ("GET", "/v1/secret/a", 404),
        ("GET", "/v1/nowhere/a", 404),
        ("POST", "/v1/secret/a", 400),
    ];
    for (method, target, status) in requests {
        let before = server.store.records().len();
        let made = r#"{"id":"once","policies":["root"],"num_uses":1}"#;
        assert_eq!(server.ask("POST", "/v1/auth/token/create", Some(&root), made).0, 200);
        assert_eq!(server.ask(method, target, Some("once"), "").0, status, "{method} {target}");
        assert_eq!(server.ask("GET", "/v1/secret/a", Some("once"), "").0, 403, "{target}");
        assert_eq!(server.store.records().len(), before, "{method} {target} leaves a record");
    }
}

/// A clock that was set back does not bring time back, nor does it stand still until it has come there
/// again.
#[test]
fn goes_on_from_the_highest_time_after_a_start_with_a_clock_set_back() {
    let mut server = Single::unsealed(Config::default(), 1);
    let root = server.root.clone();
    let made = r#"{"id":"brief","policies":["root"],"ttl":60}"#;
    assert_eq!(server.ask("POST", "/v1/auth/token/create", Some(&root), made).0, 200);
    let hour = Duration::from_secs(3600);
    let seconds = |count| Duration::from_secs(count);
    server.restart(Config::default());
    server.start = server.start.before(hour);
    assert_eq!(server.unseal(), 200);
    assert_eq!(server.ask("GET", "/v1/secret/a", Some("brief"), "").0, 404);
    server.start = server.start.after(seconds(50));
    assert_eq!(server.ask("GET", "/v1/secret/a", Some("brief"), "").0, 404);
    server.start = server.start.after(seconds(15));
    assert_eq!(server.ask("GET", "/v1/secret/a", Some("brief"), "").0, 403);
}

/// The operator's TTLs stand where nobody names one, and cap what somebody names.
#[test]
fn takes_the_ttls_of_the_operator() {
    let config = Config { default_lease_ttl: 60, max_lease_ttl: 600, ..Config::default() };
    let mut server = Single::unsealed(config, 1);
    let root = server.root.clone();
    let mut ask = |method, target, body| {
        let (status, answer) = server.ask(method, target, Some(&root), body);
        assert!(status < 300, "{target}: {answer}");
        serde_json::from_str::<serde_json::Value>(&answer).unwrap_or_default()
    };
    for (body, ttl, warned) in
        [(r#"{"policies":["a"]}"#, 60, 1), (r#"{"policies":["a"],"ttl":"1h"}"#, 600, 2)]
    {
        let answer = ask("POST", "/v1/auth/token/create", body);
        assert_eq!(answer["auth"]["lease_duration"], ttl, "{answer}");
        assert_eq!(answer["warnings"].as_array().map(Vec::len), Some(warned), "{answer}");
    }
    ask("PUT", "/v1/secret/a", r#"{"a":"b"}"#);
    assert_eq!(ask("GET", "/v1/secret/a", "")["lease_duration"], 60);
    ask("PUT", "/v1/secret/a", r#"{"a":"b","ttl":"1h"}"#);
    assert_eq!(ask("GET", "/v1/secret/a", "")["lease_duration"], 3600);
}

/// A request that waits is refused after the time of its own listener.
#[test]
fn a_request_waits_as_long_as_its_listener_allows() {
    let start = Time::from_unix_nanos(1_700_000_000_000_000_000);
    let step = |after| Step { now: start.after(after), seed: [1; 32] };
    let mut vault = Vault::new(Config::default());
    let (short, long) = (Duration::from_secs(2), Duration::from_secs(200));
    for (id, time_max) in [(1, long), (2, short)] {
        let request = http::Request::new("GET", "/v1/sys/health", &[], b"").unwrap();
        let call = prepare(&request, &Rules { time_max, ..Rules::default() });
        vault.handle_request(&step(Duration::ZERO), RequestId(id), call.ok().unwrap());
    }
    let mut refused = |after| -> Vec<RequestId> {
        vault.handle_timeout(&step(after));
        // The load that both wait for never ends.
        let outputs = std::iter::from_fn(|| vault.poll_output());
        let answered = outputs
            .filter_map(|output| if let Output::Respond(id, _) = output { Some(id) } else { None });
        answered.collect()
    };
    let moment = Duration::from_nanos(1);
    assert_eq!(refused(short - moment), []);
    assert_eq!(refused(short), [RequestId(2)]);
    assert_eq!(refused(long - moment), []);
    assert_eq!(refused(long), [RequestId(1)]);
}
