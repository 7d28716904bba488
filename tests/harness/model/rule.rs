//! Policies of namespaces: their records, and what they say of a request, by the naive matcher.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::expect::Expect;
use super::policy::{self, Granted, Policy, Rule};
use super::state::State;
use super::token::Token;
use super::{Model, Turn};
use crate::op::{Op, PolicyWish};

/// One policy.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The document; `None` for the server's own.
    text: Option<String>,
    policy: Policy,
    version: i64,
    cas_required: bool,
    /// Nanoseconds.
    expires: Option<u64>,
    /// The same.
    written: u64,
}

/// What rights are made of: a namespace for all in it, or policies of one by name, version and time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MadeOf(u64, Option<Vec<(String, i64, u64)>>);

/// What a token can use.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reach {
    /// All in the namespace with this path, and below.
    All(String),
    /// What policies say.
    Rules(Vec<Policy>),
}

/// What every token may do that has the policy `default` as the server has it. What it says by names of
/// identities is left out: nobody has one.
const DEFAULT: [(&str, &[&str]); 14] = [
    ("auth/token/lookup-self", &["read"]),
    ("auth/token/renew-self", &["update"]),
    ("auth/token/revoke-self", &["update"]),
    ("sys/capabilities-self", &["update"]),
    ("sys/internal/ui/resultant-acl", &["read"]),
    ("sys/leases/lookup", &["update"]),
    ("sys/leases/renew", &["update"]),
    ("cubbyhole/*", &["create", "read", "update", "delete", "list"]),
    ("sys/wrapping/wrap", &["update"]),
    ("sys/wrapping/lookup", &["update"]),
    ("sys/wrapping/unwrap", &["update"]),
    ("sys/tools/hash", &["update"]),
    ("sys/tools/hash/*", &["update"]),
    ("identity/oidc/provider/+/authorize", &["read", "update"]),
];

/// Names of policies are the same in every case.
pub(super) fn normal(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The policy `default` that nobody has written.
fn default_record(prefix: &str) -> Record {
    let rules = DEFAULT.map(|(path, words)| Rule {
        path: path.to_owned(),
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        ..Rule::default()
    });
    Record {
        text: None,
        policy: Policy { prefix: prefix.to_owned(), rules: rules.to_vec() },
        version: 1,
        cas_required: false,
        expires: None,
        written: 0,
    }
}

impl Record {
    fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn show(&self, name: &str) -> Value {
        let (version, cas_required) = (self.version, self.cas_required);
        match &self.text {
            None => json!({"name": name, "version": version, "cas_required": cas_required}),
            Some(text) => json!({
                "name": name,
                "version": version,
                "cas_required": cas_required,
                "policy": text,
            }),
        }
    }
}

impl State {
    /// A policy, if it is there and has not ended. Nobody writes `root`.
    fn policy(&self, namespace: u64, name: &str, now: u64) -> Option<Cow<'_, Record>> {
        let found = match self.policies.get(&(namespace, name.to_owned())) {
            Some(record) => Some(Cow::Borrowed(record)),
            None if name == "default" => Some(Cow::Owned(default_record(self.path_of(namespace)))),
            None => None,
        };
        found.filter(|record| !record.is_over(now))
    }

    /// What a token can use at a time in nanoseconds.
    pub(super) fn reach(&self, token: &Token, now: u64) -> Reach {
        if token.is_root() {
            return Reach::All(self.path_of(token.namespace).to_owned());
        }
        let found = token.policies.iter().filter_map(|name| {
            let mut policy = self.policy(token.namespace, name, now)?.into_owned().policy;
            let is_over = |rule: &Rule| rule.expires.is_some_and(|expires| expires <= seconds(now));
            policy.rules.retain(|rule| !is_over(rule));
            Some(policy)
        });
        Reach::Rules(found.collect())
    }

    /// What that is made of.
    pub(super) fn made_of(&self, token: &Token, now: u64) -> MadeOf {
        let policies = token.policies.iter().filter_map(|name| {
            let record = self.policy(token.namespace, name, now)?;
            Some((name.clone(), record.version, record.written))
        });
        MadeOf(token.namespace, (!token.is_root()).then(|| policies.collect()))
    }

    /// The names of policies, as those who list them see them.
    pub(super) fn policy_names(&self, namespace: u64, now: u64) -> Vec<String> {
        let rows = self.policies.range((namespace, String::new())..);
        let rows = rows.take_while(|((of, _), _)| *of == namespace);
        let all: Vec<(&String, bool)> =
            rows.map(|((_, name), record)| (name, record.is_over(now))).collect();
        let mut names: Vec<String> =
            all.iter().filter(|(_, is_over)| !is_over).map(|(name, _)| (*name).clone()).collect();
        if !all.iter().any(|(name, _)| *name == "default") {
            names.push("default".to_owned());
        }
        names.sort();
        if namespace == super::namespace::ROOT {
            names.push("root".to_owned());
        }
        names
    }
}

pub(super) fn seconds(now: u64) -> u64 {
    now / 1_000_000_000
}

impl Reach {
    /// What is granted to a request: an operation, a path from the root, a body.
    pub(super) fn decide(&self, operation: &str, path: &str, body: &str) -> Option<Granted> {
        match self {
            Self::All(above) => {
                path.starts_with(above).then_some(Granted { sudo: true, limit: None })
            }
            Self::Rules(policies) => {
                let request = policy::Request {
                    operation: operation.to_owned(),
                    path: path.to_owned(),
                    data: parameters(body),
                    wrap_ttl: None,
                };
                // Rules that have ended are not in it.
                policy::decide(policies, &request, 0)
            }
        }
    }

    /// What may be done with a path from the root.
    pub(super) fn capabilities(&self, path: &str) -> Vec<String> {
        match self {
            Self::All(above) if path.starts_with(above) => vec!["root".to_owned()],
            Self::All(_) => vec!["deny".to_owned()],
            Self::Rules(policies) => policy::capabilities(policies, path, 0),
        }
    }

    /// Whether something below a path from the root is granted: surely, and perhaps.
    pub(super) fn reaches(&self, prefix: &str) -> (bool, bool) {
        let policies = match self {
            Self::All(above) => return (prefix.starts_with(above), prefix.starts_with(above)),
            Self::Rules(policies) => policies,
        };
        let rules = policies.iter().flat_map(|policy| {
            policy.rules.iter().map(|rule| (format!("{}{}", policy.prefix, rule.path), rule))
        });
        let mut perhaps = rules.filter(|(path, rule)| {
            let end = path.find(['+', '*']);
            let head = end.map_or(path.as_str(), |end| path.get(..end).unwrap_or(""));
            let is_open = end.is_some() && prefix.starts_with(head);
            let denies = rule.capabilities.contains("deny") || rule.capabilities.is_empty();
            !denies && (head.starts_with(prefix) || is_open)
        });
        let perhaps = perhaps.next().is_some();
        let samples = ["", "canaryname-a", "canaryname-b", "canaryname-a/canaryname-a"];
        let is_granted = |end: &&str| self.capabilities(&format!("{prefix}{end}")) != ["deny"];
        (perhaps && samples.iter().any(is_granted), perhaps)
    }
}

/// The parameters of a body.
fn parameters(body: &str) -> Map<String, Value> {
    match serde_json::from_str(body) {
        Ok(Value::Object(data)) => data,
        _ => Map::new(),
    }
}

// --- Endpoints ------------------------------------------------------------------------------

impl Model {
    pub(super) fn policy_op(&mut self, turn: &Turn<'_>, namespace: u64) -> Result<Expect, Expect> {
        match &turn.ask.op {
            Op::PolicyWrite(name, wish) => self.write_policy(turn, namespace, name, wish),
            Op::PolicyPatch(name, wish) => self.patch_policy(turn, namespace, name, wish),
            Op::PolicyDelete(name) => {
                let name = normal(name);
                if name == "default" {
                    return Err(Expect::invalid("cannot delete default policy"));
                }
                if name == "root" {
                    return Err(Expect::invalid("cannot delete \"root\" policy"));
                }
                let key = (namespace, name);
                if self.state.policies.peek(&key).is_some() {
                    self.state.policies.set(turn.seq, key, None);
                }
                Ok(Expect::Empty(204))
            }
            Op::PolicyRead(name) => {
                let name = normal(name);
                if name == "root" && namespace == super::namespace::ROOT {
                    return Ok(Expect::Shows(json!({"name": "root"})));
                }
                let found = self.state.policy(namespace, &name, turn.times.now);
                let found = found.filter(|_| name != "root").ok_or_else(Expect::absent)?;
                Ok(Expect::Shows(found.show(&name)))
            }
            _ => Ok(self.found_or_now(turn, self.list_question(turn, namespace))),
        }
    }

    fn write_policy(
        &mut self,
        turn: &Turn<'_>,
        namespace: u64,
        sent: &str,
        wish: &PolicyWish,
    ) -> Result<Expect, Expect> {
        let name = normal(sent);
        let text = wish.text();
        let text =
            text.ok_or_else(|| Expect::invalid("'policy' parameter not supplied or empty"))?;
        let expires = expiry(wish, turn.times.now)?;
        let before = self.policy_before(namespace, &name, turn.times.now);
        check_name(&name)?;
        check_cas(wish.cas, before.as_ref())?;
        let record = Record {
            text: Some(text),
            policy: wish.policy.clone().unwrap_or_default(),
            version: before.map_or(0, |before| before.version) + 1,
            cas_required: wish.cas_required.unwrap_or(false),
            expires,
            written: turn.times.now,
        };
        self.put_policy(turn.seq, namespace, &name, record);
        Ok(if name == sent { Expect::Empty(204) } else { Expect::Status(200) })
    }

    fn patch_policy(
        &mut self,
        turn: &Turn<'_>,
        namespace: u64,
        sent: &str,
        wish: &PolicyWish,
    ) -> Result<Expect, Expect> {
        let name = normal(sent);
        let before = self.policy_before(namespace, &name, turn.times.now);
        let before = before.ok_or_else(|| Expect::invalid("policy not found"))?;
        let expires = expiry(wish, turn.times.now)?.or(before.expires);
        check_name(&name)?;
        if wish.cas.is_some() {
            check_cas(wish.cas, Some(&before))?;
        }
        let record = Record {
            text: wish.text().or_else(|| before.text.clone()),
            policy: wish.policy.clone().unwrap_or_else(|| before.policy.clone()),
            version: before.version + 1,
            cas_required: wish.cas_required.unwrap_or(before.cas_required),
            expires,
            written: turn.times.now,
        };
        self.put_policy(turn.seq, namespace, &name, record);
        Ok(Expect::Status(200))
    }

    /// What a write finds: `root` too.
    fn policy_before(&self, namespace: u64, name: &str, now: u64) -> Option<Record> {
        if name == "root" {
            return Some(Record { version: 0, ..default_record("") });
        }
        self.state.policy(namespace, name, now).map(Cow::into_owned)
    }

    fn put_policy(&mut self, seq: u64, namespace: u64, name: &str, mut record: Record) {
        self.state.path_of(namespace).clone_into(&mut record.policy.prefix);
        self.state.policies.set(seq, (namespace, name.to_owned()), Some(record));
    }
}

fn check_name(name: &str) -> Result<(), Expect> {
    if name == "root" {
        return Err(Expect::invalid("cannot update \"root\" policy"));
    }
    Ok(())
}

fn expiry(wish: &PolicyWish, now: u64) -> Result<Option<u64>, Expect> {
    match wish.ttl {
        None | Some(0) => Ok(None),
        Some(ttl) if ttl < 0 => {
            Err(Expect::invalid("refusing to update policy as expiration time has already elapsed"))
        }
        Some(ttl) => Ok(Some(now + ttl.unsigned_abs() * 1_000_000_000)),
    }
}

fn check_cas(cas: Option<i64>, before: Option<&Record>) -> Result<(), Expect> {
    let fits = match (cas, before) {
        (None, Some(before)) if before.cas_required => {
            return Err(Expect::invalid("check-and-set parameter required for this call"));
        }
        (Some(-1), Some(_)) => {
            return Err(Expect::invalid("check-and-set parameter set to -1 on existing entry"));
        }
        (None, _) | (Some(-1 | 0), None) => true,
        (Some(cas), Some(before)) => cas == before.version,
        (Some(_), None) => false,
    };
    if fits {
        return Ok(());
    }
    Err(Expect::invalid("check-and-set parameter did not match the current version"))
}
