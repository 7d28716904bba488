//! Rules about the parameters of a request: names, and the values that are listed for them.
//!
//! What is allowed must be sent as it is listed. What is denied is found in every spelling that the
//! API takes for it: as a list's item, between commas, with spaces around it, in any case, a number as a
//! text.
//!
//! Invariants: names are in lower case; a look at a request takes time in proportion to it, to what is
//! listed, and to [`limit::PARAMETER_PARTS_MAX`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::string::String;
use alloc::vec::Vec;

use crate::field::parse_bool;
use crate::json::{Kind, Members, Value, push_string};
use crate::limit;

/// Values by the names of parameters; a name without values stands for any value.
#[derive(Clone, Default)]
pub(super) struct Parameters(BTreeMap<Box<str>, Vec<Constant>>);

/// A value in a policy.
#[derive(Clone)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    /// In the form of JSON.
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<Self>),
    Map(BTreeMap<Box<str>, Self>),
}

impl Parameters {
    /// Adds values for a name. If the name is there, both lists hold, and a list for any value is all
    /// that is left.
    pub(super) fn add(&mut self, name: &str, values: Vec<Constant>) {
        match self.0.entry(fold_case(name)) {
            Entry::Vacant(place) => drop(place.insert(values)),
            Entry::Occupied(mut known) if known.get().is_empty() || values.is_empty() => {
                known.get_mut().clear();
            }
            Entry::Occupied(mut known) => known.get_mut().extend(values),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (name, values) in &other.0 {
            self.add(name, values.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every parameter is one of these, with a value that is listed.
    pub(super) fn allow(&self, mut data: Members<'_>) -> bool {
        let allows_all = self.get(ALL).is_some();
        if self.is_empty() || (allows_all && self.0.len() == 1) {
            return true;
        }
        data.all(|(name, value)| match self.find(name) {
            Some(values) => values.is_empty() || allows(values, value),
            None => allows_all,
        })
    }

    /// Whether some parameter is one of these, with a value that is listed.
    pub(super) fn deny(&self, mut data: Members<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        self.get(ALL).is_some()
            || data.any(|(name, value)| {
                self.find(name).is_some_and(|values| values.is_empty() || denies(values, value))
            })
    }

    /// The values for a name as a client sends it.
    fn find(&self, name: &str) -> Option<&[Constant]> {
        let is_folded = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        if is_folded { self.get(name) } else { self.get(&fold_case(name)) }
    }

    fn get(&self, name: &str) -> Option<&[Constant]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Appends the JSON object of it.
    pub(super) fn write(&self, out: &mut String) {
        let members = self.0.iter().map(|(name, values)| (&**name, values));
        write_members(members, |values, out| write_list(values, out), out);
    }

    /// Memory behind it.
    pub(super) fn bytes(&self) -> usize {
        let one = size_of::<(Box<str>, Vec<Constant>)>();
        self.0.iter().map(|(name, values)| one + name.len() + bytes_of(values)).sum()
    }
}

/// The name that stands for all.
const ALL: &str = "*";

/// A name as the rules compare it.
pub(super) fn fold_case(name: &str) -> Box<str> {
    name.to_lowercase().into()
}

fn allows(listed: &[Constant], value: Value<'_>) -> bool {
    if let Kind::String(text) = value.kind() {
        return allows_text(listed, text);
    }
    let is_listed = |value: Value<'_>| listed.iter().any(|constant| constant.equals(value));
    let allows_item = |item: Value<'_>| match item.as_str() {
        Some(text) => allows_text(listed, text),
        None => is_listed(item),
    };
    // A list without items may lift what an endpoint has set, so it is allowed by name only.
    let mut items = value.items().into_iter().flatten().peekable();
    is_listed(value) || (items.peek().is_some() && items.all(allows_item))
}

/// A text with commas is a list to many endpoints: then a pattern of one item says nothing of the
/// others.
fn allows_text(listed: &[Constant], text: &str) -> bool {
    let patterns = || listed.iter().filter_map(Constant::as_text);
    if !text.contains(',') {
        return patterns().any(|pattern| matches_glob(pattern, text));
    }
    let fits_whole =
        |pattern: &str| pattern == text || pattern.contains(',') && matches_glob(pattern, text);
    let fits_part = |part: &str| patterns().any(|pattern| matches_glob(pattern, part));
    patterns().any(fits_whole) || !has_many_parts(text) && text.split(',').all(fits_part)
}

/// Whether a text has more items than are looked through. None of them is allowed then, and all of them
/// are denied.
fn has_many_parts(text: &str) -> bool {
    text.split(',').nth(limit::PARAMETER_PARTS_MAX).is_some()
}

fn denies(listed: &[Constant], value: Value<'_>) -> bool {
    let denies_one =
        |value: Value<'_>| listed.iter().any(|constant| constant.is_spelled_by(value.kind()));
    let is_listed = listed.iter().any(|constant| constant.equals(value));
    is_listed || denies_one(value) || value.items().into_iter().flatten().any(denies_one)
}

/// Whether a text fits a pattern with a star at its beginning, its end, or both. A star alone is a
/// character like others.
fn matches_glob(pattern: &str, text: &str) -> bool {
    if pattern.len() < 2 {
        return pattern == text;
    }
    let (pattern, any_start) = match pattern.strip_prefix('*') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let (pattern, any_end) = match pattern.strip_suffix('*') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    match (any_start, any_end) {
        (true, true) => text.contains(pattern),
        (true, false) => text.ends_with(pattern),
        (false, true) => text.starts_with(pattern),
        (false, false) => text == pattern,
    }
}

impl Constant {
    fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Whether a value is this one, and of the same type. As with the reference no number of a request
    /// is equal to one of a policy.
    fn equals(&self, value: Value<'_>) -> bool {
        match (self, value.kind()) {
            (Self::Null, Kind::Null) => true,
            (Self::Bool(own), Kind::Bool(other)) => *own == other,
            (Self::Text(own), Kind::String(other)) => **own == *other,
            (Self::List(own), Kind::Array(other)) => {
                own.len() == other.count()
                    && own.iter().zip(other).all(|(own, one)| own.equals(one))
            }
            (Self::Map(own), Kind::Object(mut other)) => {
                own.iter().all(|(name, own)| other.get(name).is_some_and(|one| own.equals(one)))
                    && other.all(|(name, _)| own.contains_key(name))
            }
            (
                Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::List(_)
                | Self::Map(_),
                _,
            ) => false,
        }
    }

    /// Whether a value that is no list is this one in some spelling.
    fn is_spelled_by(&self, value: Kind<'_>) -> bool {
        match value {
            Kind::Bool(true) => self.is_spelled("true") || self.is_spelled("1"),
            Kind::Bool(false) => self.is_spelled("false") || self.is_spelled("0"),
            Kind::Number(text) => self.is_spelled(text),
            Kind::String(text) => {
                let mut parts = text.split(',').map(str::trim);
                self.is_spelled(text)
                    || has_many_parts(text)
                    || parts.any(|part| self.is_spelled(part))
            }
            Kind::Null | Kind::Array(_) | Kind::Object(_) => false,
        }
    }

    fn is_spelled(&self, text: &str) -> bool {
        match self {
            Self::Bool(value) => parse_bool(text) == Some(*value),
            Self::Number(number) => is_same_number(number, text),
            // Some endpoints know no case, such as those that take names of policies.
            Self::Text(pattern) => matches_glob(&fold_case(pattern), &fold_case(text)),
            Self::Null | Self::List(_) | Self::Map(_) => false,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(number) => out.push_str(number),
            Self::Text(text) => push_string(out, text),
            Self::List(items) => write_list(items, out),
            Self::Map(members) => {
                let members = members.iter().map(|(name, value)| (&**name, value));
                write_members(members, Self::write, out);
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(text) | Self::Text(text) => text.len(),
            Self::List(items) => bytes_of(items),
            Self::Map(members) => members
                .iter()
                .map(|(name, value)| size_of::<(Box<str>, Self)>() + name.len() + value.bytes())
                .sum(),
        }
    }
}

fn is_same_number(left: &str, right: &str) -> bool {
    let numbers = (left.parse::<f64>(), right.trim().parse::<f64>());
    left == right || matches!(numbers, (Ok(left), Ok(right)) if left == right)
}

fn bytes_of(constants: &[Constant]) -> usize {
    constants.iter().map(|one| size_of::<Constant>() + one.bytes()).sum()
}

fn write_list(items: &[Constant], out: &mut String) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        item.write(out);
    }
    out.push(']');
}

fn write_members<'m, T: 'm>(
    members: impl Iterator<Item = (&'m str, &'m T)>,
    write: impl Fn(&T, &mut String),
    out: &mut String,
) {
    out.push('{');
    for (at, (name, value)) in members.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_string(out, name);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_stars_at_the_ends_only() {
        const CASES: [(&str, &str, bool); 14] = [
            ("one", "one", true),
            ("one", "onetwo", false),
            ("one*", "onetwo", true),
            ("one*", "one", true),
            ("*two", "onetwo", true),
            ("*two", "twoone", false),
            ("*net*", "onetwo", true),
            ("*", "*", true),
            ("*", "anything", false),
            ("**", "anything", true),
            ("o*e", "one", false),
            ("o*e", "o*e", true),
            ("", "", true),
            ("", "a", false),
        ];
        for (pattern, text, want) in CASES {
            assert_eq!(matches_glob(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn looks_through_so_many_items_of_a_text_and_no_more() {
        let listed = [Constant::Text("a".into())];
        let most = ["a"; limit::PARAMETER_PARTS_MAX].join(",");
        assert!(allows_text(&listed, &most));
        assert!(!allows_text(&listed, &(most.clone() + ",a")));
        let other = Constant::Text("b".into());
        assert!(!other.is_spelled_by(Kind::String(&most)));
        assert!(other.is_spelled_by(Kind::String(&(most + ",a"))));
    }
}
