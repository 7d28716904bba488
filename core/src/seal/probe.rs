//! What fuzzers reach of the seal: its pure functions over plain bytes, with a keyring that is no
//! secret. It is there for tests alone.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Barrier, BatchRecord, Keyring, Share, Sharing, shamir};
use crate::random::{Generator, Phase};
use crate::store::Key;
use crate::time::Time;

/// Splits a secret into shares.
///
/// # Panics
///
/// If the secret is empty, or not `2 <= threshold <= shares`.
pub fn split(secret: &[u8], shares: u8, threshold: u8, seed: [u8; 32]) -> Vec<Vec<u8>> {
    let mut random = Generator::new(&seed, Phase::Effect);
    let shares = shamir::split(secret, shares, threshold, &mut random);
    shares.iter().map(|share| share.expose().to_vec()).collect()
}

/// Puts shares together.
///
/// # Errors
///
/// The API's text for shares that cannot be.
pub fn combine(shares: &[&[u8]]) -> Result<Vec<u8>, String> {
    let shares: Vec<Share> = shares.iter().map(|share| Share::new(share.to_vec())).collect();
    match shamir::combine(&shares) {
        Ok(secret) => Ok(secret.to_vec()),
        Err(error) => Err(error.to_string()),
    }
}

/// A kind of record that the seal keeps, as it is before it is sealed.
#[derive(Clone, Copy, Debug)]
pub enum Record {
    /// Shares and threshold.
    Config,
    /// The keys of all terms.
    Keyring,
    /// What every batch carries.
    Batch,
}

/// Reads a record and writes it again; `None` if it is none.
pub fn rewrite(record: Record, bytes: &[u8]) -> Option<Vec<u8>> {
    let written = match record {
        Record::Config => Sharing::decode(bytes).ok()?.encode(),
        Record::Keyring => {
            let (keyring, cluster) = Keyring::decode(bytes).ok()?;
            keyring.encode(&cluster)
        }
        Record::Batch => BatchRecord::decode(bytes).ok()?.encode(),
    };
    Some(written.to_vec())
}

/// Seals a payload.
///
/// # Panics
///
/// If the name has 64 KiB.
pub fn seal(key: &Key, name: &str, payload: &[u8], nonce: [u8; 12]) -> Vec<u8> {
    barrier().seal(key, name, payload, nonce).to_vec()
}

/// Opens a sealed record; `None` if it is not what was sealed for this key and name.
pub fn open(key: &Key, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    barrier().open(key, name, sealed).ok().map(|payload| payload.to_vec())
}

fn barrier() -> Barrier {
    Barrier::new(&Keyring::create([1; 32], [2; 32], Time::default()))
}
