//! The record of a namespace.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};
use crate::store::{Name, Owner, Space};
use crate::time::Time;

const VERSION: u8 = 1;

/// See the module above.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Namespace {
    pub(crate) id: Owner,
    /// What tokens, accessors and leases of it end in, behind a period. No other that is there has it.
    pub(crate) short_id: String,
    /// From the root namespace; empty, or with a slash at its end.
    pub(crate) path: String,
    /// The namespace above.
    pub(crate) parent: Owner,
    pub(crate) created: Time,
    pub(crate) metadata: BTreeMap<String, String>,
    /// The digest of the key that unlocks its API, if that is locked.
    pub(crate) lock: Option<[u8; 32]>,
}

impl Namespace {
    /// The namespace that is always there.
    pub(crate) fn root() -> Self {
        Self {
            id: Owner::ROOT,
            short_id: "root".to_owned(),
            path: String::new(),
            parent: Owner::ROOT,
            created: Time::default(),
            metadata: BTreeMap::new(),
            lock: None,
        }
    }

    pub(crate) fn is_root(&self) -> bool {
        self.id == Owner::ROOT
    }

    /// Whether this is `other` or lies inside it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.path.starts_with(&other.path)
    }

    /// The path of a namespace inside this one, by its name with its slash.
    pub(crate) fn path_of(&self, name: &str) -> String {
        [&self.path, name].concat()
    }

    /// The text of a handle with what shows that it is of this namespace.
    pub(crate) fn mark(&self, handle: String) -> String {
        if self.is_root() { handle } else { handle + "." + &self.short_id }
    }

    /// Where the record of a namespace is.
    pub(crate) fn name(id: Owner) -> Name<'static> {
        Name::new(Space::Namespace, id, "")
    }

    pub(crate) fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION)
            .array(&self.id.0)
            .str(&self.short_id)
            .str(&self.path)
            .array(&self.parent.0)
            .time(self.created)
            .list(self.metadata.iter(), |writer, (name, value)| writer.str(name).str(value))
            .option(self.lock, |writer, digest| writer.array(&digest))
            .finish()
    }

    /// Reads the payload of a record.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(payload, VERSION)?;
        let namespace = Self {
            id: Owner(reader.array()?),
            short_id: reader.string()?,
            path: reader.string()?,
            parent: Owner(reader.array()?),
            created: reader.time()?,
            metadata: reader
                .list(|reader| Ok((reader.string()?, reader.string()?)))?
                .into_iter()
                .collect(),
            lock: reader.option(Reader::array)?,
        };
        reader.finish()?;
        Ok(namespace)
    }
}

impl Form for Namespace {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        Self::read(payload)
    }

    fn bytes(&self) -> usize {
        let metadata = self.metadata.iter();
        let metadata: usize =
            metadata.map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>()).sum();
        self.short_id.len() + self.path.len() + metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_was_written() {
        let namespace = Namespace {
            id: Owner([4; 16]),
            short_id: "aB3xYz".to_owned(),
            path: "a/b/".to_owned(),
            parent: Owner([5; 16]),
            created: Time::from_unix_nanos(7),
            metadata: BTreeMap::from([("team".to_owned(), "red".to_owned())]),
            lock: Some([6; 32]),
        };
        let bytes = namespace.encode();
        assert!(Namespace::read(&bytes).unwrap() == namespace);
        for length in 0..bytes.len() {
            assert!(Namespace::read(&bytes[..length]).is_err(), "{length}");
        }
    }
}
