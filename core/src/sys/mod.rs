//! The system mount: the server's own endpoints.

mod body;
pub(crate) mod capabilities;
pub(crate) mod cors;
mod document;
pub(crate) mod generate_root;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod keyring;
pub(crate) mod leader;
pub(crate) mod mount;
pub(crate) mod namespace;
pub(crate) mod password_policy;
mod pgp;
pub(crate) mod policy;
pub(crate) mod rekey;
pub(crate) mod seal;
mod share;
#[cfg(feature = "simulation")]
pub(crate) mod simulation;
pub(crate) mod tools;
pub(crate) mod wrapping;
