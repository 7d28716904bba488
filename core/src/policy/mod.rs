//! ACL policies: documents, and what those of one token allow.
//!
//! A [`Policy`] is a document that was read. An [`Acl`] is what several of them come to, for one caller
//! at one time; it decides about requests. All of it is pure: who reads the records and keeps what was
//! made of them is elsewhere. The rules are those of the API's documentation of policies
//! (<https://openbao.org/docs/concepts/policies/>).
//!
//! Invariants: exactly one rule decides about a request, and where there is none, or it does not grant the
//! operation, the request is denied; what a policy's author chooses costs memory and time in proportion to
//! the documents.

mod acl;
mod built_in;
mod capability;
mod document;
mod filter;
mod parameter;
mod pattern;
#[cfg(feature = "simulation")]
pub(crate) mod probe;
mod record;
mod template;
mod terms;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub(crate) use acl::Acl;
pub(crate) use capability::Capabilities;
pub(crate) use filter::Filter;
pub(crate) use record::{
    BuiltIn, DEFAULT, Head, INDEX, ROOT, Record, WRAPPING, exists, normal_name, record_name,
};

use crate::json::Doc;
use crate::route::Operation;
use document::Stanza;

/// A document that was read.
pub(crate) struct Policy {
    stanzas: Vec<Stanza>,
    options: Options,
}

/// What the values of templates may bring into a path. Both let whoever sets such a value widen a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) allow_wildcards: bool,
    pub(crate) allow_slashes: bool,
}

impl Policy {
    /// Reads a document in HCL or JSON.
    ///
    /// # Errors
    ///
    /// What the API answers behind `failed to parse policy: `.
    pub(crate) fn parse(text: &str, options: Options) -> Result<Self, String> {
        Ok(Self { stanzas: document::parse(text)?, options })
    }

    /// Memory behind it.
    pub(crate) fn bytes(&self) -> usize {
        self.stanzas.iter().map(|stanza| size_of::<Stanza>() + stanza.bytes()).sum()
    }
}

/// A policy, and where it comes from.
#[derive(Clone, Copy)]
pub(crate) struct Source<'p> {
    /// The path of its namespace: empty, or with a slash at its end.
    pub(crate) prefix: &'p str,
    pub(crate) policy: &'p Policy,
}

/// What a caller asks for.
pub(crate) struct Question<'q> {
    pub(crate) operation: Operation,
    /// The path of the namespace, and that of the request behind it.
    pub(crate) path: &'q str,
    /// The parameters.
    pub(crate) data: Option<&'q Doc>,
    /// How long the answer shall be wrapped, in seconds.
    pub(crate) wrap_ttl: Option<i64>,
}

/// That a request may be served, and how.
#[derive(Clone, Default)]
pub(crate) struct Grant {
    /// Whether the rule has `sudo`, which some endpoints ask for beside the operation's capability.
    pub(crate) sudo: bool,
    /// What must take the place of a list's parameter `limit`; zero is no limit.
    #[cfg_attr(
        not(any(test, feature = "simulation")),
        allow(dead_code, reason = "for engines whose lists come in pages, which are to come")
    )]
    pub(crate) limit: Option<i64>,
    /// Which names of a list may be shown: see [`Acl::shows`].
    pub(crate) filter: Option<Arc<Filter>>,
}
