//! `sys/tools`: random bytes and hashes.

pub(crate) mod hash;
pub(crate) mod random;
