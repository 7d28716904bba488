//! Uninitialised, sealed, unsealed: the state, and the records that carry it over a restart.
//!
//! An attempt to unseal is part of the sealed state, and the operations of a quorum are part of the open
//! one; they are in no record. Whatever replaces the state wipes them, but a change of the keys below
//! the unseal key leaves the operations as they are.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::barrier::{open_with, seal_with};
use super::keyring::Cluster;
use super::operation::is_key;
use super::{
    Attempt, BATCH, Barrier, BatchRecord, CONFIG, KEYRING, Keyring, Operations, ROOT_KEY, Rekey,
    RootGeneration, Rotation, Share, Sharing, UnsealKey,
};
use crate::random::Generator;
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::Key;
use crate::time::Time;

/// Whether and how the server is sealed.
pub(crate) enum SealState {
    /// The fixed records are not read yet.
    Unknown,
    Uninitialized,
    Sealed {
        stored: Stored,
        attempt: Option<Attempt>,
    },
    Unsealed(Box<Unsealed>),
}

/// What an initialised server has in storage for its seal.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) sharing: Sharing,
    root_key: Arc<[u8]>,
    keyring: Arc<[u8]>,
}

/// An open seal.
pub(crate) struct Unsealed {
    pub(crate) stored: Stored,
    /// Shared with the tasks that are under way.
    pub(crate) barrier: Arc<Barrier>,
    pub(crate) keyring: Keyring,
    pub(crate) cluster: Cluster,
    pub(crate) operations: Operations,
    keys: Keys,
    /// Records that were sealed under the current term, those on their way to the disk too.
    encryptions: u64,
}

/// The keys above the keyring: each of its changes is sealed under the root key, and each new root
/// key under the unseal key.
#[derive(Clone)]
struct Keys {
    unseal: UnsealKey,
    root: Zeroizing<[u8; 32]>,
}

/// A change of the state, made when its transaction commits.
pub(crate) enum SealChange {
    Initialize(Stored),
    /// The shares given so far are these, or none.
    Attempt(Option<Attempt>),
    /// The seal is open, and these are its keys from now on.
    Open(Box<Unsealed>),
    /// The way to a new root token has come to this, or ends.
    RootGeneration(Option<RootGeneration>),
    /// The way to new shares has come to this, or ends.
    Rekey(Option<Rekey>),
    Seal,
}

impl SealState {
    pub(crate) fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Unknown | Self::Uninitialized => None,
            Self::Sealed { stored, .. } => Some(stored),
            Self::Unsealed(unsealed) => Some(&unsealed.stored),
        }
    }

    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Sealed { attempt, .. } => attempt.as_ref(),
            Self::Unknown | Self::Uninitialized | Self::Unsealed(_) => None,
        }
    }

    pub(crate) fn unsealed(&self) -> Option<&Unsealed> {
        match self {
            Self::Unsealed(unsealed) => Some(unsealed),
            Self::Unknown | Self::Uninitialized | Self::Sealed { .. } => None,
        }
    }

    pub(crate) fn unsealed_mut(&mut self) -> Option<&mut Unsealed> {
        match self {
            Self::Unsealed(unsealed) => Some(unsealed),
            Self::Unknown | Self::Uninitialized | Self::Sealed { .. } => None,
        }
    }

    /// The state that the three fixed records tell.
    pub(crate) fn read(records: [Option<Arc<[u8]>>; 3]) -> Result<Self, Corrupt> {
        match records {
            [None, None, None] => Ok(Self::Uninitialized),
            [Some(config), Some(root_key), Some(keyring)] => {
                let sharing = Sharing::decode(&config)?;
                Ok(Self::Sealed { stored: Stored { sharing, root_key, keyring }, attempt: None })
            }
            _ => Err(Corrupt("some of the seal's records are missing")),
        }
    }

    /// Makes a change. One that does not fit the state any more changes nothing.
    pub(crate) fn apply(&mut self, change: SealChange) {
        match (change, self) {
            (SealChange::Attempt(given), Self::Sealed { attempt, .. }) => *attempt = given,
            (SealChange::RootGeneration(to), Self::Unsealed(unsealed)) => {
                unsealed.operations.root_generation = to;
            }
            (SealChange::Rekey(to), Self::Unsealed(unsealed)) => unsealed.operations.rekey = to,
            (SealChange::Attempt(_) | SealChange::RootGeneration(_) | SealChange::Rekey(_), _) => {}
            (SealChange::Initialize(stored), state) => state.seal(stored),
            (SealChange::Open(mut unsealed), state) => {
                if let Some(before) = state.unsealed_mut() {
                    before.barrier.close();
                    unsealed.go_on_from(before);
                }
                *state = Self::Unsealed(unsealed);
            }
            (SealChange::Seal, state) => {
                if let Some(stored) = state.stored().cloned() {
                    state.seal(stored);
                }
            }
        }
    }

    fn seal(&mut self, stored: Stored) {
        if let Some(before) = self.unsealed() {
            before.barrier.close();
        }
        *self = Self::Sealed { stored, attempt: None };
    }
}

impl Stored {
    /// The fixed records, in the order in which [`SealState::read`] takes them.
    pub(crate) fn records(&self) -> [(Key, Arc<[u8]>); 3] {
        [
            (CONFIG, self.sharing.encode().as_slice().into()),
            (ROOT_KEY, Arc::clone(&self.root_key)),
            (KEYRING, Arc::clone(&self.keyring)),
        ]
    }
}

impl Unsealed {
    /// The next batch record, for a batch with so many records besides. They count from here on.
    pub(crate) fn seal_batch_record(
        &mut self,
        records: usize,
        time: Time,
        random: &mut Generator,
    ) -> Arc<[u8]> {
        let sealed = u64::try_from(records).unwrap_or(u64::MAX).saturating_add(1);
        self.encryptions = self.encryptions.saturating_add(sealed);
        let term = self.keyring.current_term();
        let record = BatchRecord { time, term, encryptions: self.encryptions };
        self.barrier.seal(&BATCH, "", &record.encode(), random.array())
    }

    pub(crate) fn open_batch_record(&self, sealed: &[u8]) -> Result<BatchRecord, Corrupt> {
        BatchRecord::decode(&self.barrier.open(&BATCH, "", sealed)?)
    }

    /// Goes on counting where the last batch stood.
    pub(crate) fn count_from(&mut self, record: &BatchRecord) {
        self.encryptions = record.encryptions_of(self.keyring.current_term());
    }

    /// Goes on where the state before stands. It goes on counting if it is about the same term: the batch
    /// that brings this state counts there. What old shares were given for ends with them.
    fn go_on_from(&mut self, before: &mut Self) {
        if self.keyring.current_term() == before.keyring.current_term() {
            self.encryptions = before.encryptions;
        }
        if self.is_unseal_key(&*before.keys.unseal) {
            self.operations = core::mem::take(&mut before.operations);
        }
    }

    /// Whether this is the unseal key, in time that does not depend on where they differ.
    pub(crate) fn is_unseal_key(&self, key: &[u8]) -> bool {
        is_key(&self.keys.unseal, key)
    }

    /// Whether the rule of rotation asks for a new term.
    pub(crate) fn is_rotation_due(&self, now: Time) -> bool {
        let age = now.since(self.keyring.install_time());
        self.keyring.rotation().is_due(self.encryptions, age)
    }

    /// The same with a new term; `None` if the keyring is full.
    pub(crate) fn rotated(&self, random: &mut Generator, now: Time) -> Option<Self> {
        let keyring = self.keyring.rotated(random.array(), now)?;
        let sharing = self.stored.sharing;
        Some(Self { encryptions: 0, ..self.changed(sharing, keyring, self.keys.clone(), random) })
    }

    /// The same with another rule of rotation.
    pub(crate) fn with_rotation(&self, rotation: Rotation, random: &mut Generator) -> Self {
        let keyring = self.keyring.with_rotation(rotation);
        self.changed(self.stored.sharing, keyring, self.keys.clone(), random)
    }

    /// The same with a new root key. The shares stay good.
    pub(crate) fn with_new_root_key(&self, random: &mut Generator) -> Self {
        let keys = Keys { root: Zeroizing::new(random.array()), ..self.keys.clone() };
        self.changed(self.stored.sharing, self.keyring.clone(), keys, random)
    }

    /// The same with a new unseal key that is shared in this way, and a new root key: what the old shares
    /// open in an old copy of the storage does not open what is stored from now on.
    pub(crate) fn with_new_shares(
        &self,
        sharing: Sharing,
        unseal: UnsealKey,
        random: &mut Generator,
    ) -> Self {
        let keys = Keys { unseal, root: Zeroizing::new(random.array()) };
        self.changed(sharing, self.keyring.clone(), keys, random)
    }

    fn changed(
        &self,
        sharing: Sharing,
        keyring: Keyring,
        keys: Keys,
        random: &mut Generator,
    ) -> Self {
        let stored = keys.store(sharing, &keyring, &self.cluster, random);
        Self {
            stored,
            barrier: Arc::new(Barrier::new(&keyring)),
            keyring,
            cluster: self.cluster.clone(),
            operations: Operations::default(),
            keys,
            encryptions: self.encryptions,
        }
    }
}

impl Keys {
    /// The records that these keys open.
    fn store(
        &self,
        sharing: Sharing,
        keyring: &Keyring,
        cluster: &Cluster,
        random: &mut Generator,
    ) -> Stored {
        let root_key = seal_fixed(&self.unseal, ROOT_KEY, &*self.root, random.array());
        let keyring = seal_fixed(&self.root, KEYRING, &keyring.encode(cluster), random.array());
        Stored { sharing, root_key, keyring }
    }
}

/// Makes all keys of a new server. Gives the shares of its unseal key, and the open seal, whose
/// records are to be stored.
pub(crate) fn create(
    sharing: Sharing,
    random: &mut Generator,
    now: Time,
) -> (Vec<Share>, Unsealed) {
    let keys =
        Keys { unseal: Zeroizing::new(random.array()), root: Zeroizing::new(random.array()) };
    let keyring = Keyring::create(random.array(), random.array(), now);
    let name = alloc::format!("vault-cluster-{}", crate::encoding::hex(&random.array::<4>()));
    let cluster = Cluster { name, id: random.uuid() };
    let stored = keys.store(sharing, &keyring, &cluster, random);
    let shares = sharing.split(&keys.unseal, random);
    let barrier = Arc::new(Barrier::new(&keyring));
    let operations = Operations::default();
    (shares, Unsealed { stored, barrier, keyring, cluster, operations, keys, encryptions: 0 })
}

/// Opens the seal with the unseal key; `None` if the key is not the one.
///
/// # Errors
///
/// If the key is the one, and what it opens is not what was written.
pub(crate) fn unseal(stored: &Stored, unseal_key: &[u8]) -> Result<Option<Unsealed>, Corrupt> {
    let Ok(unseal) = <[u8; 32]>::try_from(unseal_key).map(Zeroizing::new) else { return Ok(None) };
    let Ok(root) = open_fixed(&unseal, ROOT_KEY, &stored.root_key) else { return Ok(None) };
    let root = <[u8; 32]>::try_from(root.as_slice()).map(Zeroizing::new);
    let root = root.map_err(|_| Corrupt("a root key of another length"))?;
    let keyring = open_fixed(&root, KEYRING, &stored.keyring)?;
    let (keyring, cluster) = Keyring::decode(&keyring)?;
    Ok(Some(Unsealed {
        stored: stored.clone(),
        barrier: Arc::new(Barrier::new(&keyring)),
        keyring,
        cluster,
        operations: Operations::default(),
        keys: Keys { unseal, root },
        encryptions: 0,
    }))
}

fn seal_fixed(cipher_key: &[u8; 32], key: Key, payload: &[u8], nonce: [u8; 12]) -> Arc<[u8]> {
    seal_with(&Aes256Gcm::new(cipher_key.into()), 0, &key, "", payload, nonce)
}

fn open_fixed(cipher_key: &[u8; 32], key: Key, sealed: &[u8]) -> Result<Wiped<Vec<u8>>, Corrupt> {
    open_with(&Aes256Gcm::new(cipher_key.into()), &key, sealed, <[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Phase;
    use crate::store::{Name, Owner, Space};

    fn name() -> Name<'static> {
        Name::new(Space::Token, Owner::TOKENS, "x")
    }

    fn created(shares: i64, threshold: i64) -> (Vec<Share>, Unsealed) {
        let sharing = Sharing::new(shares, threshold).unwrap();
        create(sharing, &mut Generator::new(&[5; 32], Phase::Effect), Time::default())
    }

    fn random() -> Generator {
        Generator::new(&[6; 32], Phase::Effect)
    }

    /// What another process makes of the records.
    fn reopened(stored: &Stored, key: &[u8]) -> Result<Option<Unsealed>, Corrupt> {
        let state = SealState::read(stored.records().map(|(_, record)| Some(record)))?;
        unseal(state.stored().ok_or(Corrupt("it is not initialised"))?, key)
    }

    #[test]
    fn comes_back_through_its_records() {
        let (shares, unsealed) = created(1, 1);
        let [key] = shares.as_slice() else { panic!("one share") };
        let again = reopened(&unsealed.stored, key.expose()).unwrap().unwrap();
        assert_eq!(again.barrier.key(&name()), unsealed.barrier.key(&name()));
        assert_eq!(again.stored.sharing, unsealed.stored.sharing);

        assert!(reopened(&unsealed.stored, &[0; 32]).unwrap().is_none());
        assert!(reopened(&unsealed.stored, &[0; 16]).unwrap().is_none());
        let [config, root_key, keyring] = unsealed.stored.records().map(|(_, record)| Some(record));
        assert!(SealState::read([config.clone(), None, keyring.clone()]).is_err());
        let swapped = SealState::read([config, keyring, root_key]).unwrap();
        assert!(unseal(swapped.stored().unwrap(), key.expose()).unwrap().is_none());
    }

    #[test]
    fn tells_a_wrong_key_from_a_keyring_that_is_not_what_was_written() {
        let (shares, unsealed) = created(1, 1);
        let mut keyring = unsealed.stored.keyring.to_vec();
        *keyring.last_mut().unwrap() ^= 1;
        let broken = Stored { keyring: keyring.into(), ..unsealed.stored };
        assert!(unseal(&broken, shares[0].expose()).is_err());
        assert!(unseal(&broken, &[0; 32]).is_ok_and(|unsealed| unsealed.is_none()));
    }

    #[test]
    fn keeps_no_attempt_over_a_change() {
        let (_, unsealed) = created(3, 2);
        let mut state = SealState::Uninitialized;
        state.apply(SealChange::Initialize(unsealed.stored.clone()));
        assert!(state.attempt().is_none());
        state.apply(SealChange::Attempt(Some(Attempt::begin("nonce".into()))));
        assert_eq!(state.attempt().map(Attempt::nonce), Some("nonce"));
        state.apply(SealChange::Seal);
        assert!(state.attempt().is_none() && state.stored().is_some());
        state.apply(SealChange::Open(Box::new(unsealed)));
        // It comes too late.
        state.apply(SealChange::Attempt(Some(Attempt::begin("late".into()))));
        assert!(state.attempt().is_none() && state.unsealed().is_some());
    }

    #[test]
    fn keeps_its_operations_over_a_rotation_and_not_over_new_shares_or_a_seal() {
        let begin = |state: &mut SealState| {
            let rekey = Rekey::begin("rekey".into(), Sharing::new(1, 1).unwrap(), false);
            let password = Wiped::new("password".into());
            let attempt = Attempt::begin("token".into());
            state.apply(SealChange::Rekey(Some(rekey)));
            let generation = RootGeneration { attempt, password };
            state.apply(SealChange::RootGeneration(Some(generation)));
        };
        let running = |state: &SealState| {
            let operations = &state.unsealed().unwrap().operations;
            (operations.rekey.is_some(), operations.root_generation.is_some())
        };
        let mut random = random();
        let (_, unsealed) = created(1, 1);
        let rotated = unsealed.rotated(&mut random, Time::default()).unwrap();
        let rooted = rotated.with_new_root_key(&mut random);
        let key = Zeroizing::new([9; 32]);
        let shared = rooted.with_new_shares(rooted.stored.sharing, key, &mut random);
        let stored = shared.stored.clone();
        let mut state = SealState::Unsealed(Box::new(unsealed));
        begin(&mut state);
        for changed in [rotated, rooted] {
            state.apply(SealChange::Open(Box::new(changed)));
            assert_eq!(running(&state), (true, true));
        }
        state.apply(SealChange::Open(Box::new(shared)));
        assert_eq!(running(&state), (false, false));
        begin(&mut state);
        state.apply(SealChange::Seal);
        begin(&mut state);
        assert!(state.unsealed().is_none(), "they come too late");
        let again = unseal(&stored, &[9; 32]).unwrap().unwrap();
        state.apply(SealChange::Open(Box::new(again)));
        assert_eq!(running(&state), (false, false));
    }

    #[test]
    fn opens_by_new_shares_and_by_the_old_ones_no_more() {
        let (shares, unsealed) = created(1, 1);
        let old = unsealed.stored.clone();
        let key = unsealed.barrier.key(&name());
        let sealed = unsealed.barrier.seal(&key, name().path, b"payload", [3; 12]);
        let sharing = Sharing::new(3, 2).unwrap();
        let new = Zeroizing::new([9; 32]);
        let changed = unsealed.with_new_shares(sharing, new.clone(), &mut random());
        assert!(changed.is_unseal_key(&*new) && !changed.is_unseal_key(shares[0].expose()));
        assert!(!changed.is_unseal_key(&new[..31]));
        assert!(reopened(&changed.stored, shares[0].expose()).unwrap().is_none());
        let again = reopened(&changed.stored, &*new).unwrap().unwrap();
        assert_eq!(again.stored.sharing, sharing);
        assert_eq!(*again.barrier.open(&key, name().path, &sealed).unwrap(), b"payload");
        // Who has an old copy and the old shares does not get further by them.
        let mixed = Stored { keyring: changed.stored.keyring, ..old };
        assert!(unseal(&mixed, shares[0].expose()).is_err());
    }

    #[test]
    fn reads_old_records_after_every_change_of_its_keys() {
        let (shares, unsealed) = created(1, 1);
        let key = unsealed.barrier.key(&name());
        let sealed = unsealed.barrier.seal(&key, name().path, b"payload", [3; 12]);
        let (mut random, now) = (random(), Time::from_unix_nanos(9));
        let rule = Rotation { enabled: false, ..Rotation::default() };
        let rotated = unsealed.rotated(&mut random, now).unwrap();
        let changed = rotated.with_rotation(rule, &mut random).with_new_root_key(&mut random);
        let again = reopened(&changed.stored, shares[0].expose()).unwrap().unwrap();
        for unsealed in [rotated, changed, again] {
            assert_eq!(unsealed.keyring.current_term(), 2);
            assert_eq!(unsealed.keyring.install_time(), now);
            assert_eq!(unsealed.barrier.key(&name()), key);
            assert_eq!(*unsealed.barrier.open(&key, name().path, &sealed).unwrap(), b"payload");
            let newer = unsealed.barrier.seal(&key, name().path, b"payload", [3; 12]);
            assert!(created(1, 1).1.barrier.open(&key, name().path, &newer).is_err());
        }
    }

    #[test]
    fn makes_the_old_root_key_useless() {
        let (shares, unsealed) = created(1, 1);
        let changed = unsealed.with_new_root_key(&mut random());
        assert!(open_fixed(&unsealed.keys.root, KEYRING, &changed.stored.keyring).is_err());
        let mixed = Stored { keyring: changed.stored.keyring, ..unsealed.stored };
        assert!(unseal(&mixed, shares[0].expose()).is_err());
    }

    #[test]
    fn counts_records_for_the_current_term() {
        let (_, mut unsealed) = created(1, 1);
        let sealed = unsealed.seal_batch_record(4, Time::default(), &mut random());
        let record = unsealed.open_batch_record(&sealed).unwrap();
        assert_eq!((record.term, record.encryptions), (1, 5));
        let mut again = unsealed.rotated(&mut random(), Time::default()).unwrap();
        assert_eq!(again.encryptions, 0);
        // A restart finds a record that is still about the term before.
        again.count_from(&record);
        assert_eq!(again.encryptions, 0);
        unsealed.encryptions = 0;
        unsealed.count_from(&record);
        assert_eq!(unsealed.encryptions, 5);
    }

    #[test]
    fn fixed_records_do_not_open_elsewhere() {
        let sealed = seal_fixed(&[1; 32], ROOT_KEY, b"x", [2; 12]);
        assert!(open_fixed(&[1; 32], Key::fixed(9), &sealed).is_err());
        assert!(open_fixed(&[1; 32], ROOT_KEY, &sealed).is_ok());
    }
}
