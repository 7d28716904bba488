//! The barrier: every record goes through it on its way to storage and back.
//!
//! A sealed record is: version (1), keyring id (4), term (4), nonce (12), then AES-256-GCM of
//! payload, name and length of the name (2), and the tag (16). The header and the key under which
//! the record is stored are its associated data: a record that was moved, swapped, cut, or copied
//! under another key does not open.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hmac::Hmac;
use sha2::Sha256;

use super::Keyring;
use crate::random::keyed;
use crate::reject::Corrupt;
use crate::secret::Wiped;
use crate::store::{Key, Name, Owner};

const VERSION: u8 = 1;
/// The only keyring there is; namespaces may have their own one day.
const KEYRING_ID: u32 = 0;
const HEADER_BYTES: usize = 1 + 4 + 4;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// The keys that open and seal records.
pub(crate) struct Barrier {
    terms: BTreeMap<u32, Aes256Gcm>,
    current: u32,
    names: Hmac<Sha256>,
    /// The server was sealed, or has a newer barrier: whoever still holds this stops using it.
    closed: AtomicBool,
}

impl Barrier {
    pub(crate) fn new(keyring: &Keyring) -> Self {
        let terms = keyring.terms().map(|(term, key)| (term, Aes256Gcm::new(key.into()))).collect();
        let (current, names) = (keyring.current_term(), keyed(keyring.index_key()));
        Self { terms, current, names, closed: AtomicBool::new(false) }
    }

    /// Ends the use of this barrier by tasks: its keys go when the last of them has noticed.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The key under which a name is stored.
    pub(crate) fn key(&self, name: &Name<'_>) -> Key {
        name.key(&self.names)
    }

    /// The keys under which pages of one folder are stored, by their paths.
    pub(crate) fn page_keys(
        &self,
        owner: Owner,
        folder: &str,
        paths: &[impl AsRef<str>],
    ) -> Vec<Key> {
        Name::page_keys(owner, folder, paths, &self.names)
    }

    /// Seals a payload under a key. A nonce is used once.
    pub(crate) fn seal(
        &self,
        key: &Key,
        name: &str,
        payload: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Arc<[u8]> {
        let cipher = self.terms.get(&self.current).expect("the current term has a key");
        seal_with(cipher, self.current, key, name, payload, nonce)
    }

    /// Opens a record that must be stored under `key` and bear `name`.
    pub(crate) fn open(
        &self,
        key: &Key,
        name: &str,
        sealed: &[u8],
    ) -> Result<Wiped<Vec<u8>>, Corrupt> {
        self.open_if(key, sealed, |found| found == name.as_bytes())
    }

    /// Opens a record that must be stored under `key`, which vouches for its name.
    pub(crate) fn open_unnamed(&self, key: &Key, sealed: &[u8]) -> Result<Wiped<Vec<u8>>, Corrupt> {
        self.open_if(key, sealed, |_| true)
    }

    fn open_if(
        &self,
        key: &Key,
        sealed: &[u8],
        is_name: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Wiped<Vec<u8>>, Corrupt> {
        let term = read_term(sealed)?;
        let cipher = self.terms.get(&term).ok_or(Corrupt("a record of an unknown term"))?;
        open_with(cipher, key, sealed, is_name)
    }
}

/// Seals with one key; see the module for the form.
pub(super) fn seal_with(
    cipher: &Aes256Gcm,
    term: u32,
    key: &Key,
    name: &str,
    payload: &[u8],
    nonce: [u8; NONCE_BYTES],
) -> Arc<[u8]> {
    let name_length = u16::try_from(name.len()).expect("names are below 64 KiB");
    let length = payload.len() + name.len() + 2;
    let mut sealed = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + length + TAG_BYTES);
    sealed.push(VERSION);
    sealed.extend_from_slice(&KEYRING_ID.to_be_bytes());
    sealed.extend_from_slice(&term.to_be_bytes());
    let aad = associated_data(&sealed, key);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(payload);
    sealed.extend_from_slice(name.as_bytes());
    sealed.extend_from_slice(&name_length.to_be_bytes());
    let (_, text) = sealed.split_at_mut(HEADER_BYTES + NONCE_BYTES);
    let tag = cipher
        .encrypt_inout_detached(&nonce.into(), &aad, InOutBuf::from(text))
        .expect("records are below 64 GiB");
    sealed.extend_from_slice(&tag);
    sealed.into()
}

/// Opens with one key; gives the payload if the name inside is right.
pub(super) fn open_with(
    cipher: &Aes256Gcm,
    key: &Key,
    sealed: &[u8],
    is_name: impl FnOnce(&[u8]) -> bool,
) -> Result<Wiped<Vec<u8>>, Corrupt> {
    const FORGED: Corrupt = Corrupt("a record that does not open");
    let (header, rest) = sealed.split_at_checked(HEADER_BYTES).ok_or(FORGED)?;
    let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(FORGED)?;
    let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(FORGED)?;
    let aad = associated_data(header, key);
    let mut payload = Wiped::new(text.to_vec());
    cipher
        .decrypt_inout_detached(
            nonce.into(),
            &aad,
            InOutBuf::from(payload.as_mut_slice()),
            tag.into(),
        )
        .map_err(|_| FORGED)?;
    let behind = payload.split_last_chunk::<2>().and_then(|(rest, length)| {
        let length = usize::from(u16::from_be_bytes(*length));
        rest.split_at_checked(rest.len().checked_sub(length)?)
    });
    let (inner, found) = behind.ok_or(FORGED)?;
    if !is_name(found) {
        return Err(Corrupt("a record of another name"));
    }
    let length = inner.len();
    payload.truncate(length);
    Ok(payload)
}

fn read_term(sealed: &[u8]) -> Result<u32, Corrupt> {
    let header = sealed.first_chunk::<HEADER_BYTES>().ok_or(Corrupt("a record that ends early"))?;
    let [version, k0, k1, k2, k3, t0, t1, t2, t3] = *header;
    if version != VERSION || u32::from_be_bytes([k0, k1, k2, k3]) != KEYRING_ID {
        return Err(Corrupt("a record of an unknown version or keyring"));
    }
    Ok(u32::from_be_bytes([t0, t1, t2, t3]))
}

fn associated_data(header: &[u8], key: &Key) -> [u8; HEADER_BYTES + Key::BYTES] {
    let mut aad = [0; HEADER_BYTES + Key::BYTES];
    let (front, back) = aad.split_at_mut(HEADER_BYTES);
    front.copy_from_slice(header);
    back.copy_from_slice(key.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Owner, Space};
    use crate::time::Time;

    fn barrier(byte: u8) -> Barrier {
        Barrier::new(&Keyring::create([byte; 32], [byte; 32], Time::default()))
    }

    #[test]
    fn opens_what_it_sealed() {
        let barrier = barrier(1);
        let name = Name::new(Space::Entry, Owner([2; 16]), "a/b");
        let key = barrier.key(&name);
        for payload in [&b""[..], b"x", &[7; 5000]] {
            let sealed = barrier.seal(&key, name.path, payload, [3; 12]);
            assert_eq!(barrier.open(&key, name.path, &sealed).unwrap().as_slice(), payload);
        }
    }

    #[test]
    fn refuses_every_changed_bit_and_every_cut() {
        let barrier = barrier(1);
        let key = Key::fixed(9);
        let sealed = barrier.seal(&key, "name", b"payload", [3; 12]);
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut forged = sealed.to_vec();
                forged[at] ^= 1 << bit;
                assert!(barrier.open(&key, "name", &forged).is_err(), "{at} {bit}");
            }
            assert!(barrier.open(&key, "name", &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn refuses_another_place_name_or_key() {
        let sealed = barrier(1).seal(&Key::fixed(9), "name", b"payload", [3; 12]);
        assert!(barrier(1).open(&Key::fixed(8), "name", &sealed).is_err());
        assert!(barrier(1).open(&Key::fixed(9), "nam", &sealed).is_err());
        assert!(barrier(2).open(&Key::fixed(9), "name", &sealed).is_err());
    }
}
