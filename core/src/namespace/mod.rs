//! Namespaces: servers inside the server, each with mounts, policies and tokens of its own.
//!
//! A namespace is a row in the route table of the one above (name to id) and a record by that id. Its
//! name never changes, so the record knows its whole path. The root namespace has no record.
//!
//! Invariants: the header and the beginning of the path name a namespace in the same way, and whatever
//! mixture of both a request has, everything behind [`Place::resolve`] sees one namespace and one path
//! in it. What belongs to a namespace names it by its id, which is never used again.

mod change;
mod place;
mod record;

pub(crate) use change::{create, drop_namespace, find, put};
pub(crate) use place::{Place, whole_path};
pub(crate) use record::Namespace;

use crate::reject::Reject;

/// First segments that name no namespace, in any namespace.
const RESERVED: [&str; 6] = ["audit", "auth", "cubbyhole", "identity", "root", "sys"];

/// Whether a segment can be no namespace's name because the API has it for itself.
pub(crate) fn is_reserved(segment: &str) -> bool {
    matches!(segment, "" | "." | "..") || RESERVED.contains(&segment)
}

/// System paths that only the root namespace has: whole segments, and all that is below.
const ROOT_ONLY: &[&str] = &[
    "audit",
    "audit-hash",
    "config/auditing",
    "config/cors",
    "config/reload",
    "config/state",
    "config/ui",
    "generate-recovery-token",
    "generate-root",
    "health",
    "host-info",
    "in-flight-req",
    "init",
    "internal/counters/activity",
    "internal/counters/config",
    "internal/inspect/router",
    "loggers",
    "metrics",
    "mfa/method",
    "monitor",
    "pprof",
    "quotas/config",
    "quotas/lease-count",
    "quotas/rate-limit",
    "raw",
    "rekey",
    "rekey-recovery-key",
    "replication/merkle-check",
    "replication/recover",
    "replication/reindex",
    "replication/status",
    "seal",
    "sealwrap/rewrap",
    "step-down",
    "storage",
    "sync/config",
    "unseal",
];

/// Refuses what is the root namespace's alone, in any other.
pub(crate) fn check_root_only(place: &Place<'_>) -> Result<(), Reject> {
    if place.namespace.is_root() {
        return Ok(());
    }
    match is_root_only(place.path()) {
        true => Err(Reject::invalid("operation only available in root namespace")),
        false => Ok(()),
    }
}

/// Whether a path inside a namespace is the root namespace's alone.
pub(crate) fn is_root_only(path: &str) -> bool {
    let Some(path) = path.strip_prefix("sys/") else { return false };
    let is_below = |known: &&str| {
        path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    ROOT_ONLY.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;

    use super::*;
    use crate::path::Path;
    use crate::time::Time;

    #[test]
    fn keeps_paths_of_the_root_namespace_there() {
        const CASES: [(&str, bool); 8] = [
            ("sys/raw", false),
            ("sys/raw/core", false),
            ("sys/rawest", true),
            ("sys/policies/acl/sys/raw", true),
            ("sys/config/cors", false),
            ("sys/config", true),
            ("raw", true),
            ("sys/seal-status", true),
        ];
        let mut inner = Namespace::root();
        inner.path = "a/".into();
        for (text, fits) in CASES {
            let path = Path::new(text.into()).unwrap();
            let place = Place::within(Arc::new(Namespace::root()), path.as_str());
            assert!(check_root_only(&place).is_ok(), "{text}");
            let id = crate::store::Owner([7; 16]);
            let other = Namespace { id, created: Time::default(), ..inner.clone() };
            let place = Place::within(Arc::new(other), path.as_str());
            assert_eq!(check_root_only(&place).is_ok(), fits, "{text}");
        }
    }
}
