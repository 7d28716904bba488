//! The record of a token, and what makes it alive.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::chore::sweep;
use crate::encoding::hex;
use crate::limit::{REQUEST_TIME_MAX, TOKEN_BYTES_MAX};
use crate::namespace::Namespace;
use crate::reject::Corrupt;
use crate::seal::Barrier;
use crate::secret::Wiped;
use crate::store::cache::Form;
use crate::store::codec::{Reader, Writer};
use crate::store::{Key, Name, Owner, Space};
use crate::time::Time;
use crate::vault::{Charge, Halt, Tx};

const VERSION: u8 = 2;
/// Without a namespace: there was the root alone.
const VERSION_1: u8 = 1;
/// Of the records that lead to a token.
const REFERENCE_VERSION: u8 = 1;

/// `num_uses` of a token whose last use is under way.
pub(super) const SPENT: i64 = -1;

/// What is stored of a token. Times are of the core; TTLs are seconds.
#[derive(Clone)]
pub(crate) struct Token {
    pub(super) accessor: Wiped<String>,
    /// The namespace that it belongs to.
    pub(crate) namespace: Owner,
    /// Names of policies of that namespace, sorted.
    pub(crate) policies: Arc<[String]>,
    /// The path that made it.
    pub(super) path: String,
    pub(super) display_name: String,
    pub(super) meta: Option<BTreeMap<String, String>>,
    pub(super) creation_time: Time,
    pub(super) creation_ttl: i64,
    pub(super) expire_time: Option<Time>,
    pub(super) explicit_max_ttl: i64,
    pub(super) period: i64,
    /// Uses left; 0 for no limit; [`SPENT`] when there is none.
    pub(super) num_uses: i64,
    /// `None` for root tokens of no other token, which show neither this nor an issue time.
    pub(super) renewable: Option<bool>,
    /// Nearest first.
    pub(super) ancestors: Vec<Ancestor>,
    /// When a token whose last use is under way is cleaned up, whatever becomes of that.
    pub(super) spent_until: Option<Time>,
    /// Whose records its cubbyhole's are. It is random, so it also tells this token from every other
    /// that may have the same text one day.
    pub(crate) cubbyhole: Owner,
}

/// A token that is alive, and the namespace that it belongs to.
pub(crate) struct Alive {
    pub(crate) token: Arc<Token>,
    pub(crate) namespace: Arc<Namespace>,
}

/// A token above another: where it is stored, and which one it was. The text of a token can be given
/// again, and then it is another token.
#[derive(Clone, Copy)]
pub(super) struct Ancestor {
    pub(super) key: Key,
    pub(super) cubbyhole: Owner,
}

impl Form for Token {
    fn decode(payload: &[u8], _: &Barrier) -> Result<Self, Corrupt> {
        Self::decode_payload(payload)
    }

    fn bytes(&self) -> usize {
        let policies = self.policies.iter().map(|policy| policy.len() + size_of::<String>());
        let meta = self.meta.iter().flatten();
        let meta = meta.map(|(name, value)| name.len() + value.len() + 2 * size_of::<String>());
        self.accessor.len()
            + self.path.len()
            + self.display_name.len()
            + policies.chain(meta).sum::<usize>()
            + self.ancestors.len() * size_of::<Ancestor>()
    }
}

impl Token {
    /// Reads the payload of a record.
    fn decode_payload(payload: &[u8]) -> Result<Self, Corrupt> {
        let (version, mut reader) = Reader::versioned(payload)?;
        let namespace = match version {
            VERSION_1 => Owner::ROOT,
            VERSION => Owner(reader.array()?),
            _ => return Err(Corrupt("unknown version of a record")),
        };
        let token = Self {
            namespace,
            accessor: reader.string()?.into(),
            policies: reader.list(Reader::string)?.into(),
            path: reader.string()?,
            display_name: reader.string()?,
            meta: reader.option(|reader| {
                let pairs = reader.list(|reader| Ok((reader.string()?, reader.string()?)))?;
                Ok(pairs.into_iter().collect())
            })?,
            creation_time: reader.time()?,
            creation_ttl: reader.i64()?,
            expire_time: reader.option(Reader::time)?,
            explicit_max_ttl: reader.i64()?,
            period: reader.i64()?,
            num_uses: reader.i64()?,
            renewable: reader.option(Reader::bool)?,
            ancestors: reader.list(|reader| {
                let key = Key::from_bytes(reader.array()?);
                Ok(Ancestor { key, cubbyhole: Owner(reader.array()?) })
            })?,
            spent_until: reader.option(Reader::time)?,
            cubbyhole: Owner(reader.array()?),
        };
        reader.finish()?;
        Ok(token)
    }

    pub(super) fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(VERSION)
            .array(&self.namespace.0)
            .str(&self.accessor)
            .list(self.policies.iter(), |writer, policy| writer.str(policy))
            .str(&self.path)
            .str(&self.display_name)
            .option(self.meta.as_ref(), |writer, meta| {
                writer.list(meta.iter(), |writer, (key, value)| writer.str(key).str(value))
            })
            .time(self.creation_time)
            .i64(self.creation_ttl)
            .option(self.expire_time, Writer::time)
            .i64(self.explicit_max_ttl)
            .i64(self.period)
            .i64(self.num_uses)
            .option(self.renewable, Writer::bool)
            .list(self.ancestors.iter(), |writer, ancestor| {
                writer.array(ancestor.key.as_bytes()).array(&ancestor.cubbyhole.0)
            })
            .option(self.spent_until, Writer::time)
            .array(&self.cubbyhole.0)
            .finish()
    }

    pub(super) fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }

    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.expire_time.is_some_and(|expires| expires <= now)
    }

    /// The record of a token as it is stored, alive or not.
    pub(super) fn read(tx: &mut Tx<'_>, text: &str) -> Result<Option<Arc<Self>>, Halt> {
        // No token is so long, and hashing a text takes time in proportion to it.
        if text.len() > TOKEN_BYTES_MAX {
            return Ok(None);
        }
        tx.form(&name(text))
    }

    /// The token, if it is alive: its record is there, its time has not come, a use is left, and its
    /// ancestors and its namespace are alive. A charged use of this very request does not count against
    /// it.
    pub(super) fn find(
        tx: &mut Tx<'_>,
        text: &str,
        charged: Option<Charge>,
    ) -> Result<Option<Alive>, Halt> {
        let Some(token) = Self::read(tx, text)? else { return Ok(None) };
        let own = charged.is_some_and(|charge| charge.token == token.cubbyhole);
        if token.is_expired(tx.now) || (token.num_uses == SPENT && !own) {
            return Ok(None);
        }
        tx.want_keys(token.ancestors.iter().map(|ancestor| ancestor.key))?;
        for ancestor in &token.ancestors {
            let Some(found) = tx.form_by_key::<Self>(&ancestor.key)? else { return Ok(None) };
            let is_it = found.cubbyhole == ancestor.cubbyhole;
            if !is_it || found.is_expired(tx.now) || found.num_uses == SPENT {
                return Ok(None);
            }
        }
        let namespace = if token.namespace == Owner::ROOT {
            tx.root_namespace()
        } else {
            let Some(found) = tx.form(&Namespace::name(token.namespace))? else { return Ok(None) };
            found
        };
        Ok(Some(Alive { token, namespace }))
    }

    /// The two records that every token has: name and payload of each.
    pub(crate) fn records<'t>(&'t self, text: &'t str) -> [(Name<'t>, Wiped<Vec<u8>>); 2] {
        [
            (name(text), self.encode()),
            (accessor_name(&self.accessor), Writer::new(REFERENCE_VERSION).str(text).finish()),
        ]
    }

    /// Stages a new token: its records, a row below its parent, a row for its time.
    pub(crate) fn create(&self, tx: &mut Tx<'_>, text: &str) -> Result<(), Halt> {
        for (name, payload) in self.records(text) {
            tx.put(&name, &payload);
        }
        let reference = Reference { key: tx.key(&name(text))?, cubbyhole: self.cubbyhole };
        let payload = reference.encode();
        let id = self.id();
        for name in self.rows(&id).into_iter().flatten() {
            tx.put(&name, &payload);
        }
        Ok(())
    }

    /// What tells the token from all others, as a part of names.
    fn id(&self) -> String {
        hex(&self.cubbyhole.0)
    }

    /// The names of the rows that lead to this token: below its parent, below its namespace (the root
    /// never goes), and by its times.
    fn rows<'i>(&self, id: &'i str) -> [Option<Name<'i>>; 4] {
        let below = |owner: Owner| Name::new(Space::Child, owner, id);
        let child = self.ancestors.first().map(|parent| below(parent.cubbyhole));
        let member = (self.namespace != Owner::ROOT).then(|| below(self.namespace));
        let due = |time: Option<Time>| time.map(|time| Name::due(time, id));
        [child, member, due(self.expire_time), due(self.spent_until)]
    }

    /// Whether nobody can use it any more, for the clean-up: no request has so long.
    pub(crate) fn is_over(&self, now: Time) -> bool {
        self.is_expired(now) || self.spent_until.is_some_and(|until| until <= now)
    }

    /// Stages one use less. After the last one the token goes with the effect of its request, or if
    /// that never comes, with its time.
    pub(super) fn spend(&mut self, tx: &mut Tx<'_>, text: &str) -> Result<Charge, Halt> {
        let last = self.num_uses == 1;
        self.num_uses = if last { SPENT } else { self.num_uses - 1 };
        if last {
            let until = tx.now.after(2 * REQUEST_TIME_MAX);
            self.spent_until = Some(until);
            let reference = Reference { key: tx.key(&name(text))?, cubbyhole: self.cubbyhole };
            tx.put(&Name::due(until, &self.id()), &reference.encode());
        }
        tx.put(&name(text), &self.encode());
        Ok(Charge { token: self.cubbyhole, last })
    }

    /// Stages that the token goes, and with it everything below; what it owned is cleaned up later.
    pub(super) fn bury(&self, tx: &mut Tx<'_>, text: &str) {
        tx.delete(&name(text));
        self.bury_rest(tx);
    }

    /// Stages that everything goes that leads to the token.
    fn bury_rest(&self, tx: &mut Tx<'_>) {
        tx.delete(&accessor_name(&self.accessor));
        let id = self.id();
        for name in self.rows(&id).into_iter().flatten() {
            tx.delete(&name);
        }
        sweep::drop_owner(tx, self.cubbyhole);
    }
}

/// A row that leads to a token. The text of a token can be given again, so it says which one it was.
pub(crate) struct Reference {
    key: Key,
    cubbyhole: Owner,
}

impl Reference {
    fn encode(&self) -> Wiped<Vec<u8>> {
        Writer::new(REFERENCE_VERSION).array(self.key.as_bytes()).array(&self.cubbyhole.0).finish()
    }

    /// From a row that a task has found. One that is not what was written leads nowhere.
    pub(crate) fn open(tx: &Tx<'_>, key: &Key, sealed: &[u8]) -> Result<Option<Self>, Halt> {
        match tx.open(key, sealed) {
            Ok(payload) => Ok(Self::decode(&payload).ok()),
            Err(Halt::Corrupt(_)) => Ok(None),
            Err(halt) => Err(halt),
        }
    }

    fn decode(payload: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(payload, REFERENCE_VERSION)?;
        let key = Key::from_bytes(reader.array()?);
        let reference = Self { key, cubbyhole: Owner(reader.array()?) };
        reader.finish()?;
        Ok(reference)
    }
}

/// Buries the tokens that rows lead to, if they are still there and `is_dead` says so.
pub(crate) fn bury_all(
    tx: &mut Tx<'_>,
    references: &[Reference],
    is_dead: impl Fn(&Token) -> bool,
) -> Result<(), Halt> {
    tx.want_keys(references.iter().map(|reference| reference.key))?;
    for reference in references {
        let token = match tx.form_by_key::<Token>(&reference.key) {
            Ok(Some(token)) => token,
            // What does not open authorises nobody; the others need not wait for it.
            Ok(None) | Err(Halt::Corrupt(_)) => continue,
            Err(halt) => return Err(halt),
        };
        if token.cubbyhole == reference.cubbyhole && is_dead(&token) {
            tx.delete_key(reference.key);
            token.bury_rest(tx);
        }
    }
    Ok(())
}

/// The namespace of a token that is alive: how far the clean-up behind a dead one has come changes no
/// answer.
pub(crate) fn namespace_of(tx: &mut Tx<'_>, text: &str) -> Result<Option<Arc<Namespace>>, Halt> {
    Ok(find(tx, text)?.map(|found| found.namespace))
}

/// A token that is alive, by its text.
pub(crate) fn find(tx: &mut Tx<'_>, text: &str) -> Result<Option<Alive>, Halt> {
    Token::find(tx, text, tx.charged())
}

/// A token that is alive, by its accessor. Handles of one namespace mean nothing in another, but for those
/// inside it.
pub(crate) fn find_by_accessor(
    tx: &mut Tx<'_>,
    accessor: &str,
    namespace: &Namespace,
) -> Result<Option<Alive>, Halt> {
    let Some(payload) = tx.get(&accessor_name(accessor))? else { return Ok(None) };
    let mut reader = Reader::new(&payload, REFERENCE_VERSION)?;
    let text = Wiped::new(reader.string()?);
    reader.finish()?;
    let found = find(tx, &text)?;
    Ok(found.filter(|found| found.namespace.is_within(namespace)))
}

pub(super) fn name(text: &str) -> Name<'_> {
    Name::new(Space::Token, Owner::TOKENS, text)
}

fn accessor_name(accessor: &str) -> Name<'_> {
    Name::new(Space::Accessor, Owner::TOKENS, accessor)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn reads_back_what_was_written() {
        let token = Token {
            accessor: "a".to_string().into(),
            namespace: Owner([4; 16]),
            policies: ["default".to_string(), "root".to_string()].into(),
            path: "auth/token/create".to_string(),
            display_name: "token".to_string(),
            meta: Some(BTreeMap::from([("k".to_string(), "v".to_string())])),
            creation_time: Time::from_unix_nanos(5),
            creation_ttl: 60,
            expire_time: Some(Time::from_unix_nanos(60_000_000_005)),
            explicit_max_ttl: 0,
            period: 3,
            num_uses: SPENT,
            renewable: Some(true),
            spent_until: Some(Time::from_unix_nanos(9)),
            ancestors: [1, 2]
                .map(|number| Ancestor { key: Key::fixed(number), cubbyhole: Owner([number; 16]) })
                .to_vec(),
            cubbyhole: Owner([9; 16]),
        };
        let bytes = token.encode();
        let again = Token::decode_payload(&bytes).unwrap();
        assert_eq!(*again.encode(), *bytes);
        assert!(again.is_root());
        assert!(!again.is_expired(Time::from_unix_nanos(60_000_000_004)));
        assert!(again.is_expired(Time::from_unix_nanos(60_000_000_005)));
        for length in 0..bytes.len() {
            assert!(Token::decode_payload(&bytes[..length]).is_err(), "{length}");
        }
    }
}
