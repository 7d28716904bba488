//! The keyring: the keys of the barrier by term, and the index key, which is never rotated.

use alloc::collections::BTreeMap;
use alloc::string::String;

use zeroize::Zeroizing;

use crate::reject::Corrupt;
use crate::store::codec::{Reader, Writer};
use crate::time::Time;

const VERSION: u8 = 1;

/// See the module.
pub(crate) struct Keyring {
    terms: BTreeMap<u32, Term>,
    index_key: Zeroizing<[u8; 32]>,
}

struct Term {
    key: Zeroizing<[u8; 32]>,
    install_time: Time,
}

impl Keyring {
    /// A keyring of one term.
    pub(crate) fn create(key: [u8; 32], index_key: [u8; 32], now: Time) -> Self {
        let term = Term { key: Zeroizing::new(key), install_time: now };
        Self { terms: BTreeMap::from([(1, term)]), index_key: Zeroizing::new(index_key) }
    }

    pub(crate) fn terms(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        self.terms.iter().map(|(&number, term)| (number, &*term.key))
    }

    pub(crate) fn current_term(&self) -> u32 {
        self.terms.last_key_value().map_or(0, |(&number, _)| number)
    }

    pub(crate) fn index_key(&self) -> &[u8; 32] {
        &self.index_key
    }

    pub(crate) fn encode(&self, cluster: &Cluster) -> Zeroizing<alloc::vec::Vec<u8>> {
        Writer::new(VERSION)
            .array(&*self.index_key)
            .list(self.terms.iter(), |writer, (&number, term)| {
                writer.u32(number).array(&*term.key).time(term.install_time)
            })
            .str(&cluster.name)
            .str(&cluster.id)
            .finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, Cluster), Corrupt> {
        let mut reader = Reader::new(bytes, VERSION)?;
        let index_key = Zeroizing::new(reader.array()?);
        let terms = reader.list(|reader| {
            let number = reader.u32()?;
            let key = Zeroizing::new(reader.array()?);
            Ok((number, Term { key, install_time: reader.time()? }))
        })?;
        let cluster = Cluster { name: reader.string()?, id: reader.string()? };
        reader.finish()?;
        if terms.is_empty() {
            return Err(Corrupt("a keyring without a term"));
        }
        Ok((Self { terms: terms.into_iter().collect(), index_key }, cluster))
    }
}

/// What the server calls itself.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) id: String,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn reads_back_what_was_written() {
        let keyring = Keyring::create([1; 32], [2; 32], Time::from_unix_nanos(3));
        let cluster = Cluster { name: "n".to_string(), id: "i".to_string() };
        let bytes = keyring.encode(&cluster);
        let (again, named) = Keyring::decode(&bytes).unwrap();
        assert_eq!(again.encode(&named), bytes);
        assert_eq!(again.current_term(), 1);
        assert_eq!((named.name.as_str(), named.id.as_str()), ("n", "i"));
        assert!(Keyring::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
