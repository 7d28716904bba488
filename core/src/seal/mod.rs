//! The seal: what must be opened before anything stored can be read.
//!
//! Four records have fixed keys. The *seal configuration* (in clear: how many shares, what
//! threshold) and the *root key*, sealed under the unseal key, which operators hold in shares; the
//! *keyring*, sealed under the root key; and the *batch record*, sealed under the keyring.

mod attempt;
mod barrier;
mod batch;
mod keyring;
mod operation;
#[cfg(feature = "simulation")]
pub(crate) mod probe;
mod rotation;
mod shamir;
mod sharing;
mod state;

pub(crate) use attempt::{Attempt, Taken};
pub(crate) use barrier::Barrier;
pub(crate) use batch::BatchRecord;
pub(crate) use keyring::Keyring;
pub(crate) use operation::{Operations, Rekey, RootGeneration, UnsealKey, Verification};
pub(crate) use rotation::Rotation;
pub(crate) use shamir::{CombineError, Share};
pub(crate) use sharing::Sharing;
pub(crate) use state::{SealChange, SealState, Stored, Unsealed, create, unseal};

use crate::store::Key;

/// Shares and threshold; in clear.
pub(crate) const CONFIG: Key = Key::fixed(1);
/// The root key, sealed under the unseal key.
pub(crate) const ROOT_KEY: Key = Key::fixed(2);
/// The keyring, sealed under the root key.
pub(crate) const KEYRING: Key = Key::fixed(3);
/// The highest time used and the records counted, sealed under the keyring.
pub(crate) const BATCH: Key = Key::fixed(4);
