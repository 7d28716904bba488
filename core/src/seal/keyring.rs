//! The keyring: the keys of the barrier by term, the rule of their rotation, and the index key, which
//! is never rotated.

use alloc::collections::BTreeMap;
use alloc::string::String;

use zeroize::Zeroizing;

use super::Rotation;
use crate::limit::TERMS_MAX;
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::codec::{Reader, Writer};
use crate::time::Time;

const VERSION: u8 = 1;

/// See the module. There is always a term.
#[derive(Clone)]
pub(crate) struct Keyring {
    terms: BTreeMap<u32, Term>,
    rotation: Rotation,
    index_key: Zeroizing<[u8; 32]>,
}

#[derive(Clone)]
struct Term {
    key: Zeroizing<[u8; 32]>,
    install_time: Time,
}

impl Keyring {
    /// A keyring of one term.
    pub(crate) fn create(key: [u8; 32], index_key: [u8; 32], now: Time) -> Self {
        let term = Term { key: Zeroizing::new(key), install_time: now };
        Self {
            terms: BTreeMap::from([(1, term)]),
            rotation: Rotation::default(),
            index_key: Zeroizing::new(index_key),
        }
    }

    /// The same with one term more; `None` if it is full.
    pub(crate) fn rotated(&self, key: [u8; 32], now: Time) -> Option<Self> {
        let term = Term { key: Zeroizing::new(key), install_time: now };
        if self.terms.len() >= TERMS_MAX {
            return None;
        }
        let number = self.current_term().checked_add(1)?;
        let mut rotated = self.clone();
        rotated.terms.insert(number, term);
        Some(rotated)
    }

    pub(crate) fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// The same with another rule.
    pub(crate) fn with_rotation(&self, rotation: Rotation) -> Self {
        Self { rotation, ..self.clone() }
    }

    pub(crate) fn terms(&self) -> impl Iterator<Item = (u32, &[u8; 32])> {
        self.terms.iter().map(|(&number, term)| (number, &*term.key))
    }

    pub(crate) fn current_term(&self) -> u32 {
        self.terms.last_key_value().map_or(0, |(&number, _)| number)
    }

    /// Since when the current term is there.
    pub(crate) fn install_time(&self) -> Time {
        self.terms.last_key_value().map_or_else(Time::default, |(_, term)| term.install_time)
    }

    /// When its first term was installed: when the server was initialised.
    pub(crate) fn creation_time(&self) -> Time {
        self.terms.first_key_value().map_or_else(Time::default, |(_, term)| term.install_time)
    }

    pub(crate) fn index_key(&self) -> &[u8; 32] {
        &self.index_key
    }

    pub(crate) fn encode(&self, cluster: &Cluster) -> Wiped<alloc::vec::Vec<u8>> {
        let writer = Writer::new(VERSION).array(&*self.index_key);
        self.rotation
            .write(writer)
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
        let rotation = Rotation::read(&mut reader)?;
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
        if !terms.is_sorted_by(|(number, _), (next, _)| number < next) {
            return Err(Corrupt("a keyring whose terms are out of order"));
        }
        Ok((Self { terms: terms.into_iter().collect(), rotation, index_key }, cluster))
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

    fn cluster() -> Cluster {
        Cluster { name: "n".to_string(), id: "i".to_string() }
    }

    #[test]
    fn reads_back_what_was_written() {
        let keyring = Keyring::create([1; 32], [2; 32], Time::from_unix_nanos(3));
        let keyring = keyring.rotated([4; 32], Time::from_unix_nanos(5)).unwrap();
        let keyring = keyring.with_rotation(Rotation { enabled: false, ..keyring.rotation() });
        let bytes = keyring.encode(&cluster());
        let (again, named) = Keyring::decode(&bytes).unwrap();
        assert_eq!(*again.encode(&named), *bytes);
        assert_eq!((again.current_term(), again.install_time()), (2, Time::from_unix_nanos(5)));
        assert!(!again.rotation().enabled);
        assert_eq!((named.name.as_str(), named.id.as_str()), ("n", "i"));
        assert!(Keyring::decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn keeps_old_terms_and_the_index_key() {
        let keyring = Keyring::create([1; 32], [2; 32], Time::default());
        let rotated = keyring.rotated([3; 32], Time::default()).unwrap();
        assert!(rotated.terms().eq([(1, &[1; 32]), (2, &[3; 32])]));
        assert_eq!(rotated.index_key(), &[2; 32]);
    }

    #[test]
    fn refuses_terms_out_of_order_or_twice_or_none() {
        let record = |numbers: &[u32]| {
            let writer = Writer::new(VERSION).array(&[2; 32]);
            let writer = Rotation::default().write(writer);
            let terms = writer.list(numbers.iter(), |writer, number| {
                writer.u32(*number).array(&[1; 32]).time(Time::default())
            });
            Keyring::decode(&terms.str("n").str("i").finish()).is_ok()
        };
        assert!(record(&[1, 2, 9]));
        for numbers in [&[][..], &[2, 1], &[1, 1]] {
            assert!(!record(numbers), "{numbers:?}");
        }
    }

    #[test]
    fn has_room_for_so_many_terms() {
        let mut keyring = Keyring::create([1; 32], [2; 32], Time::default());
        for number in 2..=u32::try_from(TERMS_MAX).unwrap() {
            let term = Term { key: Zeroizing::new([0; 32]), install_time: Time::default() };
            keyring.terms.insert(number, term);
        }
        assert!(keyring.rotated([3; 32], Time::default()).is_none());
        keyring.terms.remove(&1);
        assert!(keyring.rotated([3; 32], Time::default()).is_some());
    }
}
