//! Policies over any bytes: documents, and worlds of small rules that a naive matcher decides about too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use strongroom_core::json::{self, Limits};
use strongroom_core::probe::{Rights, acl_operations, bytes_of_policy};
use strongroom_core::{Time, limit};

use crate::model::policy::{Granted, Policy, Request, Rule, capabilities, decide};
use crate::random::Random;

/// Seconds since the epoch.
const NOW: u64 = 1_800_000_000;

/// Any bytes are no policy, or one that takes memory in proportion to its text and whose rights can be
/// shown. Read as a story they are policies, whose documents in both languages decide about requests as the
/// naive matcher does about the rules that they were written from.
///
/// # Panics
///
/// If one of these is not so.
pub fn policy(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        document(text);
    }
    story(&mut Random::with_tape(7, data), 40);
}

fn document(text: &str) {
    let now = Time::from_unix_nanos(NOW * 1_000_000_000);
    let Ok(bytes) = bytes_of_policy(text) else { return };
    // A path is some bytes of a document, and what is kept of it some hundred.
    assert!(bytes <= 256 * text.len().min(limit::DOCUMENT_BYTES_MAX) + 256, "{bytes}: {text}");
    let rights = Rights::read(&[("", text), ("a/", text)], now).expect("it was read");
    let resultant = rights.resultant();
    let shown: Value = serde_json::from_str(&resultant).expect("JSON");
    let paths = shown.get("exact_paths").and_then(Value::as_object).expect("an object");
    for (path, rule) in paths {
        let words = rule.get("capabilities").and_then(Value::as_array).expect("a list");
        let words: BTreeSet<&str> = words.iter().filter_map(Value::as_str).collect();
        let granted = rights.capabilities(path);
        assert!(words.into_iter().eq(granted.iter().copied()), "{path}");
        assert!(granted == ["deny"] || rights.reaches(path), "{path}");
    }
    assert!(rights.valid_until().is_none_or(|until| until > now));
    assert!(rights.decide("help", text, None, None).is_some());
}

/// Makes policies, and compares what both say of so many requests.
///
/// # Panics
///
/// If they do not agree.
pub fn story(random: &mut Random, requests: usize) {
    let policies: Vec<Policy> = (0..=random.below(3)).map(|_| random_policy(random)).collect();
    let documents: Vec<String> = policies
        .iter()
        .map(|policy| {
            let text = policy.write_json();
            let read = Policy::from_document(&policy.prefix, &text);
            assert_eq!(read.as_ref(), Some(policy), "{text}");
            if random.one_in(2) { text } else { policy.write_hcl() }
        })
        .collect();
    let sources: Vec<(&str, &str)> = policies
        .iter()
        .zip(&documents)
        .map(|(policy, text)| (policy.prefix.as_str(), text.as_str()))
        .collect();
    let now = Time::from_unix_nanos(NOW * 1_000_000_000);
    let rights = Rights::read(&sources, now).unwrap_or_else(|error| panic!("{error}: {sources:?}"));
    for _ in 0..requests {
        let request = random_request(random, &policies);
        check(&rights, &policies, &request);
    }
}

fn check(rights: &Rights, policies: &[Policy], request: &Request) {
    let body = Value::Object(request.data.clone()).to_string();
    let data = json::parse(body.as_bytes(), &Limits::default()).expect("it was written");
    let data = data.filter(|_| !request.data.is_empty());
    let path = request.path.as_str();
    let mut some = false;
    for operation in acl_operations() {
        let request = Request { operation, ..request.clone() };
        let want = decide(policies, &request, NOW);
        let got = rights.decide(&request.operation, path, data.as_ref(), request.wrap_ttl);
        let got = got.map(|granted| Granted { sudo: granted.sudo, limit: granted.limit });
        assert_eq!(got, want, "{request:?} {policies:#?}");
        some |= want.is_some() && request.operation != "help";
    }
    let want = capabilities(policies, path, NOW);
    assert_eq!(rights.capabilities(path), want, "{path} {policies:#?}");
    for at in (0..=path.len()).filter(|_| some) {
        let prefix = path.get(..at).expect("one byte for each character");
        assert!(rights.reaches(prefix), "{path} {prefix} {policies:#?}");
    }
}

// --- Chance ---------------------------------------------------------------------------------

/// A policy of small rules.
pub fn random_policy(random: &mut Random) -> Policy {
    let prefix = if random.one_in(4) { "a/" } else { "" };
    let mut rules: Vec<Rule> = Vec::new();
    for _ in 0..random.below(6) {
        // The same path now and then, so that rules are merged.
        let path = match rules.first() {
            Some(first) if random.one_in(4) => first.path.clone(),
            _ => random_path(random, &['a', 'b', '/', '/', '+', '+', '*'], 7),
        };
        let bare = path.strip_prefix('/').unwrap_or(&path);
        if bare.contains("+*") {
            continue;
        }
        rules.push(random_rule(random, path));
    }
    Policy { prefix: prefix.to_owned(), rules }
}

fn random_path(random: &mut Random, letters: &[char], length_max: usize) -> String {
    (0..random.below(length_max + 1)).map(|_| *random.pick(letters)).collect()
}

fn random_rule(random: &mut Random, path: String) -> Rule {
    const WORDS: [&str; 9] =
        ["create", "delete", "list", "patch", "read", "scan", "sudo", "update", "recover"];
    let mut rule = Rule { path, ..Rule::default() };
    for word in WORDS {
        if random.one_in(2) {
            rule.capabilities.insert(word.to_owned());
        }
    }
    if random.one_in(6) {
        rule.capabilities.insert("deny".to_owned());
    }
    if random.one_in(6) {
        rule.capabilities.clear();
    }
    if random.one_in(3) {
        rule.allowed = random_values(random);
    }
    if random.one_in(3) {
        rule.denied = random_values(random);
    }
    if random.one_in(5) {
        rule.required.insert((*random.pick(&["a", "B", "limit"])).to_owned());
    }
    if random.one_in(6) {
        rule.wrap_min = *random.pick(&[1, 60, 90]);
    }
    if random.one_in(6) {
        rule.wrap_max = *random.pick(&[90, 120, 3600]);
    }
    if random.one_in(4) {
        rule.page_max = *random.pick(&[1, 2, 5]);
    }
    if random.one_in(8) {
        rule.expires = Some(*random.pick(&[NOW - 1, NOW, NOW + 1]));
    }
    rule
}

/// Values that a policy lists.
fn random_values(random: &mut Random) -> BTreeMap<String, Vec<Value>> {
    let pool = [
        json!("x"),
        json!("x*"),
        json!("*y"),
        json!("*x*"),
        json!("*"),
        json!("x,y"),
        json!(""),
        json!(true),
        json!("1"),
        json!(5),
        json!(["x"]),
        json!([]),
        json!({"k": "x"}),
    ];
    let mut values = BTreeMap::new();
    for _ in 0..random.below(3) {
        let name = (*random.pick(&["a", "A", "b", "*"])).to_owned();
        let list = (0..random.below(3)).map(|_| random.pick(&pool).clone()).collect();
        values.insert(name, list);
    }
    values
}

fn random_request(random: &mut Random, policies: &[Policy]) -> Request {
    let values = [
        json!("x"),
        json!("xy"),
        json!(" y"),
        json!("x,y"),
        json!("x, y"),
        json!("z,x"),
        json!("x,".repeat(255) + "x"),
        json!("x,".repeat(256) + "x"),
        json!("1"),
        json!(""),
        json!(true),
        json!(5),
        json!(1.0),
        json!(null),
        json!(["x"]),
        json!(["x", "y,x", true]),
        json!([]),
        json!([["x"]]),
        json!({"k": "x"}),
        json!({"k": "x", "l": "x"}),
    ];
    let limits =
        [json!("max"), json!("0"), json!("1"), json!(2), json!("-1"), json!("9"), json!([])];
    let mut data = Map::new();
    for _ in 0..random.below(3) {
        let name = (*random.pick(&["a", "A", "b", "c"])).to_owned();
        data.insert(name, random.pick(&values).clone());
    }
    if random.one_in(3) {
        data.insert("limit".to_owned(), random.pick(&limits).clone());
    }
    let wrap_ttl = random.one_in(2).then(|| *random.pick(&[0, 30, 60, 100, 3600, 9999]));
    Request { operation: String::new(), path: near_path(random, policies), data, wrap_ttl }
}

/// A path of some rule, with something in the place of what stands for others; or any path.
fn near_path(random: &mut Random, policies: &[Policy]) -> String {
    let policy = random.pick(policies);
    if policy.rules.is_empty() || random.one_in(3) {
        return random_path(random, &['a', 'b', '/', '/', '+', '*'], 8);
    }
    let rule = random.pick(&policy.rules);
    let mut path = policy.prefix.clone();
    for letter in rule.path.strip_prefix('/').unwrap_or(&rule.path).chars() {
        match letter {
            '+' | '*' => path.push_str(random.pick::<&str>(&["a", "b", "ab", "", "+", "*"])),
            _ => path.push(letter),
        }
    }
    match random.below(4) {
        0 => path.push('/'),
        1 => path.push_str(random.pick::<&str>(&["a", "/b", "b/a/"])),
        _ => {}
    }
    path
}
