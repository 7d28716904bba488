//! What is stored, as the core sees it: an ordered map from opaque key to sealed record.
//!
//! The map itself is outside; here are its keys ([`Key`]), the names behind them, the codec of the
//! records, the pages that index folders, and the cache in front.

pub(crate) mod cache;
pub(crate) mod codec;
pub(crate) mod folder;
mod key;

pub use key::Key;
pub(crate) use key::{Name, Owner, Space};
