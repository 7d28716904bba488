//! What clients choose to do: few names, so that they meet.

use std::collections::BTreeMap;

use serde_json::json;
use strongroom_core::encoding::hex;

use super::{Ask, Op, PolicyWish, Spot, VALUE_CANARY, Whose, Wish};
use crate::model::policy::{Policy, Rule};
use crate::random::Random;

/// What clients know.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// Texts of tokens; the root token is the first.
    pub tokens: &'k [String],
    /// Accessors of tokens.
    pub accessors: &'k [String],
    /// Keys of locked namespaces.
    pub unlock_keys: &'k [String],
    /// Seconds since the epoch.
    pub now: u64,
}

impl Ask {
    /// A random request.
    pub fn random(random: &mut Random, serial: u64, known: &Known<'_>) -> Self {
        let op = Op::random(random, serial, known);
        let token = match random.below(20) {
            0 => None,
            1..7 => Some(random.pick(known.tokens).clone()),
            _ => known.tokens.first().cloned(),
        };
        let spot = if op.is_everywhere() { Spot::random(random) } else { Spot::default() };
        Self { op, token, spot }
    }
}

impl Spot {
    fn random(random: &mut Random) -> Self {
        if !random.one_in(4) {
            return Self::default();
        }
        let namespace = one_of(random, &NAMESPACES).to_owned();
        let in_header = random.below(namespace.matches('/').count() + 1);
        Self { namespace, in_header }
    }
}

impl Op {
    /// What a client wants.
    pub fn random(random: &mut Random, serial: u64, known: &Known<'_>) -> Self {
        match random.below(100) {
            0..18 => Self::Read(random_path(random)),
            18..41 => Self::Write(random_path(random), random_value(random, serial)),
            41..46 => Self::Delete(random_path(random)),
            46..51 => Self::List(random_folder(random)),
            51..53 => Self::Scan(random_folder(random)),
            53..59 => Self::TokenCreate(Wish::random(random)),
            59..62 => Self::LookupSelf,
            62..64 => Self::Lookup(random.pick(known.tokens).clone()),
            64 => Self::Revoke(random.pick(known.tokens).clone()),
            65 if random.one_in(2) => Self::RevokeSelf,
            66..68 => Self::Job(format!("{VALUE_CANARY}{serial}")),
            68..70 => Self::CubbyholeWrite(random_name(random), random_value(random, serial)),
            70..72 => Self::CubbyholeRead(random_name(random)),
            72 => Self::Health,
            73 => Self::TrailingPeriod(random_path(random)),
            74 => Self::BrokenBody(random_path(random)),
            75 => Self::BothFramings,
            76 if random.one_in(2) => Self::Rotate,
            76 => Self::KeyStatus,
            77..82 => random_policy_op(random, serial, known),
            82..86 => random_question(random, known),
            86..94 => random_mount_op(random, serial),
            94..99 => random_namespace_op(random, serial, known),
            _ => Self::Nowhere,
        }
    }

    /// A step of an operator towards unsealing, now and then a wrong one. `keys` are the shares.
    pub fn unsealing(random: &mut Random, keys: &[String]) -> Self {
        match random.below(20) {
            0 => Self::UnsealReset,
            1 | 2 => Self::SealStatus,
            3 => Self::Unseal(wrong_share(random, keys)),
            _ => Self::Unseal(random.pick(keys).clone()),
        }
    }
}

impl Wish {
    fn random(random: &mut Random) -> Self {
        let mut policies = Vec::new();
        match random.below(8) {
            0 => policies.push("root".to_owned()),
            1 => {}
            _ => {
                for _ in 0..=random.below(2) {
                    policies.push(one_of(random, &POLICIES).to_owned());
                }
            }
        }
        Self {
            policies,
            without_default: random.one_in(3),
            num_uses: if random.one_in(3) { 1 + i64::from(random.one_in(3)) } else { 0 },
            ttl: if random.one_in(3) { 30 } else { 0 },
            orphan: random.one_in(3),
            id: random.one_in(6).then(|| *random.pick(&IDS)),
        }
    }
}

fn random_policy_op(random: &mut Random, serial: u64, known: &Known<'_>) -> Op {
    let mut name = one_of(random, &POLICIES).to_owned();
    match random.below(40) {
        0 => "root".clone_into(&mut name),
        1 | 2 => "default".clone_into(&mut name),
        3 | 4 => name = name.to_uppercase(),
        _ => {}
    }
    match random.below(12) {
        0..6 => Op::PolicyWrite(name, PolicyWish::random(random, serial, known, false)),
        6 | 7 => Op::PolicyPatch(name, PolicyWish::random(random, serial, known, true)),
        8 | 9 => Op::PolicyDelete(name),
        10 => Op::PolicyRead(name),
        _ => Op::PolicyList,
    }
}

impl PolicyWish {
    fn random(random: &mut Random, serial: u64, known: &Known<'_>, may_lack: bool) -> Self {
        let is_given = if may_lack { random.one_in(2) } else { !random.one_in(16) };
        let cas = [-1, 0, 1, 2, 3];
        Self {
            policy: is_given.then(|| random_policy(random, serial, known.now)),
            as_json: random.one_in(2),
            cas: random.one_in(4).then(|| *random.pick(&cas)),
            cas_required: random.one_in(6).then(|| random.one_in(2)),
            ttl: random.one_in(6).then(|| *random.pick(&[-5, 0, 1, 20, 60])),
        }
    }
}

fn random_policy(random: &mut Random, serial: u64, now: u64) -> Policy {
    let mut rules: Vec<Rule> = Vec::new();
    for _ in 0..=random.below(5) {
        let path = match rules.first() {
            Some(first) if random.one_in(5) => first.path.clone(),
            _ => random_pattern(random),
        };
        rules.push(random_rule(random, path, serial, now));
    }
    Policy { prefix: String::new(), rules }
}

fn random_pattern(random: &mut Random) -> String {
    let place = if random.one_in(4) { one_of(random, &NAMESPACES) } else { "" };
    let mount = one_of(random, &MOUNTS);
    match random.below(12) {
        0 => format!("{place}*"),
        1 => format!("{place}{}", random.pick(&SYSTEM_PATTERNS)),
        2 => format!("{place}{}", random.pick(&SYSTEM_PATTERNS)),
        3..6 => format!("{place}{mount}*"),
        6 => format!("{place}{mount}{}*", random.pick(&FOLDERS)),
        7 => format!("{place}{mount}{}/", random.pick(&FOLDERS)),
        8 => format!("{place}{mount}+"),
        9 => format!("{place}{mount}+/{}", random.pick(&NAMES)),
        10 => format!("{place}+/{}", random.pick(&NAMES)),
        _ => format!("{place}{mount}{}", random.pick(&NAMES)),
    }
}

fn random_rule(random: &mut Random, path: String, serial: u64, now: u64) -> Rule {
    const WORDS: [&str; 8] =
        ["create", "delete", "list", "patch", "read", "scan", "sudo", "update"];
    let mut rule = Rule { path, ..Rule::default() };
    let words = WORDS.iter().filter(|_| !random.one_in(3));
    rule.capabilities.extend(words.map(|word| (*word).to_owned()));
    if random.one_in(8) {
        rule.capabilities.insert("deny".to_owned());
    }
    let one = |name: &str, value: Vec<serde_json::Value>| BTreeMap::from([(name.into(), value)]);
    if random.one_in(10) {
        rule.allowed = one(one_of(random, &["v", "*", "policies"]), vec![]);
        rule.allowed.insert("pad".into(), vec![json!(""), json!("x*")]);
    }
    if random.one_in(10) {
        let values = if random.one_in(2) { vec![] } else { vec![json!("xx*")] };
        rule.denied = one(one_of(random, &["v", "pad", "policies"]), values);
    }
    if random.one_in(12) {
        rule.required.insert(one_of(random, &["v", "pad", "ttl"]).to_owned());
    }
    if random.one_in(6) {
        // Some end before they begin.
        rule.expires = Some((now + serial % 40).saturating_sub(5));
    }
    rule
}

fn random_question(random: &mut Random, known: &Known<'_>) -> Op {
    let mut paths = vec![random_path(random)];
    if random.one_in(3) {
        paths.push(random_pattern(random));
    }
    if random.one_in(3) {
        paths.push(random_folder(random));
    }
    let whose = match random.below(4) {
        0 if !known.accessors.is_empty() => Whose::Accessor(random.pick(known.accessors).clone()),
        1 => Whose::Token(random.pick(known.tokens).clone()),
        _ => Whose::Own,
    };
    paths.retain(|path| !path.is_empty());
    Op::Capabilities(whose, paths)
}

fn random_mount_op(random: &mut Random, serial: u64) -> Op {
    let path = one_of(random, &MOUNTS).to_owned();
    let description = format!("{VALUE_CANARY}{serial}");
    match random.below(20) {
        0..6 => Op::Mount(path, "kv", description),
        6 => Op::Mount(path, one_of(random, &["nothing", "system"]), description),
        7 => Op::Mount(one_of(random, &PROTECTED).to_owned(), "kv", description),
        8 => Op::Unmount(path),
        9 => Op::Unmount(one_of(random, &PROTECTED).to_owned()),
        10 | 11 => Op::MountRead(path),
        12 | 13 => Op::MountList,
        14 => Op::Tune(path, description),
        15 | 16 => Op::Remount(random_end(random), random_end(random)),
        17 => Op::SightOf(random_path(random)),
        _ => Op::Sight,
    }
}

/// Where a mount comes from or goes to, in another namespace too.
fn random_end(random: &mut Random) -> String {
    let place = if random.one_in(4) { one_of(random, &NAMESPACES) } else { "" };
    let mount =
        if random.one_in(12) { one_of(random, &PROTECTED) } else { one_of(random, &MOUNTS) };
    format!("{place}{mount}")
}

fn random_namespace_op(random: &mut Random, serial: u64, known: &Known<'_>) -> Op {
    let name = one_of(random, &["canaryname-n", "canaryname-k", "canaryname-m"]).to_owned();
    let path = random.pick(&NAMESPACES).trim_end_matches('/').to_owned();
    match random.below(20) {
        0..7 => Op::NamespaceWrite(name, format!("{VALUE_CANARY}{serial}")),
        7 | 8 => Op::NamespaceDelete(name),
        9 => Op::NamespaceRead(name),
        10 | 11 => Op::NamespaceList(random.one_in(2)),
        12 => Op::Lock(path),
        13 | 14 if !known.unlock_keys.is_empty() => {
            Op::Unlock(path, Some(random.pick(known.unlock_keys).clone()))
        }
        13..19 => Op::Unlock(path, None),
        _ => Op::NamespaceWrite("sys".to_owned(), String::new()),
    }
}

/// One of some words.
fn one_of(random: &mut Random, words: &[&'static str]) -> &'static str {
    let word: &&'static str = random.pick(words);
    word
}

/// No share at all, one of another length, one of the right form, or another one at the point of a
/// right one.
fn wrong_share(random: &mut Random, keys: &[String]) -> String {
    let right = random.pick(keys).clone();
    let bytes = hex(&random.seed());
    match random.below(4) {
        0 => "no share".to_owned(),
        1 => bytes.chars().take(32).collect(),
        2 => bytes.chars().chain("7f".chars().take(right.len() - bytes.len())).collect(),
        _ => bytes.chars().chain(right.chars().skip(bytes.len())).collect(),
    }
}

/// Texts that are given to one token after another.
const IDS: [&str; 3] = ["custom-one", "custom-two", "custom-three"];

/// Policies that clients write, and give to tokens whether they are there or not.
const POLICIES: [&str; 3] = ["canaryname-p", "canaryname-q", "canaryname-r/s"];

/// Namespaces that clients make.
const NAMESPACES: [&str; 3] = ["canaryname-n/", "canaryname-k/", "canaryname-n/canaryname-k/"];

/// Where clients mount. Some of these exclude each other, or are in the way of namespaces.
const MOUNTS: [&str; 7] = [
    "secret/",
    "secret/canaryname-e/",
    "canaryname-m/",
    "canaryname-m/canaryname-a/",
    "canaryname-o/canaryname-a/",
    "canaryname-o/canaryname-b/",
    "canaryname-k/canaryname-a/",
];

/// Where nobody may mount.
const PROTECTED: [&str; 3] = ["sys/canaryname-a/", "cubbyhole/", "auth/canaryname-a/"];

const SYSTEM_PATTERNS: [&str; 12] = [
    "sys/*",
    "sys/policies/acl/*",
    "sys/policies/+/canaryname-p",
    "sys/mounts",
    "sys/mounts/*",
    "sys/remount",
    "sys/namespaces/*",
    "sys/capabilities",
    "sys/simulation/job",
    "auth/token/*",
    "auth/token/create",
    "cubbyhole/*",
];

const FOLDERS: [&str; 4] = ["canaryname-a", "canaryname-b", "canaryname-c", "canaryname-d"];
const NAMES: [&str; 6] = [
    "canaryname-a",
    "canaryname-b",
    "canaryname-c",
    "canaryname-d",
    "canaryname-e",
    "canaryname-much-longer",
];

fn random_mount(random: &mut Random) -> &'static str {
    if random.one_in(4) { one_of(random, &MOUNTS) } else { "secret/" }
}

fn random_path(random: &mut Random) -> String {
    random_mount(random).to_owned() + &random_name(random)
}

/// The name of a secret in its mount.
fn random_name(random: &mut Random) -> String {
    let mut path = String::new();
    for _ in 0..random.below(3) {
        path = format!("{path}{}/", random.pick(&FOLDERS));
    }
    let name = one_of(random, &NAMES);
    path + name
}

/// A folder of a mount, with its slash.
fn random_folder(random: &mut Random) -> String {
    let mut folder = random_mount(random).to_owned();
    for _ in 0..random.below(3) {
        folder += &format!("{}/", random.pick(&FOLDERS));
    }
    folder
}

/// An object whose text tells it from every other. It is canonical.
fn random_value(random: &mut Random, serial: u64) -> String {
    let padding = "x".repeat(if random.one_in(20) { 3000 } else { random.below(60) });
    format!("{{\"pad\":\"{padding}\",\"v\":\"{VALUE_CANARY}{serial}\"}}")
}
