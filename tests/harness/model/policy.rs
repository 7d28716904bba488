//! Policies as they are described: every rule is looked at for every request.
//!
//! Rules are made by hand, or read from a document in JSON; they can be written as a document in both
//! languages. Nothing here is quick, and nothing is shared with what it is compared with.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map, Value};

/// The rules of one policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// The path of its namespace: empty, or with a slash at its end.
    pub prefix: String,
    /// In the order of the document.
    pub rules: Vec<Rule>,
}

/// A path, and what is granted there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// As it is written, with `+` and `*`.
    pub path: String,
    /// Names of capabilities.
    pub capabilities: BTreeSet<String>,
    /// Values by the names of parameters.
    pub allowed: BTreeMap<String, Vec<Value>>,
    /// Values by the names of parameters.
    pub denied: BTreeMap<String, Vec<Value>>,
    /// Names of parameters.
    pub required: BTreeSet<String>,
    /// Seconds; zero is none.
    pub wrap_min: i64,
    /// Seconds; zero is none.
    pub wrap_max: i64,
    /// Names of a list; zero is no bound.
    pub page_max: i64,
    /// Seconds since the epoch; `None` is never.
    pub expires: Option<u64>,
}

/// What a caller asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Its name.
    pub operation: String,
    /// With that of the namespace before it.
    pub path: String,
    /// The parameters.
    pub data: Map<String, Value>,
    /// Seconds.
    pub wrap_ttl: Option<i64>,
}

/// That a request is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whether the rule has `sudo`.
    pub sudo: bool,
    /// What takes the place of a list's limit.
    pub limit: Option<i64>,
}

/// Decides about a request at a time in seconds.
pub fn decide(policies: &[Policy], request: &Request, now: u64) -> Option<Granted> {
    let operation = request.operation.as_str();
    if operation == "help" {
        return Some(Granted { sudo: false, limit: None });
    }
    let is_list = operation == "list" || operation == "scan";
    let mut path = request.path.clone();
    if is_list && !path.ends_with('/') {
        path.push('/');
    }
    let rule = choose(&merged(policies, now), &path, is_list)?;
    let granted = operations().contains(&operation) && rule.capabilities.contains(operation);
    if !granted || !wraps(&rule, request.wrap_ttl) {
        return None;
    }
    let sudo = rule.capabilities.contains("sudo");
    match operation {
        "list" | "scan" => limit(&rule, &request.data).map(|limit| Granted { sudo, limit }),
        "delete" => Some(Granted { sudo, limit: None }),
        _ => parameters(&rule, &request.data).then_some(Granted { sudo, limit: None }),
    }
}

/// What is granted on a path, in the order of the alphabet.
pub fn capabilities(policies: &[Policy], path: &str, now: u64) -> Vec<String> {
    let rule = choose(&merged(policies, now), path, true).unwrap_or_default();
    if rule.capabilities.is_empty() {
        return vec!["deny".to_owned()];
    }
    rule.capabilities.into_iter().collect()
}

/// Operations that a capability is named after.
fn operations() -> [&'static str; 7] {
    ["create", "delete", "list", "patch", "read", "scan", "update"]
}

// --- Merging --------------------------------------------------------------------------------

/// One rule for each path, that of the namespace before it.
fn merged(policies: &[Policy], now: u64) -> Vec<Rule> {
    let mut merged: Vec<Rule> = Vec::new();
    for policy in policies {
        for rule in &policy.rules {
            if rule.expires.is_some_and(|expires| expires <= now) {
                continue;
            }
            let path = rule.path.strip_prefix('/').unwrap_or(&rule.path);
            let rule = Rule { path: policy.prefix.clone() + path, ..normal(rule) };
            match merged.iter_mut().find(|known| known.path == rule.path) {
                Some(known) => *known = merge(known, &rule),
                None => merged.push(rule),
            }
        }
    }
    merged
}

/// With names in lower case; one that denies does nothing else.
fn normal(rule: &Rule) -> Rule {
    if rule.capabilities.contains("deny") {
        return denial();
    }
    let lower = |values: &BTreeMap<String, Vec<Value>>| {
        values.iter().fold(BTreeMap::new(), |all, (name, values)| {
            union(&all, &BTreeMap::from([(name.to_lowercase(), values.clone())]))
        })
    };
    Rule {
        allowed: lower(&rule.allowed),
        denied: lower(&rule.denied),
        required: rule.required.iter().map(|name| name.to_lowercase()).collect(),
        ..rule.clone()
    }
}

fn denial() -> Rule {
    Rule { capabilities: BTreeSet::from(["deny".to_owned()]), ..Rule::default() }
}

fn merge(one: &Rule, other: &Rule) -> Rule {
    if one.capabilities.contains("deny") || other.capabilities.contains("deny") {
        return Rule { path: one.path.clone(), ..denial() };
    }
    let least = |one: i64, other: i64| match (one, other) {
        (0, value) | (value, 0) => value,
        (one, other) => one.min(other),
    };
    Rule {
        path: one.path.clone(),
        capabilities: one.capabilities.union(&other.capabilities).cloned().collect(),
        allowed: union(&one.allowed, &other.allowed),
        denied: union(&one.denied, &other.denied),
        required: one.required.union(&other.required).cloned().collect(),
        wrap_min: least(one.wrap_min, other.wrap_min),
        wrap_max: least(one.wrap_max, other.wrap_max),
        page_max: least(one.page_max, other.page_max),
        expires: None,
    }
}

type Values = BTreeMap<String, Vec<Value>>;

fn union(one: &Values, other: &Values) -> Values {
    let mut union = one.clone();
    for (name, values) in other {
        let both = match one.get(name) {
            Some(known) if known.is_empty() || values.is_empty() => Vec::new(),
            Some(known) => known.iter().chain(values).cloned().collect(),
            None => values.clone(),
        };
        union.insert(name.clone(), both);
    }
    union
}

// --- Which rule -----------------------------------------------------------------------------

fn choose(rules: &[Rule], path: &str, is_list: bool) -> Option<Rule> {
    let cut = path.strip_suffix('/').filter(|_| is_list);
    let exact =
        |path: &str| rules.iter().find(|rule| kind(rule) == Kind::Exact && rule.path == path);
    if let Some(rule) = exact(path).or_else(|| exact(cut?)) {
        return Some(rule.clone());
    }
    let best = |path: &str| {
        let matching = rules.iter().filter(|rule| matches(rule, path));
        matching.max_by_key(|rule| exactness(rule))
    };
    let (whole, cut) = (best(path), cut.and_then(best));
    match (whole, cut) {
        (Some(whole), Some(cut))
            if cut.capabilities.contains("deny") && exactness(cut) > exactness(whole) =>
        {
            Some(cut.clone())
        }
        (whole, cut) => whole.or(cut).cloned(),
    }
}

#[derive(PartialEq)]
enum Kind {
    Exact,
    Prefix,
    Segments,
}

fn kind(rule: &Rule) -> Kind {
    let path = &rule.path;
    if path == "+" || path.starts_with("+/") || path.contains("/+") {
        Kind::Segments
    } else if path.ends_with('*') {
        Kind::Prefix
    } else {
        Kind::Exact
    }
}

fn matches(rule: &Rule, path: &str) -> bool {
    let (text, is_open) = match rule.path.strip_suffix('*') {
        Some(text) => (text, true),
        None => (rule.path.as_str(), false),
    };
    match kind(rule) {
        Kind::Exact => false,
        Kind::Prefix => path.starts_with(text),
        Kind::Segments => {
            let pieces: Vec<&str> = text.split('/').collect();
            let mut segments: Vec<&str> = path.split('/').collect();
            let mut last = pieces.len();
            if is_open && segments.len() >= pieces.len() {
                segments.truncate(pieces.len());
                last -= 1;
                let (Some(piece), Some(segment)) = (pieces.last(), segments.last()) else {
                    return false;
                };
                if !segment.starts_with(piece) {
                    return false;
                }
            }
            let pairs = pieces.iter().zip(&segments).take(last);
            pieces.len() == segments.len()
                && pairs.into_iter().all(|(piece, segment)| *piece == "+" || piece == segment)
        }
    }
}

/// The more exact a rule, the greater.
fn exactness(rule: &Rule) -> (usize, bool, Reverse<usize>, usize, String) {
    let text = rule.path.strip_suffix('*').unwrap_or(&rule.path);
    let (first, pluses) = match kind(rule) {
        Kind::Segments => {
            (text.find('+').unwrap_or(0), text.split('/').filter(|piece| *piece == "+").count())
        }
        Kind::Exact | Kind::Prefix => (text.len(), 0),
    };
    let is_closed = !rule.path.ends_with('*');
    (first, is_closed, Reverse(pluses), text.len(), text.to_owned())
}

// --- What a rule asks -----------------------------------------------------------------------

fn wraps(rule: &Rule, ttl: Option<i64>) -> bool {
    let ttl = ttl.unwrap_or(0);
    let long_enough = rule.wrap_min == 0 || (ttl > 0 && ttl >= rule.wrap_min);
    let short_enough = rule.wrap_max == 0 || (ttl > 0 && ttl <= rule.wrap_max);
    long_enough && short_enough
}

fn limit(rule: &Rule, data: &Map<String, Value>) -> Option<Option<i64>> {
    let sent = match data.get("limit") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => Some("nothing".to_owned()),
        None => None,
    };
    let max = rule.page_max;
    match sent.as_deref() {
        Some("max") if max == 0 => Some(data.get("limit").and_then(Value::as_str).map(|_| 0)),
        _ if max == 0 => Some(None),
        None if rule.required.contains("limit") => None,
        None | Some("max") => Some(Some(max)),
        Some(text) => match text.parse::<i64>() {
            Ok(0) => Some(Some(max)),
            Ok(count) if count > 0 && count <= max => Some(None),
            _ => None,
        },
    }
}

fn parameters(rule: &Rule, data: &Map<String, Value>) -> bool {
    if rule.required.iter().any(|name| !data.contains_key(name)) {
        return false;
    }
    if data.is_empty() {
        return true;
    }
    let is_denied = data.iter().any(|(name, value)| {
        rule.denied
            .get(&name.to_lowercase())
            .is_some_and(|listed| listed.is_empty() || is_denied(listed, value))
    });
    if is_denied || rule.denied.contains_key("*") {
        return false;
    }
    if rule.allowed.is_empty() || rule.allowed.keys().eq(["*"]) {
        return true;
    }
    data.iter().all(|(name, value)| match rule.allowed.get(&name.to_lowercase()) {
        Some(listed) => listed.is_empty() || is_allowed(listed, value),
        None => rule.allowed.contains_key("*"),
    })
}

fn is_allowed(listed: &[Value], value: &Value) -> bool {
    let as_listed = |value: &Value| !has_number(value) && listed.contains(value);
    match value {
        Value::String(text) if text.contains(',') => {
            let fits_part = |part: &str| {
                listed.iter().filter_map(Value::as_str).any(|pattern| glob(pattern, part))
            };
            let fits_whole = listed
                .iter()
                .filter_map(Value::as_str)
                .any(|pattern| pattern == text || (pattern.contains(',') && glob(pattern, text)));
            fits_whole || (text.split(',').count() <= PARTS_MAX && text.split(',').all(fits_part))
        }
        Value::String(text) => {
            listed.iter().filter_map(Value::as_str).any(|pattern| glob(pattern, text))
        }
        Value::Array(items) => {
            as_listed(value)
                || (!items.is_empty()
                    && items.iter().all(|item| match item {
                        Value::String(_) => is_allowed(listed, item),
                        _ => as_listed(item),
                    }))
        }
        _ => as_listed(value),
    }
}

fn is_denied(listed: &[Value], value: &Value) -> bool {
    if !has_number(value) && listed.contains(value) {
        return true;
    }
    let mut values = vec![value];
    values.extend(value.as_array().into_iter().flatten());
    let has_many =
        |value: &&Value| value.as_str().is_some_and(|text| text.split(',').count() > PARTS_MAX);
    if !listed.is_empty() && values.iter().any(has_many) {
        return true;
    }
    let spellings: Vec<String> = values.into_iter().flat_map(spellings).collect();
    listed.iter().any(|listed| {
        spellings.iter().any(|text| match listed {
            Value::String(pattern) => glob(&pattern.to_lowercase(), &text.to_lowercase()),
            Value::Bool(true) => ["1", "t", "T", "TRUE", "true", "True"].contains(&text.as_str()),
            Value::Bool(false) => {
                ["0", "f", "F", "FALSE", "false", "False"].contains(&text.as_str())
            }
            Value::Number(number) => is_same(&number.to_string(), text),
            _ => false,
        })
    })
}

fn is_same(number: &str, text: &str) -> bool {
    let numbers = number.parse::<f64>().ok().zip(text.parse::<f64>().ok());
    number == text || numbers.is_some_and(|(number, text)| number == text)
}

/// Items of a text that are looked at.
const PARTS_MAX: usize = 256;

/// The texts that a value may be sent as.
fn spellings(value: &Value) -> Vec<String> {
    match value {
        Value::Bool(true) => vec!["true".to_owned(), "1".to_owned()],
        Value::Bool(false) => vec!["false".to_owned(), "0".to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => {
            let parts = text.split(',').map(|part| part.trim().to_owned());
            std::iter::once(text.clone()).chain(parts).collect()
        }
        _ => Vec::new(),
    }
}

/// A number of a request is never equal to one of a policy.
fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_number),
        Value::Object(members) => members.values().any(has_number),
        _ => false,
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    let inner = |start: usize, end: usize| pattern.get(start..pattern.len() - end).unwrap_or("");
    match (pattern.len(), pattern.starts_with('*'), pattern.ends_with('*')) {
        (0 | 1, ..) | (_, false, false) => pattern == text,
        (_, true, true) => text.contains(inner(1, 1)),
        (_, true, false) => text.ends_with(inner(1, 0)),
        (_, false, true) => text.starts_with(inner(0, 1)),
    }
}

// --- Documents ------------------------------------------------------------------------------

impl Policy {
    /// The document in JSON.
    pub fn write_json(&self) -> String {
        let paths = self.rules.iter().map(|rule| {
            let body = Value::Object(attributes(rule));
            Value::Object(Map::from_iter([(rule.path.clone(), body)]))
        });
        Value::Object(Map::from_iter([("path".to_owned(), paths.collect())])).to_string()
    }

    /// The document in HCL.
    pub fn write_hcl(&self) -> String {
        let mut text = String::from("# made by hand\n");
        for rule in &self.rules {
            let _ = writeln!(text, "path {} {{", Value::from(rule.path.as_str()));
            for (name, value) in attributes(rule) {
                let _ = write!(text, "  {name} = ");
                write_hcl(&value, &mut text);
                text.push('\n');
            }
            text.push_str("}\n");
        }
        text
    }

    /// Reads what [`Policy::write_json`] writes; `None` for what it does not.
    pub fn from_document(prefix: &str, text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let mut rules = Vec::new();
        for paths in document.get("path")?.as_array()? {
            for (path, body) in paths.as_object()? {
                rules.push(rule_of(path, body.as_object()?)?);
            }
        }
        Some(Self { prefix: prefix.to_owned(), rules })
    }
}

fn attributes(rule: &Rule) -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |name: &str, value: Value, is_said: bool| {
        if is_said {
            all.insert(name.to_owned(), value);
        }
    };
    let texts = |texts: &BTreeSet<String>| texts.iter().map(String::as_str).collect::<Value>();
    let values = |values: &Values| {
        Value::from_iter(
            values.iter().map(|(name, list)| (name.clone(), Value::from(list.clone()))),
        )
    };
    add("capabilities", texts(&rule.capabilities), !rule.capabilities.is_empty());
    add("allowed_parameters", values(&rule.allowed), !rule.allowed.is_empty());
    add("denied_parameters", values(&rule.denied), !rule.denied.is_empty());
    add("required_parameters", texts(&rule.required), !rule.required.is_empty());
    add("min_wrapping_ttl", rule.wrap_min.into(), rule.wrap_min != 0);
    add("max_wrapping_ttl", rule.wrap_max.into(), rule.wrap_max != 0);
    add("pagination_limit", rule.page_max.into(), rule.page_max != 0);
    add("expiration", rule.expires.into(), rule.expires.is_some());
    all
}

fn rule_of(path: &str, body: &Map<String, Value>) -> Option<Rule> {
    let mut rule = Rule { path: path.to_owned(), ..Rule::default() };
    let texts = |value: &Value| -> Option<BTreeSet<String>> {
        value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let values = |value: &Value| -> Option<Values> {
        let lists = value.as_object()?.iter();
        lists.map(|(name, list)| Some((name.clone(), list.as_array()?.clone()))).collect()
    };
    for (name, value) in body {
        match name.as_str() {
            "capabilities" => rule.capabilities = texts(value)?,
            "allowed_parameters" => rule.allowed = values(value)?,
            "denied_parameters" => rule.denied = values(value)?,
            "required_parameters" => rule.required = texts(value)?,
            "min_wrapping_ttl" => rule.wrap_min = value.as_i64()?,
            "max_wrapping_ttl" => rule.wrap_max = value.as_i64()?,
            "pagination_limit" => rule.page_max = value.as_i64()?,
            "expiration" => rule.expires = Some(value.as_u64()?),
            _ => return None,
        }
    }
    Some(rule)
}

/// As JSON, but for the members of objects.
fn write_hcl(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push_str("{ ");
            for (name, value) in members {
                let _ = write!(out, "{} = ", Value::from(name.as_str()));
                write_hcl(value, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_hcl(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}
