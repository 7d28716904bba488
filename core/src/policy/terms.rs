//! What a rule asks of a request beside the capability: its parameters, how its answer is wrapped, how
//! many names it lists.
//!
//! Rules for one path are merged as the API has it: of two bounds the smaller one holds, names that are
//! listed add up, and a rule without a bound lifts none.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;

use super::filter::Filter;
use super::parameter::{Parameters, fold_case};
use super::{Grant, Question};
use crate::json::{Doc, Kind, Members, Object};
use crate::route::Operation;

/// See the module.
#[derive(Clone, Default)]
pub(super) struct Terms {
    /// Without a name in it every parameter is allowed.
    pub(super) allowed: Parameters,
    pub(super) denied: Parameters,
    /// Names of parameters, in lower case.
    required: BTreeSet<Box<str>>,
    /// The least and the longest time that an answer may be wrapped for, in seconds. With one of them it
    /// must be wrapped.
    pub(super) wrap_min: Option<i64>,
    pub(super) wrap_max: Option<i64>,
    /// Names that a list may have; above zero.
    pub(super) page_max: Option<i64>,
    pub(super) filter: Option<Arc<Filter>>,
}

impl Terms {
    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.allowed.is_empty()
            && self.denied.is_empty()
            && self.required.is_empty()
            && self.wrap_min.is_none()
            && self.wrap_max.is_none()
            && self.page_max.is_none()
            && self.filter.is_none()
    }

    pub(super) fn require(&mut self, name: &str) {
        self.required.insert(fold_case(name));
    }

    /// Adds what another rule of the same path asks.
    pub(super) fn merge(&mut self, other: &Self) {
        let smaller = |one: Option<i64>, other: Option<i64>| one.into_iter().chain(other).min();
        self.allowed.merge(&other.allowed);
        self.denied.merge(&other.denied);
        other.required.iter().for_each(|name| self.require(name));
        self.wrap_min = smaller(self.wrap_min, other.wrap_min);
        self.wrap_max = smaller(self.wrap_max, other.wrap_max);
        self.page_max = smaller(self.page_max, other.page_max);
        if self.filter.is_none() {
            self.filter.clone_from(&other.filter);
        }
    }

    /// What is granted to a request; `None` if it is not what is asked for.
    pub(super) fn judge(&self, question: &Question<'_>, sudo: bool) -> Option<Grant> {
        let data = question.data.and_then(Doc::object);
        if !self.admits_wrapping(question.wrap_ttl) {
            return None;
        }
        match question.operation {
            Operation::Create | Operation::Patch | Operation::Read | Operation::Update => {
                self.admits_parameters(data).then_some(Grant { sudo, limit: None, filter: None })
            }
            Operation::List | Operation::Scan => {
                let limit = self.limit(data)?;
                Some(Grant { sudo, limit, filter: self.filter.clone() })
            }
            Operation::Delete | Operation::Header | Operation::Help | Operation::None => {
                Some(Grant { sudo, limit: None, filter: None })
            }
        }
    }

    fn admits_wrapping(&self, ttl: Option<i64>) -> bool {
        if self.wrap_min.is_none() && self.wrap_max.is_none() {
            return true;
        }
        // A time of zero wraps nothing.
        ttl.is_some_and(|ttl| {
            ttl > 0
                && self.wrap_min.is_none_or(|min| ttl >= min)
                && self.wrap_max.is_none_or(|max| ttl <= max)
        })
    }

    fn admits_parameters(&self, data: Option<Members<'_>>) -> bool {
        let has = |name: &str| data.is_some_and(|data| data.get(name).is_some());
        if !self.required.iter().all(|name| has(name)) {
            return false;
        }
        let data = data.filter(|data| !data.is_empty());
        data.is_none_or(|data| !self.denied.deny(data) && self.allowed.allow(data))
    }

    /// What stands in the place of a list's `limit`; the outer `None` if the one that was sent may not.
    fn limit(&self, data: Option<Members<'_>>) -> Option<Option<i64>> {
        let Some(max) = self.page_max else { return Some(unlimited(data)) };
        let Some(sent) = data.and_then(|data| data.get(LIMIT)) else {
            return (!self.required.contains(LIMIT)).then_some(Some(max));
        };
        let (Kind::String(text) | Kind::Number(text)) = sent.kind() else { return None };
        match text.parse() {
            Ok(0) => Some(Some(max)),
            Ok(count) if (1..=max).contains(&count) => Some(None),
            Err(_) if text == AS_MUCH => Some(Some(max)),
            Ok(_) | Err(_) => None,
        }
    }

    /// Adds the members of a resultant ACL that stand before and behind the capabilities.
    pub(super) fn show(&self, before: bool, mut object: Object) -> Object {
        let json = |parameters: &Parameters| {
            let mut json = String::new();
            parameters.write(&mut json);
            json
        };
        if before {
            if !self.allowed.is_empty() {
                object = object.raw("allowed_parameters", &json(&self.allowed));
            }
            return object;
        }
        if !self.denied.is_empty() {
            object = object.raw("denied_parameters", &json(&self.denied));
        }
        for (name, ttl) in
            [("max_wrapping_ttl", self.wrap_max), ("min_wrapping_ttl", self.wrap_min)]
        {
            if let Some(seconds) = ttl {
                object = object.plain(name, seconds);
            }
        }
        if !self.required.is_empty() {
            object = object.strings("required_parameters", &self.required);
        }
        object
    }

    /// Memory behind it.
    pub(super) fn bytes(&self) -> usize {
        let required = self.required.iter().map(|name| size_of::<Box<str>>() + name.len());
        size_of::<Self>()
            + self.allowed.bytes()
            + self.denied.bytes()
            + required.sum::<usize>()
            + self.filter.as_ref().map_or(0, |filter| filter.bytes())
    }
}

/// Where no rule bounds a list, `max` is a word for no bound.
pub(super) fn unlimited(data: Option<Members<'_>>) -> Option<i64> {
    let sent = data.and_then(|data| data.get(LIMIT)).and_then(|value| value.as_str());
    (sent == Some(AS_MUCH)).then_some(0)
}

/// The parameter of a list that says how many names are wanted.
const LIMIT: &str = "limit";
/// As many as may be.
const AS_MUCH: &str = "max";
