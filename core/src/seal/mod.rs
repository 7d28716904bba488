//! The seal: what must be opened before anything stored can be read.
//!
//! Four records have fixed keys. The *seal configuration* (in clear: how many shares, what
//! threshold) and the *root key*, sealed under the unseal key; the *keyring*, sealed under the root
//! key; and the *batch record*, sealed under the keyring, which carries the highest time used.

mod barrier;
mod keyring;
mod state;

pub(crate) use barrier::Barrier;
pub(crate) use keyring::Keyring;
pub(crate) use state::{SealChange, SealState, Stored, Unsealed, create, unseal};

use crate::store::Key;

/// Seal type, shares and threshold; in clear.
pub(crate) const CONFIG: Key = Key::fixed(1);
/// The root key, sealed under the unseal key.
pub(crate) const ROOT_KEY: Key = Key::fixed(2);
/// The keyring, sealed under the root key.
pub(crate) const KEYRING: Key = Key::fixed(3);
/// The highest time used, sealed under the keyring.
pub(crate) const BATCH: Key = Key::fixed(4);
