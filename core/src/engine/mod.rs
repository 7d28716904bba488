//! The secrets engines: what can be mounted.

pub(crate) mod cubbyhole;
pub(crate) mod entry;
pub(crate) mod kv1;
