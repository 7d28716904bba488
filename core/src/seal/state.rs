//! Uninitialised, sealed, unsealed: the state, and the records that carry it over a restart.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::barrier::{open_with, seal_with};
use super::keyring::Cluster;
use super::{Barrier, KEYRING, Keyring, ROOT_KEY};
use crate::random::Generator;
use crate::reject::Corrupt;
use crate::store::codec::{Reader, Writer};
use crate::time::Time;

const CONFIG_VERSION: u8 = 1;

/// Whether and how the server is sealed.
pub(crate) enum SealState {
    /// The fixed records are not read yet.
    Unknown,
    Uninitialized,
    Sealed(Stored),
    Unsealed(Box<Unsealed>),
}

/// What an initialised server has in storage for its seal.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) shares: u8,
    pub(crate) threshold: u8,
    root_key: Arc<[u8]>,
    keyring: Arc<[u8]>,
}

/// An open seal.
pub(crate) struct Unsealed {
    pub(crate) stored: Stored,
    /// Shared with the tasks that are under way.
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) cluster: Cluster,
}

/// A change of the state, made when its transaction commits.
pub(crate) enum SealChange {
    Initialize(Stored),
    Unseal(Box<Unsealed>),
    Seal,
}

impl SealState {
    pub(crate) fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Unknown | Self::Uninitialized => None,
            Self::Sealed(stored) => Some(stored),
            Self::Unsealed(unsealed) => Some(&unsealed.stored),
        }
    }

    pub(crate) fn unsealed(&self) -> Option<&Unsealed> {
        match self {
            Self::Unsealed(unsealed) => Some(unsealed),
            Self::Unknown | Self::Uninitialized | Self::Sealed(_) => None,
        }
    }

    /// The state that the three fixed records tell.
    pub(crate) fn read(records: [Option<Arc<[u8]>>; 3]) -> Result<Self, Corrupt> {
        match records {
            [None, None, None] => Ok(Self::Uninitialized),
            [Some(config), Some(root_key), Some(keyring)] => {
                let mut reader = Reader::new(&config, CONFIG_VERSION)?;
                let (shares, threshold) = (reader.u8()?, reader.u8()?);
                reader.finish()?;
                Ok(Self::Sealed(Stored { shares, threshold, root_key, keyring }))
            }
            _ => Err(Corrupt("some of the seal's records are missing")),
        }
    }
}

impl Stored {
    /// The fixed records, in the order in which [`SealState::read`] takes them.
    pub(crate) fn records(&self) -> [Arc<[u8]>; 3] {
        let config = Writer::new(CONFIG_VERSION).u8(self.shares).u8(self.threshold).finish();
        [config.as_slice().into(), Arc::clone(&self.root_key), Arc::clone(&self.keyring)]
    }
}

/// What initialisation makes.
pub(crate) struct Created {
    pub(crate) unseal_key: Zeroizing<[u8; 32]>,
    pub(crate) stored: Stored,
    pub(crate) barrier: Barrier,
}

/// Makes all keys of a new server whose unseal key is one share.
pub(crate) fn create(random: &mut Generator, now: Time) -> Created {
    let unseal_key = Zeroizing::new(random.array::<32>());
    let root_key = Zeroizing::new(random.array::<32>());
    let keyring = Keyring::create(random.array(), random.array(), now);
    let name = alloc::format!("vault-cluster-{}", crate::encoding::hex(&random.array::<4>()));
    let cluster = Cluster { name, id: random.uuid() };
    let stored = Stored {
        shares: 1,
        threshold: 1,
        root_key: seal_fixed(&unseal_key, ROOT_KEY, &*root_key, random.array()),
        keyring: seal_fixed(&root_key, KEYRING, &keyring.encode(&cluster), random.array()),
    };
    Created { unseal_key, stored, barrier: Barrier::new(&keyring) }
}

/// Opens the seal with the unseal key. `Err` means that the key is not the one.
pub(crate) fn unseal(stored: &Stored, unseal_key: &[u8]) -> Result<Unsealed, Corrupt> {
    let unseal_key: &[u8; 32] =
        unseal_key.try_into().map_err(|_| Corrupt("an unseal key of another length"))?;
    let root_key = open_fixed(unseal_key, ROOT_KEY, &stored.root_key)?;
    let root_key: &[u8; 32] =
        root_key.as_slice().try_into().map_err(|_| Corrupt("a root key of another length"))?;
    let keyring = open_fixed(root_key, KEYRING, &stored.keyring)?;
    let (keyring, cluster) = Keyring::decode(&keyring)?;
    Ok(Unsealed { stored: stored.clone(), barrier: Arc::new(Barrier::new(&keyring)), cluster })
}

fn seal_fixed(
    cipher_key: &[u8; 32],
    key: crate::store::Key,
    payload: &[u8],
    nonce: [u8; 12],
) -> Arc<[u8]> {
    seal_with(&Aes256Gcm::new(cipher_key.into()), 0, &key, "", payload, nonce)
}

fn open_fixed(
    cipher_key: &[u8; 32],
    key: crate::store::Key,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Corrupt> {
    open_with(&Aes256Gcm::new(cipher_key.into()), &key, sealed, <[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Phase;
    use crate::store::{Key, Name, Owner, Space};

    #[test]
    fn comes_back_through_its_records() {
        let mut random = Generator::new(&[5; 32], Phase::Effect);
        let created = create(&mut random, Time::default());
        let records = created.stored.records().map(Some);
        let state = SealState::read(records.clone()).unwrap();
        let stored = state.stored().unwrap();
        let unsealed = unseal(stored, &*created.unseal_key).unwrap();
        let name = Name::new(Space::Token, Owner::TOKENS, "x");
        assert_eq!(unsealed.barrier.key(&name), created.barrier.key(&name));

        assert!(unseal(stored, &[0; 32]).is_err());
        assert!(unseal(stored, &[0; 16]).is_err());
        let [config, root_key, keyring] = records;
        assert!(SealState::read([config.clone(), None, keyring.clone()]).is_err());
        let swapped = SealState::read([config, keyring, root_key]).unwrap();
        assert!(unseal(swapped.stored().unwrap(), &*created.unseal_key).is_err());
    }

    #[test]
    fn fixed_records_do_not_open_elsewhere() {
        let sealed = seal_fixed(&[1; 32], ROOT_KEY, b"x", [2; 12]);
        assert!(open_fixed(&[1; 32], Key::fixed(9), &sealed).is_err());
        assert!(open_fixed(&[1; 32], ROOT_KEY, &sealed).is_ok());
    }
}
