//! Compiled rules: what a set of policies comes to, kept for the next request with the same set.
//!
//! Invariant: what was compiled is used only while every policy that it was made of is the one that a look
//! at the store would give, and no time has come that changes it. So each use reads the records of its
//! policies, and waits for their batches like any read.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Halt, Tx};
use crate::limit::{ACL_BYTES_MAX, ACL_CACHE_BYTES};
use crate::namespace::Namespace;
use crate::policy::{Acl, BuiltIn, DEFAULT, Record, Source, record_name};
use crate::reject::Reject;
use crate::store::{Key, Owner};
use crate::time::Time;

/// The policies of a token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Set {
    namespace: Owner,
    names: Arc<[String]>,
}

/// What they come to.
pub(crate) struct Compiled {
    parts: Vec<Part>,
    pub(crate) acl: Acl,
    /// When it is to be made anew, if a time changes it.
    valid_until: Option<Time>,
    pub(crate) made_of: MadeOf,
}

/// Which policies rules were made of: the same ones give the same rules, but for what the time changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MadeOf {
    namespace: Owner,
    /// Name, version, and when it was written.
    policies: Vec<(String, i64, Option<Time>)>,
}

/// One policy as it was when the set was compiled.
struct Part {
    key: Key,
    record: Option<Arc<Record>>,
}

/// See the module.
pub(super) struct Acls {
    sets: BTreeMap<Set, Slot>,
    /// The sets in the order in which the hand comes by (second chance).
    ring: VecDeque<Set>,
    bytes: usize,
    pub(super) built_in: BuiltIn,
}

struct Slot {
    compiled: Arc<Compiled>,
    bytes: usize,
    used: bool,
}

impl Acls {
    pub(super) fn new() -> Self {
        Self { sets: BTreeMap::new(), ring: VecDeque::new(), bytes: 0, built_in: BuiltIn::new() }
    }

    /// Forgets all that was compiled.
    pub(super) fn clear(&mut self) {
        self.sets.clear();
        self.ring.clear();
        self.bytes = 0;
    }

    fn get(&mut self, set: &Set) -> Option<Arc<Compiled>> {
        let slot = self.sets.get_mut(set)?;
        slot.used = true;
        Some(Arc::clone(&slot.compiled))
    }

    fn insert(&mut self, set: Set, compiled: Arc<Compiled>) {
        let parts = compiled.parts.len() * size_of::<Part>();
        let bytes = SLOT_BYTES + parts + compiled.acl.bytes();
        // One large set does not push out all others.
        if bytes > ACL_CACHE_BYTES / 4 {
            return;
        }
        self.bytes += bytes;
        let slot = Slot { compiled, bytes, used: false };
        match self.sets.insert(set.clone(), slot) {
            Some(before) => self.bytes -= before.bytes,
            None => self.ring.push_back(set),
        }
        // Twice around at most: the first turn takes the marks of use.
        let mut turns = 2 * self.ring.len();
        while self.bytes > ACL_CACHE_BYTES && turns > 0 {
            turns -= 1;
            self.turn();
        }
    }

    /// One step of the hand.
    fn turn(&mut self) {
        let Some(set) = self.ring.pop_front() else { return };
        let Some(slot) = self.sets.get_mut(&set) else { return };
        if core::mem::take(&mut slot.used) {
            self.ring.push_back(set);
        } else if let Some(slot) = self.sets.remove(&set) {
            self.bytes -= slot.bytes;
        }
    }
}

/// Bytes that a path of a policy takes in its document, at least.
const PATH_BYTES_MIN: usize = 32;

/// The places of a set in the table and in the ring.
const SLOT_BYTES: usize = 2 * size_of::<Set>() + size_of::<Slot>() + size_of::<Compiled>();

impl Tx<'_> {
    /// What these policies of a namespace come to.
    pub(crate) fn acl(
        &mut self,
        namespace: &Arc<Namespace>,
        names: &Arc<[String]>,
    ) -> Result<Arc<Compiled>, Halt> {
        let set = Set { namespace: namespace.id, names: Arc::clone(names) };
        if let Some(compiled) = self.acls.get(&set)
            && self.is_current(&compiled)?
        {
            return Ok(compiled);
        }
        let compiled = Arc::new(self.compile(namespace, names)?);
        self.acls.insert(set, Arc::clone(&compiled));
        Ok(compiled)
    }

    fn is_current(&mut self, compiled: &Compiled) -> Result<bool, Halt> {
        if compiled.valid_until.is_some_and(|until| until <= self.now) {
            return Ok(false);
        }
        self.want_keys(compiled.parts.iter().map(|part| part.key))?;
        for part in &compiled.parts {
            let record = self.form_by_key::<Record>(&part.key)?;
            let is_same = match (&record, &part.record) {
                (None, None) => true,
                (Some(record), Some(known)) => Arc::ptr_eq(record, known),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if !is_same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn compile(&mut self, namespace: &Arc<Namespace>, names: &[String]) -> Result<Compiled, Halt> {
        let (mut parts, mut records) = (Vec::new(), Vec::new());
        let mut policies = Vec::new();
        self.check_length(namespace, names)?;
        for name in names {
            if let Some(fixed) = self.built_in_policy(name) {
                records.push(fixed);
                continue;
            }
            let name_of = record_name(namespace.id, name);
            let record: Option<Arc<Record>> = self.form(&name_of)?;
            parts.push(Part { key: self.key(&name_of)?, record: record.clone() });
            let record = record.or_else(|| (name == DEFAULT).then(|| self.default_policy()));
            if let Some(record) = record.filter(|record| !record.is_expired(self.now)) {
                policies.push((name.clone(), record.version, record.modified));
                records.push(record);
            }
        }
        let sources: Vec<Source<'_>> = records
            .iter()
            .map(|record| Source { prefix: &namespace.path, policy: &record.policy })
            .collect();
        let acl = Acl::compile(&sources, self.now, None);
        let expirations = records.iter().filter_map(|record| record.expiration);
        let valid_until = expirations.chain(acl.valid_until()).min();
        let made_of = MadeOf { namespace: namespace.id, policies };
        Ok(Compiled { parts, acl, valid_until, made_of })
    }

    /// Looks how long the policies are, before any of them is read: all are compiled in one step.
    fn check_length(&mut self, namespace: &Namespace, names: &[String]) -> Result<(), Halt> {
        let stored: Vec<_> = names.iter().map(|name| record_name(namespace.id, name)).collect();
        self.want(&stored)?;
        let mut bytes = 0;
        for name in &stored {
            let key = self.key(name)?;
            bytes += self.sealed(&key)?.map_or(0, |record| record.len());
        }
        // Each path is compiled with that of the namespace before it.
        let paths = bytes / PATH_BYTES_MIN * namespace.path.len();
        if bytes + paths > ACL_BYTES_MAX {
            return Err(Reject::Overloaded("the policies of the token are too long").into());
        }
        Ok(())
    }

    /// A policy that nobody can change.
    pub(crate) fn built_in_policy(&self, name: &str) -> Option<Arc<Record>> {
        self.acls.built_in.find(name).map(Arc::clone)
    }

    /// The policy `default` of a namespace that has not written its own.
    pub(crate) fn default_policy(&self) -> Arc<Record> {
        Arc::clone(&self.acls.built_in.default)
    }
}
