//! Where a request goes: one namespace, and one path in it, however both were spelled.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;

use super::change::load;
use super::{Namespace, is_reserved};
use crate::limit::NAMESPACE_DEPTH_MAX;
use crate::mount::{Row, row_name};
use crate::reject::Reject;
use crate::vault::{Halt, Tx};

/// What is served in a locked namespace.
const UNLOCK: &str = "sys/namespaces/api-lock/unlock";

/// See the module.
pub(crate) struct Place<'p> {
    pub(crate) namespace: Arc<Namespace>,
    /// The path from the root namespace: the one name by which rules, mounts and audit know it.
    full: Cow<'p, str>,
    /// Where in it the path inside the namespace begins.
    at: usize,
    /// The row of the first segment of that path, if it was looked for on the way.
    first_row: Option<Option<Arc<Row>>>,
    /// See [`Place::locked`].
    locked: Option<Arc<Namespace>>,
}

impl<'p> Place<'p> {
    /// A path of a namespace that is known.
    pub(crate) fn within(namespace: Arc<Namespace>, path: &'p str) -> Self {
        let at = namespace.path.len();
        let full = match at {
            0 => Cow::Borrowed(path),
            _ => Cow::Owned([&namespace.path, path].concat()),
        };
        Self { namespace, full, at, first_row: None, locked: None }
    }

    /// The place that the header and the path of a request name together.
    ///
    /// # Errors
    ///
    /// A rejection for a header that names no namespace.
    pub(crate) fn resolve(
        tx: &mut Tx<'_>,
        header: Option<&str>,
        path: &'p str,
    ) -> Result<Self, Halt> {
        let header = header.map(canonical).transpose()?.unwrap_or_default();
        let full = match header.len() {
            0 => Cow::Borrowed(path),
            _ => Cow::Owned([&header, path].concat()),
        };
        Self::descend(tx, full, header.len())
    }

    /// The place of a path from the root namespace.
    pub(crate) fn resolve_owned(tx: &mut Tx<'_>, full: String) -> Result<Self, Halt> {
        Self::descend(tx, Cow::Owned(full), 0)
    }

    /// Goes down from namespace to namespace; so many bytes of the path must be names of some.
    ///
    /// The record of a namespace and the row that may lead on from it are loaded together: a path through
    /// so many levels takes so many loads, the root being one.
    fn descend(tx: &mut Tx<'_>, full: Cow<'p, str>, named: usize) -> Result<Self, Halt> {
        let namespace = tx.root_namespace();
        let mut place = Self { namespace, full, at: 0, first_row: None, locked: None };
        while let Some(segment) = first_segment(place.path()) {
            let row = tx.form::<Row>(&row_name(place.namespace.id, segment))?;
            let Some(Row::Namespace { id, record }) = row.as_deref() else {
                place.first_row = Some(row);
                break;
            };
            let inner = match load(tx, record) {
                Err(halt) => {
                    // The row that may lead on from there is loaded together with it.
                    let rest = place.path().get(segment.len()..);
                    let next = rest.and_then(first_segment).map(|next| row_name(*id, next));
                    tx.want(next.as_slice())?;
                    return Err(halt);
                }
                Ok(inner) => inner,
            };
            if inner.lock.is_some() && place.locked.is_none() {
                place.locked = Some(Arc::clone(&inner));
            }
            place.at = inner.path.len();
            place.namespace = inner;
        }
        if place.at < named {
            return Err(Reject::NamespaceNotFound.into());
        }
        Ok(place)
    }

    /// Refuses everything in a namespace whose API is locked, but for what unlocks it.
    pub(crate) fn check_lock(&self) -> Result<(), Reject> {
        let unlocks = self.path().strip_prefix(UNLOCK);
        let unlocks = unlocks.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match &self.locked {
            Some(namespace) if !unlocks => {
                Err(Reject::NamespaceLocked { path: namespace.path.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The first namespace on the way whose API is locked.
    pub(crate) fn locked(&self) -> Option<&Namespace> {
        self.locked.as_deref()
    }

    /// The same namespace, and another path in it.
    pub(crate) fn renamed(self, path: &str) -> Self {
        let full = Cow::Owned(self.namespace.path_of(path));
        Self { full, first_row: None, ..self }
    }

    /// The path inside the namespace.
    pub(crate) fn path(&self) -> &str {
        self.full.get(self.at..).unwrap_or("")
    }

    /// The path from the root namespace.
    pub(crate) fn full(&self) -> &str {
        &self.full
    }

    /// The row of the first segment, if it is known already.
    pub(crate) fn first_row(&self) -> Option<&Option<Arc<Row>>> {
        self.first_row.as_ref()
    }
}

/// The first segment of a path with its slash, if it can be a namespace.
fn first_segment(path: &str) -> Option<&str> {
    let end = path.find('/')?;
    path.get(..=end).filter(|_| path.get(..end).is_some_and(|name| !is_reserved(name)))
}

/// What a header and a path name together, whether or not that is there.
pub(crate) fn whole_path(header: Option<&str>, path: &str) -> String {
    let header = header.map(canonical).and_then(Result::ok).unwrap_or_default();
    [&header, path].concat()
}

/// A header as the beginning of a path: empty for the root namespace, or with a slash at its end.
fn canonical(header: &str) -> Result<String, Reject> {
    let mut path = String::with_capacity(header.len() + 1);
    let segments = header.split('/').filter(|segment| !segment.is_empty());
    let mut count = 0;
    for segment in segments {
        count += 1;
        path.push_str(segment);
        path.push('/');
    }
    if matches!(path.as_str(), "root/" | "./") {
        return Ok(String::new());
    }
    if count > NAMESPACE_DEPTH_MAX {
        return Err(Reject::NamespaceNotFound);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_place_the_same_by_header_and_by_path() {
        const SPELLINGS: [(Option<&str>, &str); 4] = [
            (None, "a/b/kv/x"),
            (Some("a"), "b/kv/x"),
            (Some("/a/b/"), "kv/x"),
            (Some("root"), "a/b/kv/x"),
        ];
        for (header, path) in SPELLINGS {
            assert_eq!(whole_path(header, path), "a/b/kv/x");
        }
    }

    #[test]
    fn reads_a_header_as_a_path() {
        const CASES: [(&str, Option<&str>); 10] = [
            ("", Some("")),
            ("/", Some("")),
            (".", Some("")),
            ("root", Some("")),
            ("/root/", Some("")),
            ("a", Some("a/")),
            ("/a/b/", Some("a/b/")),
            ("a//b", Some("a/b/")),
            ("root/a", Some("root/a/")),
            ("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", None),
        ];
        for (header, want) in CASES {
            assert_eq!(canonical(header).ok().as_deref(), want, "{header}");
        }
    }
}
