//! Spellings of paths that a policy denies, while it allows everything else: none of them reaches what is
//! there.
//!
//! Invariant: every request meets the server as it was at first, so a case is the same alone and among
//! others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use strongroom_core::{Config, Key, MemoryStore, Vault, http};

use crate::random::Random;
use crate::single::Single;

/// What is in everything that is denied.
const CANARY: &str = "the-canary-sings";
/// What is in a folder that is denied.
const NAME: &str = "closed-name";

/// What is denied: a path from the root namespace, and what is written there so that there is something.
/// With a star at its end it is a folder, and what is written is below.
const DENIED: [(&str, &str); 11] = [
    ("secret/closed/entry", r#"{"v":"the-canary-sings"}"#),
    ("a/b/secret/closed/entry", r#"{"v":"the-canary-sings"}"#),
    ("secret/folder/*", r#"{"v":"the-canary-sings"}"#),
    ("cubbyhole/closed/entry", r#"{"v":"the-canary-sings"}"#),
    ("sys/policies/acl/closed", r#"{"policy":"path \"the-canary-sings\" {}"}"#),
    (
        "sys/policies/password/closed",
        r#"{"policy":"length = 9\nrule \"charset\" { charset = \"the-canary-sings\" }"}"#,
    ),
    ("sys/namespaces/closed-off", r#"{"custom_metadata":{"k":"the-canary-sings"}}"#),
    ("sys/mounts/closed", r#"{"type":"kv","description":"the-canary-sings"}"#),
    ("sys/auth/closed", r#"{"type":"userpass","description":"the-canary-sings"}"#),
    ("auth/token/create", r#"{"id":"closed","meta":{"k":"the-canary-sings"}}"#),
    ("sys/mounts/deep/closed", r#"{"type":"kv","description":"the-canary-sings"}"#),
];

/// Other paths of the same things, and ways to a token by its text. A mount shows by all that is below it.
const DENIED_TOO: [&str; 6] = [
    "sys/policy/closed",
    "sys/mounts/closed/*",
    "sys/mounts/deep/closed/*",
    "sys/auth/closed/tune",
    "auth/token/lookup",
    "auth/token/revoke",
];

/// What a request sends: it names the token, and would be a sound write nearly everywhere.
const BODY: &str = r#"{"token":"closed","v":1,"type":"kv","policy":"path \"x\" {}","meta":{"k":"the-canary-sings"},"description":"x","custom_metadata":{}}"#;

/// A tape spells requests; see the module.
///
/// # Panics
///
/// If one of them reaches what is denied.
pub fn spelling(data: &[u8]) {
    spell(&mut Random::with_tape(11, data));
}

/// Spells a request. Gives whether the root token would have seen what is denied: such a spelling means
/// the denied path.
///
/// # Panics
///
/// If a token to which it is denied sees it too, or changes it.
pub fn spell(random: &mut Random) -> bool {
    thread_local! {
        static ARENA: RefCell<Option<Arena>> = const { RefCell::new(None) };
    }
    ARENA.with_borrow_mut(|arena| {
        // A case that broke a promise may have left anything.
        let mut own = arena.take().unwrap_or_else(Arena::new);
        let is_seen = own.try_out(&Spelling::random(random));
        *arena = Some(own);
        is_seen
    })
}

// --- The server -----------------------------------------------------------------------------

type Records = BTreeMap<Key, Arc<[u8]>>;

/// A server with what is denied, and those to whom it is.
struct Arena {
    server: Single,
    /// All that is stored.
    records: Records,
    /// Those of the records that are of what is denied.
    closed: Records,
    /// A token of the root namespace, and one of the namespace `a/b`.
    callers: [String; 2],
}

impl Arena {
    fn new() -> Self {
        let mut server = Single::unsealed(Config::default(), 1);
        let root = server.root.clone();
        for path in ["sys/namespaces/a", "a/sys/namespaces/b", "sys/namespaces/near"] {
            write(&mut server, &root, path, "{}");
        }
        for path in ["a/b/sys/mounts/secret", "sys/mounts/other", "sys/mounts/deep/other"] {
            write(&mut server, &root, path, r#"{"type":"kv"}"#);
        }
        let callers = ["", "a/b/"].map(|namespace| {
            write_policy(&mut server, namespace, &[]);
            let body = r#"{"policies":["all-but"],"no_default_policy":true}"#;
            let answer = write(&mut server, &root, &format!("{namespace}auth/token/create"), body);
            let text = answer.pointer("/auth/client_token").and_then(Value::as_str);
            text.expect("a token has a text").to_owned()
        });
        let writer = |path: &str| match path.starts_with("cubbyhole/") {
            true => callers[0].clone(),
            false => root.clone(),
        };
        // Neighbours first: the pages that they share with what is denied may change.
        for (path, body) in DENIED.iter().filter(|(path, _)| path.ends_with("/entry")) {
            write(&mut server, &writer(path), &path.replace("entry", "other"), body);
        }
        let before = server.store.records().clone();
        for (path, body) in DENIED {
            write(&mut server, &writer(path), &path.replace('*', NAME), body);
        }
        let is_new = |(key, _): &(&Key, &Arc<[u8]>)| !before.contains_key(*key);
        let closed = server.store.records().iter().filter(is_new);
        let closed: Records = closed.map(|(key, record)| (*key, Arc::clone(record))).collect();
        assert!(closed.len() >= DENIED.len(), "{} records are denied", closed.len());
        for namespace in ["", "a/b/"] {
            write_policy(&mut server, namespace, &denied_in(namespace));
        }
        let records = server.store.records().clone();
        Self { server, records, closed, callers }
    }

    /// Asks as a token to which it is denied, and as root if that changes nothing.
    fn try_out(&mut self, spelling: &Spelling) -> bool {
        let [caller, tenant] = self.callers.clone();
        let token = if spelling.is_tenant { tenant } else { caller };
        let Some(answer) = self.ask(spelling, &token) else { return false };
        assert!(!spelling.is_told(&answer), "{spelling:?} is answered {answer}");
        for (key, record) in &self.closed {
            let found = self.server.store.records().get(key);
            assert_eq!(
                found,
                Some(record),
                "{spelling:?} changes a record, and is answered {answer}"
            );
        }
        if *self.server.store.records() != self.records {
            self.reset();
        }
        if !matches!(spelling.method, "GET" | "LIST" | "SCAN") {
            return false;
        }
        let root = self.server.root.clone();
        self.ask(spelling, &root).is_some_and(|answer| spelling.is_told(&answer))
    }

    /// Gives the answer; `None` if the request is no HTTP.
    fn ask(&mut self, spelling: &Spelling, token: &str) -> Option<String> {
        let mut fields = vec![("x-vault-token", token)];
        if let Some(namespace) = spelling.header {
            fields.push(("x-vault-namespace", namespace));
        }
        if spelling.method == "PATCH" {
            fields.push(("content-type", "application/merge-patch+json"));
        }
        let has_body = matches!(spelling.method, "POST" | "PUT" | "PATCH");
        let body = if has_body { BODY } else { "" };
        let request =
            http::Request::new(spelling.method, &spelling.target, &fields, body.as_bytes()).ok()?;
        let response = self.server.serve(&request);
        Some(String::from_utf8_lossy(response.body()).into_owned())
    }

    /// Another server on the records of the first.
    fn reset(&mut self) {
        self.server.store = MemoryStore::from_records(self.records.clone());
        self.server.vault = Vault::new(Config::default());
        assert_eq!(self.server.unseal(), 200);
    }
}

/// The denied paths of a namespace, in it.
fn denied_in(namespace: &str) -> Vec<&'static str> {
    let paths = DENIED.iter().map(|(path, _)| *path).chain(DENIED_TOO);
    paths.filter_map(|path| path.strip_prefix(namespace)).collect()
}

/// Writes the policy that allows all but these paths.
fn write_policy(server: &mut Single, namespace: &str, denied: &[&str]) {
    const EVERYTHING: [&str; 8] =
        ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"];
    let rules = denied.iter().map(|path| (*path, json!({"capabilities": ["deny"]})));
    let mut rules: BTreeMap<&str, Value> = rules.collect();
    rules.insert("*", json!({"capabilities": EVERYTHING}));
    let body = json!({"policy": json!({"path": rules}).to_string()}).to_string();
    let root = server.root.clone();
    write(server, &root, &format!("{namespace}sys/policies/acl/all-but"), &body);
}

/// Writes something, which must be served; gives the answer.
fn write(server: &mut Single, token: &str, path: &str, body: &str) -> Value {
    let (status, answer) = server.ask("POST", &format!("/v1/{path}"), Some(token), body);
    assert!(status < 300, "POST {path}: {status} {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

// --- Chance ---------------------------------------------------------------------------------

/// A request for a denied path, spelled somehow.
#[derive(Debug)]
struct Spelling {
    method: &'static str,
    target: String,
    /// The namespace that the header names.
    header: Option<&'static str>,
    /// Whether it comes from the inner namespace.
    is_tenant: bool,
    /// Whether the path is that of the folder.
    is_folder: bool,
}

impl Spelling {
    fn random(random: &mut Random) -> Self {
        const METHODS: [&str; 10] =
            ["GET", "GET", "GET", "LIST", "LIST", "SCAN", "POST", "PUT", "PATCH", "DELETE"];
        const ROOT: [Option<&str>; 8] =
            [None, None, None, Some("root"), Some("root/"), Some("/"), Some("."), Some("//")];
        const INNER: [(Option<&str>, &str); 9] = [
            (None, "a/b/"),
            (Some("a/b"), ""),
            (Some("/a//b/"), ""),
            (Some("a"), "b/"),
            (Some("a/"), "b/"),
            (Some("root"), "a/b/"),
            (Some("/"), "a/b/"),
            (Some("a/b"), "root/"),
            (Some("A/b"), ""),
        ];
        let paths: Vec<&str> = denied_in("");
        let path = *random.pick(&paths);
        let (header, start, rest) = match path.strip_prefix("a/b/") {
            Some(rest) => {
                let (header, start) = *random.pick(&INNER);
                (header, start, rest)
            }
            None => (*random.pick(&ROOT), "", path),
        };
        // A folder, or what is in it.
        let folder = rest.strip_suffix("/*").filter(|_| random.one_in(2));
        let rest = folder.map_or_else(|| rest.replace('*', NAME), str::to_owned);
        Self {
            method: *random.pick::<&str>(&METHODS),
            target: spell_target(random, &format!("{start}{rest}")),
            header,
            is_tenant: random.one_in(4),
            is_folder: folder.is_some(),
        }
    }

    /// Whether an answer says what is there.
    fn is_told(&self, answer: &str) -> bool {
        answer.contains(CANARY) || self.is_folder && answer.contains(NAME)
    }
}

/// A target for a path, which may mean it or something near it.
fn spell_target(random: &mut Random, path: &str) -> String {
    const STARTS: [&str; 11] = [
        "http://core/v1/",
        "/v1//",
        "//v1/",
        "/v1/./",
        "/v1/%2F",
        "/v1/%2e/",
        "/v1/x/../",
        "/v1/x/%2e%2e/",
        "/v1/root/",
        "/v1/../v1/",
        "/V1/",
    ];
    const ENDS: [&str; 18] = [
        "/",
        "//",
        "%2F",
        "%2f%2F",
        "/.",
        "/..",
        ".",
        "%2e",
        "%20",
        "%00",
        "?",
        "?list=true",
        "?scan=1",
        "?help=",
        "?help=1",
        "#",
        ";",
        "%3F",
    ];
    const SLASHES: [&str; 10] =
        ["%2F", "%2f", "//", "/./", "/x/../", "/%2e/", "%2F%2F", "\\", "%5C", "%E2%88%95"];
    // How often something is changed: from nothing to nearly every character.
    let rate = *random.pick(&[1000, 20, 6, 2]);
    let start = if random.one_in(4) { *random.pick(&STARTS) } else { "/v1/" };
    let mut target = start.to_owned();
    for c in path.chars() {
        if !random.one_in(rate) {
            target.push(c);
            continue;
        }
        let code = u32::from(c);
        let _ = match random.below(6) {
            _ if c == '/' => write!(target, "{}", random.pick(&SLASHES)),
            0 | 1 => write!(target, "%{code:02x}"),
            2 | 3 => write!(target, "%{code:02X}"),
            4 => write!(target, "%25{code:02x}"),
            _ => write!(target, "{}", c.to_uppercase()),
        };
    }
    if random.one_in(3) { target + *random.pick(&ENDS) } else { target }
}
