//! The secrets engines: what can be mounted.

pub(crate) mod cubbyhole;
mod entry;
pub(crate) mod kv1;
