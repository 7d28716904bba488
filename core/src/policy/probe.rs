//! What tests reach of policies from outside: documents in, decisions out.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Filter, Options, Policy, Question, Source};
use crate::json::Doc;
use crate::route::Operation;
use crate::time::Time;

/// What several policies come to, for a caller without an identity.
#[allow(missing_debug_implementations, reason = "for tests")]
pub struct Rights(super::Acl);

/// That a request may be served, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whether the rule has `sudo`.
    pub sudo: bool,
    /// What takes the place of a list's limit.
    pub limit: Option<i64>,
    /// Whether a filter stands before the names of a list.
    pub filters: bool,
}

impl Rights {
    /// Reads documents, each with the path of its namespace.
    ///
    /// # Errors
    ///
    /// The API's text for the first that cannot be read.
    pub fn read(sources: &[(&str, &str)], now: Time) -> Result<Self, String> {
        let parse = |(_, text): &(&str, &str)| Policy::parse(text, Options::default());
        let policies: Vec<Policy> = sources.iter().map(parse).collect::<Result<_, _>>()?;
        let sources = sources.iter().zip(&policies);
        let sources: Vec<Source<'_>> =
            sources.map(|((prefix, _), policy)| Source { prefix, policy }).collect();
        Ok(Self(super::Acl::compile(&sources, now, None)))
    }

    /// Decides about an operation by its name.
    ///
    /// # Panics
    ///
    /// If no operation has this name.
    pub fn decide(
        &self,
        operation: &str,
        path: &str,
        data: Option<&Doc>,
        wrap_ttl: Option<i64>,
    ) -> Option<Granted> {
        let operation = OPERATIONS.into_iter().find(|known| known.word() == operation);
        let Some(operation) = operation else { panic!("no operation has this name") };
        let grant = self.0.decide(&Question { operation, path, data, wrap_ttl })?;
        Some(Granted { sudo: grant.sudo, limit: grant.limit, filters: grant.filter.is_some() })
    }

    /// The names of what is granted on a path.
    pub fn capabilities(&self, path: &str) -> Vec<&'static str> {
        self.0.capabilities(path).words().collect()
    }

    /// Whether something may be granted on a path that begins with this.
    pub fn reaches(&self, prefix: &str) -> bool {
        self.0.reaches(prefix)
    }

    /// Whether a filter lets a name be shown.
    ///
    /// # Errors
    ///
    /// The API's text for a template that is none.
    pub fn shows(&self, template: &str, folder: &str, name: &str) -> Result<bool, String> {
        Ok(self.0.shows(&Filter::parse(template)?, "", folder, name))
    }

    /// The resultant ACL.
    pub fn resultant(&self) -> String {
        self.0.resultant()
    }

    /// When it ends to hold.
    pub fn valid_until(&self) -> Option<Time> {
        self.0.valid_until()
    }

    /// Memory behind it.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Memory behind a policy.
///
/// # Errors
///
/// The API's text for a document that cannot be read.
pub fn bytes_of_policy(text: &str) -> Result<usize, String> {
    Policy::parse(text, Options::default()).map(|policy| policy.bytes())
}

/// The names of all operations.
pub fn acl_operations() -> impl Iterator<Item = String> {
    OPERATIONS.into_iter().map(|operation| operation.word().to_string())
}

const OPERATIONS: [Operation; 10] = [
    Operation::Create,
    Operation::Delete,
    Operation::Header,
    Operation::Help,
    Operation::List,
    Operation::None,
    Operation::Patch,
    Operation::Read,
    Operation::Scan,
    Operation::Update,
];
