//! What is stored of a policy: the text as it was written, and what is said about it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Options, Policy, built_in};
use crate::namespace::Namespace;
use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};
use crate::store::{Name, Owner, Space};
use crate::time::Time;
use crate::vault::{Halt, Tx};

const VERSION: u8 = 1;

/// A policy of a namespace.
pub(crate) struct Record {
    pub(crate) text: String,
    pub(crate) options: Options,
    /// Counts the writes.
    pub(crate) version: i64,
    /// Whether a write must say which version it replaces.
    pub(crate) cas_required: bool,
    /// From then on it is as if it were not there.
    pub(crate) expiration: Option<Time>,
    /// `None` for one that is part of the server.
    pub(crate) modified: Option<Time>,
    /// The text, read.
    pub(crate) policy: Policy,
}

impl Record {
    /// One that is part of the server.
    ///
    /// # Panics
    ///
    /// If its text is no policy.
    pub(crate) fn built_in(text: &str, version: i64) -> Self {
        let options = Options::default();
        Self {
            text: text.to_owned(),
            options,
            version,
            cas_required: false,
            expiration: None,
            modified: None,
            policy: Policy::parse(text, options).expect("the server's own policies are good"),
        }
    }

    /// The policy `default` where nobody has written another.
    pub(crate) fn default_policy() -> Self {
        Self::built_in(built_in::DEFAULT, 1)
    }

    /// The policy of a name, which is in its normal form, if it is there and has not expired. `root` has no
    /// text: it is no policy but a property of tokens.
    pub(crate) fn find(
        tx: &mut Tx<'_>,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Option<Arc<Self>>, Halt> {
        if let Some(fixed) = tx.built_in_policy(name) {
            return Ok(Some(fixed));
        }
        let found: Option<Arc<Self>> = tx.form(&record_name(namespace.id, name))?;
        let found = found.or_else(|| (name == DEFAULT).then(|| tx.default_policy()));
        Ok(found.filter(|record| !record.is_expired(tx.now)))
    }

    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expiration.is_some_and(|expires| expires <= now)
    }

    pub(crate) fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION)
            .bool(self.options.allow_wildcards)
            .bool(self.options.allow_slashes)
            .i64(self.version)
            .bool(self.cas_required)
            .option(self.expiration, Writer::time)
            .option(self.modified, Writer::time)
            .str(&self.text)
            .finish()
    }

    /// Reads the payload of a record.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Corrupt> {
        let head = Head::read(payload)?;
        let Head { options, version, cas_required, expiration, modified, text } = head;
        let text = text.to_owned();
        let policy =
            Policy::parse(&text, options).map_err(|_| Corrupt("a policy that cannot be read"))?;
        Ok(Self { text, options, version, cas_required, expiration, modified, policy })
    }
}

/// A record whose text is not read.
pub(crate) struct Head<'p> {
    options: Options,
    version: i64,
    cas_required: bool,
    expiration: Option<Time>,
    modified: Option<Time>,
    text: &'p str,
}

impl<'p> Head<'p> {
    pub(crate) fn read(payload: &'p [u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(payload, VERSION)?;
        let options = Options { allow_wildcards: reader.bool()?, allow_slashes: reader.bool()? };
        let (version, cas_required) = (reader.i64()?, reader.bool()?);
        let expiration = reader.option(Reader::time)?;
        let modified = reader.option(Reader::time)?;
        let text = reader.str()?;
        reader.finish()?;
        Ok(Self { options, version, cas_required, expiration, modified, text })
    }

    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expiration.is_some_and(|expires| expires <= now)
    }
}

/// Whether there is a policy of this name, without a look at what it says.
pub(crate) fn exists(tx: &mut Tx<'_>, namespace: &Namespace, name: &str) -> Result<bool, Halt> {
    if name == DEFAULT || tx.built_in_policy(name).is_some() {
        return Ok(true);
    }
    let Some(payload) = tx.get(&record_name(namespace.id, name))? else { return Ok(false) };
    Ok(!Head::read(&payload)?.is_expired(tx.now))
}

impl Form for Record {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        Self::read(payload)
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.policy.bytes()
    }
}

/// The policy that every token has unless it is made without.
pub(crate) const DEFAULT: &str = "default";
/// The property of a token to be allowed everything in its namespace, which shows as a policy.
pub(crate) const ROOT: &str = "root";
/// The policy of tokens that hold an answer.
pub(crate) const WRAPPING: &str = "response-wrapping";

/// Where the names of policies are in the folder index of their namespace.
pub(crate) const INDEX: &str = "policies/";

/// Where a policy is stored.
pub(crate) fn record_name(namespace: Owner, name: &str) -> Name<'_> {
    Name::new(Space::Policy, namespace, name)
}

/// A name in its normal form: however it is spelled, it is one policy. Whatever looks at a name looks at
/// this.
pub(crate) fn normal_name(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The policies that are part of the server.
pub(crate) struct BuiltIn {
    /// Unless the namespace has written its own.
    pub(crate) default: Arc<Record>,
    wrapping: Arc<Record>,
    root: Arc<Record>,
}

impl BuiltIn {
    pub(crate) fn new() -> Self {
        Self {
            default: Arc::new(Record::default_policy()),
            wrapping: Arc::new(Record::built_in(built_in::WRAPPING, 1)),
            root: Arc::new(Record::built_in("", 0)),
        }
    }

    /// One that nobody can change.
    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Record>> {
        match name {
            ROOT => Some(&self.root),
            WRAPPING => Some(&self.wrapping),
            _ => None,
        }
    }
}
